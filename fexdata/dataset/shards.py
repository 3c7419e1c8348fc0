"""Shards: the Parquet files that hold a dataset's pictures. Written once, never changed.

The promise: the bytes of a shard are a pure function of its rows. However the rows were cut into
chunks on the way, the same rows give the same file; no clock, host or path enters it.

Pictures are `{bytes, path}` structs of already compressed files, so they are stored plainly and
one row can be read without decompressing its neighbours; the `huggingface` entry of the schema's
metadata tells `datasets.load_dataset("parquet", ...)` to show them as pictures.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from fexdata.dataset.fields import PICTURE, meta
from fexdata.dataset.schema import IDENTITY, LABELS
from fexdata.storage import AtomicFile, join

ROW_GROUP = 16
"""Rows per row group. Reading one row costs reading its group, so groups are small; the design's
limit is 64."""

NO_REPEATS = ("sample_id", "source_path", "source_sha256", "parent_id", "failure_message")
"""Text columns whose values hardly ever repeat: a dictionary would only make them larger."""


def shard_schema(stage_fields: Sequence[pa.Field]) -> pa.Schema:
    """The columns of a shard: the stages' pictures (those declared with table="shard"), then
    `sample_id`, `expression` and the rest of a row's identity. Nothing that a review can change."""
    pictures = [field for field in stage_fields if meta(field, "table") == "shard"]
    sample_id, *identity = IDENTITY
    expression = next(field for field in LABELS if field.name == "expression")
    fields = [*pictures, sample_id, expression, *identity]
    return pa.schema(fields, metadata=_huggingface(fields))


def shard_name(partition: str | int, fingerprint: str) -> str:
    """The name by which the manifest's `shard` column and its metadata call a shard."""
    return f"{partition}-{fingerprint}"


def shard_path(dataset: str, name: str) -> str:
    """Where the shard called `name` lies in the dataset at `dataset` (a path or URL)."""
    return join(dataset, "shards", f"{name}.parquet")


def write_shard(path: str, rows: pa.Table | Iterable[pa.Table]) -> int:
    """Writes one shard and returns its number of rows; the file appears only when it is complete.

    `rows` is a table, or chunks of one that are written as they come (at least one, so that the
    schema is known). The schema is `shard_schema(...)`.
    """
    chunks = iter([rows] if isinstance(rows, pa.Table) else rows)
    first = next(chunks)
    schema: pa.Schema = first.schema
    written = 0
    with AtomicFile(path) as file, pq.ParquetWriter(file, schema, **parquet_options(schema)) as writer:
        for group in recut(_with_first(first, chunks), ROW_GROUP):
            writer.write_table(group, row_group_size=ROW_GROUP)
            written += len(group)
    return written


def recut(chunks: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of exactly `rows` rows (the last may be shorter), each one
    contiguous: page boundaries then do not depend on how the rows arrived."""
    waiting: list[pa.Table] = []
    count = 0
    for chunk in chunks:
        waiting.append(chunk)
        count += len(chunk)
        if count < rows:
            continue
        table = pa.concat_tables(waiting)
        whole = count - count % rows
        for start in range(0, whole, rows):
            yield table.slice(start, rows).combine_chunks()
        waiting, count = [table.slice(whole)], count - whole
    if count:
        yield pa.concat_tables(waiting).combine_chunks()


def parquet_options(schema: pa.Schema) -> dict[str, object]:
    """Settings for `pq.ParquetWriter`: pictures plain and uncompressed, everything else zstd;
    dictionaries only for text that repeats; statistics and a page index for readers that skip."""
    compression: dict[str, str] = {}
    dictionary: list[str] = []
    for field in schema:
        for leaf in _leaves(field):
            compression[leaf] = "none" if leaf.endswith(".bytes") else "zstd"
        if field.name not in NO_REPEATS and _repeats(field.type):
            dictionary += _leaves(field)
    # Statistics of pictures would copy whole pictures into the footer.
    counted = [leaf for leaf in compression if not leaf.endswith((".bytes", ".element"))]
    return {
        "compression": compression,
        "compression_level": {leaf: 3 for leaf, kind in compression.items() if kind == "zstd"},
        "use_dictionary": dictionary,
        "write_statistics": counted,
        "write_page_index": True,
        "version": "2.6",
        "data_page_size": 1 << 20,
    }


def _repeats(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind):
        return _repeats(kind.value_type)
    return pa.types.is_string(kind) or pa.types.is_boolean(kind)


def _leaves(field: pa.Field, prefix: str = "") -> list[str]:
    """The names under which Parquet knows a field's values."""
    name = prefix + field.name
    if pa.types.is_struct(field.type):
        return [leaf for child in field.type for leaf in _leaves(child, name + ".")]
    if pa.types.is_list(field.type) or pa.types.is_fixed_size_list(field.type):
        return [f"{name}.list.element"]
    return [name]


def _huggingface(fields: Sequence[pa.Field]) -> dict[str, str]:
    features: dict[str, dict[str, str]] = {}
    for field in fields:
        if field.type == PICTURE:
            features[field.name] = {"_type": "Image"}
        else:
            features[field.name] = {"dtype": str(field.type), "_type": "Value"}
    return {"huggingface": json.dumps({"info": {"features": features}}, sort_keys=True)}


def _with_first(first: pa.Table, rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from rest
