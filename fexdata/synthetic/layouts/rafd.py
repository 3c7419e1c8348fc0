"""RaFD's layout: a studio, five cameras at once, eight posed expressions, three gazes.

Names say everything (`fexdata.corpora.rafd`). The word for descent is always `Caucasian` and means
nothing here; `male` and `female` follow the person's looks. A person has at most 5 x 8 x 3 = 120
pictures; a smaller number takes first what is used most: the front with the gaze ahead, then the
half profiles, then the gazes aside, then the profiles. After the corpus's 67 models numbers go on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import ClassVar

from fexdata.corpora.rafd import EXPRESSIONS
from fexdata.errors import FexdataError
from fexdata.synthetic import expressions
from fexdata.synthetic.layouts.base import Annotated
from fexdata.synthetic.plan import Planned, Request, Shot, in_turn
from fexdata.synthetic.traits import draw_traits

ABSENT = {6, 13, 17, 34, 62, 66}
"""Model numbers that RaFD does not have."""
GAZE = 20.0
"""Degrees by which averted eyes are turned in the head."""
VIEWS = [
    *itertools.product(("090", "045", "135"), ("frontal",)),
    *itertools.product(("090", "045", "135"), ("left", "right")),
    *itertools.product(("000", "180"), ("frontal", "left", "right")),
]
"""(camera, gaze) in the order in which they are taken."""


class RaFD:
    """The Radboud Faces Database."""

    name: ClassVar[str] = "rafd"
    corpus: ClassVar[str] = "rafd"
    size: ClassVar[int] = 256

    def plan(self, request: Request) -> list[Planned]:
        """One camera and gaze after another, all eight expressions in each."""
        models = (number for number in itertools.count(1) if number not in ABSENT)
        planned: list[Planned] = []
        words = tuple(EXPRESSIONS)
        for person, (count, model) in enumerate(zip(request.counts(), models, strict=False)):
            most = len(words) * len(VIEWS)
            if count > most:
                raise FexdataError(
                    f"synth rafd: {count} pictures a person: RaFD has {most} of each; ask for more --people"
                )
            sex = "male" if draw_traits(request.person(person)).masculinity > 0.5 else "female"
            start = len(planned)
            for index in range(count):
                camera, gaze = VIEWS[index // len(words)]
                word = in_turn(words, start + index, 1)[0]
                path = f"Rafd{camera}_{model:02d}_Caucasian_{sex}_{word}_{gaze}.jpg"
                labels = {
                    "expression": EXPRESSIONS[word],
                    "corpus_label": word,
                    "subject": f"{model:02d}",
                    "camera_angle": float(camera) - 90.0,
                    "gaze": gaze,
                }
                planned.append(Planned(_shot(request, person, camera, word, gaze), path, labels))
        return planned

    def annotations(self, taken: Sequence[Annotated]) -> Iterator[tuple[str, bytes]]:
        """None: names say it all."""
        return iter(())


def _shot(request: Request, person: int, camera: str, word: str, gaze: str) -> Shot:
    # The five cameras see one moment: what the person does depends on word and gaze alone.
    moment = request.rng("moment", person, word, gaze)
    expression = expressions.draw(EXPRESSIONS[word], moment)
    pitch, roll = moment.normal(0, 1.5, 2).round(2)
    away = {"left": GAZE, "frontal": 0.0, "right": -GAZE}[gaze]
    return Shot(
        request.person(person),
        expression,
        request.square(),
        request.seed_of("picture", person, word, gaze, camera),
        category=EXPRESSIONS[word],
        model=request.model,
        # The camera that sees the face's right side has the nose to the right of its picture.
        yaw=float(camera) - 90.0,
        pitch=float(pitch),
        roll=float(roll),
        gaze=(away, 0.0),
        camera="studio",
        light="studio",
        background="paper",
    )
