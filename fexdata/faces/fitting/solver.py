"""Poses and coefficients of many photographs in one go: Gauss-Newton on the normal equations.

In the head's frame and in units of the model, the residual of landmark n is u_n = R'(l_n - t) / s - X_n, with
X = M + a F (`fields`), and what is minimised per photograph is

    sum_n rho(sqrt(v_n) |u_n|_Q) + a' P a,   Q = R' diag(1, 1, d) R

with rho of `robust`, d the weight of z and P the prior's precision. A step changes a by da, and the pose by
a small turn w, a relative scale e and a shift h in the head's frame: X moves by da F + w x X + e X + h. All
products that the normal equations need are sums over landmarks of products of F and X, and X is linear in
a; so they come from the Gram matrices G of `fields`, contracted with the 3 x 3 matrix Q of each photograph.
No Hessian is summed over landmarks, and every operation is one matrix product over the whole batch.

Expression coefficients have bounds: everything else is eliminated from the step's quadratic model (Schur
complement), and what is left is solved within them (`boxes`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fexdata.faces.fitting.boxes import solve_boxes
from fexdata.faces.fitting.camera import Camera, Poses, as_if_far, first_poses, part_of, turns
from fexdata.faces.fitting.fields import PAIRS, PointFields
from fexdata.faces.fitting.robust import WIDTH, excess, weights, width_of

ITERATIONS, PATIENT = 7, 14
"""Steps; and under perspective, where what moves the landmarks has to settle as well, and of exact points,
where data and prior are so far apart that bounds settle late."""
TOGETHER = 32
"""Photographs whose Hessians fit into a core's cache."""
LARGEST_TURN, LARGEST_STRETCH = 0.4, 0.3
"""Radians, and share of the scale, that one step may change."""
POSE = 7
"""Numbers of a pose's step: turn, scale, shift."""

_TURN = np.zeros((3, 3, 3))
for _k, _m, _q in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    _TURN[_k, _q, _m], _TURN[_k, _m, _q] = 1.0, -1.0
_MOVES = np.concatenate([_TURN, np.eye(3)[None]])
"""(4, 3, 3): component q of what a turn about each axis, and a scaling, do to a point, from its component m."""


@dataclass(slots=True, eq=False)
class Solution:
    """Of B photographs."""

    poses: Poses
    unknowns: np.ndarray
    """(B, A), in the order of `PointFields`."""
    residual: np.ndarray
    """(B, N, 3) pixels: landmark less model, as weak perspective sees it."""
    spread: np.ndarray
    """(B,) at least 1: by how much the residuals' variance exceeds the noise's."""
    trust: np.ndarray
    """(B, N) from 0 to 1: the weight that the robust loss left each landmark."""


@dataclass(frozen=True, slots=True, eq=False)
class Pull:
    """A prior of its own for each photograph, on top of the model's: used along a sequence."""

    expected: np.ndarray
    """(B, A)."""
    precision: np.ndarray
    """(B, A)."""


def solve(
    problem: PointFields,
    landmarks: np.ndarray,
    *,
    camera: Camera = None,
    groups: np.ndarray | None = None,
    start: Solution | None = None,
    pull: Pull | None = None,
    iterations: int | None = None,
) -> Solution:
    """The most likely poses and coefficients. landmarks: (B, N, 3) pixels, z ignored where
    `problem.depth_weight` is 0. groups: (B,) numbers from 0; photographs of one number share their identity.
    """
    if groups is None and start is None and pull is None and len(landmarks) > TOGETHER:
        parts = [slice(first, first + TOGETHER) for first in range(0, len(landmarks), TOGETHER)]
        return joined(
            [solve(problem, landmarks[part], camera=part_of(camera, part), iterations=iterations) for part in parts]
        )
    steps = iterations or (ITERATIONS if camera is None and problem.outliers else PATIENT)
    poses = start.poses if start else first_poses(problem.mean, landmarks, problem.weight)
    unknowns = start.unknowns if start else np.zeros((len(landmarks), len(problem.fields)))
    diagonal = POSE + np.arange(unknowns.shape[1])
    own = _share_of_prior(problem, len(landmarks), groups)
    for iteration in range(steps):
        points = problem.points(unknowns)
        width = width_of(iteration if start is None else ITERATIONS)
        residual, trust, spread = _residual(problem, landmarks, points, poses, camera, width)
        # Where residuals are larger than the noise, they are the noise: the prior then counts for more.
        gradient = _gradient(problem, points, residual, trust, poses) / spread[:, None]
        hessian = _hessian(problem, unknowns, poses.rotation, 1.0 / spread)
        gradient[:, POSE:] -= own * (unknowns @ problem.precision)
        hessian[:, POSE:, POSE:] += own[:, :, None] * problem.precision
        if pull is not None:
            gradient[:, POSE:] -= pull.precision * (unknowns - pull.expected)
            hessian[:, diagonal, diagonal] += pull.precision
        step = _step(problem, hessian, gradient, unknowns, groups)
        unknowns = np.clip(unknowns + step[:, POSE:], problem.low, problem.high)
        poses = _moved(poses, step[:, :POSE])
    residual, trust, spread = _residual(problem, landmarks, problem.points(unknowns), poses, camera, WIDTH)
    return Solution(poses, unknowns, residual, spread, trust)


