"""A detector's errors, measured on faces whose landmarks are known.

1. The true landmarks give each face's pose (a fit to exact points); detected less true landmarks, turned
   back into the head's frame, are the errors. What a small rigid motion or a change of size explains is
   taken out of each: a fit finds the pose itself.
2. Errors are regressed on the main components of the true displacements from the mean face, with a ridge:
   the slope is `response`, the constant `offset`.
3. Main components of what is left are `modes`; the rest is `noise`.
"""

from __future__ import annotations

import numpy as np

from fexdata.faces.fitting.camera import Perspective
from fexdata.faces.fitting.detectors import Detector, exact
from fexdata.faces.fitting.fit import fit
from fexdata.faces.models.face_model import FaceModel

COMPONENTS, RIDGE = 60, 3000.0
"""Of the displacements; and of the regression, squared millimetres over all landmarks and faces."""
MODES = 30
DEPTH_SHARE = 0.3
"""By which z counts less than x and y where components of errors are looked for."""
CAUTION = 1.2
"""The same faces taught `response` and tell what it leaves, so what is left is larger for others."""
DEPTH_CAUTION = 2.0
"""Errors of z go together over the whole face, more than the modes can say."""
LEAST_NOISE = 0.8
"""Millimetres: no landmark of a new face is trusted further, however well those of the calibration were told."""


def face_errors(
    model: FaceModel, detected: np.ndarray, true: np.ndarray, camera: Perspective
) -> tuple[np.ndarray, np.ndarray]:
    """Errors (B, N, 3) of detected landmarks and the true displacements (B, N, 3) from the model's mean
    face, both in the head's frame and unit. detected, true: (B, N, 3) pixels, N = 468."""
    found = fit(model, true[..., :2], detector=exact(true.shape[1]), camera=camera)
    apart = detected - true
    apart[..., 2] -= apart[..., 2].mean(axis=1, keepdims=True)
    errors = (apart @ found.poses.rotation) / found.poses.scale[:, None, None]
    # Exact points: what the fit's own unknowns say is the face itself.
    displacement = found.problem.points(found.solution.unknowns) - found.problem.mean
    return errors, displacement


def calibrated(mean: np.ndarray, errors: np.ndarray, displacements: np.ndarray) -> Detector:
    """The detector behind errors (B, N, 3) of faces that lie `displacements` (B, N, 3) from `mean` (N, 3), mm."""
    count, points = errors.shape[:2]
    flat = without_pose(displacements, mean, 1.0).reshape(count, -1)
    _, _, directions = np.linalg.svd(flat, full_matrices=False)
    shown = directions[:COMPONENTS]
    scores = np.concatenate([flat @ shown.T, np.ones((count, 1))], axis=1)
    ridge = np.diag([*np.full(len(shown), RIDGE), 0.0])
    aim = without_pose(errors, mean, DEPTH_SHARE).reshape(count, -1)
    slope = np.linalg.solve(scores.T @ scores + ridge, scores.T @ aim)
    # The offset keeps its rigid part: a detector that sees all faces pitched does so here, too.
    offset = errors.reshape(count, -1).mean(axis=0) - scores[:, :-1].mean(axis=0) @ slope[:-1]
    left = CAUTION * (aim - scores @ slope).reshape(errors.shape)
    axes = np.array([1.0, 1.0, DEPTH_SHARE])
    u, size, v = np.linalg.svd((left * axes).reshape(count, -1), full_matrices=False)
    found = min(MODES, count)
    modes = (size[:found, None] * v[:found] / np.sqrt(count)).reshape(found, points, 3) / axes
    rest = left - np.tensordot(u[:, :found] * np.sqrt(count), modes, axes=1)
    noise = np.sqrt(np.square(rest[..., :2]).mean(axis=(0, 2)))
    depth = float(np.sqrt(np.square(rest[..., 2]).mean()) / noise.mean())
    return Detector(
        "calibrated", offset.reshape(points, 3), modes, np.maximum(noise, LEAST_NOISE), DEPTH_CAUTION * depth,
        shown.reshape(-1, points, 3), slope[:-1].reshape(-1, points, 3),
    )  # fmt: skip


def without_pose(fields: np.ndarray, mean: np.ndarray, depth: float) -> np.ndarray:
    """Fields (B, N, 3) less the small shift, turn and scaling of points (N, 3) that explain most of each;
    depth: by how much less z counts there."""
    centred = mean - mean.mean(axis=0)
    axes = np.eye(3)[:, None]
    rigid = np.concatenate([np.broadcast_to(axes, (3, *mean.shape)), np.cross(axes, centred[None]), centred[None]])
    share = np.array([1.0, 1.0, depth])
    basis, _ = np.linalg.qr((rigid * share).reshape(len(rigid), -1).T)
    flat = (fields * share).reshape(len(fields), -1)
    result: np.ndarray = (flat - (flat @ basis) @ basis.T).reshape(fields.shape) / share
    return result
