"""Coefficients and poses found again from the landmarks of known faces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.fitting.camera import Perspective
from fexdata.faces.fitting.detectors import exact, mediapipe, unknown
from fexdata.faces.fitting.fit import Fit, fit
from fexdata.faces.fitting.sequence import fit_sequence
from fexdata.faces.models.default import default_model
from fexdata.faces.pose import rotation

SCALE = 1.3


def shapes(count: int, *, seed: int = 0, people: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Identities and expressions; `people` makes the first that many identities go round."""
    model, rng = default_model(), np.random.default_rng(seed)
    identity = rng.standard_normal((people or count, len(model.identity_names)))
    expression = rng.uniform(size=(count, len(model.expression_names)))
    expression *= rng.random(expression.shape) < 0.2
    return identity[np.arange(count) % len(identity)], expression


def turned(identity: np.ndarray, expression: np.ndarray, *, seed: int = 0, points: int = 468) -> np.ndarray:
    """(B, points, 3) of heads turned up to 30 degrees, before any camera."""
    model, rng = default_model(), np.random.default_rng(seed)
    embedding = model.landmarks_68 if points == 68 else model.landmarks_478
    assert embedding is not None
    heads = [embedding.points(model.shape(i, e)) for i, e in zip(identity, expression, strict=True)]
    return np.array([head @ rotation(*rng.uniform(-30, 30, 3)).T for head in heads])


def pictured(points: np.ndarray) -> np.ndarray:
    return SCALE * points[..., :2] + [128.0, 120.0]


def off(found: np.ndarray, true: np.ndarray) -> float:
    return float((np.linalg.norm(found - true, axis=1) / np.linalg.norm(true, axis=1)).mean())


def test_exact_478_give_identity_and_expression_back() -> None:
    identity, expression = shapes(8)
    found = fit(default_model(), pictured(turned(identity, expression)), detector=exact(468))
    assert off(found.expression, expression) < 0.1
    assert found.residual.max() < 1e-4


def test_exact_68_tell_most_of_the_expression() -> None:
    identity, expression = shapes(12)
    found = fit(default_model(), pictured(turned(identity, expression, points=68)), detector=exact(68))
    assert off(found.expression, expression) < 0.7
    assert found.residual.max() < 1e-3


def test_a_photograph_alone_is_fitted_as_in_a_batch() -> None:
    points = pictured(turned(*shapes(5))) + np.random.default_rng(1).normal(0, 1, (5, 468, 2))
    together = fit(default_model(), points)
    alone = fit(default_model(), points[3:4])
    np.testing.assert_allclose(alone.expression[0], together.expression[3], atol=1e-6)
    np.testing.assert_allclose(alone.poses.rotation[0], together.poses.rotation[3], atol=1e-8)


def test_a_photographs_numbers_are_the_same_to_the_bit_wherever_it_stands_in_the_batch() -> None:
    heads = turned(*shapes(16))
    points = SCALE * heads + np.random.default_rng(4).normal(0, 1, heads.shape)
    order = np.random.default_rng(5).permutation(16)
    found = fit(default_model(), points, detector=mediapipe())
    moved = fit(default_model(), points[order], detector=mediapipe())
    np.testing.assert_array_equal(moved.expression, found.expression[order])
    np.testing.assert_array_equal(moved.confidence, found.confidence[order])


def test_coefficients_stay_within_their_bounds() -> None:
    points = pictured(turned(*shapes(6))) + np.random.default_rng(2).normal(0, 4, (6, 468, 2))
    found = fit(default_model(), points, detector=exact(468))
    assert found.expression.min() >= 0
    assert found.expression.max() <= 1
    assert (found.expression == 0).any()


def test_landmarks_that_are_plainly_wrong_change_little() -> None:
    points = pictured(turned(*shapes(6)))
    wrong = points.copy()
    hand = np.random.default_rng(6).permutation(468)[:60]
    wrong[:, hand] += [60.0, -40.0]
    clean = fit(default_model(), points)
    robust = fit(default_model(), wrong)
    plain = fit(default_model(), wrong, detector=replace(unknown(468), outliers=False))
    assert turn_between(robust, clean) < 0.2 * turn_between(plain, clean)
    assert robust.solution.trust[:, hand].max() < 0.1


