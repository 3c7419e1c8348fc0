"""A fit of landmarks refined by the photographs' colours: shading and edges tell what points cannot.

    refined = refine(model, found, pictures)        # a `Fit` of B photographs, and they: (B, H, W, 3) uint8

Samples s = 1 ... S of the surface, posed, lie at x_s in the picture, with normals n_s; `shading` says what colours
light and albedo give them. No face model here has an albedo; so it is one of skin and one of lips, and a slow change
over the face, alike on both sides. The picture's values stand for light as they are: errors are more even in
them than in linear light, and figures were better. Light and albedo are each step's least squares, and are eliminated
from the step (variable projection; Golub and Pereyra 2003, in Kaufman's approximation), so that what they explain
moves nothing. Pose, identity and expression move by Gauss-Newton on

    e sum_s rho(|I(x_s) - colour_s|) + the landmarks' part and the prior's, as in `solver`,

and change I through the picture's slope at x, and colours through n; points and edges of triangles are linear in the
unknowns, so derivatives need no differences. Neighbouring samples err together: all count as much as `EVIDENCE` single
ones. On the people on whom settings were chosen, shading alone and the picture's slope alone gave a part of the gain
each; `python -m benchmarks.fitting_dense` has figures of other people.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from fexdata.errors import FexdataError
from fexdata.faces.fitting import solver
from fexdata.faces.fitting.camera import Poses, project, turns
from fexdata.faces.fitting.curvature import MOVES, Eliminated, blocks, eliminated
from fexdata.faces.fitting.fields import POSE, PointFields
from fexdata.faces.fitting.fit import Fit, finished
from fexdata.faces.fitting.robust import excess, weights
from fexdata.faces.fitting.shading import SIDE, Views, explained, harmonics, views_of
from fexdata.faces.models.face_model import FaceModel

STEPS = 8
EVIDENCE = 200.0
"""With more, surfaces gain a little still, but faces at rest are given expressions."""
SAMPLES = 2000
LIPS, TONE = 0.3, 0.15
"""Standard deviations of d: of the lips, and of what is slow over the face."""
FACING, CELL, BEHIND = 0.35, 4, 10.0
"""A sample is seen whose normal has n_z < -`FACING` and that lies no more than `BEHIND` pixels behind the nearest one
of its cell, `CELL` pixels wide, twice as wide as samples are apart. Of a hundred samples the rasteriser, which stands
above this layer, judges one otherwise."""
FACE, LEFT_OUT = "face", ("eyelid_rims", "mouth_inside", "nostrils", "brows")
"""Regions, where the model has them: samples lie on the first, and not on the others."""
TOGETHER = 8
"""Photographs whose derivatives are held at once: some megabytes each."""


@dataclass(frozen=True, slots=True, eq=False)
class _Surface:
    """S samples, each the middle of a triangle."""

    mean: torch.Tensor
    """(S, 9): point and two edges."""
    fields: torch.Tensor
    """(S, 9, M): what M unknowns do to them."""
    moving: np.ndarray
    """(M,) which of the unknowns these are; the detector's modes move landmarks alone."""
    albedo: torch.Tensor
    """(S, R): psi."""
    spread: torch.Tensor
    """(R,): standard deviations of d."""


def refine(model: FaceModel, found: Fit, pictures: np.ndarray, device: torch.device | str | None = None) -> Fit:
    """The fit's poses and coefficients, moved to where they explain the photographs too.

    found: what `fit` made of the landmarks of B photographs with this model. pictures: (B, H, W, 3) uint8, RGB, in
    whose pixels the landmarks are. device: None is the GPU, where torch has one. Photographs are refined one by one:
    an identity that several shared, or that was told, is each one's own afterwards. Raises `FexdataError` for other
    pictures, and for fits under perspective.
    """
    count = len(found.identity)
    values = np.asarray(pictures)
    if values.ndim != 4 or len(values) != count or values.shape[3] != 3 or not values.size or values.dtype != np.uint8:
        raise FexdataError(f"pictures: expected ({count}, H, W, 3) uint8, got {values.shape} {values.dtype}")
    if found.camera is not None:
        raise FexdataError("a dense refinement needs a fit under weak perspective; fit with camera=None")
    target = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    surface, start = _surface(model, found.problem, target), found.solution
    modelled = project(found.problem.points(start.unknowns), start.poses, None)
    landmarks, parts = start.residual + modelled, []
    for first in range(0, count, TOGETHER):
        part = slice(first, first + TOGETHER)
        poses = Poses(start.poses.rotation[part], start.poses.scale[part], start.poses.shift[part])
        views = views_of(values[part], modelled[part], target)
        parts.append(_descend(found.problem, surface, views, landmarks[part], poses, start.unknowns[part]))
    return finished(model, found.problem, landmarks, solver.joined(parts), None)


