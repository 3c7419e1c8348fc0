"""FLAME, on small files of its layout: pickled, as arrays, with what lies beside."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import published_made as made
import pytest
from scipy.sparse import csc_matrix

from fexdata.errors import FexdataError
from fexdata.faces.models.flame import load_flame

JAW = made.mean()[:, 1] < -30
"""The chin's vertices hang on the jaw."""
HINGE = np.array([0.0, 0.0, -20.0])


def parts() -> dict[str, Any]:
    """The file's parts, in metres."""
    rng = np.random.default_rng(1)
    weights = np.zeros((made.VERTICES, 5))
    weights[:, 1], weights[JAW, 1], weights[JAW, 2] = 1, 0, 1
    # The jaw's joint as a weighted sum of vertices, found by least squares.
    regressor = np.zeros((5, made.VERTICES))
    homogeneous = np.vstack([made.mean().T, np.ones(made.VERTICES)])
    regressor[2] = np.linalg.lstsq(homogeneous, np.append(HINGE, 1), rcond=None)[0]
    return {
        "v_template": made.mean() / 1e3,
        "f": made.triangles().astype(np.uint32),
        "shapedirs": rng.standard_normal((made.VERTICES, 3, 304)) / 1e3,
        "posedirs": np.zeros((made.VERTICES, 3, 36)),
        "J_regressor": csc_matrix(regressor),
        "weights": weights,
        "kintree_table": np.array([[-1, 0, 1, 1, 1], [0, 1, 2, 3, 4]]),
    }


def pickled(path: Path, **changes: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(parts() | changes, protocol=2))
    return path


def test_identity_and_expression_are_parted(tmp_path: Path) -> None:
    given = parts()
    model = load_flame(pickled(tmp_path / "generic_model.pkl"))
    np.testing.assert_allclose(model.mean, made.mean() * made.TURN, atol=1e-3)
    expected = given["shapedirs"].transpose(2, 0, 1) * made.TURN * 1e3
    np.testing.assert_allclose(model.identity_basis, expected[:300], atol=1e-4)
    np.testing.assert_allclose(model.expression_basis[:4], expected[300:], atol=1e-4)
    assert model.expression_names[:4] == ("expression000", "expression001", "expression002", "expression003")
    assert model.expression_signed[:4].all() and model.units == "mm"


def test_arrays_and_pickles_give_the_same_model(tmp_path: Path) -> None:
    given = parts() | {"J_regressor": parts()["J_regressor"].toarray()}
    np.savez(tmp_path / "flame.npz", **given)
    assert load_flame(tmp_path / "flame.npz").sha256 == load_flame(pickled(tmp_path / "flame.pkl")).sha256


def test_an_open_jaw_turns_about_its_joint(tmp_path: Path) -> None:
    model = load_flame(pickled(tmp_path / "generic_model.pkl"))
    column = model.expression_names.index("jawOpen")
    opened = model.mean + model.expression_basis[column]
    hinge = HINGE * made.TURN
    before, after = (np.linalg.norm(points[JAW] - hinge, axis=1) for points in (model.mean, opened))
    np.testing.assert_allclose(before, after, atol=1e-3)
    np.testing.assert_array_equal(opened[~JAW], model.mean[~JAW])
    front = JAW & (np.abs(made.mean()[:, 0]) < 1)
    assert (opened[front, 1] > model.mean[front, 1] + 10).all()  # down
    assert not model.expression_signed[column]


def test_the_jaws_left_is_the_persons(tmp_path: Path) -> None:
    model = load_flame(pickled(tmp_path / "generic_model.pkl"))
    chin = 76
    assert model.expression_basis[model.expression_names.index("jawLeft"), chin, 0] > 1
    assert model.expression_basis[model.expression_names.index("jawRight"), chin, 0] < -1


def test_pose_correctives_of_the_jaw_are_in_its_turn(tmp_path: Path) -> None:
    correctives = np.zeros((made.VERTICES, 3, 36))
    correctives[5, 0, 9 + 4] = 0.1  # what cos(25 degrees) - 1 adds to x
    plain = load_flame(pickled(tmp_path / "a.pkl"))
    corrected = load_flame(pickled(tmp_path / "b.pkl", posedirs=correctives))
    column = plain.expression_names.index("jawOpen")
    change = corrected.expression_basis[column, 5] - plain.expression_basis[column, 5]
    np.testing.assert_allclose(change, [100 * (np.cos(np.radians(25)) - 1), 0, 0], atol=1e-3)


