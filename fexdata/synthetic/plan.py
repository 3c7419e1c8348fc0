"""Which pictures a synthetic corpus has: a pure function of a few numbers, before anything is drawn.

The promise: `plan` depends on nothing but its arguments. A `Shot` says everything that decides one
picture, so a picture is the same whoever takes it, when, and beside which others. Every random
draw has a seed of its own, made from the corpus's seed and from what it is for; people of two
layouts are different people even under the same seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fexdata.errors import FexdataError

if TYPE_CHECKING:
    from fexdata.synthetic.expressions import Expression

MODEL = "fexdata-head"
"""The face model that people have unless another is asked for."""


@dataclass(frozen=True, slots=True)
class Shot:
    """Everything that decides one picture. Equal shots give equal pictures.

    Angles are degrees with the signs of `docs/conventions.md`: yaw > 0 turns the nose, and the
    gaze, to the left of the picture, pitch > 0 down.
    """

    person: int
    """Seed of the person: shape, skin, hair, clothes."""
    expression: Expression
    size: tuple[int, int]
    """Width and height in pixels."""
    seed: int
    """Of camera, light, background, noise: shots that share it differ only in what they name."""
    category: str | None = None
    """The expression's name, one of the eight; None for one that has no name."""
    model: str = MODEL
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)
    """Yaw and pitch of the eyes in the head."""
    camera: str | None = None
    """Kind of camera; None: drawn."""
    light: str | None = None
    """Kind of light; None: drawn."""
    background: str | None = None
    """Kind of background; None: drawn."""
    plain: bool = False
    """Without hair, brows, beard, headwear and glasses: nothing lies before the skin."""


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """One picture with its truth."""

    picture: np.ndarray
    """(H, W, 3) uint8 RGB, as it comes out of `jpeg` where there is one."""
    truth: Mapping[str, Any]
    """Columns by name; `fexdata.synthetic.truth` lists them."""
    jpeg: bytes | None = None
    """The camera's own file, when it wrote one."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One file of a corpus: its shot, its place, and what the corpus's reader shall say of it."""

    shot: Shot
    path: str
    """Below the corpus's root, `/` between parts."""
    labels: Mapping[str, Any] = field(default_factory=dict)
    """Label columns of the manifest (see `fexdata.dataset.schema.LABELS`)."""
    split: str | None = None
    frame: int = 0
    upside_down: bool = False
    """Whether the file is stored turned by half a circle, as two of Multi-PIE's cameras are."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for: how many people, how many pictures in all, how large."""

    layout: str
    people: int
    images: int
    seed: int
    size: int
    model: str = MODEL

    def seed_of(self, *what: object) -> int:
        """A seed for one purpose, such as `seed_of("person", 3)`: 0 to 2^63 - 1."""
        text = "\0".join(map(str, (self.layout, self.seed, *what))).encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1

    def rng(self, *what: object) -> np.random.Generator:
        return np.random.default_rng(self.seed_of(*what))

    def person(self, number: int) -> int:
        return self.seed_of("person", number)

    def counts(self) -> list[int]:
        """Pictures of each person: as even as possible, the first people have one more."""
        share, rest = divmod(self.images, self.people)
        return [share + (number < rest) for number in range(self.people)]

    def square(self) -> tuple[int, int]:
        return self.size, self.size


def plan(layout: str, *, people: int, images: int, seed: int, size: int | None = None, model: str = MODEL
         ) -> list[Planned]:  # fmt: skip
    """The files of a synthetic corpus, person by person.

    layout: a name of `fexdata.synthetic.layouts.LAYOUTS`. images: pictures in all, at least one a
    person; where a layout's own unit is larger (a pair, a sequence), it is completed. size: the
    pictures' side in pixels; by default the layout's own.

    Raises `FexdataError` for an unknown layout and for numbers that make no corpus.
    """
    from fexdata.synthetic.layouts import layout_of

    found = layout_of(layout)
    for what, value, least in (("people", people, 1), ("images", images, 1), ("size", size or found.size, 64)):
        if value < least:
            raise FexdataError(f"synth {layout}: {value} {what}: expected at least {least}")
    request = Request(layout, min(people, images), images, seed, size or found.size, model)
    return found.plan(request)


def wild_pose(rng: np.random.Generator) -> tuple[float, float, float]:
    """Yaw, pitch, roll as in photographs that people put on the web: mostly towards the camera,
    a quarter of them anywhere up to 45 degrees."""
    turned = rng.random() < 0.25
    yaw = rng.uniform(-45, 45) if turned else np.clip(rng.normal(0, 12), -40, 40)
    pitch, roll = np.clip(rng.normal(1, 7), -20, 22), np.clip(rng.normal(0, 6), -20, 20)
    return round(float(yaw), 2), round(float(pitch), 2), round(float(roll), 2)


def wild_gaze(rng: np.random.Generator, yaw: float, pitch: float) -> tuple[float, float]:
    """Where the eyes look, in the head: half of the people look into the camera as far as their
    eyes turn, the others straight ahead or aside."""
    if rng.random() < 0.5:
        towards = np.clip([-0.7 * yaw, -0.7 * pitch], -20, 20) + rng.normal(0, 1.5, 2)
    else:
        towards = np.clip(rng.normal(0, (8, 4)), -22, 22)
    return round(float(towards[0]), 2), round(float(towards[1]), 2)


def in_turn(names: Sequence[str], start: int, count: int) -> list[str]:
    """`count` names one after another, beginning with number `start`: balanced however the
    pictures are dealt out to people."""
    return [names[(start + index) % len(names)] for index in range(count)]
