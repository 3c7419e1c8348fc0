"""`fexdata models`: what there is and what is missing, and imports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from fexdata.cli.models import command
from fexdata.errors import FexdataError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("FEXDATA_MODELS", raising=False)
    monkeypatch.setenv("FEXDATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def listed() -> dict[str, dict[str, Any]]:
    result = CliRunner().invoke(command, ["--json"], catch_exceptions=False)
    return {one["name"]: one for one in json.loads(result.stdout)}


def basis(path: Path) -> Path:
    grid = np.stack(np.meshgrid(np.linspace(-80, 80, 9), np.linspace(-80, 80, 9)), -1).reshape(-1, 2)
    mean = np.column_stack([grid, 60 - (grid**2).sum(1) / 200])
    np.savez(
        path, mean=mean, triangles=np.array([[0, 9, 1]]), unit="mm", axes="y-up", expression_basis=np.ones((2, 81, 3))
    )
    return path


def test_models_detectors_and_networks_stand_in_one_list(home: Path) -> None:
    found = listed()
    assert {one["what"] for one in found.values()} == {"face model", "detector", "network"}
    assert found["fexdata-head"]["installed"] and found["fexdata-head"]["licence"] == "Apache-2.0"
    assert found["attention-mesh"]["installed"] and len(found["attention-mesh"]["sha256"]) == 64
    for name in ("flame", "basel2009", "arcface"):
        assert not found[name]["installed"] and found[name]["sha256"] is None
        assert any("from http" in line for line in found[name]["how"])


def test_an_import_is_listed_with_licence_and_hash(home: Path, tmp_path: Path) -> None:
    from fexdata.faces.models import registry

    result = CliRunner().invoke(command, ["import", "4DFAB", str(basis(tmp_path / "scans.npz")), "--name", "mine"])
    assert result.stdout.strip() == str(home / "models" / "mine.npz")
    assert "mine: 81 vertices, 0 of identity, 2 of expression, 0 of 68 landmarks; non-commercial" in result.stderr
    mine = listed()["mine"]
    assert mine["installed"] and "4DFAB" in mine["licence"] and mine["path"] == str(home / "models" / "mine.npz")
    assert mine["sha256"] == registry.load("mine").sha256
    assert "4dfab" not in listed()  # its kind is no longer missing


def test_a_file_that_is_no_model_is_listed_as_such(home: Path) -> None:
    (home / "models").mkdir(parents=True)
    (home / "models" / "broken.npz").write_bytes(b"torn")
    broken = listed()["broken"]
    assert not broken["installed"] and "import it anew" in broken["how"][0]


def test_a_network_that_is_another_file_is_not_installed(home: Path) -> None:
    (home / "weights").mkdir(parents=True)
    (home / "weights" / "vgg19-dcbb9e9d.pth").write_bytes(b"other")
    vgg = listed()["vgg19"]
    assert not vgg["installed"] and vgg["path"] and "should begin with dcbb9e9d" in vgg["how"][0]


def test_the_list_for_people_says_how_to_get_what_is_missing(home: Path) -> None:
    result = CliRunner().invoke(command, [], catch_exceptions=False)
    lines = result.stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if line.split()[:2] == ["missing", "flame"])
    assert "from https://flame.is.tue.mpg.de" in lines[start + 2]
    assert "then fexdata models import flame PATH" in lines[start + 3]


def test_a_wrong_file_is_the_users_to_mend(home: Path, tmp_path: Path) -> None:
    with pytest.raises(FexdataError, match="is not a FLAME model"):
        CliRunner().invoke(command, ["import", "flame", str(basis(tmp_path / "x.npz"))], catch_exceptions=False)


def test_the_help_names_every_kind() -> None:
    from fexdata.faces.models.kinds import KINDS

    text = CliRunner().invoke(command, ["import", "--help"], catch_exceptions=False).stdout
    assert [kind for kind in KINDS if kind not in text] == []
