"""AffectNet's two layouts: pictures as from the web, eight classes, valence and arousal.

The files are those that `fexdata.corpora.affectnet` describes. One person in ten, at least one of
two, is for validation: the real corpus does not say who is who, so its two lists are what keeps a
person on one side.

Valence and arousal lie where the circumplex of affect has the category (Russell 1980, J. Pers.
Soc. Psychol. 39(6)), the farther out the stronger the expression; the places are our reading of it.
"""

from __future__ import annotations

import csv
import hashlib
import io
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from fexdata.corpora.affectnet import COLUMNS, IMAGES_2017, LISTS_2017, SETS_2021, WORDS
from fexdata.corpora.base import EXPRESSIONS
from fexdata.synthetic import expressions
from fexdata.synthetic.layouts.base import Annotated
from fexdata.synthetic.plan import Planned, Request, Shot, in_turn, wild_gaze, wild_pose

AFFECT = {
    "neutral": (0.0, -0.05),
    "happy": (0.8, 0.35),
    "sad": (-0.7, -0.35),
    "surprise": (0.15, 0.8),
    "fear": (-0.5, 0.8),
    "disgust": (-0.7, 0.4),
    "anger": (-0.65, 0.75),
    "contempt": (-0.55, 0.25),
}
"""Valence and arousal of each expression at its strongest."""


class _AffectNet(ABC):
    corpus: ClassVar[str] = "affectnet"

    def plan(self, request: Request) -> list[Planned]:
        """Pose, camera, light and background differ from picture to picture; the eight classes
        come in turn over all pictures."""
        planned: list[Planned] = []
        for person, count in enumerate(request.counts()):
            split = "val" if person % 10 == 1 else "train"
            for index, name in enumerate(in_turn(EXPRESSIONS, len(planned), count)):
                shot, affect = _shot(request, person, index, name)
                labels = {"expression": name, "corpus_label": WORDS[EXPRESSIONS.index(name)], **affect}
                path = self._path(request, len(planned), split)
                planned.append(Planned(shot, path, labels, split))
        return planned

    @abstractmethod
    def _path(self, request: Request, number: int, split: str) -> str:
        """Where in the corpus the picture of that number lies."""


class AffectNet2017(_AffectNet):
    """The layout of 2017: lists with boxes and landmarks beside folders of hashed names."""

    name: ClassVar[str] = "affectnet"
    size: ClassVar[int] = 256

    def annotations(self, taken: Sequence[Annotated]) -> Iterator[tuple[str, bytes]]:
        """Both lists. Boxes are whole pixels and landmarks have two decimals, as in the original."""
        for list_name, split in LISTS_2017.items():
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(_cells(one) for one in taken if one.planned.split == split)
            yield list_name, text.getvalue().encode()

    def _path(self, request: Request, number: int, split: str) -> str:
        name = hashlib.blake2b(str(request.seed_of("name", number)).encode(), digest_size=28).hexdigest()
        return f"{IMAGES_2017}/{number // 500 + 1}/{name}.jpg"


class AffectNet2021(_AffectNet):
    """The layout of 2021: 224 x 224, one file per number, numbers stored as strings."""

    name: ClassVar[str] = "affectnet-2021"
    size: ClassVar[int] = 224

    def annotations(self, taken: Sequence[Annotated]) -> Iterator[tuple[str, bytes]]:
        """Four files per picture."""
        for one in taken:
            folder, _, name = one.planned.path.partition("/images/")
            labels = one.planned.labels
            values = {
                "exp": np.array(str(EXPRESSIONS.index(labels["expression"]))),
                "val": np.array(f"{labels['valence']:.4f}"),
                "aro": np.array(f"{labels['arousal']:.4f}"),
                "lnd": np.asarray(one.points, np.float64).round(2).ravel(),
            }
            for what, value in values.items():
                data = io.BytesIO()
                np.save(data, value)
                yield f"{folder}/annotations/{name.removesuffix('.jpg')}_{what}.npy", data.getvalue()

    def _path(self, request: Request, number: int, split: str) -> str:
        folder = next(name for name, meant in SETS_2021.items() if meant == split)
        return f"{folder}/images/{number}.jpg"


def _shot(request: Request, person: int, index: int, name: str) -> tuple[Shot, dict[str, float]]:
    rng = request.rng("shot", person, index)
    expression = expressions.draw(name, rng)
    yaw, pitch, roll = wild_pose(rng)
    shot = Shot(
        request.person(person),
        expression,
        request.square(),
        request.seed_of("picture", person, index),
        category=name,
        model=request.model,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        gaze=wild_gaze(rng, yaw, pitch),
    )
    strength = max(expressions.intensities(expression).values(), default=0.0) / 5
    far = 1.0 if name == "neutral" else 0.35 + 0.65 * strength
    noise = rng.normal(0, 0.05, 2)
    valence, arousal = (float(np.clip(far * at + off, -1, 1)) for at, off in zip(AFFECT[name], noise, strict=True))
    return shot, {"valence": round(valence, 4), "arousal": round(arousal, 4)}


def _cells(one: Annotated) -> list[str]:
    labels = one.planned.labels
    path = one.planned.path.removeprefix(IMAGES_2017 + "/")
    landmarks = ";".join(f"{value:.2f}" for value in np.asarray(one.points).ravel())
    box = [str(round(float(value))) for value in one.box]
    expression = str(EXPRESSIONS.index(labels["expression"]))
    return [path, *box, landmarks, expression, f"{labels['valence']:.4f}", f"{labels['arousal']:.4f}"]
