import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_made import STAGE_FIELDS, made_row, make_dataset, to_table

from fexdata.dataset.fields import column
from fexdata.dataset.manifest import ROW_GROUP, ManifestWriter, manifest_schema, read_metadata
from fexdata.dataset.schema import IDENTITY, LABELS, PLACE, VERDICT
from fexdata.dataset.vectors import restored
from fexdata.errors import FexdataError

SCHEMA = manifest_schema(STAGE_FIELDS)


@pytest.fixture(scope="module")
def many() -> pa.Table:
    """2.5 row groups of rows, failures among them."""
    few = to_table([made_row(i, size=16, seed=2) for i in range(32)], SCHEMA)
    order = np.random.default_rng(0).integers(0, 32, 5 * ROW_GROUP // 2)
    return few.take(pa.array(order))


def written(path: Path, chunks: list[pa.Table]) -> str:
    with ManifestWriter(str(path), SCHEMA) as writer:
        for chunk in chunks:
            writer.append(chunk)
        writer.finish({"name": "made"})
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_manifest_bytes_do_not_depend_on_how_rows_arrived(many: pa.Table, tmp_path: Path) -> None:
    cuts = [0, 1, 700, 1500, 1501, len(many)]
    pieces = [many.slice(a, b - a) for a, b in itertools.pairwise(cuts)]
    assert written(tmp_path / "a.parquet", [many]) == written(tmp_path / "b.parquet", pieces)
    footer = pq.ParquetFile(tmp_path / "a.parquet").metadata
    sizes = [footer.row_group(i).num_rows for i in range(footer.num_row_groups)]
    assert sizes == [ROW_GROUP, ROW_GROUP, ROW_GROUP // 2]


def test_manifest_gives_every_value_back(many: pa.Table, tmp_path: Path) -> None:
    written(tmp_path / "manifest.parquet", [many])
    back = restored(pq.read_table(tmp_path / "manifest.parquet"))
    assert back.schema.field("landmarks_68").type == SCHEMA.field("landmarks_68").type
    assert back.schema.names == SCHEMA.names
    for name in SCHEMA.names:
        assert back[name].combine_chunks().equals(many[name].combine_chunks()), name


def test_a_row_takes_at_most_one_and_a_half_kilobytes(tmp_path: Path) -> None:
    rows = to_table([made_row(i, size=16, seed=3) for i in range(400)], SCHEMA)
    written(tmp_path / "manifest.parquet", [rows])
    assert (tmp_path / "manifest.parquet").stat().st_size / 400 < 1500


def test_without_finish_the_old_manifest_stays(many: pa.Table, tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    before = written(path, [many.slice(0, 5)])
    with pytest.raises(RuntimeError, match="stage failed"), ManifestWriter(str(path), SCHEMA) as writer:
        writer.append(many)
        raise RuntimeError("stage failed")
    with ManifestWriter(str(path), SCHEMA) as writer:
        writer.append(many)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert [file.name for file in tmp_path.iterdir()] == ["manifest.parquet"]


def test_a_chunk_of_another_type_is_refused_by_name(many: pa.Table, tmp_path: Path) -> None:
    at = SCHEMA.get_field_index("yaw")
    wrong = many.set_column(at, "yaw", many["yaw"].cast(pa.float64()))
    with (
        ManifestWriter(str(tmp_path / "manifest.parquet"), SCHEMA) as writer,
        pytest.raises(TypeError, match="yaw: expected float, got double"),
    ):
        writer.append(wrong)


def test_columns_come_in_the_order_identity_labels_stages_verdict_place() -> None:
    names = SCHEMA.names
    fixed = [*IDENTITY, *LABELS]
    assert names[: len(fixed)] == [field.name for field in fixed]
    assert names[-len(VERDICT) - len(PLACE) :] == [field.name for field in (*VERDICT, *PLACE)]
    assert "image" not in names and names.count("face_slot") == 1
    assert SCHEMA.field("yaw").metadata[b"unit"] == b"degrees"


def test_two_stages_may_not_write_the_same_column() -> None:
    twice = [column("yaw", pa.float32(), "one"), column("yaw", pa.float32(), "two")]
    with pytest.raises(ValueError, match="two stages write the column yaw"):
        manifest_schema(twice)


def test_metadata_comes_back_and_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = make_dataset(tmp_path, photographs=6, size=16)
    stored = pq.ParquetFile(path / "manifest.parquet").metadata.metadata
    metadata = read_metadata(stored, "made")
    assert metadata["counts"]["rows"] == 6 and metadata["format"] == 1 and len(metadata["shards"]) == 2
    newer = {b"fexdata": json.dumps({**metadata, "format": 99}).encode()}
    with pytest.raises(FexdataError, match="upgrade fexdata"):
        read_metadata(newer, "made")
    with pytest.raises(FexdataError, match="not a fexdata manifest"):
        read_metadata({}, "made")
