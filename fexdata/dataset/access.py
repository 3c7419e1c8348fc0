"""Reading single rows out of Parquet files, and Arrow values as the arrays they stand for.

A Parquet file is read one row group at a time; `RowFile.take` reads only the groups that hold the
wanted rows, each once. Local files are mapped into memory, others go through fsspec.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fexdata.dataset.fields import PICTURE
from fexdata.dataset.vectors import restored, restored_schema, stacked
from fexdata.storage import filesystem, is_remote


class RowFile:
    """A Parquet file that hands out rows by number."""

    def __init__(self, path: str) -> None:
        if is_remote(path):
            fs, inner = filesystem(path)
            self._source = pa.PythonFile(fs.open(inner, "rb"), mode="r")
        else:
            self._source = pa.memory_map(path)
        # Reading ahead pays over a network; in a mapped file it only costs.
        self._file = pq.ParquetFile(self._source, pre_buffer=is_remote(path))
        self.schema: pa.Schema = restored_schema(self._file.schema_arrow)
        self.file_metadata: dict[bytes, bytes] = self._file.metadata.metadata or {}

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows)

    @cached_property
    def starts(self) -> np.ndarray:
        """(groups + 1,) int64: the row at which each row group begins, and the number of rows."""
        metadata = self._file.metadata
        return np.cumsum([0, *(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups))])

    def close(self) -> None:
        self._file.close()
        self._source.close()

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Whole columns, in the given order."""
        return restored(self._file.read(columns=list(columns)).select(columns))

    def chunks(self, columns: Sequence[str], groups: int = 1) -> Iterator[tuple[int, pa.Table]]:
        """(number of the first row, rows) of `groups` row groups at a time."""
        total = len(self.starts) - 1
        for first in range(0, total, groups):
            wanted = list(range(first, min(first + groups, total)))
            table = self._file.read_row_groups(wanted, columns=list(columns), use_threads=False)
            yield int(self.starts[first]), restored(table.select(columns))

    def group_of(self, row: int) -> int:
        return int(np.searchsorted(self.starts, row, side="right")) - 1

    def take(self, rows: Sequence[int] | np.ndarray, columns: Sequence[str]) -> pa.Table:
        """The given rows (each in range), in their order."""
        wanted = np.asarray(rows, np.int64)
        groups = np.searchsorted(self.starts, wanted, side="right") - 1
        used, within = np.unique(groups, return_inverse=True)
        table = self._file.read_row_groups(used.tolist(), columns=list(columns), use_threads=False).select(columns)
        sizes = self.starts[used + 1] - self.starts[used]
        offsets = np.cumsum([0, *sizes])[within]
        return restored(table.take(pa.array(wanted - self.starts[groups] + offsets)))


def as_records(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as dictionaries: fixed-size lists become float32 arrays of the field's declared shape,
    pictures are decoded, everything else is a plain Python value; null is None."""
    columns = {field.name: _values(table.column(field.name), field) for field in table.schema}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _values(column: pa.ChunkedArray, field: pa.Field) -> list[Any]:
    if field.type == PICTURE:
        return [None if data is None else decoded(data) for data in picture_bytes(column)]
    if pa.types.is_fixed_size_list(field.type):
        present = column.is_valid().to_pylist()
        return [value if there else None for value, there in zip(stacked(column, field), present, strict=True)]
    values: list[Any] = column.to_pylist()
    return values


def picture_bytes(column: pa.ChunkedArray) -> list[pa.Buffer | None]:
    """The encoded pictures of a column, without a copy."""
    found: list[pa.Buffer | None] = []
    for chunk in column.chunks:
        # struct.field() ignores the struct's own nulls; flatten() applies them.
        found += [item.as_buffer() if item.is_valid else None for item in chunk.flatten()[0]]
    return found


def decoded(data: pa.Buffer | bytes) -> np.ndarray:
    """A picture's pixels as stored: (H, W, 3) uint8, (H, W) uint8 or (H, W) uint16."""
    from fexdata.dataset.pictures import decode

    return decode(bytes(data))
