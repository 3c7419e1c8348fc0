"""A build that was killed, at whatever moment, ends as if nothing had happened.

Real processes and real `kill -9`, on corpora in the layouts of AffectNet and RaFD.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from builds import checksums, environment, kill_all, layer_files, recipe_with_trap, run, start, wait_for, workers_of
from making import make_affectnet_2017, make_rafd

SLOW = 0.02
"""Seconds that each row takes longer, so that a kill hits where it is meant to."""


def _corpus(folder: Path, recipe: str) -> tuple[Path, Path]:
    source = folder / "corpus"
    if recipe == "rafd-d":
        make_rafd(source, people=3, seed=1)
    else:
        make_affectnet_2017(source, count=64, seed=1)
    return source, recipe_with_trap(folder, recipe, delay=SLOW)


@pytest.fixture(scope="module", params=["affectnet-d", "rafd-d"])
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """A corpus, its recipe, and the checksums and number of layers of an undisturbed build."""
    folder = tmp_path_factory.mktemp(request.param)
    source, recipe = _corpus(folder, request.param)
    status, _, err = run(["build", recipe, "--source", source, "--out", folder / "whole", "--workers", "2"])
    assert status in (0, 1), err
    return source, recipe, checksums(folder / "whole"), len(layer_files(folder / "whole"))


def _build(corpus, out: Path, *more: str) -> list[str]:  # type: ignore[no-untyped-def]
    source, recipe, *_ = corpus
    return ["build", str(recipe), "--source", str(source), "--out", str(out), "--workers", "2", *more]


def _assert_resumed(corpus, out: Path, kept: dict[Path, int]) -> None:  # type: ignore[no-untyped-def]
    status, _, err = run(_build(corpus, out))
    assert status in (0, 1), err
    assert checksums(out) == corpus[2]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "a finished layer was made again"


@pytest.mark.parametrize("percent", [10, 50, 90])
@pytest.mark.parametrize("victim", ["everything", "main process"])
def test_killed_build_resumes_to_the_same_bytes(corpus, victim: str, percent: int, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out, total = tmp_path / "out", corpus[3]
    process = start(_build(corpus, out))
    wait_for(lambda: len(layer_files(out)) >= total * percent / 100, process)
    if victim == "everything":
        kill_all(process)
    else:
        workers = workers_of(process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        _, alive = psutil.wait_procs(workers, timeout=20)
        assert workers and not alive, "orphaned workers must end by themselves"
    assert not (out / "manifest.parquet").exists()
    _assert_resumed(corpus, out, {path: path.stat().st_mtime_ns for path in layer_files(out)})


@pytest.mark.parametrize("percent", [10, 50, 90])
def test_killed_workers_change_nothing(corpus, percent: int, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out, total = tmp_path / "out", corpus[3]
    process = start(_build(corpus, out))
    wait_for(lambda: len(layer_files(out)) >= total * percent / 100, process)
    workers_of(process)[0].kill()
    _, err = process.communicate(timeout=300)
    assert process.returncode in (0, 1), err
    assert checksums(out) == corpus[2]


DIE_WHILE_COMMITTING = """
import os, signal, sys
import fexdata.storage as storage
finish = os.replace
def replace(source, target):
    if str(target).endswith("manifest.parquet"):
        os.kill(os.getpid(), signal.SIGKILL)
    finish(source, target)
os.replace = replace
from fexdata.cli.main import main
if __name__ == "__main__":
    main()
"""


def test_kill_during_commit_leaves_no_half_manifest(corpus, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out, script = tmp_path / "out", tmp_path / "die.py"
    script.write_text(DIE_WHILE_COMMITTING)
    dead = subprocess.run([sys.executable, str(script), *_build(corpus, out)], env=environment(), capture_output=True)
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    assert not (out / "manifest.parquet").exists()
    assert len(layer_files(out)) == corpus[3]
    _assert_resumed(corpus, out, {path: path.stat().st_mtime_ns for path in layer_files(out)})


def test_number_of_workers_changes_no_byte(corpus, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for workers in ("1", "4"):
        out = tmp_path / workers
        status, _, err = run([*_build(corpus, out)[:-1], workers])
        assert status in (0, 1), err
        assert checksums(out) == corpus[2]


def test_second_build_of_one_directory_is_refused(corpus, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "out"
    process = start(_build(corpus, out))
    wait_for(lambda: bool(layer_files(out)), process)
    status, _, err = run(_build(corpus, out))
    assert status == 2 and "is being built by process" in err and len(err.strip().splitlines()) == 1
    process.communicate(timeout=300)
    assert checksums(out) == corpus[2]
