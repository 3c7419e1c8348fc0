"""The solver's parts against slow and obvious ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import lsq_linear
from scipy.spatial.transform import Rotation

from fexdata.faces.fitting import detectors, solver
from fexdata.faces.fitting.boxes import solve_boxes
from fexdata.faces.fitting.calibration import calibrated, without_pose
from fexdata.faces.fitting.camera import Poses, turns
from fexdata.faces.fitting.curvature import blocks
from fexdata.faces.fitting.detectors import Detector, unknown
from fexdata.faces.fitting.fields import POSE
from fexdata.faces.fitting.fit import prepared
from fexdata.faces.models.default import default_model
from fexdata.faces.pose import rotation


def test_the_hessian_is_that_of_differences() -> None:
    rng = np.random.default_rng(0)
    detector = replace(unknown(68), noise=rng.uniform(0.5, 2, 68), depth_noise=1.7)
    problem = prepared(default_model(), 68, detector)
    unknowns = 0.3 * rng.standard_normal((1, len(problem.fields)))
    poses = Poses(rotation(20, 10, -30)[None], np.array([1.3]), np.array([[5.0, 6.0, 7.0]]))
    size = np.sqrt(problem.weight)[:, None] * np.sqrt([1, 1, problem.depth_weight])

    def shown(step: np.ndarray) -> np.ndarray:
        moved = solver._moved(poses, step[None, :POSE])
        points = problem.points(unknowns + step[POSE:]) @ moved.rotation.transpose(0, 2, 1)
        flat = moved.scale[:, None, None] * points + moved.shift[:, None]
        return np.asarray(flat[0] / poses.scale[0] * size).ravel()

    steps = np.eye(POSE + len(problem.fields)) * 1e-5
    jacobian = np.stack([(shown(step) - shown(-step)) / 2e-5 for step in steps], axis=1)
    expected = jacobian.T @ jacobian
    parts = blocks(problem, unknowns, poses.rotation, np.ones(1))
    found = np.block([[parts.near[0], parts.across[0]], [parts.across[0].T, parts.own[0]]])
    found[POSE:, POSE:] -= problem.precision
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_bounded_problems_are_solved_as_scipy_solves_them() -> None:
    rng = np.random.default_rng(1)
    factors = rng.standard_normal((20, 30, 12))
    aim = rng.standard_normal((20, 30))
    low, high = np.full((20, 12), -0.1), np.full((20, 12), 0.15)
    found = solve_boxes(factors.transpose(0, 2, 1) @ factors, np.einsum("bij,bi->bj", factors, aim), low, high)
    expected = [lsq_linear(f, a, (-0.1, 0.15), tol=1e-14).x for f, a in zip(factors, aim, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (found == 0.15).any()


def test_calibration_finds_offset_and_a_movement_seen_by_half() -> None:
    rng = np.random.default_rng(2)
    mean = default_model().mean[:468].astype(np.float64)
    field = without_pose(default_model().expression_basis[:1, :468].astype(np.float64), mean, 1.0)
    offset = without_pose(rng.standard_normal((1, 468, 3)), mean, 1.0)[0]
    amount = rng.standard_normal((400, 1, 1)) * 3
    errors = offset - 0.5 * amount * field + rng.normal(0, 0.3, (400, 468, 3))
    found = calibrated(mean, errors, amount * field)
    np.testing.assert_allclose(found.offset, offset, atol=0.15)
    seen = found.sees(field)
    assert 0.45 < float((seen * field).sum() / (field * field).sum()) < 0.65


def test_a_detector_is_read_as_it_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    offset, modes, shown, response = (rng.standard_normal((count, 9, 3)) for count in (1, 2, 4, 4))
    made = Detector("mediapipe", offset[0], modes, np.ones(9), 2.0, shown, response)
    detectors.save(made, tmp_path / "one.npz")
    read = detectors.load(tmp_path / "one.npz")
    for name in ("offset", "modes", "noise", "shown", "response"):
        np.testing.assert_allclose(getattr(read, name), getattr(made, name), atol=2e-3)
    assert (read.depth_noise, read.name) == (2.0, "mediapipe")


def test_mediapipes_errors_are_millimetres_and_seen_movements_the_face_s() -> None:
    for model in detectors.CALIBRATED:
        found = detectors.mediapipe(model)
        assert 0.1 < np.abs(found.offset).mean() < 4
        fields = default_model().expression_basis[:, :468].astype(np.float64)
        alike = (found.sees(fields) * fields).sum(axis=(1, 2)) / np.square(fields).sum(axis=(1, 2))
        assert 0.4 < np.median(alike) < 1.1


def test_turns_are_rotations_about_the_vectors() -> None:
    vectors = np.random.default_rng(3).normal(size=(20, 3))
    vectors[0], vectors[1] = 0.0, vectors[1] * 1e-9
    np.testing.assert_allclose(turns(vectors), Rotation.from_rotvec(vectors).as_matrix(), atol=1e-14)
