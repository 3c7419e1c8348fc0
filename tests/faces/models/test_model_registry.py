"""Face models by name: built in, imported, read on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import published_made as made
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.models import registry
from fexdata.faces.models.face_model import read_header
from fexdata.faces.models.kinds import KINDS, Kind


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`$FEXDATA_HOME`, and nothing of this machine's user in sight."""
    monkeypatch.delenv("FEXDATA_MODELS", raising=False)
    monkeypatch.setenv("FEXDATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user" / "share"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def basis(path: Path, *, scale: float = 1.0) -> Path:
    np.savez(
        path, mean=made.mean() * scale, triangles=made.triangles(), unit="mm", axes="y-up",
        expression_basis=np.ones((1, made.VERTICES, 3)),
    )  # fmt: skip
    return path


def test_an_imported_model_is_found_by_its_name(home: Path, tmp_path: Path) -> None:
    path = registry.import_model("4dfab", basis(tmp_path / "scans.npz"), name="mine")
    assert path == home / "models" / "mine.npz" and [file.name for file in path.parent.iterdir()] == ["mine.npz"]
    model = registry.load("mine")
    assert (model.name, model.kind) == ("mine", "4dfab") and "4DFAB" in model.licence
    assert registry.load("mine") is model  # read once
    assert registry.load(path).sha256 == model.sha256 == read_header(path)["sha256"]
    assert registry.names() == ["fexdata-head", "pyfeat-aus", "mine"]


def test_without_a_name_a_model_is_called_as_its_kind(home: Path, tmp_path: Path) -> None:
    registry.import_model("4dfab", basis(tmp_path / "scans.npz"))
    assert registry.load("4dfab").name == "4dfab"


def test_a_model_imported_anew_is_read_anew(home: Path, tmp_path: Path) -> None:
    registry.import_model("4dfab", basis(tmp_path / "scans.npz"))
    first = registry.load("4dfab")
    registry.import_model("4dfab", basis(tmp_path / "scans.npz", scale=1.1))
    second = registry.load("4dfab")
    np.testing.assert_allclose(second.mean, first.mean * 1.1, rtol=1e-5)


def test_a_publishers_files_are_read_on_the_spot(home: Path, tmp_path: Path) -> None:
    model = registry.load(f"4dfab:{basis(tmp_path / 'scans.npz')}")
    assert model.kind == "4dfab" and not home.exists()


def test_a_failed_import_leaves_nothing(home: Path, tmp_path: Path) -> None:
    (tmp_path / "scans.npz").write_bytes(b"torn")
    with pytest.raises(FexdataError, match="is not a basis"):
        registry.import_model("4dfab", tmp_path / "scans.npz")
    assert not home.exists()


@pytest.mark.parametrize("name", ["fexdata", "pyfeat-aus", "a/b", "../up", ".hidden", "mine.npz"])
def test_names_that_are_taken_or_no_file_names_are_refused(home: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(FexdataError, match="cannot be called"):
        registry.import_model("4dfab", basis(tmp_path / "scans.npz"), name=name)


def test_unknown_names_and_kinds_list_the_known_ones(home: Path, tmp_path: Path) -> None:
    registry.import_model("4dfab", basis(tmp_path / "scans.npz"), name="mine")
    with pytest.raises(FexdataError, match="unknown face model 'flame'; known: fexdata-head, pyfeat-aus, mine"):
        registry.load("flame")
    with pytest.raises(FexdataError, match="unknown kind 'bfm'; known: ict, basel2009"):
        registry.import_model("bfm", tmp_path)


def test_folders_are_searched_in_order(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = tmp_path / "user" / "share" / "fexdata" / "models"
    assert registry.model_folders() == [home / "models", user, Path("data/models")]
    monkeypatch.delenv("FEXDATA_HOME")
    assert registry.import_model("4dfab", basis(tmp_path / "scans.npz")).parent == user
    monkeypatch.setenv("FEXDATA_MODELS", str(tmp_path / "elsewhere"))
    assert registry.imported() == {}


def test_icts_own_folder_needs_no_import(home: Path) -> None:
    folder = home / "models" / registry.ICT_FOLDER
    folder.mkdir(parents=True)
    assert registry.imported() == {"ict": folder}
    with pytest.raises(FexdataError, match="is not ICT-FaceKit's"):
        registry.load("ict")


def test_the_embedded_model_has_two_names() -> None:
    assert registry.load("fexdata") is registry.load("fexdata-head")


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_kind_says_what_it_needs_where_it_is_missing(tmp_path: Path, kind: Kind) -> None:
    with pytest.raises(FexdataError) as caught:
        kind.read(tmp_path / "absent")
    assert str(tmp_path / "absent") in str(caught.value) and "\n" not in str(caught.value)


def test_every_kind_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "models" / "formats.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    for kind in KINDS.values():
        assert any(f"`{kind.name}`" in row.split("|")[1] for row in rows)
