"""How fast a build is: `python -m benchmarks.build`.

In one run, on the same photographs of 640 to 1024 pixels: a plain script (see `plain.py`),
decoding plus MediaPipe alone, `fexdata build` as it comes, and the same build without what the
plain script has no counterpart of (fitted blendshapes, action units), each as whole processes with
their start-up, in turn, several times. Then a worker's memory at 20 % and 100 % of a longer build.
What counts are the ratios: absolute times differ between machines and hours.
"""

from __future__ import annotations

import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import psutil
import pyarrow.parquet as pq

CORES = len(os.sched_getaffinity(0))
ANNOTATION = ("--without", "fit", "--without", "action_units")
"""Leaves a build with the plain script's outputs: crop, landmarks, depth, normals, mask (and quality, duplicates)."""
BUILDS = {"fexdata build": (), "without annotation": ANNOTATION}


@click.command()
@click.option("--photographs", default=5000, show_default=True, help="How many; at least 500.")
@click.option("--rounds", default=3, show_default=True, help="How often each arm runs.")
@click.option("--memory", default=5000, show_default=True, help="Photographs of the memory run; 0 leaves it out.")
def main(photographs: int, rounds: int, memory: int) -> None:
    """Rates, ratios and memory of `fexdata build`."""
    from tests.making import variants

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = variants(photographs, seed=11, folder=folder / "photographs")
        click.echo(f"{photographs} photographs of 640 to 1024 px, {CORES} cores, {rounds} rounds, start-up included")
        compare(folder, sorted(one.path for one in made), rounds)
        if memory:
            measure_memory(folder, memory)


def compare(folder: Path, paths: list[Path], rounds: int) -> None:
    """All arms in turn, so that a machine whose speed drifts is unfair to none."""
    arms: dict[str, Callable[[Path], float]] = {
        "plain script": lambda out: _plain(paths, out),
        "decoding + MediaPipe": lambda out: _landmarks(paths),
        **{name: lambda out, more=more: _build(paths[0].parent, out, *more) for name, more in BUILDS.items()},
    }
    seconds: dict[str, list[float]] = {arm: [] for arm in arms}
    complete: dict[str, float] = dict.fromkeys(arms, 1.0)
    for number in range(rounds):
        for arm, work in arms.items():
            os.sync()  # no arm pays for what the one before has left to the disk
            began = time.perf_counter()
            complete[arm] = min(complete[arm], work(folder / f"{arm}-{number}"))
            seconds[arm].append(time.perf_counter() - began)
    rate = {arm: len(paths) / statistics.median(times) for arm, times in seconds.items()}
    for arm in arms:
        click.echo(f"  {arm:<22} {rate[arm]:7.1f} photographs/s   {complete[arm]:6.1%} of rows complete")
    for one, other in itertools.product(BUILDS, ("plain script", "decoding + MediaPipe")):
        ratios = [a / b for a, b in zip(seconds[other], seconds[one], strict=True)]
        spread = f"{statistics.median(ratios):5.2f}  ({min(ratios):.2f} to {max(ratios):.2f})"
        click.echo(f"  {f'{one} / {other}':<42} {spread}")


def _plain(paths: list[Path], out: Path) -> float:
    from benchmarks.plain import run_plain

    return run_plain(paths, out, CORES) / len(paths)


def _landmarks(paths: list[Path]) -> float:
    from benchmarks.plain import run_landmarks

    return run_landmarks(paths, CORES) / len(paths)


def _build(source: Path, out: Path, *more: str) -> float:
    """The shipped recipe for photographs; one face a photograph, as in the other arms."""
    process = _start_build(source, out, *more)
    if process.wait() not in (0, 1):
        sys.exit("the build failed")
    manifest = pq.read_table(out / "manifest.parquet", columns=["shard", "failure_code"])
    whole = sum(s is not None and f is None for s, f in zip(*(c.to_pylist() for c in manifest.columns), strict=True))
    return whole / len(manifest)


def _start_build(source: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "fexdata.cli.main", "build", "photos", "--source", str(source)]
    options = ["--out", str(out), "--workers", str(CORES), "--set", "detect.faces=largest"]
    return subprocess.Popen([*command, *options, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure_memory(folder: Path, count: int) -> None:
    """The largest worker's resident memory at 20 % and at 100 % of a build."""
    from tests.making import variants

    source, out = folder / "many", folder / "many-out"
    variants(count, seed=12, folder=source)
    process = _start_build(source, out)
    history: list[tuple[float, float]] = []
    while process.poll() is None:
        done = len(list(out.glob("shards/[0-9]*.parquet")))
        history.append((done, _largest_worker(process.pid)))
        time.sleep(0.2)
    total = len(list(out.glob("shards/[0-9]*.parquet")))
    working = [(done / total, size) for done, size in history if size]
    early = max(size for done, size in working if done <= 0.2)
    late = max(size for done, size in working)
    limit = max(0.05 * early, 30e6)
    click.echo(
        f"  a worker's memory over {count} photographs: {early / 1e6:,.0f} MB up to 20 %, {late / 1e6:,.0f} MB up to "
        f"100 %: growth {(late - early) / 1e6:,.0f} MB (bound {limit / 1e6:,.0f} MB)"
    )


def _largest_worker(pid: int) -> float:
    sizes = [0.0]
    try:
        for child in psutil.Process(pid).children(recursive=True):
            if any("spawn_main" in part for part in child.cmdline()):
                sizes.append(float(child.memory_info().rss))
    except psutil.Error:
        pass
    return max(sizes)


if __name__ == "__main__":
    main()
