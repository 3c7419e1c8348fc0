"""Where scalp hair grows. Stated on the mean head, so that it follows the person's shape."""

from __future__ import annotations

import numpy as np

from fexdata.synthetic.skull import BACK

HAIRLINE = (
    (0, -97), (14, -98), (27, -97), (38, -90), (47, -77), (55, -64), (62, -52), (66, -38), (69, -18), (72, 2),
    (77, 4), (80, -14), (82, -40), (90, -55), (102, -53), (112, -36), (117, -12), (122, 14), (130, 34), (142, 45),
    (160, 51), (180, 50),
)  # fmt: skip
"""The mean head's hairline: degrees from the middle of the face about the head's axis, and height y in
millimetres; over the forehead, down the temple and sideburn, over and behind the ear, to the nape."""
CHART = 1.25
"""Millimetres of the chart per degree, near the temples' radius."""


def hairline_depth(mean: np.ndarray, *, recession: float = 0.0, crown: float = 0.0) -> np.ndarray:
    """How far each vertex (V, 3) of the mean head lies behind the hairline: (V,) millimetres, negative
    before it.

    `recession`: 0 a young hairline to 1, temples and forehead bare to the crown; `crown`: 0 to 1, a bare
    spot on the crown.
    """
    line = np.array(HAIRLINE, float)
    front = np.clip(1 - line[:, 0] / 60, 0, 1)
    temple = np.exp(-(((line[:, 0] - 36) / 14) ** 2))
    line[:, 1] -= recession * (26 * front**0.5 + 20 * temple)
    ring = np.concatenate([-line[:0:-1] * [1, -1], line]) * [CHART, 1]
    angle = np.degrees(np.arctan2(mean[:, 0], BACK - mean[:, 2]))
    # Above the ears' height the chart narrows with the skull towards the crown.
    across = np.hypot(mean[:, 0], mean[:, 2] - BACK) / 72
    depth = _signed_distance(np.stack([angle * CHART, mean[:, 1]], 1), ring)
    depth = np.where(depth > 0, np.minimum(depth, 60), depth * np.clip(across, 0.4, 1.3))
    if crown > 0:
        spot = np.linalg.norm(mean - np.array([0.0, -118.0, 92.0]), axis=1)
        depth = np.minimum(depth, (spot - 62 * crown) * 0.5)
        top = np.linalg.norm((mean - np.array([0.0, -134.0, 30.0])) * [1, 1, 0.6], axis=1)
        depth = np.minimum(depth, np.maximum((top - 66 * max(0.0, 2 * crown - 1)) * 0.5, 0 if crown < 0.5 else -9))
    return depth.astype(np.float32)


def _signed_distance(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Distance of (P, 2) points to a polyline that runs in x, positive above it (towards -y)."""
    x, y = points.T
    nearest = np.full(len(points), np.inf)
    for (x0, y0), (dx, dy) in zip(line[:-1], np.diff(line, axis=0), strict=True):
        share = np.clip(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy), 0, 1)
        np.minimum(nearest, (x - x0 - share * dx) ** 2 + (y - y0 - share * dy) ** 2, out=nearest)
    distance = np.sqrt(nearest)
    return np.where(points[:, 1] < np.interp(points[:, 0], line[:, 0], line[:, 1]), distance, -distance)


def density(depth: np.ndarray, softness: float) -> np.ndarray:
    """How thickly hair grows at a depth behind the hairline: 0 to 1; fine hairs stand before it."""
    ramp = np.clip((depth + 2.0) / softness, 0, 1)
    return (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
