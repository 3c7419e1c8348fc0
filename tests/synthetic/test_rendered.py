"""Rendered people: coefficients by projection, one setting a session, a paired dataset."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

import fexdata
from fexdata.dataset.validate import validate
from fexdata.errors import FexdataError
from fexdata.faces.blendshapes.registered import sessions
from fexdata.faces.canonical import VERTICES
from fexdata.faces.landmarks import FROM_478_TO_68
from fexdata.faces.models.assembly import Published, assemble
from fexdata.faces.models.face_model import FaceModel, at_vertices
from fexdata.faces.models.kept import embedded_head
from fexdata.faces.pose import rotation
from fexdata.faces.topology import coarse_478
from fexdata.pipeline.rendered import build_rendered
from fexdata.synthetic.rendered import dataset
from fexdata.synthetic.rendered.dataset import render_dataset
from fexdata.synthetic.rendered.people import read_sitter
from fexdata.training.data import TrainingData
from fexdata.training.method import Needs

SIZE = 64
PLACES = (61, 291, 105)
TAKES = {"happy": (1.0, 0.8, 0.0), "brow": (0.0, 0.0, -0.7)}
NOSE = FROM_478_TO_68[30]


def face() -> np.ndarray:
    return embedded_head().mean[:VERTICES].astype(np.float64)


def movements() -> np.ndarray:
    """(3, 468, 3) mm at the corners of the mouth and a brow, as y down has it."""
    fall = np.stack([np.clip(1 - np.linalg.norm(face() - face()[place], axis=1) / 25, 0, 1) for place in PLACES])
    ways = np.array([[-3, -6, 3.3], [3, -6, 3.3], [0, -6, 0]], float)
    return fall[:, :, None] * ways[:, None]


def basis() -> FaceModel:
    up = np.array([1, -1, -1])
    return assemble(
        "places",
        Published(
            mean=face() * up, triangles=coarse_478().triangles, identity=np.zeros((0, VERTICES, 3)),
            expression=movements() * up, expression_names=("mouth_L", "mouth_R", "brow"), signed=(False, False, True),
            unit="mm", licence="mine", source="", landmarks_68=at_vertices(FROM_478_TO_68),
        ),
    )  # fmt: skip


def write_obj(path: Path, points: np.ndarray, *, textured: bool = True) -> None:
    """In centimetres, y up, with the embedded head's texture coordinates."""
    lines = [f"v {x / 10:.6f} {-y / 10:.6f} {-z / 10:.6f}" for x, y, z in points]
    lines += [f"vt {u:.6f} {1 - v:.6f}" for u, v in embedded_head().uv[:VERTICES]] if textured else []
    word = "{0}/{0}" if textured else "{0}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, *("f " + " ".join(word.format(one) for one in row)
                                         for row in coarse_478().triangles + 1)]))  # fmt: skip


def people(folder: Path, *, names: tuple[str, ...] = ("ann/1", "ann/2", "bob/1")) -> Path:
    rng = np.random.default_rng(2)
    for number, name in enumerate(names):
        person = face() * rng.uniform(0.95, 1.05, 3)
        write_obj(folder / name / "neutral.obj", person)
        for take, coefficients in TAKES.items():
            moved = person + np.tensordot(coefficients, movements(), axes=1)
            # Heads move between takes.
            write_obj(folder / name / f"{take}.obj", moved @ rotation(6, -4, 3).T + [30, 5, -9])
        texture = np.full((256, 256, 3), 90 + 40 * number, np.uint8)
        cv2.imwrite(str(folder / name / "texture.png"), texture)
    basis().save(folder / "basis.npz")
    return folder


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return people(tmp_path_factory.mktemp("scans"))


@pytest.fixture(scope="module")
def rendered(scans: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "SESSIONS_PER_SHARD", 2)
        return render_dataset(scans, scans.parent / f"{scans.name}-rendered", images=5, size=SIZE, workers=1)


def test_coefficients_of_a_mesh_are_those_it_was_made_with(scans: Path) -> None:
    one = sessions(scans)[0]
    sitter = read_sitter(one, one.expressive, basis())
    found = {take.name: take.parameters for take in sitter.takes}
    assert found["neutral"].tolist() == [0, 0, 0]
    for name, coefficients in TAKES.items():
        assert found[name] == pytest.approx(coefficients, abs=0.06)
        assert (found[name][:2] >= 0).all()


def test_meshes_in_centimetres_are_rendered_in_the_bases_millimetres(scans: Path) -> None:
    one = sessions(scans)[0]
    (neutral,) = read_sitter(one, (), basis()).takes
    assert np.ptp(neutral.vertices, axis=0) == pytest.approx(np.ptp(face(), axis=0), rel=0.06)


