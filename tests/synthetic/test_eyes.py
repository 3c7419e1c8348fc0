"""Eyeballs lie behind the lids, lids rest on eyeballs, and gaze turns them the way the conventions say."""

import functools

import numpy as np
import pytest

from fexdata.faces.landmarks import MIRROR_478
from fexdata.faces.models.default import default_model
from fexdata.faces.topology import LEFT_EYE_RIM, RIGHT_EYE_RIM, Label
from fexdata.synthetic.eyes import IRIS_RADIUS, LID_FILM, clear_of_eyeballs, eyeballs, fit_eyeballs, iris_points
from fexdata.synthetic.traits import draw_traits

AHEAD = (0.0, 0.0)


@functools.cache
def person(seed: int, closing: float = 0.0):
    """Neutral face, expressive face, and balls of a person."""
    model = default_model()
    identity = np.random.default_rng(seed).standard_normal(len(model.identity_names)) if seed else None
    expression = np.array([closing * name.startswith("AU43") for name in model.expression_names], np.float32)
    neutral = model.shape(identity)
    return neutral, model.shape(identity, expression), fit_eyeballs(model, neutral)


@pytest.mark.parametrize("seed", range(6))
def test_the_lids_of_every_person_rest_on_the_balls(seed):
    neutral, _, balls = person(seed)
    laid = clear_of_eyeballs(neutral, balls)
    for ball, rim in zip(balls, (RIGHT_EYE_RIM, LEFT_EYE_RIM), strict=True):
        middle = laid[[rim[i] for i in (3, 4, 5, 11, 12, 13)]]
        gaps = np.linalg.norm(middle - ball.centre, axis=1) - ball.radius
        assert gaps.min() > 0
        assert np.median(gaps) < 2.5


@pytest.mark.parametrize("closing", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("gaze", [AHEAD, (25.0, 0.0), (0.0, 15.0)])
def test_no_lid_cuts_into_an_eyeball(closing, gaze):
    _, face, balls = person(2, closing)
    laid = clear_of_eyeballs(face, balls, gaze)
    for ball in balls:
        away = laid - ball.centre
        front = away[:, 2] < 0
        assert (np.linalg.norm(away[front], axis=1) - ball.radius).min() > 0.9 * LID_FILM


def test_a_closing_lid_would_cut_the_ball_without_being_laid_on_it():
    _, face, balls = person(2, 0.5)
    inside = [np.linalg.norm(face[face[:, 2] < ball.centre[2]] - ball.centre, axis=1).min() for ball in balls]
    assert min(inside) < balls[0].radius


def test_only_skin_near_the_eyes_moves():
    neutral, _, balls = person(1)
    moved = np.abs(clear_of_eyeballs(neutral, balls) - neutral).max(axis=1) > 1e-4
    near = np.min([np.linalg.norm(neutral - ball.centre, axis=1) for ball in balls], axis=0) < 2 * balls[0].radius
    assert moved.any()
    assert not moved[~near].any()


def test_the_upper_lid_covers_the_top_of_the_iris_and_nobody_stares():
    for seed in range(6):
        neutral, _, balls = person(seed)
        laid = clear_of_eyeballs(neutral, balls)
        for ball, rim in zip(balls, (RIGHT_EYE_RIM, LEFT_EYE_RIM), strict=True):
            top = ball.centre[1] - IRIS_RADIUS * ball.scale
            covered = laid[rim[12], 1] - top
            assert 0.2 < covered < 4.5


@pytest.mark.parametrize(
    ("gaze", "axis", "sign"), [((20, 0), 0, -1), ((-20, 0), 0, 1), ((0, 15), 1, 1), ((0, -15), 1, -1)]
)
def test_gaze_turns_the_iris_as_the_conventions_say(gaze, axis, sign):
    _, _, balls = person(0)
    moved = iris_points(balls, gaze) - iris_points(balls, AHEAD)
    assert (sign * moved[[0, 5], axis] > 2).all()


def test_iris_points_follow_mediapipes_order():
    _, _, balls = person(0)
    points = iris_points(balls, AHEAD)
    centre, right, top, left, bottom = points[:5]
    assert points[0, 0] < 0 < points[5, 0]
    assert right[0] > centre[0] > left[0]
    assert top[1] < centre[1] < bottom[1]
    assert np.linalg.norm(right - left) == pytest.approx(2 * IRIS_RADIUS * balls[0].scale)
    mirrored = (points * [-1, 1, 1])[MIRROR_478[468:] - 468]
    assert mirrored == pytest.approx(points, abs=0.05)


def test_every_eye_has_ball_tears_and_cornea_that_face_outwards():
    model = default_model()
    neutral, _, balls = person(3)
    parts = eyeballs(model, clear_of_eyeballs(neutral, balls), balls, AHEAD, draw_traits(3))
    assert sorted(part.name for part in parts) == sorted(
        f"{kind}_{side}" for kind in ("eye", "tears", "cornea") for side in ("left", "right")
    )
    for part in parts:
        a, b, c = (part.vertices[part.triangles[:, k]] for k in range(3))
        normals = np.cross(b - a, c - a)
        centre = balls[0 if part.name.endswith("left") else 1].centre
        outwards = (normals * ((a + b + c) / 3 - centre)).sum(axis=1) > 0
        if not part.name.startswith("tears"):
            assert outwards.all()
        assert part.label == Label.EYE
        assert np.isfinite(part.vertices).all()


def test_the_cornea_lies_over_the_iris():
    model = default_model()
    neutral, _, balls = person(0)
    parts = {part.name: part for part in eyeballs(model, neutral, balls, AHEAD, draw_traits(1))}
    ball, cornea = (parts[f"{kind}_left"].vertices - balls[0].centre for kind in ("eye", "cornea"))
    assert cornea[0, 2] < ball[0, 2] - 2
    assert np.linalg.norm(cornea, axis=1).min() > balls[0].radius


def test_the_white_is_not_white_and_the_pupil_is_black():
    for seed in range(8):
        material = eyeballs(default_model(), person(0)[0], person(0)[2], AHEAD, draw_traits(seed))[0].material
        size = len(material.albedo)
        assert material.albedo.max() < 0.8
        assert material.albedo[size // 2, size // 2].max() < 0.02
        white = material.albedo[size // 2, int(size * 0.82)]
        assert white.min() > 0.2


def test_blue_eyes_are_bluer_than_brown_ones():
    def blueness(colour: str) -> float:
        traits = next(draw_traits(seed) for seed in range(500) if draw_traits(seed).eye_colour == colour)
        albedo = eyeballs(default_model(), person(0)[0], person(0)[2], AHEAD, traits)[0].material.albedo
        at = int(len(albedo) * (0.5 + 0.5 * 0.45 * 0.7))
        ring = albedo[len(albedo) // 2, at - 3 : at + 4].mean(axis=0)
        return float(ring[2] / ring[0])

    assert blueness("blue") > 1.2 > 0.7 > blueness("brown")


def test_lids_shade_the_ball_below_them():
    model = default_model()
    neutral, _, balls = person(0)
    ball = eyeballs(model, clear_of_eyeballs(neutral, balls), balls, AHEAD, draw_traits(1))[0]
    front = ball.vertices[:, 2] < balls[0].centre[2] - 9
    height = ball.vertices[:, 1] - balls[0].centre[1]
    top, middle = ball.tint[front & (height < -3.5)].mean(), ball.tint[front & (np.abs(height) < 1)].mean()
    assert top < 0.85 * middle
