"""Landmarks that are plainly wrong (hair, hands, a half face out of the picture) must not bend the face.

Geman and McClure's loss (Statistical methods for tomographic image reconstruction, 1987) of a scaled
distance e, with width c:

    rho(e) = e^2 / (1 + e^2 / c^2),   weight w(e) = rho'(e) / (2 e) = 1 / (1 + e^2 / c^2)^2

It is minimised by half-quadratic iterations in their additive form (Geman and Yang, Nonlinear image
recovery with half-quadratic regularization, IEEE TIP 4(7), 1995): a residual r counts as w r, while the
curvature stays that of the plain squares, which bounds the loss's from above. So the Hessian is the
same for every photograph but for its pose, and need not be summed over landmarks again (`solver`).
The width is that of the present residuals where they are larger than the noise (their median; Rousseeuw and
Leroy, Robust Regression and Outlier Detection, 1987, section 5.1), so that the first guess decides nothing.
"""

from __future__ import annotations

import numpy as np

WIDTH, AT_WIDTH = 4.0, 0.25
"""Standard deviations, and the weight of a landmark so far away."""
MEDIAN = 1.1774
"""Median length of a vector of two normal components with unit variance."""


def excess(squared: np.ndarray) -> np.ndarray:
    """(B,) at least 1: by how much residuals' variance exceeds the noise's; squared: as in `weights`."""
    result: np.ndarray = np.maximum(np.median(squared, axis=1) / MEDIAN**2, 1.0)
    return result


def weights(squared: np.ndarray, spread: np.ndarray, width: float = WIDTH) -> np.ndarray:
    """Weights (B, N) from 0 to 1 of squared distances (B, N) in standard deviations of the noise, whose
    variance is `spread` (B,) times what was thought."""
    result: np.ndarray = 1.0 / np.square(1.0 + squared / (width**2 * spread[:, None]))
    return result
