"""A paired dataset of rendered people: SliderGAN's "4DFAB images".

Each session of each person is rendered at so many expressions, those of its meshes first; all pictures of a session are
a pair group, taken with one camera in one light (Ververas and Zafeiriou 2020, section 4.1). The coefficients of a mesh
are its projection on the basis, those of a drawn expression what it was made with.

Promises: the same folder and numbers give the same bytes; a shard that is there is complete, so that an interrupted run
goes on where it was; the manifest comes last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from fexdata.dataset.manifest import ManifestWriter, manifest_path, manifest_schema
from fexdata.dataset.shards import shard_name
from fexdata.dataset.splits import SplitRules, assign_splits
from fexdata.dataset.vectors import restored
from fexdata.errors import FexdataError
from fexdata.faces.blendshapes.registered import Session, sessions
from fexdata.faces.models import registry
from fexdata.faces.models.face_model import FaceModel
from fexdata.synthetic.derived import rows_path, run_jobs
from fexdata.synthetic.rendered.people import texture_path
from fexdata.synthetic.rendered.rows import CORPUS, Job, chosen, fields_of, make_shard, marks_of

NAME = "rendered-4dfab"
VERSION = 1
"""Raised whenever the same meshes would give other pictures."""
SESSIONS_PER_SHARD = 4
BASIS = "basis.npz"
LICENCE = "that of the meshes and textures: their owner's"


def render_dataset(
    folder: str | Path,
    out: str | Path,
    *,
    basis: str | None = None,
    images: int = 100,
    size: int = 256,
    sitters: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    advance: Callable[[int], None] = lambda rows: None,
    start: Callable[[int], None] = lambda rows: None,
) -> Path:
    """Renders `images` pictures of each session of a folder (`people` has its layout); returns `out`.

    basis: a face model by name or file, by default the folder's own `basis.npz`. size: side of the crops. sitters:
    sessions at most, chosen by seeded hash. workers: processes, one per core by default. start, advance: told how many
    pictures there will be, and those made. Raises `FexdataError` for a folder, a mesh or a basis that does not fit.
    """
    plan = _planned(Path(folder), Path(out), basis, images, size, sitters, seed)
    start(images * sum(len(job.sessions) for job in plan.jobs))
    done = [job for job in plan.jobs if Path(rows_path(job.out, job.shard)).exists()]
    advance(images * sum(len(job.sessions) for job in done))
    run_jobs(make_shard, [job for job in plan.jobs if job not in done], workers, advance)
    _commit(plan)
    return Path(out)


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    jobs: list[Job]
    out: Path
    basis: FaceModel
    fingerprint: str
    settings: dict[str, Any]


def _planned(
    folder: Path, out: Path, basis: str | None, images: int, size: int, sitters: int | None, seed: int
) -> _Plan:
    if images < 2:
        raise FexdataError(f"rendered people: {images} pictures of a session are no pair; expected at least 2")
    found = sessions(folder)
    own = folder / BASIS
    if basis is None and not own.is_file():
        raise FexdataError(
            f"{folder} has no {BASIS}; put a face model on the meshes' vertices there, or say --set render.basis=NAME "
            "of one of `fexdata models` (`fexdata models learn` makes one)"
        )
    name = basis or str(own.resolve())
    model = registry.load(name)
    if not len(model.expression_names):
        raise FexdataError(f"the basis {name} has no expressions to project on")
    marks_of(model)
    taken = sorted(found, key=lambda one: _hash([seed, one.subject, one.session]))[:sitters]
    settings = {"images": images, "size": size, "seed": seed, "version": VERSION, "basis": model.name}
    fingerprint = _hash(
        [settings, model.sha256, [[one.subject, one.session, *_contents(one, images, seed)] for one in taken]]
    )
    names = [one.subject for one in taken]
    empty = [None] * len(taken)
    splits = assign_splits(names, names, empty, empty, fractions=SplitRules().fractions, seed=seed)
    jobs = []
    for number, first in enumerate(range(0, len(taken), SESSIONS_PER_SHARD)):
        part = slice(first, first + SESSIONS_PER_SHARD)
        shard = shard_name(f"{number:04d}", fingerprint)
        jobs.append(Job(str(out), shard, tuple(taken[part]), tuple(splits[part]), name, images, size, seed))
    return _Plan(jobs, out, model, fingerprint, settings)


def _contents(one: Session, images: int, seed: int) -> list[list[str]]:
    """Names and hashes of the files that a session's pictures are made from."""
    meshes = [one.neutral, *chosen(one, images, seed)]
    pictures = {path: None for mesh in meshes if (path := texture_path(one, mesh)) is not None}
    return [[path.name, _file_hash(path)] for path in (*meshes, *pictures)]


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def _hash(about: list[Any]) -> str:
    return hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=8).hexdigest()


def _commit(plan: _Plan) -> None:
    """Writes the manifest."""
    shards: dict[str, int] = {}
    plan.out.mkdir(parents=True, exist_ok=True)
    with ManifestWriter(manifest_path(str(plan.out)), manifest_schema(fields_of(plan.basis))) as writer:
        for job in plan.jobs:
            rows = restored(pq.read_table(rows_path(job.out, job.shard)))
            writer.append(rows)
            shards[job.shard] = len(rows)
        writer.finish(_metadata(plan, shards, writer.rows))


def _metadata(plan: _Plan, shards: dict[str, int], rows: int) -> dict[str, Any]:
    counts = {"photographs": rows, "rows": rows, "accepted": rows, "review": 0, "rejected": 0, "failed": 0}
    align = {"template": "five_point", "size": plan.settings["size"]}
    return {
        "name": NAME,
        "recipe": {"name": NAME, "corpus": CORPUS, "stages": {"align": align, "render": plan.settings}},
        "fingerprint": plan.fingerprint,
        "counts": counts,
        "shards": shards,
        "side": {},
        "stages": [{"name": "render", "version": VERSION, "key": plan.fingerprint}],
        "corpus": {"name": CORPUS, "licence": LICENCE, "citation": ""},
        "licences": [LICENCE, *([plan.basis.licence] if plan.basis.licence else [])],
    }
