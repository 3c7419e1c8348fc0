"""Pictures of a row, small enough that a hundred fit on a page.

Each function takes the decoded maps of one row and returns the text of a `data:` URI. Depth is
coloured on one scale for all faces of all reports, so that two pages can be laid side by side.
"""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np

SIZE = 144
"""Side of a thumbnail in pixels; shown at about 100, so that dense screens stay sharp."""

MAX_BYTES = 14_000
"""An upper bound for one thumbnail, held by lowering the quality: the page's size has one too."""

DEPTH_RANGE = (-0.28, 0.24)
"""Ends of the depth colours, as shares of the crop's side; about what a face of the default
template spans. Nearer and farther values take the end colours."""

CONTOUR = 10.0
"""Distance of the depth map's contour lines in crop pixels, for a crop of 256."""

MASK_LABELS = ("none", "skin", "filled eye", "filled mouth", "interpolated")
MASK_COLOURS = np.array([[0, 0, 0], [86, 180, 233], [240, 228, 66], [213, 94, 0], [204, 121, 167]], np.uint8)
"""One colour per mask label, from the palette of Okabe and Ito, told apart with any colour vision."""

_ANCHORS = np.array([[22, 24, 58], [40, 68, 122], [40, 128, 142], [112, 186, 138], [250, 240, 196]], np.float64)


def depth_colours() -> np.ndarray:
    """The depth scale from far to near, (256, 3) uint8 RGB; lightness rises all the way."""
    at = np.linspace(0, len(_ANCHORS) - 1, 256)
    channels = [np.interp(at, np.arange(len(_ANCHORS)), _ANCHORS[:, c]) for c in range(3)]
    return np.stack(channels, 1).round().astype(np.uint8)


def crop_thumbnail(image: np.ndarray) -> str:
    """`image`: (H, W, 3) uint8 RGB or (H, W) grey."""
    rgb = image if image.ndim == 3 else np.repeat(image[..., None], 3, 2)
    return _encode(_shrink(rgb.astype(np.float32)))


def depth_thumbnail(depth: np.ndarray) -> str:
    """`depth`: (H, W) uint16 as stored. Coloured, with contour lines; nothing where there is none."""
    size = depth.shape[0]
    pixels = depth.astype(np.float32) / 100.0 - 327.68
    low, high = (share * size for share in DEPTH_RANGE)
    index = np.clip((pixels - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    colours = depth_colours()[index].astype(np.float32)
    step = np.floor(pixels / (CONTOUR * size / 256)).astype(np.int32)
    here = depth > 0
    line = np.zeros(depth.shape, bool)
    line[:, 1:] |= (step[:, 1:] != step[:, :-1]) & here[:, 1:] & here[:, :-1]
    line[1:] |= (step[1:] != step[:-1]) & here[1:] & here[:-1]
    colours[line] *= 0.72
    return _encode(_shrink_with_alpha(colours, here))


def normal_thumbnail(normal: np.ndarray, here: np.ndarray) -> str:
    """`normal`: (H, W, 3) uint8; `here`: (H, W) bool, where there is a face."""
    return _encode(_shrink_with_alpha(normal.astype(np.float32), here))


def mask_thumbnail(mask: np.ndarray, image: np.ndarray) -> str:
    """The label map over a pale grey crop, so that a mask beside the face is seen.

    `mask`: (H, W) uint8 labels; `image`: the crop, same size.
    """
    grey = image.astype(np.float32).mean(2) if image.ndim == 3 else image.astype(np.float32)
    paper = np.repeat((0.55 * grey + 90.0)[..., None], 3, 2)
    labels = np.minimum(mask, len(MASK_LABELS) - 1)
    colours = MASK_COLOURS[labels].astype(np.float32)
    return _encode(_shrink(np.where((labels > 0)[..., None], 0.55 * paper + 0.45 * colours, paper)))


def depth_scale() -> str:
    """The depth colours as a thin picture, far at the left."""
    return _encode(depth_colours()[None, ::2].repeat(4, 0))


def _shrink(picture: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA).round().clip(0, 255).astype(np.uint8)


def _shrink_with_alpha(colours: np.ndarray, here: np.ndarray) -> np.ndarray:
    # Colours are weighted with their presence, or the empty surroundings would darken the edge.
    import cv2

    alpha = here.astype(np.float32)
    small_alpha = cv2.resize(alpha, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    small = cv2.resize(colours * alpha[..., None], (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    small /= np.maximum(small_alpha, 1e-6)[..., None]
    return np.dstack([small, 255 * small_alpha]).round().clip(0, 255).astype(np.uint8)


def _encode(picture: np.ndarray) -> str:
    from PIL import Image

    data = b""
    for quality in (80, 60, 40, 20):
        buffer = BytesIO()
        Image.fromarray(picture).save(buffer, "WEBP", quality=quality, method=4)
        data = buffer.getvalue()
        if len(data) <= MAX_BYTES:
            break
    return "data:image/webp;base64," + base64.b64encode(data).decode()
