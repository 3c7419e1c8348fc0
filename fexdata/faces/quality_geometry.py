"""What landmarks, mesh and depth say about each other: size, pose, and where they disagree.

Measurements only, as in `fexdata.faces.quality_pixels`: numbers with units, the same for a face
and its mirror image, NaN where there is nothing to measure. Distances are in percent of the
inter-ocular distance, so that neither the crop's size nor the photograph's matters.

Points are in crop pixels in the project's frame (x right, y down, z away from the viewer);
`landmarks` are MediaPipe's 478, `points_68` follow the 68-point (iBUG) scheme.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from fexdata.faces.landmarks import EYE_CORNERS_478
from fexdata.faces.quality_pixels import NAN

_EYE_CORNERS: Final = np.array(EYE_CORNERS_478)
_LIPS: Final = ((61, 67), (62, 66), (63, 65))
"""Inner edge of the upper lip and the point below it, among the 68."""
_LIDS: Final = (((37, 41), (38, 40)), ((43, 47), (44, 46)))
"""Upper and lower lid, each eye, among the 68."""


_ENOUGH: Final = 48
"""Fewer landmarks than this on the map are no measurement."""


def interocular(landmarks: np.ndarray) -> float:
    """Distance between the middles of the two eyes in 3D, in the unit of `landmarks` (478, 3): a
    turned head does not make it shorter."""
    corners = landmarks[_EYE_CORNERS]
    distance = math.hypot(*(corners[2] + corners[3] - corners[0] - corners[1]).tolist()) / 2
    return distance if math.isfinite(distance) and distance > 0 else NAN


def size_in_photograph(interocular_crop: float, crop_matrix: np.ndarray) -> float:
    """The inter-ocular distance in pixels of the photograph. `crop_matrix` is (2, 3), photograph
    to crop; its scale is the square root of its determinant."""
    a, b, _, c, d, _ = np.asarray(crop_matrix, np.float64).reshape(6).tolist()
    scale = math.sqrt(abs(a * d - b * c))
    return interocular_crop / scale if scale > 0 else NAN


def pose_angle(yaw: float, pitch: float) -> float:
    """Angle between the face's forward direction and the line to the viewer, degrees: arccos(cos
    yaw · cos pitch), which follows from R = Rz(roll)·Ry(yaw)·Rx(pitch)."""
    cosine = math.cos(math.radians(yaw)) * math.cos(math.radians(pitch))
    return math.degrees(math.acos(min(max(cosine, -1.0), 1.0)))  # in this order NaN stays NaN


def landmark_gap(points_68: np.ndarray, mesh_68: np.ndarray, unit: float) -> float:
    """Mean distance between the image's landmarks and the mesh's own, both (68, 2), in percent of
    `unit` (the inter-ocular distance)."""
    apart = points_68 - mesh_68
    return float(np.sqrt((apart * apart).sum(axis=1)).mean() / unit * 100.0)


def lip_gap(points_68: np.ndarray, mesh_68: np.ndarray, unit: float) -> float:
    """How much wider or narrower the mesh opens its mouth than the image: difference of the mean
    distance between the inner lips, in percent of `unit`. Points (68, 2)."""
    return abs(_opening(mesh_68, _LIPS) - _opening(points_68, _LIPS)) / unit * 100.0


def lid_gap(points_68: np.ndarray, mesh_68: np.ndarray, unit: float) -> float:
    """As `lip_gap`, for the eyelids; the eye that is worse counts."""
    return max(abs(_opening(mesh_68, lids) - _opening(points_68, lids)) for lids in _LIDS) / unit * 100.0


def _opening(points: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> float:
    return sum(math.dist(points[upper].tolist(), points[lower].tolist()) for upper, lower in pairs) / len(pairs)


def depth_gap(landmarks: np.ndarray, depth_at: np.ndarray, unit: float) -> float:
    """How far the depth map and the landmarks are apart: the 90th percentile of |depth + z| over
    the landmarks, in percent of `unit`.

    `depth_at` (478,) is the map's depth at each landmark's pixel, NaN where it has none;
    `landmarks` (478, 3). Both are measured from the mean of the four eye corners. Small when
    every landmark is seen; large when a tenth or more of the face is hidden behind another part
    of it (a head turned away) or the surface is folded.
    """
    gap = np.abs(depth_at + landmarks[:, 2] - landmarks[_EYE_CORNERS, 2].mean())
    gap = gap[np.isfinite(gap)]
    if len(gap) < _ENOUGH:
        return NAN
    rank = int(0.9 * len(gap))
    return float(np.partition(gap, rank)[rank] / unit * 100.0)


def sample(picture: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values of a picture (H, W) at the pixels nearest to `points` (n, 2 or more): (n,) values
    and (n,) bool, which points lie in the picture at all."""
    height, width = picture.shape[:2]
    place = np.rint(points[:, :2])  # what is not finite compares false below
    x, y = place[:, 0], place[:, 1]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return picture[np.where(inside, y, 0).astype(int), np.where(inside, x, 0).astype(int)], inside
