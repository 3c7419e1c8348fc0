"""The last step: surveys over all rows, verdicts, people's decisions, splits, and the manifest that
makes them count.

Nothing here opens a picture: a new threshold or another split costs seconds. The manifest is the
only thing that is replaced; until it is, whoever reads the dataset sees the build before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa

from fexdata.corpora.base import Corpus
from fexdata.dataset.duplicates import best_of_group, duplicate_groups
from fexdata.dataset.fields import meta
from fexdata.dataset.manifest import ManifestWriter, manifest_schema
from fexdata.dataset.splits import assign_splits
from fexdata.dataset.vectors import stacked
from fexdata.dataset.verdict import verdict
from fexdata.errors import FexdataError
from fexdata.pipeline.assemble import read_rows, stage_fields
from fexdata.pipeline.layout import Layout
from fexdata.pipeline.plan import PartitionPlan, Plan
from fexdata.pipeline.recipe import Recipe
from fexdata.review.apply import Decided, decided
from fexdata.review.match import COLUMNS as WHERE


@dataclass(slots=True)
class Surveys:
    """What a row can only know from all the others; arrays in the order of the rows."""

    groups: list[str | None]
    best: np.ndarray
    splits: list[str]
    decided: Decided


def commit(
    plan: Plan,
    recipe: Recipe,
    layout: Layout,
    corpus: Corpus,
    *,
    terms: str | None = None,
    still_mine: Callable[[], bool],
    advance: Callable[[int], None] = lambda rows: None,
) -> dict[str, Any]:
    """Writes the manifest and returns its metadata. `terms` stands for the corpus's own where the
    photographs are synthetic: the layout is its, nothing else.

    Raises `FexdataError` when the lock was lost meanwhile; nothing is replaced then.
    """
    surveys = survey(plan, recipe, layout)
    fields = stage_fields(plan.stages)
    counts: Counter[str] = Counter()
    shards: dict[str, int] = {}
    start = 0
    schema = manifest_schema(fields)
    with ManifestWriter(layout.manifest, schema) as writer:
        for partition in plan.partitions:
            rows = read_rows(partition.shard, layout.root)
            table = _judged(rows, partition, surveys, start, recipe, schema)
            writer.append(table)
            counts.update(table.column("status").to_pylist())
            shards[_name(partition)] = int(np.sum(rows.column("has_crop").to_numpy()))
            start += len(rows)
            advance(len(partition.sources))
        metadata = _metadata(plan, recipe, fields, counts, shards, start)
        licence, citation = (corpus.licence, corpus.citation) if terms is None else (terms, "")
        metadata["corpus"] = {"name": corpus.name, "licence": licence, "citation": citation}
        metadata["licences"] = [licence]
        if not still_mine():
            raise FexdataError(f"{layout.root}: another build has taken over; nothing was changed")
        writer.finish(metadata)
    return metadata


def survey(plan: Plan, recipe: Recipe, layout: Layout) -> Surveys:
    """Duplicate groups, the best row of each, and splits."""
    names = dict.fromkeys(("sample_id", "digest", "subject", "quality", "phash", "landmarks_68", *WHERE))
    parts: dict[str, list[pa.ChunkedArray]] = {name: [] for name in names}
    official: list[str | None] = []
    fields = {field.name: field for field in stage_fields(plan.stages)}
    for partition in plan.partitions:
        rows = read_rows(partition.shard, layout.root, list(names))
        own = {one.digest: one.photograph.split for one in partition.sources}
        official += [own[digest] if recipe.splits.official else None for digest in rows.column("digest").to_pylist()]
        for name in names:
            if name in rows.column_names:
                parts[name].append(rows.column(name))
    columns = {
        name: pa.chunked_array([chunk for part in found for chunk in part.chunks])
        for name, found in parts.items()
        if found
    }
    ids = columns["sample_id"].to_pylist()
    groups = _duplicates(columns, fields, ids, recipe)
    quality = np.full(len(ids), np.nan)
    if "quality" in columns:
        quality = columns["quality"].to_numpy().astype(np.float64)
    splits = assign_splits(
        columns["digest"].to_pylist(),
        columns["subject"].to_pylist(),
        groups,
        official,
        fractions=recipe.splits.fractions,
        seed=recipe.seed,
    )
    faces = pa.table({name: columns[name] for name in WHERE if name in columns})
    return Surveys(groups, best_of_group(groups, quality, ids), splits, decided(layout.root, recipe.name, faces))


def _duplicates(
    columns: dict[str, pa.ChunkedArray], fields: dict[str, pa.Field], ids: list[str], recipe: Recipe
) -> list[str | None]:
    """Groups by perceptual hash and landmarks; rows without a crop are in none."""
    groups: list[str | None] = [None] * len(ids)
    if not recipe.duplicates.find or "phash" not in columns:
        return groups
    hashed = np.flatnonzero(np.asarray(columns["phash"].is_valid()))
    hashes = columns["phash"].drop_null().to_numpy().astype(np.uint64)
    landmarks = None
    if "landmarks_68" in columns:
        landmarks = stacked(columns["landmarks_68"], fields["landmarks_68"])[hashed]
    found = duplicate_groups(
        hashes,
        [ids[index] for index in hashed],
        max_distance=recipe.duplicates.max_distance,
        landmarks=landmarks,
    )
    for index, group in zip(hashed, found, strict=True):
        groups[index] = group
    return groups


def _judged(
    rows: pa.Table, partition: PartitionPlan, surveys: Surveys, start: int, recipe: Recipe, schema: pa.Schema
) -> pa.Table:
    """The rows with split, duplicate group, verdict (the rules', then people's) and place."""
    count = len(rows)
    part = slice(start, start + count)
    rows = rows.append_column("split", pa.array(surveys.splits[part], pa.string()))
    rows = rows.append_column("duplicate_group", pa.array(surveys.groups[part], pa.string()))
    status, reasons = verdict(rows, recipe.rules, best_of_duplicates=surveys.best[part])
    has_crop = rows.column("has_crop").to_numpy()
    place = np.cumsum(has_crop) - 1
    made = {
        "status": pa.array(status, pa.string()),
        "reasons": pa.array(reasons, pa.list_(pa.string())),
        "decided_by": pa.array(["rules"] * count, pa.string()),
        "shard": pa.array([_name(partition) if crop else None for crop in has_crop], pa.string()),
        "shard_row": pa.array([int(p) if crop else None for p, crop in zip(place, has_crop, strict=True)], pa.int32()),
    }
    columns = {name: rows.column(name) for name in rows.column_names} | made
    missing = {field.name: pa.nulls(count, field.type) for field in schema if field.name not in columns}
    return surveys.decided.overlay(pa.table({**columns, **missing}))


def _name(partition: PartitionPlan) -> str:
    return PurePosixPath(partition.shard).stem


def _metadata(
    plan: Plan,
    recipe: Recipe,
    fields: Sequence[pa.Field],
    counts: Counter[str],
    shards: dict[str, int],
    rows: int,
) -> dict[str, Any]:
    side = {
        field.name: [partition.layers[spec.name] for partition in plan.partitions]
        for spec in plan.stages
        for field in fields
        if field.name in spec.columns and meta(field, "table") == "side"
    }
    statuses = {status: counts.get(status, 0) for status in ("accepted", "review", "rejected", "failed")}
    photographs = sum(len(partition.sources) for partition in plan.partitions)
    return {
        "name": recipe.name,
        "recipe": recipe.resolved(),
        "fingerprint": plan.fingerprint,
        "counts": {"photographs": photographs, "rows": rows, **statuses},
        "shards": shards,
        "side": side,
        "stages": [{"name": spec.name, "version": spec.version, "key": spec.key} for spec in plan.stages],
    }
