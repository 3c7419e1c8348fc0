"""Pictures of one face for the page: maps coloured as in the report, the mesh over the crop, the
error of the fit, the photograph with its box.

Every function takes decoded arrays and returns pixels, (H, W, 3) or, with alpha, (H, W, 4) uint8.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from fexdata.dataset.report.thumbnails import CONTOUR, DEPTH_RANGE, MASK_COLOURS, depth_colours
from fexdata.render.maps import DEPTH_OFFSET, DEPTH_STEPS

KINDS: Final = ("crop", "depth", "normal", "mask", "overlay", "heat", "photograph")
SIZES: Final = (96, 160, 256, 512, 1024)
LARGEST: Final = 1024
"""Side of a photograph whose size is not asked for."""

LIGHT: Final = np.array([-0.35, 0.45, 0.82])
"""Towards the light, in the frame of normal maps: from the upper left, in front."""
INK: Final = (255, 214, 10)
"""Of landmarks and boxes: yellow with a dark rim is seen on any skin."""

HEAT: Final = np.array([[26, 40, 92], [44, 123, 182], [240, 228, 120], [240, 130, 40], [150, 20, 20]])
"""From no error to the worst: dark blue to yellow to dark red, told apart with any colour vision."""


def depth(stored: np.ndarray) -> np.ndarray:
    """Depth as colours with contour lines, transparent where there is none. stored: (H, W) uint16."""
    size = stored.shape[0]
    pixels = stored.astype(np.float32) / DEPTH_STEPS - DEPTH_OFFSET
    low, high = (share * size for share in DEPTH_RANGE)
    colours = depth_colours()[np.clip((pixels - low) / (high - low) * 255, 0, 255).astype(np.uint8)]
    step = np.floor(pixels / (CONTOUR * size / 256)).astype(np.int32)
    here = stored > 0
    line = np.zeros(stored.shape, bool)
    line[:, 1:] |= (step[:, 1:] != step[:, :-1]) & here[:, 1:] & here[:, :-1]
    line[1:] |= (step[1:] != step[:-1]) & here[1:] & here[:-1]
    colours = np.where(line[..., None], colours * 0.72, colours)
    return np.dstack([colours, 255 * here]).astype(np.uint8)


def normal(stored: np.ndarray) -> np.ndarray:
    """The normal map, transparent where there is none. stored: (H, W, 3) uint8."""
    return np.dstack([stored, 255 * stored.any(axis=2)]).astype(np.uint8)


def mask(labels: np.ndarray, image: np.ndarray) -> np.ndarray:
    """The label map over a pale grey crop."""
    grey = 0.55 * image.mean(axis=2, keepdims=True) + 90.0
    colours = MASK_COLOURS[np.minimum(labels, len(MASK_COLOURS) - 1)].astype(np.float32)
    return np.where(labels[..., None] > 0, 0.55 * grey + 0.45 * colours, grey).round().astype(np.uint8)


def overlay(image: np.ndarray, normals: np.ndarray | None, landmarks: np.ndarray | None) -> np.ndarray:
    """The mesh, lit, half over the crop, and the 68 landmarks as dots: whether it fits is seen at once."""
    drawn = image.astype(np.float32)
    if normals is not None:
        here = normals.any(axis=2)
        direction = normals.astype(np.float32) / 127.5 - 1
        shade = np.clip(direction @ (LIGHT / np.linalg.norm(LIGHT)).astype(np.float32), 0, 1)
        grey = (60 + 190 * shade)[..., None] * np.array([0.92, 0.97, 1.0], np.float32)
        drawn = np.where(here[..., None], 0.42 * drawn + 0.58 * grey, drawn)
        rim = here & ~_eroded(here)
        drawn[rim] = (20, 60, 120)
    picture = drawn.clip(0, 255).astype(np.uint8)
    return picture if landmarks is None else dots(picture, landmarks)


def dots(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (n, 2), in pixels, as yellow dots with a dark rim."""
    import cv2

    size, places = picture.shape[0], points[np.isfinite(points).all(axis=1)]
    drawn = np.ascontiguousarray(picture)
    radius = max(size / 256 * 1.4, 0.8)
    for x, y in places.tolist():
        for reach, colour in ((radius + 0.9, (20, 20, 20)), (radius, INK)):
            centre = (round(x * 16), round(y * 16))  # four bits of fraction
            cv2.circle(drawn, centre, round(reach * 16), colour, -1, cv2.LINE_AA, 4)
    return drawn


