"""What the pixels of an aligned face say about its photograph: sharpness, exposure, contrast, tone.

Measurements only: plain numbers with units, no thresholds and no opinion. Each is the same for a
picture and its mirror image, and NaN where there is nothing to measure (an empty mask, say); none
raises. Scores made from them are in `fexdata.stages.quality`.

`luma` is (H, W) uint8 (Rec. 601, gamma encoded); a `region` is (H, W) uint8, non-zero inside.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np

from fexdata.faces.quality_kernels import cell_means, edge_ratios, inside_photograph, label_histograms, percentile
from fexdata.faces.topology import Label

NAN: Final = float("nan")
CRUSHED: Final = 8
BLOWN: Final = 250
"""Luma at and below, at and above which nothing can be told apart any more."""

_ENOUGH: Final = 64
"""Fewer pixels than this are no measurement."""


class Exposure(NamedTuple):
    """How the light fell on the face; shares of its pixels, luma 0 to 255."""

    crushed: float
    blown: float
    highlight: float
    skin: float


def photograph_area(shape: tuple[int, int], crop_matrix: np.ndarray, photo_width: int, photo_height: int) -> np.ndarray:
    """Where the crop shows the photograph and not the filling beyond its border.

    `shape` is the crop's (H, W), `crop_matrix` (2, 3) maps pixel centres of the photograph to
    those of the crop. Returns (H, W) uint8: 1 inside, 0 beyond.
    """
    linear = np.asarray(crop_matrix, np.float64).reshape(2, 3)
    if not abs(np.linalg.det(linear[:, :2])) > 1e-12:
        return np.zeros(shape, np.uint8)
    inverse = np.linalg.inv(linear[:, :2])
    offset = -inverse @ linear[:, 2]
    height, width = shape
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]]) @ inverse.T + offset
    low, high = np.array([-0.5, -0.5]), np.array([photo_width - 0.5, photo_height - 0.5])
    if (corners >= low).all() and (corners <= high).all():  # a convex shape: its corners decide
        return np.ones(shape, np.uint8)
    inside = np.empty(shape, np.uint8)
    inside_photograph(np.column_stack([inverse, offset]), photo_width, photo_height, inside)
    return inside


def share_inside(face: np.ndarray, inside: np.ndarray) -> float:
    """Share of the face's pixels that the photograph really shows; both (H, W), non-zero = in."""
    pixels = cv2.countNonZero(face)
    return np.count_nonzero((face != 0) & (inside != 0)) / pixels if pixels >= _ENOUGH else NAN


def edge_blur(luma: np.ndarray, region: np.ndarray, interocular: float) -> float:
    """How wide the sharpest edges of a face are: standard deviation of the Gaussian that would
    blur an ideal step as much, in percent of the inter-ocular distance.

    The gradient is taken after Gaussians s₁ and s₂ = 2 s₁. At an edge that is itself blurred by σ
    the two magnitudes have the ratio q = √((σ² + s₂²) / (σ² + s₁²)), so σ² = (s₂² − q² s₁²) / (q² − 1)
    (Zhuo and Sim, Defocus map estimation from a single image, Pattern Recognition 44, 2011, with
    two known blurs in place of one). Amplitude cancels: neither contrast nor exposure matters, and
    noise, which fools the variance of the Laplacian, is far below the strongest edges.

    Measured at the strongest edges, upright and level ones (within 30°) apart, and the worse of
    the two is returned: motion blurs only one of them. The upper part of the ratios decides,
    because two edges close together look like one wide one. Upscaling shows as blur. Motion is
    told less surely: its trace has sharp ends, so what should be 9 % reads as 3.5 to 9 %. The
    outline of the region is left out: it is an edge against the background. `interocular` is in
    pixels of the picture.
    """
    if not interocular > 0:
        return NAN
    fine = max(0.014 * interocular, 0.5)
    margin = 2 * round(2 * fine) + 1
    inner = cv2.erode((region != 0).view(np.uint8), np.ones((margin, margin), np.uint8), borderValue=0)
    left, top, width, height = cv2.boundingRect(inner)
    if width * height < _ENOUGH:
        return NAN
    # Only the face's rectangle is blurred, with the surroundings that the wider Gaussian reaches.
    reach = int(np.ceil(6 * fine)) + 1
    window = np.s_[max(top - reach, 0) : top + height + reach, max(left - reach, 0) : left + width + reach]
    levels = luma[window].astype(np.float32)
    ratios = np.empty((2, levels.size), np.float32)
    counts = edge_ratios(
        _smooth(levels, fine), _smooth(levels, 2 * fine), np.ascontiguousarray(inner[window]), _STRONGEST, ratios
    )
    if not counts.any():
        return _WIDEST * fine / interocular * 100.0  # no edge at all: nothing is sharp in it
    worst = max(_edge_width(ratios[axis, : counts[axis]], fine) for axis in range(2))
    return worst / interocular * 100.0


