"""`fexdata synth`: a corpus of people who do not exist, in a real corpus's own layout, with truth.

Promises: the same numbers give the same bytes, whatever the workers; a file is complete or not
there; the same command goes on where an interrupted one stopped, and does nothing when all is there.

How: the plan (`fexdata.synthetic.plan`) is cut into tasks of one person's pictures. A task writes
its pictures, then its part of the truth, so a task whose part and pictures are there is done. When
all are, the parts become `truth.parquet`, the corpus's own lists are written from it, and
`synthetic.json` says that the corpus is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import connection, current_process, get_context, parent_process
from pathlib import Path
from typing import Any

import numpy as np

from fexdata import storage
from fexdata.corpora.truth import CARD
from fexdata.corpora.truth import FILE as TRUTH
from fexdata.dataset.access import RowFile, as_records
from fexdata.errors import FexdataError
from fexdata.synthetic import expressions
from fexdata.synthetic.layouts import layout_of
from fexdata.synthetic.layouts.base import Annotated, Layout
from fexdata.synthetic.models import terms
from fexdata.synthetic.plan import MODEL, Planned, Shot, Taken, plan
from fexdata.synthetic.truth import merge_parts, truth_row, write_part

PARTS = ".synthetic"
"""Folder of the parts of an unfinished corpus; readers pass over hidden names."""
TASK = 16
"""Pictures of a task at most: what is lost when it is interrupted."""
TERMS = "Pictures of people who do not exist, made by fexdata (Apache-2.0)."
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

Take = Callable[[Shot], Taken]


@dataclass(frozen=True, slots=True)
class Result:
    """What was done: `made` pictures were taken now, the others were there."""

    path: str
    people: int
    images: int
    made: int


@dataclass(frozen=True, slots=True)
class _Task:
    """Some of one person's pictures."""

    number: int
    planned: tuple[Planned, ...]
    out: str
    corpus: str
    take: Take

    @property
    def part(self) -> str:
        return os.path.join(self.out, PARTS, f"{self.number:06d}.arrow")


def synthesise(
    layout: str,
    out: str,
    *,
    people: int,
    images: int,
    seed: int = 0,
    size: int | None = None,
    model: str = MODEL,
    workers: int | None = None,
    start: Callable[[int], None] = lambda total: None,
    advance: Callable[[int], None] = lambda done: None,
    take: Take | None = None,
) -> Result:
    """Writes the corpus, or what is missing of it, below the folder `out`.

    layout, people, images, seed, size, model: see `fexdata.synthetic.plan.plan`. workers: processes;
    by default one per usable core. start, advance: told the number of pictures, then of those done,
    for a progress bar. take: how a picture is taken; by default
    `fexdata.synthetic.photograph.take`.

    Raises `FexdataError` for a folder that holds something else, and where `plan` does.
    """
    if getattr(current_process(), "_inheriting", False):
        raise SystemExit(1)  # a worker is importing a script that calls this without a `__main__` guard
    planned = plan(layout, people=people, images=images, seed=seed, size=size, model=model)
    place = layout_of(layout)
    card = _card(place, planned, seed)
    finished = _prepare(out, card)
    tasks = [_Task(number, cut, out, place.corpus, take or _take) for number, cut in enumerate(_cut(planned))]
    todo = [task for task in tasks if not _is_done(task, finished)]
    start(len(planned))
    advance(len(planned) - sum(len(task.planned) for task in todo))
    _run(todo, workers or _cores(), advance)
    truth = os.path.join(out, TRUTH)
    if not finished:
        merge_parts(truth, [(task.part, [one.path for one in task.planned]) for task in tasks])
    _annotate(out, truth, place, planned)
    if not finished:
        storage.write_atomic(os.path.join(out, CARD), _json({**card, "complete": True}))
    if todo or not finished:
        _sweep(out)
    made = sum(len(task.planned) for task in todo)
    return Result(out, len({one.shot.person for one in planned}), len(planned), made)


# Planning the work


def _cut(planned: Sequence[Planned]) -> Iterator[tuple[Planned, ...]]:
    """The plan in pieces of one person's pictures; they do not depend on who does them."""
    for _, group in itertools.groupby(planned, key=lambda one: one.shot.person):
        pictures = tuple(group)
        yield from (pictures[start : start + TASK] for start in range(0, len(pictures), TASK))


