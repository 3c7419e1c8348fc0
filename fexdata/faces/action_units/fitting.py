"""Learning the geometric tool's maps: ridge regressions that know how people differ.

With descriptors D (n, F), centred, and intensities Y (n, U), also centred,

    W = (D'D / n + v V'V + r I)^-1 D'Y / n

is the least squares fit to n pictures, to people who differ along the K directions V without moving a
muscle, and to noise of variance r. V are the face model's own identity modes: a few hundred people
are too few to show how brows and lids lie on everybody. Hoerl and Kennard, Ridge Regression,
Technometrics 1970; the second term is a Gaussian prior on what to ignore.

The second map goes from scores of people who were held out to intensities, so it learns what scores
are worth on strangers; reliabilities are those of people held out from both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fexdata.faces.action_units.geometric import HIGHEST, TURNS, Map, expanded

FOLDS = 5
"""Parts that people are divided into, each held out in turn."""
TURN_WIDTH = 10.0
"""Degrees about each of `TURNS` over which reliability is measured."""
FEWEST = 60
"""Pictures from which reliability at a turn is known at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """Pictures to learn from."""

    descriptors: np.ndarray
    """(n, F), from which the neutral is subtracted."""
    movements: np.ndarray
    """(n, U), 0 to 5: everything that the faces do."""
    intensities: np.ndarray
    """(n, A), 0 to 5: what the tool shall say of them."""
    person: np.ndarray
    """(n,)."""
    turn: np.ndarray
    """(n,) degrees of yaw to either side."""


@dataclass(frozen=True, slots=True)
class Ridges:
    """What both regressions hold against large weights."""

    noise: float
    """Variance of a coordinate, mm^2: r."""
    identity: float
    """v: how much of an identity mode's variance is to be ignored."""
    grades: float
    """Of the second regression, whose inputs have variance 1."""


def learn(taught: Taught, identities: np.ndarray, ridges: Ridges) -> tuple[Map, np.ndarray]:
    """The map, and the intensities (n, A) that held-out people get (`FOLDS` parts of them in turn).

    identities: (K, F), what one standard deviation of each identity mode does to the descriptor.
    """
    scores = np.zeros_like(taught.movements)
    graded = np.zeros_like(taught.intensities)
    parts = [taught.person % FOLDS == fold for fold in range(FOLDS)]
    for out in parts:
        weights, offset = movement_map(taught.descriptors[~out], taught.movements[~out], identities, ridges)
        scores[out] = taught.descriptors[out] @ weights + offset
    shown = expanded(scores)
    for out in parts:
        grades, level = grade_map(shown[~out], taught.intensities[~out], ridges)
        graded[out] = np.clip(shown[out] @ grades + level, 0.0, HIGHEST)
    first = movement_map(taught.descriptors, taught.movements, identities, ridges)
    second = grade_map(shown, taught.intensities, ridges)
    return Map(*first, *second, _reliability(graded, taught)), graded


def movement_map(
    descriptors: np.ndarray, movements: np.ndarray, identities: np.ndarray, ridges: Ridges
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (F, U) and offset (U,): movements are about descriptors @ weights + offset."""
    centre, mean = descriptors.mean(axis=0), movements.mean(axis=0)
    moved = descriptors - centre
    system = moved.T @ moved / len(moved) + ridges.identity * identities.T @ identities
    system[np.diag_indices_from(system)] += ridges.noise
    weights = np.linalg.solve(system, moved.T @ (movements - mean) / len(moved))
    return weights, mean - centre @ weights


def grade_map(shown: np.ndarray, intensities: np.ndarray, ridges: Ridges) -> tuple[np.ndarray, np.ndarray]:
    """Weights (E, A) and level (A,): intensities are about shown @ weights + level."""
    centre, mean = shown.mean(axis=0), intensities.mean(axis=0)
    size = shown.std(axis=0) + 1e-6
    even = (shown - centre) / size
    system = even.T @ even / len(even) + ridges.grades * np.identity(even.shape[1])
    weights = np.linalg.solve(system, even.T @ (intensities - mean) / len(even)) / size[:, None]
    return weights, mean - centre @ weights


def _reliability(graded: np.ndarray, taught: Taught) -> np.ndarray:
    """(A, len(`TURNS`)): correlation with the truth near each turn; what was not measured is 0, and no
    turn is better than a smaller one."""
    found = np.zeros((graded.shape[1], len(TURNS)))
    for column, turn in enumerate(TURNS):
        near = np.abs(taught.turn - turn) <= TURN_WIDTH
        if near.sum() >= FEWEST:
            found[:, column] = [
                _correlation(*pair) for pair in zip(graded[near].T, taught.intensities[near].T, strict=True)
            ]
    result: np.ndarray = np.minimum.accumulate(np.clip(found, 0.0, 1.0), axis=1)
    return result


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's; 0 where either never varies."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
