"""Multi-PIE's layout: a studio with cameras all round and a flash for every light.

A person's six expressions (`fexdata.corpora.multipie.RECORDINGS`) are taken under one camera and
light after another, so that whatever the number of pictures, those of one camera and light are
there to be paired. The three cameras of the pair-based methods come first, then the sides, among
them the two that are stored upside down. A light is the same for everybody.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from fexdata.corpora.multipie import CAMERAS, EXPRESSIONS, RECORDINGS, UPSIDE_DOWN
from fexdata.errors import FexdataError
from fexdata.synthetic import expressions
from fexdata.synthetic.expressions import Expression
from fexdata.synthetic.layouts.base import Annotated
from fexdata.synthetic.plan import Planned, Request, Shot

LIGHTS = [f"{number:02d}" for number in (7, 1, 13, 4, 10, 16, 0, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 19)]
"""Illuminations, the frontal flash first."""
FRONT = ("051", "050", "140")
SIDES = ("041", "130", "190", "080", "191", "081")
VIEWS = [
    *((camera, light) for light in LIGHTS for camera in FRONT),
    *((camera, light) for light in LIGHTS for camera in SIDES),
]
POSED = list({word: recording for recording, word in reversed(RECORDINGS.items())}.values())
"""The first recording of each word."""
OWN_WORDS = {
    "squint": {"AU4": (1.0, 2.5), "AU6": (2.5, 4.0), "AU7": (3.0, 5.0), "AU43": (1.0, 2.0)},
    "scream": {"AU4": (1.5, 3.0), "AU6": (2.0, 3.5), "AU7": (2.0, 4.0), "AU20": (1.0, 2.5), "AU27": (3.5, 5.0)},
}
"""Lowest and highest intensities for the words that are none of the eight expressions."""
ABOVE = 20.0
"""Degrees from which the two upper cameras look down."""


class MultiPIE:
    """The CMU Multi-PIE face database's multiview pictures."""

    name: ClassVar[str] = "multipie"
    corpus: ClassVar[str] = "multipie"
    size: ClassVar[int] = 256

    def plan(self, request: Request) -> list[Planned]:
        """All expressions under one camera and light, then the next."""
        planned = []
        recordings = sorted(POSED)
        for person, count in enumerate(request.counts()):
            steps = list(itertools.islice(itertools.product(VIEWS, recordings), count))
            if len(steps) < count:
                most = len(VIEWS) * len(recordings)
                raise FexdataError(f"synth multipie: {count} pictures a person, at most {most}; ask for more --people")
            planned += [_one(request, person, *view, recording) for view, recording in steps]
        return planned

    def annotations(self, taken: Sequence[Annotated]) -> Iterator[tuple[str, bytes]]:
        """None: names say it all."""
        return iter(())


def _one(request: Request, person: int, camera: str, light: str, recording: tuple[str, str]) -> Planned:
    subject, (session, number) = f"{person + 1:03d}", recording
    word = RECORDINGS[recording]
    # One moment before all cameras and lights: the person does the same.
    moment = request.rng("moment", person, session, number)
    pitch, roll = moment.normal(0, 1.5, 2).round(2)
    shot = Shot(
        request.person(person),
        _expression(word, moment),
        request.square(),
        request.seed_of("light", light, camera),
        category=EXPRESSIONS.get(word),
        model=request.model,
        yaw=CAMERAS[camera],
        pitch=float(pitch) + (ABOVE if camera in UPSIDE_DOWN else 0.0),
        roll=float(roll),
        camera="studio",
        light=None,
        background="paper",
    )
    labels = {
        "subject": subject,
        "session": session,
        "recording": number,
        "camera_angle": CAMERAS[camera],
        "illumination": light,
        "corpus_label": word,
    }
    if word in EXPRESSIONS:
        labels["expression"] = EXPRESSIONS[word]
    folder = f"session{session}/multiview/{subject}/{number}/{camera[:2]}_{camera[2]}"
    name = f"{subject}_{session}_{number}_{camera}_{light}.png"
    return Planned(shot, f"{folder}/{name}", labels, upside_down=camera in UPSIDE_DOWN)


def _expression(word: str, rng: np.random.Generator) -> Expression:
    """What a recording's word asks for. Squint and scream are ranges of our own."""
    if word in EXPRESSIONS:
        return expressions.draw(EXPRESSIONS[word], rng)
    drawn = {name: float(rng.uniform(*bounds)) for name, bounds in OWN_WORDS[word].items()}
    return expressions.feasible(drawn, drawn)
