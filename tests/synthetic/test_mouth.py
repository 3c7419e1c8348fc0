"""Teeth sit in jaws: they never show through lips, the lower ones follow the jaw, and no hole is left behind them."""

import functools

import cv2
import numpy as np
import pytest

from fexdata.faces.models.default import default_model
from fexdata.faces.pose import rotation
from fexdata.faces.topology import MOUTH_RIM
from fexdata.render.photo.scene import Camera, Material, Part
from fexdata.render.photo.truth import cast
from fexdata.synthetic import expressions
from fexdata.synthetic.mouth import clear_of_teeth, jaw_motion, mouth_parts
from fexdata.synthetic.teeth import dentition
from fexdata.synthetic.traits import draw_traits

SKIN = Material("skin", np.ones((1, 1, 3), np.float32), np.ones((1, 1), np.float32))


def coefficients(**strengths: float) -> np.ndarray:
    """(E,): strengths by action unit, both sides."""
    names = default_model().expression_names
    return np.array([strengths.get(n.removesuffix("_left").removesuffix("_right"), 0.0) for n in names], np.float32)


@functools.cache
def identity(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(len(default_model().identity_names))


def mouth(seed: int, expression: np.ndarray) -> tuple[list[Part], np.ndarray]:
    """Head and mouth of a person, and the head's vertices."""
    model = default_model()
    neutral, face = model.shape(identity(seed)), model.shape(identity(seed), expression)
    face = clear_of_teeth(model, neutral, face, expression)
    head = Part("head", face, model.triangles, model.uv, SKIN)
    return [head, *mouth_parts(model, neutral, face, expression, draw_traits(seed))], face


def seen(parts: list[Part], yaw: float) -> tuple[list[str], np.ndarray, Camera, list[Part]]:
    """Names by part number, part numbers by pixel, the camera and the parts before it."""
    turn = rotation(yaw, 0, 0)
    away = np.array([0, 0, 1000]) - turn @ [0, 45, -40]
    placed = [
        Part(p.name, (p.vertices @ turn.T + away).astype(np.float32), p.triangles, p.uv, p.material) for p in parts
    ]
    camera = Camera(1800.0, (95.5, 95.5), (192, 192))
    return [part.name for part in parts], cast(placed, camera).part, camera, placed


def opening(head: Part, camera: Camera, margin: int) -> np.ndarray:
    """Pixels inside the lips' inner rim, widened by `margin` pixels."""
    rim = default_model().landmarks_478.points(head.vertices)[list(MOUTH_RIM)]
    pixels = rim[:, :2] / rim[:, 2:] * camera.focal + camera.centre
    mask = np.zeros(camera.size, np.uint8)
    cv2.fillPoly(mask, [np.round(pixels * 16).astype(np.int32)], 1, shift=4)
    return cv2.dilate(mask, np.ones((2 * margin + 1,) * 2, np.uint8)) > 0


@pytest.mark.parametrize("yaw", [0, 45, -90])
@pytest.mark.parametrize("seed", range(3))
def test_shut_lips_show_no_teeth(seed, yaw):
    for expression in (coefficients(), coefficients(AU24=0.8), coefficients(AU12=0.6)):
        names, picture, *_ = seen(mouth(seed, expression)[0], yaw)
        shown = {names[number] for number in np.unique(picture) if number >= 0}
        assert not {name for name in shown if "teeth" in name}


@pytest.mark.parametrize("seed", range(8))
def test_nothing_of_the_mouth_comes_through_the_skin(seed):
    rng = np.random.default_rng(seed)
    category = ("happy", "surprise", "fear", "disgust", "anger", "sad")[seed % 6]
    drawn = [expressions.draw(category, rng), expressions.random_feasible(rng)]
    for expression in drawn:
        strengths = expressions.coefficients(expression, default_model().expression_names)
        parts, _ = mouth(seed, strengths)
        _, picture, camera, placed = seen(parts, float(rng.uniform(-45, 45)))
        outside = (picture > 0) & ~opening(placed[0], camera, 4)
        assert outside.sum() <= 12


@pytest.mark.parametrize("yaw", [0, 30, 60])
def test_no_background_shows_through_an_open_mouth(yaw):
    for strengths in ({"AU27": 1.0, "AU25": 1.0}, {"AU12": 1.0, "AU25": 1.0}, {"AU26": 1.0, "AU20": 1.0}):
        _, picture, camera, placed = seen(mouth(1, coefficients(**strengths))[0], yaw)
        assert (picture[opening(placed[0], camera, 0)] >= 0).all()


def test_a_smile_shows_the_upper_teeth():
    names, picture, *_ = seen(mouth(0, coefficients(AU12=0.9, AU25=0.9))[0], 0)
    counts = {name: int((picture == number).sum()) for number, name in enumerate(names)}
    assert counts["upper_teeth"] > 150
    assert counts["upper_teeth"] > counts["lower_teeth"]


def test_upper_teeth_stay_and_lower_teeth_follow_the_jaw():
    closed, _ = mouth(0, coefficients(AU25=1.0))
    opened, _ = mouth(0, coefficients(AU25=1.0, AU27=1.0))
    before, after = ({part.name: part.vertices for part in parts} for parts in (closed, opened))
    assert after["upper_teeth"] == pytest.approx(before["upper_teeth"])
    dropped = after["lower_teeth"] - before["lower_teeth"]
    assert dropped[:, 1].max() > 25
    edges = [np.linalg.norm(v[100] - v[900]) for v in (before["lower_teeth"], after["lower_teeth"])]
    assert edges[0] == pytest.approx(edges[1], rel=1e-4)


def test_a_raised_chin_does_not_move_the_jaw():
    model = default_model()
    turn, shift = jaw_motion(model, model.mean, coefficients(AU17=1.0, AU12=1.0, AU25=0.5))
    assert turn == pytest.approx(np.eye(3), abs=1e-6)
    assert shift == pytest.approx(np.zeros(3), abs=1e-4)


def test_the_jaws_motion_is_rigid_and_opens_about_an_axis_behind_the_mouth():
    model = default_model()
    turn, shift = jaw_motion(model, model.mean, coefficients(AU27=1.0))
    assert turn @ turn.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(turn) == pytest.approx(1)
    teeth, molars = (turn @ np.array([0.0, 45.0, z]) + shift - np.array([0.0, 45.0, z]) for z in (-50.0, -20.0))
    assert teeth[1] > molars[1] > 0


def test_lips_that_part_slide_over_the_teeth():
    model = default_model()
    for seed in range(4):
        expression = coefficients(AU12=1.0, AU25=1.0)
        parts, face = mouth(seed, expression)
        upper = next(part.vertices for part in parts if part.name == "upper_teeth")
        lips = model.landmarks_478.points(face)[[82, 13, 312, 81, 311]]
        for lip in lips:
            near = upper[(np.abs(upper[:, 0] - lip[0]) < 1.5) & (np.abs(upper[:, 1] - lip[1]) < 3)]
            assert lip[2] < near[:, 2].min() + 0.5


def test_teeth_are_closed_surfaces_that_face_outwards():
    for jaw in ("upper", "lower"):
        teeth, gums = dentition(draw_traits(1))[jaw]
        for row in (teeth, gums):
            assert row.triangles.max() == len(row.vertices) - 1
            assert np.isfinite(row.vertices).all()
        for tooth in np.split(np.arange(len(teeth.vertices)), 12):
            own = np.isin(teeth.triangles, tooth).all(axis=1)
            a, b, c = (teeth.vertices[teeth.triangles[own, k]] - teeth.vertices[tooth].mean(axis=0) for k in range(3))
            assert np.einsum("ij,ij->", a, np.cross(b, c)) / 6 > 50  # cubic millimetres


def test_people_have_their_own_teeth_and_always_the_same():
    first, again, other = (dentition(draw_traits(seed))["upper"][0].vertices for seed in (1, 1, 2))
    dentition.cache_clear()
    assert dentition(draw_traits(1))["upper"][0].vertices.tobytes() == first.tobytes() == again.tobytes()
    assert np.abs(first - other).max() > 0.2


def test_wider_mouths_have_wider_arches():
    widths, arches = [], []
    model = default_model()
    traits = draw_traits(1)
    for seed in range(12):
        neutral, expression = model.shape(identity(seed)), coefficients(AU25=1.0)
        parts = mouth_parts(model, neutral, model.shape(identity(seed), expression), expression, traits)
        widths.append(np.linalg.norm(neutral[61] - neutral[291]))
        arches.append(np.ptp(next(part.vertices for part in parts if part.name == "upper_teeth")[:, 0]))
    assert np.corrcoef(widths, arches)[0, 1] > 0.95
