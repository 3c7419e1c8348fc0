"""Fitting a face model to the landmarks of photographs: pose, identity, expression, and how sure of each.

    found = fit(model, landmarks)                       # (B, 68 or 478, 2 or 3) pixels
    found.expression, found.confidence, found.residual

All photographs of a batch are solved together (`solver`); a photograph's result does not depend on
which others are in the batch, unless `groups` says that they show the same person.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.fitting import solver
from fexdata.faces.fitting.camera import Camera, Poses, project
from fexdata.faces.fitting.detectors import Detector, unknown
from fexdata.faces.fitting.fields import PointFields, point_fields
from fexdata.faces.fitting.priors import Prior, prior_of
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.models.landmark_completion import completed

SKIN_478 = 468
"""Of MediaPipe's 478 the last ten are on the irises, which turn with the gaze: no face model fits them."""

KNOWN = 0.1
"""Standard deviations by which an identity found from other photographs may be off."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Of B photographs."""

    poses: Poses
    camera: Camera
    identity: np.ndarray
    """(B, K) float64 standard deviations."""
    expression: np.ndarray
    """(B, E) float64; NaN for what the landmarks cannot see."""
    confidence: np.ndarray
    """(B, E): the share of the prior's variance that the landmarks took away, 0 (nothing was learnt) to
    1; NaN as in `expression`."""
    residuals: np.ndarray
    """(B, N) pixels in the picture between each landmark and the model's."""
    residual: np.ndarray
    """(B,) root of their mean square over the landmarks' own bounding box's diagonal."""
    solution: solver.Solution
    problem: PointFields

    def vertices(self, model: FaceModel, numbers: slice = slice(None)) -> np.ndarray:
        """(B, V, 3) pixels: the model's vertices of these numbers, posed; z grows away from the viewer, with
        no zero of its own."""
        known = self.solution.unknowns[:, self.problem.expressions]
        shapes = model.mean[numbers] + np.tensordot(self.identity, model.identity_basis[:, numbers], axes=1)
        shapes = shapes + np.tensordot(known, model.expression_basis[:, numbers], axes=1)
        return project(shapes, self.poses, self.camera)


def fit(
    model: FaceModel,
    landmarks: np.ndarray,
    *,
    detector: Detector | None = None,
    camera: Camera = None,
    prior: Prior | None = None,
    groups: np.ndarray | None = None,
    identity: np.ndarray | None = None,
) -> Fit:
    """The most likely face behind each photograph's landmarks.

    landmarks: (B, 68, 2 or 3) in iBUG's scheme or (B, 468 or 478, 2 or 3) in MediaPipe's, pixels of
    any picture, pixel centres at integers. detector: whose landmarks they are; None: of one of which
    nothing is known, x and y count; `outline.outlined` where the jaw line is the picture's outline.
    camera: None is weak perspective. prior: None is `prior_of(model)`.
    groups: (B,) numbers from 0; photographs of one number share their identity.
    identity: (B, K) standard deviations, known from elsewhere up to `KNOWN`; NaN for a face of which it is not.
    Raises `FexdataError` for landmarks that the model does not have, and for landmarks that are not finite.
    """
    points = skin_points(landmarks)
    problem = prepared(model, points.shape[1], detector, prior)
    if groups is None and identity is None:
        solution = solver.solve(problem, points, camera=camera)
    else:
        pull = None if identity is None else _towards(problem, identity)
        schedule = solver.schedule_of(problem, camera)
        solution = solver.descend(problem, points, schedule, camera=camera, groups=groups, pull=pull)
    return finished(model, problem, points, solution, camera)


def _towards(problem: PointFields, identity: np.ndarray) -> solver.Pull:
    """What known identities (B, K) say of the unknowns."""
    known = np.isfinite(identity).all(axis=1)
    expected = np.zeros((len(identity), len(problem.fields)))
    precision = np.zeros_like(expected)
    expected[known, : problem.identities] = identity[known] @ np.linalg.pinv(problem.identity_turn).T
    precision[known, : problem.identities] = KNOWN**-2
    return solver.Pull(expected, precision)


def prepared(model: FaceModel, count: int, detector: Detector | None = None, prior: Prior | None = None) -> PointFields:
    """What fits of `count` (68 or 468) landmarks of a detector need; kept for the next call with the same
    objects. None: as in `fit`."""
    return _prepared(model, count, detector or _unknown(count), prior)


@functools.lru_cache(maxsize=2)
def _unknown(count: int) -> Detector:
    return unknown(count)


@functools.lru_cache(maxsize=8)
def _prepared(model: FaceModel, count: int, detector: Detector, prior: Prior | None) -> PointFields:
    embedding = model.landmarks_478
    if count == 68:
        embedding = completed(model).landmarks_68 if model.landmarks_68 is not None else None
    if embedding is None:
        raise FexdataError(f"model {model.name} has no places for {count} landmarks; fit 68, or use `on_our_head`")
    marks = np.stack([embedding.vertices[:count], embedding.weights[:count]]).astype(np.float64)
    return point_fields(model, detector, prior or prior_of(model), marks)


def on_our_head(model: FaceModel) -> FaceModel:
    """The model, where it has MediaPipe's points; else carried over to the embedded head, which has them
    (`transfer.transferred`: the same coefficients)."""
    if model.landmarks_478 is not None:
        return model
    return _on_our_head(model)


@functools.lru_cache(maxsize=2)
def _on_our_head(model: FaceModel) -> FaceModel:
    from fexdata.faces.models.transfer import transferred

    return transferred(model)


def finished(
    model: FaceModel, problem: PointFields, points: np.ndarray, solution: solver.Solution, camera: Camera
) -> Fit:
    """A solution in the model's own coefficients."""
    unknowns, middle = solution.unknowns, problem.expressions
    expression = np.full((len(points), len(model.expression_names)), np.nan)
    confidence = np.full_like(expression, np.nan)
    expression[:, problem.seen] = unknowns[:, middle][:, problem.seen]
    variance = np.einsum("baa->ba", solver.posterior(solution))
    left = variance / problem.variance[middle]
    confidence[:, problem.seen] = np.clip(1.0 - left[:, problem.seen], 0.0, 1.0)
    apart = np.linalg.norm(solution.residual[..., :2], axis=2)
    extent = np.linalg.norm(np.ptp(points[..., :2], axis=1), axis=1)
    return Fit(
        poses=solution.poses, camera=camera, identity=unknowns[:, : problem.identities] @ problem.identity_turn.T,
        expression=expression, confidence=confidence, residuals=apart,
        residual=np.sqrt(np.square(apart).mean(axis=1)) / extent, solution=solution, problem=problem,
    )  # fmt: skip


def skin_points(landmarks: np.ndarray) -> np.ndarray:
    """(B, 68 or 468, 3) float64: the landmarks of the skin, z 0 where there is none. Raises `FexdataError`
    for other shapes and for numbers that are not finite."""
    points = np.asarray(landmarks, np.float64)
    if points.ndim != 3 or points.shape[1] not in (68, SKIN_478, 478) or points.shape[2] not in (2, 3):
        raise FexdataError(f"landmarks: expected (B, 68 or 478, 2 or 3), got {points.shape}")
    if not np.isfinite(points).all():
        raise FexdataError("landmarks: some are not finite; leave those photographs out")
    if points.shape[1] == 478:
        points = points[:, :SKIN_478]
    if points.shape[2] == 2:
        points = np.concatenate([points, np.zeros((*points.shape[:2], 1))], axis=2)
    return points
