"""Ears: relief over an outline, with helix, antihelix, concha, tragus and lobe.

An ear is drawn in its own plane (a backwards, b upwards, millimetres; origin at the ear canal),
raised by ridges along curves and sunk by hollows, and turned out from the head. Its back and front
edges end inside the head. Size and place follow Farkas, Anthropometry of the Head and Face, 1994:
length 62 mm, breadth 35, turned out by about 25 degrees, leaning back; top level with the
brow, bottom with the nose's base.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline, PchipInterpolator

SPOKES = 56
LATERAL_RINGS = 17
BACK_RINGS = ((0.97, -1.6), (0.9, -4.2), (0.76, -7.5), (0.6, -12.0), (0.42, -17.0))
"""Rings of the back: share of the outline about the canal, and height; the last lie in the head."""

CENTRE = np.array([9.5, -3.0])
"""Middle of the spokes, in the concha."""
ORIGIN = np.array([-76.6, -13.5, 30.0])
"""The left ear's canal on the mean head."""
TURN_OUT, LEAN_BACK = np.radians(23.0), np.radians(9.0)

OUTLINE = ((0, 10), (0.8, 19), (4.5, 26.5), (11.5, 31), (19.5, 31), (27, 26.5), (31.5, 18.5), (32.5, 8.5),
           (30.5, -2), (27, -11), (22.5, -19), (17, -26), (10.5, -31), (4, -31), (0.2, -26.5), (-1.5, -19),
           (-3.5, -10), (-5, -3), (-3.5, 4))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ridge:
    """A raised (or, with negative height, sunk) band along a curve."""

    curve: tuple[tuple[float, float], ...]
    heights: tuple[float, ...]
    """Millimetres at the curve's points."""
    width: float
    """Millimetres from the curve at which the height has fallen to 61 %."""


