"""From layers to what users see: a partition's shard, and its rows of the manifest.

A shard is put together by copying encoded pictures out of the layers; nothing is decoded. Beside
it goes a file of the partition's rows (identity, labels, measurements, first failure), so that
writing the manifest opens one small file per partition instead of every layer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fexdata import storage
from fexdata.corpora.base import readable
from fexdata.dataset.fields import meta
from fexdata.dataset.schema import IDENTITY, LABELS, VERDICT
from fexdata.dataset.shards import parquet_options, shard_schema, write_shard
from fexdata.dataset.vectors import restored, storable, storable_schema
from fexdata.pipeline.layers import KEYS, read_layer, read_parquet
from fexdata.pipeline.plan import Chain, Source, StageSpec, rows_name
from fexdata.stages.registry import stage

CROP = "image"
"""The picture that makes a row worth a place in a shard."""
FAILURE = ("failure_stage", "failure_code", "failure_message")


def stage_fields(specs: Iterable[StageSpec]) -> list[pa.Field]:
    """All fields that the stages write, in order, without loading a network. Where a stage replaces
    another's column (`Recipe.make_stages` says which may), its own field stands."""
    fields: dict[str, pa.Field] = {}
    for spec in specs:
        fields |= {field.name: field for field in stage(spec.name, json.loads(spec.config_json)).schema()}
    return list(fields.values())


def assemble(chain: Chain, root: str) -> int:
    """Writes the partition's rows, then its shard: every row that has a crop, in hash order.
    Returns the number of rows.

    A partition without a single crop gets an empty shard: present means complete."""
    assert chain.shard is not None
    fields = stage_fields(chain.every)
    columns = _gather(chain, fields, root)
    columns |= manifest_rows(chain.sources, columns["digest"], columns["sample_id"], columns.get("face_slot"))
    count = len(columns["digest"])
    has_crop = columns[CROP].is_valid() if CROP in columns else pa.array(np.zeros(count, bool))
    columns["has_crop"] = has_crop
    _write_rows(storage.join(root, rows_name(chain.shard)), columns, fields)
    schema = shard_schema(fields)
    table = pa.table([columns[field.name] for field in schema], schema=schema)
    write_shard(storage.join(root, chain.shard), table.filter(has_crop))
    return count


def read_rows(shard: str, root: str, columns: Sequence[str] | None = None) -> pa.Table:
    """One partition's rows: the manifest's columns short of verdict, split and place, with
    `digest` (of the photograph) and `has_crop`. columns: which of them (None: all); names it has not are left out."""
    return restored(read_parquet(storage.join(root, rows_name(shard)), columns))


def rows_schema(fields: Sequence[pa.Field]) -> pa.Schema:
    """The columns of `read_rows`."""
    fixed = [*IDENTITY, *LABELS, *(field for field in VERDICT if field.name in FAILURE)]
    names = {field.name for field in fixed}
    own = [field for field in fields if meta(field, "table") == "manifest" and field.name not in names]
    digest = next(field for field in KEYS if field.name == "digest")
    return pa.schema([digest, pa.field("has_crop", pa.bool_()), *fixed, *own])


def _write_rows(path: str, columns: dict[str, Any], fields: Sequence[pa.Field]) -> None:
    schema = rows_schema(fields)
    table = storable(pa.table([columns[field.name] for field in schema], schema=schema))
    with storage.AtomicFile(path) as file:
        pq.write_table(table, file, **parquet_options(storable_schema(schema)))


def _gather(chain: Chain, fields: Sequence[pa.Field], root: str) -> dict[str, Any]:
    """The columns for manifest and shard from all layers of one partition, with `sample_id`,
    `digest` and the first failure of each row."""
    wanted = {field.name for field in fields if meta(field, "table") in ("manifest", "shard")}
    gathered: dict[str, Any] = {}
    failures: dict[str, list[str | None]] = {}
    for spec in chain.every:
        names = [name for name in spec.columns if name in wanted]
        layer = read_layer(storage.join(root, chain.layers[spec.name]), names)
        if not gathered:
            gathered = {name: layer.column(name) for name in ("sample_id", "digest")}
            failures = {name: [None] * len(layer) for name in FAILURE}
        gathered |= {name: layer.column(name) for name in names}
        _add_failures(failures, spec.name, layer)
    return gathered | {name: pa.array(values, pa.string()) for name, values in failures.items()}


def _add_failures(failures: dict[str, list[str | None]], stage_name: str, layer: pa.Table) -> None:
    codes = layer.column("failure_code")
    if codes.null_count == len(codes):
        return
    messages = layer.column("failure_message").to_pylist()
    for index, code in enumerate(codes.to_pylist()):
        if code is not None and failures["failure_code"][index] is None:
            found = (stage_name, code, messages[index])
            for name, value in zip(FAILURE, found, strict=True):
                failures[name][index] = value


def manifest_rows(
    sources: Sequence[Source],
    digests: pa.ChunkedArray,
    sample_ids: pa.ChunkedArray,
    slots: pa.ChunkedArray | None,
) -> dict[str, pa.ChunkedArray]:
    """Identity and label columns of the rows of one partition.

    Where a labelled photograph gave several faces, nobody knows whose label it is: none gets it.
    """
    by_digest = {source.digest: source for source in sources}
    keys = digests.to_pylist()
    faces: dict[bytes, int] = {}
    for key in keys:
        faces[key] = faces.get(key, 0) + 1
    rows: list[dict[str, Any]] = []
    for index, key in enumerate(keys):
        source = by_digest[key]
        photograph = source.photograph
        row: dict[str, Any] = {
            "corpus": photograph.corpus,
            "source_path": readable(photograph.key),
            "source_sha256": source.sha256,
            "frame": photograph.frame,
            "face_slot": 0 if slots is None or slots[index].as_py() is None else slots[index].as_py(),
            "source_kind": "photo",
        }
        if faces[key] == 1:
            row |= photograph.labels
        rows.append(row)
    table = {
        field.name: pa.chunked_array([pa.array([row.get(field.name) for row in rows], field.type)])
        for field in (*IDENTITY, *LABELS)
        if field.name != "sample_id"
    }
    return {"sample_id": sample_ids, **table}
