"""The form of all face models: shapes add up, files keep everything, wrong ones are named."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.models.face_model import Embedding, FaceModel, at_vertices, load


def small_model(**changes: Any) -> FaceModel:
    rng = np.random.default_rng(0)
    values: dict[str, Any] = {
        "name": "small",
        "mean": rng.standard_normal((5, 3)).astype(np.float32),
        "triangles": np.array([[0, 1, 2], [2, 3, 4]], np.int32),
        "identity_basis": rng.standard_normal((2, 5, 3)).astype(np.float32),
        "identity_names": ("wide", "long"),
        "expression_basis": rng.standard_normal((1, 5, 3)).astype(np.float32),
        "expression_names": ("AU26",),
        "expression_signed": np.array([False]),
        "uv": rng.random((5, 2)).astype(np.float32),
        "landmarks_478": None,
        "landmarks_68": Embedding(np.array([[0, 1, 2]], np.int32), np.array([[0.5, 0.25, 0.25]], np.float32)),
        "mirror": np.array([1, 0, 2, 4, 3], np.int32),
        "regions": {"lips": rng.random(5).astype(np.float32)},
        "licence": "CC0",
        "source": "drawn at random",
    }
    return FaceModel(**(values | changes))


def test_a_shape_is_the_mean_and_its_weighted_fields() -> None:
    model = small_model()
    identity, expression = np.array([0.5, -2.0]), np.array([0.3])
    expected = (
        model.mean + 0.5 * model.identity_basis[0] - 2 * model.identity_basis[1] + 0.3 * model.expression_basis[0]
    )
    np.testing.assert_allclose(model.shape(identity, expression), expected, rtol=1e-5)


def test_without_coefficients_the_shape_is_the_mean() -> None:
    model = small_model()
    np.testing.assert_array_equal(model.shape(), model.mean)
    np.testing.assert_array_equal(model.shape(np.zeros(0)), model.mean)


def test_too_many_coefficients_are_refused() -> None:
    with pytest.raises(ValueError, match="up to 2 numbers"):
        small_model().shape(np.zeros(3))


def test_an_embedding_takes_weighted_means_of_vertices() -> None:
    model = small_model()
    assert model.landmarks_68 is not None
    (point,) = model.landmarks_68.points(model.mean)
    np.testing.assert_allclose(point, model.mean[:3].T @ [0.5, 0.25, 0.25], rtol=1e-5)
    np.testing.assert_array_equal(at_vertices([3, 1]).points(model.mean), model.mean[[3, 1]])


def test_points_that_a_model_does_not_have_are_nan() -> None:
    embedding = at_vertices([3, -1, 0])
    points = embedding.points(small_model().mean)
    assert embedding.known.tolist() == [True, False, True]
    assert np.isnan(points[1]).all() and np.isfinite(points[[0, 2]]).all()


def test_a_saved_model_loads_with_everything(tmp_path: Path) -> None:
    model = small_model(speech_basis=np.ones((2, 5, 3), np.float32), kind="lrw3d")
    model.save(tmp_path / "model.npz")
    loaded = load(tmp_path / "model.npz")
    assert loaded.sha256 == model.sha256
    for part in dataclasses.fields(model):
        ours, theirs = getattr(model, part.name), getattr(loaded, part.name)
        if isinstance(ours, Embedding):
            ours, theirs = ours.weights, theirs.weights
        if isinstance(ours, dict):
            assert ours.keys() == theirs.keys()
            ours, theirs = ours["lips"], theirs["lips"]
        np.testing.assert_array_equal(ours, theirs)


def test_optional_parts_stay_absent_in_a_file(tmp_path: Path) -> None:
    small_model(mirror=None, landmarks_68=None, regions={}).save(tmp_path / "model.npz")
    loaded = load(tmp_path / "model.npz")
    assert loaded.mirror is None and loaded.landmarks_68 is None and loaded.speech_basis is None
    assert loaded.regions == {}


def test_the_hash_changes_with_the_content() -> None:
    assert small_model().sha256 == small_model().sha256
    assert small_model(mean=np.zeros((5, 3), np.float32)).sha256 != small_model().sha256
    assert small_model(expression_names=("AU27",)).sha256 != small_model().sha256


def test_arrays_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        small_model().mean[0] = 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"uv": np.zeros((4, 2), np.float32)}, "uv has shape"),
        ({"identity_names": ("wide",)}, "identity_basis has shape"),
        ({"triangles": np.array([[0, 1, 5]], np.int32)}, "triangles refers to vertices outside 0 to 4"),
        ({"regions": {"lips": np.zeros(3, np.float32)}}, "regions.lips has shape"),
    ],
)
def test_parts_that_do_not_fit_together_are_named(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        small_model(**changes)


def test_another_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("not a model")
    np.savez(tmp_path / "arrays.npz", mean=np.zeros(3))
    np.save(tmp_path / "array.npy", np.zeros(3))
    small_model().save(tmp_path / "torn.npz")
    whole = bytearray((tmp_path / "torn.npz").read_bytes())
    whole[100] ^= 0xFF  # in its first array, behind which the header is whole
    (tmp_path / "torn.npz").write_bytes(whole)
    for name in ("text.npz", "arrays.npz", "absent.npz", "array.npy", "torn.npz"):
        with pytest.raises(FexdataError, match=name):
            load(tmp_path / name)
