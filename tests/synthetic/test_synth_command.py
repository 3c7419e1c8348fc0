"""`fexdata synth`: the same bytes whatever the workers, and going on after whatever stopped it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from builds import wait_for, workers_of
from click.testing import CliRunner
from synthetic_stub import die, take

from fexdata.cli.synth import command
from fexdata.corpora.truth import synthetic_terms
from fexdata.errors import FexdataError
from fexdata.synthetic import corpus as making
from fexdata.synthetic.corpus import Result, synthesise

TESTS = Path(__file__).parents[1]
SCRIPT = """
import sys
from synthetic_stub import die, take
from fexdata.synthetic.corpus import synthesise
if __name__ == "__main__":
    synthesise("affectnet", sys.argv[1], people=4, images=24, seed=5, size=96, workers=2, take=take)
"""


def _make(out: Path, **changes: object) -> Result:
    settings = {"people": 4, "images": 24, "seed": 5, "size": 96, "take": take, **changes}
    return synthesise("affectnet", str(out), **settings)  # type: ignore[arg-type]


def _sums(out: Path) -> dict[str, str]:
    files = (path for path in sorted(out.rglob("*")) if path.is_file())
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synth") / "one"
    assert _make(out, workers=1).made == 24
    return out


def test_one_worker_and_two_make_the_same_bytes(made: Path, tmp_path: Path) -> None:
    assert _make(tmp_path / "two", workers=2) == Result(str(tmp_path / "two"), 4, 24, 24)
    assert _sums(tmp_path / "two") == _sums(made)
    assert len(_sums(made)) == 24 + 4  # pictures, two lists, truth, card: and nothing left over


def test_a_second_run_touches_nothing_and_a_lost_file_comes_back(made: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    assert _make(made, workers=1).made == 0
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*")} == before
    sums = _sums(made)
    lost = next(made.glob("Manually_Annotated_Images/*/*.jpg"))
    lost.unlink()
    (made / "training.csv").unlink()
    assert _make(made, workers=1).made == 6  # the person's pictures
    assert _sums(made) == sums


def test_killed_and_run_again_equals_undisturbed(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "FEXDATA_STUB_SECONDS": "0.1"}
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, script, out], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    wait_for(lambda: len(list(out.glob(".synthetic/0*.arrow"))) >= 1, process)
    workers = workers_of(process)
    process.kill()
    process.communicate()
    assert workers and not psutil.wait_procs(workers, timeout=20)[1], "a worker outlived the one that wanted its work"
    assert not (out / "truth.parquet").exists()
    with pytest.raises(FexdataError, match=r"is not complete; `fexdata synth affectnet --people 4 .*` goes on with it"):
        synthetic_terms(str(out))
    first = {path: path.stat().st_mtime_ns for path in out.glob("Manually_Annotated_Images/*/*.jpg")}
    time.sleep(0.01)
    assert _make(out, workers=1).made < 24
    assert sum(path.stat().st_mtime_ns == stamp for path, stamp in first.items()) >= 6
    assert _sums(out) == _sums(made)


def test_a_folder_with_something_else_in_it_is_left_alone(made: Path, tmp_path: Path) -> None:
    with pytest.raises(FexdataError, match=r"holds another synthetic corpus \(fexdata synth affectnet --people 4"):
        _make(made, seed=6)
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(FexdataError, match="is not empty, and no synthetic corpus; choose another --out"):
        _make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_a_worker_that_dies_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(FexdataError, match="a worker process died"):
        _make(tmp_path / "out", people=1, images=1, take=die)


def test_the_command_says_what_it_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "_take", take)
    monkeypatch.setenv("FEXDATA_HOME", str(tmp_path))
    arguments = ["pairs", "--people", "1", "--images", "3", "--size", "64", "--workers", "1"]
    done = CliRunner().invoke(command, arguments, standalone_mode=False)
    out = tmp_path / "synthetic-pairs"
    assert done.return_value == 0 and done.stdout == f"{out}: 1 people, 4 pictures (4 made now)\n"
    again = CliRunner().invoke(command, [*arguments, "--json"], standalone_mode=False)
    assert json.loads(again.stdout) == {"path": str(out), "people": 1, "images": 4, "made": 0}
    card = json.loads((out / "synthetic.json").read_text())
    assert card["complete"] and "--people 1 --images 4 --seed 0 --size 64" in card["command"]
