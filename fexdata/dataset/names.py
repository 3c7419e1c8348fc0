"""Where named things are: datasets under the user's folders, cards and recipes of the project.

A dataset is called by name (found under `$FEXDATA_HOME` or `./data`), by path or by URL. Cards
(`manifests/`) and recipes (`pipelines/`) are YAML files beside the package in a checkout, and in
the installation's `share/fexdata/` when it came as a wheel.
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import Literal

from fexdata.errors import FexdataError
from fexdata.storage import exists, is_remote, join

HOME_VARIABLE = "FEXDATA_HOME"
MANIFEST = "manifest.parquet"
Kind = Literal["manifests", "pipelines"]


def home_folders() -> list[str]:
    """Where a dataset's name is looked up, first match wins."""
    home = os.environ.get(HOME_VARIABLE)
    return [*([home] if home else []), "data"]


def find_dataset(name_or_path: str | os.PathLike[str]) -> str:
    """The folder or URL of a finished dataset. Raises `FexdataError` that lists what was found."""
    name = os.fspath(name_or_path).rstrip("/")
    if name.endswith("/" + MANIFEST):
        name = name[: -len(MANIFEST) - 1]
    plain = not is_remote(name) and name not in ("", ".", "..") and Path(name).name == name
    # A bare name means the dataset of that name, even where a folder of that name lies around.
    candidates = [*(join(home, name) for home in home_folders() if plain), name]
    for candidate in candidates:
        if exists(join(candidate, MANIFEST)):
            return candidate
    for candidate in candidates:
        if exists(join(candidate, "layers")):
            raise FexdataError(f"{candidate} is not finished (no {MANIFEST}); run its `fexdata build` again to resume")
    found = found_datasets()
    known = f"found: {', '.join(found)}" if found else f"none under {' or '.join(home_folders())}"
    raise FexdataError(f"no dataset {name!r} (a folder with {MANIFEST}); {known}")


def found_datasets() -> list[str]:
    """Names of the finished datasets under the local home folders."""
    found: dict[str, None] = {}
    for home in home_folders():
        if not is_remote(home) and Path(home).is_dir():
            found.update((path.parent.name, None) for path in sorted(Path(home).glob(f"*/{MANIFEST}")))
    return list(found)


def shipped(kind: Kind) -> dict[str, Path]:
    """The project's own cards or recipes: lower-case name -> YAML file."""
    beside = Path(__file__).resolve().parents[2] / kind
    installed = Path(sysconfig.get_path("data")) / "share" / "fexdata" / kind
    for folder in (beside, installed):
        if folder.is_dir():
            return {path.stem.lower(): path for path in sorted(folder.glob("*.yaml"))}
    raise FexdataError(f"the project's {kind}/ folder is missing; reinstall fexdata, or name a YAML file by its path")
