"""Draws docs/warps.jpg: photographs with other expressions. `python docs/make_warps.py`

The first row is NASA's portrait of Eileen Collins (public domain), the others synthetic people.
Nothing is known of any of them but the pixels: faces are found, cropped and fitted as in a build.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import skimage.data

from fexdata.faces import alignment
from fexdata.faces.detection import FaceFinder
from fexdata.faces.models.default import default_model
from fexdata.synthetic import expressions
from fexdata.synthetic.expressions import Expression
from fexdata.synthetic.photograph import take
from fexdata.synthetic.plan import Request, Shot
from fexdata.synthetic.warps.base import Base

SIDE, SHOWN, CAPTION = 256, 176, 22
PEOPLE = (("neutral", 0.0), ("happy", 14.0), ("neutral", -22.0), ("surprise", 8.0))
"""What the synthetic people's own photographs show: expression and yaw."""
SHOW: dict[str, dict[str, float]] = {
    "neutral": {},
    "AU6 12": {"AU12": 4.2, "AU6": 3.5},
    "AU6 12 25": {"AU12": 4.5, "AU6": 4, "AU25": 3.5, "AU26": 0.8},
    "AU1 2 5 26": {"AU1": 4, "AU2": 4.5, "AU5": 3.5, "AU26": 4, "AU25": 1.5},
    "AU43": {"AU43": 5},
    "AU4 7 23": {"AU4": 5, "AU7": 3, "AU23": 3.5},
    "AU1 4 15 17": {"AU1": 4.5, "AU4": 2.5, "AU15": 4.5, "AU17": 3},
    "AU9 10 25": {"AU9": 4.5, "AU10": 3, "AU25": 2},
}


def photographs() -> list[np.ndarray]:
    request = Request("docs", len(PEOPLE), len(PEOPLE), 4, 384)
    taken = [skimage.data.astronaut()]
    for number, (name, yaw) in enumerate(PEOPLE):
        expression = expressions.draw(name, request.rng("expression", number))
        taken.append(
            take(Shot(request.person(number), expression, request.square(), request.seed_of(number), yaw=yaw)).picture
        )
    return taken


def cropped(photograph: np.ndarray, finder: FaceFinder) -> tuple[np.ndarray, np.ndarray]:
    """The crop of the largest face, and its (478, 3) landmarks."""
    (face,) = finder.find(photograph, faces="largest")
    points = face.landmarks.reshape(478, 3).astype(np.float64)
    matrix = alignment.crop_matrix(points, alignment.template("five_point"), SIDE)
    return alignment.warp(photograph, matrix, SIDE), alignment.apply(matrix, points)


def main() -> None:
    model, finder = default_model(), FaceFinder()
    wanted = [expressions.coefficients(Expression.of(units), model.expression_names) for units in SHOW.values()]
    rows = []
    for number, photograph in enumerate(photographs()):
        picture, landmarks = cropped(photograph, finder)
        base = Base.of(model, picture, landmarks, seed=number)
        shown = [picture, *(base.showing(expression)[0] for expression in wanted)]
        rows.append(np.concatenate([cv2.resize(one, (SHOWN, SHOWN), interpolation=cv2.INTER_AREA) for one in shown], 1))
    names = np.full((CAPTION, rows[0].shape[1], 3), 247, np.uint8)
    for column, name in enumerate(("photograph", *SHOW)):
        place = (column * SHOWN + 6, CAPTION - 7)
        cv2.putText(names, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (40, 34, 28), 1, cv2.LINE_AA)
    path = Path(__file__).with_name("warps.jpg")
    cv2.imwrite(str(path), np.concatenate([names, *rows])[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
