"""What a face does, apart from where it looks: landmarks laid over the mean face, and FACS distances.

Head pose, place and size are taken off by a similarity transform in three dimensions, fitted to
points that expressions move least. Both halves are averaged, for an action unit's intensity is one
number; where the head is turned, the half that faces the camera counts for more.
"""

from __future__ import annotations

import numpy as np

from fexdata.errors import Code, RowError
from fexdata.faces.canonical import VERTICES
from fexdata.faces.landmarks import MIRROR_478

STEADY = (6, 168, 197, 195, 5, 4, 33, 133, 362, 263, 127, 356, 234, 454, 10, 109, 338, 151)
"""Bridge and tip of the nose, corners of the eyes, temples, cheekbones and forehead."""
TURN = 80.0
"""Degrees of yaw over which the half that is turned away loses its say."""

SIDED = {
    "lids, middle": (159, 145),
    "lids, outer": (160, 144),
    "lids, inner": (158, 153),
    "upper lid to fold": (159, 52),
    "inner brow to eye": (55, 133),
    "inner brow, upper edge, to eye": (107, 133),
    "middle of brow to lid": (105, 159),
    "outer brow to eye": (70, 33),
    "outer brow, upper edge, to eye": (63, 33),
    "mouth corner to eye": (61, 33),
    "mouth corner to nose": (61, 2),
    "mouth corner to chin": (61, 152),
    "cheek to lower lid": (50, 145),
    "inner cheek to lower lid": (101, 145),
    "nostril to eye": (129, 133),
    "upper lip to nostril": (37, 98),
}
"""Distances that FACS names in its appearance changes: vertices of the picture's left half."""
MIDDLE = {
    "lips": (13, 14),
    "upper lip to nose": (0, 2),
    "lower lip to chin": (17, 152),
    "mouth, across": (61, 291),
    "brows, across": (55, 285),
    "nose to chin": (2, 152),
    "upper lip, red": (0, 13),
    "lower lip, red": (14, 17),
    "nose": (168, 2),
}
HEIGHTS = {
    "mouth corner below seam": ((61,), (13,)),
    "mouth corner below lips": ((61,), (0, 17)),
    "upper lid below eye corners": ((159,), (33, 133)),
    "lower lid below eye corners": ((145,), (33, 133)),
}
"""Heights of points relative to the mean of others; signed, because corners go both up and down."""

DISTANCE_WEIGHT = 3.0
"""How much more a distance counts than a coordinate: it is one number where coordinates are many."""
DEPTH_WEIGHT = 0.3
"""MediaPipe's z knows little of the individual face."""
_MIRROR = MIRROR_478[:VERTICES]
HALF = np.flatnonzero(np.arange(VERTICES) <= _MIRROR)
"""Vertices of the picture's left half and of the midline: both halves are alike once averaged."""
SIZE = len(HALF) * 3 + len(SIDED) + len(MIDDLE) + len(HEIGHTS)
"""Numbers of a descriptor."""

_FLIP = np.array([-1.0, 1.0, 1.0])
_STEADY = np.array(STEADY)
_RIGHT = np.where(np.arange(VERTICES) == _MIRROR, 0.5, np.arange(VERTICES) > _MIRROR)[:, None].astype(np.float64)
"""1 on the right half, 0 on the left, a half on the midline."""
_FROM, _TO = np.array([*SIDED.values(), *MIDDLE.values()]).T
_WEIGHTS = np.array([1.0, 1.0, DEPTH_WEIGHT])


def descriptor(landmarks: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, float]:
    """What the face does: (`SIZE`,) float64, and the head's yaw in degrees.

    landmarks: (478 or 468, 3), z in the unit of x and y, away from the viewer. reference: (468, 3) mm,
    the mean face at rest. Coordinates are millimetres of the reference, z weighted; then distances and
    heights, weighted. Equal for a face and its mirror image, up to rounding.
    """
    points, yaw = laid_over(landmarks, reference)
    share = _own_share(facing_share(yaw))
    points = share * points + (1 - share) * points[_MIRROR] * _FLIP
    apart = points[_FROM] - points[_TO]
    lengths, heights = np.sqrt((apart**2).sum(axis=1)), _LEVELS @ points[_LEVELLED, 1]
    parts = ((points[HALF] * _WEIGHTS).ravel(), DISTANCE_WEIGHT * lengths, DISTANCE_WEIGHT * heights)
    return np.concatenate(parts), yaw


def facing_share(yaw: float) -> float:
    """Weight, 0 to 1, of the picture's left half: a half for a face that looks at the camera, more when
    the nose points to the picture's right, for then the left half faces the camera."""
    return float(1.0 / (1.0 + np.exp(4.0 * yaw / TURN)))


def _own_share(left: float) -> np.ndarray:
    """(468, 1): weight of each vertex beside its mirrored partner's, `left` on the left half."""
    return left + (1 - 2 * left) * _RIGHT


def laid_over(landmarks: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, float]:
    """Landmarks laid over the reference: (468, 3) mm, and the head's yaw in degrees.

    Least squares over `STEADY`, rotation, scale and shift (Umeyama 1991). Raises `RowError` (poor_fit)
    when the landmarks have no extent.
    """
    points = np.asarray(landmarks[:VERTICES], np.float64)
    steady, target = points[_STEADY], reference[_STEADY]
    centre, aim = steady.mean(axis=0), target.mean(axis=0)
    steady, target = steady - centre, target - aim
    u, strengths, vt = np.linalg.svd(target.T @ steady)
    if not strengths[1] > 1e-9:
        raise RowError(Code.POOR_FIT, "the landmarks have no extent")
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = (u * sign) @ vt
    scale = float((strengths * sign).sum() / (steady**2).sum())
    # The rotation brings the head to face the camera, so its inverse is the head's own turn.
    yaw = float(np.degrees(np.arcsin(np.clip(-rotation[0, 2], -1.0, 1.0))))
    return scale * (points - centre) @ rotation.T + aim, yaw


def _levels() -> tuple[np.ndarray, np.ndarray]:
    """Vertices (n,) of `HEIGHTS`, and the matrix (4, n) that makes its heights of their y."""
    vertices = sorted({vertex for pair in HEIGHTS.values() for side in pair for vertex in side})
    matrix = np.zeros((len(HEIGHTS), len(vertices)))
    for row, (above, others) in enumerate(HEIGHTS.values()):
        for side, sign in ((above, 1.0), (others, -1.0)):
            for vertex in side:
                matrix[row, vertices.index(vertex)] += sign / len(side)
    return np.array(vertices), matrix


_LEVELLED, _LEVELS = _levels()
