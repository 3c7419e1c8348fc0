"""Laying the embedded head over a photograph: its landmarks met exactly, its shape the model's.

SliderGAN's warped images (Ververas and Zafeiriou 2020, section 4.1) move a fitted mesh. A fit leaves
a residual, and where the mesh misses the rim of a lip by two pixels, a warp shows it. So here the
fit decides pose, shape and depth, and what is left is taken into the person's own shape: the
laid head's points project onto the photograph's landmarks exactly.

    landmarks = scale * R (mean + identity + residual + sum_e p_e field_e) + shift

Camera: weak perspective, in the picture's pixels.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import lsq_linear

from fexdata.faces.canonical import VERTICES
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.models.transfer import lips_parting, over_head, part_lips, similarity
from fexdata.synthetic.models import lids_meeting

ROUNDS = 4
"""Of pose and coefficients in turn."""
MEETINGS = 3
"""Rounds in which what is left of the landmarks goes into the shape: closing lids follow the shape, too."""
DEPTH_TRUST = 0.35
"""Weight of MediaPipe's z beside x and y: a network's guess."""
IDENTITY_PRIOR, EXPRESSION_PRIOR = 1.2, 4.0
"""Millimetres that one standard deviation of a shape, and a movement at full strength, cost."""


@dataclass(frozen=True, slots=True, eq=False)
class LaidHead:
    """A person's head where a photograph shows it."""

    model: FaceModel
    """On the embedded head's V vertices."""
    seen: np.ndarray
    """(V, 3) float32 mm, head space: what the photograph shows."""
    neutral: np.ndarray
    """(V, 3) float32 mm, head space: the person without expression, lips together."""
    expression: np.ndarray
    """(E,) float32: what the photograph shows."""
    turn: np.ndarray
    """(3, 3) rotation of head space into the picture's frame."""
    scale: float
    """Pixels per millimetre."""
    shift: np.ndarray
    """(3,) pixels."""

    def shape(self, expression: np.ndarray) -> np.ndarray:
        """(V, 3) mm, head space: the person with coefficients (E,), lids as far shut as they say."""
        used = np.asarray(expression, np.float32)
        vertices = self.neutral + np.tensordot(used, self.model.expression_basis, axes=1)
        return lids_meeting(self.model, self.neutral, vertices, used)

    def placed(self, points: np.ndarray) -> np.ndarray:
        """(n, 3) picture pixels (z away from the viewer) of points (n, 3) of head space."""
        result: np.ndarray = self.scale * points @ self.turn.T + self.shift
        return result


def lay_head(model: FaceModel, landmarks: np.ndarray, expression: np.ndarray | None = None) -> LaidHead:
    """The head over a photograph's (478, 3) landmarks, in picture pixels.

    model: on the embedded head's vertices; expression: the (E,) coefficients that the photograph is
    known to show; without them they are fitted, between 0 and 1 (from -1 where signed).
    """
    target = landmarks[:VERTICES].astype(np.float64)
    identity = np.zeros(len(model.identity_names))
    shown = np.zeros(len(model.expression_names)) if expression is None else np.asarray(expression, np.float64)
    turn, scale, shift = np.eye(3), 1.0, np.zeros(3)
    for _ in range(ROUNDS):
        points = _points(model, identity, shown)
        scale, turn, shift = similarity(points, target)
        seen = (target - shift) @ turn / scale
        identity, shown = _coefficients(model, seen, turn, shown, free=expression is None)
    base = _points(model, identity, np.zeros(len(shown)))
    whole = model.mean + np.tensordot(identity.astype(np.float32), model.identity_basis, axes=1)
    head = LaidHead(model, whole, whole, shown.astype(np.float32), turn, scale, shift)
    for _ in range(MEETINGS):
        missing = target - head.placed(head.shape(head.expression)[:VERTICES])
        missing[:, 2] = 0.0  # depth stays the model's
        base += missing @ turn / scale
        head = replace(head, neutral=whole + over_head((base - whole[:VERTICES])[None])[0])
    seen = head.shape(head.expression)
    return replace(head, seen=seen, neutral=_lips_together(model, head.neutral))


def _lips_together(model: FaceModel, neutral: np.ndarray) -> np.ndarray:
    """The head (V, 3) with its lips as close as the model's mean has them: what the fit did not explain
    of an open mouth belongs to the photograph, not to the person."""
    shift = (neutral - model.mean)[None, :VERTICES].astype(np.float64)
    closed = part_lips(shift, -lips_parting(shift))
    return neutral + over_head(closed - shift)[0]


def _points(model: FaceModel, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
    """(468, 3) float64."""
    parts = _face_parts(model)
    shape = parts[0] + np.tensordot(identity, parts[1], axes=1) + np.tensordot(expression, parts[2], axes=1)
    result: np.ndarray = shape
    return result


def _coefficients(
    model: FaceModel, seen: np.ndarray, turn: np.ndarray, shown: np.ndarray, *, free: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Identity and expression that bring the model closest to points (468, 3) of head space."""
    mean, identities, expressions = _face_parts(model)
    # Errors along the line of sight count less.
    weigh = turn.T @ np.diag([1.0, 1.0, DEPTH_TRUST]) @ turn
    fields = identities if not free else np.concatenate([identities, expressions])
    rest = seen - mean if free else seen - mean - np.tensordot(shown, expressions, axes=1)
    matrix = (fields @ weigh).reshape(len(fields), -1).T
    count = len(identities)
    prior = np.full(len(fields), EXPRESSION_PRIOR)
    prior[:count] = IDENTITY_PRIOR * np.sqrt(VERTICES) / 10
    prior[count:] *= np.sqrt(VERTICES) / 10
    full = np.concatenate([matrix, np.diag(prior)])
    right = np.concatenate([(rest @ weigh).ravel(), np.zeros(len(fields))])
    if not free:
        return np.linalg.lstsq(full, right, rcond=None)[0], shown
    low = np.full(len(fields), -3.0)
    low[count:] = np.where(model.expression_signed, -1.0, 0.0)
    high = np.where(np.arange(len(fields)) < count, 3.0, 1.0)
    # The normal equations have the same answer, and a tenth of the rows.
    gram = np.linalg.cholesky(full.T @ full)
    found = lsq_linear(gram.T, np.linalg.solve(gram, full.T @ right), (low, high), tol=1e-6).x
    return found[:count], found[count:]


@functools.lru_cache(maxsize=2)
def _face_parts(model: FaceModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, identity and expression fields of the first 468 vertices, float64."""
    return (
        model.mean[:VERTICES].astype(np.float64),
        model.identity_basis[:, :VERTICES].astype(np.float64),
        model.expression_basis[:, :VERTICES].astype(np.float64),
    )
