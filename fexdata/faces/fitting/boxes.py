"""Many small quadratic problems with bounds, solved together.

    minimise  d' S d / 2 - g' d   subject to   low <= d <= high

by the primal-dual active set method (Hintermüller, Ito and Kunisch, The primal-dual active set strategy as a
semismooth Newton method, SIAM J. Optim. 13(3), 2003): guess which bounds hold, solve for the rest, see
which are violated and which pull inwards, guess anew. It ends in a few rounds, mostly at the exact answer.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dposv

ROUNDS = 12


def solve_boxes(matrices: np.ndarray, pulls: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(B, E) minimisers. matrices: S (B, E, E), positive definite; pulls: g (B, E); low, high: (B, E)."""
    count = pulls.shape[1]
    diagonal = np.arange(count)
    scale = matrices[:, diagonal, diagonal]
    at_low, at_high = (low >= 0) & (pulls < 0), (high <= 0) & (pulls > 0)
    found = np.zeros_like(pulls)
    todo = np.arange(len(pulls))
    for _ in range(ROUNDS):
        fixed = at_low[todo] | at_high[todo]
        value = np.where(at_low[todo], low[todo], np.where(at_high[todo], high[todo], 0.0))
        part = matrices[todo]
        reduced = part * ~(fixed[:, :, None] | fixed[:, None, :])
        reduced[:, diagonal, diagonal] += fixed
        right = pulls[todo] - (part @ value[:, :, None])[:, :, 0]
        free = np.where(fixed, 0.0, right)
        solved = _solved(reduced, free) + value
        found[todo] = solved
        # Of a fixed one, the force beyond its bound, as a length; of a free one, how far it went.
        force = (pulls[todo] - (part @ solved[:, :, None])[:, :, 0]) / scale[todo]
        reached = solved + force
        now_low, now_high = reached < low[todo], reached > high[todo]
        changed = ((now_low != at_low[todo]) | (now_high != at_high[todo])).any(axis=1)
        at_low[todo], at_high[todo] = now_low, now_high
        todo = todo[changed]
        if not len(todo):
            break
    result: np.ndarray = np.clip(found, low, high)
    return result


def _solved(matrices: np.ndarray, rights: np.ndarray) -> np.ndarray:
    """(B, E) of symmetric matrices (B, E, E), for half the price of `numpy.linalg.solve`."""
    found = [dposv(matrix, right) for matrix, right in zip(matrices, rights, strict=True)]
    if any(failed for _, _, failed in found):
        raise np.linalg.LinAlgError("not positive definite")
    return np.stack([solution for _, solution, _ in found])
