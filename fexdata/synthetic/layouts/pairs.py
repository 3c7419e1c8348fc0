"""fexdata's own layout of pairs: one person, camera and light, two expressions.

Every other pair goes from neutral to an expression, the others from one expression to another.
Both pictures of a pair share pose, gaze and everything that is drawn: pixels differ by the
expression alone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import ClassVar

from fexdata.corpora.base import EXPRESSIONS
from fexdata.corpora.pairs import COLUMNS, LIST
from fexdata.synthetic import expressions
from fexdata.synthetic.layouts.base import Annotated
from fexdata.synthetic.plan import Planned, Request, Shot, wild_gaze, wild_pose

TARGETS = tuple(name for name in EXPRESSIONS if name != "neutral")


class Pairs:
    """Pairs as `fexdata.corpora.pairs` reads them."""

    name: ClassVar[str] = "pairs"
    corpus: ClassVar[str] = "pairs"
    size: ClassVar[int] = 256

    def plan(self, request: Request) -> list[Planned]:
        """Whole pairs: an odd number of a person's pictures is completed."""
        planned: list[Planned] = []
        for person, count in enumerate(request.counts()):
            for number in range(-(-count // 2)):
                planned += _pair(request, person, number, len(planned) // 2)
        return planned

    def annotations(self, taken: Sequence[Annotated]) -> Iterator[tuple[str, bytes]]:
        """The list."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for one in taken:
            labels = one.planned.labels
            names = ("pair_group", "subject", "expression", "frame_role")
            writer.writerow([one.planned.path, *(labels[name] for name in names)])
        yield LIST, text.getvalue().encode()


def _pair(request: Request, person: int, number: int, place: int) -> list[Planned]:
    """Two files. `place` counts the corpus's pairs: targets come in turn."""
    rng = request.rng("pair", person, number)
    target = TARGETS[place // 2 % len(TARGETS)]
    others = [name for name in TARGETS if name != target]
    source = "neutral" if place % 2 == 0 else str(rng.choice(others))
    yaw, pitch, roll = wild_pose(rng)
    gaze = wild_gaze(rng, yaw, pitch)
    subject = f"{person + 1:04d}"
    planned = []
    for letter, name in (("a", source), ("b", target)):
        shot = Shot(
            request.person(person),
            expressions.draw(name, rng),
            request.square(),
            request.seed_of("picture", person, number),
            category=name,
            model=request.model,
            yaw=yaw,
            pitch=pitch,
            roll=roll,
            gaze=gaze,
        )
        labels = {
            "pair_group": f"{subject}/{number:04d}",
            "subject": subject,
            "expression": name,
            "corpus_label": name,
            "frame_role": "neutral" if name == "neutral" else "apex",
        }
        planned.append(Planned(shot, f"{subject}/{number:04d}-{letter}.jpg", labels))
    return planned
