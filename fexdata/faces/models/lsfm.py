"""The Large Scale Facial Model, from its `.mat` (menpo's documented layout), with expressions beside it.

Booth et al., Large Scale 3D Morphable Models, IJCV 2018; https://github.com/menpo/lsfm, MODELS.md:

    all_all_all.mat, ...     mean (3V,), components (3V, K) of length 1, eigenvalues (K,) variances,
                             trilist (T, 3) from 0; V = 53,215, the vertices of 3DDFA
    beside it, optional
      expressions.npz        `expression_basis` and what goes with it, as in `basis_npz`, in the model's
                             own unit and frame: 4DFAB's on the same vertices, as SliderGAN has them
      landmarks_68.txt, model_info.mat or Model_Shape.mat   (`landmark_files`)

LSFM has no expressions of its own. The layout says nothing on units: millimetres, centimetres or metres
are told by the face's width, and kept as `arbitrary` where it fits none of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.models.assembly import Published, assemble, columns, load_mat, reading, unit_of
from fexdata.faces.models.basis_npz import expression_of, read_arrays
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.models.landmark_files import keypoints_beside, landmarks_beside

SOURCE = "https://github.com/menpo/lsfm (on request)"
LICENCE = "non-commercial research (LSFM, Imperial College London, on request)"
EXPRESSIONS = "expressions.npz"
PARTS = ("mean", "components", "eigenvalues", "trilist")


def load_lsfm(path: str | Path) -> FaceModel:
    """The model from its `.mat`, with what lies beside it. Raises `FexdataError` for other files."""
    file = _file(Path(path))
    with reading(file, f"an LSFM model (all_all_all.mat, {SOURCE})"):
        arrays = load_mat(file, *PARTS)
        mean, components, variances, triangles = (arrays[name] for name in PARTS)
        points = mean.reshape(-1, 3).astype(np.float64)
        identity = columns(components, np.sqrt(variances))
        if identity.shape[1] != len(points):
            raise ValueError(f"components are for {identity.shape[1]} vertices, mean for {len(points)}")
    expression, names, signed = _expressions(file.parent, len(points))
    with reading(file, "a whole LSFM model"):
        return assemble(
            "lsfm",
            Published(
                mean=points, triangles=triangles, identity=identity, expression=expression, expression_names=names,
                signed=signed, unit=unit_of(points), licence=LICENCE, source=SOURCE,
                landmarks_68=landmarks_beside(file.parent, len(points)) or keypoints_beside(file.parent, len(points)),
            ),
        )  # fmt: skip


def _file(place: Path) -> Path:
    if not place.is_dir():
        return place
    found = [file for file in sorted(place.glob("*.mat")) if file.name not in ("model_info.mat", "Model_Shape.mat")]
    if len(found) != 1:
        raise FexdataError(f"{place} has {len(found)} files .mat; name the LSFM model to read")
    return found[0]


def _expressions(folder: Path, vertices: int) -> tuple[np.ndarray, tuple[str, ...], list[bool]]:
    file = folder / EXPRESSIONS
    if not file.is_file():
        return np.zeros((0, vertices, 3), np.float32), (), []
    with reading(file, f"an expression basis for {vertices} vertices, as docs/models/formats.md describes it"):
        arrays = read_arrays(file)
        if "expression_basis" not in arrays:
            raise KeyError("expression_basis")
        return expression_of(arrays, vertices)
