"""Named regions of the head as soft weights per vertex: where lips, brows, scalp, beard ... are.

Regions of the face are outlines through MediaPipe's vertices, seen from the front; those of the head
are bounds in millimetres. A weight falls from 1 inside to 0 outside over the region's softness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SEAM = 42.6
"""y of the seam between the lips, millimetres."""

_UPPER_LID = (33, 246, 161, 160, 159, 158, 157, 173, 133)
_LOWER_LID = (33, 7, 163, 144, 145, 153, 154, 155, 133)
_UPPER_LIP = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
_LOWER_LIP = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
_UPPER_SEAM = (308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78)
_LOWER_SEAM = (308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78)


@dataclass(frozen=True, slots=True)
class Outline:
    """A region inside a loop of MediaPipe's vertices."""

    loop: tuple[int, ...]
    softness: float
    """Millimetres over which the weight falls from 1 to 0, half of it on either side of the loop."""


MIDDLE = {
    "lips": Outline((*_UPPER_LIP, *_LOWER_LIP[-2:0:-1]), 1.2),
    "upper_lip": Outline((*_UPPER_LIP, *_UPPER_SEAM), 1.0),
    "lower_lip": Outline((*_LOWER_LIP, *_LOWER_SEAM), 1.0),
    "nose": Outline((168, 193, 245, 188, 174, 217, 126, 209, 129, 98, 97, 2,
                     326, 327, 358, 429, 355, 437, 399, 412, 465, 417), 6.0),
    "nose_tip": Outline((195, 51, 45, 44, 19, 274, 275, 281), 5.0),
    "forehead": Outline((10, 109, 67, 103, 54, 21, 71, 70, 63, 105, 66, 107, 9,
                         336, 296, 334, 293, 300, 301, 251, 284, 332, 297, 338), 10.0),
    "chin": Outline((201, 194, 211, 170, 140, 171, 175, 396, 369, 395, 431, 418, 421, 200), 8.0),
    "moustache": Outline((*_UPPER_LIP, 410, 391, 327, 326, 2, 97, 98, 165, 186), 4.0),
}  # fmt: skip
LEFT = {
    "brow": Outline((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), 3.0),
    "upper_lid": Outline((*_UPPER_LID, 243, 190, 56, 28, 27, 29, 30, 247, 130), 1.5),
    "lower_lid": Outline((*_LOWER_LID, 243, 112, 26, 22, 23, 24, 110, 25, 130), 1.5),
    "around_eye": Outline((70, 63, 105, 66, 107, 55, 193, 122, 188, 114,
                           121, 120, 119, 118, 117, 111, 35, 124, 156), 8.0),
}  # fmt: skip
"""Regions of the left half; those of the right half are their mirror."""

CHEEK = ((50, 187, 205), 15.0)
"""The left cheek fades from the middle of these vertices with this reach, millimetres."""

BEARD_TOP = ((-44, 43), (-32, 41), (-12, 29), (4, 13), (13, -6), (22, -22))
BEARD_BOTTOM = ((-40, 112), (-5, 108), (14, 88), (24, 62), (32, 30))
"""(z, y) of the borders of a full beard on the side of the face, from the mouth's corner to the ear."""


