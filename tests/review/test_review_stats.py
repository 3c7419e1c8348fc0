"""The statistics tell the truth at the rate they state, whatever a tired reviewer looked at."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from shorthand import accept, decide, names, reject, wish

from fexdata.review.agreement import cohen_kappa
from fexdata.review.desk import Desk
from fexdata.review.intervals import Estimate, Sample, clopper_pearson, corrected, total
from fexdata.review.state import BAD, GOOD
from fexdata.review.stats import Drawn, recall, remaining, statistics
from fexdata.review.thresholds import threshold_for

LEVEL = 0.95


@pytest.mark.parametrize(("hits", "of"), [(0, 10), (1, 30), (7, 20), (30, 30), (250, 3000)])
def test_clopper_pearson_is_the_exact_binomial_interval(hits: int, of: int) -> None:
    from scipy.stats import binomtest

    exact = binomtest(hits, of).proportion_ci(LEVEL, method="exact")
    found = clopper_pearson(hits, of)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_without_a_sample_anything_is_possible() -> None:
    assert (clopper_pearson(0, 0).low, clopper_pearson(0, 0).high) == (0.0, 1.0)
    assert total([Sample(100), Sample(50, 50, 3)]) == Estimate(53.0, 3.0, 103.0)


def test_what_was_judged_as_a_whole_is_counted() -> None:
    assert Sample(20, 20, 5, 2).rows() == Estimate(6.0, 5, 7)


def test_correction_undoes_a_known_error_rate() -> None:
    true, missed, blamed = 0.08, 0.1, 0.05
    seen = true * (1 - missed) + (1 - true) * blamed
    found = corrected(Estimate(seen, seen, seen), *(Estimate(r, r, r) for r in (missed, blamed)))
    assert found.value == pytest.approx(true) and found.low == pytest.approx(true)


# The gate: a reviewer of known error rate who works by doubt and stops early


def session(rng: np.random.Generator, errors: float, stops: int, audited: int) -> tuple[Estimate, int, int]:
    """One simulated review of 2,000 accepted rows: (the interval, bad rows nobody saw, rows nobody saw).

    - the nearer a row is to its rule, the likelier it is bad;
    - the reviewer first judges by doubt and stops after `stops` faces, then audits in the seeded
      order, four strata in turn, faces already judged passed over;
    - every verdict is wrong with probability `errors`.
    """
    count = 2000
    margin = rng.uniform(0, 1, count)
    bad = rng.uniform(0, 1, count) < 0.3 * np.exp(-6 * margin)
    said = np.where(rng.uniform(0, 1, count) < errors, ~bad, bad)
    place = rng.permutation(count).astype(np.uint64)
    judged, sampled = np.zeros(count, np.int8), np.zeros(count, bool)
    codes = np.where(said, BAD, GOOD)
    by_doubt = np.argsort(margin)
    judged[by_doubt[:stops]] = codes[by_doubt[:stops]]
    strata = [part[np.argsort(place[part])] for part in np.array_split(by_doubt, 4)]
    turns = [row for turn in zip(*strata, strict=True) for row in turn]
    open_rows = [row for row in turns if not judged[row]][:audited]
    judged[open_rows], sampled[open_rows] = codes[open_rows], True
    draw = Drawn(judged, sampled, place)
    rates = (Estimate(errors, errors, errors),) * 2
    seen = judged > 0
    found = remaining(draw.stratified(strata), int(seen.sum()), int(np.sum(judged == BAD)), rates=rates)
    assert found.bad is not None
    return found.bad, int(np.sum(bad & ~seen)), int(np.sum(~seen))


@pytest.mark.parametrize(("errors", "stops", "audited"), [(0.0, 0, 200), (0.0, 300, 200), (0.05, 300, 200),
                                                          (0.1, 700, 100), (0.02, 50, 400)])  # fmt: skip
def test_the_interval_of_bad_rows_nobody_saw_covers_the_truth(errors: float, stops: int, audited: int) -> None:
    runs = 300
    found = [session(np.random.default_rng([7, run, stops]), errors, stops, audited) for run in range(runs)]
    covered = sum(interval.low <= truth <= interval.high for interval, truth, _ in found)
    # At the stated rate or better: too few would be a 1 in 1,000 accident at exactly 95 %.
    assert clopper_pearson(covered, runs, 0.998).high >= LEVEL
    widths = [(interval.high - interval.low) / unseen for interval, _, unseen in found]
    assert np.median(widths) < 0.13  # and it says something


def test_taking_the_doubtful_faces_for_a_sample_would_not_cover_the_truth() -> None:
    """What the random audit is for: the same sessions, judged as if all that was seen were a sample."""
    covered = 0
    for run in range(100):
        rng = np.random.default_rng([8, run])
        margin = rng.uniform(0, 1, 2000)
        bad = rng.uniform(0, 1, 2000) < 0.3 * np.exp(-6 * margin)
        seen = np.argsort(margin)[:300]
        naive = clopper_pearson(int(bad[seen].sum()), 300)
        truth = np.delete(bad, seen).mean()
        covered += naive.low <= truth <= naive.high
    assert covered < 20


def test_the_sample_ends_at_the_first_face_that_was_passed_over() -> None:
    judged = np.array([1, 2, 1, 0, 2, 1], np.int8)
    draw = Drawn(judged, judged > 0, np.arange(6, dtype=np.uint64))
    assert draw.prefix(np.arange(6)).tolist() == [0, 1, 2]
    assert draw.sample(np.arange(6)) == Sample(6, 3, 1)


def test_strata_judged_unequally_are_cut_to_the_same_share() -> None:
    judged = np.array([2, 1, 1, 1, 2, 0, 0, 0, 1, 1], np.int8)
    draw = Drawn(judged, judged > 0, np.arange(10, dtype=np.uint64))
    found = draw.stratified([np.arange(0, 4), np.arange(4, 8), np.array([8, 9])])
    assert found == [Sample(4, 4, 1), Sample(2, 2, 0), Sample(4, 1, 1)]


def test_faces_judged_by_doubt_alone_are_no_sample() -> None:
    judged = np.array([1, 2, 1, 0], np.int8)
    assert Drawn(judged, np.zeros(4, bool), np.arange(4, dtype=np.uint64)).sample(np.arange(4)).judged == 0


def test_recall_covers_the_truth() -> None:
    covered, runs = 0, 300
    for run in range(runs):
        rng = np.random.default_rng([9, run])
        flagged, others = rng.uniform(size=400) < 0.7, rng.uniform(size=3000) < 0.02
        samples = [Sample(len(one), 150, int(one[:150].sum())) for one in (flagged, others)]
        found = recall(samples[0], samples[1:])
        assert found is not None
        covered += found.low <= flagged.sum() / (flagged.sum() + others.sum()) <= found.high
    assert clopper_pearson(covered, runs, 0.998).high >= LEVEL


def test_recall_is_not_told_where_a_part_was_never_looked_at() -> None:
    assert recall(Sample(100, 50, 40), [Sample(1000)]) is None


def test_kappa_of_a_table_from_the_literature() -> None:
    """Fleiss, Cohen and Everitt 1969, table 1: 0.429 with a standard error of 0.0540 (n = 200)."""
    table = np.array([[0.53, 0.05, 0.02], [0.11, 0.14, 0.05], [0.01, 0.06, 0.03]]) * 200
    kappa, low, high = cohen_kappa(table) or (0, 0, 0)
    assert kappa == pytest.approx(0.429, abs=5e-4)
    assert (high - low) / 2 / 1.959964 == pytest.approx(0.054, abs=5e-4)


def test_kappa_is_not_defined_where_everybody_says_the_same() -> None:
    assert cohen_kappa(np.diag([9, 0, 0])) is None and cohen_kappa(np.zeros((3, 3))) is None
    assert cohen_kappa(np.diag([5, 5, 0]))[0] == 1.0  # type: ignore[index]


def test_the_suggested_threshold_is_where_the_precision_is() -> None:
    rng = np.random.default_rng(3)
    values = rng.uniform(size=20_000)
    bad = rng.uniform(size=20_000) < np.where(values < 0.3, 0.95, 0.1)
    found = threshold_for(values, bad.astype(float), np.ones(20_000), 0.9)
    # 0.3 · 0.95 + (t − 0.3) · 0.1 = 0.9 t
    assert found is not None and found[0] == pytest.approx(0.255 / 0.8, abs=0.01)
    assert found[1].low < 0.9 < found[1].high + 0.01


def test_no_threshold_is_suggested_from_a_handful() -> None:
    assert threshold_for(np.linspace(0, 1, 19), np.ones(19), np.ones(19), 0.9) is None


def test_a_whole_review_is_told(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(double=1.0, check_share=1.0)
    for reviewer in ("anna", "ben"):
        for queue in ("accepted", "rejected", "doubtful"):
            while found := names(desk.next(reviewer, wish(queue, "random", 20))):
                actions = [reject(one) if desk.catalog.row(one) is None or queue == "rejected" else accept(one)
                           for one in found]  # fmt: skip
                decide(desk, reviewer, *actions, queue=queue, order="random")
    told = statistics(desk.catalog, desk.orders, desk.state)
    rejected = next(one for one in told["rules"] if one["status"] == "rejected")
    assert rejected["precision"]["value"] == 1.0 and rejected["recall"]["low"] == 1.0
    assert next(one for one in told["rules"] if one["status"] == "review")["precision"]["value"] == 0.0
    assert told["agreement"]["pairs"][0]["kappa"] == 1.0
    anna = told["reviewers"][0]
    assert anna["decisions"] == 58 and anna["checks"]["planted"] == anna["checks"]["caught"] == 58
    assert told["remaining"]["words"] == "Every accepted row was looked at."
    below = next(one for one in told["thresholds"] if one["rule"] == "reject")
    assert below["suggested"] is None or 0.29 < below["suggested"] < 0.36
