"""Intervals for shares, from samples and in the face of reviewers who err. Pure functions.

Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the
binomial, 1934; Rogan and Gladen, Estimating prevalence from the results of a screening test, 1978.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and the interval that covers the truth at least as often as its level says."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Estimate:
        return Estimate(self.value * factor, self.low * factor, self.high * factor)


def clopper_pearson(hits: float, of: float, level: float = LEVEL) -> Estimate:
    """The share of which `hits` of `of` is a random sample. Without a sample, anything: 0 to 1.

    The numbers need not be whole (weighted samples); exact where they are.
    """
    from scipy.stats import beta

    if of <= 0:
        return Estimate(0.5, 0.0, 1.0)
    tail = (1 - level) / 2
    low = 0.0 if hits <= 0 else float(beta.ppf(tail, hits, of - hits + 1))
    high = 1.0 if hits >= of else float(beta.ppf(1 - tail, hits + 1, of - hits))
    return Estimate(hits / of, low, high)


@dataclass(frozen=True, slots=True)
class Sample:
    """A random sample of a group of rows: `size` in the group, `judged` of them in the sample,
    `bad` and `unsure` among those."""

    size: int
    judged: int = 0
    bad: int = 0
    unsure: int = 0

    def share(self, level: float = LEVEL) -> Estimate:
        """The group's share of bad rows. What the reviewer was unsure of may be either: it counts
        as good for the lower limit, as bad for the upper, as half for the value."""
        low = clopper_pearson(self.bad, self.judged, level)
        high = clopper_pearson(self.bad + self.unsure, self.judged, level)
        value = (self.bad + self.unsure / 2) / self.judged if self.judged else 0.5
        return Estimate(value, low.low, high.high)

    def rows(self, level: float = LEVEL) -> Estimate:
        """The group's number of bad rows. A group that was judged as a whole is simply counted."""
        if self.judged >= self.size:
            return Estimate(self.bad + self.unsure / 2, self.bad, self.bad + self.unsure)
        found = self.share(level).times(self.size)
        return Estimate(found.value, max(found.low, self.bad), min(found.high, self.size - self.judged + self.bad
                                                                   + self.unsure))  # fmt: skip


def total(samples: Sequence[Sample], level: float = LEVEL) -> Estimate:
    """Bad rows in all groups (strata) together: the groups' intervals, each at a level so high that
    all hold at once (Bonferroni), added up."""
    open_groups = sum(one.judged < one.size for one in samples)
    each = 1 - (1 - level) / max(open_groups, 1)
    parts = [one.rows(each) for one in samples]
    return Estimate(*(sum(getattr(one, name) for one in parts) for name in ("value", "low", "high")))


def corrected(apparent: Estimate, missed: Estimate, blamed: Estimate) -> Estimate:
    """The true share behind an apparent one (Rogan and Gladen): apparent = p (1 - missed) + (1 - p)
    blamed, solved for p and kept within 0 to 1.

    missed: share of bad rows that the reviewer lets pass; blamed: share of good ones that he
    rejects. Limits are taken at the ends of all three intervals that make them widest.
    """
    value = _solved(apparent.value, missed.value, blamed.value)
    low = min(_solved(apparent.low, m, blamed.high) for m in (missed.low, missed.high))
    high = max(_solved(apparent.high, m, blamed.low) for m in (missed.low, missed.high))
    return Estimate(value, min(low, value), max(high, value))


def _solved(apparent: float, missed: float, blamed: float) -> float:
    sense = 1 - missed - blamed
    if sense <= 0:  # a reviewer no better than a coin says nothing
        return 0.5 if apparent == blamed else float(apparent > blamed)
    return min(max((apparent - blamed) / sense, 0.0), 1.0)
