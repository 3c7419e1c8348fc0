"""Templates, transforms and the warp."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fexdata.errors import Code, RowError
from fexdata.faces import alignment
from fexdata.faces.alignment import TEMPLATES, apply, crop_matrix, inside_fraction, inverse, similarity, template, warp
from fexdata.faces.canonical import canonical_vertices
from fexdata.faces.landmarks import MIRROR_478, mirrored, to_5, to_68


def turned(degrees: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    c, s = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


def landmarks(matrix: np.ndarray) -> np.ndarray:
    """A frontal face in a photograph: the canonical one, irises left at the eyes' middle."""
    face = np.vstack([canonical_vertices(), np.tile([[0.0, -2.6, -3.9]], (10, 1))])
    return apply(matrix, face)


@functools.cache
def astronaut() -> np.ndarray:
    import skimage.data

    return skimage.data.astronaut()


SIMILAR = st.builds(
    turned, st.floats(-180, 180), st.floats(0.05, 20), st.tuples(st.floats(-500, 500), st.floats(-500, 500))
)


@settings(max_examples=60, deadline=None)
@given(SIMILAR)
def test_similarity_finds_the_transform_that_was_applied(matrix):
    points = np.random.default_rng(0).normal(size=(5, 2)) * 10
    np.testing.assert_allclose(similarity(points, apply(matrix, points)), matrix, atol=1e-6)


def test_similarity_of_noisy_points_cannot_be_improved():
    rng = np.random.default_rng(1)
    source = rng.normal(size=(5, 2)) * 10
    target = apply(turned(30, 2, (5, 5)), source) + rng.normal(size=(5, 2)) * 3
    best = similarity(source, target)

    def error(matrix):
        return float(((apply(matrix, source) - target) ** 2).sum())

    for _ in range(200):
        a, b, x, y = rng.normal(size=4) * [0.01, 0.01, 0.1, 0.1]
        assert error(best + np.array([[a, -b, x], [b, a, y]])) > error(best)


def test_mirrored_points_are_never_met_by_a_reflection():
    source = np.random.default_rng(2).normal(size=(68, 2))
    assert np.linalg.det(similarity(source, source * [-1, 1])[:, :2]) >= 0


@pytest.mark.parametrize("name", ["five_point", "reference_68", "inner_eyes_bottom_lip"])
@pytest.mark.parametrize("points", [np.full((478, 3), 7.0), np.zeros((478, 3))])
def test_landmarks_on_one_spot_are_a_poor_fit(name, points):
    with pytest.raises(RowError) as caught:
        crop_matrix(points, template(name), 64)
    assert caught.value.code == Code.POOR_FIT


def test_landmarks_on_one_line_are_a_poor_fit_for_the_affine_template():
    line = np.column_stack([np.arange(478.0), 2 * np.arange(478.0), np.zeros(478)])
    with pytest.raises(RowError, match="on one line"):
        crop_matrix(line, template("inner_eyes_bottom_lip"), 64)


def test_three_points_meet_openfaces_places_exactly_at_64_and_scale_with_the_crop():
    face = landmarks(turned(17, 9, (80, 90)))
    three = to_68(apply(crop_matrix(face, template("inner_eyes_bottom_lip"), 64), face))[[39, 42, 57], :2]
    np.testing.assert_allclose(three, [[23.28, 11.39], [39.61, 11.06], [32.01, 48.04]], atol=1e-6)
    larger = to_68(apply(crop_matrix(face, template("inner_eyes_bottom_lip"), 128), face))[[39, 42, 57], :2]
    np.testing.assert_allclose(larger, (three + 0.5) * 2 - 0.5, atol=1e-6)


@pytest.mark.parametrize("name", ["five_point", "reference_68"])
def test_the_whole_face_is_inside_the_crop_and_upright(name):
    face = landmarks(turned(-25, 30, (700, 400)))
    size = template(name).size
    crop = apply(crop_matrix(face, template(name), size), face)
    assert crop[:, :2].min() > 0.08 * size and crop[:, :2].max() < 0.92 * size
    eyes = to_5(crop)[:2]
    assert abs(eyes[0, 1] - eyes[1, 1]) < 0.01 * size and np.ptp(crop[:, 1]) > 0.55 * size


