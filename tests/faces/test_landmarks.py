"""Landmark schemes and what a flip does to them."""

from __future__ import annotations

import numpy as np
import pytest

from fexdata.faces.canonical import canonical_vertices
from fexdata.faces.landmarks import (
    EYE_CORNERS_478,
    FROM_478_TO_68,
    MIRROR_68,
    MIRROR_478,
    MIRRORS,
    mirrored,
    to_5,
    to_68,
)


def canonical_478() -> np.ndarray:
    """The canonical face with made irises: centre, then right, top, left, bottom of each."""
    rim = np.array([[0, 0, 0], [1, 0, 0], [0, -1, 0], [-1, 0, 0], [0, 1, 0]]) * 0.6
    irises = [rim + np.array([x, -2.6, -3.9]) for x in (-3.2, 3.2)]
    return np.vstack([canonical_vertices(), *irises])


@pytest.mark.parametrize("scheme", MIRRORS)
def test_mirroring_twice_changes_nothing(scheme):
    permutation = MIRRORS[scheme]
    np.testing.assert_array_equal(permutation[permutation], np.arange(len(permutation)))


def test_mirrored_canonical_face_is_the_canonical_face():
    face = canonical_478()
    np.testing.assert_allclose(face[MIRROR_478] * [-1, 1, 1], face, atol=1e-6)


def test_schemes_mirror_alike():
    chosen = np.array(FROM_478_TO_68)
    np.testing.assert_array_equal(MIRROR_478[chosen], chosen[MIRROR_68])
    points = np.random.default_rng(0).normal(size=(478, 3))
    for shorter, permutation in ((to_68, MIRRORS["ibug-68"]), (to_5, MIRRORS["five-points"])):
        there = shorter(mirrored(points, 100, MIRROR_478))
        np.testing.assert_allclose(there, mirrored(shorter(points), 100, permutation), atol=1e-12)


def test_flipped_points_lie_on_the_flipped_pixels():
    picture = np.zeros((4, 10), int)
    picture[2, 7] = 1
    flipped = mirrored(np.array([[7.0, 2.0]]), 10, np.array([0]))[0].astype(int)
    assert picture[:, ::-1][flipped[1], flipped[0]] == 1


def test_the_68_run_in_ibugs_order():
    x, y = to_68(canonical_478())[:, :2].T
    assert (np.diff(x[:17]) > 0).sum() >= 14 and y[:17].argmax() == 8  # jaw: ear, chin, ear
    assert (np.diff(x[17:27]) > 0).all() and (y[17:27] < y[36:48].min()).all()  # brows, left to right
    assert (np.diff(y[27:31]) > 0).all() and (np.diff(x[31:36]) > 0).all()  # nose: down, then across
    for first in (36, 42):  # eyes: corner, upper lid, corner, lower lid
        assert x[first] == x[first : first + 6].min() and x[first + 3] == x[first : first + 6].max()
        assert y[first + 1 : first + 3].max() < y[first + 4 : first + 6].min()
    assert x[48] == x[48:].min() and x[54] == x[48:].max() and y[57] == y[48:].max() and y[51] < y[62] < y[66] < y[57]


def test_jaw_points_are_spread_evenly_enough():
    jaw = to_68(canonical_478())[:17, :2]
    steps = np.linalg.norm(np.diff(jaw, axis=0), axis=1)
    assert steps.max() / steps.min() < 2.5


def test_five_points_are_eyes_nose_mouth_from_left_to_right():
    five = to_5(canonical_478())
    corners = canonical_478()[list(EYE_CORNERS_478)]
    assert corners[0, 0] < five[0, 0] < corners[1, 0] < corners[2, 0] < five[1, 0] < corners[3, 0]
    assert five[2, 2] == canonical_vertices()[:, 2].min() and five[3, 0] < five[4, 0] and five[3, 1] > five[2, 1]


def test_another_number_of_points_is_refused():
    with pytest.raises(ValueError, match=r"expected shape \(478, d\), got \(468, 3\)"):
        to_68(np.zeros((468, 3)))
