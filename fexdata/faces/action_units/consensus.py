"""What several tools say of one face, put together; and where they disagree.

Tools score on unlike scales, so they are compared by what all of them say: whether an action unit is
there (`schemes.presence`). Over a dataset, Cohen's kappa (A coefficient of agreement for nominal
scales, 1960) tells agreement from chance: two tools that never see AU15 agree always and know
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fexdata.faces.action_units.schemes import Values, presence

FEWEST_TOOLS = 2
"""Tools that must score an action unit before there is something to agree on."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """Of one face, by action unit; None where fewer than `FEWEST_TOOLS` scored it."""

    present: dict[str, float | None]
    """Weighted share of the tools, 0 to 1, that say it is there."""
    confidence: dict[str, float | None]
    """0: as many say so as not; 1: all say the same."""
    disagreement: float | None
    """Mean over its action units of 1 - confidence; None where nothing was scored twice."""


def consensus(
    scores: Mapping[str, Values], confidence: Mapping[str, Values] | None = None, *, names: tuple[str, ...]
) -> Consensus:
    """One face's consensus over the action units `names`.

    scores: scheme -> its values (see `schemes`). confidence: scheme -> the tool's own, 0 to 1, which
    weighs its word; 1 where it does not say. Raises `FexdataError` for a scheme without action units.
    """
    said = {scheme: presence(values, scheme) for scheme, values in scores.items()}
    present: dict[str, float | None] = {}
    for name in names:
        votes = []
        for scheme, found in said.items():
            there = found.get(name)
            if there is not None:
                sure = (confidence or {}).get(scheme, {}).get(name)
                votes.append((float(there), 1.0 if sure is None else max(sure, 1e-3)))
        weight = sum(sure for _, sure in votes)
        enough = len(votes) >= FEWEST_TOOLS
        present[name] = sum(there * sure for there, sure in votes) / weight if enough else None
    sureness = {name: None if share is None else abs(2 * share - 1) for name, share in present.items()}
    known = [value for value in sureness.values() if value is not None]
    return Consensus(present, sureness, 1.0 - float(np.mean(known)) if known else None)


def kappa(one: np.ndarray, other: np.ndarray) -> float:
    """Cohen's kappa of two (n,) bool arrays: 1 full agreement, 0 as by chance; NaN where both always
    say the same one thing."""
    agree = float((one == other).mean())
    chance = float(one.mean() * other.mean() + (1 - one.mean()) * (1 - other.mean()))
    return (agree - chance) / (1 - chance) if chance < 1 else float("nan")


def agreement_matrices(
    scores: Mapping[str, Mapping[str, np.ndarray]], present_from: Mapping[str, float]
) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Action unit -> the tools that score it, and kappa of each pair (t, t), over a dataset's rows.

    scores: tool -> action unit -> (n,) values, NaN for none, rows in one order for all. present_from:
    tool -> the score from which an action unit is there. A pair needs both tools' values; without
    rows in common, kappa is NaN.
    """
    names = dict.fromkeys(name for units in scores.values() for name in units)
    result = {}
    for name in names:
        tools = tuple(tool for tool, units in scores.items() if name in units)
        if len(tools) < FEWEST_TOOLS:
            continue
        matrix = np.identity(len(tools))
        for row, one in enumerate(tools):
            for column, other in enumerate(tools[:row]):
                a, b = scores[one][name], scores[other][name]
                both = np.isfinite(a) & np.isfinite(b)
                pair = kappa(a[both] >= present_from[one], b[both] >= present_from[other]) if both.any() else np.nan
                matrix[row, column] = matrix[column, row] = pair
        result[name] = (tools, matrix)
    return result
