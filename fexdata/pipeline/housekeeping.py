"""`status` and `gc`: what is on disk, against what the plans refer to."""

from __future__ import annotations

import json
from typing import Any

from fexdata import storage
from fexdata.dataset.names import home_folders
from fexdata.dataset.reader import open_dataset
from fexdata.errors import FexdataError
from fexdata.pipeline import state
from fexdata.pipeline.layout import Layout
from fexdata.pipeline.lock import BuildLock

FOLDERS = ("layers", "shards", "rows", "plans", "state", "cache")


def status(dataset: str) -> dict[str, Any]:
    """How far the current plan is, per stage, and the counts of the last finished build (None
    before the first). Raises `FexdataError` when there is no build at all."""
    layout, build = _started(dataset)
    plan = _plan(layout, build["plan"])
    planned = set(plan["files"])
    present = {name for name, _ in _files(layout)}
    stages = {name: [0, 0] for name in (*plan["stages"], "rows", "shards")}
    for name in planned:
        folder = name.split("/")[1] if name.startswith("layers/") else name.split("/")[0]
        stages[folder][0] += name in present
        stages[folder][1] += 1
    counts = None
    if storage.exists(layout.manifest):
        counts = open_dataset(layout.root).metadata["counts"]
    return {
        "path": layout.root,
        "recipe": build["recipe"],
        "running": _is_running(layout),
        "files_planned": len(planned),
        "files_present": len(planned & present),
        "stages": stages,
        "counts": counts,
    }


def collect_garbage(dataset: str, *, dry_run: bool = False) -> tuple[list[str], int]:
    """Removes what neither the finished build nor the one under way refers to; returns the names
    and the bytes they took. Raises `FexdataError` while a build runs."""
    layout, build = _started(dataset)
    with BuildLock(layout.root):
        plans = {build["plan"]}
        if storage.exists(layout.manifest):
            plans.add(open_dataset(layout.root).metadata["fingerprint"])
        keep = {f"plans/{plan}.json" for plan in plans}
        for plan in plans:
            keep |= set(_plan(layout, plan)["files"])
        removed, size = [], 0
        for name, bytes_ in _files(layout):
            collectable = name.split("/")[0] in ("layers", "shards", "rows", "plans")
            if _is_unfinished(name) or (collectable and name not in keep):
                removed.append(name)
                size += bytes_
                if not dry_run:
                    storage.remove(layout.path(*name.split("/")))
    return removed, size


def sweep(layout: Layout) -> None:
    """Removes what workers that died have left behind: unfinished files and crumbs."""
    for name, _ in _files(layout):
        if _is_unfinished(name):
            storage.remove(layout.path(*name.split("/")))


def _is_unfinished(name: str) -> bool:
    return name.rsplit("/", 1)[-1].startswith(storage.TEMPORARY) or "/crumbs/" in name


def _started(dataset: str) -> tuple[Layout, dict[str, Any]]:
    plain = "/" not in dataset
    for root in (*(storage.join(home, dataset) for home in home_folders() if plain), dataset):
        layout = Layout(root)
        build = state.load_build(layout)
        if build is not None:
            return layout, build
    raise FexdataError(f"{dataset}: no build was started there; run `fexdata build RECIPE --source DIR`")


def _plan(layout: Layout, fingerprint: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(storage.read_bytes(layout.plan(fingerprint)))
    return data


def _files(layout: Layout) -> list[tuple[str, int]]:
    """Names below the dataset and their sizes; files of ours only."""
    found = []
    for entry in storage.listing(layout.root):
        name = entry.key.decode("utf-8", "replace")
        ours = name.split("/")[0] in FOLDERS or name.startswith(storage.TEMPORARY)
        if ours and not entry.is_folder:
            found.append((name, entry.size))
    return found


def _is_running(layout: Layout) -> bool:
    try:
        with BuildLock(layout.root):
            return False
    except FexdataError:
        return True
