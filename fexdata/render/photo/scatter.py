"""Light that enters skin and comes out beside: irradiance blurred along the surface, red the farthest.

The recursive filter of Gastal and Oliveira, Domain Transform for Edge-Aware Image and Video
Processing (2011), with the distance between neighbouring samples measured in millimetres of surface:
widths are physical at any depth and angle, and nothing crosses a step in depth or the border of a
part. Its exponential kernel has the sharp peak and long tail of skin's profiles (d'Eon et al. 2007),
which keeps pores and softens terminators.
"""

from __future__ import annotations

import math

import numpy as np
from numba import float32, float64

from fexdata.faces.kernels import kernel, readonly

WIDTH = 2.2
"""Standard deviation of red in millimetres; green's is half of it and blue's a quarter."""
_PASSES = 2


def scatter(light: np.ndarray, position: np.ndarray, depth_of_scatter: np.ndarray) -> None:
    """Blurs light (H, W, 3) float32 in place.

    position: (H, W, 3) float32 millimetres; depth_of_scatter: (H, W) float32, how far light goes as a
    part of `WIDTH`, 0 where it does not scatter. Samples of different values do not mix.
    """
    height, width = depth_of_scatter.shape
    across, down = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    _distances(position, depth_of_scatter, across, down)
    for number in range(_PASSES):
        share = math.sqrt(3) * 2 ** (_PASSES - 1 - number) / math.sqrt(4**_PASSES - 1)
        # Blue's width is the filter's base: green's feedback is its root, red's the fourth root.
        _filter(light, across, down, math.sqrt(2) / (WIDTH * share))


@kernel(readonly(float32, 3), readonly(float32, 2), float32[:, ::1], float32[:, ::1])
def _distances(p: np.ndarray, reach: np.ndarray, across: np.ndarray, down: np.ndarray) -> None:
    """Distance to the sample on the left and above, over the reach; negative: a wall."""
    for y in range(reach.shape[0]):
        for x in range(reach.shape[1]):
            own = reach[y, x]
            across[y, x], down[y, x] = -1.0, -1.0
            if own == 0.0:
                continue
            if x > 0 and reach[y, x - 1] == own:
                dx, dy, dz = p[y, x, 0] - p[y, x - 1, 0], p[y, x, 1] - p[y, x - 1, 1], p[y, x, 2] - p[y, x - 1, 2]
                across[y, x] = np.sqrt(dx * dx + dy * dy + dz * dz) / own
            if y > 0 and reach[y - 1, x] == own:
                dx, dy, dz = p[y, x, 0] - p[y - 1, x, 0], p[y, x, 1] - p[y - 1, x, 1], p[y, x, 2] - p[y - 1, x, 2]
                down[y, x] = np.sqrt(dx * dx + dy * dy + dz * dz) / own


@kernel(float32[:, :, ::1], float32[:, ::1], float32[:, ::1], float64)
def _filter(light: np.ndarray, across: np.ndarray, down: np.ndarray, rate: float) -> None:
    """One pass along rows, forth and back, then along columns."""
    height, width = across.shape
    one, speed = np.float32(1.0), np.float32(-rate)
    keep = np.zeros((width, 3), np.float32)
    for y in range(height):
        for x in range(1, width):
            d = across[y, x]
            red = np.exp(speed * d) if d >= 0.0 else np.float32(0.0)
            green = red * red
            keep[x, 0], keep[x, 1], keep[x, 2] = red, green, green * green
            for c in range(3):
                light[y, x, c] += (light[y, x - 1, c] - light[y, x, c]) * keep[x, c]
        for x in range(width - 2, -1, -1):
            for c in range(3):
                light[y, x, c] += (light[y, x + 1, c] - light[y, x, c]) * keep[x + 1, c]
    for forth in (True, False):
        for step in range(1, height):
            y = step if forth else height - 1 - step
            other = y - 1 if forth else y + 1
            edge = y if forth else y + 1
            for x in range(width):
                d = down[edge, x]
                if d < 0.0:
                    continue
                red = np.exp(speed * d)
                green = red * red
                light[y, x, 0] += (light[other, x, 0] - light[y, x, 0]) * red * one
                light[y, x, 1] += (light[other, x, 1] - light[y, x, 1]) * green
                light[y, x, 2] += (light[other, x, 2] - light[y, x, 2]) * green * green
