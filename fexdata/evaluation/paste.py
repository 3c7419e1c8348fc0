"""Putting an edited face back into its photograph.

The networks see a small picture; the photograph has more detail. Where the edit changes nothing the
photograph keeps its own pixels; where it changes much the enlarged edit replaces them; towards the
crop's border everything fades into the photograph. With P the photograph, b and a the crop before
and after the edit, enlarged, c how much is changed and m the soft border, both 0 to 1:

    P + m ((a - b) - c (P - b))
"""

from __future__ import annotations

import numpy as np

BORDER = 0.12
"""Share of the crop's side over which the edit fades out."""
UNCHANGED, CHANGED = 4.0, 24.0
"""Grey levels up to which the photograph keeps its detail, and from which the edit replaces it."""


def paste(photograph: np.ndarray, before: np.ndarray, after: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The photograph (H, W, 3) uint8 with the crop `before` (S, S, 3) uint8 turned into `after`.

    matrix: (2, 3), photograph pixels to crop pixels. Pixels outside the crop are the photograph's own.
    """
    size = before.shape[0]
    top, bottom, left, right = _under(matrix, size, photograph.shape[:2])
    if bottom <= top or right <= left:
        return photograph.copy()
    part = photograph[top:bottom, left:right].astype(np.float32)
    inside = matrix.astype(np.float64).copy()
    inside[:, 2] += inside[:, :2] @ np.array([left, top], np.float64)
    b, a, changed, border = (
        _enlarged(values.astype(np.float32), inside, part.shape)
        for values in (before, after, how_changed(before, after), soft_border(size))
    )
    changed, border = changed.clip(0, 1)[..., None], border.clip(0, 1)[..., None]
    mixed = part + border * ((a - b) - changed * (part - b))
    result = photograph.copy()
    result[top:bottom, left:right] = mixed.round().clip(0, 255).astype(np.uint8)
    return result


def soft_border(size: int) -> np.ndarray:
    """(size, size) float32: 0 at the crop's outermost pixels, 1 from `BORDER` on, smooth in between."""
    along = np.arange(size)
    depth = np.clip(np.minimum(along, size - 1 - along) / (BORDER * size), 0, 1)
    ramp = depth**2 * (3 - 2 * depth)
    return np.outer(ramp, ramp).astype(np.float32)


def how_changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(S, S) float32: 0 where the edit changes nothing, 1 where it changes much, smooth."""
    import cv2

    difference = np.abs(after.astype(np.float32) - before.astype(np.float32)).max(axis=2)
    smooth = cv2.GaussianBlur(difference, (0, 0), sigmaX=before.shape[0] / 64)
    share = np.clip((smooth - UNCHANGED) / (CHANGED - UNCHANGED), 0, 1)
    changed: np.ndarray = (share**2 * (3 - 2 * share)).astype(np.float32)
    return changed


def _enlarged(crop: np.ndarray, matrix: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A crop's values at the photograph's pixels; its outermost pixels' own beyond it, where the border is 0."""
    import cv2

    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(crop, matrix, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _under(matrix: np.ndarray, size: int, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Rows and columns of the photograph that the crop covers: top, bottom, left, right."""
    from fexdata.faces.alignment import apply, inverse

    corners = np.array([[-0.5, -0.5], [size - 0.5, -0.5], [-0.5, size - 0.5], [size - 0.5, size - 0.5]])
    found = apply(inverse(matrix), corners)
    left, top = np.floor(found.min(axis=0)).astype(int)
    right, bottom = np.ceil(found.max(axis=0)).astype(int) + 1
    return max(top, 0), min(bottom, shape[0]), max(left, 0), min(right, shape[1])
