"""The numbers of the report, from arrays; nothing here reads a file or draws.

`accepted` is everywhere a boolean array, one value per row of the manifest.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Z95 = 1.959963984540054
"""The standard normal's 97.5 % point: intervals are two-sided at 95 %."""

FAIR_SHARE = 0.8
"""A class accepted at less than this share of the overall rate is pointed out: the four-fifths
rule of the US Uniform Guidelines on Employee Selection Procedures (1978), 29 CFR 1607.4 D."""

FEW_ROWS = 30
"""Classes of fewer rows are shown but not judged."""

YAW_EDGES = (-45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0)
ITA_EDGES = (-30.0, 10.0, 28.0, 41.0, 55.0)
ITA_NAMES = ("dark", "brown", "tan", "intermediate", "light", "very light")
"""Classes of the individual typology angle: Chardon, Cretois and Hourseau (1991), with the
division into six of Del Bino and Bernerd (2013). An edge belongs to the darker class."""


class Finding(enum.Enum):
    """What a class's acceptance rate says beside the overall one."""

    FINE = "fine"
    TOO_FEW = "too few"
    PERHAPS_LOW = "perhaps low"
    """Below `FAIR_SHARE` of the overall rate, but the interval reaches above it."""
    LOW = "low"
    """Below it with the whole interval."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of rows with its 95 % Wilson interval; all three are 0..1."""

    hits: int
    rows: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Group:
    """One class of rows: how many of them are accepted, and what to make of that.

    `ratio` is its rate over the overall rate (NaN when either is undefined).
    """

    label: str
    rate: Rate
    ratio: float
    finding: Finding


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Acceptance class by class, and over all rows that belong to a class."""

    groups: tuple[Group, ...]
    overall: Rate
    unknown: Rate
    """Rows that belong to no class: no label, or nothing was measured."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of accepted and other rows in bins of equal width.

    `edges` has one value more than the counts. Values beyond the edges are counted in the
    outermost bins. A median is NaN where there is nothing to take it of.
    """

    edges: np.ndarray
    accepted: np.ndarray
    others: np.ndarray
    accepted_median: float
    others_median: float
    missing: int


def rate(hits: int, rows: int) -> Rate:
    """A share and its 95 % interval after Wilson (1927), Journal of the American Statistical
    Association 22, 209-212. Without rows the share is 0 and the interval 0..1."""
    if rows == 0:
        return Rate(0, 0, 0.0, 0.0, 1.0)
    share = hits / rows
    scale = 1.0 + Z95**2 / rows
    middle = (share + Z95**2 / (2 * rows)) / scale
    half = Z95 / scale * math.sqrt(share * (1 - share) / rows + Z95**2 / (4 * rows**2))
    # At 0 and 1 the bound is exact; rounding would leave it at 1e-17 beside it.
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    high = 1.0 if hits == rows else min(1.0, middle + half)
    return Rate(hits, rows, share, low, high)


def judge(group: Rate, overall: Rate) -> tuple[float, Finding]:
    """The ratio of two rates, and whether the group's is too low to pass over."""
    if group.rows == 0 or overall.hits == 0:
        return math.nan, Finding.TOO_FEW if group.rows < FEW_ROWS else Finding.FINE
    ratio = group.share / overall.share
    if group.rows < FEW_ROWS:
        return ratio, Finding.TOO_FEW
    if ratio >= FAIR_SHARE:
        return ratio, Finding.FINE
    return ratio, Finding.LOW if group.high < FAIR_SHARE * overall.share else Finding.PERHAPS_LOW