def _is_done(task: _Task, finished: bool) -> bool:
    there = finished or os.path.exists(task.part)
    return there and all(os.path.exists(os.path.join(task.out, one.path)) for one in task.planned)


def _card(place: Layout, planned: Sequence[Planned], seed: int) -> dict[str, Any]:
    """What the corpus is, for `synthetic.json`."""
    people, first = len({one.shot.person for one in planned}), planned[0].shot
    model = first.model.partition(":")[0]  # without the path of a model file
    numbers = f"--people {people} --images {len(planned)} --seed {seed} --size {first.size[0]} --model {model}"
    return {
        "command": f"fexdata synth {place.name} {numbers}",
        "corpus": place.corpus,
        "plan": hashlib.blake2b(repr((version("fexdata"), planned)).encode(), digest_size=16).hexdigest(),
        "terms": f"{TERMS} {terms(first.model)}",
        "versions": {"fexdata": version("fexdata"), "numpy": np.__version__},
        "complete": False,
    }


def _prepare(out: str, card: dict[str, Any]) -> bool:
    """Makes the folder this corpus's own; True when the corpus is complete."""
    path = os.path.join(out, CARD)
    if os.path.exists(path):
        found = json.loads(storage.read_bytes(path))
        if found.get("plan") != card["plan"]:
            raise FexdataError(f"{out} holds another synthetic corpus ({found.get('command')}); choose another --out")
        return bool(found.get("complete")) and os.path.exists(os.path.join(out, TRUTH))
    if os.path.exists(out) and (not os.path.isdir(out) or os.listdir(out)):
        raise FexdataError(f"{out} is not empty, and no synthetic corpus; choose another --out")
    storage.write_atomic(path, _json(card))
    return False


def _sweep(out: str) -> None:
    """Removes the parts, and what killed workers had begun to write."""
    shutil.rmtree(os.path.join(out, PARTS), ignore_errors=True)
    for begun in Path(out).rglob(storage.TEMPORARY + "*"):
        begun.unlink()


def _json(card: dict[str, Any]) -> bytes:
    return (json.dumps(card, indent=1, sort_keys=True) + "\n").encode()


# Taking the pictures


def _run(tasks: Sequence[_Task], workers: int, advance: Callable[[int], None]) -> None:
    if not tasks:
        return
    with (
        _one_thread_each(),
        ProcessPoolExecutor(
            min(workers, len(tasks)), mp_context=get_context("spawn"), initializer=_start_worker
        ) as pool,
    ):
        waiting = {pool.submit(_do, task): task for task in tasks}
        try:
            for done in as_completed(waiting):
                done.result()
                advance(len(waiting[done].planned))
        except BrokenProcessPool:
            raise FexdataError(
                "a worker process died (too little memory?); the same command goes on, with --workers 1 if need be"
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _do(task: _Task) -> None:
    """Takes the task's pictures, then writes its part of the truth, which says that it is done."""
    rows = []
    for one in task.planned:
        taken = task.take(one.shot)
        storage.write_atomic(os.path.join(task.out, one.path), _encoded(one, taken))
        rows.append(truth_row(one, task.corpus, taken.truth, expressions.SINGLE_UNITS))
    write_part(task.part, rows)


def _take(shot: Shot) -> Taken:
    from fexdata.synthetic.photograph import take

    return take(shot)


def _encoded(planned: Planned, taken: Taken) -> bytes:
    from fexdata.dataset.pictures import encode_jpeg, encode_png

    if planned.path.endswith(".jpg"):
        return taken.jpeg or encode_jpeg(taken.picture)
    picture = taken.picture[::-1, ::-1] if planned.upside_down else taken.picture
    return encode_png(np.ascontiguousarray(picture))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Workers started inside run every library on one thread: as fast, and the same bytes."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_worker() -> None:
    import cv2

    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's business
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


# What the corpus itself says of its pictures


def _annotate(out: str, truth: str, place: Layout, planned: Sequence[Planned]) -> None:
    """Writes the corpus's lists and annotations, those that are not there."""
    file = RowFile(truth)
    table = file.read(["source_path", "box", "landmarks_68", "au"])
    file.close()
    rows = {record["source_path"]: record for record in as_records(table)}
    taken = []
    for one in planned:
        row = rows[one.path]
        taken.append(Annotated(one, row["box"], row["landmarks_68"], row["au"]))
    for path, data in place.annotations(taken):
        whole = os.path.join(out, path)
        if not os.path.exists(whole):
            storage.write_atomic(whole, data)
