"""Our own expression model: how the skin moves with each action unit of FACS.

Each field is the displacement of MediaPipe's 468 canonical vertices, in mm, at the action unit's
maximum (intensity 5, FACS's E); a coefficient of c means an intensity of 5c. Movements of single
points come from `action_unit_upper` and `_lower` (muscles) and `action_unit_jaw` (the bone), spread by
`action_unit_solver`. No data of anyone's scans is in it; `python -m benchmarks.shapes`
compares it with models that were made from people (some sizes were set with ICT-FaceKit's in view).

Promises: the left field of a pair is the exact mirror image of the right one; both together are the
action unit on both sides; every field moves the lips' inner rims, which lie together in `rest_face()`,
either together or apart, so no combination with coefficients >= 0 makes the lips pass through each
other; the eyes' openings all change in proportion (`EYE_CLOSURE`), so that an eye is exactly shut
where the coefficients times `EYE_CLOSURE` add up to 1; the upper rim of the face oval never moves.
"""

from __future__ import annotations

import functools

import numpy as np

from fexdata.faces.models.action_unit_controls import Movement
from fexdata.faces.models.action_unit_jaw import JAW_MOVEMENTS, SEALED, jaw_field
from fexdata.faces.models.action_unit_lower import LOWER_FACE
from fexdata.faces.models.action_unit_solver import LID_PAIRS, LIP_PAIRS, extend, mirrored
from fexdata.faces.models.action_unit_upper import UPPER_FACE
from fexdata.faces.models.rest import rest_face

MOVEMENTS = UPPER_FACE | LOWER_FACE
"""What every muscle does, by action unit; the jaw is in `action_unit_jaw.JAW_MOVEMENTS`."""

UPPER_OVAL = (10, 109, 67, 103, 54, 21, 162, 127, 234)
"""Vertices of the face oval, left side, that no action unit moves: hairline to ear."""

EYE_CLOSURE = {au: movement.lids_closed for au, movement in MOVEMENTS.items() if movement.lids_closed}
"""Action unit -> share of the eye's opening that it takes at its maximum; negative widens."""

_CORNER = 78
_SIDE_WIDTH = 14.0
"""mm over which the left half of a movement gives way to the right half."""


def action_unit_names() -> tuple[str, ...]:
    """Every action unit once, `AU1` to `AD34`, whether it has two sides or not."""
    units = {name.partition("_")[0] for name in (*MOVEMENTS, *JAW_MOVEMENTS)}
    return tuple(sorted(units, key=lambda name: (name[:2] == "AD", int(name[2:]))))


@functools.cache
def action_unit_fields() -> tuple[tuple[str, ...], np.ndarray]:
    """All action units: names and displacements (E, 468, 3) float32, mm, at their maximum; read-only.

    `AU12_left` moves the side with x < 0, the viewer's left. Movements of the midline have no suffix.
    To be added to `fexdata.faces.models.rest.rest_face()`.
    """
    fields: dict[str, np.ndarray] = {}
    for name, movement in MOVEMENTS.items():
        left = muscle_field(movement) * left_share()[:, None]
        fields |= {f"{name}_left": left, f"{name}_right": mirrored(left)}
    for name, jaw in JAW_MOVEMENTS.items():
        fields[name] = jaw_field(jaw, rest_face(), sealed=name in SEALED)
    fields["AD30_right"] = mirrored(fields["AD30_left"])
    array = np.stack(list(fields.values())).astype(np.float32)
    array.setflags(write=False)
    return tuple(fields), array


def muscle_field(movement: Movement) -> np.ndarray:
    """A movement of both sides together: (468, 3) float64, mm, mirror symmetric."""
    neutral = rest_face()
    opening = _opening_along_lips(neutral) * movement.lips_apart
    gaps = {(upper, lower): np.array([0.0, -opening[upper], 0.0]) for upper, lower in LIP_PAIRS}
    gaps |= {(upper, lower): movement.lids_closed * (neutral[lower] - neutral[upper]) for upper, lower in LID_PAIRS}
    still = dict.fromkeys((*movement.anchors, *UPPER_OVAL), (0.0, 0.0, 0.0))
    return extend(still | dict(movement.controls), gaps, reach=movement.reach)


def _opening_along_lips(neutral: np.ndarray) -> np.ndarray:
    """How far each point of the lips parts, 1 at the middle and 0 at the corners: (468,)."""
    across = np.clip(np.abs(neutral[:, 0] / neutral[_CORNER, 0]), 0.0, 1.0)
    return (1.0 - across**2) ** 0.6


def left_share() -> np.ndarray:
    """How much of a movement of both sides belongs to the left: (468,), 1 far left, 1/2 on the midline."""
    x = rest_face()[:, 0].copy()
    for upper, lower in LIP_PAIRS:
        x[[upper, lower]] = (x[upper] + x[lower]) / 2  # or one-sided movements would shear the lips apart
    across = np.clip(x / _SIDE_WIDTH, -1.0, 1.0)
    return 0.5 - 0.25 * across * (3.0 - across**2)
