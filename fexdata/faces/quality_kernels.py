"""The inner loops of the quality measurements, compiled."""

from __future__ import annotations

import numba
import numpy as np

from fexdata.faces.kernels import kernel, readonly

_BINS = 2048
_ROUNDING = np.float32(1e-4)  # squared differences below a hundredth of a grey level

_f32, _f64, _u8, _i64 = numba.float32, numba.float64, numba.uint8, numba.int64


@kernel(readonly(_u8, 2), readonly(_u8, 2), returns=_i64[:, ::1])
def label_histograms(luma: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Counts of the grey values under each label of a label map: (5, 256) int64. `luma` and
    `labels` are (H, W) uint8; labels above 4 count as 4."""
    counts = np.zeros((5, 256), np.int64)
    for y in range(luma.shape[0]):
        for x in range(luma.shape[1]):
            counts[min(labels[y, x], 4), luma[y, x]] += 1
    return counts


@kernel(readonly(_i64, 1), _f64, returns=_f64)
def percentile(counts: np.ndarray, share: float) -> float:
    """The grey value below which `share` of the pixels counted in a histogram (256,) lie,
    interpolated within its bin."""
    target = share * counts.sum()
    value, before = 0, 0
    while before + counts[value] < target:
        before += counts[value]
        value += 1
    return value - 0.5 + (target - before) / max(counts[value], 1)


@kernel(readonly(_f64, 2), _f64, _f64, _u8[:, ::1])
def inside_photograph(to_photograph: np.ndarray, width: float, height: float, inside: np.ndarray) -> None:
    """Marks, 1 or 0, which pixels of a crop lie in a photograph of `width` by `height` pixels.
    `to_photograph` (2, 3) maps pixel centres of the crop to those of the photograph."""
    (a, b, c), (d, e, f) = to_photograph[0], to_photograph[1]
    for y in range(inside.shape[0]):
        for x in range(inside.shape[1]):
            across, down = a * x + b * y + c, d * x + e * y + f
            inside[y, x] = (across >= -0.5) & (across <= width - 0.5) & (down >= -0.5) & (down <= height - 0.5)


@kernel(readonly(_u8, 3), readonly(_u8, 2), _i64, _f32[:, ::1], returns=_i64)
def cell_means(image: np.ndarray, region: np.ndarray, side: int, means: np.ndarray) -> int:
    """Writes the mean colours of the square cells that lie wholly in a region, as whole numbers;
    returns how many. Axes: image (H, W, 3), region (H, W), means (cells, 3)."""
    pixels, count = side * side, 0
    for top in range(0, region.shape[0] - side + 1, side):
        for left in range(0, region.shape[1] - side + 1, side):
            covered = 0
            for y in range(top, top + side):
                for x in range(left, left + side):
                    covered += region[y, x] != 0
            if covered == pixels:
                for channel in range(3):
                    total = 0
                    for y in range(top, top + side):
                        for x in range(left, left + side):
                            total += image[y, x, channel]
                    means[count, channel] = np.rint(total / pixels)
                count += 1
    return count


@kernel(_f32[:, ::1], _i64, _i64, returns=numba.types.UniTuple(_f32, 2), inline=True)
def _gradient(levels: np.ndarray, y: int, x: int) -> tuple[float, float]:
    """Squared central differences across and down."""
    across = levels[y, x + 1] - levels[y, x - 1]
    down = levels[y + 1, x] - levels[y - 1, x]
    return across * across, down * down


@kernel(_f32[:, ::1], _f32[:, ::1], readonly(_u8, 2), _f64, _f32[:, ::1], returns=_i64[::1])
def edge_ratios(
    fine: np.ndarray, coarse: np.ndarray, inside: np.ndarray, share: float, ratios: np.ndarray
) -> np.ndarray:
    """Ratios of squared gradients, `fine` over `coarse`, at the strongest edges of a region.

    `fine` and `coarse` are (H, W) float32, one picture after a narrower and a wider blur; `inside`
    is (H, W) uint8. An edge pixel is one whose coarse gradient is the greatest among its two
    neighbours across the edge. Of the upright edges (0) and of the level ones (1), each to within
    30 degrees, the strongest `share` is written into `ratios` (2, H·W). Returns how many of each: (2,) int64; none
    where the picture is flat. The threshold comes from a histogram of magnitudes, so nothing is
    sorted, and a mirrored picture gives the same set.
    """
    height, width = inside.shape
    strength = np.zeros((height, width), np.float32)
    direction = np.full((height, width), 2, np.uint8)
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            across, down = _gradient(coarse, y, x)
            strength[y, x] = across + down
            if across > 3 * down:
                direction[y, x] = 0
            elif down > 3 * across:
                direction[y, x] = 1
    edges = np.empty((2, height * width), np.int64)
    found = np.zeros(2, np.int64)
    greatest = np.zeros(2, np.float32)
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            here = strength[y, x]
            kind = direction[y, x]
            if inside[y, x] and here > _ROUNDING and kind < 2:
                before, after = (
                    (strength[y - 1, x], strength[y + 1, x]) if kind else (strength[y, x - 1], strength[y, x + 1])
                )
                if here >= before and here >= after:
                    edges[kind, found[kind]] = y * width + x
                    found[kind] += 1
                    greatest[kind] = max(greatest[kind], here)
    count = np.zeros(2, np.int64)
    flat = strength.reshape(-1)
    histogram = np.zeros(_BINS, np.int64)
    for kind in range(2):
        if not found[kind]:
            continue
        scale = np.float32(_BINS - 1) / np.sqrt(greatest[kind])
        histogram[:] = 0
        for place in edges[kind, : found[kind]]:
            histogram[int(np.sqrt(flat[np.uintp(place)]) * scale)] += 1
        least, taken = _BINS, 0
        while least > 0 and taken < max(found[kind] * share, 20):
            least -= 1
            taken += histogram[least]
        for place in edges[kind, : found[kind]]:
            here = flat[np.uintp(place)]
            if int(np.sqrt(here) * scale) >= least:
                across, down = _gradient(fine, place // width, place % width)
                ratios[kind, count[kind]] = (across + down) / here
                count[kind] += 1
    return count
