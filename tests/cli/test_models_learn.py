"""`fexdata models learn`: components that were put into meshes come out as a model, from a folder and a dataset."""

from __future__ import annotations

from pathlib import Path

import dataset_made
import numpy as np
import pytest
from click.testing import CliRunner, Result
from dataset_made import Rows, make_dataset

from fexdata.cli.models import command
from fexdata.errors import FexdataError
from fexdata.faces.canonical import VERTICES
from fexdata.faces.landmarks import FROM_478_TO_68
from fexdata.faces.models import registry
from fexdata.faces.models.kept import embedded_head
from fexdata.faces.pose import rotation
from fexdata.faces.topology import coarse_478

PLACES = (61, 291, 105, 334)
"""Mouth corners and brows: the middles of the movements that are put in."""
PEOPLE, EACH = 6, 6


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FEXDATA_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("FEXDATA_HOME", str(tmp_path / "home"))
    return tmp_path


def movements() -> np.ndarray:
    """(4, 468, 3) mm: six millimetres at each place, fading over 25."""
    face = embedded_head().mean[:VERTICES].astype(np.float64)
    fall = np.stack([np.clip(1 - np.linalg.norm(face - face[place], axis=1) / 25, 0, 1) for place in PLACES])
    ways = np.array([[-3, -4, 3.3], [3, -4, 3.3], [0, -6, 0], [0, 6, 0]], float)
    return fall[:, :, None] * ways[:, None]


def faces(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Neutral (PEOPLE, 468, 3) and expressive (PEOPLE, EACH, 468, 3) faces, head space, mm."""
    face = embedded_head().mean[:VERTICES].astype(np.float64)
    neutral = face * rng.uniform(0.95, 1.05, (PEOPLE, 1, 3))
    moved = np.tensordot(rng.uniform(0, 1, (PEOPLE, EACH, 4)), movements(), axes=1)
    return neutral, neutral[:, None] + moved + 0.05 * rng.standard_normal(moved.shape)


def write_obj(path: Path, points: np.ndarray) -> None:
    """y up, z towards the viewer, as publishers have them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"v {x:.5f} {-y:.5f} {-z:.5f}" for x, y, z in points]
    path.write_text("\n".join([*lines, *(f"f {a} {b} {c}" for a, b, c in coarse_478().triangles + 1)]))


def scans(folder: Path) -> Path:
    rng = np.random.default_rng(3)
    neutral, expressive = faces(rng)
    for number, (rest, moved) in enumerate(zip(neutral, expressive, strict=True)):
        write_obj(folder / f"p{number}" / "neutral.obj", rest)
        for take, points in enumerate(moved):
            # Heads do not keep still between scans.
            turned = points @ rotation(*rng.uniform(-8, 8, 3)).T + rng.uniform(-20, 20, 3)
            write_obj(folder / f"p{number}" / f"take{take}.obj", turned)
    (folder / "landmarks_68.txt").write_text("\n".join(map(str, FROM_478_TO_68)))
    return folder


def dataset(folder: Path, name: str = "studio") -> Path:
    rng = np.random.default_rng(4)
    neutral, expressive = faces(rng)

    def fill(rows: Rows) -> None:
        for number, row in enumerate(sorted(rows, key=lambda row: row["source_path"])):
            if row.get("vertices") is None:
                continue
            person, take = divmod(number, 1 + EACH)
            points = neutral[person] if take == 0 else expressive[person, take - 1]
            yaw = float(rng.uniform(-15, 15))
            placed = rng.uniform(0.4, 0.6) * points @ rotation(yaw, 3.0, 2.0).T + [32, 32, 0]
            row["vertices"] = np.concatenate([placed, np.zeros((10, 3))]).astype(np.float32).ravel()
            row |= {"subject": f"s{person}", "expression": "happy" if take else "neutral", "geometry": "coarse-478"}
            row |= {"yaw": yaw, "status": "accepted"}

    return make_dataset(folder, name=name, photographs=PEOPLE * (1 + EACH), edit=fill)


def learned(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["learn", *arguments], catch_exceptions=False)


def worst_match(components: np.ndarray) -> float:
    """Least correlation with which each movement that was put in is found among (K, >= 468, 3) components."""
    flat = components[:, :VERTICES].reshape(len(components), -1)
    table = np.corrcoef(flat, movements().reshape(len(PLACES), -1))[: len(flat), len(flat) :]
    return float(table.max(axis=0).min())


def test_a_folder_of_scans_becomes_a_model_of_their_topology(home: Path) -> None:
    result = learned(str(scans(home / "scans")), "--components", "4", "--non-negative", "--name", "scans-4")
    assert result.stdout.strip() == str(home / "models" / "scans-4.npz")
    assert "4 components on 468 vertices, learned from 36 meshes of 6 people" in result.stderr
    model = registry.load("scans-4")
    assert worst_match(model.expression_basis) > 0.9
    assert not model.expression_signed.any()
    assert model.units == "mm"
    assert model.landmarks_68 is not None
    assert model.landmarks_68.vertices[:, 0].tolist() == list(FROM_478_TO_68)


def test_a_dataset_becomes_the_embedded_head_with_learned_expressions(home: Path) -> None:
    result = learned(str(dataset(home)), "--components", "4", "--name", "studio-4")
    assert "learned from" in result.stderr
    model, head = registry.load("studio-4"), embedded_head()
    assert worst_match(model.expression_basis) > 0.85
    assert model.expression_names == ("component_00", "component_01", "component_02", "component_03")
    assert np.array_equal(model.triangles, head.triangles)
    assert model.identity_names == head.identity_names
    assert model.licence.startswith("CC0-1.0")
    assert model.sha256 != head.sha256


def test_the_model_is_listed_beside_imported_ones(home: Path) -> None:
    learned(str(scans(home / "scans")), "--components", "2", "--name", "mine")
    listing = CliRunner().invoke(command, [], catch_exceptions=False).stdout
    assert "installed  mine" in listing


@pytest.mark.parametrize(
    ("make", "arguments", "words"),
    [
        (lambda home: make_dataset(home, photographs=3), (), "no subject has both a neutral face and another"),
        (lambda home: home / "empty", (), "no dataset"),
        (lambda home: scans(home / "scans"), ("--components", "99"), "99 components need at least as many meshes"),
        (lambda home: scans(home / "scans"), ("--name", "fexdata"), "a model cannot be called 'fexdata'"),
    ],
)
def test_wrong_input_is_one_line(home: Path, make: object, arguments: tuple[str, ...], words: str) -> None:
    assert callable(make)
    with pytest.raises(FexdataError, match=words):
        learned(str(make(home)), "--components", "2", *arguments)


def test_a_dataset_without_meshes_says_which_stage_makes_them(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(dataset_made.SIDE_FIELDS, "vertices")
    with pytest.raises(FexdataError, match="has no vertices to learn from; build it with the stage reconstruct"):
        learned(str(make_dataset(home, photographs=4)), "--components", "2")
