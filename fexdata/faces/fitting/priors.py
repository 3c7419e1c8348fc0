"""What is likely before any landmark is seen: how far people and expressions lie from the mean face.

    identity ~ N(0, I),   expression ~ N(0, S),   S_ee = sigma_e^2,   S_ef = 0.9 sigma_e sigma_f for e, f a pair

Identity coefficients have unit variance by `FaceModel`'s definition. Expression coefficients get a sigma
each; left and right of one movement mostly go together; and one-sided ones are bounded to [0, 1], signed ones
to [-1, 1]. The same prior is used for every landmark scheme and detector; what differs between those is
their noise (`detectors`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fexdata.faces.models.face_model import FaceModel

EXPRESSION_SIGMA = 0.35
"""Of a coefficient's full strength: what expressions have where no survey says otherwise."""
SYMMETRY = 0.9
"""Correlation of a movement's left and right coefficients: smiles are two-sided, most of the time."""
SIDES = (("_left", "_right"), ("_L", "_R"), ("Left", "Right"))
"""Ends of names that differ between a movement's two sides."""


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """Standard deviations of the coefficients about zero."""

    identity: np.ndarray
    """(K,)."""
    expression: np.ndarray
    """(E,)."""


def prior_of(model: FaceModel, expression_sigma: np.ndarray | float = EXPRESSION_SIGMA) -> Prior:
    """The model's prior. expression_sigma: one for all, or (E,), as a survey of fits gives.

    Raises `ValueError` for sigmas that are not positive.
    """
    count = len(model.expression_names)
    sigma = np.broadcast_to(np.asarray(expression_sigma, np.float64), (count,)).copy()
    if not (sigma > 0).all():
        raise ValueError("expression_sigma: every standard deviation must be above 0")
    return Prior(np.ones(len(model.identity_names)), sigma)


def bounds(signed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest value (E,) of expression coefficients: signed (E,) bool."""
    return np.where(signed, -1.0, 0.0), np.ones(len(signed))


def precision_matrix(names: Sequence[str], sigma: np.ndarray) -> np.ndarray:
    """(E, E): the inverse of S (see the module)."""
    covariance = np.diag(sigma**2)
    place = {name: number for number, name in enumerate(names)}
    for name, one in place.items():
        for left, right in SIDES:
            other = place.get(name.removesuffix(left) + right) if name.endswith(left) else None
            if other is not None:
                covariance[one, other] = covariance[other, one] = SYMMETRY * sigma[one] * sigma[other]
    return np.linalg.inv(covariance)
