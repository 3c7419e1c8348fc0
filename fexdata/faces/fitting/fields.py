"""A face model as a fit sees it: what its coefficients do to the landmarks, ready for many solves.

    symbol   shape      meaning
    M        (N, 3)     landmarks of the mean face, with the detector's offset
    F        (A, N, 3)  what each unknown moves: identity, then the detector's modes, then expression
    v        (N,)       1 / variance of each landmark's noise
    G_pq     (A+1, A+1) sum_n v_n F_np F_nq, the last row and column being M; p, q in x, y, z

Identity is turned into its principal components as the landmarks show it (a rotation: they stay
standard normal), and those that no landmark shows are left out. Expression coefficients that landmarks
cannot tell stay in, since what they do to the lids must not be taken for a blink; but nobody is told
their values.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.fitting.detectors import Detector
from fexdata.faces.fitting.priors import Prior, bounds, precision_matrix
from fexdata.faces.models.face_model import FaceModel

LEAST_INFORMATION = 1.0
"""Squared displacement, in the landmarks' noise, below which a component of identity is left out: landmarks
would take less than half of its variance away."""
TURNED = 0.25
"""Weight of z, at least, where that is judged: a head turned by 30 degrees shows half of it."""
POSE = 7
"""Numbers of a pose's step: turn, scale, shift."""
UNSEEN = 0.2
"""An expression whose landmarks move less than this share of its largest displacement is not seen ..."""
GAZE = "eyeLook"
"""... nor is one whose name begins so: it turns the eyeballs, which no landmark of the skin shows."""
PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
OUTER_EYES = (36, 45)
"""Of the 68: their distance is the unit in which heads of different models are compared."""
OUTER_EYES_MM = 90.0


@dataclass(frozen=True, slots=True, eq=False)
class PointFields:
    """See the module. A = identity + detector's modes + expression."""

    mean: np.ndarray
    fields: np.ndarray
    weight: np.ndarray
    depth_weight: float
    """Weight of z against x and y; 0 where landmarks have none."""
    outliers: bool
    """Whether landmarks may be plainly wrong."""
    precision: np.ndarray
    """(A, A) inverse covariance of the unknowns' prior; of all but expressions it is the identity."""
    variance: np.ndarray
    """(A,) of each unknown's prior."""
    low: np.ndarray
    high: np.ndarray
    """(A,) bounds of each unknown."""
    near: np.ndarray
    """(7, (7 + C)^2), C being all but expressions: of these unknowns G_pq for p = q and G_pq + G_qp for p < q, in
    the order of `PAIRS`, and last the prior's precision. Rows and columns of the pose are before them, and 0."""
    across: np.ndarray
    """(7, (7 + C) * E): the same between them and expressions ..."""
    own: np.ndarray
    """(7, E * E): ... and of expressions."""
    rows: np.ndarray
    """(A + 1, 9 * (A + 1)): for each row c of G, the G_pm's entries (a, c), in the order p, m, a."""
    sums: np.ndarray
    """(A + 1, 3) sum_n v_n F_n and, last, of M."""
    identity_turn: np.ndarray
    """(K, I): components of identity to the model's coefficients."""
    seen: np.ndarray
    """(E,) bool: the expression coefficients that the landmarks can tell."""

    @property
    def identities(self) -> int:
        return int(self.identity_turn.shape[1])

    @property
    def expressions(self) -> slice:
        """Where the expression coefficients stand among the unknowns."""
        return slice(len(self.fields) - len(self.seen), len(self.fields))

    def points(self, unknowns: np.ndarray) -> np.ndarray:
        """(B, N, 3) of unknowns (B, A), in the head's frame."""
        flat: np.ndarray = unknowns @ self.fields.reshape(len(self.fields), -1)
        return (flat + self.mean.ravel()).reshape(len(unknowns), *self.mean.shape)


