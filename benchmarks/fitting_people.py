"""The pictures of `benchmarks.fitting` and of `fexdata.faces.fitting`'s calibration: people with truth.

Every person is photographed once at rest and with four expressions, the head turned up to 30 degrees to
either side; MediaPipe finds the landmarks. `PEOPLE` keeps those who are fitted apart from those on whom
a detector is calibrated and settings are chosen: other seeds, so other faces.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from fexdata.corpora.base import EXPRESSIONS
from fexdata.synthetic.plan import Shot

PEOPLE = {"tuning": 40_000, "test": 42_000, "turned": 43_000, "calibration": 60_000, "more": 61_000}
"""Seed of the first person of each set. Settings of the fit were chosen on `tuning`; figures come from `test`, and
from `turned`, whose heads are turned by 30 to 60 degrees."""
SHOTS = 5
"""Pictures of each person; the first is neutral."""
SIZE = 256
YAW, PITCH, ROLL = 30.0, 15.0, 15.0
"""Degrees, to either side, evenly drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """N pictures in which MediaPipe found the face, and their truth; lengths in pixels of the picture."""

    detected: np.ndarray
    """(N, 478, 3), z away from the viewer."""
    landmarks: np.ndarray
    """(N, 478, 3), true; z zero at the mean of the four eye corners."""
    landmarks_68: np.ndarray
    """(N, 68, 2), true."""
    expression: np.ndarray
    """(N, E)."""
    identity: np.ndarray
    """(N, K)."""
    turn: np.ndarray
    """(N, 3): yaw, pitch, roll, degrees."""
    camera: np.ndarray
    """(N, 3): focal length, centre x, centre y."""
    person: np.ndarray
    """(N,)."""
    category: np.ndarray
    """(N,) names of the expressions."""
    depth: np.ndarray
    """(N, S, S) uint16, normal (N, S, S, 3) uint8, mask (N, S, S) uint8, as in a dataset."""
    normal: np.ndarray
    mask: np.ndarray


def pictures(model: str, kind: str, people: int, *, seed: int = 0, workers: int | None = None,
             keep: Path | None = None) -> Pictures:  # fmt: skip
    """`SHOTS` pictures of each of `people` people of a set of `PEOPLE`; read from the folder `keep` if there."""
    path = keep and keep / f"{model.partition(':')[0]}-{kind}-{people}-{seed}.npz"
    if path and path.is_file():
        with np.load(path, allow_pickle=False) as archive:
            return Pictures(**archive)
    least = YAW if kind == "turned" else 0.0
    tasks = [shots_of(model, PEOPLE[kind] + person, seed, least) for person in range(people)]
    with ProcessPoolExecutor(workers or len(os.sched_getaffinity(0)), mp_context=get_context("spawn")) as pool:
        seen = [one for part in pool.map(_look, tasks) for one in part]
    names = [part.name for part in dataclasses.fields(Pictures)]
    found = Pictures(**{name: np.array([one[name] for one in seen]) for name in names})
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **{name: getattr(found, name) for name in names})
    return found


def shots_of(model: str, person: int, seed: int, least: float) -> list[Shot]:
    """least: degrees of yaw that the drawn one is away from."""
    from fexdata.synthetic import expressions

    rng = np.random.default_rng([seed, person, 31])
    others = [name for name in EXPRESSIONS if name != "neutral"]
    names = ["neutral", *rng.permutation(others)[: SHOTS - 1].tolist()]
    return [
        Shot(
            person,
            expressions.draw(name, rng),
            (SIZE, SIZE),
            int(rng.integers(1 << 40)),
            category=name,
            model=model,
            yaw=_beyond(float(rng.uniform(-YAW, YAW)), least),
            pitch=float(rng.uniform(-PITCH, PITCH)),
            roll=float(rng.uniform(-ROLL, ROLL)),
        )
        for name in names
    ]


def _beyond(angle: float, least: float) -> float:
    return angle + float(np.copysign(least, angle))


def _look(shots: list[Shot]) -> list[dict[str, Any]]:
    from fexdata.errors import RowError
    from fexdata.synthetic.photograph import take

    seen = []
    for shot in shots:
        taken = take(shot)
        try:
            face = finder().find(taken.picture, faces="largest")[0]
        except RowError:
            continue
        truth = taken.truth
        if np.linalg.norm(face.landmarks[:, :2] - truth["landmarks_478"][:, :2], axis=1).mean() > SIZE / 10:
            continue
        seen.append(
            {
                "detected": face.landmarks,
                "landmarks": truth["landmarks_478"],
                "landmarks_68": truth["landmarks_68"],
                "expression": truth["expression_params"],
                "identity": truth["identity_params"],
                "turn": np.array([shot.yaw, shot.pitch, shot.roll]),
                "camera": truth["camera"],
                "person": shot.person,
                "category": str(shot.category),
                "depth": truth["depth"],
                "normal": truth["normal"],
                "mask": truth["mask"],
            }
        )
    return seen


@functools.lru_cache(maxsize=1)
def finder() -> Any:
    from fexdata.faces.detection import FaceFinder

    return FaceFinder()
