"""The Basel Face Models: 2009 (`.mat`, with somebody else's expressions) and 2017/2019 (`.h5`).

Paysan et al., A 3D Face Model for Pose and Illumination Invariant Face Recognition, AVSS 2009;
Gerig et al., Morphable Face Models - An Open Framework, FG 2018. https://faces.dmi.unibas.ch/bfm

    01_MorphableModel.mat     V = 53,490, micrometres: shapeMU (3V, 1), shapePC (3V, 199) of length 1,
                              shapeEV (199, 1) standard deviations, tl (T, 3) from 1
    beside it, optional, on n = 53,215 of those vertices:
      Exp_Pca.bin             Guo et al. (CNN-based Real-time Dense Face Reconstruction, TPAMI 2019):
                              int32 E, float32 mean (3n), float32 fields (E, 3n)
      std_exp.txt             its E standard deviations
      Model_Exp.mat           or 3DDFA's (Zhu et al., CVPR 2016): mu_exp (3n, 1), w_exp (3n, E), sigma_exp (E, 1)
      BFM_exp_idx.mat, model_info.mat or Model_Shape.mat
                              trimIndex (n): which of the 53,490, from 1

    model2017-1_*.h5, model2019_*.h5    millimetres, statismo's layout
      shape/model/, expression/model/   mean (3V), pcaBasis (3V, n) of length 1, pcaVariance (n)
      shape/representer/cells           (3, T) from 0
      metadata/landmarks/json           [{"id": "center.nose.tip", "coordinates": [x, y, z]}, ...]

Zero coefficients are the publisher's mean. In 2017, 2019 and 3DDFA's expressions that has the mean
expression in it; Guo's mean expression is left out, as those who use it leave it out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from fexdata.errors import FexdataError
from fexdata.faces.models.assembly import Published, assemble, columns, load_mat, numbered, reading
from fexdata.faces.models.face_model import Embedding, FaceModel, at_vertices
from fexdata.faces.models.landmark_files import keypoints_beside, landmarks_beside

SOURCE = "https://faces.dmi.unibas.ch/bfm"
LICENCE = "non-commercial research (University of Basel, Basel Face Model; no redistribution)"
MAT_2009 = "01_MorphableModel.mat"
GUO, GUO_SIGMA, TDDFA = "Exp_Pca.bin", "std_exp.txt", "Model_Exp.mat"
TABLE_2009 = "ibug_to_bfm2009.txt"
TABLE_2017, TABLE_2017_IS_FOR = "ibug_to_bfm2017-1_bfm_nomouth.txt", "model2017-1_bfm_nomouth.h5"
"""eos's tables of landmarks (https://github.com/patrikhuber/eos, share/)."""
TRIMS = ("BFM_exp_idx.mat", "model_info.mat", "Model_Shape.mat")

NAMED_POINTS = {
    "center.chin.tip": 8,
    "center.nose.tip": 30,
    "center.nose.attachement_to_philtrum": 33,
    "right.eye.corner_outer": 36,
    "right.eye.corner_inner": 39,
    "left.eye.corner_inner": 42,
    "left.eye.corner_outer": 45,
    "right.lips.corner": 48,
    "center.lips.upper.outer": 51,
    "left.lips.corner": 54,
    "center.lips.lower.outer": 57,
    "center.lips.upper.inner": 62,
    "center.lips.lower.inner": 66,
}
"""The file's own landmarks (the person's right and left) that are the same places as iBUG's, from 0."""


# 2009


def load_basel2009(path: str | Path) -> FaceModel:
    """The 2009 model, from its `.mat` or the folder with it and the expressions (see the module).

    With expressions the model has their 53,215 vertices. Raises `FexdataError` for other files, and for
    expressions without the list of their vertices.
    """
    place = Path(path)
    file = place / MAT_2009 if place.is_dir() else place
    with reading(file, f"the Basel Face Model 2009 ({MAT_2009}, {SOURCE})"):
        parts = load_mat(file, "shapeMU", "shapePC", "shapeEV", "tl")
        mean = parts["shapeMU"].reshape(-1, 3).astype(np.float64)
        identity = columns(parts["shapePC"], parts["shapeEV"])
        triangles = parts["tl"].astype(np.int64) - 1
        if identity.shape[1] != len(mean):
            raise ValueError(f"shapePC is for {identity.shape[1]} vertices, shapeMU for {len(mean)}")
        if triangles.min() < 0 or triangles.max() >= len(mean):
            raise ValueError(f"tl refers to vertices outside 1 to {len(mean)}")
    landmarks = landmarks_beside(file.parent, len(mean), table=TABLE_2009)
    offset, expression, licence = _expressions_2009(file.parent, len(mean))
    if len(expression):
        kept = _trim(file.parent, expression.shape[1], len(mean))
        numbers = np.full(len(mean), -1)
        numbers[kept] = np.arange(len(kept))
        mean, identity, triangles = mean[kept] + offset, identity[:, kept], numbers[triangles]
        triangles = triangles[(triangles >= 0).all(axis=1)]
        own = landmarks and at_vertices(np.where(landmarks.known, numbers[landmarks.vertices[:, 0]], -1))
        landmarks = own or keypoints_beside(file.parent, len(mean))
    with reading(file, "a whole Basel Face Model 2009"):
        return assemble(
            "basel2009",
            Published(
                mean=mean, triangles=triangles, identity=identity, expression=expression,
                expression_names=numbered("expression", len(expression)), unit="um", licence=LICENCE + licence,
                source=SOURCE, landmarks_68=landmarks,
            ),
        )  # fmt: skip


