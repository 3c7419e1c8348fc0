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
from dataclasses import dataclass, fields

import numpy as np

from fexdata.faces.fitting.camera import Camera, Poses, as_if_far, first_poses, part_of, turns
from fexdata.faces.fitting.curvature import MOVES, Blocks, Eliminated, blocks, eliminated, times
from fexdata.faces.fitting.fields import POSE, PointFields
from fexdata.faces.fitting.robust import AT_WIDTH, WIDTH, excess, weights


@dataclass(frozen=True, slots=True)
class Schedule:
    """Steps towards the minimum."""

    steps: int
    renewed: int
    """In the first so many curvature is made anew; after them the pose hardly turns."""
    widths: tuple[float, ...]
    """The robust loss's in the first steps, in which a wide open mouth is as far from the mean face as a hand
    (graduated non-convexity; Blake and Zisserman, Visual Reconstruction, 1987); then `WIDTH`."""

    def width(self, step: int) -> float:
        return self.widths[step] if step < len(self.widths) else WIDTH


QUICK = Schedule(3, 3, (1e3, 8.0))
GRADUAL = Schedule(7, 7, (1e3, 1e2, 16.0, 8.0))
"""For photographs that the quick steps leave with more than a `DOUBTED` share of landmarks farther off than the
width, or with residuals whose variance is more than `LARGE_SPREAD` times the noise's."""
PATIENT = Schedule(14, 14, GRADUAL.widths)
"""Under perspective, where what moves the landmarks has to settle as well, and for exact points, where data and
prior are so far apart that bounds settle late."""
DOUBTED, LARGE_SPREAD = 0.02, 4.0
COARSE = 50
"""Components of identity that the first quick step moves: it is about the pose."""
LEAST_SHARE = 0.5
"""Of the landmarks' curvature, however few are trusted: from half on, no step overshoots."""
TOGETHER = 32
"""Photographs whose Hessians fit into a core's cache."""
LARGEST_TURN, LARGEST_STRETCH = 0.4, 0.3
"""Radians, and share of the scale, that one step may change."""


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
    left: np.ndarray
    """(B, E, E): half the objective's Hessian for expressions, all else eliminated."""


@dataclass(frozen=True, slots=True, eq=False)
class Pull:
    """A prior of its own for each photograph, on top of the model's: used along a sequence."""

    expected: np.ndarray
    """(B, A)."""
    precision: np.ndarray
    """(B, A)."""


def solve(problem: PointFields, landmarks: np.ndarray, *, camera: Camera = None) -> Solution:
    """The most likely poses and coefficients, photograph by photograph. landmarks: (B, N, 3) pixels, z
    ignored where `problem.depth_weight` is 0."""
    schedule = schedule_of(problem, camera)
    quick = schedule is GRADUAL
    solution = joined(
        [
            descend(problem, landmarks[part], QUICK if quick else schedule, camera=part_of(camera, part))
            for part in _parts(len(landmarks))
        ]
    )
    far = (solution.trust < AT_WIDTH).mean(axis=1)
    doubted = np.flatnonzero((far > DOUBTED) | (solution.spread > LARGE_SPREAD))
    if quick:
        for part in _parts(len(doubted)):
            _replace(solution, doubted[part], descend(problem, landmarks[doubted[part]], schedule))
    return solution


def _parts(count: int) -> list[slice]:
    return [slice(first, first + TOGETHER) for first in range(0, count, TOGETHER)]


def schedule_of(problem: PointFields, camera: Camera) -> Schedule:
    """The steps that need no second look."""
    return PATIENT if camera is not None or not problem.outliers else GRADUAL


def descend(
    problem: PointFields,
    landmarks: np.ndarray,
    schedule: Schedule,
    *,
    camera: Camera = None,
    groups: np.ndarray | None = None,
    start: Solution | None = None,
    pull: Pull | None = None,
) -> Solution:
    """The steps of a schedule, all photographs at once. groups: (B,) numbers from 0; photographs of one
    number share their identity, and curvature is always made anew."""
    poses = start.poses if start else first_poses(problem.mean, landmarks, problem.weight)
    unknowns = start.unknowns if start else np.zeros((len(landmarks), len(problem.fields)))
    own = _share_of_prior(problem, len(landmarks), groups)
    for number in range(schedule.steps):
        points = problem.points(unknowns)
        residual, trust, spread = _residual(problem, landmarks, points, poses, camera, schedule.width(number))
        # Where residuals are larger than the noise, they are the noise: the prior then counts for more.
        gradient = _gradient(problem, points, residual, trust, poses) / spread[:, None]
        gradient[:, POSE:] -= own * (unknowns @ problem.precision)
        if pull is not None:
            gradient[:, POSE:] -= pull.precision * (unknowns - pull.expected)
        share = np.maximum(trust.mean(axis=1), LEAST_SHARE) / spread
        if groups is not None:
            quadratic = _quadratic(problem, unknowns, poses, share, own, pull)
            curvature, gradient = _with_common_identity(problem, quadratic, gradient, unknowns, groups)
        elif number < schedule.renewed:
            kept = POSE + COARSE if schedule is QUICK and number == 0 else None
            curvature = eliminated(_quadratic(problem, unknowns, poses, share, own, pull), kept=kept)
        now = unknowns[:, problem.expressions]
        low, high = problem.low[problem.expressions], problem.high[problem.expressions]
        step = curvature.step(gradient, low - now, high - now)
        unknowns = np.clip(unknowns + step[:, POSE:], problem.low, problem.high)
        poses = _moved(poses, step[:, :POSE])
    residual, trust, spread = _residual(problem, landmarks, problem.points(unknowns), poses, camera, WIDTH)
    if groups is not None:
        curvature = eliminated(blocks(problem, unknowns, poses.rotation, trust.mean(axis=1) / spread))
    return Solution(poses, unknowns, residual, spread, trust, curvature.left)


