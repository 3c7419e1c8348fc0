"""A photograph that kills its worker, never comes back or cannot be read costs one row."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from builds import checksums, recipe_with_trap, run
from fexdata_traps import DEADLY, ENDLESS, RUDE, STUBBORN
from making import bad_files, make_folder, real_photographs
from PIL import Image


def _rows(out: Path) -> dict[str, dict[str, object]]:
    columns = ["source_path", "status", "failure_stage", "failure_code", "failure_message", "shard"]
    return {row["source_path"]: row for row in pq.read_table(out / "manifest.parquet", columns=columns).to_pylist()}


def _plant(folder: Path, name: str, width: int) -> None:
    portrait = Image.open(real_photographs()["single_face.jpg"]).convert("RGB")
    portrait.resize((width, width * portrait.height // portrait.width)).save(folder / name)


@pytest.mark.parametrize(
    ("width", "code"),
    [(DEADLY, "crashed"), (ENDLESS, "timeout"), (STUBBORN, "timeout"), (RUDE, "internal_error")],
    ids=str,
)
def test_a_bad_photograph_costs_one_row(tmp_path: Path, width: int, code: str) -> None:
    photographs = tmp_path / "photographs"
    make_folder(photographs, count=40, seed=5)
    _plant(photographs, "bad.png", width)
    recipe = recipe_with_trap(tmp_path)
    arguments = ["build", recipe, "--source", photographs, "--workers", "2", "--set", "engine.timeout=5"]
    status, _, err = run([*arguments, "--out", tmp_path / "out"])
    assert status == 1 and "Traceback" not in err, err
    rows = _rows(tmp_path / "out")
    assert len(rows) == 41
    failed = {path: row for path, row in rows.items() if row["failure_code"] is not None}
    assert list(failed) == ["bad.png"]
    assert (failed["bad.png"]["failure_stage"], failed["bad.png"]["failure_code"]) == ("trap", code)
    # The crop was made before the trap, so it keeps its place; and the answer is remembered.
    assert failed["bad.png"]["shard"] is not None
    before = checksums(tmp_path / "out")
    assert run([*arguments, "--out", tmp_path / "out"])[0] == 1
    assert checksums(tmp_path / "out") == before


def test_every_bad_file_is_a_row_with_its_code(tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    expected = bad_files(photographs)
    Image.open(real_photographs()["single_face.jpg"]).save(photographs / "good.jpg")
    status, out, err = run(["build", "photos", "--source", photographs, "--out", tmp_path / "out", "--workers", "1"])
    assert status == 1 and "Traceback" not in out + err
    rows = _rows(tmp_path / "out")
    assert rows.pop("good.jpg")["failure_code"] is None
    found = {path: row["failure_code"] for path, row in rows.items()}
    assert found == {key.decode("utf-8", "backslashreplace"): code and str(code) for key, code in expected.items()}


def test_retry_failed_tries_again(tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    _plant(photographs, "fine.png", 600)
    (photographs / "gone.png").symlink_to(tmp_path / "target.png")
    arguments = ["build", "photos", "--source", photographs, "--out", tmp_path / "out", "--workers", "1"]
    run(arguments)
    assert _rows(tmp_path / "out")["gone.png"]["failure_code"] == "missing"
    _plant(tmp_path, "target.png", 640)
    assert run([*arguments, "--retry-failed"])[0] == 0
    assert _rows(tmp_path / "out")["gone.png"]["failure_code"] is None
