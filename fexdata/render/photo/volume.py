"""Hair as a cloud: how much of it light has to pass, from any side, in a grid of cells.

A strand is thinner than any map of heights can hold; what matters for light is how much hair stands
in the way. The strands' silhouettes are summed in cells (extinction per millimetre), and a sweep
through the grid, layer by layer from the light's side, sums them up along the light's direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import float32, float64, int64

from fexdata.faces.kernels import kernel, readonly
from fexdata.render.photo.scene import Strands
from fexdata.render.photo.shadow import box_about

FINE = 72
"""Cells along the longest side of the grid for lamps; the surroundings use cells twice as wide."""
_SMALLEST = 1.5
"""Millimetres: the least side of a cell."""


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A grid of cubic cells."""

    origin: np.ndarray
    """(3,) float32: middle of the first cell, millimetres."""
    cell: float
    """Side of a cell, millimetres."""
    density: np.ndarray
    """(nx, ny, nz) float32: silhouette per volume, 1/mm."""


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """How much hair lies between each cell's middle and a distant light."""

    volume: Volume
    towards: np.ndarray
    """(3,) float32 unit vector."""
    order: tuple[int, int, int]
    """Which axis of space each axis of `depth` is; the first is the one nearest to the light's direction."""
    depth: np.ndarray
    """float32 optical depth; exp(-depth) of the light comes through."""


