"""A jaw line that is the picture's outline, and fits that let it slide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.fitting.detectors import unknown
from fexdata.faces.fitting.fit import Fit, fit
from fexdata.faces.fitting.outline import JAW, outlined
from fexdata.faces.models.default import default_model
from fexdata.faces.models.face_model import Embedding
from fexdata.faces.pose import rotation

SCALE = 1.3
CHIN = 8


def heads_seen(count: int, *, yaw: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (count, 3, 3) and turned heads (count, V, 3), to either side by up to `yaw` degrees."""
    model, rng = default_model(), np.random.default_rng(int(yaw))
    turns = np.array([rotation(rng.uniform(-yaw, yaw), *rng.uniform(-10, 10, 2)) for _ in range(count)])
    expression = rng.uniform(size=(count, len(model.expression_names))) * (rng.random((count, 1)) < 0.5)
    heads = [
        model.shape(rng.standard_normal(len(model.identity_names)), 0.3 * one) @ turn.T
        for one, turn in zip(expression, turns, strict=True)
    ]
    return turns, np.array(heads)


def on_the_outline(heads: np.ndarray) -> np.ndarray:
    """(B, 68, 3): each jaw point of turned heads moved outwards to the vertex of its height that shows farthest out."""
    model = default_model()
    assert model.landmarks_68 is not None
    mean, marks = model.mean, model.landmarks_68.points(model.mean)
    jaw = marks[list(JAW)]
    below = (mean[:, 1] <= jaw[CHIN, 1] + 1) & (mean[:, 1] >= jaw[:, 1].min() - 3) & (mean[:, 2] <= jaw[:, 2].max() + 1)
    points = np.array([model.landmarks_68.points(head) for head in heads])
    for number in set(JAW) - {CHIN - 1, CHIN, CHIN + 1}:
        side = np.sign(jaw[number, 0])
        level = below & (np.abs(mean[:, 1] - jaw[number, 1]) < 2.5) & (np.sign(mean[:, 0]) == side)
        among = np.flatnonzero(level)
        farthest = among[np.argmax(side * heads[:, among, 0], axis=1)]
        there = heads[np.arange(len(heads)), farthest]
        outside = side * there[:, 0] > side * points[:, number, 0]
        points[outside, number] = there[outside]
    return points


def errors(found: Fit, turns: np.ndarray, heads: np.ndarray) -> tuple[float, float]:
    """Means over pictures: of the turn, degrees, and of the face's vertices about their mean, millimetres."""
    cosine = (np.einsum("bij,bij->b", found.poses.rotation, turns) - 1) / 2
    fitted, true = found.vertices(default_model(), slice(468)) / SCALE, heads[:, :468]
    apart = (fitted - fitted.mean(axis=1, keepdims=True)) - (true - true.mean(axis=1, keepdims=True))
    return float(np.degrees(np.arccos(cosine.clip(-1, 1))).mean()), float(np.linalg.norm(apart, axis=2).mean())


def test_sliding_points_halve_what_an_outline_spoils_in_turned_heads() -> None:
    turns, heads = heads_seen(24, yaw=45)
    noise = np.random.default_rng(1).normal(0, 1, (24, 68, 2))
    own = default_model().landmarks_68
    assert own is not None
    outline, vertices = (SCALE * points[..., :2] + 128 + noise for points in (
        on_the_outline(heads), np.array([own.points(head) for head in heads])))  # fmt: skip
    best = errors(fit(default_model(), vertices), turns, heads)
    fixed = errors(fit(default_model(), outline), turns, heads)
    slid = errors(fit(default_model(), outline, detector=outlined(default_model())), turns, heads)
    assert fixed[0] > best[0] and fixed[1] > best[1]  # an outline does harm a fit that takes it for vertices
    assert slid[0] - best[0] < 0.5 * (fixed[0] - best[0])
    assert slid[1] - best[1] < 0.5 * (fixed[1] - best[1])


def test_only_the_jaw_line_slides_and_only_on_the_skin() -> None:
    detector = outlined(default_model())
    moved = np.linalg.norm(detector.modes, axis=2).max(axis=0)
    assert (moved[list(JAW)] > 0).all() and not moved[len(JAW) :].any()
    plain = unknown(68)
    np.testing.assert_array_equal(detector.noise, plain.noise)
    # The chin's skin looks down and forward, so that its modes cannot take it there.
    chin = detector.modes[2 * CHIN : 2 * CHIN + 2, CHIN]
    assert np.linalg.norm(chin @ [0, 0.79, -0.61]) < 0.1 * np.linalg.norm(chin)


def test_a_model_that_lacks_some_of_the_68_is_fitted_all_the_same() -> None:
    full = default_model()
    assert full.landmarks_68 is not None
    weights = full.landmarks_68.weights.copy()
    weights[[3, 13, 20]] = np.nan
    few = replace(full, landmarks_68=Embedding(full.landmarks_68.vertices, weights), sha256="")
    _, heads = heads_seen(4, yaw=10)
    points = SCALE * np.array([full.landmarks_68.points(head) for head in heads])[..., :2]
    np.testing.assert_allclose(fit(few, points).expression, fit(full, points).expression, atol=0.25)


def test_a_model_without_68_landmarks_is_refused() -> None:
    with pytest.raises(FexdataError, match="68"):
        outlined(replace(default_model(), landmarks_68=None, sha256=""))
