"""What a person meets at the command line: one line for every mistake, light help, true exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from builds import run
from making import make_folder

from fexdata.cli.main import cli, main

HEAVY = ("mediapipe", "torch", "cv2", "distributed", "pyarrow", "numba", "pandas")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['fexdata', '--help']\n"
        "from fexdata.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "build" in done.stdout and done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "nonsense", "--source", "."], "unknown recipe 'nonsense'; known: affectnet-au, affectnet-d, ckplus"),
        (["build", "photos", "--source", "/nowhere"], "expected a folder of photographs at /nowhere, found nothing"),
        (["build", "photos", "--source", ".", "--set", "align"], "expected section.key=value"),
        (["build", "photos", "--source", ".", "--set", "aling.size=3"], "no section 'aling'; sections: detect, align"),
        (["build", "photos", "--source", ".", "--set", "align.sise=3"], "stage align: setting 'sise'"),
        (["build", "photos", "--source", ".", "--without", "detect"], "which no stage before it writes"),
        (["build", "photos", "--source", ".", "--without", "nose"], "the recipe has no such stage"),
        (["build", "photos", "--source", ".", "--set", "align.size=[1,"], "'[1,' is not a value"),
        (["build", "photos", "--source", ".", "--set", "rasterize.size=99"], "crops have 256: set align.size"),
        (["build", "photos", "--source", ".", "--set", "rules.review.nose=1"], "rules are on `quality`"),
        (["build", "affectnet-d", "--source", "."], "affectnet"),
        (["build", "rafd-d", "--source", "."], "rafd"),
        (["status", "nowhere"], "no build was started there"),
        (["validate", "nowhere"], "no dataset 'nowhere'"),
        (["report", "nowhere"], "no dataset 'nowhere'"),
        (["gc", "nowhere"], "no build was started there"),
    ],
    ids=lambda value: "-".join(value[-1:]) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_status_two(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = run(arguments)
    assert (status, out) == (2, "")
    assert message.lower() in err.lower() and len(err.strip().splitlines()) == 1 and "Traceback" not in err


@pytest.mark.parametrize(
    ("verb", "raised", "status", "message"),
    [
        ("build", OSError(28, "No space left on device", "out/x"), 2, "fexdata: out/x: No space left on device\n"),
        ("build", OSError("the bucket is gone"), 2, "fexdata: the bucket is gone\n"),
        ("build", KeyboardInterrupt(), 130, "fexdata: interrupted; the same command goes on where this one stopped\n"),
        ("validate", KeyboardInterrupt(), 130, "fexdata: interrupted\n"),
        ("validate", BrokenPipeError(), 0, ""),
    ],
)
def test_what_the_system_or_a_person_stops_ends_in_one_line(
    verb: str, raised: BaseException, status: int, message: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def stopped(**_: object) -> None:
        raise raised

    monkeypatch.setattr("sys.argv", ["fexdata", verb])
    monkeypatch.setattr(cli, "main", stopped)
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().err) == (status, message)


def test_a_build_from_the_command_line_to_its_report(tmp_path: Path) -> None:
    make_folder(tmp_path / "photographs", count=6, seed=8)
    arguments = ["build", "photos", "--source", tmp_path / "photographs", "--out", tmp_path / "out"]
    status, out, _ = run([*arguments, "--dry-run"])
    assert status == 0 and out.startswith("6 photographs") and not (tmp_path / "out").exists()
    status, out, err = run([*arguments, "--workers", "1", "--json"])
    assert status == 0, err
    assert json.loads(out)["counts"]["photographs"] == 6
    found = json.loads(run(["status", tmp_path / "out", "--json"])[1])
    assert found["files_present"] == found["files_planned"] and found["counts"]["rows"] == 6 and not found["running"]
    assert run(["validate", tmp_path / "out"])[0] == 0
    status, out, err = run(["report", tmp_path / "out"])
    assert status == 0 and Path(out.strip().splitlines()[-1]).read_text().startswith("<!"), err


def test_without_quality_everything_with_a_crop_is_accepted(tmp_path: Path) -> None:
    make_folder(tmp_path / "photographs", count=4, seed=9)
    arguments = ["build", "photos", "--source", tmp_path / "photographs", "--out", tmp_path / "out", "--json"]
    status, out, err = run([*arguments, "--workers", "1", "--without", "quality"])
    assert status == 0, err
    assert json.loads(out)["counts"]["accepted"] == 4
