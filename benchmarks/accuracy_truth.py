"""What a crop truly shows, at the crop's own pixels; and how far a built row is from it.

Truth is in the pixels of the picture, a row's maps are in those of its crop. A crop is the picture
turned, scaled and shifted, which is the same as another camera at the same place: its focal length
scaled, its head turned about the line of sight. So nothing is resampled: the true head is drawn anew
before that camera, with the wrinkles and pores that the picture was drawn with.

Lengths are percent of the inter-ocular distance: between the middles of the two eyes, in 3D, of the
true face. (Between the outer corners of the eyes it is about 1.5 times as far.)
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from fexdata.faces.alignment import apply, scale_of
from fexdata.faces.landmarks import EYE_CORNERS_478
from fexdata.faces.quality_geometry import interocular
from fexdata.faces.topology import Label
from fexdata.render.maps import decode_depth, decode_normal
from fexdata.render.photo.geometry import stack
from fexdata.render.photo.scene import Camera, Part
from fexdata.render.photo.surface import surface
from fexdata.synthetic.person import Person, make_person
from fexdata.synthetic.skin import material

FINE = 0.05
"""Standard deviation, of inter-ocular distances, of the blur that parts detail from shape: 3 mm."""
FACE = 0.5
"""Weight of the model's region `face` from which skin is the face, not ears or neck."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """The truth of one crop of side S."""

    points_478: np.ndarray
    """(478, 3) crop pixels, z zero at the mean of the four eye corners."""
    points_68: np.ndarray
    """(68, 2) crop pixels."""
    face: np.ndarray
    """(S, S) bool: the pixel shows skin of the face, with nothing but hair before it."""
    depth: np.ndarray
    """(S, S) crop pixels, larger is nearer, zero at the eye corners; NaN outside the face."""
    normal: np.ndarray
    """(S, S, 3) of the mesh: x right, y up, z to the viewer; zeros outside the face."""
    detailed: np.ndarray
    """The same with wrinkles and pores."""


def shown_in_crop(truth: Row, matrix: np.ndarray, size: int) -> Shown:
    """The truth of a picture (a row of `truth.parquet`), in the crop that `matrix` (2, 3) makes of it."""
    person = _person(int(truth["person"], 16), truth["model"])
    scale = scale_of(matrix)
    camera, head = _before_the_crop(truth, person, matrix, size)
    points_478 = apply(matrix, np.asarray(truth["landmarks_478"], np.float64))
    points_478[:, 2] -= points_478[list(EYE_CORNERS_478), 2].mean()
    middle = float(head.vertices[list(EYE_CORNERS_478), 2].mean())

    found = surface([head], stack([head], [0]), camera)
    mask = cv2.warpAffine(truth["mask"], matrix, (size, size), flags=cv2.INTER_NEAREST, borderValue=0)
    share = (person.model.regions["face"][found.corners] * found.weights).sum(axis=1)
    kept = (share > FACE) & ~found.turned & (mask.reshape(-1)[found.pixels] == Label.SKIN)
    pixels = found.pixels[kept]
    depth, face = np.full(size * size, np.nan, np.float32), np.zeros(size * size, bool)
    face[pixels] = True
    depth[pixels] = (middle - found.position[kept, 2]) * np.float32(truth["camera"][0] / middle * scale)
    return Shown(
        points_478,
        apply(matrix, np.asarray(truth["landmarks_68"], np.float64)),
        face.reshape(size, size),
        depth.reshape(size, size),
        _map(found.smooth[kept], pixels, size),
        _map(found.bumped[kept], pixels, size),
    )


