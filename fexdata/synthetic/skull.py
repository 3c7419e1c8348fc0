"""How far the head reaches in every direction, so that hair, caps and glasses lie on it, not in it.

Seen from an axis (a point in the skull, continued as a line down through the neck) every
direction meets the skin once. So the head is a map of radii over the angle about the axis and the
way along it, and keeping a point out of the head is one look-up instead of a search.

Rows of the map run from the crown (0) round the skull to the height of the axis's upper end
(`TOP_ROWS`), then down in steps of `STEP` millimetres; columns are the angle atan2(x, -z): the
nose is in the middle, x > 0 to its right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numba import float32, float64, int64
from numba.types import UniTuple

from fexdata.faces.kernels import kernel, readonly

TOP = -38.0
"""Height (y) of the axis's upper end, millimetres: the middle of the skull."""
BACK = 45.0
"""Its z; the axis leans back by `LEAN` millimetres over the `DOWN` millimetres below it."""
LEAN = 20.0
DOWN = 220.0
TOP_ROWS = 40
STEP = 3.0
ROWS = 160
COLUMNS = 160


@dataclass(frozen=True, slots=True, eq=False)
class Skull:
    """The head as seen from its axis."""

    radius: np.ndarray
    """(ROWS, COLUMNS) float32 millimetres from the axis to the skin."""

    def outside(self, points: np.ndarray, clearance: np.ndarray | float = 0.0) -> np.ndarray:
        """Points (..., 3) moved away from the axis until they are `clearance` millimetres off the
        skin; those further out stay. `clearance` is one number or one for each point."""
        flat = np.ascontiguousarray(points, dtype=np.float32).reshape(-1, 3).copy()
        room = np.broadcast_to(np.asarray(clearance, np.float32), points.shape[:-1]).reshape(-1)
        push_out(self.radius, flat, np.ascontiguousarray(room))
        return flat.reshape(points.shape)

    def within(self, points: np.ndarray, limit: np.ndarray) -> np.ndarray:
        """Points (..., 3) moved towards the axis until they are at most `limit` (...) millimetres off the skin."""
        flat = np.ascontiguousarray(points, dtype=np.float32).reshape(-1, 3).copy()
        push_in(self.radius, flat, np.ascontiguousarray(limit, dtype=np.float32).reshape(-1))
        return flat.reshape(points.shape)

    def height(self, points: np.ndarray) -> np.ndarray:
        """How far points (..., 3) are outside the skin, along the radius: (...,) millimetres."""
        flat = np.ascontiguousarray(points, dtype=np.float32).reshape(-1, 3)
        away = np.empty(len(flat), np.float32)
        measure(self.radius, flat, away)
        return away.reshape(points.shape[:-1])

    def surface(self, angle: np.ndarray, row: np.ndarray, clearance: np.ndarray | float = 0.0) -> np.ndarray:
        """The points (..., 3) at angles (radians, 0 the nose, positive to x > 0) and rows of the map,
        `clearance` millimetres off the skin."""
        angle, row = np.broadcast_arrays(np.asarray(angle, float), np.asarray(row, float))
        polar = np.minimum(row / TOP_ROWS, 1) * (math.pi / 2)
        below = np.maximum(row - TOP_ROWS, 0) * STEP
        across = np.stack([np.sin(polar) * np.sin(angle), -np.cos(polar), -np.sin(polar) * np.cos(angle)], -1)
        on_axis = np.stack([np.zeros_like(below), TOP + below, BACK + LEAN * np.minimum(below / DOWN, 1)], -1)
        return on_axis + across * (self._look_up(angle, row) + clearance)[..., None]

    def _look_up(self, angle: np.ndarray, row: np.ndarray) -> np.ndarray:
        columns = ((angle + math.pi) * (COLUMNS / (2 * math.pi))) % COLUMNS - 0.5
        wrapped = np.pad(self.radius, ((0, 0), (1, 1)), mode="wrap")
        shape = (1, -1)
        at = cv2.remap(
            wrapped,
            (columns + 1).astype(np.float32).reshape(shape),
            row.astype(np.float32).reshape(shape),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return at.reshape(row.shape)


def row_of(height: float) -> float:
    """The row of the map at a height y (millimetres) below the axis's upper end."""
    return TOP_ROWS + (height - TOP) / STEP


def skull(vertices: np.ndarray, triangles: np.ndarray, without: np.ndarray | None = None) -> Skull:
    """The map of a head: vertices (V, 3) millimetres in head space, triangles (T, 3).

    `without`: (V,) bool, vertices to leave out (the ears, where hair goes over or behind them).
    Where the surface has holes (eyes, mouth) or ends (below the neck) the map continues smoothly.
    """
    if without is not None:
        triangles = triangles[~without[triangles].any(axis=1)]
    corners = vertices[triangles].astype(np.float32)
    weights = np.array([[i, j, 4 - i - j] for i in range(5) for j in range(5 - i)], np.float32) / 4
    points = np.einsum("wc,tcd->wtd", weights, corners).reshape(-1, 3)
    radius = np.full((ROWS, COLUMNS), np.nan, np.float32)
    collect(np.ascontiguousarray(points), radius)
    return Skull(radius=_filled(radius))


def _filled(radius: np.ndarray) -> np.ndarray:
    """Holes take the mean of what is known round them, wider and wider; the seam is closed."""
    known = np.isfinite(radius).astype(np.float32)
    values = np.where(known > 0, radius, 0).astype(np.float32)
    result = radius.copy()
    result[0] = np.nanmean(radius[:2])
    for size in (3, 7, 15, 31, 63, 127):
        missing = ~np.isfinite(result)
        if not missing.any():
            break
        pad = size
        wide = (np.pad(array, ((0, 0), (pad, pad)), mode="wrap") for array in (values, known))
        total, count = (cv2.blur(array, (size, size), borderType=cv2.BORDER_CONSTANT)[:, pad:-pad] for array in wide)
        use = missing & (count > 1e-6)
        result[use] = total[use] / count[use]
    last = np.where(np.isfinite(result).all(axis=1))[0].max()
    result[last + 1 :] = result[last]
    return np.ascontiguousarray(result)


@kernel(float64, float64, float64, returns=UniTuple(float64, 7), inline=True)
def locate(x: float, y: float, z: float) -> tuple[float, ...]:
    """(row, column, distance from the axis, direction away from it (3), z of the axis)."""
    back = BACK
    if y > TOP:
        back = BACK + LEAN * min((y - TOP) / DOWN, 1.0)
    dz = z - back
    dy = min(y - TOP, 0.0)
    distance = max(math.sqrt(x * x + dy * dy + dz * dz), 1e-6)
    if y > TOP:
        row = TOP_ROWS + (y - TOP) / STEP
    else:
        row = TOP_ROWS * math.atan2(math.sqrt(x * x + dz * dz), -dy) * (2.0 / math.pi)
    column = (math.atan2(x, -dz) + math.pi) * (COLUMNS / (2.0 * math.pi)) - 0.5
    return row, column, distance, x / distance, dy / distance, dz / distance, back


@kernel(readonly(float32, 2), float64, float64, returns=float64, inline=True)
def look_up(radius: np.ndarray, row: float, column: float) -> float:
    """The map's value between its entries; columns wrap round, rows end."""
    row = min(max(row, 0.0), ROWS - 1.001)
    if column < 0.0:
        column += COLUMNS
    i = int64(row)
    j = int64(column) % COLUMNS
    k = (j + 1) % COLUMNS
    down, right = row - i, column - int64(column)
    upper = radius[i, j] * (1.0 - right) + radius[i, k] * right
    lower = radius[i + 1, j] * (1.0 - right) + radius[i + 1, k] * right
    return upper * (1.0 - down) + lower * down


@kernel(readonly(float32, 2), float32[:, ::1], readonly(float32, 1))
def push_out(radius: np.ndarray, points: np.ndarray, clearance: np.ndarray) -> None:
    """Moves the points that are nearer to the skin than their clearance, in place."""
    for i in range(len(points)):
        row, column, distance, dx, dy, dz, _ = locate(points[i, 0], points[i, 1], points[i, 2])
        lacking = look_up(radius, row, column) + clearance[i] - distance
        if lacking > 0.0:
            points[i, 0] += dx * lacking
            points[i, 1] += dy * lacking
            points[i, 2] += dz * lacking


@kernel(readonly(float32, 2), float32[:, ::1], readonly(float32, 1))
def push_in(radius: np.ndarray, points: np.ndarray, limit: np.ndarray) -> None:
    """Moves the points that are farther from the skin than their limit, in place."""
    for i in range(len(points)):
        row, column, distance, dx, dy, dz, _ = locate(points[i, 0], points[i, 1], points[i, 2])
        excess = distance - look_up(radius, row, column) - limit[i]
        if excess > 0.0:
            points[i, 0] -= dx * excess
            points[i, 1] -= dy * excess
            points[i, 2] -= dz * excess


@kernel(readonly(float32, 2), readonly(float32, 2), float32[::1])
def measure(radius: np.ndarray, points: np.ndarray, away: np.ndarray) -> None:
    """The height of each point above the skin."""
    for i in range(len(points)):
        row, column, distance, _, _, _, _ = locate(points[i, 0], points[i, 1], points[i, 2])
        away[i] = distance - look_up(radius, row, column)


@kernel(readonly(float32, 2), float32[:, ::1])
def collect(points: np.ndarray, radius: np.ndarray) -> None:
    """The greatest radius of the points in each entry of the map; NaN where there are none."""
    for i in range(len(points)):
        row, column, distance, _, _, _, _ = locate(points[i, 0], points[i, 1], points[i, 2])
        r, c = int64(row + 0.5), int64(column + 0.5) % COLUMNS
        if 0 <= r < ROWS and not radius[r, c] >= distance:
            radius[r, c] = distance
