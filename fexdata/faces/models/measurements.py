"""The measurements in which heads are known to differ, as smooth fields over the mean head.

Each measurement is a few soft pushes: a place on the left half (one of MediaPipe's vertices), a
direction, a reach. The push fades as a Gaussian of distance and is mirrored to the right half; one
unit is one standard deviation among adults of both sexes. Deviations follow the tables of Farkas,
Anthropometry of the Head and Face, 1994, and Zhuang et al., Facial Anthropometric Differences among
Gender, Ethnicity, and Age Groups, Annals of Occupational Hygiene 2010, rounded: e.g. face breadth
4 %, face height 5 %, nose breadth 9 %, nose length 7 %, lip height 18 %, mouth breadth 7 %,
distance of the inner eye corners 8 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fexdata.faces.models.rest import rest_face

REFLECTION = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True)
class Push:
    """A soft displacement."""

    vertex: int
    """MediaPipe's vertex at its centre, on the left half or the middle."""
    x: float
    y: float
    z: float
    """Millimetres at the centre, for one standard deviation."""
    reach: float
    """Millimetres at which the push has fallen to 61 %."""


MEASUREMENTS: dict[str, tuple[Push, ...]] = {
    "jaw_breadth": (Push(58, -2.2, 0, 0, 30), Push(172, -1.6, 0, 0, 25)),
    "cheekbone_breadth": (Push(116, -2.0, 0, -1.0, 28),),
    "chin_height": (Push(152, 0, 2.6, 0, 28), Push(200, 0, 1.2, 0, 22)),
    "chin_projection": (Push(199, 0, 0, -2.2, 24),),
    "chin_breadth": (Push(150, -1.8, 0, 0, 22),),
    "nose_length": (Push(2, 0, 1.6, 0, 14), Push(98, 0, 1.5, 0, 12), Push(4, 0, 1.3, 0, 14)),
    "nose_breadth": (Push(129, -0.8, 0, 0, 9), Push(98, -0.6, 0, 0, 8)),
    "nose_projection": (Push(4, 0, 0, -1.8, 16),),
    "nose_bridge_height": (Push(6, 0, 0, -1.4, 13),),
    "nose_bridge_bump": (Push(195, 0, 0, -0.9, 8),),
    "nose_tip_tilt": (Push(4, 0, -1.4, 0, 10),),
    "nose_bridge_breadth": (Push(196, -0.8, 0, 0, 9),),
    "upper_lip_fullness": (Push(0, 0, -0.9, -0.6, 7), Push(39, 0, -0.8, -0.4, 7)),
    "lower_lip_fullness": (Push(17, 0, 1.1, -0.7, 8), Push(84, 0, 0.9, -0.4, 8)),
    "lip_projection": (Push(13, 0, 0, -1.2, 14),),
    "mouth_breadth": (Push(61, -1.2, 0, 0.2, 11),),
    "mouth_height": (Push(13, 0, 1.3, 0, 16),),
    "philtrum_length": (Push(164, 0, 0.7, 0, 9), Push(0, 0, 1.2, 0, 10)),
    "eye_distance": (Push(133, -1.0, 0, 0, 14), Push(33, -1.0, 0, 0, 14)),
    "eye_breadth": (Push(33, -0.8, 0, 0.2, 8), Push(133, 0.4, 0, 0, 7)),
    "eye_height": (Push(159, 0, -0.7, 0, 7), Push(145, 0, 0.3, 0, 7)),
    "eye_slant": (Push(33, 0, -1.0, 0, 10), Push(133, 0, 0.5, 0, 9)),
    "eye_depth": (Push(159, 0, 0, 1.1, 15),),
    "brow_height": (Push(105, 0, -1.5, 0, 16), Push(66, 0, -1.3, 0, 14)),
    "brow_ridge": (Push(105, 0, 0, -1.2, 14), Push(9, 0, 0, -0.9, 14)),
    "forehead_slope": (Push(10, 0, 0, 2.6, 38),),
    "forehead_height": (Push(10, 0, -3.0, 0, 40),),
    "cheek_fullness": (Push(205, -1.0, 0.2, -1.3, 18), Push(187, -1.2, 0.3, -0.8, 18)),
    # Between the sexes: brow ridge, jaw, chin, brow height, eye opening, lips, forehead, cheeks.
    "masculinity": (
        Push(105, 0, 1.0, -1.5, 15),
        Push(9, 0, 0, -1.1, 14),
        Push(10, 0, 0, 1.6, 36),
        Push(58, -2.6, 1.0, 0, 28),
        Push(150, -1.8, 0.8, 0, 22),
        Push(152, 0, 2.2, -0.6, 24),
        Push(159, 0, 0.55, 0, 7),
        Push(4, 0, 0.5, -1.0, 15),
        Push(17, 0, -0.7, 0.4, 9),
        Push(0, 0, 0.6, 0.3, 8),
        Push(205, 0.9, 0, 0.9, 17),
    ),
    "cheek_hollow": (Push(213, -1.3, 0, -0.3, 20),),
}

PROPORTIONS = {"head_breadth": (0.026, 0, 0), "head_height": (0, 0.03, 0), "head_depth": (0, 0, 0.03),
               "size": (0.02, 0.02, 0.02)}  # fmt: skip
"""Stretches of the whole head along x, y, z, relative, for one standard deviation."""


NECK = "neck_breadth"
NECK_STRETCH, NECK_AXIS_Z = 0.06, 55.0
MASCULINE_NECK = 0.05
"""Relative stretch of the neck about its axis for one standard deviation, and for one of masculinity."""


def measurement_fields(points: np.ndarray) -> dict[str, np.ndarray]:
    """One mirror-symmetric field (C, 3) per measurement, millimetres for one standard deviation.

    points: (C, 3), the mean head's.
    """
    fields = {name: _pushed(points, pushes) for name, pushes in MEASUREMENTS.items()}
    fields |= {name: points * stretch for name, stretch in PROPORTIONS.items()}
    neck = _neck(points)
    fields["masculinity"] += MASCULINE_NECK * neck
    return fields | {NECK: NECK_STRETCH * neck}


def _neck(points: np.ndarray) -> np.ndarray:
    """Distance (C, 3) from the neck's axis, faded out above the jaw and in front of the throat."""
    fade = _eased((points[:, 1] - 35) / 80) * _eased((points[:, 2] + 35) / 50)
    result: np.ndarray = (points - [0, 0, NECK_AXIS_Z]) * [1, 0, 1] * fade[:, None]
    return result


def _pushed(points: np.ndarray, pushes: tuple[Push, ...]) -> np.ndarray:
    face = rest_face()
    field = np.zeros(points.shape)
    for push in pushes:
        centre, direction = face[push.vertex], np.array([push.x, push.y, push.z])
        sides = [(centre, direction)]
        if abs(centre[0]) > 1e-6:
            sides.append((centre * REFLECTION, direction * REFLECTION))
        for place, way in sides:
            squared = ((points - place) ** 2).sum(axis=1)
            field += np.exp(-squared / (2 * push.reach**2))[:, None] * way
    return field


def _eased(share: np.ndarray) -> np.ndarray:
    clipped = np.clip(share, 0, 1)
    result: np.ndarray = clipped * clipped * (3 - 2 * clipped)
    return result
