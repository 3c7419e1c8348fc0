"""What `fexdata build` and `fexdata status` tell people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from dataset_made import make_dataset

from fexdata.cli import build, status
from fexdata.pipeline.build import Result

COUNTS = {"photographs": 24, "rows": 24, "accepted": 19, "review": 2, "rejected": 1, "failed": 2}


def run(monkeypatch: pytest.MonkeyPatch, result: Result, *options: str):  # type: ignore[no-untyped-def]
    monkeypatch.setattr("fexdata.pipeline.build.build", lambda *_, **__: result)
    return CliRunner().invoke(build.command, ["photos", "--source", "x", *options], standalone_mode=False)


def test_a_build_with_failed_rows_says_why_they_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(make_dataset(tmp_path, size=16))
    told = run(monkeypatch, Result(path, COUNTS, 3, 4, True))
    assert told.return_value == 1
    assert told.stdout == f"{path}: 24 photographs, 24 rows: 19 accepted, 2 review, 1 rejected, 2 failed\n"
    assert "failed: 1 " in told.stderr and "1 no_face" in told.stderr and "1 poor_fit" in told.stderr
    assert f"fexdata report {path}" in told.stderr


def test_the_result_of_a_failed_row_is_json_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = run(monkeypatch, Result("x", COUNTS, 3, 4, True), "--json")
    assert told.return_value == 1 and told.stderr == ""
    assert json.loads(told.stdout)["counts"] == COUNTS


def test_a_dry_run_lists_only_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    todo = {"detect": 0, "align": 3}
    told = run(monkeypatch, Result("x", {"photographs": 9}, 1, 0, False, todo), "--dry-run")
    assert told.stdout.split("\n") == ["9 photographs", "  align              3 partitions to make", ""]
    done = run(monkeypatch, Result("x", {"photographs": 9}, 4, 0, False, {"detect": 0}), "--dry-run")
    assert done.stdout == "9 photographs, every layer is there: nothing to compute\n" and done.return_value == 0


@pytest.mark.parametrize(("running", "advice"), [(True, False), (False, True)])
def test_status_advises_to_resume_only_what_does_not_run(
    running: bool, advice: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {
        "path": "x", "recipe": "photos", "running": running, "files_planned": 4, "files_present": 1,
        "stages": {"detect": (1, 4)}, "counts": dict(sorted(COUNTS.items())),
    }  # fmt: skip
    monkeypatch.setattr("fexdata.pipeline.housekeeping.status", lambda dataset: found)
    lines = CliRunner().invoke(status.command, ["x"], standalone_mode=False).stdout.splitlines()
    assert ("not finished" in lines[-1]) == advice
    names = [line.split()[0] for line in lines if line.split()[0] in COUNTS]
    assert names == list(COUNTS) and "  of the last finished build:" in lines
