"""The Basel Face Models, on small files of their layouts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import published_made as made
import pytest
from scipy.io import savemat

from fexdata.errors import FexdataError
from fexdata.faces.models.basel import load_basel2009, load_basel2017

KEPT = np.delete(np.arange(made.VERTICES), [3, 40])
"""The vertices that the expressions move."""


class Mat2009:
    """`01_MorphableModel.mat`: micrometres, numbers from 1, triangles that face inwards."""

    def __init__(self) -> None:
        self.shape, self.sigma = made.basis(1, made.IDENTITIES)
        self.smile, self.smile_sigma = made.basis(2, made.EXPRESSIONS, len(KEPT))
        self.offset = np.random.default_rng(3).standard_normal((3 * len(KEPT), 1))

    def write(self, folder: Path, **changes: Any) -> Path:
        parts = {
            "shapeMU": made.mean().reshape(-1, 1) * 1e3, "shapePC": self.shape, "shapeEV": self.sigma[:, None] * 1e3,
            "tl": made.triangles()[:, ::-1] + 1, "texMU": np.zeros((3, 1)),
        } | changes  # fmt: skip
        path = folder / "01_MorphableModel.mat"
        savemat(path, {name: part for name, part in parts.items() if part is not None})
        return path

    def write_guo(self, folder: Path) -> None:
        mean = np.full(3 * len(KEPT), 7.0)
        numbers = np.concatenate([mean, self.smile.T.ravel()]).astype("<f4")
        header = np.array([made.EXPRESSIONS], "<i4")
        (folder / "Exp_Pca.bin").write_bytes(header.tobytes() + numbers.tobytes())
        np.savetxt(folder / "std_exp.txt", self.smile_sigma[None] * 1e3)
        savemat(folder / "BFM_exp_idx.mat", {"trimIndex": KEPT[None] + 1})

    def write_3ddfa(self, folder: Path) -> None:
        parts = {"mu_exp": self.offset * 1e3, "w_exp": self.smile * 1e3, "sigma_exp": self.smile_sigma[:, None]}
        savemat(folder / "Model_Exp.mat", parts)
        savemat(folder / "model_info.mat", {"trimIndex": KEPT[:, None] + 1, "keypoints": np.arange(68)[None] + 5})


def test_2009_becomes_millimetres_with_folded_deviations(tmp_path: Path) -> None:
    mat = Mat2009()
    model = load_basel2009(mat.write(tmp_path))
    np.testing.assert_allclose(model.mean, made.mean() * made.TURN, atol=1e-3)
    np.testing.assert_allclose(model.identity_basis, made.displacements(mat.shape, mat.sigma), atol=1e-4)
    assert sorted(map(tuple, np.sort(model.triangles))) == sorted(map(tuple, np.sort(made.triangles())))
    assert model.expression_names == () and model.landmarks_68 is None
    assert model.units == "mm" and "non-commercial" in model.licence


def test_guos_expressions_bring_the_model_onto_their_vertices(tmp_path: Path) -> None:
    mat = Mat2009()
    mat.write(tmp_path)
    mat.write_guo(tmp_path)
    model = load_basel2009(tmp_path)
    # Guo's mean expression is left out.
    np.testing.assert_allclose(model.mean, (made.mean() * made.TURN)[KEPT], atol=1e-3)
    np.testing.assert_allclose(model.expression_basis, made.displacements(mat.smile, mat.smile_sigma), atol=1e-4)
    np.testing.assert_allclose(model.identity_basis, made.displacements(mat.shape, mat.sigma)[:, KEPT], atol=1e-4)
    whole = {tuple(sorted(corners)) for corners in made.triangles().tolist() if not {3, 40} & set(corners)}
    assert {tuple(sorted(KEPT[list(corners)].tolist())) for corners in model.triangles.tolist()} == whole
    assert model.expression_signed.all() and "FaceWarehouse" in model.licence


def test_3ddfas_expressions_come_with_their_mean_and_its_landmarks(tmp_path: Path) -> None:
    mat = Mat2009()
    mat.write(tmp_path)
    mat.write_3ddfa(tmp_path)
    model = load_basel2009(tmp_path)
    np.testing.assert_allclose(model.mean, (made.mean()[KEPT] + mat.offset.reshape(-1, 3)) * made.TURN, atol=1e-3)
    np.testing.assert_allclose(model.expression_basis, made.displacements(mat.smile, mat.smile_sigma), atol=1e-4)
    assert model.landmarks_68 is not None
    np.testing.assert_array_equal(model.landmarks_68.vertices[:, 0], np.arange(68) + 4)


def test_eos_landmarks_are_renumbered_where_vertices_are_dropped(tmp_path: Path) -> None:
    mat = Mat2009()
    mat.write(tmp_path)
    mat.write_guo(tmp_path)
    (tmp_path / "ibug_to_bfm2009.txt").write_text("[landmark_mappings] # left = right\n31 = 41 # nose\n37 = 40\n")
    marks = load_basel2009(tmp_path).landmarks_68
    assert marks is not None
    assert np.flatnonzero(marks.known).tolist() == [30]  # vertex 40 is dropped
    assert KEPT[marks.vertices[30, 0]] == 41


def test_expressions_without_the_list_of_their_vertices_are_refused(tmp_path: Path) -> None:
    mat = Mat2009()
    mat.write(tmp_path)
    mat.write_guo(tmp_path)
    (tmp_path / "BFM_exp_idx.mat").unlink()
    with pytest.raises(FexdataError, match=r"79 vertices and a model of 81; put BFM_exp_idx\.mat"):
        load_basel2009(tmp_path)


@pytest.mark.parametrize(("changes", "told"), [({"shapeEV": None}, "shapeEV"), ({"shapePC": np.ones((9, 3))}, "for 3")])
def test_another_mat_file_is_one_clear_line(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(FexdataError, match=f"is not the Basel Face Model 2009.*{told}") as caught:
        load_basel2009(Mat2009().write(tmp_path, **changes))
    assert "\n" not in str(caught.value)


def test_a_folder_without_the_file_says_what_should_be_there(tmp_path: Path) -> None:
    with pytest.raises(FexdataError, match=r"01_MorphableModel\.mat is not there"):
        load_basel2009(tmp_path)


# 2017 and 2019


def write_h5(path: Path, *, lost: str = "") -> dict[str, np.ndarray]:
    import h5py

    shape, sigma = made.basis(5, made.IDENTITIES)
    smile, smile_sigma = made.basis(6, made.EXPRESSIONS)
    offset = np.random.default_rng(7).standard_normal(3 * made.VERTICES)
    nose = made.mean()[40] + [0.1, 0, 0.2]
    named = [
        {"id": "center.nose.tip", "coordinates": nose.tolist()},
        {"id": "right.ear.helix", "coordinates": [1, 2, 3]},
    ]
    parts = {
        "shape/model/mean": made.mean().ravel(), "shape/model/pcaBasis": shape, "shape/model/pcaVariance": sigma**2,
        "expression/model/mean": offset, "expression/model/pcaBasis": smile,
        "expression/model/pcaVariance": smile_sigma**2, "shape/representer/cells": made.triangles().T,
        "metadata/landmarks/json": np.array([json.dumps(named).encode()]),
    }  # fmt: skip
    with h5py.File(path, "w") as file:
        for name, part in parts.items():
            if name != lost:
                file[name] = part
    return {
        "mean": made.mean() + offset.reshape(-1, 3),
        "identity": made.displacements(shape, sigma),
        "expression": made.displacements(smile, smile_sigma),
    }


def test_2017_is_read_with_its_mean_expression_and_named_points(tmp_path: Path) -> None:
    expected = write_h5(tmp_path / "model2017-1_face12_nomouth.h5")
    model = load_basel2017(tmp_path)
    np.testing.assert_allclose(model.mean, expected["mean"] * made.TURN, atol=1e-4)
    np.testing.assert_allclose(model.identity_basis, expected["identity"], atol=1e-4)
    np.testing.assert_allclose(model.expression_basis, expected["expression"], atol=1e-4)
    assert model.name == "basel2017" and len(model.triangles) == len(made.triangles())
    assert model.landmarks_68 is not None
    assert np.flatnonzero(model.landmarks_68.known).tolist() == [30]
    assert model.landmarks_68.vertices[30, 0] == 40


def test_2019_is_told_from_2017_by_its_name(tmp_path: Path) -> None:
    write_h5(tmp_path / "model2019_fullHead.h5")
    assert load_basel2017(tmp_path / "model2019_fullHead.h5").name == "basel2019"


def test_an_h5_without_expressions_is_one_clear_line(tmp_path: Path) -> None:
    write_h5(tmp_path / "model2017-1_bfm_nomouth.h5", lost="expression/model/pcaBasis")
    with pytest.raises(
        FexdataError, match=r"is not a Basel Face Model .*it has no expression/model/pcaBasis\)"
    ) as caught:
        load_basel2017(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no HDF5"])
def test_something_else_than_h5_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model2017.h5").write_bytes(content)
    with pytest.raises(FexdataError, match="is not a Basel Face Model of 2017 or 2019"):
        load_basel2017(tmp_path / "model2017.h5")
