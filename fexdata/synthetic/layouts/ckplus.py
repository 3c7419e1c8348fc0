"""CK+'s layout: short films from neutral to the peak of an expression, in front of one camera.

Sequences of 4 to 10 frames fill up a person's pictures (a person has at least two). The peak's
emotion, and its FACS code with the truth's intensities rounded as a coder would, are where
`fexdata.corpora.ckplus` looks for them, as are 68 landmarks per frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np

from fexdata.corpora.ckplus import EMOTIONS, IMAGES
from fexdata.synthetic import expressions
from fexdata.synthetic.layouts.base import Annotated
from fexdata.synthetic.plan import Planned, Request, Shot, in_turn

LONGEST = 10
"""Frames of a sequence at most; the corpus has 4 to 71."""
CATEGORIES = tuple(name for name in EMOTIONS.values() if name != "neutral")
WORDS = {name: word for word, name in EMOTIONS.items()}
CODES = {name: code for code, name in enumerate(EMOTIONS.values())}


class CKPlus:
    """The Extended Cohn-Kanade dataset."""

    name: ClassVar[str] = "ckplus"
    corpus: ClassVar[str] = "ckplus"
    size: ClassVar[int] = 256

    def plan(self, request: Request) -> list[Planned]:
        """Sequences of one person share camera and light; the expressions come in turn."""
        planned: list[Planned] = []
        sequences = 0
        for person, count in enumerate(request.counts()):
            lengths = _lengths(max(count, 2))
            for number, name in enumerate(in_turn(CATEGORIES, sequences, len(lengths))):
                planned += _sequence(request, person, number, lengths[number], name)
            sequences += len(lengths)
        return planned

    def annotations(self, taken: Sequence[Annotated]) -> Iterator[tuple[str, bytes]]:
        """Emotion and FACS of every peak, landmarks of every frame; numbers in MATLAB's notation."""
        for one in taken:
            stem = one.planned.path.removeprefix(IMAGES + "/").removesuffix(".png")
            yield f"Landmarks/{stem}_landmarks.txt", _rows(one.points)
            if one.planned.labels["frame_role"] == "apex":
                yield f"Emotion/{stem}_emotion.txt", _rows([[CODES[one.planned.labels["expression"]]]])
                yield f"FACS/{stem}_facs.txt", _rows(facs(one.action_units))


def facs(intensities: Mapping[str, float]) -> list[list[int]]:
    """(number, intensity 1 to 5) of every action unit that a coder would grade: 0.5 and above."""
    return [[int(name[2:]), round(value)] for name, value in intensities.items() if value >= 0.5]


def _lengths(count: int) -> list[int]:
    """A person's pictures cut into sequences as equal as possible."""
    parts = -(-count // LONGEST)
    return [count // parts + (number < count % parts) for number in range(parts)]


def _sequence(request: Request, person: int, number: int, frames: int, name: str) -> list[Planned]:
    rng = request.rng("sequence", person, number)
    course = expressions.sequence(expressions.draw(name, rng), frames)
    pitch, roll = rng.normal(0, 2, 2).round(2)
    drift = rng.normal(0, 1.0, 2)  # degrees by which the head turns on the way to the peak
    subject, sequence = f"S{person + 1:03d}", f"{number + 1:03d}"
    planned = []
    for index, expression in enumerate(course):
        first, last = index == 0, index == frames - 1
        done = index / max(frames - 1, 1)
        shot = Shot(
            request.person(person),
            expression,
            request.square(),
            request.seed_of("picture", person, number),  # one film: camera, light and noise stay
            category="neutral" if first else name,
            model=request.model,
            yaw=round(float(drift[0] * done), 2),
            pitch=round(float(pitch + drift[1] * done), 2),
            roll=float(roll),
            camera="studio",
            light="studio",
            background="paper",
        )
        labels = {
            "subject": subject,
            "sequence": f"{subject}/{sequence}",
            "frame_role": "neutral" if first else "apex" if last else "onset",
        }
        if first or last:
            labels["expression"] = "neutral" if first else name
        if last:
            labels["corpus_label"] = WORDS[name]
        path = f"{IMAGES}/{subject}/{sequence}/{subject}_{sequence}_{index + 1:08d}.png"
        planned.append(Planned(shot, path, labels, frame=index + 1))
    return planned


def _rows(values: Sequence[Sequence[float]] | np.ndarray) -> bytes:
    return "".join("".join(f"   {float(value):.7e}" for value in row) + "\n" for row in values).encode()