_STRONGEST: Final = 0.3
"""Share of the edges that count."""

_RANK: Final = 0.6
"""Which of the ratios of those edges is taken, from the blurriest (0) to the sharpest (1)."""

_WIDEST: Final = 12.0
"""Blur, in units of the finer Gaussian, beyond which the ratio of the gradients tells nothing."""


def _smooth(levels: np.ndarray, sigma: float) -> np.ndarray:
    size = 2 * int(np.ceil(3 * sigma)) + 1
    return cv2.GaussianBlur(levels, (size, size), sigma, borderType=cv2.BORDER_REPLICATE)


def _edge_width(ratios: np.ndarray, fine: float) -> float:
    """σ in pixels from the squared ratios q² (n,) of one direction's edges; 0 without any."""
    if not len(ratios):
        return 0.0
    rank = int(_RANK * len(ratios))
    ratio = float(np.partition(ratios, rank)[rank])
    if ratio <= 1.0:
        return _WIDEST * fine
    variance = fine**2 * (4.0 - ratio) / (ratio - 1.0)
    # A central difference is a derivative blurred by a box two pixels wide, of variance 1/3.
    return min(max(variance - 1.0 / 3.0, 0.0) ** 0.5, _WIDEST * fine)


def histograms(luma: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The grey values of the whole face (every label but none) and of its skin: two (256,) counts.
    `mask` is the (H, W) uint8 label map."""
    counts = label_histograms(np.ascontiguousarray(luma), np.ascontiguousarray(mask))
    return counts[1:].sum(0), counts[Label.SKIN]


def exposure(face: np.ndarray, skin: np.ndarray) -> Exposure:
    """Shares of crushed and blown pixels of the face, its highlights and its mean skin luma, from
    the (256,) histograms of the whole face and of its skin.

    `highlight` is the 99th percentile of luma over the whole face, eyes and teeth included. It
    tells too little light from dark skin: the white of the eye and the shine of skin, which is a
    reflection at its surface, do not depend on its pigment. `skin`, which does, is a description
    of the picture and must not enter a score.
    """
    total, skin_total = face.sum(), skin.sum()
    if total < _ENOUGH:
        return Exposure(NAN, NAN, NAN, NAN)
    return Exposure(
        crushed=float(face[: CRUSHED + 1].sum() / total),
        blown=float(face[BLOWN:].sum() / total),
        highlight=percentile(face, 0.99),
        skin=float(skin @ np.arange(256) / skin_total) if skin_total >= _ENOUGH else NAN,
    )


def contrast(face: np.ndarray) -> float:
    """Michelson contrast of a face, (p₉₅ − p₅) / (p₉₅ + p₅) of its luma, from its (256,)
    histogram: 0 flat, 1 full.

    A ratio, so that neither the length of the exposure nor the skin's tone decides.
    """
    if face.sum() < _ENOUGH:
        return NAN
    low, high = percentile(face, 0.05), percentile(face, 0.95)
    return (high - low) / max(high + low, 1.0)


def skin_tone_ita(image: np.ndarray, skin: np.ndarray) -> float:
    """Individual typology angle of the skin in degrees: atan((L* − 50) / b*), from the medians of
    CIELAB (D65) over the skin's pixels; above 55 very light, below −30 dark (Chardon, Cretois and
    Hourseau, Skin colour typology and suntanning pathways, 1991).

    It follows the light as well as the skin. For tables that compare groups, never for a score.
    `image` is (H, W, 3) uint8 RGB. Colours are averaged over cells of 4 × 4 pixels first: that is
    less noise, and quick.
    """
    if image.shape != (*skin.shape, 3):
        raise ValueError(f"image: expected shape {(*skin.shape, 3)}, got {image.shape}")
    means = np.empty((skin.size // _CELL**2, 3), np.float32)
    count = cell_means(np.ascontiguousarray(image), (skin != 0).view(np.uint8), _CELL, means)
    if count * _CELL * _CELL < _ENOUGH:
        return NAN
    lab = cv2.cvtColor(means[None, :count] / np.float32(255.0), cv2.COLOR_RGB2Lab)[0]
    lightness, yellow = _median(lab[:, 0]), _median(lab[:, 2])
    return float(np.degrees(np.arctan2(lightness - 50.0, max(yellow, 1e-3))))


def _median(values: np.ndarray) -> float:
    """As `np.median`, which takes ten times as long to find out that there is nothing special."""
    upper = len(values) // 2
    lower = (len(values) - 1) // 2
    ranked = np.partition(values, (lower, upper))
    return float((ranked[lower] + ranked[upper]) / 2)


_CELL: Final = 4
"""Side, in pixels, of the cells that the skin's tone is averaged over."""