def _expressions_2009(folder: Path, vertices: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Mean (n, 3), fields (E, n, 3) and their terms; without expressions E is 0."""
    if (folder / GUO).is_file():
        with reading(folder / GUO, f"Guo's expressions of the Basel Face Model, with {GUO_SIGMA} beside it"):
            raw = (folder / GUO).read_bytes()
            count = int(np.frombuffer(raw, "<i4", 1)[0])
            numbers = np.frombuffer(raw, "<f4", offset=4).reshape(count + 1, -1, 3)
            sigma = np.loadtxt(folder / GUO_SIGMA).reshape(count, 1, 1)
            terms = "; expressions: Guo et al., non-commercial research (FaceWarehouse)"
            return np.zeros_like(numbers[0]), (numbers[1:] * sigma).astype(np.float32), terms
    if (folder / TDDFA).is_file():
        with reading(folder / TDDFA, "3DDFA's expressions of the Basel Face Model"):
            parts = load_mat(folder / TDDFA, "mu_exp", "w_exp", "sigma_exp")
            terms = "; expressions: 3DDFA, non-commercial research (FaceWarehouse)"
            return parts["mu_exp"].reshape(-1, 3), columns(parts["w_exp"], parts["sigma_exp"]), terms
    return np.zeros((vertices, 3)), np.zeros((0, vertices, 3), np.float32), ""


def _trim(folder: Path, wanted: int, vertices: int) -> np.ndarray:
    """(n,) which of the model's vertices the expressions move."""
    if wanted == vertices:
        return np.arange(vertices)
    for name in TRIMS:
        if not (folder / name).is_file():
            continue
        with reading(folder / name, f"a list of {wanted} vertices of the Basel Face Model"):
            kept = load_mat(folder / name, "trimIndex").get("trimIndex")
            if kept is None:
                continue
            kept = kept.ravel().astype(np.int64) - 1
            if len(kept) != wanted or kept.max() >= vertices:
                raise ValueError(f"it lists {len(kept)} of them")
            return kept
    raise FexdataError(
        f"{folder} has expressions for {wanted} vertices and a model of {vertices}; put {' or '.join(TRIMS)} there, "
        "which lists these vertices (trimIndex)"
    )


# 2017 and 2019


def load_basel2017(path: str | Path) -> FaceModel:
    """The 2017 or 2019 model from its `.h5`. Raises `FexdataError` for another file."""
    import h5py

    file = Path(path)
    if file.is_dir():
        found = sorted(file.glob("model20*.h5"))
        if len(found) != 1:
            raise FexdataError(f"{file} has {len(found)} files model20*.h5; name the one to read")
        file = found[0]
    with reading(file, f"a Basel Face Model of 2017 or 2019 (model20*.h5, {SOURCE})"), h5py.File(file, "r") as content:
        mean, identity = _part(content, "shape")
        shift, expression = _part(content, "expression")
        named = content.get("metadata/landmarks/json")
        table = TABLE_2017 if file.name == TABLE_2017_IS_FOR else ""
        landmarks = landmarks_beside(file.parent, len(mean), table=table) or _named(named, mean)
        return assemble(
            "basel2019" if "2019" in file.name else "basel2017",
            Published(
                mean=mean + shift, triangles=_values(content, "shape/representer/cells").T, identity=identity,
                expression=expression, expression_names=numbered("expression", len(expression)), unit="mm",
                licence=LICENCE, source=SOURCE, landmarks_68=landmarks,
            ),
        )  # fmt: skip


def _part(content: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean (V, 3) and one standard deviation each (n, V, 3)."""
    mean, basis, variance = (_values(content, f"{name}/model/{part}") for part in ("mean", "pcaBasis", "pcaVariance"))
    return mean.reshape(-1, 3).astype(np.float64), columns(basis, np.sqrt(np.maximum(variance, 0)))


def _values(content: Any, name: str) -> np.ndarray:
    if name not in content:
        raise KeyError(name)
    values: np.ndarray = content[name][()]
    return values


def _named(dataset: Any, mean: np.ndarray) -> Embedding | None:
    """The vertices at the file's named points; the rest of the 68 are not known."""
    if dataset is None:
        return None
    raw = np.asarray(dataset[()]).ravel()[0]
    text = raw.decode() if isinstance(raw, bytes) else str(raw)
    numbers = np.full(68, -1)
    tree = cKDTree(mean)
    for point in json.loads(text):
        if point["id"] in NAMED_POINTS:
            numbers[NAMED_POINTS[point["id"]]] = tree.query(np.array(point["coordinates"], float))[1]
    return at_vertices(numbers)
