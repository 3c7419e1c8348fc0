"""The finer grid on which a warp is drawn: a few samples per pixel."""

from __future__ import annotations

import numpy as np

SAMPLES = 2
"""Per pixel and side."""


def sample_grid(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the grid on which a mouth is drawn, for a picture of size (width, height);
    point p of the picture lies at `to_samples(p)`."""
    return SAMPLES * size[0], SAMPLES * size[1]


def to_samples(points: np.ndarray) -> np.ndarray:
    """Picture pixels to the sample grid's (x and y; z is scaled alike)."""
    moved = points * float(SAMPLES)
    moved[..., :2] += (SAMPLES - 1) / 2
    return moved
