"""What several tools say of one face, put together; and where they disagree.

Scores are compared on one tool's scale (`calibration`). The consensus is their weighted mean; how far
the tools lie apart, as a share of the scale, is their disagreement. Over a dataset, correlation and
ICC(3,1) (`agreement`) tell for every pair of tools whether they follow the same movements, and Cohen's
kappa (A coefficient of agreement for nominal scales, 1960) whether they see them in the same faces:
two tools that never see AU15 agree always and know nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fexdata.faces.action_units.agreement import correlation, icc_3_1
from fexdata.faces.action_units.calibration import equated
from fexdata.faces.action_units.schemes import Values

FEWEST_TOOLS = 2
"""Tools that must score an action unit before there is something to agree on."""
FEWEST_FACES = 10
"""Faces that two tools must both have scored before their agreement is worth a figure."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """Of one face, by action unit; None where fewer than `FEWEST_TOOLS` scored it."""

    scores: dict[str, float | None]
    """Weighted mean of the tools, on the common scale."""
    agreement: dict[str, float | None]
    """1: all tools say the same; 0: they lie a whole scale apart."""
    disagreement: float | None
    """Root mean square over the action units of 1 - agreement, so that one unit on which tools
    contradict each other counts for more than many small differences; None where nothing was scored
    twice."""


def consensus(
    scores: Mapping[str, Values],
    confidence: Mapping[str, Values] | None = None,
    *,
    names: tuple[str, ...],
    highest: float,
) -> Consensus:
    """One face's consensus over the action units `names`.

    scores: tool -> its values, all on one scale from 0 to `highest`. confidence: tool -> its own, 0 to 1,
    which weighs its word; 1 where it does not say.
    """
    means: dict[str, float | None] = {}
    agreement: dict[str, float | None] = {}
    for name in names:
        said = {tool: values[name] for tool, values in scores.items() if values.get(name) is not None}
        values = np.array(list(said.values()), np.float64)
        sure = [((confidence or {}).get(tool) or {}).get(name) for tool in said]
        weights = np.array([1.0 if one is None else max(one, 1e-3) for one in sure])
        enough = len(said) >= FEWEST_TOOLS
        means[name] = float(values @ weights / weights.sum()) if enough else None
        agreement[name] = 1.0 - min(float(np.ptp(values)) / highest, 1.0) if enough else None
    apart = [1.0 - value for value in agreement.values() if value is not None]
    return Consensus(means, agreement, float(np.sqrt(np.mean(np.square(apart)))) if apart else None)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of two tools on one action unit, over a dataset's faces."""

    faces: int
    """That both scored."""
    r: float
    """Pearson's correlation of the scores as they are."""
    icc31: float
    """ICC(3,1), the second tool's scores brought onto the first one's scale; NaN where they cannot be."""
    kappa: float
    """Cohen's, of whether the action unit is there."""


def agreements(
    scores: Mapping[str, Mapping[str, np.ndarray]], present_from: Mapping[str, float]
) -> dict[str, dict[tuple[str, str], Agreement]]:
    """Action unit -> pair of tools -> their agreement, where both scored `FEWEST_FACES` faces.

    scores: tool -> action unit -> (n,) values, NaN for none, rows in one order for all. present_from:
    tool -> the score from which an action unit is there. Figures that make no sense (a tool's scores
    never vary) are NaN.
    """
    result: dict[str, dict[tuple[str, str], Agreement]] = {}
    for name in dict.fromkeys(name for units in scores.values() for name in units):
        tools = [tool for tool, units in scores.items() if name in units]
        for one, other in itertools.combinations(tools, 2):
            a, b = scores[one][name], scores[other][name]
            both = np.isfinite(a) & np.isfinite(b)
            if both.sum() < FEWEST_FACES:
                continue
            a, b = a[both], b[both]
            onto = equated(b, a)
            result.setdefault(name, {})[one, other] = Agreement(
                int(both.sum()),
                correlation(a, b),
                icc_3_1(a, onto(b)) if onto is not None else float("nan"),
                kappa(a >= present_from[one], b >= present_from[other]),
            )
    return result


def kappa(one: np.ndarray, other: np.ndarray) -> float:
    """Cohen's kappa of two (n,) bool arrays: 1 full agreement, 0 as by chance; NaN where both always
    say the same one thing."""
    agree = float((one == other).mean())
    chance = float(one.mean() * other.mean() + (1 - one.mean()) * (1 - other.mean()))
    return (agree - chance) / (1 - chance) if chance < 1 else float("nan")
