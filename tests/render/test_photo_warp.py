"""A warped photograph is whole, moves what it should, and leaves alone what it should."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import pytest

from fexdata.faces.models.default import default_model
from fexdata.faces.topology import LEFT_EYE_RIM, MOUTH_RIM, RIGHT_EYE_RIM
from fexdata.render.warp import warp
from fexdata.render.warp_samples import sample_grid
from fexdata.synthetic import expressions
from fexdata.synthetic.expressions import Expression
from fexdata.synthetic.warps.base import embedded_face

SIZE = 160
SCALE, SHIFT = 0.62, np.array([SIZE / 2, SIZE / 2 - 8, 0.0])
REST = Expression()
SMILE = Expression.of({"AU12": 4.5, "AU6": 3.0})
SHUT_EYES = Expression.of({"AU43": 5.0})
WIDE_EYES = Expression.of({"AU5": 5.0, "AU1": 4.0, "AU2": 4.0})
OPEN_MOUTH = Expression.of({"AU26": 5.0, "AU25": 3.0})


@functools.cache
def placed(expression: Expression) -> np.ndarray:
    """(V, 3) the mean head with an expression, in pixels, looking into the camera."""
    model = default_model()
    vertices = model.shape(None, expressions.coefficients(expression, model.expression_names))
    result: np.ndarray = SCALE * vertices.astype(np.float64) + SHIFT
    return result


def polygon(expression: Expression, rim: tuple[int, ...]) -> np.ndarray:
    """(SIZE, SIZE) bool: what lies within a rim."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(mask, [np.rint(placed(expression)[list(rim), :2]).astype(np.int32)[:, None]], 1)
    return mask > 0


def ramps() -> np.ndarray:
    """A picture whose red is its x and whose green its y."""
    picture = np.full((SIZE, SIZE, 3), 90, np.uint8)
    picture[..., 0], picture[..., 1] = np.arange(SIZE), np.arange(SIZE)[:, None]
    return picture


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)


def flat_mouth() -> np.ndarray:
    width, height = sample_grid((SIZE, SIZE))
    return np.full((height, width, 3), (0, 0, 255), np.float32)


def moved(picture: np.ndarray, start: Expression, end: Expression, *, mouth: bool = True) -> np.ndarray:
    return warp(picture, embedded_face(), placed(start), placed(end), flat_mouth if mouth else None)


@pytest.mark.parametrize("expression", [REST, OPEN_MOUTH])
def test_a_face_that_does_not_move_is_the_photograph_itself(expression: Expression) -> None:
    picture = noise()
    same = moved(picture, expression, expression)
    off = np.abs(same.astype(int) - picture).max(axis=2)
    # Pixels on the rims of eyes and mouth are averaged from samples of two kinds.
    rims = np.any([polygon(expression, rim) for rim in (LEFT_EYE_RIM, RIGHT_EYE_RIM, MOUTH_RIM)], axis=0)
    near = cv2.dilate(rims.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    # Where the surface folds over itself, as in the nostrils, a pixel may be a mean of its own surroundings.
    assert (off[~near] > 0).mean() < 0.01
    assert off[~near].max() <= 10


def test_border_and_far_background_stay_as_they_are() -> None:
    picture = noise()
    result = moved(picture, REST, OPEN_MOUTH)
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        assert (result[edge] == picture[edge]).all()
    assert (result[:12] == picture[:12]).all()
    assert (result != picture).any()


@pytest.mark.parametrize("start", [REST, OPEN_MOUTH])
@pytest.mark.parametrize("end", [SMILE, SHUT_EYES, WIDE_EYES])
def test_a_grey_photograph_stays_grey_without_holes(start: Expression, end: Expression) -> None:
    grey = np.full((SIZE, SIZE, 3), 128, np.uint8)
    result = moved(grey, start, end, mouth=False)
    seams = result < 120  # the dark line between lips or lids that have come to meet
    assert seams.any(axis=2).mean() < 0.005
    assert (np.abs(result.astype(int) - 128)[~seams] <= 1).all()


def test_skin_shows_at_its_new_place_what_it_showed_at_the_old_one() -> None:
    result = moved(ramps(), REST, SMILE).astype(float)
    places = [61, 291, 50, 280, 205, 425, 152, 17]  # corners of the mouth, cheeks, chin, lip
    start, end = placed(REST)[places, :2], placed(SMILE)[places, :2]
    for was, now in zip(start, end, strict=True):
        x, y = np.rint(now).astype(int)
        shown = result[y, x, :2]
        np.testing.assert_allclose(shown, was + (np.rint(now) - now), atol=1.2)
    assert np.linalg.norm(end[0] - start[0]) > 4  # the corner did move


def test_eyes_stay_where_they_are_when_lids_open_wider() -> None:
    picture = ramps()
    result = moved(picture, REST, WIDE_EYES).astype(int)
    inner = cv2.erode(polygon(REST, LEFT_EYE_RIM).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert inner.sum() > 20
    assert np.abs(result - picture)[inner].max() <= 1


def test_lids_that_shut_cover_the_eye_with_skin() -> None:
    picture = np.full((SIZE, SIZE, 3), 150, np.uint8)
    eyes = polygon(REST, LEFT_EYE_RIM) | polygon(REST, RIGHT_EYE_RIM)
    picture[eyes] = (255, 0, 0)
    result = moved(picture, REST, SHUT_EYES).astype(int)
    assert (result[..., 0] - result[..., 1]).max() < 64


def test_lips_that_shut_take_no_teeth_with_them() -> None:
    picture = np.full((SIZE, SIZE, 3), (170, 90, 90), np.uint8)
    picture[polygon(OPEN_MOUTH, MOUTH_RIM)] = 255
    result = moved(picture, OPEN_MOUTH, REST).astype(int)
    assert result[..., 1].max() <= 95


def test_a_mouth_that_opens_shows_what_was_drawn_for_it_between_the_lips_only() -> None:
    picture = np.full((SIZE, SIZE, 3), 200, np.uint8)
    result = moved(picture, REST, OPEN_MOUTH).astype(int)
    blue = result[..., 0] < 60
    within = polygon(OPEN_MOUTH, MOUTH_RIM)
    assert blue.sum() > 0.5 * within.sum()
    assert not (blue & ~cv2.dilate(within.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)).any()


def test_a_mouth_that_is_open_wide_enough_keeps_its_own_teeth() -> None:
    picture = np.full((SIZE, SIZE, 3), (170, 90, 90), np.uint8)
    picture[polygon(OPEN_MOUTH, MOUTH_RIM)] = (255, 255, 0)
    result = moved(picture, OPEN_MOUTH, Expression.of({"AU26": 4.0, "AU25": 2.4})).astype(int)
    assert (result[..., 2] <= 95).all()  # nothing of the drawn mouth, which is blue
    assert (result[..., 1] > 200).sum() > 60


def test_points_of_another_mesh_are_refused() -> None:
    with pytest.raises(ValueError, match="must have shape"):
        warp(noise(), embedded_face(), placed(REST)[:-1], placed(REST)[:-1])
