"""The Surrey Face Model, on small archives of cereal's layout and on eos's own files."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import published_made as made
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.models.surrey import EXPRESSIONS, LANDMARKS, SHAPE, load_surrey

ASSET = Path(__file__).parents[4] / "shared" / "assets" / "eos" / "share"
needs_asset = pytest.mark.skipif(not ASSET.is_dir(), reason="eos's share folder is not in ../shared/assets")
NONE, SOME = b"\1", b"\0"
BASIS, SIGMA = made.basis(1, made.IDENTITIES)
PCA_BASIS, PCA_SIGMA = made.basis(2, made.EXPRESSIONS)
UV = np.random.default_rng(4).random((made.VERTICES, 2))
SHAPES = {name: np.random.default_rng(k).standard_normal(3 * made.VERTICES) for k, name in enumerate(("anger", "joy"))}


def matrix(values: np.ndarray) -> bytes:
    table = values.reshape(len(values), -1) if values.size else values.reshape(0, 0)
    return struct.pack("<ii", *table.shape) + table.astype("<f4").tobytes(order="F")


def pca(mean: np.ndarray, basis: np.ndarray, sigma: np.ndarray) -> bytes:
    triangles = made.triangles().astype("<i4")
    return matrix(mean) + matrix(basis) + matrix(sigma**2) + struct.pack("<Q", len(triangles)) + triangles.tobytes()


def text(word: str) -> bytes:
    return struct.pack("<Q", len(word)) + word.encode()


def blendshapes(shapes: Mapping[str, np.ndarray]) -> bytes:
    return struct.pack("<Q", len(shapes)) + b"".join(text(name) + matrix(field) for name, field in shapes.items())


def archive(version: int, expressions: bytes = NONE) -> bytes:
    """A model file of a version of eos; `expressions` from version 2 on."""
    color = matrix(np.zeros(0)) * 3 + struct.pack("<Q", 0)
    parts = [struct.pack("<I", version), pca(made.mean().ravel(), BASIS, SIGMA), color]
    if version >= 2:
        parts.append(expressions)
    if version >= 3:
        parts.append(SOME + struct.pack("<Q", 1) + text("nose") + struct.pack("<i", 40))
    parts.append(struct.pack("<Q", len(UV)) + UV.astype("<f8").tobytes())
    if version >= 4:
        parts.append(struct.pack("<Q", 2) + np.arange(6, dtype="<i4").tobytes())
    return b"".join(parts)


def folder(place: Path, model: bytes) -> Path:
    (place / SHAPE).write_bytes(model)
    (place / EXPRESSIONS).write_bytes(blendshapes(SHAPES))
    (place / LANDMARKS).write_text(
        "[landmark_mappings]\n 9 = 76 # chin\n31 = 40\n[contour_landmarks]\nleft = [10, 11]\n"
    )
    return place


def test_the_public_files_become_a_model(tmp_path: Path) -> None:
    model = load_surrey(folder(tmp_path, archive(1)))
    np.testing.assert_allclose(model.mean, made.mean() * made.TURN, atol=1e-4)
    np.testing.assert_allclose(model.identity_basis, made.displacements(BASIS, SIGMA), atol=1e-4)
    np.testing.assert_allclose(model.expression_basis[1], SHAPES["joy"].reshape(-1, 3) * made.TURN, atol=1e-5)
    assert model.expression_names == ("anger", "joy") and not model.expression_signed.any()
    np.testing.assert_allclose(model.uv, UV, atol=1e-6)
    assert model.landmarks_68 is not None
    assert np.flatnonzero(model.landmarks_68.known).tolist() == [8, 30]
    np.testing.assert_array_equal(model.landmarks_68.points(model.mean)[30], model.mean[40])
    assert model.units == "mm" and "Surrey" in model.licence


@pytest.mark.parametrize("version", [2, 3, 4])
def test_newer_files_bring_blendshapes_or_a_pca_of_expressions(tmp_path: Path, version: int) -> None:
    (tmp_path / "shapes.bin").write_bytes(archive(version, SOME + struct.pack("<i", 1) + blendshapes(SHAPES)))
    model = load_surrey(tmp_path / "shapes.bin")
    np.testing.assert_allclose(model.expression_basis[0], SHAPES["anger"].reshape(-1, 3) * made.TURN, atol=1e-5)
    expressions = pca(np.zeros(3 * made.VERTICES), PCA_BASIS, PCA_SIGMA)
    (tmp_path / "pca.bin").write_bytes(archive(version, SOME + struct.pack("<i", 0) + expressions))
    model = load_surrey(tmp_path / "pca.bin")
    np.testing.assert_allclose(model.expression_basis, made.displacements(PCA_BASIS, PCA_SIGMA), atol=1e-4)
    assert model.expression_signed.all()


@pytest.mark.parametrize("lost", [SHAPE, EXPRESSIONS])
def test_a_missing_file_is_named(tmp_path: Path, lost: str) -> None:
    (folder(tmp_path, archive(1)) / lost).unlink()
    with pytest.raises(FexdataError, match=lost.replace(".", r"\.")):
        load_surrey(tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "buffer"),
        (archive(1)[:-40], "buffer"),
        (archive(1) + b"\0", "1 bytes too many"),
        (struct.pack("<I", 9), "version 9"),
        (b"\1\0\0\0" + b"\xff" * 64, "matrix of -1 x -1"),
    ],
)
def test_a_torn_or_other_file_is_one_clear_line(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(FexdataError, match=f"is not eos's Surrey Face Model.*{told}") as caught:
        load_surrey(folder(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_expressions_of_another_resolution_are_refused(tmp_path: Path) -> None:
    folder(tmp_path, archive(1))
    (tmp_path / EXPRESSIONS).write_bytes(blendshapes({"anger": np.zeros(30)}))
    with pytest.raises(FexdataError, match="not for 81 vertices"):
        load_surrey(tmp_path)


@needs_asset
def test_eoss_own_files_show_a_face_that_smiles() -> None:
    model = load_surrey(ASSET)
    assert model.mean.shape == (3448, 3) and len(model.identity_names) == 63
    assert model.landmarks_68 is not None and model.landmarks_68.known.sum() == 50
    points = model.landmarks_68.points(model.mean)
    assert np.nanargmin(points[:, 2]) == 30 and np.nanargmax(points[:, 1]) == 8  # nose in front, chin below
    assert 80 < np.linalg.norm(points[45] - points[36]) < 105  # outer eye corners, mm
    smile = np.zeros(6)
    smile[model.expression_names.index("happiness")] = 1
    moved = model.landmarks_68.points(model.shape(expression=smile))
    assert np.linalg.norm(moved[54] - moved[48]) > np.linalg.norm(points[54] - points[48]) + 3
