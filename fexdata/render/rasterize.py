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

`numba`, `torch` and `reference` decide coverage and visibility by the same exact arithmetic, so they
draw the same pixels; `fexdata.render.pytorch3d_backend` says at which ties pytorch3d may differ.
Other packages and later files add a backend as one line in `BACKENDS`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fexdata.errors import FexdataError

SNAP = 4096
"""Positions across the picture are rounded to 1 / SNAP pixel."""
TIE = 1e-4
"""Surfaces closer together than this many pixels of depth count as equally near."""
REACH = 8192.0
"""Within this many pixels of the origin all edge tests are exact: products of two differences of
multiples of 1 / SNAP are whole numbers that float64 holds."""


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """What a rasteriser draws, one value per pixel of an (H, W) picture."""

    depth: np.ndarray
    """(H, W) float32, pixels, -z; NaN where nothing is drawn."""
    normal: np.ndarray
    """(H, W, 3) float32, unit vectors (n_x, -n_y, -n_z); zeros where nothing is drawn."""
    label: np.ndarray
    """(H, W) uint8 of `fexdata.faces.topology.Label`."""
    triangle: np.ndarray
    """(H, W) int32, the number of the triangle that is seen; -1 where nothing is drawn."""
    drawn_by: str
    """The backend, and the device where it is not the CPU."""


Draw = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int], Maps]
DrawBatch = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int], Sequence[Maps]]

BACKENDS = {
    "auto": "fexdata.render.auto:draw",
    "numba": "fexdata.render.numba_backend:draw",
    "pytorch3d": "fexdata.render.pytorch3d_backend:draw",
    "reference": "fexdata.render.reference:draw",
    "torch": "fexdata.render.torch_backend:draw",
}
"""Name -> where its `draw(vertices, normals, triangles, labels, size)` is, imported when used.

A backend that draws many meshes faster together has a `draw_batch` beside it, whose vertices and
normals are (N, V, 3) and which returns N `Maps`."""


def installed() -> list[str]:
    """The names of the backends that run here: pytorch3d is an extra that not everyone has."""
    return [name for name in sorted(BACKENDS) if name != "pytorch3d" or importlib.util.find_spec("pytorch3d")]


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
    together or vertices that are not finite, `FexdataError` for an unknown or missing backend,
    `MemoryError` where the backend's device has too little memory.
    """
    mesh = _checked(vertices, normals, triangles, labels, size, axes="(V, 3)")
    draw, _ = _backend(backend)
    return draw(*mesh, size)


def rasterize_batch(
    vertices: np.ndarray,
    normals: np.ndarray,
    triangles: np.ndarray,
    labels: np.ndarray,
    *,
    size: int,
    backend: str = "numba",
) -> list[Maps]:
    """Draws N meshes that share their triangles; the same maps as `rasterize` makes one by one.

    vertices and normals: (N, V, 3); all else, and what is raised, as for `rasterize`.
    """
    points, directions, faces, marks = _checked(vertices, normals, triangles, labels, size, axes="(N, V, 3)")
    draw, draw_batch = _backend(backend)
    if draw_batch is not None:
        return list(draw_batch(points, directions, faces, marks, size))
    return [draw(points[i], directions[i], faces, marks, size) for i in range(len(points))]


def _backend(name: str) -> tuple[Draw, DrawBatch | None]:
    if name not in BACKENDS:
        raise FexdataError(f"unknown rasteriser {name!r}; known: {', '.join(sorted(BACKENDS))}")
    place, attribute = BACKENDS[name].split(":")
    module = importlib.import_module(place)
    return getattr(module, attribute), getattr(module, f"{attribute}_batch", None)


def _checked(
    vertices: np.ndarray, normals: np.ndarray, triangles: np.ndarray, labels: np.ndarray, size: int, *, axes: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The arrays in the types that backends want. `axes`: what the vertices' shape must look like."""
    points = np.ascontiguousarray(vertices, dtype=np.float64)
    directions = np.ascontiguousarray(normals, dtype=np.float32)
    faces = np.ascontiguousarray(triangles, dtype=np.int32)
    marks = np.ascontiguousarray(labels, dtype=np.uint8)
    if points.ndim != axes.count(",") + 1 or points.shape[-1] != 3:
        raise ValueError(f"vertices must have shape {axes}, not {points.shape}")
    _check(points, directions, faces, marks, size)
    return points, directions, faces, marks


def _check(points: np.ndarray, normals: np.ndarray, faces: np.ndarray, labels: np.ndarray, size: int) -> None:
    if normals.shape != points.shape:
        raise ValueError(f"normals must have the vertices' shape {points.shape}, not {normals.shape}")
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(f"triangles must have shape (T, 3), not {faces.shape}")
    if labels.shape != faces.shape[:1]:
        raise ValueError(f"labels must have shape ({len(faces)},), not {labels.shape}")
    count = points.shape[-2]
    if len(faces) and (faces.min() < 0 or faces.max() >= count):
        raise ValueError(f"triangles refer to vertices outside 0 to {count - 1}")
    if not (np.isfinite(points).all() and np.isfinite(normals).all()):
        raise ValueError("vertices and normals must be finite")
    if size < 1:
        raise ValueError(f"size must be at least 1 pixel, not {size}")
