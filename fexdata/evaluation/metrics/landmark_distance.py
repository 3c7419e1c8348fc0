"""Landmark distance: whether brows, eyes and mouth are where the true target has them.

A judge of geometry: MediaPipe's landmarks, found on the picture enlarged to 256 pixels. A pixel
network can be satisfied by patterns that no person would take for a face; a landmark network then
finds none, and the detection rate falls. The distance is given relative to the one that the input,
returned unchanged, would have.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from fexdata.errors import RowError
from fexdata.evaluation.pixels import to_bytes

if TYPE_CHECKING:
    from fexdata.faces.detection import FaceFinder

SIDE = 256
EXPRESSIVE = (*range(17, 27), *range(36, 68))
"""Of the 68: brows, eyes, mouth."""


def landmarks_of(image: Tensor) -> np.ndarray | None:
    """(68, 2) in pixels of the picture enlarged to 256, of a picture (3, H, W) in [-1, 1]; None where
    no face is found."""
    from fexdata.faces.landmarks import to_68

    found = mesh_of(image)
    return None if found is None else to_68(found)[:, :2]


def mesh_of(image: Tensor) -> np.ndarray | None:
    """All of MediaPipe's points, (478, 3) in pixels of the picture enlarged to 256; None where no face is found."""
    import cv2

    pixels = to_bytes(image)
    if pixels.shape[0] != SIDE:
        how = cv2.INTER_CUBIC if pixels.shape[0] < SIDE else cv2.INTER_AREA
        pixels = np.asarray(cv2.resize(pixels, (SIDE, SIDE), interpolation=how))
    try:
        (face,) = _finder().find(pixels, faces="largest")
    except RowError:
        return None
    return face.landmarks


def landmark_distance(points: np.ndarray, wanted: np.ndarray) -> float:
    """Mean distance of brows, eyes and mouth, pixels, of (68, 2) and (68, 2)."""
    chosen = list(EXPRESSIVE)
    return float(np.linalg.norm(points[chosen] - wanted[chosen], axis=1).mean())


@functools.cache
def _finder() -> FaceFinder:
    from fexdata.faces.detection import FaceFinder

    return FaceFinder()
