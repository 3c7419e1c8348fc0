"""Figures with their intervals."""

import math

import numpy as np
import pytest

from fexdata.evaluation.measured import mean_of, ratio_of


def test_interval_holds_the_mean_as_often_as_it_says() -> None:
    held = 0
    for trial in range(100):
        values = np.random.default_rng([1, trial]).normal(3, 1, 60)
        found = mean_of("m", values, seed=trial)
        assert found.low is not None and found.high is not None
        held += found.low < 3 < found.high
    assert 88 <= held <= 100


def test_figures_are_a_function_of_values_and_seed() -> None:
    values = np.random.default_rng(0).normal(size=30)
    assert mean_of("m", values, seed=1) == mean_of("m", values, seed=1)
    assert mean_of("m", values, seed=1).low != mean_of("m", values, seed=2).low


def test_ratio_is_paired() -> None:
    """Where each value is half its own reference, no choice of pictures changes the ratio."""
    reference = np.random.default_rng(0).uniform(1, 100, 40)
    found = ratio_of("r", reference / 2, reference, seed=0)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    assert found.n == 40


def test_nothing_measured_is_no_number() -> None:
    assert math.isnan(mean_of("m", np.empty(0), seed=0).value)
    assert math.isnan(ratio_of("r", np.ones(2), np.zeros(2), seed=0).value)