def acceptance(codes: np.ndarray, labels: Sequence[str], accepted: np.ndarray) -> Acceptance:
    """Acceptance by class.

    `codes` holds per row the index of its class in `labels`, or -1 for none. The overall rate
    covers rows with a class only: a row that failed before its yaw was known says nothing about
    yaw, and would make every class look better than the whole.
    """
    known = codes >= 0
    overall = rate(int(np.count_nonzero(accepted & known)), int(np.count_nonzero(known)))
    rows = np.bincount(codes[known], minlength=len(labels))
    hits = np.bincount(codes[known & accepted], minlength=len(labels))
    groups = []
    for label, count, hit in zip(labels, rows, hits, strict=True):
        one = rate(int(hit), int(count))
        groups.append(Group(label, one, *judge(one, overall)))
    unknown = rate(int(np.count_nonzero(accepted & ~known)), int(np.count_nonzero(~known)))
    return Acceptance(tuple(groups), overall, unknown)


def yaw_codes(yaw: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Classes of yaw in degrees; an edge belongs to the class above it, NaN to none."""
    inner = [f"{_signed(low)} to {_signed(high)}°" for low, high in pairwise(YAW_EDGES)]
    labels = [f"below {_signed(YAW_EDGES[0])}°", *inner, f"{_signed(YAW_EDGES[-1])}° and above"]
    return np.where(np.isnan(yaw), -1, np.digitize(yaw, YAW_EDGES)), labels


def skin_tone_codes(ita: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Classes of the individual typology angle in degrees, from very light to dark; NaN to none."""
    darkest_first = np.digitize(ita, ITA_EDGES, right=True)
    edges = [f"{_signed(edge)}" for edge in ITA_EDGES]
    ranges = [f"≤ {edges[0]}°", *(f"{a} to {b}°" for a, b in pairwise(edges)), f"> {edges[-1]}°"]
    labels = [f"{name}, {span}" for name, span in zip(ITA_NAMES, ranges, strict=True)]
    return np.where(np.isnan(ita), -1, len(ITA_NAMES) - 1 - darkest_first), labels[::-1]


def histogram(
    values: np.ndarray, accepted: np.ndarray, *, bins: int = 36, span: tuple[float, float] | None = None
) -> Histogram | None:
    """Accepted beside other rows. None when no row has a value.

    Without a `span` the axis runs over the middle 99 % of the values, so that one outlier does
    not squeeze the rest into one bin.
    """
    known = np.isfinite(values)
    if not known.any():
        return None
    low, high = span or (float(bound) for bound in np.quantile(values[known], (0.005, 0.995)))
    if high - low <= 1e-6 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1)
    counts, medians = [], []
    for chosen in (values[known & accepted], values[known & ~accepted]):
        where = np.clip((chosen - low) * (bins / (high - low)), 0, bins - 1).astype(np.int64)
        counts.append(np.bincount(where, minlength=bins))
        medians.append(float(np.median(chosen)) if len(chosen) else math.nan)
    return Histogram(edges, counts[0], counts[1], medians[0], medians[1], int(np.count_nonzero(~known)))


def ticks(low: float, high: float, at_least: int = 3) -> list[float]:
    """Round numbers within [low, high], `at_least` of them: multiples of the largest step of 1, 2
    or 5 times a power of ten that gives so many."""
    power = 10.0 ** math.floor(math.log10(high - low))
    found: list[float] = []
    for step in (power * factor for factor in (5.0, 2.0, 1.0, 0.5, 0.2, 0.1)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        found = [round(index * step, 10) + 0.0 for index in range(first, last + 1)]
        if len(found) >= at_least:
            break
    return found


def spread(keys: np.ndarray, groups: np.ndarray, count: int) -> np.ndarray:
    """Positions of up to `count` items, taken in turn from each group, within a group in the
    order of `keys`: a sample in which rare groups are seen. Depends on nothing but its input.

    `keys` are distinct strings or numbers, `groups` integers.
    """
    order = np.lexsort((keys, groups))
    sorted_groups = groups[order]
    starts = np.flatnonzero(np.r_[True, sorted_groups[1:] != sorted_groups[:-1]]) if len(order) else np.empty(0, int)
    turn = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    return order[np.lexsort((sorted_groups, turn))][:count]


def _signed(value: float) -> str:
    return f"{value:g}".replace("-", "−")
