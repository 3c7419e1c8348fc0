"""Consensus of tools: means, weights, disagreement, chance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fexdata.faces.action_units.consensus import agreements, consensus, kappa

NAMES = ("AU4", "AU12", "AU14")


def test_the_mean_and_the_distance_of_tools() -> None:
    scores = {"a": {"AU4": 1.0, "AU12": 4.0, "AU14": 1.5}, "b": {"AU4": 2.0, "AU12": 4.0}}
    found = consensus(scores, names=NAMES, highest=5.0)
    assert found.scores == {"AU4": 1.5, "AU12": 4.0, "AU14": None}
    assert found.agreement == {"AU4": pytest.approx(0.8), "AU12": 1.0, "AU14": None}
    assert found.disagreement == pytest.approx(math.sqrt((0.2**2 + 0) / 2))


def test_one_contradiction_counts_for_more_than_many_small_differences() -> None:
    small = consensus({"a": dict.fromkeys(NAMES, 1.0), "b": dict.fromkeys(NAMES, 2.0)}, names=NAMES, highest=5.0)
    scores = {"a": dict.fromkeys(NAMES, 1.0), "b": dict.fromkeys(NAMES, 1.0) | {"AU4": 4.0}}
    one = consensus(scores, names=NAMES, highest=5.0)
    assert one.disagreement is not None and small.disagreement is not None
    assert one.disagreement > 1.5 * small.disagreement


def test_a_surer_tool_has_more_of_a_say() -> None:
    scores, sure = {"a": {"AU12": 3.0}, "b": {"AU12": 0.0}}, {"a": {"AU12": 0.9}, "b": {"AU12": 0.1}}
    assert consensus(scores, sure, names=("AU12",), highest=5.0).scores["AU12"] == pytest.approx(2.7)


def test_one_tool_alone_is_no_consensus() -> None:
    found = consensus({"a": {"AU12": 3.0}, "b": {"AU12": None}}, names=("AU12",), highest=5.0)
    assert found.scores == {"AU12": None} and found.disagreement is None


def test_kappa_takes_chance_off() -> None:
    # Cohen's own way of counting: agreement 0.7, by chance 0.5.
    one = np.array([True] * 5 + [False] * 5)
    other = np.array([True] * 4 + [False] + [True] * 2 + [False] * 3)
    assert kappa(one, other) == pytest.approx((0.7 - (0.5 * 0.6 + 0.5 * 0.4)) / (1 - 0.5))
    assert kappa(one, one) == 1 and kappa(one, ~one) == -1
    assert math.isnan(kappa(np.zeros(5, bool), np.zeros(5, bool)))


def test_agreement_is_that_of_the_faces_that_both_tools_scored_on_one_scale() -> None:
    rng = np.random.default_rng(1)
    smile = np.maximum(rng.normal(1, 2, 300), 0)
    other = np.where(np.arange(300) < 200, smile / 5 + 0.2, np.nan)
    scores = {"a": {"AU12": smile, "AU9": smile}, "b": {"AU12": other, "AU4": smile}}
    found = agreements(scores, {"a": 1.0, "b": 0.4})
    assert list(found) == ["AU12"]
    one = found["AU12"]["a", "b"]
    assert one.faces == 200
    assert (one.r, one.icc31, one.kappa) == (pytest.approx(1), pytest.approx(1, abs=0.01), pytest.approx(1))


def test_tools_that_see_different_faces_smile_do_not_agree() -> None:
    rng = np.random.default_rng(2)
    smile = np.maximum(rng.normal(0, 2, 400), 0)
    found = agreements({"a": {"AU12": smile}, "b": {"AU12": rng.permutation(smile)}}, {"a": 1.0, "b": 1.0})
    one = found["AU12"]["a", "b"]
    assert abs(one.r) < 0.15 and abs(one.icc31) < 0.15 and abs(one.kappa) < 0.15


def test_a_tool_that_never_varies_has_no_figures_but_its_faces() -> None:
    values = np.linspace(0, 5, 100)
    one = agreements({"a": {"AU12": values}, "b": {"AU12": np.zeros(100)}}, {"a": 1.0, "b": 1.0})["AU12"]["a", "b"]
    assert one.faces == 100 and math.isnan(one.r) and math.isnan(one.icc31) and one.kappa == pytest.approx(0)
