"""How far two scorings of the same faces agree: correlation and intraclass correlation.

Shrout and Fleiss, Intraclass correlations, Psychological Bulletin 86(2), 1979, for k = 2 raters who
both score all n faces. ICC(3,1) asks whether they rank and spread faces alike, ICC(2,1) also
whether they give the same numbers: a scorer who is always 1 too high loses only the second.
"""

from __future__ import annotations

import numpy as np


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's of (n,) and (n,); NaN where either never varies, for then there is nothing to follow."""
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def icc_3_1(one: np.ndarray, other: np.ndarray) -> float:
    """Consistency of two fixed raters, single scores: (MSR - MSE) / (MSR + MSE), -1 to 1; NaN where
    nothing varies."""
    between, _, error = _mean_squares(one, other)
    return _ratio(between - error, between + error)


def icc_2_1(one: np.ndarray, other: np.ndarray) -> float:
    """Absolute agreement of two random raters, single scores:
    (MSR - MSE) / (MSR + MSE + 2 (MSC - MSE) / n); NaN where nothing varies."""
    between, raters, error = _mean_squares(one, other)
    return _ratio(between - error, between + error + 2.0 * (raters - error) / len(one))


def _mean_squares(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """Between faces (MSR), between raters (MSC), what is left (MSE)."""
    scores = np.stack([one, other], axis=1).astype(np.float64)
    count = len(scores)
    if count < 2:
        raise ValueError(f"agreement: expected at least 2 faces, got {count}")
    grand, faces, raters = scores.mean(), scores.mean(axis=1), scores.mean(axis=0)
    between = 2.0 * float(((faces - grand) ** 2).sum()) / (count - 1)
    columns = count * float(((raters - grand) ** 2).sum())
    rest = scores - faces[:, None] - raters[None] + grand
    return between, columns, float((rest**2).sum()) / (count - 1)


def _ratio(upper: float, lower: float) -> float:
    return upper / lower if lower > 0 else float("nan")
