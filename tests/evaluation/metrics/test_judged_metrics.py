"""Metrics on what a network tells, against values worked out by hand."""

import numpy as np
import pytest
import torch
from making import real_photographs

from fexdata.corpora.pictures import read_picture
from fexdata.evaluation.metrics.condition_error import condition_error
from fexdata.evaluation.metrics.expression_distance import expression_distance
from fexdata.evaluation.metrics.expression_similarity import expression_similarity
from fexdata.evaluation.metrics.generation_rate import generation_rate
from fexdata.evaluation.metrics.identity_distance import identity_distance, verified
from fexdata.evaluation.metrics.landmark_distance import EXPRESSIVE, landmark_distance, landmarks_of
from fexdata.evaluation.metrics.lipschitz import lipschitz
from fexdata.evaluation.pixels import from_bytes


def test_identity_distance_is_one_minus_the_cosine() -> None:
    one = torch.tensor([[3.0, 4.0], [1.0, 0.0], [1.0, 0.0]])
    other = torch.tensor([[6.0, 8.0], [0.0, 2.0], [-5.0, 0.0]])
    torch.testing.assert_close(identity_distance(one, other), torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64))


def test_faces_are_verified_from_the_threshold_on() -> None:
    angles = torch.acos(torch.tensor([0.66, 0.64]))
    other = torch.stack([angles.cos(), angles.sin()], dim=1)
    assert verified(torch.tensor([[1.0, 0.0]]).expand(2, 2), other).tolist() == [1, 0]


def test_generation_rate_counts_only_classes_that_the_classifier_knows() -> None:
    logits = torch.tensor([[2.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    right, known = generation_rate(logits, ("happy", "happy", "contempt"), ("happy", "sad"))
    assert right.tolist() == [1, 0]
    assert known.tolist() == [True, True, False]


def test_expression_distance_is_the_length_of_the_difference() -> None:
    found = expression_distance(torch.tensor([[0.3, 0.4], [1.0, 1.0]]), torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    torch.testing.assert_close(found, torch.tensor([0.5, 0.0], dtype=torch.float64), atol=1e-7, rtol=0)


def test_condition_error_is_relative_and_leaves_the_neutral_face_out() -> None:
    reference = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    error, kept = condition_error(torch.tensor([[3.0, 3.0], [1.0, 1.0]]), reference)
    torch.testing.assert_close(error, torch.tensor([0.2], dtype=torch.float64))
    assert kept.tolist() == [True, False]


def test_landmark_distance_looks_at_brows_eyes_and_mouth() -> None:
    points = np.zeros((68, 2))
    moved = points.copy()
    moved[:17] += 50  # the jaw
    assert landmark_distance(points, moved) == 0
    moved[list(EXPRESSIVE)] += [3, 4]
    assert landmark_distance(points, moved) == pytest.approx(5)


def test_landmarks_are_found_on_a_small_face_and_not_on_noise() -> None:
    pixels = read_picture(real_photographs()["astronaut.png"].read_bytes())[30:190, 140:300]
    found = landmarks_of(from_bytes(pixels))
    assert found is not None and found.shape == (68, 2)
    assert 60 < found[:, 0].min() < found[:, 0].max() < 220
    noise = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert landmarks_of(noise) is None


def test_lipschitz_of_a_linear_generator_is_its_slope_at_every_step() -> None:
    start, end = torch.zeros(2, 3), torch.tensor([[3.0, 0.0, 4.0], [0.0, 1.0, 0.0]])
    rates = lipschitz(lambda code: 2 * code.reshape(-1, 3, 1, 1), start, end, steps=4)
    torch.testing.assert_close(rates, torch.full((2, 4), 2.0, dtype=torch.float64))


def test_lipschitz_shows_the_step_at_which_a_picture_jumps() -> None:
    def cliff(code: torch.Tensor) -> torch.Tensor:
        return (code > 0.6).float().reshape(-1, 1, 1, 1)

    rates = lipschitz(cliff, torch.zeros(1, 1), torch.ones(1, 1), steps=4)
    torch.testing.assert_close(rates, torch.tensor([[0.0, 0.0, 4.0, 0.0]], dtype=torch.float64))


def test_pairs_of_one_code_have_no_lipschitz() -> None:
    same, other = torch.ones(2, 3), torch.tensor([[1.0, 1.0, 1.0], [2.0, 1.0, 1.0]])
    assert lipschitz(lambda code: code, same, other, steps=2).shape == (1, 2)


def test_expression_similarity_is_the_cosine() -> None:
    found = expression_similarity(torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.tensor([[3.0, 0.0], [-2.0, -2.0]]))
    torch.testing.assert_close(found, torch.tensor([1.0, -1.0], dtype=torch.float64))