def errors(row: Row, shown: Shown) -> dict[str, float]:
    """How far a built row (landmarks_478, landmarks_68, vertices, depth, normal, mask) is from the truth.

    - points_478, points_68: mean distance in the picture, %; median_478: the median of the points
    - mesh: mean distance in 3D of the mesh's vertices from the true ones, %
    - depth: mean absolute difference over the pixels that both call skin, after taking off its mean, %
    - normal: mean angle there to the true mesh's normals, degrees
    - detail_error, detail_true: size of the difference of the normals' fine parts, and of the true
      ones, degrees (a surface without detail has an error as large as the truth)
    - coverage: share of the true face's pixels that the mask covers
    """
    unit = interocular(shown.points_478) / 100
    apart = np.linalg.norm(np.asarray(row["landmarks_478"])[:, :2] - shown.points_478[:, :2], axis=1)
    apart_68 = np.linalg.norm(np.asarray(row["landmarks_68"]) - shown.points_68, axis=1)
    mesh = np.linalg.norm(np.asarray(row["vertices"])[:468] - shown.points_478[:468], axis=1)
    both = shown.face & (row["mask"] == Label.SKIN)
    normal, fine = decode_normal(row["normal"]), FINE * 100 * unit
    detail = fine_part(shown.detailed, both, fine)
    return {
        "points_478": float(apart.mean()) / unit,
        "median_478": float(np.median(apart)) / unit,
        "points_68": float(apart_68.mean()) / unit,
        "mesh": float(mesh.mean()) / unit,
        "depth": _spread(decode_depth(row["depth"])[both] - shown.depth[both]) / unit,
        "normal": _angle(np.linalg.norm(normal[both] - shown.normal[both], axis=-1)),
        "detail_error": _angle(np.linalg.norm(fine_part(normal, both, fine)[both] - detail[both], axis=-1)),
        "detail_true": _angle(np.linalg.norm(detail[both], axis=-1)),
        "coverage": float((row["mask"][shown.face] > 0).mean()) if shown.face.any() else np.nan,
    }


def _before_the_crop(truth: Row, person: Person, matrix: np.ndarray, size: int) -> tuple[Camera, Part]:
    """The camera whose picture the crop is, and the head before it."""
    scale = scale_of(matrix)
    turn = np.eye(3)
    turn[:2, :2] = matrix[:, :2] / scale
    focal, *centre = np.asarray(truth["camera"], np.float64).tolist()
    x, y = (matrix[:, :2] @ centre + matrix[:, 2]).tolist()
    model = person.model
    strengths = dict(zip(model.expression_names, np.asarray(truth["expression_params"]).tolist(), strict=True))
    vertices = (np.asarray(truth["vertices"], np.float64) @ turn.T).astype(np.float32)
    head = Part("head", vertices, model.triangles, model.uv, material(person.skin, strengths))
    return Camera(focal * scale, (x, y), (size, size)), head


@functools.lru_cache(maxsize=1)
def _person(seed: int, model: str) -> Person:
    return make_person(seed, model)


def _map(normals: np.ndarray, pixels: np.ndarray, size: int) -> np.ndarray:
    drawn = np.zeros((size * size, 3), np.float32)
    drawn[pixels] = normals * np.array([1, -1, -1], np.float32)
    return drawn.reshape(size, size, 3)


def fine_part(normals: np.ndarray, where: np.ndarray, deviation: float) -> np.ndarray:
    """Normals less their mean about each pixel, over the pixels of `where` alone."""
    weight = where.astype(np.float32)
    total = cv2.GaussianBlur(normals * weight[..., None], (0, 0), deviation)
    around = cv2.GaussianBlur(weight, (0, 0), deviation)
    return np.where(where[..., None], normals - total / np.maximum(around, 1e-6)[..., None], 0)


def _spread(gaps: np.ndarray) -> float:
    return float(np.abs(gaps - gaps.mean()).mean()) if gaps.size else np.nan


def _angle(chords: np.ndarray) -> float:
    """Mean angle in degrees between unit vectors that lie so far apart."""
    return float(np.degrees(2 * np.arcsin(np.minimum(chords / 2, 1))).mean()) if chords.size else np.nan