def test_every_session_is_a_group_of_pairs_in_one_setting(rendered: Path) -> None:
    opened = fexdata.open(str(rendered))
    rows = opened.frame()
    assert len(rows) == 15
    assert set(rows["source_kind"]) == {"render"}
    assert set(rows["pair_group"]) == {"ann/1", "ann/2", "bob/1"}
    for _, session in rows.groupby("pair_group"):
        assert sorted(session["variant"]) == ["brow", "drawn-000", "drawn-001", "happy", "neutral"]
        assert session[["subject", "session", "split", "illumination", "yaw"]].nunique().tolist() == [1] * 5
        corners = [picture[:6, :6].astype(float) for picture in opened.pictures(session["sample_id"].tolist())["image"]
                   if picture is not None]  # fmt: skip
        assert np.abs(np.mean(corners[0], axis=(0, 1)) - np.mean(corners[1:], axis=(0, 1, 2))).max() < 4
    assert rows.groupby("subject")["split"].nunique().max() == 1
    assert rows["yaw"].nunique() == 3


def test_drawn_expressions_stay_within_those_of_the_meshes(rendered: Path) -> None:
    rows = fexdata.open(str(rendered)).frame(["variant", "expression_params"])
    drawn = np.stack(rows["expression_params"][rows["variant"].str.startswith("drawn")])
    assert drawn[:, :2].min() >= 0
    assert np.abs(drawn).max() < 1.1
    assert len(np.unique(drawn, axis=0)) == len(drawn)


def test_the_picture_shows_the_nose_where_the_landmarks_say(tmp_path: Path) -> None:
    people(tmp_path, names=("ann/1",))
    texture = np.zeros((512, 512, 3), np.uint8)
    u, v = embedded_head().uv[NOSE] * 512 - 0.5
    cv2.circle(texture, (round(float(u)), round(float(v))), 3, (255, 255, 255), -1)
    cv2.imwrite(str(tmp_path / "ann/1/texture.png"), texture)
    opened = fexdata.open(str(render_dataset(tmp_path, tmp_path / "out", images=2, size=128, workers=1)))
    for number in range(2):
        row = opened.row(number, ["image", "landmarks_68"])
        x, y = row["landmarks_68"][30]
        around = row["image"][round(y) - 12 : round(y) + 13, round(x) - 12 : round(x) + 13].mean(axis=2)
        rows, columns = np.nonzero(around > 0.7 * around.max())
        assert np.hypot(rows.mean() - 12 - (y - round(y)), columns.mean() - 12 - (x - round(x))) < 2


def test_any_number_of_workers_gives_the_same_bytes_and_what_is_there_is_kept(
    scans: Path, rendered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "SESSIONS_PER_SHARD", 2)
    again = render_dataset(scans, tmp_path / "again", images=5, size=SIZE, workers=2)
    assert _hashes(again) == _hashes(rendered)
    (again / "manifest.parquet").unlink()
    monkeypatch.setattr(dataset, "make_shard", None)  # nothing is left to make
    render_dataset(scans, again, images=5, size=SIZE, workers=1)
    assert _hashes(again) == _hashes(rendered)


def test_the_dataset_is_what_its_card_says(rendered: Path) -> None:
    assert [str(problem) for problem in validate(fexdata.open(str(rendered)))] == []


def test_pairs_for_training_come_from_the_dataset_itself(rendered: Path) -> None:
    needs = Needs(("image", "expression_params", "landmarks_68"), SIZE, pairs=True)
    data = TrainingData.of(fexdata.open(str(rendered)), needs, pairs=True)
    assert data.groups is not None
    assert np.unique(data.groups, return_counts=True)[1].min() == 5
    assert str(data.info.basis_id).startswith("places-")


def test_the_recipe_takes_its_settings_by_name(scans: Path, tmp_path: Path) -> None:
    sets = ["render.images=2", "render.size=32", f"render.basis={scans / 'basis.npz'}"]
    result = fexdata.build("rendered-4dfab", str(scans), out=str(tmp_path / "out"), limit=1, sets=sets, workers=1)
    assert result.counts["rows"] == result.counts["accepted"] == 2
    with pytest.raises(FexdataError, match=r"render\.images=NUMBER.*render\.basis=MODEL"):
        build_rendered(str(scans), sets=["align.size=128"])


def test_wrong_input_is_one_line(tmp_path: Path) -> None:
    folder = people(tmp_path / "scans", names=("ann/1",))
    out = tmp_path / "out"
    with pytest.raises(FexdataError, match="1 pictures of a session are no pair"):
        render_dataset(folder, out, images=1)
    with pytest.raises(FexdataError, match="468 vertices, the basis fexdata-head"):
        render_dataset(folder, out, basis="fexdata", workers=1)
    (folder / "ann/1/texture.png").rename(tmp_path / "texture.png")
    with pytest.raises(FexdataError, match=r"has no texture\.png or \.jpg, nor neutral\.png"):
        render_dataset(folder, out, workers=1)
    write_obj(folder / "ann/1/neutral.obj", face(), textured=False)
    with pytest.raises(FexdataError, match="has no texture coordinates"):
        render_dataset(folder, out, workers=1)
    (folder / "basis.npz").unlink()
    with pytest.raises(FexdataError, match=r"has no basis\.npz; put a face model .*render\.basis=NAME"):
        render_dataset(folder, out)


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