def heat(image: np.ndarray, vertices: np.ndarray, values: np.ndarray, triangles: np.ndarray, top: float) -> np.ndarray:
    """Values of vertices as colours over a grey crop, on the scale `HEAT` with its end at `top`; where
    no value is known, the crop. vertices: (V, 3) crop pixels; values: (V,); triangles: (T, 3)."""
    import cv2

    grey = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    colours, known = grey.copy(), np.zeros(image.shape[:2], np.uint8)
    corner = values[triangles]
    there = np.isfinite(corner)
    level = np.where(there, corner, 0).sum(axis=1) / np.where(there.any(axis=1), there.sum(axis=1), np.nan) / top
    far_first = np.argsort(-vertices[triangles, 2].mean(axis=1), kind="stable")
    corners = np.round(vertices[:, :2] * 16).astype(np.int32)[triangles]
    for triangle in far_first[np.isfinite(level[far_first])].tolist():
        colour = heat_colour(float(level[triangle]))
        cv2.fillConvexPoly(colours, corners[triangle], colour, cv2.LINE_8, 4)
        cv2.fillConvexPoly(known, corners[triangle], 1, cv2.LINE_8, 4)
    return np.where(known[..., None] > 0, 0.25 * grey + 0.75 * colours, grey).round().astype(np.uint8)


def heat_colour(level: float) -> tuple[int, int, int]:
    """RGB of a level from 0 to 1."""
    at = np.linspace(0, 1, len(HEAT))
    red, green, blue = (round(float(np.interp(level, at, HEAT[:, channel]))) for channel in range(3))
    return red, green, blue


def photograph(pixels: np.ndarray, box: tuple[float, float, float, float] | None, size: int) -> np.ndarray:
    """The photograph, shrunk to `size`, with the face's box. box: left, top, width, height."""
    import cv2

    scale = min(1.0, size / max(pixels.shape[:2]))
    drawn = shrunk(pixels, size)
    if box is not None:
        left, top, width, height = (scale * value for value in box)
        corners = (round(left), round(top)), (round(left + width), round(top + height))
        drawn = np.ascontiguousarray(drawn)
        for thickness, colour in ((4, (20, 20, 20)), (2, INK)):
            cv2.rectangle(drawn, *corners, colour, thickness, cv2.LINE_AA)
    return drawn


def shrunk(picture: np.ndarray, size: int) -> np.ndarray:
    """At most `size` pixels on the larger side, by area; transparent pixels lend no colour."""
    import cv2

    height, width = picture.shape[:2]
    if max(height, width) <= size:
        return picture
    scale = size / max(height, width)
    to = (max(1, round(width * scale)), max(1, round(height * scale)))
    if picture.shape[2] == 3:
        return cv2.resize(picture, to, interpolation=cv2.INTER_AREA)
    alpha = picture[..., 3:].astype(np.float32) / 255
    weight = cv2.resize(alpha, to, interpolation=cv2.INTER_AREA)
    colours = (
        cv2.resize(picture[..., :3] * alpha, to, interpolation=cv2.INTER_AREA) / np.maximum(weight, 1e-6)[..., None]
    )
    return np.dstack([colours, 255 * weight]).round().clip(0, 255).astype(np.uint8)


def encode(picture: np.ndarray, *, lossless: bool) -> tuple[bytes, str]:
    """The picture as a file, and its media type: PNG where edges count, else JPEG."""
    import cv2

    order = cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR
    pixels = cv2.cvtColor(picture, order)
    if lossless:
        return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1].tobytes(), "image/png"
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes(), "image/jpeg"


def _eroded(here: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.erode(here.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0).astype(bool)