def point_fields(model: FaceModel, detector: Detector, prior: Prior, marks: np.ndarray) -> PointFields:
    """What a fit of landmarks needs. marks: (N, 3) vertices and (N, 3) weights, stacked (2, N, 3): where
    on the model the landmarks lie. Raises `FexdataError` when model and detector do not go together."""
    vertices, weights = marks[0].astype(np.int64), marks[1]
    if detector.offset.shape[0] != len(vertices):
        raise FexdataError(f"detector {detector.name} has {len(detector.offset)} landmarks, {len(vertices)} are fitted")
    unit = head_unit(model)
    mean = _ride(model.mean[None], vertices, weights)[0] + unit * detector.offset
    weight = 1.0 / (unit * detector.noise) ** 2
    shown = np.sqrt(weight)[:, None] * np.sqrt([1.0, 1.0, max(TURNED, detector.depth_noise**-2)])
    identity, turn = _main_components(_ride(model.identity_basis, vertices, weights), prior.identity, shown)
    seen = visible(model, vertices, weights)
    expression = _ride(model.expression_basis, vertices, weights)
    fields = np.concatenate([detector.sees(identity), unit * detector.modes, detector.sees(expression)])
    spread = np.concatenate([np.ones(len(fields) - len(expression)), prior.expression])
    free = len(fields) - len(expression)
    precision = np.eye(len(fields))
    precision[free:, free:] = precision_matrix(model.expression_names, prior.expression)
    low, high = np.full(len(fields), -np.inf), np.full(len(fields), np.inf)
    low[free:], high[free:] = bounds(model.expression_signed)
    extended = np.concatenate([fields, mean[None]])
    weighted = extended * weight[:, None]
    flat = [np.ascontiguousarray(extended[:, :, axis]) for axis in range(3)]
    gram = np.array([[weighted[:, :, p] @ flat[q].T for q in range(3)] for p in range(3)])
    of_unknowns = gram[:, :, :-1, :-1]
    pairs = [of_unknowns[p, q] + (of_unknowns[q, p] if p != q else 0.0) for p, q in PAIRS]
    near, across, own = _blocks(np.array([*pairs, precision]), free)
    return PointFields(
        mean=mean,
        fields=fields,
        weight=weight,
        depth_weight=float(detector.depth_noise**-2),
        outliers=detector.outliers,
        precision=precision,
        variance=spread**2,
        low=low,
        high=high,
        near=near,
        across=across,
        own=own,
        rows=np.ascontiguousarray(gram.transpose(3, 0, 1, 2).reshape(len(extended), -1)),
        sums=weighted.sum(axis=1),
        identity_turn=turn,
        seen=seen,
    )


def head_unit(model: FaceModel) -> float:
    """How many of the model's units a millimetre of the embedded head is."""
    if model.landmarks_68 is None:
        return 1.0
    left, right = model.landmarks_68.points(model.mean)[list(OUTER_EYES)]
    return float(np.linalg.norm(right - left)) / OUTER_EYES_MM


def visible(model: FaceModel, vertices: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(E,) bool: the expression coefficients that landmarks on these vertices can see."""
    largest = _largest_movement(model)
    at_landmarks = np.linalg.norm(_ride(model.expression_basis, vertices, weights), axis=2).max(axis=1, initial=0)
    gaze = np.array([name.startswith(GAZE) for name in model.expression_names], bool)
    return (at_landmarks > UNSEEN * largest) & (at_landmarks > 0) & ~gaze


@functools.lru_cache(maxsize=4)
def _largest_movement(model: FaceModel) -> np.ndarray:
    return np.linalg.norm(model.expression_basis, axis=2).max(axis=1, initial=0)


def _blocks(matrices: np.ndarray, free: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`near`, `across` and `own` of matrices (7, A, A) whose first `free` unknowns are not expressions."""
    padded = np.pad(matrices, ((0, 0), (POSE, 0), (POSE, 0)))
    first, count = free + POSE, len(matrices)
    parts = padded[:, :first, :first], padded[:, :first, first:], padded[:, first:, first:]
    near, across, own = (part.reshape(count, -1) for part in parts)
    return near, across, own


def _ride(basis: np.ndarray, vertices: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(n, N, 3) float64: a basis (n, V, 3) at points that ride on vertices."""
    found: np.ndarray = np.einsum("nvkd,vk->nvd", basis[:, vertices].astype(np.float64), weights, optimize=True)
    return found


def _main_components(identity: np.ndarray, sigma: np.ndarray, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Identity's components (I, N, 3) of unit variance that landmarks show, and the (K, I) that makes
    coefficients of them. shown: (N, 3) what a unit of displacement is in the landmarks' noise."""
    count = len(identity)
    if not count:
        return identity, np.zeros((0, 0))
    scaled = identity * sigma[:, None, None]
    in_noise = (scaled * shown).reshape(count, -1)
    values, vectors = np.linalg.eigh(in_noise @ in_noise.T)
    kept = vectors[:, ::-1][:, : int((values > LEAST_INFORMATION).sum())]
    return np.tensordot(kept.T, scaled, axes=1), sigma[:, None] * kept
