"""Taking head movement off: what is left of two meshes of a person is their expression.

A rigid fit over all vertices would answer an open jaw by a nod. Here vertices count the less the
further they lie from where the rigid movement puts them (Geman and McClure's weights, reweighted
least squares), so that the part of the head that does not move decides.
"""

from __future__ import annotations

import numpy as np

_ROUNDS = 15
_LEAST = 1e-4
"""Least scale of the weights, as a share of the mesh's size."""


def without_head_motion(neutral: np.ndarray, moved: np.ndarray, *, scaled: bool = False) -> np.ndarray:
    """(N, V, 3) float64: each `moved` mesh laid rigidly onto its neutral one (N, V, 3).

    scaled: its size is brought to the neutral one's, too, where meshes come from pictures. Each round is a weighted
    orthogonal Procrustes fit (Umeyama, IEEE TPAMI 13(4), 1991), which never reflects.
    """
    return np.stack(
        [
            _laid(np.asarray(a, np.float64), np.asarray(b, np.float64), scaled)
            for a, b in zip(neutral, moved, strict=True)
        ]
    )


def _laid(neutral: np.ndarray, moved: np.ndarray, scaled: bool) -> np.ndarray:
    weights = np.ones(len(neutral))
    least = _LEAST * float(np.ptp(neutral, axis=0).max())
    laid = moved
    for _ in range(_ROUNDS):
        laid = _rigid(moved, neutral, weights, scaled)
        distance = np.linalg.norm(laid - neutral, axis=1)
        scale = max(float(np.median(distance)), least)
        weights = (scale**2 / (scale**2 + distance**2)) ** 2
    return laid


def _rigid(source: np.ndarray, target: np.ndarray, weights: np.ndarray, scaled: bool) -> np.ndarray:
    share = weights / weights.sum()
    from_mean, to_mean = share @ source, share @ target
    centred = source - from_mean
    u, values, vt = np.linalg.svd(((target - to_mean) * share[:, None]).T @ centred)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    scale = (values * signs).sum() / (share @ (centred**2)).sum() if scaled else 1.0
    laid: np.ndarray = scale * centred @ (u * signs @ vt).T + to_mean
    return laid
