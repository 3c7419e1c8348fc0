"""Running real builds in real processes, for tests: start, watch the files appear, kill, compare."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import yaml

PLUGINS = Path(__file__).parent / "plugins"
PIPELINES = Path(__file__).parents[1] / "pipelines"


def environment(**more: str) -> dict[str, str]:
    """The environment of a build that may use the misbehaving stages of `plugins/`."""
    path = os.pathsep.join([str(PLUGINS), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, **more}


def start(arguments: Sequence[str | os.PathLike[str]], **more: str) -> subprocess.Popen[str]:
    """`fexdata ...` in a session of its own, so that all of it can be killed at once."""
    return subprocess.Popen(
        [sys.executable, "-m", "fexdata.cli.main", *map(os.fspath, arguments)],
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(arguments: Sequence[str | os.PathLike[str]], **more: str) -> tuple[int, str, str]:
    """`fexdata ...` to its end: exit status, stdout, stderr."""
    process = start(arguments, **more)
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err


def recipe_with_trap(folder: Path, base: str = "photos", **settings: object) -> Path:
    """A recipe like a shipped one, with the trap after `align`; `settings` are the trap's."""
    recipe = yaml.safe_load((PIPELINES / f"{base}.yaml").read_text())
    stages: dict[str, object] = {}
    for name, config in recipe["stages"].items():
        stages[name] = config
        if name == "align":
            stages["trap"] = settings
    path = folder / f"{base}-trap.yaml"
    path.write_text(yaml.safe_dump({**recipe, "stages": stages}, sort_keys=False))
    return path


def layer_files(out: Path) -> list[Path]:
    return sorted(path for path in out.glob("layers/*/*.parquet") if not path.name.startswith("."))


def checksums(out: Path) -> dict[str, str]:
    """sha256 of the manifest and of every shard it names."""
    files = [out / "manifest.parquet", *sorted((out / "shards").glob("[0-9]*.parquet"))]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 240) -> None:
    """Polls fast; fails when the process ends first or the time is over."""
    end = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None:
            raise AssertionError(f"the build ended too early: {process.communicate()}")
        if time.monotonic() > end:
            raise AssertionError("the condition did not come true in time")
        time.sleep(0.005)


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The worker processes of a build: its descendants that run a spawned interpreter."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if any("spawn_main" in part for part in child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


def kill_all(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
