"""FLAME, from its `.pkl` or `.npz`, and the landmark files that others made for it.

Li et al., Learning a model of facial shape and expression from 4D scans, SIGGRAPH Asia 2017;
https://flame.is.tue.mpg.de (2017, 2019, 2020, 2023 and 2023 Open have one layout), metres:

    generic_model.pkl, flame2023.pkl, FLAME_NEUTRAL.pkl, ... or the same in a .npz
      v_template (V, 3), f (T, 3) from 0
      shapedirs (V, 3, 400): 300 of identity, then 100 of expression, one standard deviation each
      J_regressor (5, V), weights (V, 5), posedirs (V, 3, 36): joints, whose third is the jaw
    beside it, optional
      landmark_embedding.npy            DECA's: full_lmk_faces_idx (1, 68), full_lmk_bary_coords (1, 68, 3)
      flame_static_embedding.pkl        lmk_face_idx (51), lmk_b_coords (51, 3): iBUG's points from 18 on
      flame_dynamic_embedding.npy       lmk_face_idx (79, 17), lmk_b_coords (79, 17, 3): the jaw line, in
                                        its first row that of a face that looks at the viewer
      mediapipe_landmark_embedding.npz  lmk_face_idx (105), lmk_b_coords (105, 3), landmark_indices (105)
      FLAME_masks.pkl                   name -> vertices; become `regions`

FLAME opens its mouth by turning a joint, which no linear model can. The chords of three turns of the
jaw stand in for it: `jawOpen` (25 degrees), `jawLeft` and `jawRight` (10 degrees, the person's own
side), each from 0 to 1, with the pose correctives of that turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from fexdata.errors import FexdataError
from fexdata.faces.models.assembly import Published, assemble, numbered, reading
from fexdata.faces.models.face_model import Embedding, FaceModel
from fexdata.faces.models.inert_pickle import as_array, load_pickle, load_pickled_npy
from fexdata.faces.models.landmark_files import landmarks_beside

SOURCE = "https://flame.is.tue.mpg.de"
LICENCE = "as granted with the file (MPI-IS: FLAME 2023 Open is CC-BY-4.0, all others non-commercial research)"
IDENTITIES = 300
JAW = 2
"""The jaw's joint."""
JAW_TURNS = {"jawOpen": (25.0, 0.0), "jawLeft": (0.0, 10.0), "jawRight": (0.0, -10.0)}
"""Degrees about x (to the person's left) and y (up)."""
BESIDE = ("flame_static_embedding.pkl", "FLAME_masks.pkl")
"""Pickles of the publisher's that are not models."""
POINTS_478 = 478


def load_flame(path: str | Path) -> FaceModel:
    """The model, from its file or from a folder with one such file. Pickles are opened without running
    anything (`fexdata.faces.models.inert_pickle`). Raises `FexdataError` for other files."""
    file = _file(Path(path))
    with reading(file, f"a FLAME model (generic_model.pkl or .npz, {SOURCE})"):
        parts = _parts(file)
        mean, triangles, fields = (as_array(parts[name]) for name in ("v_template", "f", "shapedirs"))
        if mean.shape[1:] != (3,) or fields.shape[:2] != mean.shape or fields.shape[2] <= IDENTITIES:
            raise ValueError(f"v_template has shape {mean.shape}, shapedirs {fields.shape}")
        basis = np.ascontiguousarray(fields.transpose(2, 0, 1), np.float32)
        # Models without a jaw have it in their expressions.
        turns = {} if "no_jaw" in file.name else _jaw_fields(parts, mean)
        names = numbered("expression", len(basis) - IDENTITIES)
        expression = np.concatenate([basis[IDENTITIES:], *(field[None] for field in turns.values())])
        triangles = triangles.astype(np.int32)
        landmarks = landmarks_beside(file.parent, len(mean)) or _landmarks_68(file.parent, triangles)
        return assemble(
            "flame",
            Published(
                mean=mean, triangles=triangles, identity=basis[:IDENTITIES], expression=expression,
                expression_names=(*names, *turns), signed=[True] * len(names) + [False] * len(turns), unit="m",
                licence=LICENCE, source=SOURCE, landmarks_68=landmarks,
                landmarks_478=_landmarks_478(file.parent, triangles), regions=_regions(file.parent, len(mean)),
            ),
        )  # fmt: skip


def _file(place: Path) -> Path:
    if not place.is_dir():
        return place
    # Embeddings and masks lie in the same folder and have the same endings.
    found = [file for file in sorted(place.iterdir()) if file.suffix in (".pkl", ".npz") and file.name not in BESIDE]
    found = [file for file in found if "landmark" not in file.name and "texture" not in file.name.lower()]
    if len(found) != 1:
        raise FexdataError(f"{place} has {len(found)} files that may be FLAME models (.pkl, .npz); name the one")
    return found[0]


