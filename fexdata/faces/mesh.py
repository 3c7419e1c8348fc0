"""What can be computed from a triangle mesh: normals, and signs that it is not a face any more.

Frame: x right, y down, z away from the viewer; a triangle's normal is cross(v1 - v0, v2 - v0) and
points out of the surface, so n_z < 0 where it faces the viewer (see `fexdata.faces.topology`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numba import boolean, float32, float64, int32, int64, uint8
from numba.types import UniTuple

from fexdata.faces.kernels import kernel, readonly
from fexdata.faces.landmarks import EYE_CORNERS_478
from fexdata.faces.topology import Label, Topology

_SKIN = int(Label.SKIN)


def triangle_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Normals whose length is twice the triangle's area: (T, 3) float64.

    vertices: (V, 3); triangles: (T, 3).
    """
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    return np.cross(b - a, c - a)


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Smooth unit normals: (V, 3) float32.

    The mean of the normals of the triangles that meet at a vertex, weighted by area, so that
    slivers, whose direction is noise, count for nothing. A vertex of no triangle, or of triangles
    without area, gets (0, 0, -1), towards the viewer.
    """
    points = np.ascontiguousarray(vertices, dtype=np.float64)
    faces = checked_triangles(triangles, len(points))
    normals = np.empty((len(points), 3), dtype=np.float32)
    _vertex_normals(points, faces, np.zeros((len(points), 3)), normals)
    return normals


def flipped_fraction(
    vertices: np.ndarray,
    topology: Topology,
    canonical: np.ndarray,
    rotation: np.ndarray,
    *,
    facing: float = 0.3,
) -> float:
    """The share of skin triangles that are turned over, from 0 to 1.

    A triangle counts when the canonical face, rotated to the same pose, shows it to the viewer
    with a normal of n_z < -`facing`; it is turned over when the mesh shows its back. Triangles
    that the pose brings near the silhouette are left out, because a real face differs there from
    the canonical one. 0 when no triangle counts.

    vertices: (V, 3); canonical: (at least 468, 3), in the same frame; rotation: (3, 3), applied
    to column vectors.
    """
    points = np.ascontiguousarray(vertices, dtype=np.float64)
    model = np.ascontiguousarray(canonical, dtype=np.float64)
    faces = checked_triangles(topology.triangles, min(len(points), len(model)))
    towards = np.ascontiguousarray(rotation[2], dtype=np.float64)
    return float(_flipped_fraction(points, model, faces, topology.labels, towards, facing))


def projected_area(vertices: np.ndarray, triangles: np.ndarray) -> float:
    """The sum of the areas of a mesh's triangles as the viewer sees them, each by itself, front or
    back; in squares of the vertices' unit. vertices: (V, 3); triangles: (T, 3)."""
    points = np.ascontiguousarray(vertices, dtype=np.float64)
    return float(_projected_area(points, checked_triangles(triangles, len(points))))


def eye_corner_depth(vertices: np.ndarray, eye_corners: Sequence[int] | np.ndarray = EYE_CORNERS_478) -> float:
    """The mean z of the four eye corners, the zero of depth maps; in the vertices' unit.

    vertices: (V, 3); eye_corners: four vertex numbers, by default those of the 478 landmarks.
    """
    return float(np.mean(vertices[np.asarray(eye_corners), 2], dtype=np.float64))


def checked_triangles(triangles: np.ndarray, count: int) -> np.ndarray:
    """Triangles as the kernels want them; an index out of range would read foreign memory."""
    faces = np.ascontiguousarray(triangles, dtype=np.int32)
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(f"triangles must have shape (T, 3), not {faces.shape}")
    if not _within(faces, count):
        raise ValueError(f"triangles refer to vertices outside 0 to {count - 1}")
    return faces


@kernel(readonly(int32, 2), int64, returns=boolean)
def _within(t: np.ndarray, count: int) -> bool:
    outside = False
    for k in range(t.shape[0]):
        for corner in range(3):
            outside |= (t[k, corner] < 0) | (t[k, corner] >= count)
    return not outside


@kernel(readonly(float64, 2), readonly(int32, 2), int64, returns=UniTuple(float64, 3), inline=True)
def _normal(v: np.ndarray, t: np.ndarray, k: int) -> tuple[float, float, float]:
    """Of triangle k, twice its area long."""
    a, b, c = np.uintp(t[k, 0]), np.uintp(t[k, 1]), np.uintp(t[k, 2])
    px, py, pz = v[b, 0] - v[a, 0], v[b, 1] - v[a, 1], v[b, 2] - v[a, 2]
    qx, qy, qz = v[c, 0] - v[a, 0], v[c, 1] - v[a, 1], v[c, 2] - v[a, 2]
    return py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx


@kernel(readonly(float64, 2), readonly(int32, 2), returns=float64)
def _projected_area(v: np.ndarray, t: np.ndarray) -> float:
    twice = 0.0
    for k in range(t.shape[0]):
        twice += abs(_normal(v, t, k)[2])
    return twice / 2.0


@kernel(
    readonly(float64, 2), readonly(float64, 2), readonly(int32, 2), readonly(uint8, 1), readonly(float64, 1), float64,
    returns=float64,
)  # fmt: skip
def _flipped_fraction(
    v: np.ndarray, canonical: np.ndarray, t: np.ndarray, labels: np.ndarray, towards: np.ndarray, facing: float
) -> float:
    """`towards` is the rotation's last row: what makes a canonical vector's z."""
    counted, over = 0, 0
    for k in range(t.shape[0]):
        x, y, z = _normal(canonical, t, k)
        turned = x * towards[0] + y * towards[1] + z * towards[2]
        if labels[k] == _SKIN and turned < -facing * math.sqrt(x * x + y * y + z * z):
            counted += 1
            over += _normal(v, t, k)[2] >= 0.0
    return over / counted if counted else 0.0


@kernel(readonly(float64, 2), readonly(int32, 2), float64[:, ::1], float32[:, ::1])
def _vertex_normals(v: np.ndarray, t: np.ndarray, total: np.ndarray, normals: np.ndarray) -> None:
    for k in range(t.shape[0]):
        nx, ny, nz = _normal(v, t, k)
        for corner in range(3):
            i = np.uintp(t[k, corner])
            total[i, 0] += nx
            total[i, 1] += ny
            total[i, 2] += nz
    for vertex in range(total.shape[0]):
        length = math.sqrt(total[vertex, 0] ** 2 + total[vertex, 1] ** 2 + total[vertex, 2] ** 2)
        if length > 0.0:
            for axis in range(3):
                normals[vertex, axis] = total[vertex, axis] / length
        else:
            normals[vertex, 0], normals[vertex, 1], normals[vertex, 2] = 0.0, 0.0, -1.0
