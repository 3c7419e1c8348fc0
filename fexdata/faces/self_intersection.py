"""Counting where a surface passes through itself.

Two triangles that share no vertex intersect properly when an edge of one runs through the inside
of the other. Triangles that only touch, or lie in one plane, do not count. Candidates are found
by sweeping over x: triangles sorted by their left end, compared while their extents overlap on
all three axes. The test itself is five orientation signs per edge and triangle (Guigue and
Devillers, Fast and Robust Triangle-Triangle Overlap Test Using Orientation Predicates, 2003,
section 2, without their ordering of vertices).
"""

from __future__ import annotations

import numpy as np
from numba import boolean, float64, int32, int64, uint8

from fexdata.faces.kernels import kernel, readonly
from fexdata.faces.mesh import checked_triangles

_LEFT = 0
"""Row of the boxes that the sweep runs along."""
_RELATIVE_TOLERANCE = 1e-12
"""Volumes below this share of the mesh's extent cubed are rounding: a touch, not a crossing."""


def self_intersections(vertices: np.ndarray, triangles: np.ndarray) -> int:
    """How many pairs of triangles without a common vertex intersect properly.

    vertices: (V, 3), any unit; triangles: (T, 3). Raises `ValueError` for vertices that are not
    finite.
    """
    points = np.ascontiguousarray(vertices, dtype=np.float64)
    if not np.isfinite(points).all():
        raise ValueError("vertices must be finite")
    faces = checked_triangles(triangles, len(points))
    if not len(faces):
        return 0
    boxes = np.empty((6, len(faces)))
    extent = _boxes(points, faces, boxes)
    order = np.argsort(boxes[_LEFT])
    return int(_count(points, faces[order], boxes.take(order, axis=1), _RELATIVE_TOLERANCE * extent**3))


_Points = readonly(float64, 2)
_Faces = readonly(int32, 2)


@kernel(_Points, int64, int64, int64, int64, returns=float64)
def _volume(p: np.ndarray, a: int, b: int, c: int, d: int) -> float:
    """Six times the signed volume of the tetrahedron a, b, c, d."""
    bx, by, bz = p[b, 0] - p[a, 0], p[b, 1] - p[a, 1], p[b, 2] - p[a, 2]
    cx, cy, cz = p[c, 0] - p[a, 0], p[c, 1] - p[a, 1], p[c, 2] - p[a, 2]
    dx, dy, dz = p[d, 0] - p[a, 0], p[d, 1] - p[a, 1], p[d, 2] - p[a, 2]
    return bx * (cy * dz - cz * dy) - by * (cx * dz - cz * dx) + bz * (cx * dy - cy * dx)


@kernel(_Points, int64, int64, int64, int64, int64, float64, returns=boolean)
def _pierces(p: np.ndarray, s: int, e: int, a: int, b: int, c: int, tolerance: float) -> bool:
    """Whether the line through s and e, whose ends lie on two sides of a, b, c, passes inside."""
    ab, bc, ca = _volume(p, s, e, a, b), _volume(p, s, e, b, c), _volume(p, s, e, c, a)
    if ab > tolerance:
        return bc > tolerance and ca > tolerance
    return ab < -tolerance and bc < -tolerance and ca < -tolerance


@kernel(float64, float64, float64, returns=boolean)
def _opposite(v: float, w: float, tolerance: float) -> bool:
    return (v > tolerance and w < -tolerance) or (v < -tolerance and w > tolerance)


@kernel(_Points, _Faces, int64, int64, float64, returns=boolean)
def _crosses(p: np.ndarray, t: np.ndarray, i: int, j: int, tolerance: float) -> bool:
    """Whether an edge of triangle i runs through the inside of triangle j."""
    a, b, c = t[j, 0], t[j, 1], t[j, 2]
    q0, q1, q2 = t[i, 0], t[i, 1], t[i, 2]
    v0, v1, v2 = _volume(p, a, b, c, q0), _volume(p, a, b, c, q1), _volume(p, a, b, c, q2)
    return (
        (_opposite(v0, v1, tolerance) and _pierces(p, q0, q1, a, b, c, tolerance))
        or (_opposite(v1, v2, tolerance) and _pierces(p, q1, q2, a, b, c, tolerance))
        or (_opposite(v2, v0, tolerance) and _pierces(p, q2, q0, a, b, c, tolerance))
    )


@kernel(_Points, _Faces, float64[:, ::1], returns=float64)
def _boxes(p: np.ndarray, t: np.ndarray, boxes: np.ndarray) -> float:
    """Writes the triangles' extents, (6, T): lows of x, y, z, then highs. Returns the longest side
    of the box around all."""
    longest = 0.0
    for axis in range(3):
        lowest, highest = np.inf, -np.inf
        for k in range(t.shape[0]):
            a, b, c = p[np.uintp(t[k, 0]), axis], p[np.uintp(t[k, 1]), axis], p[np.uintp(t[k, 2]), axis]
            boxes[axis, k], boxes[axis + 3, k] = min(a, b, c), max(a, b, c)
            lowest, highest = min(lowest, boxes[axis, k]), max(highest, boxes[axis + 3, k])
        longest = max(longest, highest - lowest)
    return longest


@kernel(_Faces, int64, int64, returns=boolean, inline=True)
def _touch(t: np.ndarray, i: int, j: int) -> bool:
    """Whether two triangles have a vertex in common."""
    shared = False
    for m in range(3):
        for n in range(3):
            shared |= t[i, m] == t[j, n]
    return shared


@kernel(*[readonly(float64, 1)] * 4, *[float64] * 4, uint8[::1], int64[::1], returns=int64)
def _near(
    tops: np.ndarray, bottoms: np.ndarray, fronts: np.ndarray, backs: np.ndarray,
    top: float, bottom: float, front: float, back: float, flags: np.ndarray, candidates: np.ndarray,
) -> int:  # fmt: skip
    """Lists which of some extents overlap one."""
    for j in range(tops.shape[0]):
        flags[j] = (tops[j] <= bottom) & (bottoms[j] >= top) & (fronts[j] <= back) & (backs[j] >= front)
    count = np.uintp(0)
    for j in range(tops.shape[0]):
        candidates[count] = j
        count += np.uintp(flags[j])
    return int(count)


@kernel(_Points, _Faces, _Points, float64, returns=int64)
def _count(p: np.ndarray, t: np.ndarray, boxes: np.ndarray, tolerance: float) -> int:
    """Axes: p (V, 3); t (T, 3) and boxes (6, T), sorted by the boxes' left ends."""
    left, top, front, right, bottom, back = boxes[0], boxes[1], boxes[2], boxes[3], boxes[4], boxes[5]
    flags, candidates = np.empty(t.shape[0], np.uint8), np.empty(t.shape[0], np.int64)
    found = 0
    for i in range(t.shape[0]):
        first = i + 1
        end = first
        while end < t.shape[0] and left[np.uintp(end)] <= right[i]:
            end += 1
        count = _near(top[first:end], bottom[first:end], front[first:end], back[first:end],
                      top[i], bottom[i], front[i], back[i], flags, candidates)  # fmt: skip
        for j in candidates[:count]:
            j += first
            if not _touch(t, i, j) and (_crosses(p, t, i, j, tolerance) or _crosses(p, t, j, i, tolerance)):
                found += 1
    return found
