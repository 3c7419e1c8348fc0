"""Meshes for tests: closed forms, and the face of a real photograph."""

from __future__ import annotations

import functools

import numpy as np
from making import real_photographs

from fexdata.faces.mesh import vertex_normals

QUAD = ((10.3, 8.7), (50.6, 40.2))
"""Two opposite corners of the tilted quad, pixels."""
SLOPE = np.array([0.3, -0.2])
"""How its z grows per pixel to the right and down."""


def tilted_quad() -> tuple[np.ndarray, np.ndarray]:
    """z = 5 + 0.3 x - 0.2 y over an upright rectangle: vertices (4, 3), triangles (2, 3), n_z < 0."""
    (x0, y0), (x1, y1) = QUAD
    flat = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    return np.column_stack([flat, 5 + flat @ SLOPE]), np.array([[0, 2, 1], [0, 3, 2]], np.int32)


def bump(*, side: int = 40, step: float = 1.63) -> tuple[np.ndarray, np.ndarray]:
    """An asymmetric hill towards the viewer on a grid: vertices (side², 3), triangles, n_z < 0."""
    row, column = np.mgrid[:side, :side]
    x, y = -1.2 + step * column + 0.21 * row, 0.4 + step * row
    hill = 14 * np.exp(-((x - 24) ** 2) / 160 - (y - 37) ** 2 / 70) + 4 * np.exp(-((x - 45) ** 2 + (y - 18) ** 2) / 40)
    first = (row * side + column)[:-1, :-1].ravel()
    right, down, across = first + 1, first + side, first + side + 1
    triangles = np.concatenate([np.stack([first, across, right], 1), np.stack([first, down, across], 1)])
    return np.stack([x, y, 3 + 0.1 * x - hill], -1).reshape(-1, 3), triangles.astype(np.int32)


def with_normals(vertices: np.ndarray, triangles: np.ndarray, label: int = 1) -> tuple[np.ndarray, ...]:
    """(vertices, normals, triangles, labels), as `rasterize` takes them."""
    return vertices, vertex_normals(vertices, triangles), triangles, np.full(len(triangles), label, np.uint8)


@functools.cache
def real_landmarks(name: str = "single_face.jpg", size: int = 256) -> np.ndarray:
    """MediaPipe's landmarks of a real photograph, scaled into a crop: (478, 3) float64, rounded."""
    from PIL import Image

    from fexdata.faces.detection import FaceFinder

    picture = np.asarray(Image.open(real_photographs()[name]).convert("RGB"))
    (face,) = FaceFinder().find(picture, faces="largest")
    points = face.landmarks.astype(np.float64)
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    scale = 0.8 * size / (high - low).max()
    points[:, :2] = (points[:, :2] - (low + high) / 2) * scale + (size - 1) / 2
    points[:, 2] *= scale
    return np.round(points, 3)
