"""Thresholds that would give a rule a wanted precision, from the faces judged in random order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from fexdata.review.catalog import Catalog
from fexdata.review.intervals import Estimate, clopper_pearson
from fexdata.review.state import BAD, UNSURE

FEWEST: Final = 20
"""Judged faces below a threshold that is suggested: fewer say too little."""

Group = tuple[np.ndarray, np.ndarray]
"""(members, those of them that are their random sample)."""


def suggestions(catalog: Catalog, groups: Sequence[Group], judged: np.ndarray, wanted: float) -> list[dict[str, Any]]:
    """For each rule, the largest threshold whose precision is at least `wanted`.

    A judged face stands for as many as its group has members per judged one, so that groups judged
    more thoroughly do not count for more.
    """
    sampled = np.concatenate([sample for _, sample in groups]) if groups else np.empty(0, np.int64)
    parts = [np.full(len(sample), len(members) / len(sample)) for members, sample in groups if len(sample)]
    weights = np.concatenate(parts) if parts else np.empty(0)
    sampled = sampled.astype(np.int64)
    badness = (judged[sampled] == BAD) + 0.5 * (judged[sampled] == UNSURE)
    found = []
    for column in catalog.limits:
        values = catalog.numbers(column)
        if values is None:
            continue
        best = threshold_for(values[sampled], badness, weights, wanted)
        for rule, status in (("reject", "rejected"), ("review", "review")):
            now = catalog.threshold(column, status)
            if now is not None:
                flags = 0 if best is None else int(np.sum(values[catalog.reviewable] < best[0]))
                found.append(_words(column, rule, now, wanted, best, flags))
    return found


def threshold_for(
    values: np.ndarray, badness: np.ndarray, weights: np.ndarray, wanted: float
) -> tuple[float, Estimate] | None:
    """(threshold, precision below it): the largest at which at least `wanted` of what lies below is
    bad, or None. values (n,), NaN for unknown; badness (n,) 0 to 1; weights (n,).

    The interval is Clopper and Pearson's at the weighted sample's effective size (Kish, Survey
    Sampling, 1965).
    """
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(values[known], kind="stable")]
    if len(order) < FEWEST:
        return None
    weight, value = weights[order], values[order].astype(np.float64)
    mass, bad = np.cumsum(weight), np.cumsum(weight * badness[order])
    last_of_equals = np.append(value[1:] > value[:-1], True)
    enough = np.arange(1, len(order) + 1) >= FEWEST
    fit = np.flatnonzero(last_of_equals & enough & (bad / mass >= wanted))
    if not len(fit):
        return None
    at = int(fit[-1])
    effective = mass[at] ** 2 / np.cumsum(weight**2)[at]
    share = float(bad[at] / mass[at])
    # Between this value and the next, so that rounding does not decide.
    limit = float(value[at] + value[at + 1]) / 2 if at + 1 < len(value) else float(np.nextafter(value[at], np.inf))
    return limit, clopper_pearson(share * effective, float(effective))


def _words(
    column: str, rule: str, now: float, wanted: float, best: tuple[float, Estimate] | None, flags: int
) -> dict[str, Any]:
    name = column.removeprefix("score_")
    if best is None:
        words = f"No threshold on {name} is known to have a precision of {wanted:.0%}."
    else:
        words = f"Below {best[0]:.3g} on {name}, {best[1].value:.0%} are bad; {flags:,} rows lie there."
    return {
        "column": column,
        "rule": rule,
        "now": now,
        "wanted": wanted,
        "suggested": None if best is None else round(best[0], 4),
        "precision": None if best is None else asdict(best[1]),
        "flags": flags,
        "words": words,
    }
