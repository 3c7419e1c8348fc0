"""The CPU rasteriser: one z-buffer pass that writes depth, normals and labels together.

See `fexdata.render.rasterize` for the conventions. A face at crop size is thousands of triangles
of one or two pixels each, so the time goes into mispredicted branches, not into arithmetic: the
pixels of a triangle's box are tested without a branch and those inside are gathered in a list,
which a second short loop draws. That halves the time of the usual nested loops.

Edge tests are exact: positions are multiples of 1/4096 pixel, so for coordinates up to some ten
thousand pixels all products are whole numbers that float64 holds.
"""

from __future__ import annotations

import math

import numpy as np
from numba import float32, float64, int32, uint8, uint32, uintp
from numba.types import UniTuple

from fexdata.faces.kernels import kernel, readonly
from fexdata.render.rasterize import SNAP, TIE, Maps

_SNAP = float(SNAP)
_TIE = np.float32(TIE)


_NARROW = 6
"""Triangles up to this many pixels wide are drawn from their whole box, wider ones row by row."""


def draw(vertices: np.ndarray, normals: np.ndarray, triangles: np.ndarray, labels: np.ndarray, size: int) -> Maps:
    """See `fexdata.render.rasterize.rasterize`, which checks the arguments."""
    maps = Maps(
        depth=np.empty((size, size), dtype=np.float32),
        normal=np.empty((size, size, 3), dtype=np.float32),
        label=np.empty((size, size), dtype=np.uint8),
        triangle=np.empty((size, size), dtype=np.int32),
        drawn_by="numba",
    )
    pixels = np.empty(_NARROW * size, dtype=np.uint32)
    parts = np.empty((_NARROW * size, 2), dtype=np.float64)
    points = np.empty_like(vertices)
    arrays = (maps.depth, maps.normal, maps.label, maps.triangle)
    _draw(vertices, points, normals, triangles, labels, pixels, parts, *arrays)
    return maps


_List = (uint32[::1], float64[:, ::1])
_Maps = (float32[:, ::1], float32[:, :, ::1], uint8[:, ::1], int32[:, ::1])
_FlatMaps = (float32[::1], float32[:, ::1], int32[::1])
_Edges = UniTuple(float64, 7)


@kernel(readonly(float64, 2), float64[:, ::1], *_Maps)
def _prepare(
    v: np.ndarray, p: np.ndarray, depth: np.ndarray, normal: np.ndarray, label: np.ndarray, seen: np.ndarray
) -> None:
    """Snaps v into p and empties the maps. NaN compares false, so the first surface always wins."""
    for i in range(v.shape[0]):
        p[i, 0] = np.rint(v[i, 0] * _SNAP) / _SNAP
        p[i, 1] = np.rint(v[i, 1] * _SNAP) / _SNAP
        p[i, 2] = v[i, 2]
    depth[:] = np.nan
    normal[:] = 0.0
    label[:] = 0
    seen[:] = -1


@kernel(float64[:, ::1], uintp, uintp, uintp, returns=_Edges, inline=True)
def _edges(p: np.ndarray, a: np.uintp, b: np.uintp, c: np.uintp) -> tuple[float, ...]:
    """How twice the areas opposite to b and c depend on the pixel: (per x, per y, at 0) for each,
    then their greatest sum, twice the triangle's area. Inside they are positive for either winding."""
    ax, ay, bx, by, cx, cy = p[a, 0], p[a, 1], p[b, 0], p[b, 1], p[c, 0], p[c, 1]
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    sign = 1.0 if area > 0.0 else -1.0
    b_right, b_down = (cy - ay) * sign, (ax - cx) * sign
    c_right, c_down = (ay - by) * sign, (bx - ax) * sign
    return b_right, b_down, -b_right * ax - b_down * ay, c_right, c_down, -c_right * ax - c_down * ay, abs(area)


@kernel(_Edges, float64, float64, float64, returns=UniTuple(float64, 2), inline=True)
def _span(edges: tuple[float, ...], first: float, last: float, y: float) -> tuple[float, float]:
    """Narrows the pixels first to last of row y to those of the triangle, at most one too many a side."""
    b_right, b_down, b_start, c_right, c_down, c_start, whole = edges
    at_b, at_c = b_start + b_down * y, c_start + c_down * y
    for right, start in ((b_right, at_b), (c_right, at_c), (-b_right - c_right, whole - at_b - at_c)):
        if right > 0.0:
            first = max(first, np.floor(-start / right))
        elif right < 0.0:
            last = min(last, np.ceil(-start / right))
    return first, last


