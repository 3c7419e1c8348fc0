import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fexdata.dataset.fields import column, fixed
from fexdata.dataset.vectors import restored, stacked, storable

FIELD = column("box", fixed(4), "A box.", shape=(2, 2), unit="px")
SCHEMA = pa.schema([column("name", pa.string(), "Not a vector."), FIELD])


@settings(deadline=None)  # the first example pays for starting Arrow
@given(st.lists(st.booleans(), max_size=12), st.integers(0, 12))
def test_vectors_and_their_nulls_survive_parquet_and_slicing(present: list[bool], start: int) -> None:
    values = [[i, i + 0.5, -i, 7.0] if there else None for i, there in enumerate(present)]
    table = pa.table([[str(i) for i in range(len(values))], pa.array(values, FIELD.type)], schema=SCHEMA).slice(start)
    file = io.BytesIO()
    pq.write_table(storable(table), file)
    back = restored(pq.read_table(file))
    assert back.schema.equals(SCHEMA, check_metadata=True)
    assert back.to_pylist() == table.to_pylist()


def test_any_parquet_reader_sees_nulls_and_lists() -> None:
    table = pa.table([["a", "b"], pa.array([[1, 2, 3, 4], None], FIELD.type)], schema=SCHEMA)
    file = io.BytesIO()
    pq.write_table(storable(table), file)
    frame = pq.read_table(file).to_pandas()
    assert list(frame["box"].isna()) == [False, True] and frame["box"][0].tolist() == [1, 2, 3, 4]


def test_stacked_has_the_declared_shape_and_nan_for_null() -> None:
    chunks = pa.chunked_array([pa.array([[1, 2, 3, 4]], FIELD.type), pa.array([None, [5, 6, 7, 8]], FIELD.type)])
    values = stacked(chunks, FIELD)
    assert values.shape == (3, 2, 2) and values.dtype == np.float32
    assert values[2].tolist() == [[5, 6], [7, 8]] and np.isnan(values[1]).all()


def test_a_list_of_another_length_is_refused_by_name() -> None:
    stored = storable(pa.table([["a"], pa.array([[1, 2, 3, 4]], FIELD.type)], schema=SCHEMA))
    short = stored.set_column(1, stored.schema.field("box"), pa.array([[1, 2, 3]], stored.schema.field("box").type))
    with pytest.raises(ValueError, match="column box: expected lists of 4 values"):
        restored(short)