def joined(solutions: Sequence[Solution]) -> Solution:
    """The photographs of all, in order."""

    def of(part: Callable[[Solution], np.ndarray]) -> np.ndarray:
        return np.concatenate([part(one) for one in solutions])

    poses = Poses(of(lambda s: s.poses.rotation), of(lambda s: s.poses.scale), of(lambda s: s.poses.shift))
    return Solution(
        poses, of(lambda s: s.unknowns), of(lambda s: s.residual), of(lambda s: s.spread), of(lambda s: s.trust)
    )


def posterior(problem: PointFields, solution: Solution) -> np.ndarray:
    """(B, E, E): covariance of the expression coefficients given the landmarks, all else unknown too
    (Laplace's approximation: the inverse Hessian)."""
    # A landmark that is not trusted tells nothing; on average over the face.
    share = solution.trust.mean(axis=1) / solution.spread
    hessian = _hessian(problem, solution.unknowns, solution.poses.rotation, share)
    hessian[:, POSE:, POSE:] += problem.precision
    first = POSE + problem.expressions.start
    coupling = hessian[:, :first, first:]
    through = np.linalg.solve(hessian[:, :first, :first], coupling)
    inverse: np.ndarray = np.linalg.inv(hessian[:, first:, first:] - coupling.transpose(0, 2, 1) @ through)
    return inverse


