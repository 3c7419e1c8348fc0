"""The head's skin laid flat: what each texel of its texture is, and where it lies in millimetres.

A texture that is a plain picture of the unrolled head stretches whatever is drawn on it: the side of a nose gets few
texels, the underside of a chin hardly any. So skin is drawn on a chart instead, whose coordinates are lengths along
the mean head's surface, and looked up from there: `Atlas.paint` for marks with a place (a mole, a wrinkle),
`Atlas.tile` for patterns without one (pores, mottling).

Chart: (0, 0) on the bridge of the nose between the eyes, x to the right, y down, millimetres.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from fexdata.faces.canonical import VERTICES
from fexdata.faces.models.face_model import FaceModel

NASION = 168
USED_REGIONS = ("upper_lip", "mouth_inside", "eyelid_rims", "moustache", "chin", "ears")
CANVAS_MM = (-136.0, -115.0, 136.0, 215.0)
"""Left, top, right, bottom of the canvas on the chart: from ear to ear, from crown to neck."""
CANVAS_DENSITY = 2.5
"""Canvas pixels per millimetre."""


@dataclass(frozen=True, slots=True, eq=False)
class Atlas:
    """The mean head as seen from its texture of `size` x `size` texels."""

    size: int
    positions: np.ndarray
    """(size, size, 3) float32: rest position, millimetres in head space."""
    chart: np.ndarray
    """(size, size, 2) float32 millimetres."""
    rest: np.ndarray
    """(468, 3): MediaPipe's points on the mean head, millimetres in head space."""
    landmarks: np.ndarray
    """(468, 2) float64: MediaPipe's points on the chart."""
    regions: dict[str, np.ndarray]
    """Name -> (size, size) float32 weights: those of the model's regions that skin asks for."""
    texel_of: tuple[np.ndarray, np.ndarray]
    """Canvas pixel of each texel: x, y (size, size) float32."""

    def paint(self, canvas: np.ndarray) -> np.ndarray:
        """A canvas (see `blank`) as texture: (size, size) or (size, size, c)."""
        return cv2.remap(canvas, *self.texel_of, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)

    def tile(self, picture: np.ndarray, mm: float | tuple[float, float], offset: np.ndarray) -> np.ndarray:
        """A picture laid out without end, `mm` to its pixel (or (x, y)); `offset` (2,) in pixels shifts it."""
        x_mm, y_mm = mm if isinstance(mm, tuple) else (mm, mm)
        x = self.chart[..., 0] * np.float32(1 / x_mm) + np.float32(offset[0])
        y = self.chart[..., 1] * np.float32(1 / y_mm) + np.float32(offset[1])
        return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)

    def region(self, name: str) -> np.ndarray:
        """Weights of a region, zero everywhere if the model does not name it."""
        found = self.regions.get(name)
        return np.zeros((self.size, self.size), np.float32) if found is None else found


@functools.lru_cache(maxsize=4)
def atlas_of(model: FaceModel, size: int) -> Atlas:
    """The atlas of a model whose first 468 vertices are MediaPipe's; made once per process and size."""
    names = [name for name in USED_REGIONS if name in model.regions]
    values = np.column_stack([model.mean, *(model.regions[name] for name in names)]).astype(np.float32)
    unrolled, covered = unroll(model.uv, model.triangles, values, np.hypot(*_from_axis(model)), size)
    _fill_holes(unrolled, covered)
    positions = np.ascontiguousarray(unrolled[..., :3])
    texels = model.uv[:VERTICES] * size - 0.5
    chart = _chart(positions, texels[NASION])
    pixels = canvas_points(chart).astype(np.float32)
    landmarks = np.array(cv2.remap(chart, texels[:, None, 0], texels[:, None, 1], cv2.INTER_LINEAR), float)[:, 0]
    return Atlas(
        size=size,
        positions=positions,
        chart=chart,
        rest=np.array(model.mean[:VERTICES], float),
        landmarks=landmarks,
        regions={name: np.ascontiguousarray(unrolled[..., 3 + at]) for at, name in enumerate(names)},
        texel_of=(np.ascontiguousarray(pixels[..., 0]), np.ascontiguousarray(pixels[..., 1])),
    )


