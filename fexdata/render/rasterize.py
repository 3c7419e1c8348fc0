"""From a mesh to maps: which triangle each pixel shows, how deep it lies and where it faces.

Conventions, the same for every backend:

- **Projection.** None: vertices are already in crop pixels (orthographic). x runs right, y down,
  z away from the viewer. There is no "behind the viewer"; every z is drawn.
- **Pixel centres** lie at integer coordinates. Pixel (row y, column x) shows the point (x, y).
- **Snapping.** x and y are first rounded to 1/4096 pixel, so that edge tests are exact and
  neighbouring triangles leave no gap.
- **Coverage.** A pixel belongs to a triangle when its centre lies inside it or on its edge. A
  centre on a common edge belongs to both triangles, which keeps a mirrored mesh's maps mirrored
  (a top-left rule would not). A triangle too small to reach a pixel centre draws nothing.
- **Visibility.** The nearest surface wins. Within `TIE` pixels of depth the triangle with the
  lower number wins, so common edges do not depend on rounding.
- **Winding.** Outward normals of triangles that face the viewer have n_z < 0. Triangles that are
  turned away are drawn like any others: on a closed face they lie behind nearer ones, and where a
  fit folds, they keep the surface whole.
- **Maps face the viewer.** depth = -z, larger is nearer; normal = (n_x, -n_y, -n_z), interpolated
  from the vertices' normals and made unit length again.

Other packages and later files add a backend as one line in `BACKENDS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fexdata.errors import FexdataError

SNAP = 4096
"""Positions across the picture are rounded to 1 / SNAP pixel."""
TIE = 1e-4
"""Surfaces closer together than this many pixels of depth count as equally near."""


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """What a rasteriser draws, one value per pixel of an (H, W) picture."""

    depth: np.ndarray
    """(H, W) float32, pixels, -z; NaN where nothing is drawn."""
    normal: np.ndarray
    """(H, W, 3) float32, unit vectors (n_x, -n_y, -n_z); zeros where nothing is drawn."""
    label: np.ndarray
    """(H, W) uint8 of `fexdata.faces.topology.Label`."""


Draw = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int], Maps]

BACKENDS = {
    "numba": "fexdata.render.numba_backend:draw",
    "reference": "fexdata.render.reference:draw",
}
"""Name -> where its `draw(vertices, normals, triangles, labels, size)` is, imported when used."""


def rasterize(
    vertices: np.ndarray,
    normals: np.ndarray,
    triangles: np.ndarray,
    labels: np.ndarray,
    *,
    size: int,
    backend: str = "numba",
) -> Maps:
    """Draws a mesh into maps of `size` by `size` pixels.

    vertices: (V, 3), crop pixels; normals: (V, 3), outward, in the vertices' frame; triangles:
    (T, 3) vertex numbers; labels: (T,) of `Label`. Raises `ValueError` for arrays that do not fit
    together or vertices that are not finite, `FexdataError` for an unknown backend.
    """
    points = np.ascontiguousarray(vertices, dtype=np.float64)
    directions = np.ascontiguousarray(normals, dtype=np.float32)
    faces = np.ascontiguousarray(triangles, dtype=np.int32)
    marks = np.ascontiguousarray(labels, dtype=np.uint8)
    _check(points, directions, faces, marks, size)
    return _backend(backend)(points, directions, faces, marks, size)


def _backend(name: str) -> Draw:
    if name not in BACKENDS:
        raise FexdataError(f"unknown rasteriser {name!r}; known: {', '.join(sorted(BACKENDS))}")
    module, attribute = BACKENDS[name].split(":")
    draw: Draw = getattr(importlib.import_module(module), attribute)
    return draw


def _check(points: np.ndarray, normals: np.ndarray, faces: np.ndarray, labels: np.ndarray, size: int) -> None:
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"vertices must have shape (V, 3), not {points.shape}")
    if normals.shape != points.shape:
        raise ValueError(f"normals must have the vertices' shape {points.shape}, not {normals.shape}")
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(f"triangles must have shape (T, 3), not {faces.shape}")
    if labels.shape != faces.shape[:1]:
        raise ValueError(f"labels must have shape ({len(faces)},), not {labels.shape}")
    if len(faces) and (faces.min() < 0 or faces.max() >= len(points)):
        raise ValueError(f"triangles refer to vertices outside 0 to {len(points) - 1}")
    if not (np.isfinite(points).all() and np.isfinite(normals).all()):
        raise ValueError("vertices and normals must be finite")
    if size < 1:
        raise ValueError(f"size must be at least 1 pixel, not {size}")