@kernel(_Edges, UniTuple(float64, 4), uintp, *_List, returns=uintp, inline=True)
def _gather(
    edges: tuple[float, ...], box: tuple[float, ...], size: np.uintp, pixels: np.ndarray, parts: np.ndarray
) -> np.uintp:
    """Lists the pixels of a box (first and last x, first and last y) that the triangle covers.

    Walks the box in one loop; every pixel is written to the list, which grows only by those inside.
    """
    b_right, b_down, b_start, c_right, c_down, c_start, whole = edges
    x0, x1, y0, y1 = box
    part_b = b_start + b_right * x0 + b_down * y0
    part_c = c_start + c_right * x0 + c_down * y0
    width = x1 - x0 + 1.0
    b_next, c_next = b_down - (width - 1.0) * b_right, c_down - (width - 1.0) * c_right
    one = np.uintp(1)
    pixel, to_next = np.uintp(y0) * size + np.uintp(x0), size - np.uintp(width) + one
    left, count = width, np.uintp(0)
    for _ in range(np.uintp(width * (y1 - y0 + 1.0))):
        pixels[count] = pixel
        parts[count, 0] = part_b
        parts[count, 1] = part_c
        count += np.uintp((part_b >= 0.0) & (part_c >= 0.0) & (part_b + part_c <= whole))
        left -= 1.0
        wrap = left == 0.0
        part_b += b_next if wrap else b_right
        part_c += c_next if wrap else c_right
        pixel += to_next if wrap else one
        left = width if wrap else left
    return count


@kernel(
    float64[:, ::1], readonly(float32, 2), UniTuple(uintp, 3), float64, int32, uintp, *_List, *_FlatMaps
)  # fmt: skip
def _fill(
    p: np.ndarray, n: np.ndarray, corners: tuple[np.uintp, ...], share: float, number: np.int32,
    count: np.uintp, pixels: np.ndarray, parts: np.ndarray,
    depth: np.ndarray, normal: np.ndarray, seen: np.ndarray,
) -> None:  # fmt: skip
    """Draws the listed pixels of one triangle where nothing nearer is drawn; maps are flat here."""
    a, b, c = corners
    one = np.float32(1.0)
    az, to_b, to_c = p[a, 2], (p[b, 2] - p[a, 2]) * share, (p[c, 2] - p[a, 2]) * share
    for i in range(count):
        pixel, part_b, part_c = np.uintp(pixels[i]), parts[i, 0], parts[i, 1]
        near = np.float32(-(az + part_b * to_b + part_c * to_c))
        if near <= depth[pixel] + _TIE:
            continue
        depth[pixel] = near
        seen[pixel] = number
        wb, wc = np.float32(part_b * share), np.float32(part_c * share)
        wa = one - wb - wc
        nx = n[a, 0] * wa + n[b, 0] * wb + n[c, 0] * wc
        ny = n[a, 1] * wa + n[b, 1] * wb + n[c, 1] * wc
        nz = n[a, 2] * wa + n[b, 2] * wb + n[c, 2] * wc
        length = math.sqrt(nx * nx + ny * ny + nz * nz)
        scale = one / length if length > 0.0 else np.float32(0.0)
        normal[pixel, 0] = nx * scale
        normal[pixel, 1] = -ny * scale
        normal[pixel, 2] = -nz * scale if length > 0.0 else one


@kernel(
    readonly(float64, 2), float64[:, ::1], readonly(float32, 2), readonly(int32, 2), readonly(uint8, 1), *_List, *_Maps
)
def _draw(
    v: np.ndarray, p: np.ndarray, n: np.ndarray, t: np.ndarray, labels: np.ndarray,
    pixels: np.ndarray, parts: np.ndarray,
    depth: np.ndarray, normal: np.ndarray, label: np.ndarray, seen: np.ndarray,
) -> None:  # fmt: skip
    """Axes: v, p, n (V, 3), t (T, 3), depth, label, seen (H, W), normal (H, W, 3)."""
    _prepare(v, p, depth, normal, label, seen)
    size, limit = np.uintp(depth.shape[0]), depth.shape[0] - 1.0
    flat = (depth.reshape(-1), normal.reshape(-1, 3), seen.reshape(-1))
    for k in range(t.shape[0]):
        corners = (np.uintp(t[k, 0]), np.uintp(t[k, 1]), np.uintp(t[k, 2]))
        a, b, c = corners
        x0 = max(np.ceil(min(p[a, 0], p[b, 0], p[c, 0])), 0.0)
        x1 = min(np.floor(max(p[a, 0], p[b, 0], p[c, 0])), limit)
        y0 = max(np.ceil(min(p[a, 1], p[b, 1], p[c, 1])), 0.0)
        y1 = min(np.floor(max(p[a, 1], p[b, 1], p[c, 1])), limit)
        if (x0 > x1) | (y0 > y1):
            continue
        edges = _edges(p, a, b, c)
        whole = edges[6]
        if whole == 0.0:
            continue
        if x1 - x0 < _NARROW:
            count = _gather(edges, (x0, x1, y0, y1), size, pixels, parts)
            _fill(p, n, corners, 1.0 / whole, np.int32(k), count, pixels, parts, *flat)
            continue
        while y0 <= y1:
            first, last = _span(edges, x0, x1, y0)
            if first <= last:
                count = _gather(edges, (first, last, y0, y0), size, pixels, parts)
                _fill(p, n, corners, 1.0 / whole, np.int32(k), count, pixels, parts, *flat)
            y0 += 1.0
    for row in range(seen.shape[0]):
        for column in range(seen.shape[1]):
            if seen[row, column] >= 0:
                label[row, column] = labels[seen[row, column]]
