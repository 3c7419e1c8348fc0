"""Measurements on points: closed forms, and the same for a mirrored face."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fexdata.faces import quality_geometry as geometry
from fexdata.faces.landmarks import EYE_CORNERS_478, MIRROR_68, MIRROR_478, mirrored, to_68


@pytest.fixture(scope="module")
def landmarks() -> np.ndarray:
    """478 points of a made-up face in a crop of 256, 80 px between the eyes, deepest at the rim."""
    rng = np.random.default_rng(0)
    points = rng.uniform(60, 196, (478, 3))
    points[list(EYE_CORNERS_478)] = [[68, 110, 3], [108, 110, 1], [148, 110, 1], [188, 110, 3]]
    points[:, 2] = (points[:, 0] - 128) ** 2 / 400 - 5
    points[list(EYE_CORNERS_478), 2] = [3, 1, 1, 3]
    return points


def test_interocular_distance_does_not_shrink_when_the_head_turns(landmarks):
    turn = math.radians(50)
    rotation = np.array([[math.cos(turn), 0, math.sin(turn)], [0, 1, 0], [-math.sin(turn), 0, math.cos(turn)]])
    assert geometry.interocular(landmarks) == pytest.approx(80)
    assert geometry.interocular(landmarks @ rotation.T) == pytest.approx(80)
    assert math.isnan(geometry.interocular(np.zeros((478, 3))))


def test_size_is_that_in_the_photograph_whatever_the_crops_rotation_and_scale():
    turn, scale = math.radians(25), 0.4
    matrix = scale * np.array([[math.cos(turn), -math.sin(turn), 9], [math.sin(turn), math.cos(turn), 5]])
    assert geometry.size_in_photograph(80.0, matrix.ravel()) == pytest.approx(200.0)
    assert math.isnan(geometry.size_in_photograph(80.0, np.zeros(6)))


@pytest.mark.parametrize(
    ("yaw", "pitch", "angle"),
    [(0, 0, 0), (-45, 0, 45), (0, 30, 30), (60, 60, 75.522), (90, 10, 90), (math.nan, 0, math.nan)],
)
def test_pose_angle_is_that_between_face_and_viewer(yaw, pitch, angle):
    assert geometry.pose_angle(yaw, pitch) == pytest.approx(angle, abs=1e-3, nan_ok=True)


def test_gaps_are_zero_for_a_mesh_that_is_its_own_landmarks(landmarks):
    points = to_68(landmarks)[:, :2]
    assert [gap(points, points, 80.0) for gap in (geometry.landmark_gap, geometry.lip_gap, geometry.lid_gap)] == [
        0,
        0,
        0,
    ]


def test_gaps_measure_what_was_moved(landmarks):
    points = to_68(landmarks)[:, :2]
    mesh = points + np.array([3.0, 4.0])
    assert geometry.landmark_gap(points, mesh, 80.0) == pytest.approx(6.25)
    assert geometry.lip_gap(points, mesh, 80.0) == pytest.approx(0, abs=1e-9)
    points[[61, 62, 63]], points[[67, 66, 65]] = (
        [[100.0, 150], [110, 150], [120, 150]],
        [[100.0, 160], [110, 162], [120, 160]],
    )
    points[[43, 44]], points[[47, 46]] = [[150.0, 100], [160, 100]], [[150.0, 108], [160, 108]]
    mesh = points.copy()
    mesh[65:68, 1] += 8.0
    mesh[[46, 47], 1] -= 6.0
    assert geometry.lip_gap(points, mesh, 80.0) == pytest.approx(10.0)
    assert geometry.lid_gap(points, mesh, 80.0) == pytest.approx(7.5)


def test_depth_gap_ignores_a_few_hidden_landmarks_and_sees_a_hidden_side(landmarks):
    depth = 2.0 - landmarks[:, 2]  # the eye corners' mean is the zero of both
    assert geometry.depth_gap(landmarks, depth, 80.0) == pytest.approx(0, abs=1e-9)
    few, side = depth.copy(), depth.copy()
    few[10:40] += 24.0
    side[100:200] += 24.0
    assert geometry.depth_gap(landmarks, few, 80.0) < 1.0
    assert geometry.depth_gap(landmarks, side, 80.0) == pytest.approx(30.0, abs=0.1)
    assert math.isnan(geometry.depth_gap(landmarks, np.full(478, np.nan), 80.0))


def test_sample_takes_the_nearest_pixel_and_knows_the_border():
    picture = np.arange(12).reshape(3, 4)
    points = np.array([[0.4, 0.4], [1.6, 1.4], [3.4, 2.4], [3.6, 1.0], [-0.6, 0.0], [np.nan, 1.0], [1.0, np.inf]])
    values, inside = geometry.sample(picture, points)
    assert inside.tolist() == [True, True, True, False, False, False, False]
    assert values[:3].tolist() == [0, 6, 11]


def test_a_mirrored_face_measures_the_same(landmarks):
    rng = np.random.default_rng(1)
    points, mesh = to_68(landmarks)[:, :2], to_68(landmarks)[:, :2] + rng.normal(0, 3, (68, 2))
    depth = rng.normal(0, 5, 478) - landmarks[:, 2]
    flipped = mirrored(landmarks, 256, MIRROR_478)
    flat = mirrored(points, 256, MIRROR_68), mirrored(mesh, 256, MIRROR_68)
    for gap in (geometry.landmark_gap, geometry.lip_gap, geometry.lid_gap):
        assert gap(*flat, 80.0) == pytest.approx(gap(points, mesh, 80.0)) and gap(*flat, 80.0) > 0.1
    assert geometry.interocular(flipped) == pytest.approx(geometry.interocular(landmarks))
    assert geometry.depth_gap(flipped, depth[MIRROR_478], 80.0) == pytest.approx(
        geometry.depth_gap(landmarks, depth, 80.0)
    )
