"""Face models fitted to landmarks, how right and how fast: `python -m benchmarks.fitting`.

- **Exact points**: random shapes of ICT's model, turned up to 30 degrees about each axis; x and y of the
  model's own 478 and 68 points. Relative error of coefficients, |found - true| / |true|, as in table 4 of
  SliderGAN (Ververas and Zafeiriou 2020).
- **Detected points**: people rendered from ICT's model (`fitting_people`), points by MediaPipe, one fit per
  picture, and one identity per person. Correlations of the ten coefficients that move the face most; a
  coefficient and the one that landmarks confuse it with (posterior correlation below `CONFUSED`) also as their
  sum; displacement by expression against the true one.
- **Surfaces**: depth and normals of the fitted mesh and of MediaPipe's own, against the render's.
- **Speed**: photographs per second of a whole `fit`, and of scipy's least squares one by one, on the same problem:
  the detected points, and random shapes with more noise than MediaPipe has.

One prior throughout: sigmas are those of the calibration's people. `--calibrate` measures MediaPipe's errors
anew, on people who are not fitted, and writes what fexdata ships.
"""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.fitting_people import Pictures, pictures
from fexdata.faces.fitting.camera import Perspective
from fexdata.faces.fitting.detectors import exact, file_of, mediapipe, save
from fexdata.faces.fitting.fields import head_unit
from fexdata.faces.fitting.fit import Fit, fit, on_our_head, prepared, skin_points
from fexdata.faces.fitting.priors import Prior, prior_of
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.models.registry import load
from fexdata.faces.pose import rotation

ICT = "ict:../shared/assets/ict-facekit"
MOST = 10
CONFUSED = -0.2
OTHERS = {"fexdata-head": (("calibration", 60, 0),), "ict": (("calibration", 40, 0), ("more", 30, 1))}
"""Set, number and seed of people, none among those who are fitted, from whom MediaPipe's errors and the
prior's sigmas are taken."""
SPARE, LEAST_SIGMA = 2.0, 0.05
"""Of the prior: what a sigma has beyond the survey's, chosen on `tuning`, and the least."""
SURFACE = ("depth", "normals", "fine part of normals")
FINE = 0.033
"""Standard deviation, of the distance between the eyes' outer corners, of the blur that parts the normals' fine part
from the rest: 3 mm, as in `accuracy_truth`."""
REPEATS = 5
"""Of each batch; the fastest counts, other work on the machine being no part of it."""


@click.command()
@click.option("--ict", default=ICT, show_default=True, help="ICT-FaceKit as KIND:PATH.")
@click.option("--people", default=60, show_default=True, help="Who are rendered and fitted; five pictures each.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the pictures; what is there is used.")
@click.option("--calibrate", is_flag=True, help="Measure MediaPipe's errors, and write the detector's file.")
@click.option("--who", default="test", show_default=True, type=click.Choice(("test", "tuning")), help="Set of people.")
@click.option("--only", type=click.Choice(("exact", "detected", "speed")), help="One part alone.")
def main(ict: str, people: int, keep: Path | None, calibrate: bool, who: str, only: str | None) -> None:
    """Errors of fits, and photographs per second."""
    model, head = on_our_head(load(ict)), load("fexdata")
    others = other_people(ict, keep)
    if calibrate:
        calibrate_on("ict", model, others)
        calibrate_on(head.name, head, other_people(head.name, keep))
        return
    prior, detector = surveyed(model, others), mediapipe("ict")
    figures: dict[str, Any] = {}
    if only in (None, "exact"):
        figures["exact"] = {f"{count} points": exact_errors(model, count, prior) for count in (478, 68)}
    if only in (None, "speed", "detected"):
        seen = pictures(ict, who, people, keep=keep)
    if only in (None, "speed"):
        figures["speed, detected points"] = speeds(model, prior, seen.detected[:, :468].astype(np.float64))
        figures["speed, random shapes"] = speeds(model, prior, noisy_points(model))
    if only in (None, "detected"):
        single = fit(model, seen.detected, detector=detector, prior=prior)
        _, person = np.unique(seen.person, return_inverse=True)
        shared = fit(model, seen.detected, detector=detector, prior=prior, groups=person)
        figures["detected"] = coefficient_errors(model, seen, single)
        figures["detected, one identity per person"] = coefficient_errors(model, seen, shared)
        told = fit(model, seen.detected, detector=detector, prior=prior, identity=shared.identity)
        figures["detected, identity told by a survey"] = coefficient_errors(model, seen, told)
        figures["surfaces"] = surface_errors(model, seen, single)
    click.echo(json.dumps(figures, indent=1))


