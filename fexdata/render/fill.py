"""Closing holes in maps: pixels inside the face's outline on which no triangle fell.

The dense-geometry paper (section 3.1) interpolates the missing parts of its projected meshes
without saying how. Here a hole is a connected set of empty pixels that cannot be reached from the
picture's border over empty pixels (in four directions, so that a diagonal gap does not leak), and
its depth and normals are the membrane over its rim: every pixel is the mean of its four
neighbours, which adds no bump and no dip that the rim does not have.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numba import boolean, float32, int64, uint8

from fexdata.faces.kernels import kernel
from fexdata.faces.topology import Label
from fexdata.render.rasterize import Maps

_INTERPOLATED = np.uint8(Label.INTERPOLATED)
_SWEEPS = 1000
_STILL = 1e-3
"""The relaxation ends when no pixel's depth moves by more than this many pixels."""


def fill_missing(maps: Maps) -> Maps:
    """Maps whose holes are interpolated and labelled `Label.INTERPOLATED`.

    Drawn pixels keep their values; maps without a hole are returned as they are. An empty region
    that touches the picture's border is outside, not a hole.
    """
    if not _has_gap(maps.label):
        return maps
    outside = np.zeros(maps.label.shape, dtype=np.bool_)
    holes = np.empty((maps.label.size, 2), dtype=np.int64)
    count = _find_holes(maps.label, outside, holes)
    if count == 0:
        return maps
    filled = replace(maps, depth=maps.depth.copy(), normal=maps.normal.copy(), label=maps.label.copy())
    pixels = holes[:count].copy()
    rows, columns = pixels[:, 0], pixels[:, 1]
    _first_guess(pixels, filled.depth, filled.normal, filled.label)
    _relax(pixels, filled.depth, filled.normal)
    normals = filled.normal[rows, columns]
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    towards_viewer = np.array([0, 0, 1], dtype=np.float32)
    filled.normal[rows, columns] = np.where(length > 1e-6, normals / np.maximum(length, 1e-6), towards_viewer)
    return filled


@kernel(uint8[:, ::1], returns=boolean)
def _has_gap(label: np.ndarray) -> bool:
    """Whether any row has an empty pixel between drawn ones: without one there is no hole, and most
    faces end here."""
    for y in range(label.shape[0]):
        changes = 0
        before = np.uint8(0)
        for x in range(label.shape[1]):
            drawn = np.uint8(label[y, x] != 0)
            changes += drawn ^ before
            before = drawn
        if changes > 2:
            return True
    return False


@kernel(uint8[:, ::1], boolean[:, ::1], int64[:, ::1], returns=int64)
def _find_holes(label: np.ndarray, outside: np.ndarray, holes: np.ndarray) -> int:
    """Lists the (row, column) of hole pixels, in reading order; `holes` is the flood's stack first."""
    height, width = label.shape
    count = 0
    for y in range(height):
        for x in range(width):
            border = (y == 0) | (x == 0) | (y == height - 1) | (x == width - 1)
            if border and label[y, x] == 0:
                outside[y, x] = True
                holes[count, 0], holes[count, 1] = y, x
                count += 1
    while count > 0:
        count -= 1
        y, x = holes[count, 0], holes[count, 1]
        for ny, nx in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            inside = (ny >= 0) & (nx >= 0) & (ny < height) & (nx < width)
            if inside and label[ny, nx] == 0 and not outside[ny, nx]:
                outside[ny, nx] = True
                holes[count, 0], holes[count, 1] = ny, nx
                count += 1
    for y in range(height):
        for x in range(width):
            if label[y, x] == 0 and not outside[y, x]:
                holes[count, 0], holes[count, 1] = y, x
                count += 1
    return count


@kernel(int64[:, ::1], float32[:, ::1], float32[:, :, ::1], uint8[:, ::1])
def _first_guess(pixels: np.ndarray, depth: np.ndarray, normal: np.ndarray, label: np.ndarray) -> None:
    """Labels every hole pixel and gives it the mean of the nearest drawn pixel on each of the four sides."""
    quarter = np.float32(0.25)
    for i in range(pixels.shape[0]):
        label[pixels[i, 0], pixels[i, 1]] = _INTERPOLATED
    for i in range(pixels.shape[0]):
        y, x = pixels[i, 0], pixels[i, 1]
        depth[y, x], normal[y, x, 0], normal[y, x, 1], normal[y, x, 2] = 0.0, 0.0, 0.0, 0.0
        for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            ny, nx = y + dy, x + dx
            # A hole is closed on all four sides, so the walk ends before the border.
            while label[ny, nx] == _INTERPOLATED:
                ny, nx = ny + dy, nx + dx
            depth[y, x] += depth[ny, nx] * quarter
            for j in range(3):
                normal[y, x, j] += normal[ny, nx, j] * quarter


@kernel(int64[:, ::1], float32[:, ::1], float32[:, :, ::1])
def _relax(pixels: np.ndarray, depth: np.ndarray, normal: np.ndarray) -> None:
    """Gauss-Seidel sweeps, forth and back in turn so that neither side leads."""
    count = pixels.shape[0]
    for sweep in range(_SWEEPS):
        moved = 0.0
        for step in range(count):
            i = step if sweep % 2 == 0 else count - 1 - step
            y, x = pixels[i, 0], pixels[i, 1]
            mean = (depth[y - 1, x] + depth[y + 1, x] + depth[y, x - 1] + depth[y, x + 1]) * np.float32(0.25)
            moved = max(moved, abs(mean - depth[y, x]))
            depth[y, x] = mean
            for j in range(3):
                around = normal[y - 1, x, j] + normal[y + 1, x, j] + normal[y, x - 1, j] + normal[y, x + 1, j]
                normal[y, x, j] = around * np.float32(0.25)
        if moved < _STILL:
            break
