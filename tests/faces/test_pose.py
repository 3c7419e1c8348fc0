"""Head pose: signs, exactness on made faces, and what real photographs must agree on."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fexdata.errors import Code, RowError
from fexdata.faces.canonical import canonical_vertices
from fexdata.faces.detection import FaceFinder
from fexdata.faces.pose import angles, head_rotation, pose, rotation

ANGLE = st.floats(-85, 85)


@functools.cache
def finder() -> FaceFinder:
    return FaceFinder()


def photograph(name: str) -> np.ndarray:
    (folder,) = importlib.util.find_spec("feat").submodule_search_locations
    return cv2.imread(str(Path(folder, "tests", "data", name)), cv2.IMREAD_COLOR_RGB)


def face(yaw: float, pitch: float, roll: float, *, scale: float = 12.0) -> np.ndarray:
    return scale * canonical_vertices() @ rotation(yaw, pitch, roll).T + [120, 90, 5]


@settings(max_examples=60, deadline=None)
@given(ANGLE, st.floats(-170, 170), st.floats(-170, 170))
def test_angles_of_a_made_face_come_back(yaw, pitch, roll):
    np.testing.assert_allclose(pose(face(yaw, pitch, roll)), (yaw, pitch, roll), atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(ANGLE, ANGLE, ANGLE)
def test_a_flip_negates_yaw_and_roll(yaw, pitch, roll):
    flip = np.diag([-1.0, 1.0, 1.0])
    np.testing.assert_allclose(angles(flip @ rotation(yaw, pitch, roll) @ flip), (-yaw, pitch, -roll), atol=1e-9)


def test_each_sign_moves_the_nose_as_documented():
    def nose(**turn):
        return face(**{"yaw": 0, "pitch": 0, "roll": 0, **turn})[4] - face(0, 0, 0)[4]

    assert nose(yaw=20)[0] < -10  # to the viewer's left
    assert nose(pitch=20)[1] > 10  # down
    brow = face(0, 0, 20)[10] - face(0, 0, 0)[10]
    assert brow[0] > 10  # clockwise: the forehead goes right


def test_an_open_mouth_is_not_a_raised_chin():
    opened = face(0, 0, 0)
    below_lips = canonical_vertices()[:, 1] > 4.4
    opened[below_lips, 1] += 2.5 * 12
    assert abs(pose(opened).pitch) < 1.5


def test_noise_and_flat_faces_still_give_a_proper_rotation():
    rng = np.random.default_rng(0)
    for flatness in (1.0, 0.1, 0.0):
        noisy = (face(10, -5, 3) + rng.normal(0, 1.0, (468, 3))) * [1, 1, flatness]
        found = head_rotation(noisy)
        assert np.linalg.det(found) == pytest.approx(1) and angles(found).roll == pytest.approx(3, abs=2)


def test_landmarks_without_extent_are_a_poor_fit():
    with pytest.raises(RowError) as caught:
        pose(np.ones((478, 3)))
    assert caught.value.code == Code.POOR_FIT


@pytest.mark.parametrize("name", ["15-f13-anc-ph.jpg", "45-m7-di-ph.jpg", "single_face.jpg"])
def test_flipping_a_photograph_negates_yaw_and_roll(name):
    picture = photograph(name)
    there, flipped = (pose(finder().find(p, faces="largest")[0].landmarks) for p in (picture, picture[:, ::-1]))
    np.testing.assert_allclose(flipped, (-there.yaw, there.pitch, -there.roll), atol=6)
    assert abs(there.yaw) > 5  # the comparison would say nothing of a frontal face


def test_the_head_turned_45_degrees_to_the_left_has_that_yaw():
    found = pose(finder().find(photograph("45-m7-di-ph.jpg"), faces="largest")[0].landmarks)
    assert 33 < found.yaw < 50 and abs(found.roll) < 6


@pytest.mark.parametrize("turn", [-30, 30])
def test_turning_the_photograph_clockwise_adds_to_roll(turn):
    picture = photograph("single_face.jpg")
    height, width = picture.shape[:2]
    # OpenCV's angle is anticlockwise.
    turned = cv2.warpAffine(picture, cv2.getRotationMatrix2D((width / 2, height / 2), -turn, 1), (width, height))
    rolls = [pose(finder().find(p, faces="largest")[0].landmarks).roll for p in (picture, turned)]
    assert rolls[1] - rolls[0] == pytest.approx(turn, abs=3)
