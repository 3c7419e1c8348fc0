"""Shuts the eyes of people whose eyes are not the mean's.

The fields of the action units close the mean face's eyes exactly. Someone whose eyes are 2 mm wider
would keep a gap of 2 mm, someone with narrow eyes would have the lids cross. The remedy is a part of
the movement that grows with both the person and the coefficients: what the person's eye opening
differs from the mean's, times the share of it that is closed, moves the upper lids.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from fexdata.faces.canonical import VERTICES
from fexdata.faces.models.action_unit_controls import EYE_CORNERS
from fexdata.faces.models.action_unit_solver import LID_PAIRS, MIRROR, spread
from fexdata.faces.models.action_units import EYE_CLOSURE
from fexdata.faces.models.rest import rest_face

_STILL = (52, 65, 53, 55, 46, 70, 168, 6, 226, 35, 230, 117)
"""Vertices of the left half and the midline above and around the eye that the lids do not move."""
_REACH = 10.0


@functools.cache
def lid_influence() -> np.ndarray:
    """How far each vertex goes with each upper lid's rim vertex: (14, 468) float64, read-only.

    Rows in the order of `LID_PAIRS`. 1 at the vertex itself, 0 at the other rim vertices.
    """
    pairs = len(LID_PAIRS)
    left = (*EYE_CORNERS, *_STILL)
    still = {*left, *(int(MIRROR[vertex]) for vertex in left), *(lower for _, lower in LID_PAIRS)}
    gaps = {pair: row for pair, row in zip(LID_PAIRS, np.eye(pairs), strict=True)}
    influence = spread({vertex: np.zeros(pairs) for vertex in sorted(still)}, gaps, reach=_REACH).T
    influence.setflags(write=False)
    return influence


def lid_shifts(neutral: np.ndarray, coefficients: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """By how much each upper lid's rim vertex has to move on top of the fields: (14, 3) float64, mm.

    neutral: (at least 468, 3), the person at rest, mm; coefficients: (E,) for the action units `names`.
    """
    if len(neutral) < VERTICES:
        raise ValueError(f"neutral: expected at least {VERTICES} vertices, got {len(neutral)}")
    upper, lower = np.array(LID_PAIRS).T
    opening = np.asarray(neutral, dtype=np.float64)[lower] - neutral[upper]
    unusual = opening - (rest_face()[lower] - rest_face()[upper])
    return unusual * np.where(upper < MIRROR[upper], *closures(coefficients, names))[:, None]


def closures(coefficients: np.ndarray, names: Sequence[str]) -> tuple[float, float]:
    """The share of its opening that the left and the right eye lose; negative where they widen."""
    shares = [
        sum(
            EYE_CLOSURE.get(name.removesuffix(f"_{side}"), 0.0) * float(value)
            for name, value in zip(names, coefficients, strict=True)
        )
        for side in ("left", "right")
    ]
    return shares[0], shares[1]
