"""The quadratic model of a fit's objective about the present faces, and its minimum within bounds.

    symbol  shape             meaning
    C       ()                unknowns that are not expressions; E expressions, A = C + E
    H       (7 + A, 7 + A)    half the Hessian of pose and unknowns, in three blocks:
    near    (7 + C, 7 + C)    of what has no bounds: pose, identity, the detector's modes
    across  (7 + C, E)        between it and expressions
    own     (E, E)            of expressions

What has no bounds is eliminated (Schur complement); `boxes` solves for what is left. The factor is kept, so
that one elimination serves several steps: near the solution H hardly changes, and a step that is a little
wrong is put right by the next one's gradient (the chord method; Ortega and Rheinboldt, Iterative Solution of
Nonlinear Equations in Several Variables, 1970).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dtrtrs

from fexdata.faces.fitting.boxes import solve_boxes
from fexdata.faces.fitting.fields import PAIRS, POSE, PointFields

_TURN = np.zeros((3, 3, 3))
for _k, _m, _q in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    _TURN[_k, _q, _m], _TURN[_k, _m, _q] = 1.0, -1.0
MOVES = np.concatenate([_TURN, np.eye(3)[None]])
"""(4, 3, 3): component q of what a turn about each axis, and a scaling, do to a point, from its component m."""


@dataclass(slots=True, eq=False)
class Blocks:
    """H of B photographs."""

    near: np.ndarray
    across: np.ndarray
    own: np.ndarray


@dataclass(slots=True, eq=False)
class Eliminated:
    """H of B photographs with all but expressions eliminated."""

    factor: np.ndarray
    """(B, 7 + C, 7 + C): L of `near` = L L'."""
    through: np.ndarray
    """(B, 7 + C, E): Y = L^-1 `across`."""
    left: np.ndarray
    """(B, E, E): the Schur complement, `own` - Y' Y."""

    def step(self, gradient: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """(B, 7 + A): to the model's minimum, expressions within low and high (B, E) from where they are.
        gradient: (B, 7 + A), half the negative one."""
        kept, first = self.factor.shape[1], gradient.shape[1] - self.left.shape[1]
        free = solved_lower(self.factor, gradient[:, :kept, None])[:, :, 0]
        pull = gradient[:, first:] - times(self.through.transpose(0, 2, 1), free)
        bounded = solve_boxes(self.left, pull, low, high)
        step = np.zeros_like(gradient)
        rest = (free - times(self.through, bounded))[:, :, None]
        step[:, :kept] = solved_lower(self.factor, rest, transposed=True)[:, :, 0]
        step[:, first:] = bounded
        return step


def blocks(problem: PointFields, unknowns: np.ndarray, rotation: np.ndarray, share: np.ndarray) -> Blocks:
    """H at unknowns (B, A) and rotations (B, 3, 3): the data's part times `share` (B,), landmarks counting in
    full, and the prior's."""
    batch, size = unknowns.shape
    first = POSE + problem.expressions.start
    metric = rotation.transpose(0, 2, 1) @ (np.array([1.0, 1.0, problem.depth_weight])[:, None] * rotation)
    metric *= share[:, None, None]
    p, q = np.array(PAIRS).T
    mixed = np.concatenate([metric[:, p, q], np.ones((batch, 1))], axis=1)
    near = (mixed @ problem.near).reshape(batch, first, first)
    across = (mixed @ problem.across).reshape(batch, first, size + POSE - first)
    own = (mixed @ problem.own).reshape(batch, size + POSE - first, size + POSE - first)
    extended = np.concatenate([unknowns, np.ones((batch, 1))], axis=1)
    # C_pm = sum_n v F_np X_nm for every unknown and, last, for M.
    cross = (extended @ problem.rows).reshape(batch, 3, 3, size + 1)
    turned = (metric[:, None] @ MOVES).reshape(batch, 4, 9) @ cross.reshape(batch, 9, size + 1)
    rows = np.concatenate([turned, metric @ problem.sums.T], axis=1)
    near[:, :POSE, POSE:] = rows[:, :, : first - POSE]
    near[:, POSE:, :POSE] = near[:, :POSE, POSE:].transpose(0, 2, 1)
    near[:, :POSE, :POSE] = _of_pose(problem, metric, extended, cross)
    across[:, :POSE] = rows[:, :, first - POSE : -1]
    return Blocks(near, across, own)


def eliminated(found: Blocks, *, kept: int | None = None) -> Eliminated:
    """kept: how many of what has no bounds may move (None: all); the first components of identity, which
    are the largest. Raises `numpy.linalg.LinAlgError` for a `near` that is not positive definite."""
    factor = np.linalg.cholesky(found.near[:, :kept, :kept])
    through = solved_lower(factor, found.across[:, :kept])
    return Eliminated(factor, through, found.own - through.transpose(0, 2, 1) @ through)


def solved_lower(factors: np.ndarray, rights: np.ndarray, *, transposed: bool = False) -> np.ndarray:
    """(B, n, m): L^-1 R, or L'^-1 R. factors: L (B, n, n), lower triangles; rights: R (B, n, m)."""
    # NumPy has no triangular solve. L' is stored as LAPACK wants an upper triangle, so nothing is copied.
    solved = [
        dtrtrs(factor.T, right, lower=0, trans=0 if transposed else 1)[0]
        for factor, right in zip(factors, rights, strict=True)
    ]
    return np.stack(solved)


def times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """(B, m) of matrices (B, m, n) and vectors (B, n)."""
    result: np.ndarray = (matrices @ vectors[:, :, None])[:, :, 0]
    return result


def _of_pose(problem: PointFields, metric: np.ndarray, extended: np.ndarray, cross: np.ndarray) -> np.ndarray:
    """(B, 7, 7)."""
    batch = len(metric)
    second = times(cross.reshape(batch, 9, -1), extended).reshape(batch, 3, 3)
    first = extended @ problem.sums
    moved = metric[:, None] @ MOVES
    block = np.empty((batch, POSE, POSE))
    on_points = (moved @ second[:, None]).reshape(batch, 4, 9)
    block[:, :4, :4] = on_points @ MOVES.reshape(4, 9).T
    block[:, :4, 4:] = (moved @ first[:, None, :, None])[..., 0]
    block[:, 4:, :4] = block[:, :4, 4:].transpose(0, 2, 1)
    # Without z the shift along the line of sight is free: it is held by a trace of curvature.
    held = 1e-6 * np.einsum("bpp->b", metric)[:, None, None] * np.eye(3)
    block[:, 4:, 4:] = (metric + held) * problem.weight.sum()
    return block