RELIEF = (
    # helix, from its root in the concha over the top and down the back
    Ridge(((9, 1.5), (4.5, 4.0), (1.6, 9), (2.0, 17), (5.5, 24), (12, 28.2), (19.3, 28), (25.3, 24.2), (29, 17.3),
           (29.8, 8.2), (28, -2), (24.4, -10.8), (20, -18.5)),
          (1.5, 4.0, 5.0, 5.2, 5.6, 6.0, 6.0, 5.8, 5.2, 4.6, 4.0, 2.8, 1.0), 2.3),
    # antihelix with its upper crus
    Ridge(((11, -17.5), (16.5, -13.5), (20, -7), (21.2, 0), (19.8, 7), (17.2, 13), (14.6, 19), (12.6, 23.5)),
          (2.5, 4.2, 5.2, 5.6, 5.2, 4.2, 2.8, 1.4), 3.0),
    # lower crus
    Ridge(((18.2, 10.5), (13, 13), (7, 13.2), (3, 12.2)), (3.0, 3.2, 2.8, 2.2), 2.2),
    # tragus
    Ridge(((-1.8, 3), (0.4, -1), (1.4, -4.5), (-0.4, -9)), (1.5, 5.0, 5.4, 1.8), 2.3),
    # antitragus
    Ridge(((6.0, -16.4), (9.2, -16.2), (12.5, -16)), (2.0, 4.2, 3.0), 2.3),
    # lobe
    Ridge(((12, -22.5), (8, -25.5), (4, -26)), (1.8, 2.4, 1.2), 4.5),
    # concha, below and above the helix's root
    Ridge(((8, -6.5), (12.5, -6), (14, -2)), (-7.5, -8.0, -7.0), 4.6),
    Ridge(((9, 7.2), (13.5, 6.2)), (-5.0, -6.0), 3.6),
    # notch between tragus and antitragus
    Ridge(((3.4, -12), (4.0, -15)), (-3.0, -1.5), 2.2),
    # groove inside the helix
    Ridge(((9, 19), (14, 25), (20, 23), (25, 17), (25.8, 8), (23.8, -1), (20.5, -10)),
          (-1.0, -2.0, -2.4, -2.6, -2.4, -2.0, -0.6), 2.0),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Ears:
    """Both ears; the left's vertices first, the right's mirrored in the same order."""

    vertices: np.ndarray
    """(2 N, 3) float64, millimetres of head space."""
    triangles: np.ndarray
    """(T, 3) int32, numbered from 0."""
    plane: np.ndarray
    """(2 N, 3): a, b and height of each vertex."""


@functools.cache
def ears() -> Ears:
    """The mean head's ears."""
    plane = _left_plane()
    left = placed(plane)
    triangles = _triangles()
    count = len(left)
    return Ears(
        np.concatenate([left, left * [-1, 1, 1]]),
        np.concatenate([triangles, triangles[:, ::-1] + count]).astype(np.int32),
        np.concatenate([plane, plane]),
    )


def placed(plane: np.ndarray, turn_out: float = TURN_OUT, scale: float = 1.0) -> np.ndarray:
    """(N, 3) head space of the left ear's (N, 3) plane coordinates."""
    up = np.array([0.0, -np.cos(LEAN_BACK), np.sin(LEAN_BACK)])
    level = np.array([0.0, np.sin(LEAN_BACK), np.cos(LEAN_BACK)])
    out = np.array([-1.0, 0.0, 0.0])
    backwards = np.cos(turn_out) * level + np.sin(turn_out) * out
    lateral = np.cos(turn_out) * out - np.sin(turn_out) * level
    result: np.ndarray = ORIGIN + scale * plane @ np.stack([backwards, up, lateral])
    return result


def variations() -> np.ndarray:
    """(3, 2 N, 3) fields of one standard deviation: size (5 %), turning out (5 degrees), lobe."""
    plane = _left_plane()
    rest = placed(plane)
    lower = 1 / (1 + np.exp((plane[:, 1] + 19) / 2.5))
    lobe = placed(plane + np.stack([0.4 * lower, -2.2 * lower, 0 * lower], axis=1))
    changed = (placed(plane, scale=1.05), placed(plane, TURN_OUT + np.radians(5.0)), lobe)
    return np.array([np.concatenate([shape - rest, (shape - rest) * [-1, 1, 1]]) for shape in changed])


def hollow(points: np.ndarray) -> np.ndarray:
    """(n,) from 0 to 1: where the head must give way to the concha. points: (n, 3), head space."""
    mirrored = points * np.where(points[:, :1] > 0, [-1, 1, 1], [1, 1, 1])
    offset = (mirrored - placed(np.array([[10.0, -3.0, -4.0]])))[:, 1:] / [19.0, 11.0]
    share = np.clip((1.25 - np.linalg.norm(offset, axis=1)) / 0.6, 0, 1) * (mirrored[:, 0] < -55)
    return share * share * (3 - 2 * share)


def _left_plane() -> np.ndarray:
    """(N, 3): a, b, height of the left ear's vertices: the middle, lateral rings, back rings."""
    outline = _outline()
    shares = np.linspace(0, 1, LATERAL_RINGS + 1)[1:]
    rings = [CENTRE + share * (outline - CENTRE) for share in shares]
    flat = np.concatenate([CENTRE[None], *rings])
    front = np.concatenate([flat, relief(flat)[:, None]], axis=1)
    edge = front[-SPOKES:]
    back = []
    canal = np.array([2.0, 0.0])
    for share, height in BACK_RINGS:
        ring = canal + share * (edge[:, :2] - canal)
        back.append(np.concatenate([ring, np.minimum(edge[:, 2:], 1.5) + height], axis=1))
    return np.concatenate([front, *back])


def relief(flat: np.ndarray) -> np.ndarray:
    """(n,) heights over the ear's plane at (n, 2) places."""
    total = np.zeros(len(flat))
    for ridge in RELIEF:
        total += _raised(flat, ridge)
    # Towards the cheek the ear runs into the head.
    return total - 5.0 * np.exp(-((flat[:, 0] + 5.5).clip(0) ** 2) / (2 * 2.0**2))


def _raised(flat: np.ndarray, ridge: Ridge) -> np.ndarray:
    """(n,) heights of one ridge: its height at the nearest places of its curve, faded by distance."""
    knots = np.arange(len(ridge.curve))
    fine = np.linspace(0, knots[-1], 24 * len(knots))
    curve = CubicSpline(knots, np.array(ridge.curve))(fine)
    heights = PchipInterpolator(knots, ridge.heights)(fine)
    squared = ((flat[:, None] - curve) ** 2).sum(axis=2)
    nearest = squared.min(axis=1)
    near = np.exp((nearest[:, None] - squared) / (2 * (0.8 * ridge.width) ** 2))
    height = (near @ heights) / near.sum(axis=1)
    result: np.ndarray = height * np.exp(-nearest / (2 * ridge.width**2))
    return result


def _outline() -> np.ndarray:
    """(SPOKES, 2): the outline at even lengths."""
    closed = np.array([*OUTLINE, OUTLINE[0]], dtype=np.float64)
    fine = CubicSpline(np.arange(len(closed)), closed, bc_type="periodic")(np.linspace(0, len(closed) - 1, 800))
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1))])
    even = np.linspace(0, length[-1], SPOKES + 1)[:-1]
    return np.stack([np.interp(even, length, fine[:, axis]) for axis in (0, 1)], axis=1)


def _triangles() -> np.ndarray:
    """A fan round the middle, then bands between rings; wound outwards on the left ear."""
    spoke = np.arange(SPOKES)
    after = (spoke + 1) % SPOKES
    parts = [np.stack([np.zeros(SPOKES, int), 1 + spoke, 1 + after], axis=1)]
    for ring in range(LATERAL_RINGS + len(BACK_RINGS) - 1):
        near, far = 1 + ring * SPOKES, 1 + (ring + 1) * SPOKES
        parts.append(np.stack([near + spoke, far + spoke, far + after], axis=1))
        parts.append(np.stack([near + spoke, far + after, near + after], axis=1))
    return np.concatenate(parts)
