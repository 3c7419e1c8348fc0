"""LSFM, on small files of menpo's documented layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import published_made as made
import pytest
from scipy.io import savemat

from fexdata.errors import FexdataError
from fexdata.faces.models.lsfm import load_lsfm

BASIS, SIGMA = made.basis(1, made.IDENTITIES)


def write(folder: Path, *, scale: float = 1.0, **changes: Any) -> Path:
    """`scale`: units of the file in a millimetre."""
    parts = {
        "mean": made.mean().ravel() * scale, "components": BASIS, "eigenvalues": (SIGMA * scale) ** 2,
        "trilist": made.triangles(), "n_training_samples": 9663, "cumulative_explained_variance": np.ones(3),
    } | changes  # fmt: skip
    path = folder / "all_all_all.mat"
    savemat(path, {name: part for name, part in parts.items() if part is not None})
    return path


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.001])
def test_variances_are_folded_and_the_unit_told_by_the_width(tmp_path: Path, scale: float) -> None:
    model = load_lsfm(write(tmp_path, scale=scale))
    np.testing.assert_allclose(model.mean, made.mean() * made.TURN, atol=1e-3)
    np.testing.assert_allclose(model.identity_basis, made.displacements(BASIS, SIGMA), atol=1e-3)
    assert model.units == "mm" and "LSFM" in model.licence
    assert model.expression_names == () and model.landmarks_68 is None


def test_expressions_beside_it_are_in_its_own_unit_and_frame(tmp_path: Path) -> None:
    smile = np.random.default_rng(2).standard_normal((2, made.VERTICES, 3))
    sigma = np.array([2.0, 3.0])
    np.savez(tmp_path / "expressions.npz", expression_basis=smile * 0.1, expression_sigma=sigma)
    write(tmp_path, scale=0.1)
    model = load_lsfm(tmp_path)
    np.testing.assert_allclose(model.expression_basis, smile * sigma[:, None, None] * made.TURN, atol=1e-4)
    assert model.expression_names == ("expression000", "expression001")


def test_3ddfas_keypoints_are_its_landmarks_too(tmp_path: Path) -> None:
    savemat(tmp_path / "model_info.mat", {"keypoints": np.arange(68)[None] + 1})
    write(tmp_path)
    marks = load_lsfm(tmp_path).landmarks_68
    assert marks is not None
    np.testing.assert_array_equal(marks.vertices[:, 0], np.arange(68))


def test_a_list_of_vertices_comes_before_3ddfas(tmp_path: Path) -> None:
    savemat(tmp_path / "model_info.mat", {"keypoints": np.arange(68)[None] + 1})
    (tmp_path / "landmarks_68.txt").write_text("\n".join(["-1"] * 17 + [str(k) for k in range(51)]))
    marks = load_lsfm(write(tmp_path)).landmarks_68
    assert marks is not None
    assert marks.known.tolist() == [False] * 17 + [True] * 51
    np.testing.assert_array_equal(marks.vertices[17:, 0], np.arange(51))


@pytest.mark.parametrize(
    ("content", "told"),
    [("1 2 3", "3 points"), (" ".join(["99"] * 68), "vertex 99 of a model of 81"), ("nose", "invalid literal")],
)
def test_wrong_landmarks_are_one_clear_line(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "landmarks_68.txt").write_text(content)
    with pytest.raises(FexdataError, match=rf"landmarks_68\.txt .*{told}"):
        load_lsfm(write(tmp_path))


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"trilist": None}, "it has no trilist"), ({"eigenvalues": np.ones(9)}, "9 standard deviations")],
)
def test_another_mat_file_is_one_clear_line(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(FexdataError, match=f"is not an LSFM model.*{told}") as caught:
        load_lsfm(write(tmp_path, **changes))
    assert "\n" not in str(caught.value)


def test_expressions_of_another_mesh_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "expressions.npz", expression_basis=np.zeros((2, 9, 3)))
    with pytest.raises(FexdataError, match=r"expression_basis has shape \(2, 9, 3\), expected \(n, 81, 3\)"):
        load_lsfm(write(tmp_path))


@pytest.mark.parametrize(
    "content", [b"", b"no MATLAB file", b"MATLAB 7.3 MAT-file" + b" " * 105 + b"\0\2IM" + b"\0" * 64]
)
def test_something_else_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "all_all_all.mat").write_bytes(content)
    with pytest.raises(FexdataError, match="is not an LSFM model") as caught:
        load_lsfm(tmp_path)
    assert "\n" not in str(caught.value)