def _replace(solution: Solution, where: np.ndarray, by: Solution) -> None:
    """Writes the photographs of one solution over those numbers of another."""
    for of in (solution.poses, by.poses), (solution, by):
        for part in fields(of[0]):
            if part.name != "poses":
                getattr(of[0], part.name)[where] = getattr(of[1], part.name)


def joined(solutions: Sequence[Solution]) -> Solution:
    """The photographs of all, in order."""

    def of(part: Callable[[Solution], np.ndarray]) -> np.ndarray:
        return np.concatenate([part(one) for one in solutions])

    poses = Poses(of(lambda s: s.poses.rotation), of(lambda s: s.poses.scale), of(lambda s: s.poses.shift))
    parts = (lambda s: s.unknowns, lambda s: s.residual, lambda s: s.spread, lambda s: s.trust, lambda s: s.left)
    return Solution(poses, *map(of, parts))


def posterior(solution: Solution) -> np.ndarray:
    """(B, E, E): covariance of the expression coefficients given the landmarks, all else unknown too
    (Laplace's approximation: the inverse Hessian, landmarks counting as far as they are trusted on average)."""
    inverse: np.ndarray = np.linalg.inv(solution.left)
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
    on_pose = np.einsum("kqm,bmq->bk", MOVES, moments)
    return np.concatenate([on_pose, pulled.sum(axis=1), on_fields], axis=1)


def _share_of_prior(problem: PointFields, count: int, groups: np.ndarray | None) -> np.ndarray:
    """(B, A): how much of the prior is a photograph's. That of an identity which n share is theirs by an
    nth each."""
    share = np.ones((count, len(problem.fields)))
    if groups is not None:
        share[:, : problem.identities] /= np.bincount(groups)[groups, None]
    return share


def _quadratic(
    problem: PointFields, unknowns: np.ndarray, poses: Poses, share: np.ndarray, own: np.ndarray, pull: Pull | None
) -> Blocks:
    """The model of data, prior and pull."""
    found = blocks(problem, unknowns, poses.rotation, share)
    first = problem.expressions.start
    among = np.arange(first)
    # Of all but expressions the prior is the identity.
    found.near[:, POSE + among, POSE + among] += own[:, :first] - 1.0
    if pull is not None:
        of_expression = np.arange(len(problem.seen))
        found.near[:, POSE + among, POSE + among] += pull.precision[:, :first]
        found.own[:, of_expression, of_expression] += pull.precision[:, first:]
    return found


def _with_common_identity(
    problem: PointFields, quadratic: Blocks, gradient: np.ndarray, unknowns: np.ndarray, groups: np.ndarray
) -> tuple[Eliminated, np.ndarray]:
    """The model and gradient of what is a photograph's own, identity's step being that of its group."""
    shared = slice(POSE, POSE + problem.identities)
    step = _common(problem, quadratic, gradient, unknowns, groups)
    first = quadratic.near.shape[1]
    gradient = gradient.copy()
    gradient[:, :first] -= times(quadratic.near[:, :, shared], step)
    gradient[:, first:] -= times(quadratic.across[:, shared].transpose(0, 2, 1), step)
    gradient[:, shared] = step
    near, across = quadratic.near.copy(), quadratic.across.copy()
    near[:, shared], near[:, :, shared], across[:, shared] = 0.0, 0.0, 0.0
    diagonal = np.arange(shared.start, shared.stop)
    near[:, diagonal, diagonal] = 1.0
    return eliminated(Blocks(near, across, quadratic.own)), gradient


def _common(
    problem: PointFields, quadratic: Blocks, gradient: np.ndarray, unknowns: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    """(B, I): the step of each group's identity. What is a photograph's own is eliminated photograph by
    photograph (Schur complement), and what is left is added up over the group. Expression coefficients
    that sit on a bound and are pushed outwards stay."""
    across = quadratic.across
    hessian = np.block([[quadratic.near, across], [across.transpose(0, 2, 1), quadratic.own]])
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
    """Poses after a step (B, 7) in the head's frame, limited in turn and scale."""
    length = np.linalg.norm(step[:, :3], axis=1, keepdims=True)
    turn = step[:, :3] * np.minimum(1.0, LARGEST_TURN / np.maximum(length, 1e-12))
    stretch = np.clip(step[:, 3], -LARGEST_STRETCH, LARGEST_STRETCH)
    shift = poses.shift + poses.scale[:, None] * np.einsum("bij,bj->bi", poses.rotation, step[:, 4:])
    return Poses(poses.rotation @ turns(turn), poses.scale * np.exp(stretch), shift)
