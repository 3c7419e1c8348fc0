"""Agreement, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fexdata.faces.action_units.agreement import correlation, icc_2_1, icc_3_1


def pair(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = rng.normal(size=50)
    return true, true + rng.normal(0, 0.5, 50)


def test_consistency_is_twice_the_covariance_over_the_sum_of_variances() -> None:
    one, other = pair()
    cov = np.cov(one, other)
    assert icc_3_1(one, other) == pytest.approx(2 * cov[0, 1] / (cov[0, 0] + cov[1, 1]))


def test_a_constant_offset_costs_agreement_and_not_consistency() -> None:
    one, other = pair()
    assert icc_3_1(one, other + 3) == pytest.approx(icc_3_1(one, other))
    assert icc_2_1(one, other + 3) < icc_2_1(one, other) - 0.3
    cov, shift = np.cov(one, other), (other + 3).mean() - one.mean()
    # Shrout and Fleiss's formula, with MSC written out for two raters.
    between = (cov[0, 0] + cov[1, 1] + 2 * cov[0, 1]) / 2
    error = (cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]) / 2
    raters = 50 * shift**2 / 2
    expected = (between - error) / (between + error + 2 * (raters - error) / 50)
    assert icc_2_1(one, other + 3) == pytest.approx(expected)


def test_a_scale_costs_consistency_and_not_correlation() -> None:
    one, _ = pair()
    assert correlation(one, 3 * one) == pytest.approx(1) and icc_3_1(one, 3 * one) == pytest.approx(0.6)


def test_equal_scores_agree_fully_and_constant_ones_not_at_all_known() -> None:
    one, _ = pair()
    assert icc_3_1(one, one) == icc_2_1(one, one) == pytest.approx(1)
    flat = np.full(50, 2.0)
    assert math.isnan(icc_3_1(flat, flat)) and math.isnan(correlation(flat, one))
    assert icc_3_1(flat, one) == pytest.approx(0)
