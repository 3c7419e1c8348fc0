"""Calibration: a tool's scale is recovered whatever its shape, and weak agreement is not hidden."""

from __future__ import annotations

import numpy as np
import pytest

from fexdata.faces.action_units.calibration import FEWEST, calibration, equated

RNG = np.random.default_rng(0)
INTENSITY = np.maximum(RNG.normal(0, 2, 400), 0).clip(0, 5)


def test_a_probability_comes_back_as_the_intensity_it_was_made_from() -> None:
    probability = 1 / (1 + np.exp(-2 * (INTENSITY - 1.5)))
    back = equated(probability, INTENSITY)
    assert back is not None
    gap = np.abs(back(probability) - INTENSITY)
    assert gap.mean() < 0.05 and np.quantile(gap, 0.98) < 0.2


def test_the_map_never_descends_and_is_level_outside() -> None:
    noisy = (INTENSITY + RNG.normal(0, 1, 400)).clip(0, 5)
    back = equated(noisy, INTENSITY)
    assert back is not None
    line = back(np.linspace(-1, 9, 200))
    assert (np.diff(line) >= 0).all() and line[0] == back(np.array([noisy.min()]))[0] and line[-1] == INTENSITY.max()


def test_scores_that_have_nothing_in_common_are_not_pulled_to_the_mean() -> None:
    other = RNG.permutation(INTENSITY) * 2
    back = equated(other, INTENSITY)
    assert back is not None
    assert back(other).std() == pytest.approx(INTENSITY.std(), rel=0.05)


@pytest.mark.parametrize("other", [np.zeros(400), np.where(np.arange(400) < FEWEST - 1, INTENSITY, np.nan)])
def test_nothing_is_made_of_a_constant_or_of_few_faces(other: np.ndarray) -> None:
    assert equated(other, INTENSITY) is None


def test_faces_that_one_tool_did_not_score_are_left_out_and_stay_unknown() -> None:
    half = np.where(np.arange(400) % 2 == 0, INTENSITY / 5, np.nan)
    back = equated(half, INTENSITY)
    assert back is not None
    assert np.isnan(back(half)[1::2]).all() and np.abs(back(half)[::2] - INTENSITY[::2]).max() < 0.05


def test_units_are_calibrated_where_both_tools_score_them() -> None:
    scores = {"a": {"AU4": INTENSITY, "AU12": INTENSITY}, "b": {"AU12": INTENSITY / 5, "AU14": INTENSITY}}
    found = calibration(scores, "a")
    assert list(found) == ["b"] and list(found["b"]) == ["AU12"]
