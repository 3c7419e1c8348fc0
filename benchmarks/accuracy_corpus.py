"""The corpus of `benchmarks.accuracy`: AffectNet's layout, poses spread evenly, expressions paired.

A person has one scene: camera, light, background, pose. In it all eight expressions are photographed, so
that two expressions differ in nothing else, and a few hundred pictures tell whether one is favoured.
"""

from __future__ import annotations

from typing import ClassVar

from fexdata.corpora.base import EXPRESSIONS
from fexdata.synthetic import expressions
from fexdata.synthetic.corpus import synthesise
from fexdata.synthetic.layouts import LAYOUTS
from fexdata.synthetic.layouts.affectnet import AffectNet2017
from fexdata.synthetic.plan import Planned, Request, Shot, wild_gaze, wild_pose

TURNS = ((0, 15), (15, 30), (30, 40), (0, 15), (15, 30), (40, 50), (0, 15), (15, 30), (75, 90), (40, 50))
"""Degrees between which the head is turned to one side, scene after scene."""


class Spread(AffectNet2017):
    """AffectNet of 2017 with `TURNS`; pictures of a person beyond eight repeat the expressions."""

    name: ClassVar[str] = "affectnet-spread"

    def plan(self, request: Request) -> list[Planned]:
        planned: list[Planned] = []
        for person, count in enumerate(request.counts()):
            split = "val" if person % 10 == 1 else "train"
            for index in range(count):
                name = EXPRESSIONS[index % len(EXPRESSIONS)]
                labels = {"expression": name, "corpus_label": name, "valence": 0.0, "arousal": 0.0}
                shot = _shot(request, person, index, name)
                planned.append(Planned(shot, self._path(request, len(planned), split), labels, split))
        return planned


def make_corpus(out: str, *, scenes: int, seed: int, workers: int | None) -> None:
    """Writes `scenes` times eight pictures of as many people below the folder `out`."""
    LAYOUTS.setdefault(Spread.name, Spread())
    synthesise(Spread.name, out, people=scenes, images=scenes * len(EXPRESSIONS), seed=seed, workers=workers)


def _shot(request: Request, person: int, index: int, name: str) -> Shot:
    scene = request.rng("scene", person)
    low, high = TURNS[person % len(TURNS)]
    _, pitch, roll = wild_pose(scene)
    yaw = float(round(scene.uniform(low, high) * scene.choice((-1, 1)), 2))
    return Shot(
        request.person(person),
        expressions.draw(name, request.rng("expression", person, index)),
        request.square(),
        request.seed_of("scene", person),
        category=name,
        model=request.model,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        gaze=wild_gaze(scene, yaw, pitch),
    )
