"""Strands drawn over the picture: laid end to end, placed, lit where they are seen, composited."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import float32, float64, uint8

from fexdata.faces.kernels import kernel, readonly
from fexdata.render.photo.fibre import lit
from fexdata.render.photo.scene import Camera, Strands
from fexdata.render.photo.stage import Stage
from fexdata.render.photo.strand_raster import draw_segments

_BURIED = 3.0
"""Millimetres behind a surface at which a point of a strand is no longer worth lighting."""


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The points of many strands laid end to end."""

    position: np.ndarray
    """(n, 3) float32 millimetres."""
    tangent: np.ndarray
    """(n, 3) float32 unit, from root to tip."""
    colour: np.ndarray
    """(n, 3) float32."""
    width: np.ndarray
    """(n,) float32 millimetres, 0 at the tip."""
    opacity: np.ndarray
    """(n,) float32; negative at the last point of a strand."""


def add_hair(
    picture: np.ndarray, depth: np.ndarray, strands: list[Strands], stage: Stage, camera: Camera
) -> np.ndarray:
    """Draws strands over picture (H, W, 3) where they are before depth (H, W); (H, W) what they cover."""
    cover = np.zeros(depth.shape, np.float32)
    shown = [one for one in strands if one.points.size and one.points.shape[1] > 1]
    if not shown:
        return cover
    points = _lay_out(shown)
    placed, wanted = _place(points, depth, camera)
    chosen = np.flatnonzero(wanted)
    if not len(chosen):
        return cover
    radiance = np.zeros_like(points.position)
    radiance[chosen] = lit(points.position[chosen], points.tangent[chosen], points.colour[chosen], stage)
    draw_segments(placed, radiance, points.width, points.opacity, wanted, camera.focal, depth, picture, cover)
    return cover


def _lay_out(strands: list[Strands]) -> Points:
    count = sum(one.points.shape[0] * one.points.shape[1] for one in strands)
    points = Points(*(np.empty((count, 3), np.float32) for _ in range(3)), *(np.empty(count, np.float32) for _ in "wo"))
    first = 0
    for one in strands:
        last = first + one.points.shape[0] * one.points.shape[1]
        rows = slice(first, last)
        _fill(
            np.ascontiguousarray(one.points, np.float32), np.ascontiguousarray(one.colour, np.float32),
            np.ascontiguousarray(one.width, np.float32), one.opacity,
            points.position[rows], points.tangent[rows], points.colour[rows], points.width[rows], points.opacity[rows],
        )  # fmt: skip
        first = last
    return points


@kernel(
    readonly(float32, 3), readonly(float32, 2), readonly(float32, 1), float64,
    float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[::1], float32[::1],
)  # fmt: skip
def _fill(
    strands: np.ndarray, colours: np.ndarray, widths: np.ndarray, whole: float,
    position: np.ndarray, tangent: np.ndarray, colour: np.ndarray, width: np.ndarray, opacity: np.ndarray,
) -> None:  # fmt: skip
    last = strands.shape[1] - 1
    i = 0
    for s in range(strands.shape[0]):
        for k in range(last + 1):
            before, after = max(k - 1, 0), min(k + 1, last)
            length = np.float32(1e-12)
            for c in range(3):
                position[i, c] = strands[s, k, c]
                tangent[i, c] = strands[s, after, c] - strands[s, before, c]
                colour[i, c] = colours[s, c]
                length += tangent[i, c] * tangent[i, c]
            length = np.sqrt(length)
            for c in range(3):
                tangent[i, c] /= length
            along = k / last
            width[i] = widths[s] * (1.0 - along * along * along)
            opacity[i] = whole if k < last else -1.0
            i += 1


def _place(points: Points, depth: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """(n, 3) float32 pixel coordinates and Z, and (n,) uint8 which points are near enough to what is seen."""
    placed = np.empty_like(points.position)
    wanted = np.zeros(len(placed), np.uint8)
    _project(points.position, points.opacity, depth, camera.focal, camera.centre[0], camera.centre[1], placed, wanted)
    return placed, wanted


@kernel(
    readonly(float32, 2), readonly(float32, 1), readonly(float32, 2), float64, float64, float64, float32[:, ::1],
    uint8[::1],
)  # fmt: skip
def _project(
    position: np.ndarray, opacity: np.ndarray, depth: np.ndarray, focal: float, cx: float, cy: float,
    placed: np.ndarray, seen: np.ndarray,
) -> None:  # fmt: skip
    height, width = depth.shape
    last = position.shape[0] - 1
    for i in range(position.shape[0]):
        z = max(position[i, 2], np.float32(1.0))
        x, y = focal * position[i, 0] / z + cx, focal * position[i, 1] / z + cy
        placed[i, 0], placed[i, 1], placed[i, 2] = x, y, position[i, 2]
        inside = (x > -20.0) & (y > -20.0) & (x < width + 20.0) & (y < height + 20.0) & (z > 10.0)
        if not inside:
            continue
        column, row = min(max(int(x + 0.5), 0), width - 1), min(max(int(y + 0.5), 0), height - 1)
        if z < depth[row, column] + _BURIED:
            # Its neighbours along the strand are lit, too, so that every segment seen has two lit ends.
            seen[i] = 1
            if (i < last) & (opacity[i] >= 0.0):
                seen[i + 1] = 1
            if (i > 0) and opacity[i - 1] >= 0.0:
                seen[i - 1] = 1
