"""How far the nearest surface lies towards a distant light: orthographic height maps.

A light's map looks from the light at what the picture shows. It holds heights along the direction
towards the light (larger is nearer to the light), `EMPTY` where nothing stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import float32, float64, int32

from fexdata.faces.kernels import kernel, readonly

EMPTY = -1e30


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A square of `texels` by `texels` across a light's direction, centred on what receives light."""

    axes: np.ndarray
    """(3, 3) float32 rows: across, down, towards the light; the first two divided by the texel's size."""
    centre: np.ndarray
    """(3,) float32 millimetres."""
    texels: int
    texel: float
    """Millimetres."""


def box_about(clouds: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest coordinates, (3,) float32 each, of all points of arrays (..., 3); none of them empty."""
    boxes = np.empty((len(clouds), 2, 3), np.float32)
    for box, cloud in zip(boxes, clouds, strict=True):
        _box(np.ascontiguousarray(cloud, np.float32).reshape(-1, 3), box)
    return boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)


def sphere_about(clouds: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Centre and radius, millimetres, of the sphere about the box of all points of arrays (..., 3)."""
    low, high = box_about(clouds)
    return (low + high) / 2, float(np.linalg.norm(high - low) / 2) + 1.0


@kernel(readonly(float32, 2), float32[:, ::1])
def _box(points: np.ndarray, box: np.ndarray) -> None:
    """Least and greatest of each coordinate; numpy takes ten times as long along a short axis."""
    box[0], box[1] = np.float32(np.inf), np.float32(-np.inf)
    for i in range(points.shape[0]):
        for c in range(3):
            box[0, c] = min(box[0, c], points[i, c])
            box[1, c] = max(box[1, c], points[i, c])


def frame(direction: np.ndarray, centre: np.ndarray, radius: float, texels: int) -> Frame:
    """A frame that covers the sphere of `radius` millimetres about `centre`."""
    light = direction / np.linalg.norm(direction)
    helper = np.array([0.0, 0.0, 1.0]) if abs(light[2]) < 0.8 else np.array([0.0, 1.0, 0.0])
    across = np.cross(helper, light)
    across /= np.linalg.norm(across)
    texel = 2.0 * radius / (texels - 2)
    axes = np.stack([across / texel, np.cross(light, across) / texel, light]).astype(np.float32)
    return Frame(axes, centre.astype(np.float32), texels, texel)


def to_light(frame_: Frame, points: np.ndarray) -> np.ndarray:
    """(n, 3) float32: column, row (in texels, integers at centres) and height in millimetres."""
    placed = np.empty(points.shape, np.float32)
    middle = np.array([(frame_.texels - 1) / 2, (frame_.texels - 1) / 2, 0], np.float32)
    _turn(points, frame_.axes, middle - frame_.axes @ frame_.centre, placed)
    return placed


@kernel(readonly(float32, 2), readonly(float32, 2), readonly(float32, 1), float32[:, ::1])
def _turn(points: np.ndarray, axes: np.ndarray, shift: np.ndarray, placed: np.ndarray) -> None:
    a, b, c, d, e, f = axes[0, 0], axes[0, 1], axes[0, 2], axes[1, 0], axes[1, 1], axes[1, 2]
    g, h, m = axes[2, 0], axes[2, 1], axes[2, 2]
    for i in range(points.shape[0]):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        placed[i, 0] = a * x + b * y + c * z + shift[0]
        placed[i, 1] = d * x + e * y + f * z + shift[1]
        placed[i, 2] = g * x + h * y + m * z + shift[2]


def height_map(frame_: Frame, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(texels, texels) float32 of the casters (V, 3), (T, 3)."""
    heights = np.full((frame_.texels, frame_.texels), EMPTY, np.float32)
    _draw(to_light(frame_, vertices), triangles, heights)
    return heights


@kernel(readonly(float32, 2), readonly(int32, 2), float32[:, ::1])
def _draw(p: np.ndarray, t: np.ndarray, heights: np.ndarray) -> None:
    """Keeps the greatest height per texel. Edges count as inside, with a little to spare against leaks."""
    limit = np.float32(heights.shape[0] - 1)
    zero, spare = np.float32(0.0), np.float32(-1e-3)
    for k in range(t.shape[0]):
        a, b, c = t[k, 0], t[k, 1], t[k, 2]
        ax, ay, bx, by, cx, cy = p[a, 0], p[a, 1], p[b, 0], p[b, 1], p[c, 0], p[c, 1]
        x0, x1 = max(np.ceil(min(ax, bx, cx)), zero), min(np.floor(max(ax, bx, cx)), limit)
        y0, y1 = max(np.ceil(min(ay, by, cy)), zero), min(np.floor(max(ay, by, cy)), limit)
        if (x0 > x1) | (y0 > y1):
            continue
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < np.float32(1e-9):
            continue
        share = np.float32(1.0) / area
        b_right, b_down = (cy - ay) * share, (ax - cx) * share
        c_right, c_down = (ay - by) * share, (bx - ax) * share
        start, to_b, to_c = p[a, 2], p[b, 2] - p[a, 2], p[c, 2] - p[a, 2]
        for y in range(int(y0), int(y1) + 1):
            at_b = b_right * (x0 - ax) + b_down * (np.float32(y) - ay)
            at_c = c_right * (x0 - ax) + c_down * (np.float32(y) - ay)
            for x in range(int(x0), int(x1) + 1):
                if (at_b >= spare) & (at_c >= spare) & (at_b + at_c <= np.float32(1.0) - spare):
                    height = start + at_b * to_b + at_c * to_c
                    if height > heights[y, x]:
                        heights[y, x] = height
                at_b += b_right
                at_c += c_right


def free(frame_: Frame, heights: np.ndarray, points: np.ndarray, bias: float) -> np.ndarray:
    """(n,) float32: how much of a light thin things at points (n, 3) see past the surfaces, softly.

    bias: millimetres that a surface may stand above a point before it begins to hide the light.
    """
    shares = np.empty(len(points), np.float32)
    _free(to_light(frame_, points), heights, bias, 1.0 / frame_.texel, shares)
    return shares


@kernel(readonly(float32, 2), readonly(float32, 2), float64, float64, float32[::1])
def _free(placed: np.ndarray, heights: np.ndarray, bias: float, softness: float, shares: np.ndarray) -> None:
    last = heights.shape[0] - 2
    for i in range(placed.shape[0]):
        x, y, height = placed[i, 0], placed[i, 1], placed[i, 2] + bias
        k, j = min(max(int(x), 0), last), min(max(int(y), 0), last)
        fx, fy = min(max(x - k, 0.0), 1.0), min(max(y - j, 0.0), 1.0)
        lit = 0.0
        for dj in range(2):
            wy = fy if dj == 1 else 1.0 - fy
            for dk in range(2):
                hidden = min(max((heights[j + dj, k + dk] - height) * softness, 0.0), 1.0)
                lit += wy * (fx if dk == 1 else 1.0 - fx) * (1.0 - hidden)
        shares[i] = lit
