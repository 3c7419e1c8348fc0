"""The rasteriser for whoever does not want to choose: the GPU's on a worker that has one, else numba.

Each worker decides for itself, so a cluster may mix both kinds; the maps are the same (see
`fexdata.render.rasterize`). Where the GPU's memory does not suffice, numba draws, and the maps say so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fexdata.render import numba_backend, torch_backend
from fexdata.render.rasterize import Maps


def draw(vertices: np.ndarray, normals: np.ndarray, triangles: np.ndarray, labels: np.ndarray, size: int) -> Maps:
    """See `fexdata.render.rasterize.rasterize`, which checks the arguments."""
    return draw_batch(vertices[None], normals[None], triangles, labels, size)[0]


def draw_batch(
    vertices: np.ndarray, normals: np.ndarray, triangles: np.ndarray, labels: np.ndarray, size: int
) -> list[Maps]:
    """N meshes with the same triangles; vertices and normals: (N, V, 3)."""
    if torch_backend.device().type == "cpu":
        return _on_cpu(vertices, normals, triangles, labels, size)
    try:
        return torch_backend.draw_batch(vertices, normals, triangles, labels, size)
    except MemoryError:
        maps = _on_cpu(vertices, normals, triangles, labels, size)
        return [replace(one, drawn_by=f"{one.drawn_by}, the GPU being out of memory") for one in maps]


def _on_cpu(
    vertices: np.ndarray, normals: np.ndarray, triangles: np.ndarray, labels: np.ndarray, size: int
) -> list[Maps]:
    return [numba_backend.draw(v, n, triangles, labels, size) for v, n in zip(vertices, normals, strict=True)]
