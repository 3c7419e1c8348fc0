"""How the head is turned: the rotation that brings the canonical face onto the landmarks.

In the design's frame (x right, y down, z away from the viewer) R = Rz(roll) Ry(yaw) Rx(pitch), in
degrees. As the viewer sees the picture: with yaw > 0 the nose points to the left, with pitch > 0
down, and with roll > 0 the head leans clockwise. A flip negates yaw and roll. Zero is MediaPipe's
canonical face seen from the front.

Weighted orthogonal Procrustes (Umeyama 1991, IEEE TPAMI 13(4); weights go into the means and the
covariance): minimise over s, R, t the sum over vertices i of w_i |s R c_i + t - l_i|^2.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from fexdata.errors import Code, RowError
from fexdata.faces.canonical import canonical_vertices


class Pose(NamedTuple):
    """Degrees; see the module for the signs. yaw is within 90, pitch and roll within 180."""

    yaw: float
    pitch: float
    roll: float


def pose(landmarks: np.ndarray) -> Pose:
    """The head's turn from (478 or 468, 3) landmarks, z in the same unit as x and y.

    Raises `RowError` (poor_fit) when the landmarks have no extent.
    """
    return angles(head_rotation(landmarks))


def head_rotation(landmarks: np.ndarray) -> np.ndarray:
    """(3, 3): turns the canonical face as the head is turned. A proper rotation, always."""
    canonical, weights = _weighted_canonical()
    points = landmarks[: len(canonical)].astype(np.float64)
    covariance = (points - weights @ points).T @ canonical
    u, strengths, vt = np.linalg.svd(covariance)
    if not strengths[1] > 1e-9:
        raise RowError(Code.POOR_FIT, "the landmarks have no extent")
    # Where the best orthogonal matrix is a reflection, the weakest axis is turned round, not all.
    sign = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    return u @ np.diag([1.0, 1.0, sign]) @ vt


def angles(rotation: np.ndarray) -> Pose:
    """(3, 3) rotation to the angles of R = Rz(roll) Ry(yaw) Rx(pitch)."""
    yaw = math.asin(max(-1.0, min(1.0, -float(rotation[2, 0]))))
    pitch = math.atan2(rotation[2, 1], rotation[2, 2])
    roll = math.atan2(rotation[1, 0], rotation[0, 0])
    return Pose(math.degrees(yaw), math.degrees(pitch), math.degrees(roll))


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Degrees to the (3, 3) matrix Rz(roll) Ry(yaw) Rx(pitch), which acts on column vectors."""
    (cy, sy), (cx, sx), (cz, sz) = ((math.cos(a), math.sin(a)) for a in np.radians([yaw, pitch, roll]))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


@functools.cache
def _weighted_canonical() -> tuple[np.ndarray, np.ndarray]:
    """Canonical vertices (468, 3), centred and multiplied by their weights, and the weights (468,).

    What speech and expression move least (forehead, nose, temples, cheekbones) turns the head;
    everything below the nose weighs a tenth, or an open mouth would read as a raised chin.
    """
    vertices = canonical_vertices().astype(np.float64)
    below_nose = vertices[:, 1] > vertices[2, 1]  # vertex 2 is where the nose meets the lip
    weights = np.where(below_nose, 0.1, 1.0)
    weights /= weights.sum()
    return (vertices - weights @ vertices) * weights[:, None], weights
