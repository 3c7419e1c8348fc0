"""Where the face is redder, darker, paler, oilier than elsewhere.

Blood and pigment differ over every face in much the same way (Jimenez et al. 2010 map haemoglobin; Cula et al. 2005,
"Skin texture modeling", show the texture by region): red nose, cheeks and ears, a paler mouth surround, darker lids.
Each area here is a soft blob about one of MediaPipe's points, in millimetres of the mean head.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import PchipInterpolator

from fexdata.faces.landmarks import MIRROR_478
from fexdata.synthetic.skin_atlas import CANVAS_DENSITY, Atlas, blank, canvas_points

COARSE = 4
"""Blobs are computed on every fourth texel: they are all wider than that."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A Gaussian about a vertex (and its mirror image), standard deviations in millimetres along x, y, z."""

    vertex: int
    spread: tuple[float, float, float]
    offset: tuple[float, float, float] = (0, 0, 0)
    """From the vertex on the viewer's left half, x outwards."""


BLOBS: dict[str, tuple[Blob, ...]] = {
    "nose": (Blob(1, (11, 9, 12)), Blob(195, (7, 14, 12)), Blob(64, (7, 8, 10))),
    "nose_tip": (Blob(4, (8, 7, 9)),),
    "alar_crease": (Blob(129, (3.5, 7, 6), (0, 2, 2)), Blob(98, (4.5, 3.5, 5))),
    "cheek": (Blob(50, (15, 13, 16)), Blob(205, (13, 13, 15))),
    "apple": (Blob(205, (12, 11, 14), (2, -7, 0)),),
    "chin": (Blob(199, (14, 9, 12)),),
    "forehead": (Blob(151, (34, 18, 30)),),
    "oily": (Blob(151, (22, 14, 25)), Blob(1, (10, 12, 14)), Blob(199, (9, 7, 10))),
    "glabella": (Blob(9, (9, 9, 10)),),
    "temple": (Blob(139, (12, 20, 20)),),
    "under_eye": (Blob(230, (11, 4.5, 9), (0, -0.5, 0)), Blob(121, (5, 5, 7), (0, -1, 0))),
    "upper_lid": (Blob(27, (13, 4.5, 10), (0, 1, 0)), Blob(133, (5, 4, 8))),
    "perioral": (Blob(0, (22, 9, 14), (0, -4, 0)), Blob(61, (7, 8, 10), (3, 0, 0))),
    "lip_corner": (Blob(61, (5, 4, 7), (1, 1, 0)),),
    "ear_height": (Blob(234, (12, 34, 30), (0, 12, 18)),),
    "jaw": (Blob(172, (14, 14, 22)), Blob(150, (12, 12, 20))),
    "under_chin": (Blob(152, (40, 14, 30), (0, 14, 24)),),
}

BEARD = (
    (18, 0, -1), (106, 0, 0), (43, 0, 0), (57, 5, 3), (214, 0, 0), (213, 0, -4), (147, 2, 4), (227, 3, 0), (127, 0, 0),
    (127, 11, 0), (234, 12, 0), (93, 12, 0), (58, 14, 4), (172, 12, 14), (150, 6, 24), (176, 3, 28), (152, 0, 30),
)  # fmt: skip
"""The beard's outline on the viewer's left half: vertex, millimetres outwards and down on the chart; from below the
lip along the cheek to the sideburn, down before the ear and along the throat."""

UPPER_LIP = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_LIP = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)


