"""A small face in the frame in which publishers have theirs, for files of their layouts."""

from __future__ import annotations

import numpy as np

SIDE = 9
VERTICES = SIDE * SIDE
IDENTITIES, EXPRESSIONS = 3, 2
TURN = np.array([1.0, -1.0, -1.0])
"""From y up and z towards the viewer to fexdata's frame."""


def mean() -> np.ndarray:
    """(81, 3) mm: an arched mask, symmetric about x = 0, y up, z towards the viewer."""
    y, x = (axis.ravel() for axis in np.meshgrid(np.linspace(90, -90, SIDE), np.linspace(-75, 75, SIDE), indexing="ij"))
    return np.stack([x, y, 60 * (1 - (x / 80) ** 2 - 0.5 * (y / 120) ** 2)], axis=1)


def triangles() -> np.ndarray:
    """(128, 3) from 0, wound so that they face the viewer (normals with z up front)."""
    corner = (np.arange(SIDE - 1)[:, None] * SIDE + np.arange(SIDE - 1)).ravel()
    below, right = corner + SIDE, corner + 1
    return np.concatenate([np.stack([corner, below, right], 1), np.stack([right, below, below + 1], 1)])


def basis(seed: int, count: int, vertices: int = VERTICES) -> tuple[np.ndarray, np.ndarray]:
    """Columns (3V, n) of length 1, and standard deviations (n,), mm."""
    rng = np.random.default_rng(seed)
    columns = np.linalg.qr(rng.standard_normal((3 * vertices, count)))[0]
    return columns, rng.uniform(5, 50, count)


def displacements(columns: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """(n, V, 3) in fexdata's frame: what a reader should make of `basis`."""
    return (columns * sigma).T.reshape(len(sigma), -1, 3) * TURN
