"""`fexdata doctor`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import click


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `needed`: without it the main job does not run."""

    what: str
    fine: bool
    detail: str
    needed: bool = True


@click.command()
def command() -> int:
    """What works on this machine, what is missing, how to get it.

    Exit status: 0 the main job runs, 1 something it needs is missing.
    """
    broken = False
    for finding in examine():
        mark = "ok     " if finding.fine else ("MISSING" if finding.needed else "absent ")
        broken |= finding.needed and not finding.fine
        click.echo(f"{mark} {finding.what:<22} {finding.detail}")
    return 1 if broken else 0


def examine() -> Iterator[Finding]:
    """Everything that `fexdata` depends on, cheapest first; each check really uses the thing."""
    version = platform.python_version()
    supported = version.startswith(("3.11.", "3.12."))
    yield Finding("python", supported, version if supported else f"{version}; fexdata needs 3.11 or 3.12")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding("processor cores", True, f"{cores} usable: `fexdata build` starts as many workers")
    import psutil

    memory = psutil.virtual_memory().total / 2**30
    enough = memory >= 1.0 * (cores or 1)
    yield Finding("memory", enough, f"{memory:,.0f} GiB" + ("" if enough else "; use fewer --workers"), needed=False)
    free = shutil.disk_usage(".").free / 1e9
    yield Finding("disk", free > 5, f"{free:,.0f} GB free here; a row takes about 0.3 MB", needed=False)
    yield from _packages()
    yield _try("face detection", _detect, "reinstall mediapipe==0.10.21 (its wheel carries the networks)")
    yield _try("rasteriser", _rasterize, "reinstall numba")
    yield _optional("embreex", "ray casts in the benchmark and tests", "pip install embreex")
    yield _optional("s3fs", "datasets on S3", "pip install 'fexdata[s3]'")
    yield _optional("pytorch3d", "a second rasteriser", "build it from its source; nothing else needs it")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    yield Finding("browser", bool(chromium), chromium or "to look at reports; any will do", needed=False)


def _packages() -> Iterator[Finding]:
    for name in ("mediapipe", "numpy", "pyarrow", "opencv-contrib-python", "torch", "py-feat", "dask", "numba"):
        try:
            yield Finding(name, True, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, False, "pip install -r requirements.lock")
    clash = [
        name
        for name in ("opencv-python", "opencv-python-headless")
        if importlib.util.find_spec("cv2") and _installed(name)
    ]
    if clash:
        yield Finding("cv2", False, f"{clash[0]} overwrites mediapipe's OpenCV: pip uninstall {clash[0]}")


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _optional(module: str, what_for: str, how: str) -> Finding:
    there = importlib.util.find_spec(module) is not None
    return Finding(module, there, what_for if there else f"{what_for}: {how}", needed=False)


def _try(what: str, check: Callable[[], str], remedy: str) -> Finding:
    try:
        return Finding(what, True, check())
    except Exception as error:
        return Finding(what, False, f"{type(error).__name__}: {error}; {remedy}".replace("\n", " ")[:300])


def _detect() -> str:
    import skimage.data

    from fexdata.faces.detection import FaceFinder

    (face,) = FaceFinder().find(skimage.data.astronaut(), faces="largest")
    return f"found the astronaut's face, score {face.score:.2f}"


def _rasterize() -> str:
    import numpy as np

    from fexdata.render.rasterize import rasterize

    corners = np.array([[0, 0, 0], [8, 0, 0], [0, 8, 0]], np.float32)
    normals = np.tile(np.array([0, 0, -1], np.float32), (3, 1))
    maps = rasterize(corners, normals, np.array([[0, 2, 1]], np.int32), np.ones(1, np.uint8), size=8)
    return f"a triangle covers {int((maps.label > 0).sum())} pixels"