def exact_errors(model: FaceModel, count: int, prior: Prior, *, shapes: int = 64) -> dict[str, float]:
    """Mean relative errors over random shapes: standard normal identities, a quarter of the expressions on."""
    rng = np.random.default_rng(0)
    embedding = model.landmarks_68 if count == 68 else model.landmarks_478
    assert embedding is not None
    identity = rng.standard_normal((shapes, len(model.identity_names)))
    expression = rng.uniform(size=(shapes, len(model.expression_names)))
    expression *= rng.random(expression.shape) < 0.25
    points = [embedding.points(model.shape(i, e))[:468] @ rotation(*rng.uniform(-30, 30, 3)).T
              for i, e in zip(identity, expression, strict=True)]  # fmt: skip
    found = fit(model, np.array(points)[..., :2], detector=exact(len(points[0])), prior=prior)
    told = found.problem.seen
    return {
        "expression": _relative(found.expression[:, told], expression[:, told]),
        "identity": _relative(found.identity, identity),
    }


def coefficient_errors(model: FaceModel, seen: Pictures, found: Fit) -> dict[str, Any]:
    """Of the coefficients that move the face most: correlations, of pairs that are confused too."""
    basis = model.expression_basis[:, :468].astype(np.float64)
    size = np.sqrt(np.square(basis).sum(axis=(1, 2)))
    most = np.argsort(-seen.expression.std(axis=0) * size)[:MOST]
    value = np.nan_to_num(found.expression)
    each = {model.expression_names[e]: _correlation(value[:, e], seen.expression[:, e]) for e in most}
    pairs, sums = {}, {}
    for e, other in ((e, _confused_with(found, e)) for e in most):
        if other is not None:
            name = f"{model.expression_names[e]} + {model.expression_names[other]}"
            weighted = [(one[:, e] * size[e] + one[:, other] * size[other]) for one in (value, seen.expression)]
            pairs[name] = sums[model.expression_names[e]] = _correlation(*weighted)
    true, fitted = (np.tensordot(one, basis, axes=1) for one in (seen.expression, value))
    off, moved = (np.linalg.norm(one, axis=2).mean(axis=1) for one in (fitted - true, true))
    posed = seen.category != "neutral"
    return {
        "pictures": len(value),
        "correlation, mean": round(float(np.mean(list(each.values()))), 3),
        "correlation, least": round(min(each.values()), 2),
        "correlations": {name: round(one, 2) for name, one in each.items()},
        "confused, as sums": {name: round(one, 2) for name, one in pairs.items()},
        "correlation, least of single ones and sums": round(min(sums.get(name, one) for name, one in each.items()), 2),
        "displacement error / displacement": round(float(off[posed].sum() / moved[posed].sum()), 3),
        "displacement on neutral faces, mm": round(float(off[~posed].mean()), 2),
        "displacement of expressions, mm": round(float(moved[posed].mean()), 2),
        "relative error": _relative(value[posed], seen.expression[posed]),
    }


def surface_errors(model: FaceModel, seen: Pictures, found: Fit) -> dict[str, dict[str, float]]:
    """Depth, % of the distance between the eyes' outer corners, its mean taken off, normals, degrees, and their fine
    part (`FINE`), degrees; medians."""
    meshes = {"MediaPipe": seen.detected[:, :468].astype(np.float64), "fit": found.vertices(model, slice(0, 468))}
    return {
        name: dict(zip(SURFACE, np.round(np.median(one, axis=0), 2).tolist(), strict=True))
        for name, one in surfaces(seen, meshes).items()
    }


