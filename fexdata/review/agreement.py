"""How far two reviewers who did not know of each other agree.

Cohen, A coefficient of agreement for nominal scales, 1960; its standard error as in Fleiss, Cohen
and Everitt, Large sample standard errors of kappa and weighted kappa, 1969.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np

from fexdata.review.fold import Fold
from fexdata.review.intervals import LEVEL
from fexdata.review.words import VERDICTS


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of one pair of reviewers."""

    reviewers: tuple[str, str]
    table: np.ndarray
    """(3, 3) int: faces by the first's verdict (row) and the second's, in the order of `VERDICTS`."""

    @property
    def faces(self) -> int:
        return int(self.table.sum())

    @property
    def agreed(self) -> int:
        return int(np.trace(self.table))

    def kappa(self, level: float = LEVEL) -> tuple[float, float, float] | None:
        """(kappa, lower, upper); None where it is not defined (both gave all faces one verdict)."""
        return cohen_kappa(self.table, level)


def cohen_kappa(table: np.ndarray, level: float = LEVEL) -> tuple[float, float, float] | None:
    """Kappa of a square table of counts, with its large-sample interval; None where chance alone
    gives full agreement."""
    count = table.sum()
    if not count:
        return None
    p = table / count
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, chance = float(np.trace(p)), float(rows @ columns)
    if chance >= 1:
        return None
    kappa = (observed - chance) / (1 - chance)
    weight = rows[None, :] + columns[:, None]
    inner = np.diag(p) @ (1 - np.diag(weight) * (1 - kappa)) ** 2
    off = p * weight**2
    outer = (1 - kappa) ** 2 * (off.sum() - np.trace(off))
    variance = (inner + outer - (kappa - chance * (1 - kappa)) ** 2) / (count * (1 - chance) ** 2)
    reach = NormalDist().inv_cdf(0.5 + level / 2) * math.sqrt(max(float(variance), 0.0))
    return kappa, max(kappa - reach, -1.0), min(kappa + reach, 1.0)


def agreements(fold: Fold, keys: Iterable[str]) -> list[Agreement]:
    """Every pair of reviewers that has judged a face in common, each without knowing the other's
    verdict. A reviewer's last blind verdict on a face counts; what was settled later does not."""
    tables: dict[tuple[str, str], np.ndarray] = {}
    names = list(VERDICTS)
    for key in keys:
        blind = {
            event.reviewer: names.index(event.action["verdict"])
            for event in fold.by_key.get(key, ())
            if event.action.get("verdict") and fold.holds(event) and not event.shown.get("final")
        }
        for pair in combinations(sorted(blind), 2):
            table = tables.setdefault(pair, np.zeros((3, 3), np.int64))
            table[blind[pair[0]], blind[pair[1]]] += 1
    return [Agreement(pair, table) for pair, table in sorted(tables.items())]
