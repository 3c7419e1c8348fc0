"""From layers to what users see: a partition's shard, and its rows of the manifest.

A shard is put together by copying encoded pictures out of the layers; nothing is decoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from fexdata import storage
from fexdata.dataset.fields import meta
from fexdata.dataset.schema import IDENTITY, LABELS
from fexdata.dataset.shards import shard_schema, write_shard
from fexdata.pipeline.layers import read_layer
from fexdata.pipeline.plan import Chain, Source, StageSpec
from fexdata.stages.base import Stage

CROP = "image"
"""The picture that makes a row worth a place in a shard."""


def stage_fields(specs: Iterable[StageSpec]) -> list[pa.Field]:
    """All fields that the stages write, in order, without loading a network."""
    return [field for spec in specs for field in _bare(spec).schema()]


def _bare(spec: StageSpec) -> Stage:
    import json

    from fexdata.stages.registry import stage

    return stage(spec.name, json.loads(spec.config_json))


def assemble_shard(chain: Chain, root: str) -> int:
    """Writes the partition's shard: every row that has a crop, in hash order. Returns its rows.

    A partition without a single crop gets an empty shard: present means complete."""
    fields = stage_fields(chain.every)
    schema = shard_schema(fields)
    columns = _gather(chain.every, chain.layers, root, "shard")
    rows = manifest_rows(chain.sources, columns["digest"], columns["sample_id"], columns.get("face_slot"))
    none = np.zeros(len(columns["digest"]), bool)
    keep = np.asarray(columns[CROP].is_valid()) if CROP in columns else none
    data: dict[str, pa.ChunkedArray] = {**rows, **columns}
    table = pa.table([data[field.name].cast(field.type) for field in schema], schema=schema)
    return write_shard(storage.join(root, str(chain.shard)), table.filter(pa.array(keep)))


def _gather(specs: Sequence[StageSpec], layers: Mapping[str, str], root: str, table: str) -> dict[str, pa.ChunkedArray]:
    """The columns that belong in one kind of table, of one partition, from all its layers; with
    them `sample_id`, `digest`, `face_slot`."""
    gathered: dict[str, pa.ChunkedArray] = {}
    for spec in specs:
        wanted = [f.name for f in _bare(spec).schema() if meta(f, "table") == table or f.name == "face_slot"]
        if not wanted and spec is not specs[0]:
            continue
        layer = read_layer(storage.join(root, layers[spec.name]), wanted)
        if not gathered:
            gathered = {"sample_id": layer.column("sample_id"), "digest": layer.column("digest")}
        gathered |= {name: layer.column(name) for name in wanted}
    return gathered


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


def readable(key: bytes) -> str:
    """A path as text: UTF-8 where it is, `\\xNN` for bytes that are not."""
    return key.decode("utf-8", "backslashreplace")


def partition_rows(
    specs: Sequence[StageSpec], sources: Sequence[Source], layers: Mapping[str, str], root: str
) -> pa.Table:
    """One partition's manifest columns, short of verdict, split and place: identity, labels, what
    the stages measured, the first failure, and whether the row has a crop (`has_crop`)."""
    columns = _gather(specs, layers, root, "manifest")
    rows = manifest_rows(sources, columns["digest"], columns["sample_id"], columns.get("face_slot"))
    failures = _first_failures(specs, layers, root, len(columns["digest"]))
    data = {**columns, **rows, **failures, "has_crop": _has_crop(specs, layers, root, len(columns["digest"]))}
    data["digest"] = columns["digest"]
    return pa.table(data)


def _first_failures(
    specs: Sequence[StageSpec], layers: Mapping[str, str], root: str, count: int
) -> dict[str, pa.Array]:
    stage: list[str | None] = [None] * count
    code: list[str | None] = [None] * count
    message: list[str | None] = [None] * count
    for spec in specs:
        layer = read_layer(storage.join(root, layers[spec.name]), [])
        codes = layer.column("failure_code")
        if codes.null_count == len(codes):
            continue
        messages = layer.column("failure_message").to_pylist()
        for index, found in enumerate(codes.to_pylist()):
            if found is not None and code[index] is None:
                stage[index], code[index], message[index] = spec.name, found, messages[index]
    text = pa.string()
    return {
        "failure_stage": pa.array(stage, text),
        "failure_code": pa.array(code, text),
        "failure_message": pa.array(message, text),
    }


def _has_crop(specs: Sequence[StageSpec], layers: Mapping[str, str], root: str, count: int) -> pa.Array:
    for spec in specs:
        if CROP in spec.columns:
            return read_layer(storage.join(root, layers[spec.name]), []).column("done")
    return pa.array(np.zeros(count, bool))
