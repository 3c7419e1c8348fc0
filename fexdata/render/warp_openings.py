"""Eyes and mouth of a warped photograph: where the samples between lids and lips come from.

Eyes do not move with their lids. A mouth shows what the photograph shows between the lips where that is
enough. Skin is looked up on skin only. Places are given as row and column on the grid of
`fexdata.render.warp_samples`; `source` (2 H, 2 W, 2) is the place in the photograph, x and y, that each
sample looks up, and is changed where it lies.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from fexdata.faces.topology import LEFT_EYE_RIM, MOUTH_RIM, RIGHT_EYE_RIM, Label
from fexdata.render.warp_samples import SAMPLES, sample_grid, to_samples

SLIT = 1.6
"""Pixels of opening up to which lips count as shut."""
MOUTH_MARGIN, EYE_MARGIN = 4, 2
"""Samples round the photograph's mouth and eyes from which no skin is taken."""
LONGER = (1.2, 1.5)
"""How much further the photograph's upper and lower half of a mouth may be stretched."""
UNSEEN = 0.15
"""Share of a mouth's samples for which the photograph has a lip that makes its own mouth useless."""


def openings(vertices: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(2 H, 2 W) uint8: what lies between lids and between lips, by their rims in the photograph. The
    mesh's own openings are narrower, since its lids and lips roll in."""
    width, height = sample_grid(size)
    label = np.zeros((height, width), np.uint8)
    places = to_samples(vertices[:, :2].astype(np.float64))
    for rim, value in ((LEFT_EYE_RIM, Label.EYE), (RIGHT_EYE_RIM, Label.EYE), (MOUTH_RIM, Label.MOUTH)):
        # Sixteenths of a sample, cv2's fixed point.
        corners = np.rint(places[list(rim)] * 16).astype(np.int32)
        cv2.fillPoly(label, [corners[:, None]], int(value), shift=4)
    return label


def keep_to_skin(source: np.ndarray, skin: np.ndarray, was: np.ndarray) -> Nearest:
    """Looks skin up on skin, and returns where the nearest skin is.

    Lips and lids roll in, and landmarks are a pixel off, so that a little of the teeth or of an eye would
    go along with their rims.
    """
    barred = np.zeros(was.shape, np.uint8)
    for opening, margin in ((Label.MOUTH, MOUTH_MARGIN), (Label.EYE, EYE_MARGIN)):
        inside = was == opening
        if opening == Label.EYE or _opening(inside) > SLIT:
            around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
            barred |= cv2.dilate(inside.astype(np.uint8), around)
    nearest = Nearest(1 - barred)
    rows, columns = np.nonzero(skin)
    at = np.rint(source[rows, columns] * SAMPLES + (SAMPLES - 1) / 2).astype(np.int64)
    at = np.clip(at, 0, [barred.shape[1] - 1, barred.shape[0] - 1])
    wrong = barred[at[:, 1], at[:, 0]] > 0
    to = nearest.to((at[wrong, 1], at[wrong, 0]))[:, ::-1]
    source[rows[wrong], columns[wrong]] += (to - at[wrong]).astype(np.float32) / SAMPLES
    return nearest


def look_behind_lids(source: np.ndarray, now: np.ndarray, was: np.ndarray, skin: Nearest) -> np.ndarray:
    """Eyes stay where they are: samples between the lids now are looked up where they lie, or, where
    the photograph has a lid there, at the nearest place between its lids. Where the lids all but meet,
    samples look up the lids' rims; returns which."""
    shut = np.zeros(now.shape, np.bool_)
    middle = float(np.nonzero(now | was)[1].mean()) if (now | was).any() else 0.0
    for side in (np.arange(now.shape[1]) < middle, np.arange(now.shape[1]) >= middle):
        eye, seen = now & side, cv2.erode((was & side).astype(np.uint8), np.ones((3, 3), np.uint8))
        if _opening(eye) <= SLIT or not seen.any():
            shut |= eye
        else:
            _look_up(source, eye, Nearest(seen).to(eye))
    _look_up(source, shut, skin.to(shut))
    return shut


def look_between_lips(
    source: np.ndarray, now: np.ndarray, was: np.ndarray, skin: Nearest, *, synthetic: bool
) -> Literal["as it is", "seam", "drawn"]:
    """Where the samples between the lips come from: the photograph's own mouth, whose upper and lower half
    are stretched, never moved, to reach the lips; the lips' rims; or what the caller has drawn."""
    if _opening(was) <= SLIT:
        # Shut lips that stay shut: the photograph's seam goes with the skin.
        return "drawn" if synthetic and _opening(now) > SLIT else "as it is"
    if _opening(now) <= SLIT:
        _look_up(source, now, skin.to(now))
        return "seam"
    top, bottom, left, right = _extent(was)
    new_top, new_bottom, new_left, new_right = _extent(now)
    middle = (top + bottom) / 2
    up, down = (middle - new_top) / (middle - top), (new_bottom - middle) / (bottom - middle)
    if synthetic and (up > LONGER[0] or down > LONGER[1]):
        return "drawn"
    rows, columns = np.nonzero(now)
    y = middle + (rows - middle) / np.where(rows < middle, max(up, 1.0), max(down, 1.0))
    across = max((new_right - new_left) / (right - left), 1.0)
    x = (left + right) / 2 + (columns - (new_left + new_right) / 2) / across
    places = np.stack([y, x], axis=1)
    seen = cv2.erode(was.astype(np.uint8), np.ones((3, 3), np.uint8))
    at = np.clip(np.rint(places), 0, [was.shape[0] - 1, was.shape[1] - 1]).astype(np.int64)
    lip = seen[at[:, 0], at[:, 1]] == 0
    if synthetic and lip.mean() > UNSEEN:
        return "drawn"  # a smile's mouth has another curve than a frown's
    if seen.any():
        places[lip] = Nearest(seen).to((at[lip, 0], at[lip, 1]))
    _look_up(source, now, places)
    return "as it is"


def _look_up(source: np.ndarray, samples: np.ndarray, places: np.ndarray) -> None:
    """Has samples (a mask) look up places (n, 2), row and column on the sample grid."""
    source[samples] = (places[:, ::-1] - (SAMPLES - 1) / 2).astype(np.float32) / SAMPLES


class Nearest:
    """For each sample the nearest one that is `wanted` (h, w) uint8."""

    def __init__(self, wanted: np.ndarray) -> None:
        _, self._number = cv2.distanceTransformWithLabels(
            1 - wanted, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
        )
        rows, columns = np.nonzero(wanted)
        self._places = np.zeros((int(self._number.max()) + 1, 2), np.int64)
        self._places[self._number[rows, columns]] = np.column_stack([rows, columns])

    def to(self, samples: np.ndarray | tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """(n, 2) row and column, for a mask or for rows and columns."""
        found: np.ndarray = self._places[self._number[samples]]
        return found


def _opening(mask: np.ndarray) -> float:
    """Pixels between the lips where they are furthest apart."""
    return float(mask.sum(axis=0).max()) / SAMPLES


def _extent(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Top and bottom (of the middle columns), left and right, in samples."""
    columns = np.flatnonzero(mask.any(axis=0))
    left, right = int(columns[0]), int(columns[-1])
    rows = np.flatnonzero(mask[:, (3 * left + right) // 4 : (left + 3 * right) // 4 + 1].any(axis=1))
    if not len(rows):
        rows = np.flatnonzero(mask.any(axis=1))
    return float(rows[0]) - 0.5, float(rows[-1]) + 0.5, left - 0.5, right + 0.5
