"""Two questions about decisions: does `quality` know the worst meshes, and is any expression favoured?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

WORST = 0.1
"""Share of the meshes that are the worst."""
DRAWS = 2000
"""Shuffles for what chance does."""


def auc_of_worst(quality: np.ndarray, error: np.ndarray) -> float:
    """Area under the curve with which low quality (n,) finds the tenth of largest error (n,): the
    probability that a mesh of the worst has less quality than another. Missing quality counts as 0."""
    return auc(-np.nan_to_num(quality), error >= np.quantile(error, 1 - WORST))


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    """Probability that a positive's score is above another's; ties count half (Mann and Whitney)."""
    some, others = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(score)
    return float((ranks[positive].sum() - some * (some + 1) / 2) / (some * others)) if some and others else np.nan


@dataclass(frozen=True, slots=True)
class Parity:
    """Acceptance of each expression, were all equally good."""

    rates: dict[str, float]
    gap: float
    """Largest less smallest rate."""
    by_chance: float
    """The gap that expressions that are treated alike stay below in 95 of 100 corpora of this size."""


def parity(accepted: np.ndarray, error: np.ndarray, scene: np.ndarray, expression: np.ndarray) -> Parity:
    """Acceptance at equal true quality; all (n,): bool, true error in %, scene, expression's name.

    A linear model of acceptance: one constant for each scene (all that its pictures have in common:
    person, pose, camera, light), one for each expression, and a slope on the logarithm of the true
    error. The rates are the expressions' constants, about the mean acceptance. What chance does:
    the same with the expressions of each scene's pictures shuffled.
    """
    names, which = np.unique(expression, return_inverse=True)
    _, scenes = np.unique(scene, return_inverse=True)
    outcome = _within(np.asarray(accepted, float)[:, None], scenes)
    slope = _within(np.log(error)[:, None], scenes)
    effects = _effects(outcome, slope, which, scenes, len(names))
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(DRAWS):
        order = np.lexsort((rng.random(len(scenes)), scenes))
        shuffled = np.empty_like(which)
        shuffled[np.argsort(scenes, kind="stable")] = which[order]
        gaps.append(np.ptp(_effects(outcome, slope, shuffled, scenes, len(names))))
    rates = dict(zip(names.tolist(), (np.mean(accepted) + effects).tolist(), strict=True))
    return Parity(rates, float(np.ptp(effects)), float(np.quantile(gaps, 0.95)))


def _effects(outcome: np.ndarray, slope: np.ndarray, which: np.ndarray, scenes: np.ndarray, count: int) -> np.ndarray:
    design = np.hstack([_within(np.eye(count)[which], scenes), slope])
    effects: np.ndarray = np.linalg.lstsq(design, outcome[:, 0], rcond=None)[0][:count]
    return effects - effects.mean()


def _within(values: np.ndarray, scenes: np.ndarray) -> np.ndarray:
    """Values (n, d) less the mean of their scene's."""
    totals = np.zeros((int(scenes.max()) + 1, values.shape[1]))
    np.add.at(totals, scenes, values)
    centred: np.ndarray = values - (totals / np.bincount(scenes)[:, None])[scenes]
    return centred
