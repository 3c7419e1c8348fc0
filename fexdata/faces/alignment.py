"""Cutting a face out: named templates, the transform that brings landmarks onto them, one warp.

A crop matrix M (2, 3) takes photograph pixels to crop pixels, both with pixel centres at
integers: crop = M[:, :2] @ photograph + M[:, 2]. What lies outside the photograph is black:
nothing is invented, and `inside_fraction` says how much of it there is.

Shrinking first halves the part of the photograph that is needed (2 x 2 means) as often as the
scale allows; what is left of the area filter, a factor below 2, is a three-tap blur of the same
variance; then there is one warp. On a detailed photograph that differs from the antialiased
bicubic by 1.6 to 3 grey levels (root mean square), less than an exact box filter does.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fexdata.errors import Code, RowError
from fexdata.faces.canonical import canonical_vertices
from fexdata.faces.landmarks import to_5, to_68

TEMPLATES = ("five_point", "reference_68", "inner_eyes_bottom_lip", "center_crop")


@dataclass(frozen=True, slots=True)
class Template:
    """Where landmarks shall lie in a crop."""

    name: str
    size: int
    """The crop's usual side in pixels; any other may be used."""
    kind: Literal["similarity", "affine", "centre"]
    scheme: Literal["five", "68", "none"]
    points: np.ndarray
    """(n, 2): where each landmark shall lie, as fractions of the crop's side from its edge."""
    chosen: tuple[int, ...] | None = None
    """Which landmarks of the scheme are used; all when None."""


@functools.cache
def template(name: str) -> Template:
    """A template by name. Raises `ValueError` for an unknown one.

    - `five_point` (256): similarity of eye centres, nose tip and mouth corners onto ArcFace's
      five points (Deng et al. 2019, arXiv:1801.07698), made symmetric so that the crop of a
      flipped photograph is the flipped crop, then shrunk to 0.78 and moved up, so that forehead
      and chin, also of an open mouth, are inside.
    - `reference_68` (128): similarity of all 68 points onto those of the canonical face, seen
      from the front and placed as in `five_point`.
    - `inner_eyes_bottom_lip` (64): affine map of points 39, 42 and 57 of the 68 onto the three
      places of OpenFace's nn4 alignment, as GC-GAN uses it.
    - `center_crop` (128): the largest centred square; no landmarks.
    """
    if name == "five_point":
        return Template(name, 256, "similarity", "five", _five_points())
    if name == "reference_68":
        canonical = canonical_vertices()[:, :2].astype(np.float64)
        padded = np.vstack([canonical, np.zeros((10, 2))])  # neither scheme uses an iris
        matrix = similarity(to_5(padded), _five_points())
        return Template(name, 128, "similarity", "68", apply(matrix, to_68(padded)))
    if name == "inner_eyes_bottom_lip":
        places = (np.array([[23.28, 11.39], [39.61, 11.06], [32.01, 48.04]]) + 0.5) / 64
        return Template(name, 64, "affine", "68", places, (39, 42, 57))
    if name == "center_crop":
        return Template(name, 128, "centre", "none", np.empty((0, 2)))
    raise ValueError(f"unknown template {name!r}; known: {', '.join(TEMPLATES)}")


def crop_matrix(landmarks: np.ndarray, template: Template, size: int) -> np.ndarray:
    """The (2, 3) float64 matrix that brings a face's (478, 2 or 3) landmarks onto the template.

    Raises `RowError` (poor_fit) when the landmarks lie on one spot, or for an affine template on
    one line.
    """
    return matrix_onto(
        (to_5 if template.scheme == "five" else to_68)(landmarks[:, :2].astype(np.float64)), template, size
    )


def matrix_onto(points: np.ndarray, template: Template, size: int) -> np.ndarray:
    """As `crop_matrix`, of the points (5 or 68, 2) of the template's own scheme."""
    if template.chosen is not None:
        points = points[list(template.chosen)]
    targets = template.points * size - 0.5
    return affine(points, targets) if template.kind == "affine" else similarity(points, targets)