@pytest.mark.parametrize("name", ["five_point", "reference_68"])
def test_the_crop_of_a_flipped_photograph_is_the_flipped_crop(name):
    photo, size = astronaut(), 96
    face = landmarks(turned(11, 7, (225, 120)))
    crop = warp(photo, crop_matrix(face, template(name), size), size).astype(float)
    flipped_face = mirrored(face, photo.shape[1], MIRROR_478)
    flipped = warp(photo[:, ::-1], crop_matrix(flipped_face, template(name), size), size).astype(float)
    assert np.abs(crop - flipped[:, ::-1]).mean() < 1.0 < np.abs(crop - flipped).mean()


def test_z_is_scaled_as_x_and_y_are():
    points = np.array([[1.0, 2, 3]])
    assert apply(turned(40, 2, (0, 0)), points)[0, 2] == pytest.approx(6)
    assert apply(np.array([[4.0, 0, 0], [0, 1, 0]]), points)[0, 2] == pytest.approx(6)


@settings(max_examples=40, deadline=None)
@given(SIMILAR)
def test_the_inverse_undoes_the_matrix(matrix):
    points = np.array([[0.0, 0, 1], [30, -4, 2]])
    np.testing.assert_allclose(apply(inverse(matrix), apply(matrix, points)), points, atol=1e-6)


def test_inside_fraction_of_simple_crops():
    assert inside_fraction(turned(0, 1, (0, 0)), 10, 10, 10) == pytest.approx(1)
    assert inside_fraction(turned(0, 1, (5, 0)), 10, 10, 10) == pytest.approx(0.5)
    assert inside_fraction(turned(0, 1, (5, -5)), 10, 10, 10) == pytest.approx(0.25)
    assert inside_fraction(turned(90, 1, (9, 0)), 10, 10, 10) == pytest.approx(1)
    assert inside_fraction(turned(0, 1, (50, 0)), 10, 10, 10) == 0


@settings(max_examples=30, deadline=None)
@given(st.floats(-180, 180), st.floats(0.3, 3), st.floats(-40, 80), st.floats(-40, 80))
def test_inside_fraction_is_the_share_of_crop_points_in_the_photograph(degrees, scale, x, y):
    matrix, size, width, height = turned(degrees, scale, (x, y)), 64, 50, 30
    grid = np.stack(np.meshgrid(np.linspace(0, size, 161), np.linspace(0, size, 161)), axis=2).reshape(-1, 2) - 0.5
    photo = apply(inverse(matrix), grid)
    counted = np.all((photo >= -0.5) & (photo <= [width - 0.5, height - 0.5]), axis=1).mean()
    assert inside_fraction(matrix, size, width, height) == pytest.approx(counted, abs=0.03)


@pytest.mark.parametrize("scale", [3.0, 1.0, 0.8, 0.5, 0.3, 0.07])
def test_a_ramp_stays_where_its_coordinates_say(scale):
    """Pixel centres: a picture whose grey value is a coordinate shows it at the inverse's place."""
    side = round(200 / min(scale, 1))
    centre = np.array([0.5013, 0.4753]) * side
    axis = np.round(np.linspace(0, 255, side)).astype(np.uint8)
    ramp = np.dstack([np.tile(axis, (side, 1)), np.tile(axis[:, None], (1, side)), np.zeros((side, side), np.uint8)])
    matrix = turned(20, scale, (0, 0))
    matrix[:, 2] = 31.5 - matrix[:, :2] @ centre
    # Rounding to whole grey levels cancels between the ramp and its negative; a shift does not.
    crop = (warp(ramp, matrix, 64).astype(float) - warp(255 - ramp, matrix, 64) + 255)[..., :2] / 2
    centres = np.stack(np.meshgrid(np.arange(64.0), np.arange(64.0)), axis=2).reshape(-1, 2)
    expected = apply(inverse(matrix), centres).reshape(64, 64, 2) * 255 / (side - 1)
    inside = np.all((expected > 5) & (expected < 250), axis=2)
    off = (crop - expected)[inside] * (side - 1) / 255 * scale  # in crop pixels
    assert np.abs(off.mean(axis=0)).max() < 0.06