def blank() -> np.ndarray:
    """An empty canvas: (h, w) float32 zeros."""
    width, height = np.ceil(np.subtract(CANVAS_MM[2:], CANVAS_MM[:2]) * CANVAS_DENSITY).astype(int)
    return np.zeros((height, width), np.float32)


def canvas_points(chart_mm: np.ndarray) -> np.ndarray:
    """Chart points (..., 2) in canvas pixels."""
    points: np.ndarray = (np.asarray(chart_mm, float) - CANVAS_MM[:2]) * CANVAS_DENSITY
    return points


def unroll(
    uv: np.ndarray, triangles: np.ndarray, values: np.ndarray, depth: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Per-vertex values (V, c) as texture (size, size, c), and which texels a triangle covers.

    Where the surface lies over itself (ears, rolled-in lips), the triangle of the greater `depth` (V,) wins. Triangles
    across the seam at u = 0 are left out.
    """
    corners = uv[triangles] * size - 0.5
    kept = np.ptp(corners[..., 0], axis=1) < size / 2
    order = np.argsort(depth[triangles].mean(axis=1), kind="stable")
    order = order[kept[order]]
    owner = np.full((size, size), -1, np.int32)
    fixed = np.round(corners * 16).astype(np.int32)
    for triangle in order:
        cv2.fillConvexPoly(owner, fixed[triangle], int(triangle), lineType=cv2.LINE_8, shift=4)
    covered = owner >= 0
    y, x = np.nonzero(covered)
    ids = owner[covered]
    a, b, c = (corners[ids, k].astype(np.float64) for k in range(3))
    ab, ac, ap = b - a, c - a, np.stack([x, y], axis=1) - a
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    area = np.where(np.abs(area) < 1e-9, 1e-9, area)
    second = (ap[:, 0] * ac[:, 1] - ap[:, 1] * ac[:, 0]) / area
    third = (ab[:, 0] * ap[:, 1] - ab[:, 1] * ap[:, 0]) / area
    weights = np.clip(np.stack([1 - second - third, second, third], axis=1), 0, 1)
    weights /= weights.sum(axis=1, keepdims=True)
    picture = np.zeros((size, size, values.shape[1]), np.float32)
    picture[covered] = np.einsum("nk,nkc->nc", weights.astype(np.float32), values[triangles[ids]])
    return picture, covered


def _from_axis(model: FaceModel) -> tuple[np.ndarray, np.ndarray]:
    """Each vertex's x and z from the middle of the head."""
    middle = (model.mean[:, 2].min() + model.mean[:, 2].max()) / 2
    return model.mean[:, 0], model.mean[:, 2] - middle


def _fill_holes(picture: np.ndarray, covered: np.ndarray) -> None:
    """Gives texels that no triangle covers the values of the nearest one that is."""
    _, labels = cv2.distanceTransformWithLabels(
        (~covered).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.zeros(labels.max() + 1, np.int64)
    nearest[labels[covered]] = np.flatnonzero(covered)
    flat = picture.reshape(-1, picture.shape[2])
    flat[~covered.ravel()] = flat[nearest[labels[~covered]]]


def _chart(positions: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """Lengths along the surface from the texel `origin` (2,): along rows, then along columns."""
    size = len(positions)
    smooth = cv2.GaussianBlur(positions, (0, 0), size / 340)
    along = []
    for axis in (1, 0):
        step = np.linalg.norm(np.gradient(smooth, axis=axis), axis=2)
        step = np.clip(step, 0.3 * np.median(step), 4 * np.median(step))
        length = np.cumsum(cv2.GaussianBlur(step, (0, 0), size / 128), axis=axis)
        at = round(float(origin[1 - axis]) - 0.5)
        along.append(length - np.take(length, [at, at + 1], axis=axis).mean(axis=axis, keepdims=True))
    return np.stack(along, axis=2).astype(np.float32)
