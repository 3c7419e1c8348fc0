"""How much of a lamp each sample sees: shadows whose edges widen with distance from what casts them.

Percentage-closer soft shadows (Fernando 2005): the mean height of what stands in the way gives the
width of the penumbra, and the map is asked at points of a spiral over that width.
"""

from __future__ import annotations

import math

import numpy as np
from numba import float32, float64, int32

from fexdata.faces.kernels import kernel, readonly
from fexdata.render.photo.shadow import to_light
from fexdata.render.photo.stage import View
from fexdata.render.photo.volume import depth_at

_SEARCH = 12
_TAPS = 24
_SHARPEST = 0.0044
"""Tangent of the sun's angular radius: no lamp is taken to be smaller."""
_FARTHEST = 60.0
"""Millimetres above the receiver up to which things that stand in the way are searched at full width."""


def seen(view: View, points: np.ndarray, normals: np.ndarray, pixels: np.ndarray, width: int) -> np.ndarray:
    """(n,) float32: the share of a lamp that each of n points sees.

    normals: (n, 3), of the mesh, without relief; pixels and the picture's width only turn the
    spiral from sample to sample, so that its steps do not show as bands.
    """
    shares = np.empty(len(points), np.float32)
    place = view.frame
    spread = max(view.spread, _SHARPEST)
    _soften(to_light(place, points), normals, pixels, width, place.axes, place.texel, spread, view.heights, _SPIRAL,
            shares)  # fmt: skip
    if view.hair is not None:
        shares *= np.exp(-depth_at(view.hair, points))
    return shares


def _spiral(count: int) -> np.ndarray:
    """(count, 2) float32: points evenly over the unit disc (Vogel 1979)."""
    number = np.arange(count) + 0.5
    angle, distance = number * math.pi * (3 - math.sqrt(5)), np.sqrt(number / count)
    return np.stack([np.cos(angle) * distance, np.sin(angle) * distance], 1).astype(np.float32)


_SPIRAL = np.concatenate([_spiral(_SEARCH), _spiral(_TAPS)])


@kernel(
    readonly(float32, 2), readonly(float32, 2), readonly(int32, 1), int32, readonly(float32, 2), float64, float64,
    readonly(float32, 2), readonly(float32, 2), float32[::1],
)  # fmt: skip
def _soften(
    placed: np.ndarray, normals: np.ndarray, pixels: np.ndarray, width: int, axes: np.ndarray, texel: float,
    spread: float, heights: np.ndarray, spiral: np.ndarray, shares: np.ndarray,
) -> None:  # fmt: skip
    limit = heights.shape[0] - 1
    behind = np.float32(-spread)
    lx, ly, lz = axes[2, 0], axes[2, 1], axes[2, 2]
    zero, one, half = np.float32(0.0), np.float32(1.0), np.float32(0.5)
    # Heights over the receiver's plane are measured at right angles to it: so grazing light, whose heights
    # run away within a texel, neither shades a plane by itself nor leaks.
    bias, softness = np.float32(0.2 + 0.25 * texel), np.float32(1.0 / texel)
    reach = np.float32(min(max(spread * _FARTHEST / texel, 1.5), 28.0))
    for i in range(placed.shape[0]):
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        facing = nx * lx + ny * ly + nz * lz
        if facing <= behind:
            shares[i] = zero
            continue
        facing = max(facing, np.float32(0.02))
        steep = np.float32(-texel * texel) / facing
        right = (nx * axes[0, 0] + ny * axes[0, 1] + nz * axes[0, 2]) * steep
        down = (nx * axes[1, 0] + ny * axes[1, 1] + nz * axes[1, 2]) * steep
        x, y, height = placed[i, 0], placed[i, 1], placed[i, 2]
        # Interleaved gradient noise (Jimenez 2014) turns the spiral.
        column, row = pixels[i] % width, pixels[i] // width
        turn = 0.06711056 * column + 0.00583715 * row
        turn = 52.9829189 * (turn - np.floor(turn))
        angle = 6.2831853 * (turn - np.floor(turn))
        cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        above, blockers = zero, zero
        for s in range(_SEARCH):
            dx = (spiral[s, 0] * cosine - spiral[s, 1] * sine) * reach
            dy = (spiral[s, 0] * sine + spiral[s, 1] * cosine) * reach
            k, j = int(x + dx + half), int(y + dy + half)
            if (k < 0) | (j < 0) | (k > limit) | (j > limit):
                continue
            over = heights[j, k] - height - right * (np.float32(k) - x) - down * (np.float32(j) - y)
            if over * facing > bias:
                above += over
                blockers += one
        if blockers == zero:
            shares[i] = one
            continue
        wide = np.float32(spread / texel) * above / blockers
        wide = min(max(wide, np.float32(1.2)), reach)
        lit = zero
        for s in range(_SEARCH, _SEARCH + _TAPS):
            dx = (spiral[s, 0] * cosine - spiral[s, 1] * sine) * wide
            dy = (spiral[s, 0] * sine + spiral[s, 1] * cosine) * wide
            k, j = int(x + dx + half), int(y + dy + half)
            if (k < 0) | (j < 0) | (k > limit) | (j > limit):
                lit += one
                continue
            over = heights[j, k] - height - right * (np.float32(k) - x) - down * (np.float32(j) - y)
            lit += one - min(max((over * facing - bias) * softness, zero), one)
        shares[i] = lit / np.float32(_TAPS)
