"""What each action unit does to the face, in millimetres, at its maximum (intensity 5, FACS's E).

Directions are those of the muscles, from their insertions in the skin towards their origins, as the
FACS manual describes the appearance changes (Ekman, Friesen and Hager, Facial Action Coding System,
2002); sizes are those of large posed movements. Vertices are MediaPipe's, on the left side of the
picture (x < 0) and on the midline; the right side follows as the mirror image. Displacements are
(x, y, z): right, down, away from the viewer, so on the left side -x is outwards and -z is forwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Displacement = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Movement:
    """One action unit, both sides of the face together."""

    does: str
    """What moves, in FACS's words."""
    reach: float
    """mm over which the skin follows (see `action_unit_solver.extend`)."""
    controls: Mapping[int, Displacement]
    anchors: tuple[int, ...] = ()
    """Vertices that stay."""
    lips_apart: float = 0.0
    """mm by which the middle of the lips parts."""
    lids_closed: float = 0.0
    """Share of the eye's opening that is lost; negative widens it."""


EYE_CORNERS = (33, 133)