@functools.lru_cache(maxsize=4)
def areas(atlas: Atlas) -> dict[str, np.ndarray]:
    """Name -> (size / COARSE, size / COARSE) float32 weights in 0..1 of every entry of `BLOBS`."""
    coarse = np.ascontiguousarray(atlas.positions[COARSE // 2 :: COARSE, COARSE // 2 :: COARSE])
    found = {}
    for name, blobs in BLOBS.items():
        weight = np.zeros(coarse.shape[:2], np.float32)
        for blob in blobs:
            for side in (-1, 1):
                vertex = blob.vertex if side < 0 else int(MIRROR_478[blob.vertex])
                middle = atlas.rest[vertex] + np.array(blob.offset) * (side, 1, 1)
                distance = ((coarse - middle.astype(np.float32)) / np.array(blob.spread, np.float32)) ** 2
                weight = np.maximum(weight, np.exp(-0.5 * distance.sum(axis=2)))
        found[name] = weight
    return found


def mixed(atlas: Atlas, amounts: dict[str, float]) -> np.ndarray:
    """The sum of areas, each times its amount: (size, size) float32."""
    known = areas(atlas)
    total = np.zeros_like(known["nose"])
    for name, amount in amounts.items():
        total += np.float32(amount) * known[name]
    return cv2.resize(total, (atlas.size, atlas.size), interpolation=cv2.INTER_LINEAR)


@functools.lru_cache(maxsize=4)
def lines(atlas: Atlas) -> dict[str, np.ndarray]:
    """Name -> (size, size) float32: thin bands along outlines, 1 on the line.

    `seam` where the lips meet, `wet_rim` along the eyes' opening, `upper_lashes` and `lower_lashes` beside it.
    """
    seam = (61, 78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 291)
    upper_rim = (33, 246, 161, 160, 159, 158, 157, 173, 133)
    lower_rim = (33, 7, 163, 144, 145, 153, 154, 155, 133)
    upper, lower = ([rim, tuple(int(MIRROR_478[vertex]) for vertex in rim)] for rim in (upper_rim, lower_rim))
    return {
        "seam": _drawn(atlas, [seam], 0.7),
        "wet_rim": _drawn(atlas, upper + lower, 0.4),
        "upper_lashes": _drawn(atlas, upper, 0.6, down=-0.9),
        "lower_lashes": _drawn(atlas, lower, 0.5, down=0.9),
    }


@functools.lru_cache(maxsize=4)
def lip_area(atlas: Atlas) -> np.ndarray:
    """The lips with their soft border, and what lies between them: (size, size) float32."""
    halves = []
    for path in (UPPER_LIP, LOWER_LIP[::-1]):
        points = canvas_points(atlas.landmarks[list(path)])
        lengths = np.cumsum(np.r_[0, np.linalg.norm(np.diff(points, axis=0), axis=1)])
        halves.append(PchipInterpolator(lengths, points)(np.linspace(0, lengths[-1], 60)))
    canvas = np.zeros(blank().shape, np.uint8)
    cv2.fillPoly(canvas, [np.round(np.concatenate(halves) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(canvas.astype(np.float32) / 255, (0, 0), 0.5 * CANVAS_DENSITY)
    return np.maximum(atlas.paint(soft), atlas.region("mouth_inside"))


@functools.lru_cache(maxsize=4)
def beard_area(atlas: Atlas) -> np.ndarray:
    """Where cheeks, chin and throat grow a beard, thinning out at the border: (size, size) float32."""
    canvas = blank()
    for side in (-1, 1):
        ids = [vertex if side < 0 else int(MIRROR_478[vertex]) for vertex, _, _ in BEARD]
        offsets = np.array([(side * out, down) for _, out, down in BEARD])
        outline = np.round(canvas_points(atlas.landmarks[ids] + offsets)).astype(np.int32)
        cv2.fillPoly(canvas, [outline], 1.0)
    soft = cv2.GaussianBlur(canvas, (0, 0), 5 * CANVAS_DENSITY)
    return atlas.paint(soft * soft * (3 - 2 * soft))


def _drawn(atlas: Atlas, paths: list[tuple[int, ...]], width: float, *, down: float = 0.0) -> np.ndarray:
    canvas = np.zeros(blank().shape, np.uint8)
    for path in paths:
        points = canvas_points(atlas.landmarks[list(path)] + np.array([0, down]))
        cv2.polylines(canvas, [np.round(points * 16).astype(np.int32)[:, None]], False, 255, 1, cv2.LINE_AA, 4)
    blurred = cv2.GaussianBlur(canvas.astype(np.float32), (0, 0), width * CANVAS_DENSITY)
    return np.minimum(atlas.paint(blurred / np.quantile(blurred[canvas > 200], 0.5)), 1)