def regions(mean: np.ndarray, mirror: np.ndarray, inside: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Name -> (V,) float32 weights.

    mean: (V, 3) of the mean head, MediaPipe's vertices first; mirror: (V,) partners; inside: (V,) from
    0 to 1 for what lies inside `eyes`, `mouth` and `nostrils`, and for `ears`.
    """
    inner = np.maximum.reduce(list(inside.values()))
    outer = 1 - inner
    front = np.clip((45 - mean[:, 2]) / 20, 0, 1) * outer
    found: dict[str, np.ndarray] = {}
    for name, outline in MIDDLE.items():
        found[name] = _inside(mean, outline) * front
    for name, outline in LEFT.items():
        left = _inside(mean, outline) * front * (mean[:, 0] <= 0.01)
        found |= _both(name, left, mirror)
    centre = mean[list(CHEEK[0])].mean(axis=0)
    apart = ((mean - centre) ** 2).sum(axis=1)
    found |= _both("cheek", np.exp(-apart / (2 * CHEEK[1] ** 2)) * outer, mirror)
    found |= _both("nostril", inside["nostrils"] * (mean[:, 0] < 0), mirror)
    for name in ("lips", "upper_lip", "lower_lip"):
        side = 1.0 if name == "lips" else (mean[:, 1] < SEAM) == (name == "upper_lip")
        found[name] = np.maximum(found[name], inside["mouth"] * side)
    found["eyelid_rims"], found["mouth_inside"], found["ears"] = inside["eyes"], inside["mouth"], inside["ears"]
    return {name: weight.astype(np.float32) for name, weight in (found | _of_head(mean, found, outer)).items()}


def _both(name: str, left: np.ndarray, mirror: np.ndarray) -> dict[str, np.ndarray]:
    right = left[mirror]
    return {f"{name}_left": left, f"{name}_right": right, f"{name}s": np.maximum(left, right)}


def _of_head(mean: np.ndarray, face: dict[str, np.ndarray], skin: np.ndarray) -> dict[str, np.ndarray]:
    """The regions that reach beyond the face."""
    _, y, z = mean.T
    # The hairline: low at the nape and over the ears, highest at the forehead's middle.
    line = np.interp(z, [-60, -45, -25, 0, 25, 40, 70, 110, 140], [-84, -84, -72, -56, -20, -28, 20, 48, 55])
    scalp = np.clip((line - y) / 10 + 0.5, 0, 1) * skin
    oval = _inside(mean, Outline(_OVAL, 16.0)) * np.clip((40 - z) / 20, 0, 1) * skin
    top, bottom = (np.interp(z, *np.array(line).T) for line in (BEARD_TOP, BEARD_BOTTOM))
    beard = _smooth((y - top) / 9 + 0.5) * _smooth((bottom - y) / 10 + 0.5) * _smooth((30 - z) / 8) * skin
    beard = beard * (1 - _inside(mean, Outline(MIDDLE["lips"].loop, 3.0)) * (z < 0))
    beard = np.maximum(beard, face["moustache"] * (1 - face["lips"]))
    jaw = _smooth((y - 45) / 20) * _smooth((110 - y) / 12) * _smooth((45 - z) / 15) * skin
    neck = _smooth((y - 92) / 14) * _smooth((y - 88 - (10 - z).clip(0) * 0.5) / 10) * skin
    return {"scalp": scalp, "face": oval, "beard": beard, "jaw": jaw, "neck": neck}


_OVAL = (10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400,
         378, 379, 365, 397, 288, 361, 323, 454, 356, 389, 251, 284, 332, 297, 338)  # fmt: skip


def _inside(mean: np.ndarray, outline: Outline) -> np.ndarray:
    """(V,) weight of an outline, seen from the front."""
    distance = signed_distance(mean[:, :2], mean[list(outline.loop), :2])
    return _smooth(distance / outline.softness + 0.5)


def signed_distance(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """(n,) distances of points (n, 2) from a closed polygon (m, 2), positive inside."""
    start, end = polygon, np.roll(polygon, -1, axis=0)
    along = end - start
    offset = points[:, None] - start
    share = np.clip((offset * along).sum(axis=2) / np.maximum((along**2).sum(axis=1), 1e-12), 0, 1)
    distance = np.linalg.norm(offset - share[..., None] * along, axis=2).min(axis=1)
    crosses = (start[:, 1] > points[:, None, 1]) != (end[:, 1] > points[:, None, 1])
    height = np.where(along[:, 1] == 0, 1e-12, along[:, 1])
    at = start[:, 0] + (points[:, None, 1] - start[:, 1]) / height * along[:, 0]
    inside = (crosses & (points[:, None, 0] < at)).sum(axis=1) % 2 == 1
    return np.where(inside, distance, -distance)


def _smooth(share: np.ndarray) -> np.ndarray:
    clipped = np.clip(share, 0, 1)
    return clipped * clipped * (3 - 2 * clipped)
