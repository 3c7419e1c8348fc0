"""A paired dataset of warped photographs, made from a built one: SliderGAN's "3D warped images".

Each of so many photographs is shown with so many other expressions; all pictures of one photograph
are a pair group, for which every coefficient is known exactly, since it was put there (section 4.1;
A-002-9: both pictures of a pair are rendered). Crops stay where the photograph's own lies, so
that two pictures of a pair differ in nothing but the expression.

The result is a dataset like any other: `parent_id` and `variant` say what a row was made from,
`source_kind` is `warp`, split and subject are the parent's, `basis_id` and the names of the
coefficients those of the dataset; `expression` is the label of the photograph whose coefficients
were varied.

Promises: the same dataset and numbers give the same bytes; a shard that is there is complete, so
that an interrupted run goes on where it was; the manifest comes last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from fexdata.dataset.fields import names_of
from fexdata.dataset.manifest import ManifestWriter, manifest_path, manifest_schema
from fexdata.dataset.reader import Dataset, open_dataset
from fexdata.dataset.shards import shard_name
from fexdata.dataset.vectors import restored
from fexdata.errors import FexdataError
from fexdata.synthetic.derived import rows_path, run_jobs
from fexdata.synthetic.models import shape_model
from fexdata.synthetic.warps.base import eyes_open
from fexdata.synthetic.warps.rows import Job, fields_of, make_shard, side_path

NAME = "emotionet-warped"
VERSION = 2
"""Raised whenever the same photograph would give other pictures."""
MODELS = ("fexdata-head", "pyfeat-aus", "ict")
BASES_PER_SHARD = 32
STEEPEST = 40.0
"""Degrees of yaw beyond which a photograph shows too little of one half of the face."""
WHOLE = 0.85
"""Least share of a crop that must lie inside its photograph."""
NEEDED = ("expression_params", "basis_id", "landmarks_68", "crop_matrix", "shard")


def warp_dataset(
    dataset: str | Dataset,
    out: str | Path,
    *,
    people: int = 500,
    variants: int = 20,
    seed: int = 0,
    workers: int | None = None,
    advance: Callable[[int], None] = lambda rows: None,
    start: Callable[[int], None] = lambda rows: None,
) -> Path:
    """Makes `variants` pictures of each of `people` photographs of a dataset; returns `out`.

    out: the new dataset's folder; what is there from an interrupted run is not made again. people: at
    most, chosen by seeded hash among accepted photographs that are turned by less than `STEEPEST`
    and have both eyes open. workers: processes, one per core by default. start, advance: told how many
    pictures there will be, and how many more there are, for a progress bar. Raises `FexdataError` where
    the dataset has no coefficients of a model that can be drawn, or no usable photograph.
    """
    opened = open_dataset(dataset) if isinstance(dataset, str) else dataset
    plan = _planned(opened, Path(out), people, variants, seed)
    todo = [job for job in plan.jobs if not Path(rows_path(job.out, job.shard)).exists()]
    start(variants * sum(len(job.ids) for job in todo))
    run_jobs(make_shard, todo, workers, advance)
    _commit(plan, opened)
    return Path(out)


def default_out(dataset: Dataset) -> Path:
    """Where the warps of a dataset lie unless somebody says otherwise: beside it."""
    return Path(f"{dataset.path.rstrip('/')}-warped")


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    jobs: list[Job]
    out: Path
    fingerprint: str
    settings: dict[str, Any]


def _planned(dataset: Dataset, out: Path, people: int, variants: int, seed: int) -> _Plan:
    if people < 1 or variants < 2:
        raise FexdataError(f"warps: {people} people with {variants} variants: expected at least 1 and 2")
    missing = [name for name in NEEDED if name not in dataset.schema.names]
    if missing or "landmarks_478" not in dataset.metadata["side"]:
        lacking = ", ".join([*missing, *([] if "landmarks_478" in dataset.metadata["side"] else ["landmarks_478"])])
        raise FexdataError(
            f"{dataset.name} has no {lacking}, from which faces are warped; build it with the stage that writes "
            "expression_params, or from a synthetic corpus with `--set truth.use=[expression_params]`"
        )
    names = names_of(dataset.schema.field("expression_params"))
    model = _model_of(dataset, names)
    chosen, bank, labels = _bases(dataset, people, seed)
    settings = {"people": people, "variants": variants, "seed": seed, "version": VERSION, "model": model}
    about = [dataset.metadata.get("fingerprint"), dataset.name, settings, chosen, bank.tobytes().hex(), labels]
    fingerprint = hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=8).hexdigest()
    groups = [chosen[first : first + BASES_PER_SHARD] for first in range(0, len(chosen), BASES_PER_SHARD)]
    jobs = [
        Job(
            dataset.path,
            str(out),
            shard_name(f"{number:04d}", fingerprint),
            tuple(ids),
            model,
            names,
            bank,
            labels,
            variants,
            seed,
        )
        for number, ids in enumerate(groups)
    ]
    return _Plan(jobs, out, fingerprint, settings)


def _model_of(dataset: Dataset, names: Sequence[str]) -> str:
    """The name of the model whose coefficients a dataset has, all or those that a fit can tell."""
    bases = sorted(word for word in dataset.frame(["basis_id"])["basis_id"].dropna().unique())
    if len(bases) != 1:
        raise FexdataError(f"{dataset.name} has coefficients of {len(bases)} bases, expected one: {', '.join(bases)}")
    # model-hash, with `truth:` before it where the coefficients are known and not measured.
    model = bases[0].removeprefix("truth:").rpartition("-")[0]
    if model not in MODELS or not set(names) <= set(shape_model(model).expression_names):
        raise FexdataError(
            f"{dataset.name} has coefficients of {bases[0]}; faces can be drawn with those of {', '.join(MODELS)}: "
            "build it with one of them"
        )
    return model


def _bases(dataset: Dataset, people: int, seed: int) -> tuple[list[str], np.ndarray, tuple[str | None, ...]]:
    """The photographs to warp, and the coefficients (n, E) and expressions of all that are accepted."""
    optional = [name for name in ("yaw", "inside_fraction", "expression") if name in dataset.schema.names]
    rows = dataset.frame(["sample_id", "status", "shard", "expression_params", *optional], status="accepted")
    rows = rows[rows["shard"].notna() & rows["expression_params"].notna()]
    if rows.empty:
        raise FexdataError(f"{dataset.name} has no accepted row with expression_params; nothing can be warped")
    bank = np.stack([np.asarray(values, np.float32) for values in rows["expression_params"]])
    usable = np.isfinite(bank).all(axis=1)
    bank = bank[usable]
    words = rows["expression"][usable] if "expression" in optional else [None] * len(bank)
    labels = tuple(word if isinstance(word, str) else None for word in words)
    if "yaw" in optional:
        usable &= (rows["yaw"].abs() < STEEPEST).to_numpy()
    if "inside_fraction" in optional:
        usable &= (rows["inside_fraction"] >= WHOLE).to_numpy()
    ids = sorted(rows["sample_id"][usable], key=lambda one: hashlib.blake2b(f"{seed}/{one}".encode()).digest())
    landmarks = dataset.side("landmarks_478", ids) if ids else np.empty((0, 478, 3))
    chosen = [
        one for one, points in zip(ids, landmarks, strict=True) if np.isfinite(points).all() and eyes_open(points)
    ]
    if not chosen:
        raise FexdataError(
            f"{dataset.name} has no face turned by less than {STEEPEST:g} degrees with open eyes to warp"
        )
    return chosen[:people], bank, labels


def _commit(plan: _Plan, dataset: Dataset) -> None:
    """Writes the manifest."""
    schema = manifest_schema(fields_of(dataset))
    shards: dict[str, int] = {}
    plan.out.mkdir(parents=True, exist_ok=True)
    with ManifestWriter(manifest_path(str(plan.out)), schema) as writer:
        for job in plan.jobs:
            rows = restored(pq.read_table(rows_path(job.out, job.shard)))
            writer.append(rows)
            shards[job.shard] = len(rows)
        writer.finish(_metadata(plan, dataset, shards, writer.rows))


def _metadata(plan: _Plan, dataset: Dataset, shards: dict[str, int], rows: int) -> dict[str, Any]:
    parent = dataset.metadata.get("recipe") or {}
    align = (parent.get("stages") or {}).get("align")
    counts = {"photographs": rows, "rows": rows, "accepted": rows, "review": 0, "rejected": 0, "failed": 0}
    return {
        "name": NAME,
        "recipe": {
            "name": NAME,
            "corpus": dataset.name,
            "stages": {**({"align": align} if align else {}), "warp": plan.settings},
        },
        "fingerprint": plan.fingerprint,
        "counts": counts,
        "shards": shards,
        "side": {"landmarks_478": [side_path(".", job.shard)[2:] for job in plan.jobs]},
        "stages": [{"name": "warp", "version": VERSION, "key": plan.fingerprint}],
        "corpus": dataset.metadata.get("corpus"),
        "licences": dataset.metadata["licences"],
    }
