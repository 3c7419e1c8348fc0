"""Losses on the expression, against numbers computed by hand, and which way each one pulls."""

from __future__ import annotations

import math

import pytest
import torch

from fexdata.training.losses.condition import class_entropy, class_error, regression_error

LOGITS = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])  # p = (3/4, 1/4), (1/2, 1/2)


def test_class_error_by_hand() -> None:
    error = class_error(LOGITS, torch.tensor([0, 1]))
    assert float(error) == pytest.approx((-math.log(0.75) - math.log(0.5)) / 2)


def test_class_error_falls_as_the_right_class_rises() -> None:
    label = torch.tensor([0, 1])
    assert class_error(LOGITS + torch.tensor([[1.0, 0.0], [0.0, 1.0]]), label) < class_error(LOGITS, label)


def test_entropy_by_hand_and_highest_where_all_classes_are_alike() -> None:
    first = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert float(class_entropy(LOGITS)) == pytest.approx((first + math.log(2)) / 2)
    assert float(class_entropy(torch.zeros(1, 8))) == pytest.approx(math.log(8))
    assert float(class_entropy(torch.tensor([[1000.0, 0.0]]))) == 0.0


def test_regression_error_by_hand() -> None:
    predicted, wanted = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, 3.0]])
    assert float(regression_error(predicted, wanted)) == (1 + 4 + 0 + 9) / 4
    assert float(regression_error(predicted, wanted, torch.tensor([1.0, 0.0]))) == (1 + 4) / 4
    by_entry = torch.tensor([[0.5, 0.25], [1.0, 0.0]])
    assert float(regression_error(predicted, wanted, by_entry)) == (0.5 + 1 + 0 + 0) / 4


def test_full_confidence_changes_nothing() -> None:
    predicted, wanted = torch.randn(3, 4), torch.randn(3, 4)
    plain = regression_error(predicted, wanted)
    assert torch.equal(regression_error(predicted, wanted, torch.ones(3)), plain)
    assert torch.equal(regression_error(predicted, wanted, torch.ones(3, 4)), plain)


def test_regression_error_falls_towards_the_wanted() -> None:
    wanted = torch.ones(2, 3)
    assert regression_error(torch.full((2, 3), 0.9), wanted) < regression_error(torch.full((2, 3), 0.5), wanted)