@pytest.mark.parametrize("shrink", [2.9, 4.0, 7.7])
def test_shrinking_does_not_alias(shrink):
    board = np.indices((800, 800)).sum(axis=0) % 2 * 255
    matrix = turned(7, 1 / shrink, (0, 0))
    matrix[:, 2] = 39.5 - matrix[:, :2] @ [400, 400]
    crop = warp(np.dstack([board] * 3).astype(np.uint8), matrix, 80).astype(float)
    assert np.abs(crop - 127.5).max() < 2


@pytest.mark.parametrize("shrink", [1.3, 1.9, 2.6, 3.7])
def test_shrinking_is_close_to_the_antialiased_bicubic(shrink):
    side = 128 * shrink
    matrix = turned(0, 1 / shrink, ((1 / shrink - 1) / 2,) * 2)
    exact = Image.fromarray(astronaut()).resize((128, 128), Image.Resampling.BICUBIC, box=(0, 0, side, side))
    difference = warp(astronaut(), matrix, 128).astype(float) - np.asarray(exact)
    assert np.sqrt((difference[2:-2, 2:-2] ** 2).mean()) < 4


def test_outside_the_photograph_is_black():
    white = np.full((50, 70, 3), 255, np.uint8)
    crop = warp(white, turned(0, 1, (20, 0)), 64)
    assert crop[:50, 20:].min() == 255 and crop[:, :20].max() == 0 and crop[50:].max() == 0
    assert warp(white, turned(0, 1, (500, 0)), 64).max() == 0


@pytest.mark.parametrize("shrink", [1.3, 2.6, 3.5, 9.7])
def test_the_photograph_ends_in_the_crop_where_it_ends(shrink):
    """Also where its sides are no multiples of what is averaged."""
    height, width = int(110 * shrink) | 1, int(97 * shrink) | 1
    matrix = turned(12, 1 / shrink, (0, -30))
    crop = warp(np.full((height, width, 3), 255, np.uint8), matrix, 128)
    assert crop.mean() / 255 == pytest.approx(inside_fraction(matrix, 128, width, height), abs=2e-4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (7, 2000)])
@pytest.mark.parametrize("scale", [0.01, 0.4, 1, 30])
def test_photographs_of_any_shape_can_be_warped(shape, scale):
    crop = warp(np.full((*shape, 3), 9, np.uint8), turned(3, scale, (0, 0)), 48)
    assert crop.shape == (48, 48, 3) and crop.max() <= 12  # 9, and what bicubic overshoots


@pytest.mark.parametrize("width, height", [(300, 200), (201, 300), (128, 128), (40, 90)])
def test_centre_crop_is_the_largest_centred_square(width, height):
    photo = astronaut()[:height, :width]
    matrix = alignment.centre_matrix(width, height, 128)
    middle = apply(matrix, np.array([[(width - 1) / 2, (height - 1) / 2]]))
    np.testing.assert_allclose(middle, [[63.5, 63.5]])
    assert inside_fraction(matrix, 128, width, height) == pytest.approx(1)
    crop = alignment.resize_square(photo, matrix, 128).astype(float)
    same_place = warp(photo, matrix, 128).astype(float)
    assert np.abs((crop - same_place)[3:-3, 3:-3]).mean() < 3


def test_every_template_is_known_by_its_name():
    assert [template(name).name for name in TEMPLATES] == list(TEMPLATES)
    with pytest.raises(ValueError, match="unknown template 'nose'; known: five_point"):
        template("nose")
