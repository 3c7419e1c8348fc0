"""The jaw: opening (AU26, AU27), thrust (AD29) and sideways (AD30).

The lower jaw is a rigid body. When it opens it turns about the axis through its two joints, in
front of the ears, while the joints slide forwards and down. The skin over the bone goes with it,
the skin of the upper face stays, and between them a weight rises smoothly from 0 to 1 over the
cheeks. Fields are linear, so each takes the chord of its full movement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fexdata.faces.models.action_unit_solver import LID_PAIRS, LIP_PAIRS, extend, symmetric

JOINT = (1.0, 16.0)
"""y and z of the axis through the jaw's joints, mm; it runs along x."""

_WITH_JAW = (
    *(152, 148, 176, 149, 150, 175, 171, 140, 170, 169, 199, 208, 32, 211, 200, 201, 194),
    *(204, 18, 83, 182, 17, 84, 181, 16, 85, 14),
)
_WEIGHTS = {
    **dict.fromkeys(_WITH_JAW, 1.0),
    **{136: 0.96, 172: 0.84, 58: 0.62, 132: 0.34, 93: 0.12, 135: 0.95, 138: 0.86, 215: 0.62, 177: 0.34, 210: 0.93},
    **{192: 0.66, 213: 0.52, 214: 0.62, 147: 0.32, 137: 0.12, 187: 0.26, 207: 0.36, 212: 0.48, 202: 0.76},
    **{106: 0.9, 43: 0.66, 57: 0.46, 61: 0.46, 78: 0.45, 76: 0.46},
    **{91: 0.86, 146: 0.66, 180: 0.96, 87: 0.985, 178: 0.94, 88: 0.84, 95: 0.68},
    **{216: 0.26, 186: 0.28, 185: 0.3, 191: 0.31, 40: 0.19, 80: 0.2, 39: 0.09, 81: 0.09, 0: 0.03, 13: 0.03, 37: 0.04},
    **{92: 0.14, 206: 0.1, 165: 0.05, 205: 0.12, 50: 0.08, 123: 0.1, 36: 0.04, 101: 0.02, 117: 0.02, 227: 0.04},
    **dict.fromkeys((164, 167, 2, 4, 129, 98, 33, 133, 6, 168, 10, 151, 9, 127, 234, 118, 119, 103, 54, 21, 162), 0.0),
}  # fmt: skip
"""Vertex -> share of the bone's movement, on the left and the midline."""


@dataclass(frozen=True, slots=True)
class JawMovement:
    """What the bone does at intensity 5, and what the lips do on top."""

    does: str
    degrees: float
    """By which the jaw turns open."""
    slide: tuple[float, float, float]
    """mm by which the joints move: right, down, away from the viewer."""
    corners: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """mm by which the mouth's left corner moves on top, drawn in by the stretched lips."""
    lips: tuple[float, float] = (0.0, 0.0)
    """mm (y) by which the middle of the upper and of the lower lip moves on top."""


JAW_MOVEMENTS = {
    "AU26": JawMovement(
        "jaw drop: chin down, teeth apart, lips relaxed",
        degrees=14.0,
        slide=(0.0, 5.0, -3.5),
        corners=(1.0, 0.0, -0.6),
        lips=(-0.4, 0.6),
    ),
    "AU27": JawMovement(
        "mouth stretch: jaw pulled wide open",
        degrees=27.0,
        slide=(0.0, 12.0, -8.5),
        corners=(3.4, 0.4, -2.6),
        lips=(-3.4, 2.4),
    ),
    "AD29": JawMovement("jaw thrust: lower jaw and lip forwards", 0.0, (0.0, 1.6, -9.0)),
    "AD30_left": JawMovement("jaw sideways, to the left of the picture", 0.0, (-9.0, 0.4, 0.3)),
}
SEALED = ("AD29", "AD30_left")
"""Movements of the jaw with the lips shut: the upper lip gives way."""


def jaw_field(movement: JawMovement, neutral: np.ndarray, *, sealed: bool) -> np.ndarray:
    """Displacements (468, 3), mm, of a movement of the jaw from a neutral face (468, 3).

    With `sealed` each pair of lip vertices moves together, half-way between upper and lower lip.
    """
    bone = _bone(movement, neutral)
    share = _shares()
    lips = _lips(movement)
    field = share[:, None] * bone + lips
    for upper, lower in (*LID_PAIRS, *(LIP_PAIRS if sealed else ())):
        field[[upper, lower]] = 0.5 * (field[upper] + field[lower])
    return field


def _bone(movement: JawMovement, points: np.ndarray) -> np.ndarray:
    """What the points would do if they were all part of the lower jaw: (468, 3)."""
    angle = np.radians(movement.degrees)
    y, z = points[:, 1] - JOINT[0], points[:, 2] - JOINT[1]
    turned = np.stack([np.zeros(len(points)), np.cos(angle) * y - np.sin(angle) * z - y,
                       np.sin(angle) * y + np.cos(angle) * z - z], axis=1)  # fmt: skip
    return turned + np.array(movement.slide)


def _shares() -> np.ndarray:
    """The weight of every vertex, 0 to 1: (468,)."""
    controls = {vertex: (0.0, weight, 0.0) for vertex, weight in _WEIGHTS.items()}
    return np.clip(extend(controls, {}, reach=60.0)[:, 1], 0.0, 1.0)


def _lips(movement: JawMovement) -> np.ndarray:
    x, y, z = movement.corners
    upper, lower = movement.lips
    if not any((x, y, z, upper, lower)):
        return np.zeros((468, 3))
    controls = {
        61: (x, y, z), 78: (x, y, z), 57: (x, y, 0.7 * z), 212: (0.5 * x, 0.5 * y, 0.2 * z), 0: (0.0, upper, 0.0),
        13: (0.0, upper, 0.0), 39: (0.2 * x, upper, 0.0), 81: (0.2 * x, 0.9 * upper, 0.0), 14: (0.0, lower, 0.0),
        17: (0.0, lower, 0.0), 181: (0.2 * x, lower, 0.0), 178: (0.2 * x, lower, 0.0), 152: (0.0, 0.0, 0.0),
        164: (0.0, 0.6 * upper, 0.0), 40: (0.5 * x, 0.6 * upper, 0.4 * z), 91: (0.5 * x, 0.6 * lower, 0.4 * z),
        80: (0.4 * x, 0.6 * upper, 0.3 * z), 88: (0.4 * x, 0.6 * lower, 0.3 * z), 200: (0.0, 0.3 * lower, 0.0),
        4: (0.0, 0.0, 0.0), 205: (0.0, 0.0, 0.0), 43: (0.6 * x, y, 0.5 * z), 186: (0.6 * x, y, 0.5 * z),
    }  # fmt: skip
    return symmetric(extend(controls, {}, reach=28.0))