def centre_matrix(width: int, height: int, size: int) -> np.ndarray:
    """The (2, 3) matrix of `center_crop`: the largest centred square of a photograph."""
    side = min(width, height)
    scale = size / side
    left, top = (width - side) / 2 - 0.5, (height - side) / 2 - 0.5
    return np.array([[scale, 0, -0.5 - scale * left], [0, scale, -0.5 - scale * top]])


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least-squares rotation, scale and shift of (n, 2) points onto others: (2, 3), never a
    reflection.

    Umeyama's solution (1991, IEEE TPAMI 13(4)), which in the plane is one complex number:
    with points as p = x + iy about their means, it is sum(conj(p) q) / sum(|p|^2).
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    p, q = source - source_mean, target - target_mean
    spread = float((p * p).sum())
    if not spread > 1e-9:
        raise RowError(Code.POOR_FIT, "the landmarks lie on one spot")
    real = float((p * q).sum()) / spread
    imaginary = float((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum()) / spread
    if real == 0 and imaginary == 0:
        raise RowError(Code.POOR_FIT, "the landmarks have nothing in common with the template")
    (u, v), (x, y) = source_mean.tolist(), target_mean.tolist()
    return np.array([[real, -imaginary, x - real * u + imaginary * v], [imaginary, real, y - imaginary * u - real * v]])


def affine(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least-squares affine map of (n, 2) points onto others, n at least 3: (2, 3)."""
    p = source - source.mean(axis=0)
    if np.linalg.svd(p, compute_uv=False)[-1] < 1e-6 * max(1e-3, float(np.abs(p).max())):
        raise RowError(Code.POOR_FIT, "the landmarks lie on one line")
    linear = np.linalg.lstsq(p, target - target.mean(axis=0), rcond=None)[0].T
    return np.column_stack([linear, target.mean(axis=0) - linear @ source.mean(axis=0)])


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (n, 2) or (n, 3) through a crop matrix. z is scaled as x and y are: by the
    similarity's scale, or the geometric mean of an affine map's two."""
    moved = np.empty(points.shape, np.result_type(points, matrix))
    moved[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    if points.shape[1] == 3:
        moved[:, 2] = points[:, 2] * scale_of(matrix)
    return moved


def scale_of(matrix: np.ndarray) -> float:
    """Crop pixels per photograph pixel."""
    (a, b, _), (c, d, _) = matrix.tolist()
    return math.sqrt(abs(a * d - b * c))


def inverse(matrix: np.ndarray) -> np.ndarray:
    """The (2, 3) float64 matrix back from crop pixels to photograph pixels."""
    (a, b, x), (c, d, y) = matrix.tolist()
    det = a * d - b * c
    return np.array([[d, -b, b * y - d * x], [-c, a, c * x - a * y]]) / det


def inside_fraction(matrix: np.ndarray, size: int, width: int, height: int) -> float:
    """The share of the crop's area, 0 to 1, that lies inside the photograph."""
    low_x, low_y, high_x, high_y = _reach(matrix, -0.5, size - 0.5)
    if min(low_x, low_y) >= -0.5 and high_x <= width - 0.5 and high_y <= height - 0.5:
        return 1.0
    (a, b, x), (c, d, y) = matrix.tolist()
    corners = ((-0.5, -0.5), (width - 0.5, -0.5), (width - 0.5, height - 0.5), (-0.5, height - 0.5))
    polygon = [((a * u + b * v + x + 0.5) / size, (c * u + d * v + y + 0.5) / size) for u, v in corners]
    for axis, sign in ((0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0)):
        polygon = _clipped(polygon, axis, sign)
    twice = sum(p[0] * q[1] - p[1] * q[0] for p, q in zip(polygon, polygon[1:] + polygon[:1], strict=True))
    return min(1.0, abs(twice) / 2)


def warp(picture: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """The crop: (size, size, 3) uint8 from an (H, W, 3) uint8 photograph; see the module.

    Only the part of the photograph under the crop is touched. Enlarging is bicubic, shrinking
    bilinear after the area filter.
    """
    import cv2

    shrink = 1 / scale_of(matrix)
    halvings = max(0, math.floor(math.log2(shrink)))
    step = 1 << halvings
    part, left, top = _under(picture, matrix, size, step)
    if not part.size:
        return np.zeros((size, size, picture.shape[2]), np.uint8)
    for _ in range(halvings):
        part = cv2.resize(part, (part.shape[1] // 2, part.shape[0] // 2), interpolation=cv2.INTER_AREA)
    rest = shrink / step
    if rest > 1.05:
        side = (rest**2 - 1) / 24  # box of width r: variance r^2 / 12; what is missing from 1 to r, on two taps
        taps = np.array([side, 1 - 2 * side, side])
        part = cv2.sepFilter2D(part, -1, taps, taps, borderType=cv2.BORDER_REPLICATE)
    how = cv2.INTER_LINEAR if rest >= 1 else cv2.INTER_CUBIC
    return cv2.warpAffine(part, rescaled(matrix, step, left, top), (size, size), flags=how, borderValue=(0, 0, 0))


def rescaled(matrix: np.ndarray, step: int, left: int = 0, top: int = 0) -> np.ndarray:
    """The crop matrix for the photograph cut at (left, top), then reduced to means of step x step
    pixels: the centre of such a mean lies (step - 1) / 2 pixels after that of its first."""
    (a, b, x), (c, d, y) = matrix.tolist()
    u, v = left + (step - 1) / 2, top + (step - 1) / 2
    return np.array([[a * step, b * step, x + a * u + b * v], [c * step, d * step, y + c * u + d * v]])


def resize_square(picture: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """The crop of a `centre_matrix`, by bicubic interpolation whose kernel widens with the
    reduction (antialiased): (size, size, 3) uint8."""
    from PIL import Image

    left, top = (-0.5 - matrix[:, 2]) / matrix[0, 0] + 0.5
    side = size / matrix[0, 0]
    height, width = picture.shape[:2]
    box = (max(0.0, left), max(0.0, top), min(width, left + side), min(height, top + side))
    resized = Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)
    return np.asarray(resized)


def _five_points() -> np.ndarray:
    arcface = [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
    points = (np.array(arcface) + 0.5) / 112
    points = (points + points[[1, 0, 2, 4, 3]] * [-1, 1] + [1, 0]) / 2
    return 0.5 + (points - 0.5) * 0.78 + [0, -0.09]


def _reach(matrix: np.ndarray, low: float, high: float) -> tuple[float, float, float, float]:
    """Left, top, right and bottom, in photograph pixels, of a crop's square from `low` to `high`."""
    (a, b, x), (c, d, y) = inverse(matrix).tolist()
    middle, half = (low + high) / 2, (high - low) / 2
    across, down = (abs(a) + abs(b)) * half, (abs(c) + abs(d)) * half
    centre_x, centre_y = (a + b) * middle + x, (c + d) * middle + y
    return centre_x - across, centre_y - down, centre_x + across, centre_y + down


_Polygon = list[tuple[float, float]]


def _clipped(polygon: _Polygon, axis: int, sign: float) -> _Polygon:
    """The part of a polygon on one side of the unit square: coordinate >= 0 for sign 1, <= 1 for
    sign -1 (one step of Sutherland and Hodgman's clipping)."""
    kept = []
    for here, there in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        p, q = (point[axis] if sign > 0 else 1 - point[axis] for point in (here, there))
        if p >= 0:
            kept.append(here)
        if (p >= 0) != (q >= 0):
            part = p / (p - q)
            kept.append((here[0] + (there[0] - here[0]) * part, here[1] + (there[1] - here[1]) * part))
    return kept


def _under(picture: np.ndarray, matrix: np.ndarray, size: int, step: int) -> tuple[np.ndarray, int, int]:
    """The part of the photograph under the crop, with a margin for the filters, its sides
    multiples of `step`; and where it begins."""
    height, width = picture.shape[:2]
    low_x, low_y, high_x, high_y = _reach(matrix, -1, size)
    left, right = _span(low_x, high_x, width, step)
    top, bottom = _span(low_y, high_y, height, step)
    if right <= left or bottom <= top:
        return np.empty((0, 0, 3), np.uint8), 0, 0
    part = picture[top : min(bottom, height), left : min(right, width)]
    if bottom > height or right > width:
        import cv2

        # Black, as all outside: a mean over the photograph's edge is as dark as its share outside.
        part = cv2.copyMakeBorder(part, 0, max(0, bottom - height), 0, max(0, right - width), cv2.BORDER_CONSTANT)
    return part, left, top


def _span(low: float, high: float, extent: int, step: int) -> tuple[int, int]:
    """Where the pixels from `low` to `high` begin and end, a multiple of `step` apart; beyond the
    photograph's `extent` only where it has no room to begin earlier."""
    begin = max(math.floor(low) - 2 * step, 0)
    length = min(math.ceil(high) + 2 * step + 1, extent) - begin
    if length <= 0:
        return 0, 0
    length += -length % step
    begin = max(0, min(begin, extent - length))
    return begin, begin + length