def fill(strands: list[Strands]) -> Volume | None:
    """The grid of all strands that cast shadows; None when there are none."""
    chosen = [one for one in strands if one.shadows and one.points.size]
    if not chosen:
        return None
    low, high = box_about([one.points for one in chosen])
    cell = max(float((high - low).max()) / (FINE - 4), _SMALLEST)
    shape = 2 * (np.ceil((high - low) / cell).astype(int) // 2 + 2)
    origin = (low - cell).astype(np.float32)
    density = np.zeros(tuple(shape), np.float32)
    for one in chosen:
        _splat(
            np.ascontiguousarray(one.points, np.float32), np.ascontiguousarray(one.width, np.float32), one.opacity,
            origin, cell, density,
        )  # fmt: skip
    return Volume(origin, cell, density)


def coarser(volume: Volume) -> Volume:
    """The same hair in cells twice as wide."""
    nx, ny, nz = (side // 2 for side in volume.density.shape)
    density = volume.density.reshape(nx, 2, ny, 2, nz, 2).mean(axis=(1, 3, 5))
    return Volume(volume.origin + np.float32(volume.cell / 2), 2 * volume.cell, np.ascontiguousarray(density))


def sweep(volume: Volume, direction: np.ndarray) -> Sweep:
    """Sums the hair towards a distant light in this direction."""
    light = (direction / np.linalg.norm(direction)).astype(np.float32)
    first = int(np.argmax(np.abs(light)))
    order = (first, (first + 1) % 3, (first + 2) % 3)
    density = np.ascontiguousarray(volume.density.transpose(order))
    depth = np.empty_like(density)
    _sweep(density, light[list(order)], volume.cell, depth)
    return Sweep(volume, light, order, depth)


def depth_at(swept: Sweep, points: np.ndarray) -> np.ndarray:
    """(n,) float32 optical depth from points (n, 3) to the light, also for points outside the grid."""
    found = np.empty(len(points), np.float32)
    order = list(swept.order)
    volume = swept.volume
    _depth_at(points, volume.origin[order], volume.cell, swept.towards[order], *swept.order, swept.depth, found)
    return found


@kernel(readonly(float32, 3), readonly(float32, 1), float64, readonly(float32, 1), float64, float32[:, :, ::1])
def _splat(
    points: np.ndarray, width: np.ndarray, opacity: float, origin: np.ndarray, cell: float, density: np.ndarray
) -> None:
    """Adds length times width of each segment, in pieces of a cell and a half, to the eight cells about each."""
    last = points.shape[1] - 1
    # A cylinder's silhouette, over all sides from which it is seen, is pi / 4 of its length times its width.
    scale = opacity * 0.785398 / (cell * cell * cell)
    for s in range(points.shape[0]):
        for k in range(last):
            dx = points[s, k + 1, 0] - points[s, k, 0]
            dy = points[s, k + 1, 1] - points[s, k, 1]
            dz = points[s, k + 1, 2] - points[s, k, 2]
            length = np.sqrt(dx * dx + dy * dy + dz * dz)
            pieces = int(length / (1.5 * cell)) + 1
            along = (k + 0.5) / last
            area = length * width[s] * (1.0 - along * along * along) * scale / pieces
            for piece in range(pieces):
                t = (piece + 0.5) / pieces
                x = (points[s, k, 0] + t * dx - origin[0]) / cell
                y = (points[s, k, 1] + t * dy - origin[1]) / cell
                z = (points[s, k, 2] + t * dz - origin[2]) / cell
                i, j, m = int(x), int(y), int(z)
                fx, fy, fz = x - i, y - j, z - m
                for a in range(2):
                    wx = fx if a == 1 else 1.0 - fx
                    for b in range(2):
                        wxy = wx * (fy if b == 1 else 1.0 - fy) * area
                        density[i + a, j + b, m] += wxy * (1.0 - fz)
                        density[i + a, j + b, m + 1] += wxy * fz


@kernel(readonly(float32, 3), readonly(float32, 1), float64, float32[:, :, ::1])
def _sweep(density: np.ndarray, light: np.ndarray, cell: float, depth: np.ndarray) -> None:
    """Layer after layer along the first axis; the layer before is asked where the light comes from."""
    layers, rows, columns = density.shape
    ahead = 1 if light[0] > 0.0 else -1
    stretch = np.float32(1.0 / abs(light[0]))
    half = np.float32(0.5 * cell) * stretch
    shift_row, shift_column = light[1] * stretch, light[2] * stretch
    below_row, below_column = int(np.floor(shift_row)), int(np.floor(shift_column))
    fr, fc = shift_row - np.float32(below_row), shift_column - np.float32(below_column)
    one, zero = np.float32(1.0), np.float32(0.0)
    w00, w01, w10, w11 = (one - fr) * (one - fc), (one - fr) * fc, fr * (one - fc), fr * fc
    for step in range(layers):
        i = layers - 1 - step if ahead == 1 else step
        before = i + ahead
        for j in range(rows):
            j0, j1 = j + below_row, j + below_row + 1
            for k in range(columns):
                own = half * density[i, j, k]
                if step > 0:
                    k0, k1 = k + below_column, k + below_column + 1
                    up, down = (j0 >= 0) & (j0 < rows), (j1 >= 0) & (j1 < rows)
                    left, right = (k0 >= 0) & (k0 < columns), (k1 >= 0) & (k1 < columns)
                    if up & left:
                        own += w00 * (depth[before, j0, k0] + half * density[before, j0, k0])
                    if up & right:
                        own += w01 * (depth[before, j0, k1] + half * density[before, j0, k1])
                    if down & left:
                        own += w10 * (depth[before, j1, k0] + half * density[before, j1, k0])
                    if down & right:
                        own += w11 * (depth[before, j1, k1] + half * density[before, j1, k1])
                depth[i, j, k] = max(own, zero)


@kernel(
    readonly(float32, 2), readonly(float32, 1), float64, readonly(float32, 1), int64, int64, int64,
    readonly(float32, 3), float32[::1],
)  # fmt: skip
def _depth_at(
    points: np.ndarray, origin: np.ndarray, cell: float, light: np.ndarray, first: int, second: int, third: int,
    depth: np.ndarray, found: np.ndarray,
) -> None:  # fmt: skip
    """Axes in the order of the sweep. A point outside is moved along the light to where it enters the grid."""
    n0, n1, n2 = depth.shape
    share = np.float32(1.0 / cell)
    for i in range(points.shape[0]):
        x = (points[i, first] - origin[0]) * share
        y = (points[i, second] - origin[1]) * share
        z = (points[i, third] - origin[2]) * share
        enter, leave = 0.0, 1e9
        for value, way, side in ((x, light[0], n0), (y, light[1], n1), (z, light[2], n2)):
            if abs(way) < 1e-6:
                if (value < 0.0) | (value > side - 1.0):
                    leave = -1.0
                continue
            one, other = -value / way, (side - 1.0 - value) / way
            enter, leave = max(enter, min(one, other)), min(leave, max(one, other))
        if enter >= leave:
            found[i] = 0.0
            continue
        x = min(max(x + light[0] * enter, 0.0), n0 - 1.001)
        y = min(max(y + light[1] * enter, 0.0), n1 - 1.001)
        z = min(max(z + light[2] * enter, 0.0), n2 - 1.001)
        a, b, c = int(x), int(y), int(z)
        fx, fy, fz = x - a, y - b, z - c
        near = (depth[a, b, c] * (1.0 - fz) + depth[a, b, c + 1] * fz) * (1.0 - fy)
        near += (depth[a, b + 1, c] * (1.0 - fz) + depth[a, b + 1, c + 1] * fz) * fy
        far = (depth[a + 1, b, c] * (1.0 - fz) + depth[a + 1, b, c + 1] * fz) * (1.0 - fy)
        far += (depth[a + 1, b + 1, c] * (1.0 - fz) + depth[a + 1, b + 1, c + 1] * fz) * fy
        found[i] = near * (1.0 - fx) + far * fx
