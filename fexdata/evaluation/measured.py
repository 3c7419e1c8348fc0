"""A figure with everything that it needs to be believed: n, seed, interval, the network that judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000


@dataclass(frozen=True)
class Measured:
    """One result."""

    name: str
    """Metric and protocol: `ssim[target]`, `fid[classifier:1f2e3d4c]`."""
    value: float
    n: int
    """Pictures (or pairs) behind it."""
    seed: int
    """Of the choice of pictures and targets, and of resampling."""
    low: float | None = None
    high: float | None = None
    """95 % interval by bootstrap over pictures; None where none was made."""
    spread: float | None = None
    """Standard deviation over parts or subsets, where the metric is one of those."""
    note: str = ""


def mean_of(name: str, values: np.ndarray, *, seed: int, note: str = "") -> Measured:
    """The mean of one number per picture, with its interval. No pictures: NaN."""
    values = np.asarray(values, np.float64)
    if not len(values):
        return Measured(name, float("nan"), 0, seed, note=note)
    means = [values[chosen].mean() for chosen in _resampled(len(values), seed)]
    low, high = np.percentile(means, (2.5, 97.5))
    return Measured(name, float(values.mean()), len(values), seed, float(low), float(high), note=note)


def ratio_of(name: str, values: np.ndarray, reference: np.ndarray, *, seed: int, note: str = "") -> Measured:
    """The ratio of two means over the same pictures, resampled together (paired bootstrap)."""
    values, reference = np.asarray(values, np.float64), np.asarray(reference, np.float64)
    if not len(values) or not reference.mean() > 0:
        return Measured(name, float("nan"), len(values), seed, note=note)
    ratios = [values[chosen].mean() / max(reference[chosen].mean(), 1e-12) for chosen in _resampled(len(values), seed)]
    low, high = np.percentile(ratios, (2.5, 97.5))
    value = float(values.mean() / reference.mean())
    return Measured(name, value, len(values), seed, float(low), float(high), note=note)


def _resampled(count: int, seed: int) -> Iterator[np.ndarray]:
    """Which pictures each resample has."""
    rng = np.random.default_rng(seed)
    return (rng.integers(0, count, count) for _ in range(RESAMPLES))
