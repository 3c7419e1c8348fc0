"""Fixed-size vectors (boxes, landmarks, matrices) on their way into and out of Parquet.

Parquet has lists but no fixed-size ones, and pyarrow cannot read back a fixed-size list with a
null in it ("Expected all lists to be of size=4 but index 2 had size=0"). A failed row has nulls,
so on disk every vector is a plain list, null where there is none, which any reader understands;
the field's metadata keeps the `width`, and in memory it is a fixed-size list again.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from fexdata.dataset.fields import meta, shape_of


def storable_schema(schema: pa.Schema) -> pa.Schema:
    """The schema under which `storable` tables are written."""
    return pa.schema([_stored_field(field) for field in schema], metadata=schema.metadata)


def storable(table: pa.Table) -> pa.Table:
    """The same rows with plain lists for fixed-size ones."""
    schema = storable_schema(table.schema)
    columns = [
        table.column(index).cast(field.type) if field.type != table.schema.field(index).type else table.column(index)
        for index, field in enumerate(schema)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def restored_schema(schema: pa.Schema) -> pa.Schema:
    return pa.schema([_memory_field(field) for field in schema], metadata=schema.metadata)


def restored(table: pa.Table) -> pa.Table:
    """The inverse of `storable`. A list of another length than its field says raises `ValueError`."""
    schema = restored_schema(table.schema)
    columns = [
        _as_fixed(table.column(index), field) if field.type != table.schema.field(index).type else table.column(index)
        for index, field in enumerate(schema)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def stacked(column: pa.ChunkedArray, field: pa.Field) -> np.ndarray:
    """A fixed-size list column as float32 (n, *shape) of its declared shape; NaN for null."""
    width = field.type.list_size
    shape = shape_of(field) or (width,)
    present = np.asarray(column.is_valid())
    values = np.full((len(column), width), np.nan, np.float32)
    values[present] = _flat(column).reshape(-1, width)
    return values.reshape(len(column), *shape)


def _stored_field(field: pa.Field) -> pa.Field:
    if not pa.types.is_fixed_size_list(field.type):
        return field
    metadata = {**(field.metadata or {}), b"width": str(field.type.list_size).encode()}
    return pa.field(field.name, pa.list_(field.type.value_field), field.nullable, metadata)


def _memory_field(field: pa.Field) -> pa.Field:
    width = meta(field, "width")
    if not (width and pa.types.is_list(field.type)):
        return field
    metadata = {key: value for key, value in field.metadata.items() if key != b"width"}
    item = field.type.value_field
    # Parquet's own name for the item is `element`; ours is Arrow's.
    kind = pa.list_(pa.field("item", item.type, item.nullable), int(width))
    return pa.field(field.name, kind, field.nullable, metadata)


def _as_fixed(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    width = field.type.list_size
    absent = ~np.asarray(column.is_valid())
    flat = _flat(column)
    if flat.size != width * int(np.count_nonzero(~absent)):
        raise ValueError(f"column {field.name}: expected lists of {width} values")
    values = np.zeros((len(column), width), flat.dtype)
    values[~absent] = flat.reshape(-1, width)
    mask = pa.array(absent) if absent.any() else None
    return pa.chunked_array(
        [pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), type=field.type, mask=mask)]
    )


def _flat(column: pa.ChunkedArray) -> np.ndarray:
    """The values of all lists that are not null, one after another."""
    parts = [np.asarray(chunk.flatten()) for chunk in column.chunks]
    return np.concatenate(parts) if parts else np.empty(0, np.float32)
