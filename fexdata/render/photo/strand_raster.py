"""Drawing lit strands: each sample takes as much of a hair's colour as the hair covers of it.

Hairs are mostly thinner than a sample. A segment is a line whose cross-section is a box of the
hair's width averaged over a sample: what it covers adds up, across, to the hair's width, however
thin. Segments are drawn from the farthest to the nearest, each over what lies behind it.
"""

from __future__ import annotations

import numpy as np
from numba import float32, float64, int32, int64, uint8

from fexdata.faces.kernels import kernel, readonly

_BINS = 4096
"""Steps of depth by which segments are sorted."""
_SOFT = 0.8
"""Millimetres behind a surface over which a hair fades, so that hairs that rest on skin do not flicker."""


def draw_segments(
    placed: np.ndarray, radiance: np.ndarray, width: np.ndarray, opacity: np.ndarray, wanted: np.ndarray,
    focal: float, depth: np.ndarray, picture: np.ndarray, cover: np.ndarray,
) -> None:  # fmt: skip
    """Draws the segments from each point to the next where both are wanted.

    placed: (n, 3) pixel coordinates and Z; radiance (n, 3); width (n,) millimetres; opacity (n,),
    negative at a strand's end; wanted (n,) uint8; depth (H, W) Z of surfaces; picture (H, W, 3) and
    cover (H, W) are drawn over.
    """
    order = np.empty(len(placed), np.int32)
    count = _sort(placed, opacity, wanted, order)
    _draw(placed, radiance, width, opacity, order[:count], focal, depth, picture, cover)


@kernel(readonly(float32, 2), readonly(float32, 1), readonly(uint8, 1), int32[::1], returns=int64)
def _sort(placed: np.ndarray, opacity: np.ndarray, wanted: np.ndarray, order: np.ndarray) -> int:
    """Numbers of the first points of the segments to draw, farthest first (a counting sort)."""
    near, far = np.float32(1e30), np.float32(-1e30)
    last = placed.shape[0] - 1
    for i in range(last):
        if (wanted[i] != 0) & (wanted[i + 1] != 0) & (opacity[i] > 0.0):
            near, far = min(near, placed[i, 2]), max(far, placed[i, 2])
    scale = (_BINS - 1) / max(far - near, np.float32(1e-6))
    starts = np.zeros(_BINS + 1, np.int64)
    for i in range(last):
        if (wanted[i] != 0) & (wanted[i + 1] != 0) & (opacity[i] > 0.0):
            starts[int((far - placed[i, 2]) * scale) + 1] += 1
    for b in range(_BINS):
        starts[b + 1] += starts[b]
    count = starts[_BINS]
    for i in range(last):
        if (wanted[i] != 0) & (wanted[i + 1] != 0) & (opacity[i] > 0.0):
            b = int((far - placed[i, 2]) * scale)
            order[starts[b]] = i
            starts[b] += 1
    return count


@kernel(
    readonly(float32, 2), readonly(float32, 2), readonly(float32, 1), readonly(float32, 1), readonly(int32, 1),
    float64, readonly(float32, 2), float32[:, :, ::1], float32[:, ::1],
)  # fmt: skip
def _draw(
    placed: np.ndarray, radiance: np.ndarray, width: np.ndarray, opacity: np.ndarray, order: np.ndarray,
    focal: float, depth: np.ndarray, picture: np.ndarray, cover: np.ndarray,
) -> None:  # fmt: skip
    """Walks each segment along its steeper axis, over half-open ranges so that neighbours do not overlap."""
    rows, columns = depth.shape
    for s in range(order.shape[0]):
        a = order[s]
        b = a + 1
        steep = abs(placed[b, 1] - placed[a, 1]) > abs(placed[b, 0] - placed[a, 0])
        major, minor = (1, 0) if steep else (0, 1)
        if placed[a, major] > placed[b, major]:
            a, b = b, a
        from_, to = np.float64(placed[a, major]), np.float64(placed[b, major])
        run = to - from_
        limit, side = (rows, columns) if steep else (columns, rows)
        first, last = max(int(np.ceil(from_)), 0), min(int(np.ceil(to)), limit)
        if (first >= last) | (run <= 0.0):
            continue
        slope = (placed[b, minor] - placed[a, minor]) / run
        # The width across the minor axis is that across the hair over the cosine of its slope.
        stretch = np.sqrt(1.0 + slope * slope) * focal
        whole = np.float64(opacity[order[s]])
        for step in range(first, last):
            t = (step - from_) / run
            z = placed[a, 2] + t * (placed[b, 2] - placed[a, 2])
            wide = (width[a] + t * (width[b] - width[a])) * stretch / z
            middle = placed[a, minor] + t * (placed[b, minor] - placed[a, minor])
            most, half = min(wide, 1.0), 0.5 * wide + 0.5
            red = radiance[a, 0] + t * (radiance[b, 0] - radiance[a, 0])
            green = radiance[a, 1] + t * (radiance[b, 1] - radiance[a, 1])
            blue = radiance[a, 2] + t * (radiance[b, 2] - radiance[a, 2])
            low, high = max(int(np.ceil(middle - half)), 0), min(int(np.floor(middle + half)), side - 1)
            for across in range(low, high + 1):
                y, x = (step, across) if steep else (across, step)
                part = min(half - abs(across - middle), most) * whole
                part *= min(max((depth[y, x] - z + _SOFT) / _SOFT, 0.0), 1.0)
                if part <= 0.0:
                    continue
                rest = 1.0 - part
                picture[y, x, 0] = picture[y, x, 0] * rest + red * part
                picture[y, x, 1] = picture[y, x, 1] * rest + green * part
                picture[y, x, 2] = picture[y, x, 2] * rest + blue * part
                cover[y, x] = cover[y, x] * rest + part
