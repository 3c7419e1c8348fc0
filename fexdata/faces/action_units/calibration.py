"""One scale for several tools: what a tool's score is worth in another tool's numbers.

A probability of 0.9 and an intensity of 3 may say the same, and two tools' intensities differ in where
they begin and how far they go. On faces that both scored, the score that a tenth of the faces exceed
for one tool stands for the score that a tenth exceed for the other: equipercentile equating (Kolen and
Brennan, Test Equating, 2004, chapter 2), a monotone map with no assumption on either scale. It is not a
prediction of one tool by the other, which would pull weak agreement to the mean and so hide it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

QUANTILES = (*np.linspace(0.0, 0.95, 20).round(2).tolist(), 0.97, 0.98, 0.99, 1.0)
"""Shares of the faces at which the two scales are laid over each other; closer at the top, because most
faces do not show a given action unit."""
FEWEST = 50
"""Faces that both tools must have scored."""


class Knots(NamedTuple):
    """A monotone map, linear between its knots and level beyond them."""

    scores: tuple[float, ...]
    """Ascending, of the tool that is brought over."""
    worth: tuple[float, ...]
    """The same places on the other tool's scale, not descending."""

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """(n,) scores on the other tool's scale; NaN stays NaN."""
        return np.where(np.isnan(values), np.nan, np.interp(values, self.scores, self.worth))


def equated(scores: np.ndarray, onto: np.ndarray) -> Knots | None:
    """The map that brings `scores` (n,) onto the scale of `onto` (n,), rows being faces, NaN where a
    tool has none. None where fewer than `FEWEST` faces have both, or one of the two never varies."""
    both = np.isfinite(scores) & np.isfinite(onto)
    if both.sum() < FEWEST or np.ptp(scores[both]) == 0 or np.ptp(onto[both]) == 0:
        return None
    own, other = (np.quantile(values[both], QUANTILES) for values in (scores, onto))
    # Half of all faces may have the same score (0): it stands for the mean of what it covers.
    places = np.unique(own)
    worth = [float(other[own == place].mean()) for place in places]
    return Knots(tuple(places.tolist()), tuple(worth))


def calibration(scores: Mapping[str, Mapping[str, np.ndarray]], onto: str) -> dict[str, dict[str, Knots]]:
    """Tool -> action unit -> the map onto the tool `onto`, for every unit that both score and that can
    be equated. scores: tool -> action unit -> (n,), rows in one order for all."""
    found: dict[str, dict[str, Knots]] = {}
    for tool, units in scores.items():
        if tool == onto:
            continue
        maps = {name: equated(values, scores[onto][name]) for name, values in units.items() if name in scores[onto]}
        found[tool] = {name: one for name, one in maps.items() if one is not None}
    return found