def surfaces(seen: Pictures, meshes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """(n, 3) of each of the meshes (n, 468, 3), as in `surface_errors`, over the pixels that all of them and the truth
    call skin."""
    from benchmarks.accuracy_truth import fine_part
    from fexdata.faces.mesh import vertex_normals
    from fexdata.faces.topology import Label, coarse_478
    from fexdata.render.maps import decode_depth, decode_normal
    from fexdata.render.rasterize import rasterize

    shape, size = coarse_478(), seen.mask.shape[1]
    errors: dict[str, list[tuple[float, ...]]] = {name: [] for name in meshes}
    for number in range(len(seen.detected)):
        depth, normal = decode_depth(seen.depth[number]), decode_normal(seen.normal[number])
        unit = float(np.linalg.norm(seen.landmarks[number, 33, :2] - seen.landmarks[number, 263, :2])) / 100
        drawn = {
            name: rasterize(mesh[number], vertex_normals(mesh[number], shape.triangles), shape.triangles, shape.labels,
                            size=size)
            for name, mesh in meshes.items()
        }  # fmt: skip
        both = (seen.mask[number] == Label.SKIN) & np.isfinite(depth)
        for one in drawn.values():
            both &= one.label == Label.SKIN
        fine = fine_part(normal, both, FINE * 100 * unit)
        for name, one in drawn.items():
            gap = one.depth[both] - depth[both]
            own = fine_part(one.normal, both, FINE * 100 * unit)
            angles = [_degrees(a[both] - b[both]) for a, b in ((one.normal, normal), (own, fine))]
            errors[name].append((float(np.abs(gap - gap.mean()).mean() / unit), *angles))
    return {name: np.array(one) for name, one in errors.items()}


def _degrees(chords: np.ndarray) -> float:
    """Mean angle of unit vectors (n, 3) whose differences these are."""
    return float(np.degrees(2 * np.arcsin(np.minimum(np.linalg.norm(chords, axis=1) / 2, 1))).mean())


def noisy_points(model: FaceModel, shapes: int = 256) -> np.ndarray:
    """(shapes, 468, 3): random shapes, turned, with a millimetre of noise, which is more than MediaPipe has."""
    rng = np.random.default_rng(0)
    assert model.landmarks_478 is not None
    points = np.array([
        model.landmarks_478.points(model.shape(rng.standard_normal(len(model.identity_names)),
                                               rng.random(len(model.expression_names)) * 0.3))[:468]
        @ rotation(*rng.uniform(-30, 30, 3)).T for _ in range(shapes)
    ])  # fmt: skip
    noisy: np.ndarray = points + rng.normal(0, head_unit(model), points.shape)
    return noisy


def speeds(model: FaceModel, prior: Prior, points: np.ndarray) -> dict[str, float]:
    """Photographs per second of one thread at batches of 1, 32, 256, and scipy's loop over 4. points: (256 or
    more, 468, 3)."""
    fit(model, points[:2], detector=mediapipe("ict"), prior=prior)
    rates = {}
    with threadpool_limits(1):  # processor time of two threads that wait for each other counts twice
        for batch in (1, 32, 256):
            taken = []
            for _ in range(REPEATS):
                start = time.process_time()
                fit(model, points[:batch], detector=mediapipe("ict"), prior=prior)
                taken.append(time.process_time() - start)
            rates[f"batch {batch}"] = round(batch / min(taken), 1)
        start = time.process_time()
        for one in points[:4]:
            _by_scipy(model, prior, one)
        rates["scipy, one by one"] = round(4 / (time.process_time() - start), 2)
    rates["ratio at 256"] = round(rates["batch 256"] / rates["scipy, one by one"], 1)
    return rates


def _by_scipy(model: FaceModel, prior: Prior, landmarks: np.ndarray) -> np.ndarray:
    """The same residuals, priors and bounds by `scipy.optimize.least_squares`, with the exact Jacobian of
    the coefficients and the pose by differences."""
    from scipy.optimize import least_squares
    from scipy.spatial.transform import Rotation

    from fexdata.faces.fitting.camera import first_poses

    problem = prepared(model, len(landmarks), mediapipe("ict"), prior)
    poses = first_poses(problem.mean, skin_points(landmarks[None]), problem.weight)
    first = Rotation.from_matrix(poses.rotation[0])
    scale = np.sqrt(problem.weight)[:, None] * np.sqrt([1.0, 1.0, problem.depth_weight])
    root = np.linalg.cholesky(problem.precision).T

    def shown(pose: np.ndarray, shape: np.ndarray) -> np.ndarray:
        turned = shape @ (first * Rotation.from_rotvec(pose[:3])).as_matrix().T
        result: np.ndarray = ((landmarks - pose[4:7]) / pose[3] - turned) * scale
        return result

    def residuals(x: np.ndarray) -> np.ndarray:
        return np.concatenate([shown(x[:7], problem.points(x[None, 7:])[0]).ravel(), root @ x[7:]])

    def jacobian(x: np.ndarray) -> np.ndarray:
        shape = problem.points(x[None, 7:])[0]
        turn = (first * Rotation.from_rotvec(x[:3])).as_matrix()
        steps = np.eye(7) * 1e-6
        pose = [(shown(x[:7] + h, shape) - shown(x[:7] - h, shape)).ravel() / 2e-6 for h in steps]
        fields = -(problem.fields @ turn.T * scale).reshape(len(problem.fields), -1)
        data = np.concatenate([np.array(pose), fields]).T
        return np.concatenate([data, np.concatenate([np.zeros((len(root), 7)), root], axis=1)])

    free = np.full(7, np.inf)
    start = np.concatenate([np.zeros(3), poses.scale, poses.shift[0], np.zeros(len(problem.fields))])
    start[7:] = np.clip(start[7:], problem.low + 1e-3, problem.high - 1e-3)
    bounds = (np.concatenate([-free, problem.low]), np.concatenate([free, problem.high]))
    solved: np.ndarray = least_squares(residuals, start, jacobian, bounds=bounds, x_scale="jac").x
    return solved


def other_people(model: str, keep: Path | None) -> Pictures:
    """All of a model's `OTHERS`."""
    sets = [pictures(model, kind, people, seed=seed, keep=keep)
            for kind, people, seed in OTHERS[model.partition(":")[0]]]  # fmt: skip
    names = [part.name for part in dataclasses.fields(Pictures)]
    return Pictures(**{name: np.concatenate([getattr(one, name) for one in sets]) for name in names})


def calibrate_on(name: str, model: FaceModel, seen: Pictures) -> None:
    """Writes MediaPipe's errors on rendered people of a model, none of whom is among those that are fitted."""
    from fexdata.faces.fitting.calibration import calibrated, face_errors

    camera = Perspective(seen.camera[:, 0], seen.camera[:, 1:])
    detected, true = (one[:, :468].astype(np.float64) for one in (seen.detected, seen.landmarks))
    save(calibrated(model.mean[:468].astype(np.float64), *face_errors(model, detected, true, camera)), file_of(name))


def surveyed(model: FaceModel, seen: Pictures) -> Prior:
    """The prior whose sigmas are what other people's expressions have, with some to spare."""
    rms = np.sqrt(np.square(seen.expression).mean(axis=0))
    return prior_of(model, np.maximum(SPARE * rms, LEAST_SIGMA))


def _confused_with(found: Fit, number: int) -> int | None:
    """The coefficient that landmarks confuse most with one, on the average picture."""
    from fexdata.faces.fitting.solver import posterior

    covariance = posterior(found.solution).mean(axis=0)
    size = np.sqrt(np.diag(covariance))
    row = covariance[number] / size / size[number]
    return int(row.argmin()) if row.min() < CONFUSED else None


def _relative(found: np.ndarray, true: np.ndarray) -> float:
    return round(float((np.linalg.norm(found - true, axis=1) / np.linalg.norm(true, axis=1)).mean()), 4)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


if __name__ == "__main__":
    main()