def turn_between(one: Fit, other: Fit) -> float:
    cosine = (np.einsum("bii->b", one.poses.rotation.transpose(0, 2, 1) @ other.poses.rotation) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean())


def test_perspective_is_undone_by_the_camera_that_made_it() -> None:
    identity, expression = shapes(6)
    points = turned(identity, expression) + np.array([20.0, -30.0, 450.0])
    seen = 600.0 * points[..., :2] / points[..., 2:] + [128.0, 128.0]
    camera = Perspective(np.array(600.0), np.array([128.0, 128.0]))
    known = fit(default_model(), seen, detector=exact(468), camera=camera)
    ignored = fit(default_model(), seen, detector=exact(468))
    assert off(known.expression, expression) < 0.1
    assert off(ignored.expression, expression) > 2 * off(known.expression, expression)
    np.testing.assert_allclose(known.vertices(default_model(), slice(0, 468))[..., :2], seen, atol=0.5)


def test_photographs_of_one_person_share_an_identity_and_tell_expressions_better() -> None:
    identity, expression = shapes(12, people=3)
    points = pictured(turned(identity, expression)) + np.random.default_rng(3).normal(0, 1.5, (12, 468, 2))
    groups = np.arange(12) % 3
    shared = fit(default_model(), points, groups=groups)
    alone = fit(default_model(), points)
    np.testing.assert_allclose(shared.identity, shared.identity[groups], atol=1e-9)
    assert np.abs(shared.identity[0] - shared.identity[1]).max() > 0.1
    assert off(shared.expression, expression) < off(alone.expression, expression)


def test_an_identity_that_is_known_is_kept_and_tells_expressions_better() -> None:
    identity, expression = shapes(12, people=3)
    points = pictured(turned(identity, expression)) + np.random.default_rng(3).normal(0, 1.5, (12, 468, 2))
    known = np.where(np.arange(12)[:, None] < 9, identity, np.nan)
    told, alone = fit(default_model(), points, identity=known), fit(default_model(), points)
    assert off(told.expression[:9], expression[:9]) < 0.95 * off(alone.expression[:9], expression[:9])
    np.testing.assert_allclose(told.expression[9:], alone.expression[9:], atol=0.05)


def test_frames_of_a_film_are_steadier_and_closer_than_frames_alone() -> None:
    identity, ends = shapes(2, seed=4)
    share = np.linspace(0, 1, 10)[:, None]
    expression = (1 - share) * ends[0] + share * ends[1]
    points = pictured(turned(np.repeat(identity[:1], 10, axis=0), expression))
    points += np.random.default_rng(5).normal(0, 2, points.shape)
    film = fit_sequence(default_model(), points)
    alone = fit(default_model(), points)
    jitter = [np.abs(np.diff(one.expression, 2, axis=0)).mean() for one in (film, alone)]
    assert jitter[0] < 0.6 * jitter[1]
    assert off(film.expression, expression) < off(alone.expression, expression)


def test_what_landmarks_cannot_tell_is_not_told() -> None:
    model = default_model()
    names = ("eyeLookUp_L", *model.expression_names[1:])
    found = fit(replace(model, expression_names=names, sha256=""), pictured(turned(*shapes(2))))
    assert np.isnan(found.expression[:, 0]).all()
    assert np.isnan(found.confidence[:, 0]).all()
    assert np.isfinite(found.expression[:, 1:]).all()


def test_confidence_falls_with_fewer_landmarks() -> None:
    identity, expression = shapes(4)
    many = fit(default_model(), pictured(turned(identity, expression)))
    few = fit(default_model(), pictured(turned(identity, expression, points=68)))
    assert ((many.confidence >= 0) & (many.confidence <= 1)).all()
    assert many.confidence.mean() > few.confidence.mean() + 0.05


@pytest.mark.parametrize("shape", [(2, 30, 2), (2, 478), (2, 68, 4)])
def test_other_landmarks_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(FexdataError, match="landmarks"):
        fit(default_model(), np.zeros(shape))


def test_a_model_without_mediapipes_points_says_what_to_do() -> None:
    with pytest.raises(FexdataError, match="on_our_head"):
        fit(replace(default_model(), landmarks_478=None, sha256=""), np.zeros((1, 478, 3)))
