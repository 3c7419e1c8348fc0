"""The numbers of the report against values worked out by hand or taken from the literature."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fexdata.dataset.report.statistics import (
    Finding,
    acceptance,
    histogram,
    judge,
    rate,
    skin_tone_codes,
    spread,
    ticks,
    yaw_codes,
)


@pytest.mark.parametrize(
    ("hits", "rows", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe (1998), Statistics in Medicine 17, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_interval_equals_newcombes_published_examples(hits: int, rows: int, low: float, high: float) -> None:
    found = rate(hits, rows)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(st.integers(0, 500), st.integers(1, 500))
def test_interval_holds_its_share_and_mirrors_with_it(hits: int, more: int) -> None:
    found, mirrored = rate(hits, hits + more), rate(more, hits + more)
    assert 0 <= found.low <= found.share <= found.high <= 1
    assert found.low == pytest.approx(1 - mirrored.high, abs=1e-12)


def test_rate_without_rows_knows_nothing() -> None:
    found = rate(0, 0)
    assert (found.share, found.low, found.high) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("hits", "rows", "finding"),
    [
        (29, 29, Finding.TOO_FEW),
        (0, 29, Finding.TOO_FEW),
        (80, 100, Finding.FINE),  # exactly four fifths of the overall rate
        (79, 100, Finding.PERHAPS_LOW),  # the interval reaches 0.86
        (70, 100, Finding.LOW),  # the interval ends at 0.78
    ],
)
def test_judgement_takes_rows_and_interval_into_account(hits: int, rows: int, finding: Finding) -> None:
    assert judge(rate(hits, rows), rate(1000, 1000))[1] is finding


def test_nothing_is_judged_beside_an_overall_rate_of_zero() -> None:
    ratio, finding = judge(rate(0, 100), rate(0, 1000))
    assert math.isnan(ratio) and finding is Finding.FINE


def test_rows_without_a_class_do_not_enter_the_overall_rate() -> None:
    codes = np.array([0, 0, 1, -1, -1])
    found = acceptance(codes, ["a", "b"], np.array([True, False, True, False, True]))
    assert [(group.label, group.rate.hits, group.rate.rows) for group in found.groups] == [("a", 1, 2), ("b", 1, 1)]
    assert (found.overall.hits, found.overall.rows) == (2, 3)
    assert (found.unknown.hits, found.unknown.rows) == (1, 2)


def test_yaw_edges_belong_to_the_class_above() -> None:
    codes, labels = yaw_codes(np.array([-90, -45, -0.01, 0, 44.9, 45, np.nan], np.float32))
    assert [labels[code] for code in codes[:-1]] == [
        "below −45°", "−45 to −30°", "−15 to 0°", "0 to 15°", "30 to 45°", "45° and above"
    ]  # fmt: skip
    assert codes[-1] == -1


def test_skin_tone_edges_belong_to_the_darker_class() -> None:
    codes, labels = skin_tone_codes(np.array([55.01, 55, 41, 28, 10, -30, np.nan], np.float32))
    assert [labels[code].split(",")[0] for code in codes[:-1]] == [
        "very light", "light", "intermediate", "tan", "brown", "dark"
    ]  # fmt: skip
    assert codes[-1] == -1


def test_histogram_counts_every_value_once() -> None:
    values = np.array([0, 0.05, 0.5, 1, 7, -3, np.nan, np.inf], np.float32)
    accepted = np.array([1, 1, 1, 0, 1, 0, 1, 0], bool)
    found = histogram(values, accepted, bins=10, span=(0, 1))
    assert found is not None
    assert found.accepted.tolist() == [2, 0, 0, 0, 0, 1, 0, 0, 0, 1]  # 7 is counted in the last bin
    assert found.others.tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert found.accepted_median == pytest.approx(0.275)
    assert (found.others_median, found.missing) == (-1.0, 2)


def test_histogram_of_one_value_has_an_axis_and_of_none_is_none() -> None:
    found = histogram(np.full(5, 3, np.float32), np.ones(5, bool))
    assert found is not None and found.edges[0] < 3 < found.edges[-1] and math.isnan(found.others_median)
    assert histogram(np.full(5, np.nan, np.float32), np.ones(5, bool)) is None


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0, 1) == [0, 0.5, 1]
    assert ticks(-47.3, 52.1) == [-40, -20, 0, 20, 40]
    assert ticks(1200, 9800) == [2000, 4000, 6000, 8000]
    assert ticks(0.0012, 0.0031) == [0.0015, 0.002, 0.0025, 0.003]


def test_spread_takes_from_each_group_in_turn() -> None:
    groups = np.array([0, 0, 0, 0, 1, 1, 2])
    keys = np.array([3, 2, 1, 0, 9, 8, 5])
    assert spread(keys, groups, 5).tolist() == [3, 5, 6, 2, 4]
    assert spread(keys, groups, 99).tolist() == [3, 5, 6, 2, 4, 1, 0]
    assert spread(keys[:0], groups[:0], 3).tolist() == []
