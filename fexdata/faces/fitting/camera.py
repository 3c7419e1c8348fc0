"""How the posed model becomes pixels, and a first guess of its pose.

    symbol  shape   unit            meaning
    X       (N, 3)  model's unit    points of the model, head frame
    R       (3, 3)                  rotation of the head (docs/conventions.md)
    s       ()      pixels / unit   scale at the model's origin
    t       (3,)    pixels          where the origin lies; z has no zero of its own
    f, o    ()      pixels          focal length, and the principal point (2,)

Weak perspective: x = s (R X)_xy + t_xy. Perspective, with the origin at distance f / s before the
camera: x - o = (s (R X)_xy + t_xy - o) / (1 + (R X)_z s / f). Multiplied out, the second is the first for
landmarks moved by x' = o + (x - o) (1 + (R X)_z s / f), as in POSIT (DeMenthon and Davis, Model-based
object pose in 25 lines of code, IJCV 15, 1995); so one solver serves both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Perspective:
    """Pinhole cameras, one for all photographs or one each."""

    focal: np.ndarray
    """() or (B,) pixels."""
    centre: np.ndarray
    """(2,) or (B, 2) pixels: the principal point."""


Camera = Perspective | None
"""None is weak perspective."""


def part_of(camera: Camera, part: slice) -> Camera:
    """The cameras of some of the photographs."""
    if camera is None:
        return None
    focal, centre = np.asarray(camera.focal), np.asarray(camera.centre)
    return Perspective(focal[part] if focal.ndim else focal, centre[part] if centre.ndim > 1 else centre)


@dataclass(slots=True, eq=False)
class Poses:
    """Of B photographs."""

    rotation: np.ndarray
    """(B, 3, 3)."""
    scale: np.ndarray
    """(B,) pixels per unit of the model, at its origin."""
    shift: np.ndarray
    """(B, 3) pixels."""


def project(points: np.ndarray, poses: Poses, camera: Camera) -> np.ndarray:
    """Points (B, N, 3) of the model's frame in pixels: (B, N, 3), z in pixels at the origin's scale."""
    turned = points @ poses.rotation.transpose(0, 2, 1)
    flat: np.ndarray = poses.scale[:, None, None] * turned + poses.shift[:, None]
    if camera is not None:
        flat[..., :2] = (flat[..., :2] - _centre(camera)) / _depth_factor(turned, poses, camera) + _centre(camera)
    return flat


def as_if_far(landmarks: np.ndarray, turned: np.ndarray, poses: Poses, camera: Camera) -> np.ndarray:
    """Landmarks (B, N, 3) as weak perspective would show them (x' above); turned: R X (B, N, 3)."""
    if camera is None:
        return landmarks
    moved = landmarks.copy()
    moved[..., :2] = _centre(camera) + (landmarks[..., :2] - _centre(camera)) * _depth_factor(turned, poses, camera)
    return moved


def first_poses(points: np.ndarray, landmarks: np.ndarray, weights: np.ndarray) -> Poses:
    """Poses that lay points (N, 3) on the x and y of landmarks (B, N, 2 or 3): the affine map of least
    squares (weights (N,)), made a scaled rotation (POS, DeMenthon and Davis)."""
    share = weights / weights.sum()
    middle = share @ points
    centred = points - middle
    means = np.einsum("n,bnd->bd", share, landmarks[..., :2])
    covariance = np.einsum("n,bnd,nk->bdk", share, landmarks[..., :2] - means[:, None], centred, optimize=True)
    affine = covariance @ np.linalg.inv((centred * share[:, None]).T @ centred)
    u, sizes, vt = np.linalg.svd(affine, full_matrices=False)
    rows = u @ vt
    rotation = np.concatenate([rows, np.cross(rows[:, 0], rows[:, 1])[:, None]], axis=1)
    scale = sizes.mean(axis=1)
    shift = np.zeros((len(landmarks), 3))
    shift[:, :2] = means
    if landmarks.shape[2] == 3:
        shift[:, 2] = landmarks[..., 2] @ share
    return Poses(rotation, scale, shift - scale[:, None] * (rotation @ middle))


def turns(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices (B, 3, 3) of rotation vectors (B, 3), radians (Rodrigues).

    Not SciPy's, whose import would cost every worker of a build as much as fitting two hundred photographs."""
    angle = np.linalg.norm(vectors, axis=1)[:, None, None]
    cross = -np.cross(vectors[:, None], np.eye(3))  # its rows: of e_i x v, so that cross @ x = v x x
    return np.eye(3) + np.sinc(angle / np.pi) * cross + 0.5 * np.sinc(angle / (2 * np.pi)) ** 2 * (cross @ cross)


def _centre(camera: Perspective) -> np.ndarray:
    return np.atleast_2d(np.asarray(camera.centre, np.float64))[:, None]


def _depth_factor(turned: np.ndarray, poses: Poses, camera: Perspective) -> np.ndarray:
    """(B, N, 1): a point's distance over the origin's."""
    ratio = poses.scale / np.asarray(camera.focal, np.float64)
    return 1.0 + turned[..., 2:] * ratio[:, None, None]
