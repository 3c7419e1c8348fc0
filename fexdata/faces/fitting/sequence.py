"""Frames of one film: one identity for all, and an expression that changes smoothly.

A random walk joins neighbouring frames' expressions: e_t - e_{t-1} ~ N(0, (step sigma)^2). Each round solves all
frames together, every frame's prior being pulled to the mean of its neighbours of the round before
(block-Jacobi on the walk's tridiagonal precision), until nothing moves.
"""

from __future__ import annotations

import numpy as np

from fexdata.faces.fitting import solver
from fexdata.faces.fitting.camera import Camera
from fexdata.faces.fitting.detectors import Detector
from fexdata.faces.fitting.fields import PointFields
from fexdata.faces.fitting.fit import Fit, finished, prepared, skin_points
from fexdata.faces.fitting.priors import Prior
from fexdata.faces.models.face_model import FaceModel

STEP = 0.3
"""Standard deviation of a coefficient's change from frame to frame, in its prior's."""
ROUNDS = 8
AGAIN = solver.Schedule(2, 2, ())
"""Steps of each round but the first."""


def fit_sequence(
    model: FaceModel,
    landmarks: np.ndarray,
    *,
    detector: Detector | None = None,
    camera: Camera = None,
    prior: Prior | None = None,
) -> Fit:
    """As `fit`, of the T frames of one person in their order: landmarks (T, 68 or 478, 2 or 3)."""
    points = skin_points(landmarks)
    problem = prepared(model, points.shape[1], detector, prior)
    one_person = np.zeros(len(points), np.int64)
    solution = solver.descend(problem, points, solver.schedule_of(problem, camera), camera=camera, groups=one_person)
    for _ in range(ROUNDS):
        pull = _towards_neighbours(problem, solution.unknowns)
        solution = solver.descend(problem, points, AGAIN, camera=camera, groups=one_person, start=solution, pull=pull)
    return finished(model, problem, points, solution, camera)


def _towards_neighbours(problem: PointFields, unknowns: np.ndarray) -> solver.Pull:
    """What the walk says of each frame, given the frames before and after."""
    walk = 1.0 / (STEP**2 * problem.variance[problem.expressions])
    expected, precision = np.zeros_like(unknowns), np.zeros_like(unknowns)
    known = unknowns[:, problem.expressions]
    total, neighbours = np.zeros_like(known), np.zeros((len(known), 1))
    total[1:] += known[:-1]
    total[:-1] += known[1:]
    neighbours[1:] += 1
    neighbours[:-1] += 1
    expected[:, problem.expressions] = total / np.maximum(neighbours, 1)
    precision[:, problem.expressions] = walk * neighbours
    return solver.Pull(expected, precision)