def _descend(
    problem: PointFields, surface: _Surface, views: Views, landmarks: np.ndarray, poses: Poses, unknowns: np.ndarray
) -> solver.Solution:
    """All photographs' steps from poses and unknowns."""
    low, high = problem.low[problem.expressions], problem.high[problem.expressions]
    for number in range(STEPS):
        level = views.levels[number * len(views.levels) // STEPS]
        curvature, gradient, _ = _quadratic(problem, surface, views, level, landmarks, poses, unknowns)
        now = unknowns[:, problem.expressions]
        step = curvature.step(gradient, low - now, high - now)
        unknowns = np.clip(unknowns + step[:, POSE:], problem.low, problem.high)
        shift = poses.scale[:, None] * np.einsum("bij,bj->bi", poses.rotation, step[:, 4:POSE])
        poses = Poses(poses.rotation @ turns(step[:, :3]), poses.scale * np.exp(step[:, 3]), poses.shift + shift)
    curvature, _, rest = _quadratic(problem, surface, views, views.levels[-1], landmarks, poses, unknowns)
    return solver.Solution(poses, unknowns, *rest, curvature.left)


def _quadratic(
    problem: PointFields, surface: _Surface, views: Views, level: torch.Tensor, landmarks: np.ndarray, poses: Poses,
    unknowns: np.ndarray,
) -> tuple[Eliminated, np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:  # fmt: skip
    """Model of the objective, half its negative gradient (B, 7 + A), and the landmarks' residual, spread and trust."""
    points = problem.points(unknowns)
    residual = landmarks - project(points, poses, None)
    metric = np.array([1.0, 1.0, problem.depth_weight])
    squared = (np.square(residual) @ metric) * problem.weight / np.square(poses.scale)[:, None]
    spread = excess(squared)
    trust = weights(squared, spread) if problem.outliers else np.ones(squared.shape)
    pulled = (residual * metric) @ poses.rotation * (trust * problem.weight / poses.scale[:, None])[:, :, None]
    turned = np.einsum("kqm,bmq->bk", MOVES, points.transpose(0, 2, 1) @ pulled)
    on_fields = pulled.reshape(len(points), -1) @ problem.fields.reshape(len(problem.fields), -1).T
    gradient = np.concatenate([turned, pulled.sum(axis=1), on_fields], axis=1) / spread[:, None]
    gradient[:, POSE:] -= unknowns @ problem.precision
    found = blocks(problem, unknowns, poses.rotation, np.maximum(trust.mean(axis=1), solver.LEAST_SHARE) / spread)

    slope, bend = _of_colours(surface, views, level, poses, unknowns)
    where = np.concatenate([np.arange(POSE), POSE + surface.moving])
    gradient[:, where] += slope
    whole = np.zeros((*gradient.shape, gradient.shape[1]))
    whole[:, where[:, None], where] = bend
    first = found.near.shape[1]
    found.near = found.near + whole[:, :first, :first]
    found.across = found.across + whole[:, :first, first:]
    found.own = found.own + whole[:, first:, first:]
    return eliminated(found), gradient, (residual, spread, trust)


def _of_colours(
    surface: _Surface, views: Views, level: torch.Tensor, poses: Poses, unknowns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Half the negative gradient (B, 7 + M) and half the Hessian (B, 7 + M, 7 + M) of the colours' part."""
    rotation, scale, shift, known = (
        torch.tensor(one, dtype=torch.float32, device=level.device)
        for one in (
            poses.rotation, poses.scale * views.zoom, (poses.shift[:, :2] - views.corner) * views.zoom[:, None],
            unknowns[:, surface.moving],
        )
    )  # fmt: skip
    batch, samples = len(known), len(surface.mean)
    flat = (surface.fields.reshape(samples * 9, -1) @ known.T).T.reshape(batch, samples, 9) + surface.mean
    point, right, left = flat.reshape(batch, samples, 3, 3).unbind(2)
    across = torch.linalg.cross(right, left)
    length = torch.linalg.vector_norm(across, dim=2, keepdim=True).clamp(min=1e-12)
    normal = across / length
    turned, facing = point @ rotation.mT, normal @ rotation.mT
    x = scale[:, None, None] * turned[..., :2] + shift[:, None]
    seen = _seen(x, scale[:, None] * turned[..., 2], facing[..., 2], views.shown)
    values = functional.grid_sample(level, ((2 * x + 1) / SIDE - 1)[:, None], "bilinear", "border", align_corners=False)
    value, to_right, down = values.reshape(batch, 3, 3, samples).unbind(1)
    harmonic, slopes = harmonics(facing)
    colours = explained(value, harmonic, surface.albedo, surface.spread, seen, EVIDENCE)

    # In the head's frame: by a sample's place, by its normal, and by its edges through that.
    by_place = to_right[..., None] * rotation[:, None, None, 0] + down[..., None] * rotation[:, None, None, 1]
    by_place = by_place * scale[:, None, None, None]
    by_normal = -(torch.einsum("bcsk,bskd->bcsd", colours.slopes, slopes) @ rotation[:, None])
    point, normal, right, left = (one[:, None].expand_as(by_place) for one in (point, normal, right, left))
    tilt = (by_normal - normal * (by_normal * normal).sum(-1, keepdim=True)) / length[:, None]
    by_shape = torch.cat([by_place, torch.linalg.cross(left, tilt), torch.linalg.cross(tilt, right)], dim=-1)
    by_unknowns = by_shape.permute(2, 0, 1, 3).reshape(samples, -1, 9) @ surface.fields
    turn = torch.linalg.cross(point, by_place) + torch.linalg.cross(normal, by_normal)
    stretch = (point * by_place).sum(-1, keepdim=True)
    unknown = by_unknowns.reshape(samples, batch, 3, -1).permute(1, 2, 0, 3)
    jacobian = torch.cat([turn, stretch, by_place, unknown], dim=-1)

    weighted = jacobian * colours.weight[..., None]
    gradient = -(weighted * colours.residual[..., None]).sum((1, 2))
    mixed = (colours.columns.mT @ weighted).double()
    among = (colours.columns.mT @ (colours.columns * colours.weight[..., None])).double()
    among = among + torch.diag_embed(colours.tightness.double())
    hessian = (jacobian.mT @ weighted).double() - mixed.mT @ torch.linalg.solve(among, mixed)
    return gradient.double().cpu().numpy(), hessian.sum(1).cpu().numpy()


def _seen(x: torch.Tensor, z: torch.Tensor, facing: torch.Tensor, shown: torch.Tensor) -> torch.Tensor:
    """(B, S) 1 for samples in the picture that face the viewer with nothing before them, else 0. x: (B, S, 2); z and
    facing: (B, S)."""
    side = SIDE // CELL
    cell = torch.div(x, CELL, rounding_mode="floor").long().clamp(0, side - 1)
    number = cell[..., 1] * side + cell[..., 0]
    near = z.new_full((len(x), side * side), torch.inf).scatter_reduce(1, number, z, "amin")
    inside = ((x >= shown[:, :1]) & (x <= shown[:, 1:])).all(dim=2)
    return (inside & (facing < -FACING) & (z <= near.gather(1, number) + BEHIND)).float()


@functools.lru_cache(maxsize=4)
def _surface(model: FaceModel, problem: PointFields, target: torch.device) -> _Surface:
    """Samples evenly over the face's area, on its triangles in their order."""
    corners = _sampled(model)
    point = _ride(model.mean, corners)
    identity = np.tensordot(problem.identity_turn.T, _ride(model.identity_basis, corners), axes=1)
    fields = np.concatenate([identity, _ride(model.expression_basis, corners)])
    moving = np.concatenate([np.arange(problem.identities), np.arange(len(problem.fields))[problem.expressions]])
    albedo = _albedo(point[:, :3])
    if "lips" in model.regions:
        albedo = np.concatenate([albedo, model.regions["lips"][corners].mean(axis=1, keepdims=True)], axis=1)
    spread = np.array([*[TONE] * 6, *[LIPS] * (albedo.shape[1] - 6)])
    numbers = (point, fields.transpose(1, 2, 0), albedo, spread)
    mean, moved, tones, spreads = (torch.tensor(one, dtype=torch.float32, device=target) for one in numbers)
    return _Surface(mean, moved.contiguous(), moving, tones, spreads)


def _sampled(model: FaceModel) -> np.ndarray:
    """(S, 3) vertices of triangles, at most `SAMPLES`."""
    kept = model.regions.get(FACE, np.ones(len(model.mean))) > 0.5
    for name in LEFT_OUT:
        kept &= ~(model.regions.get(name, np.zeros(len(kept))) > 0.2)
    triangles = model.triangles[kept[model.triangles].all(axis=1)]
    ridden = _ride(model.mean, triangles)
    area = np.linalg.norm(np.cross(ridden[:, 3:6], ridden[:, 6:]), axis=1).cumsum()
    return triangles[np.unique(np.searchsorted(area, (np.arange(SAMPLES) + 0.5) / SAMPLES * area[-1]))]


def _ride(basis: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(..., T, 9): middles and two edges of triangles (T, 3) of vertices (..., V, 3)."""
    a, b, c = (basis[..., corners[:, k], :].astype(np.float64) for k in range(3))
    return np.concatenate([(a + b + c) / 3, b - a, c - a], axis=-1)


def _albedo(points: np.ndarray) -> np.ndarray:
    """(S, 6) slow fields of points (S, 3) of the mean face, alike on both sides, each with mean 0."""
    low, high = points.min(axis=0), points.max(axis=0)
    x, y, _ = ((2 * points - low - high) / (high - low)).T
    fields = np.stack([x**2, y, x**2 * y, y**2, x**4, y**3], axis=1)
    return fields - fields.mean(axis=0)