@pytest.mark.parametrize("name", ["flame2023_no_jaw.pkl", "jointless.npz"])
def test_models_without_a_jaw_have_no_turns(tmp_path: Path, name: str) -> None:
    if name.endswith("pkl"):
        pickled(tmp_path / name)
    else:
        np.savez(tmp_path / name, **{part: parts()[part] for part in ("v_template", "f", "shapedirs")})
    assert len(load_flame(tmp_path / name).expression_names) == 4


# Beside the model


def embedded(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Triangles (count,) and barycentric weights (count, 3)."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, len(made.triangles()), count), rng.dirichlet(np.ones(3), count)


def places(faces: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.einsum("nkd,nk->nd", (made.mean() * made.TURN)[made.triangles()[faces]], weights)


def test_decas_embedding_gives_all_68(tmp_path: Path) -> None:
    faces, weights = embedded(2, 68)
    whole = {"full_lmk_faces_idx": faces[None], "full_lmk_bary_coords": weights[None]}
    np.save(tmp_path / "landmark_embedding.npy", np.array(whole, dtype=object), allow_pickle=True)
    model = load_flame(pickled(tmp_path / "generic_model.pkl"))
    assert model.landmarks_68 is not None
    np.testing.assert_allclose(model.landmarks_68.points(model.mean), places(faces, weights), atol=1e-3)


def test_the_static_embedding_lacks_the_jaw_line_that_the_dynamic_one_adds(tmp_path: Path) -> None:
    inner, line = embedded(3, 51), embedded(4, 79 * 17)
    static = pickle.dumps({"lmk_face_idx": inner[0], "lmk_b_coords": inner[1]}, protocol=2)
    (tmp_path / "flame_static_embedding.pkl").write_bytes(static)
    pickled(tmp_path / "generic_model.pkl")
    marks = load_flame(tmp_path).landmarks_68
    assert marks is not None and marks.known.tolist() == [False] * 17 + [True] * 51
    dynamic = {"lmk_face_idx": line[0].reshape(79, 17), "lmk_b_coords": line[1].reshape(79, 17, 3)}
    np.save(tmp_path / "flame_dynamic_embedding.npy", np.array(dynamic, dtype=object), allow_pickle=True)
    model = load_flame(tmp_path)
    assert model.landmarks_68 is not None
    points = model.landmarks_68.points(model.mean)
    np.testing.assert_allclose(points[:17], places(line[0][:17], line[1][:17]), atol=1e-3)
    np.testing.assert_allclose(points[17:], places(*inner), atol=1e-3)


def test_mediapipes_points_are_those_of_the_list(tmp_path: Path) -> None:
    faces, weights = embedded(5, 3)
    file = tmp_path / "mediapipe_landmark_embedding.npz"
    np.savez(file, lmk_face_idx=faces, lmk_b_coords=weights, landmark_indices=np.array([276, 4, 133]))
    pickled(tmp_path / "generic_model.pkl")
    model = load_flame(tmp_path)
    assert model.landmarks_478 is not None and len(model.landmarks_478.vertices) == 478
    points = model.landmarks_478.points(model.mean)
    assert np.flatnonzero(model.landmarks_478.known).tolist() == [4, 133, 276]
    np.testing.assert_allclose(points[[276, 4, 133]], places(faces, weights), atol=1e-3)


def test_masks_become_regions_and_eyeballs_are_no_skin(tmp_path: Path) -> None:
    masks = {"lips": np.array([40, 41]), "left_eyeball": np.array([3]), "right_eyeball": np.array([5])}
    (tmp_path / "FLAME_masks.pkl").write_bytes(pickle.dumps(masks, protocol=2))
    pickled(tmp_path / "generic_model.pkl")
    regions = load_flame(tmp_path).regions
    assert np.flatnonzero(regions["lips"]).tolist() == [40, 41]
    assert np.flatnonzero(regions["skin"] == 0).tolist() == [3, 5]


# Other files


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"shapedirs": np.zeros((9, 3, 400))}, "shapedirs"), ({"shapedirs": np.zeros((81, 3, 300))}, r"\(81, 3, 300\)")],
)
def test_parts_that_do_not_fit_are_one_clear_line(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(FexdataError, match=f"is not a FLAME model.*{told}") as caught:
        load_flame(pickled(tmp_path / "generic_model.pkl", **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps([1, 2]), pickle.dumps({"v_template": 1})])
def test_something_else_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.pkl").write_bytes(content)
    with pytest.raises(FexdataError, match="is not a FLAME model") as caught:
        load_flame(tmp_path / "model.pkl")
    assert "\n" not in str(caught.value)


def test_a_folder_with_two_models_asks_which(tmp_path: Path) -> None:
    pickled(tmp_path / "male_model.pkl")
    pickled(tmp_path / "female_model.pkl")
    with pytest.raises(FexdataError, match="2 files that may be FLAME"):
        load_flame(tmp_path)
