"""A folder of pictures without labels: `0001/0000.jpg`, person by person.

Half of the pictures show one of the eight expressions, a quarter a single action unit, a quarter
any feasible combination: what a build measures on them is held against the truth, and the truth
should not be eight points only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from fexdata.corpora.base import EXPRESSIONS
from fexdata.synthetic import expressions
from fexdata.synthetic.layouts.base import Annotated
from fexdata.synthetic.plan import Planned, Request, Shot, in_turn, wild_gaze, wild_pose


class Folder:
    """Any folder of photographs."""

    name: ClassVar[str] = "folder"
    corpus: ClassVar[str] = "folder"
    size: ClassVar[int] = 256

    def plan(self, request: Request) -> list[Planned]:
        """Everything differs from one picture of a person to the next."""
        planned: list[Planned] = []
        for person, count in enumerate(request.counts()):
            names = in_turn(EXPRESSIONS, len(planned), count)
            planned += [self._one(request, person, index, name) for index, name in enumerate(names)]
        return planned

    def annotations(self, taken: Sequence[Annotated]) -> Iterator[tuple[str, bytes]]:
        """None: a folder has no labels."""
        return iter(())

    def _one(self, request: Request, person: int, index: int, name: str) -> Planned:
        rng = request.rng("shot", person, index)
        kind = rng.choice(["category", "single", "feasible"], p=[0.5, 0.25, 0.25])
        if kind == "category":
            expression = expressions.draw(name, rng)
        elif kind == "single":
            unit = str(rng.choice(expressions.SINGLE_UNITS))
            expression = expressions.single(unit, float(rng.uniform(1, 5)))
        else:
            expression = expressions.random_feasible(rng)
        yaw, pitch, roll = wild_pose(rng)
        shot = Shot(
            request.person(person),
            expression,
            request.square(),
            request.seed_of("picture", person, index),
            category=name if kind == "category" else None,
            model=request.model,
            yaw=yaw,
            pitch=pitch,
            roll=roll,
            gaze=wild_gaze(rng, yaw, pitch),
        )
        return Planned(shot, f"{person + 1:04d}/{index:04d}.jpg")