def _parts(file: Path) -> Mapping[str, Any]:
    if file.suffix == ".npz":
        with np.load(file, allow_pickle=False) as archive:
            wanted = ("v_template", "f", "shapedirs", "J_regressor", "weights", "posedirs")
            return {name: archive[name] for name in wanted if name in archive}
    parts = load_pickle(file.read_bytes())
    if not isinstance(parts, dict):
        raise ValueError("its pickle holds no dictionary")
    return parts


def _jaw_fields(parts: Mapping[str, Any], mean: np.ndarray) -> dict[str, np.ndarray]:
    """(V, 3) each: how turns of the jaw move the mean; none for a file without joints.

    Linear blend skinning with pose correctives (the paper's equations 1 to 3), all other joints at rest.
    """
    if not {"J_regressor", "weights", "posedirs"} <= parts.keys():
        return {}
    regressor, weights, correctives = (as_array(parts[name]) for name in ("J_regressor", "weights", "posedirs"))
    joint, share = regressor[JAW] @ mean, weights[:, JAW, None]
    start = 9 * (JAW - 1)  # the root has no correctives
    fields = {}
    for name, (about_x, about_y) in JAW_TURNS.items():
        turn = Rotation.from_euler("xy", [about_x, about_y], degrees=True).as_matrix()
        corrected = mean + correctives[:, :, start : start + 9] @ (turn - np.identity(3)).ravel()
        turned = (corrected - joint) @ turn.T + joint
        fields[name] = (corrected + share * (turned - corrected) - mean).astype(np.float32)
    return fields


# Files beside the model


def _landmarks_68(folder: Path, triangles: np.ndarray) -> Embedding | None:
    whole, inner, jaw = (
        folder / name
        for name in ("landmark_embedding.npy", "flame_static_embedding.pkl", "flame_dynamic_embedding.npy")
    )
    if whole.is_file():
        with reading(whole, "DECA's embedding of 68 landmarks on FLAME"):
            parts = load_pickled_npy(whole)
            return _embedding(parts["full_lmk_faces_idx"], parts["full_lmk_bary_coords"], triangles, range(68), 68)
    if not inner.is_file():
        return None
    with reading(inner, "FLAME's embedding of 51 landmarks"):
        parts = load_pickle(inner.read_bytes())
        faces, weights = as_array(parts["lmk_face_idx"]).ravel(), as_array(parts["lmk_b_coords"]).reshape(-1, 3)
        points = range(68 - len(faces), 68)
    if jaw.is_file():
        with reading(jaw, "FLAME's embedding of the jaw line"):
            line = load_pickled_npy(jaw)
            faces = np.concatenate([as_array(line["lmk_face_idx"])[0], faces])
            weights = np.concatenate([as_array(line["lmk_b_coords"])[0], weights])
            points = range(68)
    with reading(inner, "FLAME's embedding of 51 landmarks"):
        return _embedding(faces, weights, triangles, points, 68)


def _landmarks_478(folder: Path, triangles: np.ndarray) -> Embedding | None:
    file = folder / "mediapipe_landmark_embedding.npz"
    if not file.is_file():
        return None
    with reading(file, "FLAME's embedding of MediaPipe's landmarks"), np.load(file, allow_pickle=False) as parts:
        return _embedding(
            parts["lmk_face_idx"], parts["lmk_b_coords"], triangles, parts["landmark_indices"].astype(int), POINTS_478
        )


def _embedding(faces: object, weights: object, triangles: np.ndarray, points: Any, count: int) -> Embedding:
    """`count` points, of which those numbered `points` lie in triangles `faces` with barycentric `weights`."""
    chosen, barycentric = as_array(faces).ravel().astype(np.int64), as_array(weights).reshape(-1, 3)
    numbers = np.asarray(points)
    if not len(chosen) == len(barycentric) == len(numbers):
        raise ValueError(f"{len(chosen)} triangles for {len(numbers)} points")
    vertices, shares = np.zeros((count, 3), np.int32), np.full((count, 3), np.nan, np.float32)
    vertices[numbers], shares[numbers] = triangles[chosen], barycentric
    return Embedding(vertices, shares)


def _regions(folder: Path, vertices: int) -> dict[str, np.ndarray]:
    """Name -> (V,) of 0 and 1; `skin` is all but the eyeballs."""
    file = folder / "FLAME_masks.pkl"
    if not file.is_file():
        return {}
    with reading(file, "FLAME's vertex masks"):
        regions = {}
        for name, numbers in load_pickle(file.read_bytes()).items():
            regions[str(name)] = np.zeros(vertices, np.float32)
            regions[str(name)][as_array(numbers).astype(np.int64)] = 1
        eyeballs = [mask for name, mask in regions.items() if "eyeball" in name]
        return regions | ({"skin": 1 - np.max(eyeballs, axis=0)} if eyeballs else {})
