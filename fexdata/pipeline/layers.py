"""Layers: one Parquet file per stage and partition. Present means complete.

Beside its stage's columns a layer holds, per row, `sample_id`, the photograph's `digest`, `done`
(false: failed here, or skipped because something before it failed) and the failure if there was
one. Rows are in hash order of their photographs, then by face slot, and are flushed in groups of
64, so that the bytes depend on nothing but the content.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fexdata import storage
from fexdata.dataset.fields import PICTURE, shape_of
from fexdata.dataset.shards import parquet_options
from fexdata.dataset.vectors import restored, storable, storable_schema
from fexdata.errors import Failure
from fexdata.stages.base import Stage

KEYS = [
    pa.field("sample_id", pa.string()),
    pa.field("digest", pa.binary(16)),
    pa.field("done", pa.bool_()),
    pa.field("failure_code", pa.string()),
    pa.field("failure_message", pa.string()),
]
GROUP = 64


class LayerWriter:
    """Writes one layer row by row; the file appears with `finish`, or not at all."""

    def __init__(self, path: str, stage: Stage) -> None:
        self._fields = list(stage.schema())
        self._schema = pa.schema([*KEYS, *self._fields])
        self._atomic = storage.AtomicFile(path)
        self._rows: list[dict[str, Any]] = []
        self._finished = False
        self.failed = 0
        self.rows = 0

    def __enter__(self) -> LayerWriter:
        file = self._atomic.__enter__()
        self._writer = pq.ParquetWriter(file, storable_schema(self._schema), **parquet_options(self._schema))
        return self

    def append(self, sample_id: str, digest: bytes, output: Mapping[str, Any] | Failure | None) -> None:
        """One row. None: skipped, because something before this stage failed."""
        row: dict[str, Any] = {"sample_id": sample_id, "digest": digest, "done": False}
        if isinstance(output, Failure):
            row |= {"failure_code": str(output.code), "failure_message": output.message}
            self.failed += 1
        elif output is not None:
            row |= {"done": True, **output}
        self._rows.append(row)
        self.rows += 1
        if len(self._rows) == GROUP:
            self._flush()

    def finish(self) -> None:
        """Completes the file: from here on the layer is present."""
        if self._rows or self.rows == 0:
            self._flush()
        self._writer.close()
        self._atomic.__exit__(None, None, None)
        self._finished = True

    def __exit__(self, *error: Any) -> None:
        if not self._finished:
            self._atomic.__exit__(RuntimeError, None, None)

    def _flush(self) -> None:
        arrays = [column_array([row.get(field.name) for row in self._rows], field) for field in self._schema]
        self._writer.write_table(storable(pa.table(arrays, schema=self._schema)), row_group_size=GROUP)
        self._rows.clear()


def column_array(values: Sequence[Any], field: pa.Field) -> pa.Array:
    """Python values of one column as Arrow: fixed-size lists from arrays of any shape, pictures
    from their encoded bytes, NaN and None as null."""
    if not pa.types.is_fixed_size_list(field.type):
        if pa.types.is_floating(field.type):
            values = [None if value is None or np.isnan(value) else float(value) for value in values]
        elif pa.types.is_integer(field.type):
            values = [None if value is None else int(value) for value in values]
        elif field.type == PICTURE:
            values = [{"bytes": value, "path": None} if isinstance(value, bytes) else value for value in values]
        return pa.array(values, type=field.type)
    width = field.type.list_size
    flat = np.zeros((len(values), width), np.float32)
    absent = np.array([value is None for value in values], bool)
    for index, value in enumerate(values):
        if value is not None:
            flat[index] = np.asarray(value, np.float32).reshape(width)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.reshape(-1)), type=field.type, mask=pa.array(absent))


Storage = tuple[str, str, tuple[int, ...]]
"""A column's name, how its values change when stored (`array`, `float32`, `as it is`), its shape."""


def storages(schema: pa.Schema) -> tuple[Storage, ...]:
    """What `as_stored` needs to know of a schema, looked up once instead of at every row."""
    found = []
    for field in schema:
        if pa.types.is_fixed_size_list(field.type):
            found.append((field.name, "array", shape_of(field) or (field.type.list_size,)))
        else:
            found.append((field.name, "float32" if pa.types.is_float32(field.type) else "as it is", ()))
    return tuple(found)


def as_stored(columns: Sequence[Storage], output: Mapping[str, Any]) -> dict[str, Any]:
    """A stage's output as it will come back from its layer: float32, arrays in their shape."""
    values: dict[str, Any] = {}
    for name, kind, shape in columns:
        value = output.get(name)
        if value is not None and kind == "array":
            value = np.asarray(value, np.float32).reshape(shape)
        elif value is not None and kind == "float32":
            value = None if value != value else float(np.float32(value))
        values[name] = value
    return values


def read_layer(path: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A layer, or some columns of it (the key columns always come along)."""
    wanted = None if columns is None else [*(field.name for field in KEYS), *columns]
    return restored(read_parquet(path, wanted))


def read_parquet(path: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A whole small Parquet file, wherever it is."""
    source = pa.BufferReader(storage.read_bytes(path)) if storage.is_remote(path) else pa.memory_map(path)
    with pq.ParquetFile(source) as file:
        return file.read(columns=columns, use_threads=False)


def rows_of(table: pa.Table) -> Iterator[dict[str, Any]]:
    """The rows of a layer as dictionaries; fixed-size lists become arrays of their field's shape."""
    columns: dict[str, Any] = {}
    for field in table.schema:
        column = table.column(field.name)
        if pa.types.is_fixed_size_list(field.type):
            shape = shape_of(field) or (field.type.list_size,)
            array = column.combine_chunks()
            valid = np.asarray(array.is_valid())
            width = field.type.list_size
            flat = np.asarray(array.values)[array.offset * width : (array.offset + len(array)) * width]
            values = flat.reshape(len(array), *shape)
            columns[field.name] = [value if ok else None for value, ok in zip(values, valid, strict=True)]
        else:
            columns[field.name] = column.to_pylist()
    for index in range(table.num_rows):
        yield {name: values[index] for name, values in columns.items()}
