"""ICT-FaceKit in both of its forms, on small files of the true layout and on the model itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.models.ict import ARCHIVE, INDICES, NEUTRAL, load_ict

ASSET = Path(__file__).parents[4] / "shared" / "assets" / "ict-facekit"
needs_asset = pytest.mark.skipif(not ASSET.is_dir(), reason="ICT-FaceKit is not in ../shared/assets")
SHAPES = ("browDown_L", "jawOpen")


class Made:
    """A strip of 72 vertices whose 68 landmarks are its first; a quad and a triangle per step."""

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        # Multiples of 1/64: exact in the archive's float16 and in the files' decimals.
        self.neutral = rng.integers(-512, 512, (72, 3)) / 64
        self.identity = rng.integers(-64, 64, (3, 72, 3)) / 64
        self.expression = rng.integers(-64, 64, (2, 72, 3)) / 64
        self.uv = rng.integers(0, 64, (72, 2)) / 64
        self.polygons = np.array([[0, 1, 2, 3], [4, 5, 6, -1], [8, 9, 10, 11]])
        self.materials = {"M_Face": [0, 1], "M_Teeth": [2]}

    def mesh(self, vertices: np.ndarray) -> str:
        lines = ["# ICT FaceKit", "# v is for vertex", "mtllib ICTFaceModelMaterial.mtl"]
        lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
        lines += [f"vt {u:.6f} {v:.6f}" for u, v in self.uv]
        for name, rows in self.materials.items():
            lines.append(f"usemtl {name}")
            lines += ["f " + " ".join(f"{k + 1}/{k + 1}" for k in self.polygons[row] if k >= 0) for row in rows]
        return "\n".join(lines) + "\n"

    def folder(self, place: Path) -> Path:
        place.mkdir(parents=True)
        place.joinpath(NEUTRAL).write_text(self.mesh(self.neutral))
        for number, offset in enumerate(self.identity):
            place.joinpath(f"identity{number:03d}.obj").write_text(self.mesh(self.neutral + offset))
        for name, offset in zip(SHAPES, self.expression, strict=True):
            place.joinpath(f"{name}.obj").write_text(self.mesh(self.neutral + offset))
        indices = {"expressions": SHAPES, "idx_to_landmark_verts": list(range(68))}
        place.joinpath(INDICES).write_text(json.dumps(indices))
        return place

    def archive(self, path: Path) -> Path:
        np.savez_compressed(
            path,
            neutral=self.neutral.astype(np.float32),
            identity=self.identity.astype(np.float16),
            expression=self.expression.astype(np.float16),
            expression_names=np.array(SHAPES),
            face_vertices=self.polygons.astype(np.int32),
            face_uvs=self.polygons.astype(np.int32),
            uv=self.uv.astype(np.float32),
            face_material=np.array([0, 0, 1], np.int16),
            material_names=np.array(list(self.materials)),
            landmarks_68=np.arange(68, dtype=np.int32),
        )
        return path


def test_the_folder_is_read_as_it_lies_on_a_users_disk(tmp_path: Path) -> None:
    made = Made()
    model = load_ict(made.folder(tmp_path / "FaceXModel"))
    flip = np.array([1, -1, -1])
    np.testing.assert_allclose(model.mean, made.neutral * flip, atol=1e-6)
    np.testing.assert_allclose(model.identity_basis, made.identity * flip, atol=1e-5)
    np.testing.assert_allclose(model.expression_basis, made.expression * flip, atol=1e-5)
    assert model.expression_names == SHAPES
    assert model.identity_names == ("identity000", "identity001", "identity002")
    assert model.units == "cm" and model.licence.startswith("MIT")


def test_quads_become_two_triangles_and_materials_regions(tmp_path: Path) -> None:
    made = Made()
    model = load_ict(made.folder(tmp_path / "ict"))
    assert sorted(map(tuple, model.triangles.tolist())) == [(0, 1, 2), (0, 2, 3), (4, 5, 6), (8, 9, 10), (8, 10, 11)]
    assert np.flatnonzero(model.regions["M_Teeth"]).tolist() == [8, 9, 10, 11]
    np.testing.assert_allclose(model.uv[9], [made.uv[9, 0], 1 - made.uv[9, 1]], atol=1e-6)


def test_archive_and_folder_hold_the_same_model(tmp_path: Path) -> None:
    made = Made()
    folder, archive = made.folder(tmp_path / "repository" / "FaceXModel"), made.archive(tmp_path / ARCHIVE)
    models = [load_ict(place) for place in (folder, folder.parent, archive, tmp_path)]
    assert len({_rounded(model) for model in models}) == 1


def _rounded(model: FaceModel) -> bytes:
    arrays = (model.mean, model.identity_basis, model.expression_basis, model.uv, model.triangles)
    return b"".join(np.round(array * 64).astype(np.int64).tobytes() for array in arrays)


@pytest.mark.parametrize("lost", [NEUTRAL, INDICES, "identity001.obj", "jawOpen.obj"])
def test_a_missing_file_is_named(tmp_path: Path, lost: str) -> None:
    folder = Made().folder(tmp_path / "ict")
    folder.joinpath(lost).unlink()
    with pytest.raises(FexdataError, match=lost.replace("identity001", "identity00[12]")) as caught:
        load_ict(folder)
    assert "\n" not in str(caught.value)


def test_a_mesh_of_another_size_is_named(tmp_path: Path) -> None:
    made = Made()
    folder = made.folder(tmp_path / "ict")
    folder.joinpath("jawOpen.obj").write_text(made.mesh(made.neutral[:60]))
    with pytest.raises(FexdataError, match=r"jawOpen\.obj has 60 vertices"):
        load_ict(folder)


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 torn"])
def test_something_else_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    with pytest.raises(FexdataError, match="is not ICT-FaceKit") as caught:
        load_ict(path)
    assert "\n" not in str(caught.value)


def test_an_archive_without_a_part_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    np.savez(path, neutral=np.zeros((9, 3), np.float32))
    with pytest.raises(FexdataError, match="is not ICT-FaceKit"):
        load_ict(path)


@needs_asset
def test_the_models_own_files_agree_with_its_archive() -> None:
    from fexdata.faces.models.ict import HALF_TURN, _polygons, _vertices

    model = load_ict(ASSET)
    neutral = _vertices((ASSET / NEUTRAL).read_bytes())
    np.testing.assert_allclose(neutral * HALF_TURN, model.mean, atol=1e-4)
    for name, basis, names in (
        ("mouthSmile_L", model.expression_basis, model.expression_names),
        ("identity001", model.identity_basis, model.identity_names),
    ):
        offset = (_vertices((ASSET / f"{name}.obj").read_bytes()) - neutral) * HALF_TURN
        np.testing.assert_allclose(offset, basis[names.index(name)], atol=2e-3)  # the archive's float16
    assert len(_polygons((ASSET / NEUTRAL).read_bytes())[0]) == 26384


@needs_asset
def test_the_face_looks_along_minus_z_with_y_down() -> None:
    model = load_ict(ASSET)
    assert model.landmarks_68 is not None and model.mirror is not None
    points = model.landmarks_68.points(model.mean)
    assert points[30, 2] == points[:, 2].min()  # the tip of the nose
    assert points[8, 1] == points[:, 1].max()  # the chin
    smile = np.linalg.norm(model.expression_basis[model.expression_names.index("mouthSmile_L")], axis=1)
    assert model.mean[smile.argmax(), 0] > 0  # the person's left is the picture's right
    assert np.abs(model.mean[model.mirror] * [-1, 1, 1] - model.mean).max() < 0.05
