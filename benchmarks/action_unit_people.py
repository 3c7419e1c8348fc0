"""People with known action units, photographed and looked at: what tools are taught and measured on.

Each person is photographed at rest and with one expression at 0, 15 and 30 degrees, all else equal;
then with other expressions, the head turned anywhere up to 35 degrees: a category's, a few of the
commonest action units, or any that a face can make together. Who is measured is
also photographed twice while blinking, for no category of expressions shuts the eyes.
"""

from __future__ import annotations

import functools
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fexdata.synthetic.expressions import SINGLE_UNITS, Expression
from fexdata.synthetic.plan import Shot

if TYPE_CHECKING:
    from fexdata.faces.detection import FaceFinder

TURNS = (0.0, 15.0, 30.0)
"""Degrees at which a person at rest, and one expression, are photographed with all else equal."""
OTHERS = ("category", "combination", "any") * 2
"""What further pictures of each person show."""
BLINKS = 2
"""Pictures with the lids going down, of people that tools are measured on."""
WIDEST = 35.0
COMMON = ("AU1", "AU2", "AU4", "AU5", "AU6", "AU7", "AU10", "AU12", "AU15", "AU20", "AU25", "AU26", "AU43")
"""The commonest, which some pictures show in combinations that no emotion asks for."""
SEEDS = {"measure": 71, "teach": 72}
"""People that a tool is taught on are none of those that it is measured on."""


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What was seen in n pictures in which a face was found, and what is true of them."""

    landmarks: np.ndarray
    """(n, 478, 3) float32, pixels of the picture: what MediaPipe finds."""
    true_landmarks: np.ndarray
    """(n, 478, 3) float32: the model's own points."""
    au: np.ndarray
    """(n, A) float32, 0 to 5, in the order of `SINGLE_UNITS`."""
    pose: np.ndarray
    """(n, 3) degrees: yaw, pitch, roll."""
    person: np.ndarray
    """(n,) number of the person."""
    role: np.ndarray
    """(n,) `rest`, `turned` (the expression seen at all of `TURNS`), `blink`, or one of `OTHERS`."""

    def unit(self, name: str) -> np.ndarray:
        """(n,) true intensities of one action unit."""
        return self.au[:, SINGLE_UNITS.index(name)]


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to take."""

    shot: Shot
    person: int
    role: str


def looks(cache: Path, *, people: int, purpose: str, model: str, workers: int | None = None) -> Looks:
    """Takes and looks at the pictures of `people`; kept in the folder `cache` and read from there again."""
    path = cache / f"{purpose}-{model.partition(':')[0]}-{people}.npz"
    if path.is_file():
        with np.load(path) as stored:
            return Looks(**dict(stored))
    jobs = jobs_of(people, purpose, model)
    count = workers or len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        seen = [one for one in pool.map(_look, jobs, chunksize=4) if one is not None]
    landmarks, true, au, pose, person, role = (np.array(column) for column in zip(*seen, strict=True))
    found = Looks(landmarks.astype(np.float32), true.astype(np.float32), au.astype(np.float32), pose, person, role)
    cache.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{name: getattr(found, name) for name in Looks.__slots__})
    return found


def jobs_of(people: int, purpose: str, model: str) -> list[Job]:
    """Every picture of the people, person by person."""
    return [job for person in range(people) for job in _person(person, SEEDS[purpose], model)]


def _person(number: int, seed: int, model: str) -> list[Job]:
    rng = np.random.default_rng([seed, number])
    make = functools.partial(Shot, int(rng.integers(1 << 40)), size=(256, 256), model=model)
    side, scene = float(rng.choice((-1, 1))), int(rng.integers(1 << 40))
    pitch, roll = float(np.clip(rng.normal(0, 4), -10, 10)), float(np.clip(rng.normal(0, 4), -10, 10))
    jobs = []
    for role, shown in (("rest", Expression()), ("turned", _expression(rng, "category"))):
        for turn in TURNS:
            shot = make(expression=shown, seed=scene, yaw=side * turn, pitch=pitch, roll=roll)
            jobs.append(Job(shot, number, role))
    others = [*OTHERS, *(["blink"] * BLINKS if seed == SEEDS["measure"] else [])]
    for role in others:
        shot = make(
            expression=_expression(rng, role),
            seed=int(rng.integers(1 << 40)),
            yaw=float(rng.uniform(-WIDEST, WIDEST) * rng.choice((0.5, 1.0))),
            pitch=float(np.clip(rng.normal(0, 6), -15, 15)),
            roll=float(np.clip(rng.normal(0, 6), -15, 15)),
        )
        jobs.append(Job(shot, number, role))
    return jobs


def _expression(rng: np.random.Generator, role: str) -> Expression:
    from fexdata.corpora.base import EXPRESSIONS
    from fexdata.synthetic import expressions

    if role in ("category", "blink"):
        drawn = expressions.draw(str(rng.choice(EXPRESSIONS[1:])), rng)
        if role == "category":
            return drawn
        lids = float(rng.uniform(1.0, 5.0))
        return expressions.feasible({**drawn.left(), "AU43": lids}, {**drawn.right(), "AU43": lids})
    if role == "combination":
        names = rng.choice(COMMON, size=int(rng.integers(1, 5)), replace=False)
        shown = {str(name): float(rng.uniform(0.5, 5.0)) for name in names}
        return expressions.feasible(shown, shown)
    return expressions.random_feasible(rng)


def _look(job: Job) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int, str] | None:
    from fexdata.errors import RowError
    from fexdata.synthetic.photograph import take

    taken = take(job.shot)
    try:
        face = _finder().find(taken.picture, faces="largest")[0]
    except RowError:
        return None
    truth = taken.truth
    au = np.array([truth["au"].get(name, 0.0) for name in SINGLE_UNITS])
    pose = np.array([job.shot.yaw, job.shot.pitch, job.shot.roll])
    return face.landmarks, np.asarray(truth["landmarks_478"]), au, pose, job.person, job.role


@functools.lru_cache(maxsize=1)
def _finder() -> FaceFinder:
    from fexdata.faces.detection import FaceFinder

    return FaceFinder()
