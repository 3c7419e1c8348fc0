"""Which triangle each pixel shows, in perspective.

Conventions (as `fexdata.render.rasterize`, where they make sense in perspective):

- Pixel centres lie at integer coordinates; x_pixel = focal * X / Z + centre.
- Projected positions are rounded to 1/4096 pixel, so that neighbours leave no gap.
- A pixel belongs to a triangle when its centre lies inside or on an edge; the nearest surface wins,
  and among equally near ones the triangle with the lower number. Both windings are drawn.
- 1/Z is linear across the picture, so it is what is compared; weights are perspective-correct.
- Triangles with a corner nearer to the camera than `NEAR` are left out whole.
"""

from __future__ import annotations

import numpy as np
from numba import float32, float64, int32

from fexdata.faces.kernels import kernel, readonly
from fexdata.render.photo.scene import Camera
from fexdata.render.rasterize import SNAP

NEAR = 10.0
"""Millimetres."""
_TIE = 1e-7
"""Relative difference of 1/Z within which surfaces are equally near: 0.1 micrometres at a metre."""
_SNAP = float(SNAP)


def project(vertices: np.ndarray, camera: Camera) -> np.ndarray:
    """(V, 3) float64: x and y in pixels, rounded, and 1/Z; 1/Z is 0 where nearer than `NEAR`."""
    points = np.empty(vertices.shape, np.float64)
    _project(np.ascontiguousarray(vertices, np.float32), camera.focal, camera.centre[0], camera.centre[1], points)
    return points


def visible(points: np.ndarray, triangles: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W) int32 number of the triangle that each pixel shows, -1 for none. size: width, height."""
    ids = np.empty((size[1], size[0]), np.int32)
    _draw(points, triangles, np.empty(ids.shape, np.float64), ids)
    return ids


def weights(points: np.ndarray, triangles: np.ndarray, pixels: np.ndarray, ids: np.ndarray, width: int) -> np.ndarray:
    """(n, 3) float32 perspective-correct weights of the three corners at pixels (row * width + column)."""
    found = np.empty((len(pixels), 3), np.float32)
    _weights(points, triangles, pixels, ids, width, found)
    return found


@kernel(readonly(float32, 2), float64, float64, float64, float64[:, ::1])
def _project(v: np.ndarray, focal: float, cx: float, cy: float, p: np.ndarray) -> None:
    for i in range(v.shape[0]):
        z = np.float64(v[i, 2])
        if z < NEAR:
            p[i, 0], p[i, 1], p[i, 2] = 0.0, 0.0, 0.0
            continue
        p[i, 0] = np.rint((focal * v[i, 0] / z + cx) * _SNAP) / _SNAP
        p[i, 1] = np.rint((focal * v[i, 1] / z + cy) * _SNAP) / _SNAP
        p[i, 2] = 1.0 / z


@kernel(readonly(float64, 2), readonly(int32, 2), float64[:, ::1], int32[:, ::1])
def _draw(p: np.ndarray, t: np.ndarray, near: np.ndarray, ids: np.ndarray) -> None:
    """near: (H, W) greatest 1/Z so far."""
    height, width = ids.shape
    near[:] = 0.0
    ids[:] = -1
    for k in range(t.shape[0]):
        a, b, c = t[k, 0], t[k, 1], t[k, 2]
        ax, ay, bx, by, cx, cy = p[a, 0], p[a, 1], p[b, 0], p[b, 1], p[c, 0], p[c, 1]
        x0, x1 = max(np.ceil(min(ax, bx, cx)), 0.0), min(np.floor(max(ax, bx, cx)), width - 1.0)
        y0, y1 = max(np.ceil(min(ay, by, cy)), 0.0), min(np.floor(max(ay, by, cy)), height - 1.0)
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if (x0 > x1) | (y0 > y1) | (area == 0.0) | (p[a, 2] * p[b, 2] * p[c, 2] == 0.0):
            continue
        sign = 1.0 if area > 0.0 else -1.0
        whole = area * sign
        b_right, b_down = (cy - ay) * sign, (ax - cx) * sign
        c_right, c_down = (ay - by) * sign, (bx - ax) * sign
        start, to_b, to_c = p[a, 2], (p[b, 2] - p[a, 2]) / whole, (p[c, 2] - p[a, 2]) / whole
        first, last = int(x0), int(x1)
        for y in range(int(y0), int(y1) + 1):
            at_b = b_right * (x0 - ax) + b_down * (y - ay)
            at_c = c_right * (x0 - ax) + c_down * (y - ay)
            for x in range(first, last + 1):
                if (at_b >= 0.0) & (at_c >= 0.0) & (at_b + at_c <= whole):
                    inverse = start + at_b * to_b + at_c * to_c
                    if inverse > near[y, x] * (1.0 + _TIE):
                        near[y, x] = inverse
                        ids[y, x] = k
                at_b += b_right
                at_c += c_right


@kernel(readonly(float64, 2), readonly(int32, 2), readonly(int32, 1), readonly(int32, 1), int32, float32[:, ::1])
def _weights(p: np.ndarray, t: np.ndarray, pixels: np.ndarray, ids: np.ndarray, width: int, out: np.ndarray) -> None:
    for i in range(pixels.shape[0]):
        k = ids[i]
        a, b, c = t[k, 0], t[k, 1], t[k, 2]
        x, y = np.float64(pixels[i] % width), np.float64(pixels[i] // width)
        ax, ay, bx, by, cx, cy = p[a, 0], p[a, 1], p[b, 0], p[b, 1], p[c, 0], p[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        part_b = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
        part_c = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
        wa, wb, wc = (1.0 - part_b - part_c) * p[a, 2], part_b * p[b, 2], part_c * p[c, 2]
        total = wa + wb + wc
        out[i, 0], out[i, 1], out[i, 2] = wa / total, wb / total, wc / total