def _residual(
    problem: PointFields, landmarks: np.ndarray, points: np.ndarray, poses: Poses, camera: Camera, width: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Landmark less model (B, N, 3), pixels, each landmark's weight (B, N), and by how much the
    residuals' variance exceeds the noise's (B,)."""
    turned = points @ poses.rotation.transpose(0, 2, 1)
    seen = as_if_far(landmarks, turned, poses, camera)
    residual = seen - poses.scale[:, None, None] * turned - poses.shift[:, None]
    squared = np.square(residual)
    distance = squared[..., 0] + squared[..., 1]
    if problem.depth_weight > 0:
        distance += problem.depth_weight * squared[..., 2]
    distance *= problem.weight / np.square(poses.scale)[:, None]
    spread = excess(distance)
    trust = weights(distance, spread, width) if problem.outliers else np.ones(distance.shape)
    return residual, trust, spread


def _gradient(
    problem: PointFields, points: np.ndarray, residual: np.ndarray, trust: np.ndarray, poses: Poses
) -> np.ndarray:
    """(B, 7 + A): half the negative gradient of the data's part."""
    metric = poses.rotation * (np.array([1.0, 1.0, problem.depth_weight])[:, None] / poses.scale[:, None, None])
    pulled = (residual @ metric) * (trust * problem.weight)[:, :, None]
    count = len(points)
    on_fields = pulled.reshape(count, -1) @ problem.fields.reshape(len(problem.fields), -1).T
    moments = points.transpose(0, 2, 1) @ pulled
    on_pose = np.einsum("kqm,bmq->bk", _MOVES, moments)
    return np.concatenate([on_pose, pulled.sum(axis=1), on_fields], axis=1)


def _hessian(problem: PointFields, unknowns: np.ndarray, rotation: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(B, 7 + A, 7 + A) of the data's part times `share` (B,), landmarks counting in full."""
    batch, size = unknowns.shape
    metric = rotation.transpose(0, 2, 1) @ (np.array([1.0, 1.0, problem.depth_weight])[:, None] * rotation)
    metric *= share[:, None, None]
    extended = np.concatenate([unknowns, np.ones((batch, 1))], axis=1)
    full = np.empty((batch, size + POSE, size + POSE))
    full[:, POSE:, POSE:] = _contracted(problem, metric)
    # C_pm = sum_n v F_np X_nm for every unknown and, last, for M.
    cross = (extended @ problem.rows).reshape(batch, 3, 3, size + 1)
    moved = np.einsum("bpq,kqm->bkpm", metric, _MOVES).reshape(batch, 4, 9) @ cross.reshape(batch, 9, size + 1)
    shifted = metric @ problem.sums.T
    full[:, :4, POSE:] = moved[:, :, :-1]
    full[:, 4:POSE, POSE:] = shifted[:, :, :-1]
    full[:, POSE:, :POSE] = full[:, :POSE, POSE:].transpose(0, 2, 1)
    full[:, :POSE, :POSE] = _pose_block(problem, metric, extended, cross)
    return full


def _pose_block(problem: PointFields, metric: np.ndarray, extended: np.ndarray, cross: np.ndarray) -> np.ndarray:
    """(B, 7, 7)."""
    second = np.einsum("bpma,ba->bpm", cross, extended)
    first = extended @ problem.sums
    block = np.empty((len(metric), POSE, POSE))
    block[:, :4, :4] = np.einsum("kpl,bpq,jqm,blm->bkj", _MOVES, metric, _MOVES, second, optimize=True)
    block[:, :4, 4:] = np.einsum("kpl,bpq,bl->bkq", _MOVES, metric, first, optimize=True)
    block[:, 4:, :4] = block[:, :4, 4:].transpose(0, 2, 1)
    # Without z the shift along the line of sight is free: it is held by a trace of curvature.
    held = 1e-6 * np.einsum("bpp->b", metric)[:, None, None] * np.eye(3)
    block[:, 4:, 4:] = (metric + held) * problem.weight.sum()
    return block


def _contracted(problem: PointFields, metric: np.ndarray) -> np.ndarray:
    """(B, A, A): sum over p and q of metric_pq G_pq; both are symmetric in the pair."""
    p, q = np.array(PAIRS).T
    size = len(problem.fields)
    result: np.ndarray = (metric[:, p, q] @ problem.pairs).reshape(-1, size, size)
    return result


def _share_of_prior(problem: PointFields, count: int, groups: np.ndarray | None) -> np.ndarray:
    """(B, A): how much of the prior is a photograph's. That of an identity which n share is theirs by an
    nth each."""
    share = np.ones((count, len(problem.fields)))
    if groups is not None:
        share[:, : problem.identities] /= np.bincount(groups)[groups, None]
    return share


def _step(
    problem: PointFields, hessian: np.ndarray, gradient: np.ndarray, unknowns: np.ndarray, groups: np.ndarray | None
) -> np.ndarray:
    """(B, 7 + A): to the minimum of the quadratic model within the bounds, limited in turn and scale."""
    step = np.zeros_like(gradient)
    first = POSE + problem.expressions.start
    if groups is not None:
        shared = slice(POSE, POSE + problem.identities)
        step[:, shared] = _common(problem, hessian, gradient, unknowns, groups)
        gradient = gradient - _times(hessian[:, :, shared], step[:, shared])
        hessian[:, shared], hessian[:, :, shared] = 0.0, 0.0
        diagonal = np.arange(shared.start, shared.stop)
        hessian[:, diagonal, diagonal], gradient[:, shared] = 1.0, step[:, shared]
    coupling = hessian[:, :first, first:]
    right = np.concatenate([coupling, gradient[:, :first, None]], axis=2)
    solved = np.linalg.solve(hessian[:, :first, :first], right)
    reduced = hessian[:, first:, first:] - coupling.transpose(0, 2, 1) @ solved[:, :, :-1]
    pull = gradient[:, first:] - _times(coupling.transpose(0, 2, 1), solved[:, :, -1])
    now = unknowns[:, problem.expressions]
    low, high = problem.low[problem.expressions], problem.high[problem.expressions]
    step[:, first:] = solve_boxes(reduced, pull, low - now, high - now)
    step[:, :first] = solved[:, :, -1] - _times(solved[:, :, :-1], step[:, first:])
    turn = np.linalg.norm(step[:, :3], axis=1, keepdims=True)
    step[:, :3] *= np.minimum(1.0, LARGEST_TURN / np.maximum(turn, 1e-12))
    step[:, 3] = np.clip(step[:, 3], -LARGEST_STRETCH, LARGEST_STRETCH)
    return step


def _times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """(B, m) of matrices (B, m, n) and vectors (B, n)."""
    result: np.ndarray = (matrices @ vectors[:, :, None])[:, :, 0]
    return result


def _common(
    problem: PointFields, hessian: np.ndarray, gradient: np.ndarray, unknowns: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    """(B, I): the step of each group's identity. What is a photograph's own is eliminated photograph by
    photograph (Schur complement), and what is left is added up over the group. Expression coefficients
    that sit on a bound and are pushed outwards stay."""
    size, count = gradient.shape[1], problem.identities
    shared, own = np.arange(POSE, POSE + count), np.r_[0:POSE, POSE + count : size]
    out = (unknowns <= problem.low) & (gradient[:, POSE:] < 0) | (unknowns >= problem.high) & (gradient[:, POSE:] > 0)
    free = np.concatenate([np.ones((len(out), POSE)), ~out], axis=1)[:, own]
    rest = hessian[:, own[:, None], own] * free[:, :, None] * free[:, None, :]
    rest[:, np.arange(len(own)), np.arange(len(own))] += 1.0 - free
    coupling = hessian[:, own[:, None], shared] * free[:, :, None]
    solved = np.linalg.solve(rest, np.concatenate([coupling, (gradient[:, own] * free)[:, :, None]], axis=2))
    total = np.zeros((groups.max() + 1, count, count))
    aim = np.zeros((groups.max() + 1, count, 1))
    np.add.at(total, groups, hessian[:, shared[:, None], shared] - coupling.transpose(0, 2, 1) @ solved[:, :, :-1])
    np.add.at(aim, groups, gradient[:, shared, None] - coupling.transpose(0, 2, 1) @ solved[:, :, -1:])
    result: np.ndarray = np.linalg.solve(total, aim)[groups, :, 0]
    return result


def _moved(poses: Poses, step: np.ndarray) -> Poses:
    """Poses after a step (B, 7) in the head's frame."""
    shift = poses.shift + poses.scale[:, None] * np.einsum("bij,bj->bi", poses.rotation, step[:, 4:])
    return Poses(poses.rotation @ turns(step[:, :3]), poses.scale * np.exp(step[:, 3]), shift)
