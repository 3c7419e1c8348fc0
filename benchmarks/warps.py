"""How true warped photographs are, and what they cost. `python -m benchmarks.warps`

Synthetic people are photographed twice, alike in everything but the expression. The first
photograph is warped to the second's expression, from nothing but its pixels (`pixels`), or with its
own coefficients known (`known`). Reported, over the second face's bounding box:

- the mean absolute difference to the true second photograph, as a ratio to that of the first
  photograph itself (a copy): below 1, the warp is nearer to the truth than doing nothing;
- the same for landmarks that MediaPipe finds in the pictures;
- how far landmarks found in the warp lie from where the warp says, as a share of the eyes' distance;
- CPU milliseconds for laying a head over a photograph and for each picture made of it.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field

import cv2
import numpy as np

from fexdata.faces import alignment
from fexdata.faces.detection import FaceFinder
from fexdata.faces.models.default import default_model
from fexdata.synthetic import expressions
from fexdata.synthetic.expressions import Expression
from fexdata.synthetic.photograph import take
from fexdata.synthetic.plan import Request, Shot
from fexdata.synthetic.warps.base import Base

SIDE = 256
KINDS = ("pixels", "known")
Face = tuple[np.ndarray, np.ndarray]
"""A crop and the (478, 3) landmarks in it."""


@dataclass
class Tally:
    """What was measured of one kind of warp."""

    pixels: list[float] = field(default_factory=list)
    points: list[float] = field(default_factory=list)
    said: list[float] = field(default_factory=list)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, default=8)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    cv2.setNumThreads(1)
    finder, tallies, seconds = FaceFinder(), {kind: Tally() for kind in KINDS}, np.zeros(2)
    made = 0
    for person in range(given.people):
        for first, second in _scenes(given.seed, given.people, person):
            made += _measure(finder, first, second, tallies, seconds)
    print(f"{made} pairs of {given.people} people, {SIDE} x {SIDE}")
    print(
        "known from      pixels: error, ratio to a copy's   landmarks: ratio to a copy's   found beside said, % of eyes"
    )
    for kind, tally in tallies.items():
        print(f"{kind:<12} {_spread(tally.pixels):>32} {_spread(tally.points):>32} {100 * np.mean(tally.said):>18.1f}")
    base, picture = 1000 * seconds / [len(KINDS) * made, len(KINDS) * made]
    print(f"CPU: {base:.0f} ms to lay a head over a photograph, {picture:.0f} ms a picture")


def _scenes(seed: int, people: int, person: int) -> list[tuple[Shot, Shot]]:
    """Neutral to an expression, and that expression to another, before one camera."""
    request = Request("benchmark-warps", people, people, seed, 384)
    rng = request.rng("scene", person)
    yaw = float(rng.uniform(-25, 25))
    names = rng.choice([name for name in expressions.CATEGORIES if name != "neutral"], 2, replace=False)
    shown = [Expression(), *(expressions.draw(str(name), rng) for name in names)]
    shots = [
        Shot(request.person(person), one, request.square(), request.seed_of("scene", person), yaw=yaw) for one in shown
    ]
    return [(shots[0], shots[1]), (shots[1], shots[2])]


def _measure(finder: FaceFinder, first: Shot, second: Shot, tallies: dict[str, Tally], seconds: np.ndarray) -> int:
    model = default_model()
    before, after = take(first).picture, take(second).picture
    found = _found(finder, before)
    if found is None:
        return 0
    matrix = alignment.crop_matrix(found, alignment.template("five_point"), SIDE)
    picture, truth = (alignment.warp(one, matrix, SIDE) for one in (before, after))
    landmarks, true_points = alignment.apply(matrix, found), _found(finder, truth)
    if true_points is None:
        return 0
    low, high = (np.clip(true_points[:468, :2].min(0), 0, SIDE), np.clip(true_points[:468, :2].max(0), 0, SIDE))
    box = np.s_[int(low[1]) : int(high[1]), int(low[0]) : int(high[0])]
    start, end = (expressions.coefficients(shot.expression, model.expression_names) for shot in (first, second))
    eyes = float(np.linalg.norm(landmarks[33, :2] - landmarks[263, :2]))
    for kind, known in zip(KINDS, (None, start), strict=True):
        began = time.process_time()
        base = Base.of(model, picture, landmarks, seed=first.person, expression=known)
        laid = time.process_time()
        warped, said = base.showing(end)
        seconds += [laid - began, time.process_time() - laid]
        seen = _found(finder, warped)
        tally = tallies[kind]
        tally.pixels.append(_difference(warped, truth, box) / _difference(picture, truth, box))
        if seen is not None:
            tally.points.append(_apart(seen, true_points) / _apart(landmarks, true_points))
            tally.said.append(_apart(seen, said) / eyes)
    return 1


def _found(finder: FaceFinder, picture: np.ndarray) -> np.ndarray | None:
    faces = finder.find(picture, faces="largest")
    return faces[0].landmarks.reshape(478, 3).astype(np.float64) if faces else None


def _difference(one: np.ndarray, other: np.ndarray, box: tuple[slice, slice]) -> float:
    return float(np.abs(one[box].astype(float) - other[box]).mean())


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one[:468, :2] - other[:468, :2], axis=1).mean())


def _spread(values: list[float]) -> str:
    low, middle, high = np.percentile(values, [10, 50, 90])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
