"""Every face model by name: those that come with fexdata, and those that the user imported.

    load("fexdata")             the embedded head (also `fexdata-head`)
    load("pyfeat-aus")          py-feat's action units on it
    load("ict")                 what `fexdata models import ict PATH` made, or ICT's own folder `ict-facekit`
    load("my-flame")            what `fexdata models import flame PATH --name my-flame` made
    load("my-smiles")           what `fexdata models learn DATASET --name my-smiles` made
    load("flame:/data/flame")   the publisher's files, read on the spot
    load("./model.npz")         a file that `FaceModel.save` wrote

Imported models are `.npz` files in the first of `model_folders()`; nothing is downloaded.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

from fexdata.errors import FexdataError
from fexdata.faces.models import face_model
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.models.kinds import KINDS

BUILT_IN = ("fexdata-head", "pyfeat-aus")
ALIASES = {"fexdata": "fexdata-head"}
ICT_FOLDER = "ict-facekit"
"""A user's own copy of ICT-FaceKit is found under this name, without an import."""


def model_folders() -> list[Path]:
    """Where imported models are looked for, first match wins; `import_model` writes to the first.

    `$FEXDATA_MODELS` alone where it is set; else `models` under `$FEXDATA_HOME`, then under the
    platform's folder for a user's data, then under `./data`.
    """
    if named := os.environ.get("FEXDATA_MODELS"):
        return [Path(named)]
    home = os.environ.get("FEXDATA_HOME", "")
    homes = [Path(home)] if home and "://" not in home else []
    return [place / "models" for place in (*homes, _data_folder(), Path("data"))]


def load(name: str | Path) -> FaceModel:
    """The face model of a name, of `KIND:PATH`, or of a file (see the module).

    Raises `FexdataError` that lists the known names, or says what a file should have been.
    """
    text = str(name)
    built_in = ALIASES.get(text.lower(), text.lower())
    if built_in == "fexdata-head":
        from fexdata.faces.models.kept import embedded_head

        return embedded_head()
    if built_in == "pyfeat-aus":
        from fexdata.faces.models.pyfeat_aus import pyfeat_model

        return pyfeat_model()
    kind, colon, place = text.partition(":")
    if colon and kind in KINDS:
        return _read(kind, place, _stamp(Path(place)))
    found = _found(text)
    if found is None:
        raise FexdataError(f"unknown face model {text!r}; known: {', '.join(names())}, KIND:PATH with KIND one of "
                           f"{', '.join(KINDS)}, or a file that `fexdata models import KIND PATH` wrote")  # fmt: skip
    return _read("ict" if found.is_dir() else "", str(found), _stamp(found))


def names() -> list[str]:
    """What `load` knows by name on this machine."""
    return [*BUILT_IN, *imported()]


def imported() -> dict[str, Path]:
    """Name -> file or folder of the models that the user imported or put there."""
    found: dict[str, Path] = {}
    for folder in model_folders():
        for path in sorted(folder.glob("*.npz")):
            found.setdefault(path.stem, path)
        if (folder / ICT_FOLDER).is_dir():
            found.setdefault("ict", folder / ICT_FOLDER)
    return found


def import_model(kind: str, path: str | Path, *, name: str | None = None) -> Path:
    """Converts a publisher's files to `NAME.npz` in the first of `model_folders()`; returns that file.

    name: letters, digits, `.`, `_`, `-`; the kind where None. Raises `FexdataError` for an unknown
    kind, a name that is taken by a built-in model, or files that are not the kind's.
    """
    if kind not in KINDS:
        raise FexdataError(f"unknown kind {kind!r}; known: {', '.join(KINDS)}")
    chosen = checked_name(name or kind)
    return keep(replace(KINDS[kind].read(path), name=chosen, sha256=""))


def checked_name(name: str) -> str:
    """The name, where a model of the user's may be called that; else raises `FexdataError`."""
    taken = name.lower() in (*BUILT_IN, *ALIASES)
    if taken or name.endswith(".npz") or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise FexdataError(f"a model cannot be called {name!r}; say --name of letters, digits, '.', '_' and '-'")
    return name


def keep(model: FaceModel) -> Path:
    """Writes a model under its own name to the first of `model_folders()`, whole or not at all; returns the file."""
    target = model_folders()[0] / f"{checked_name(model.name)}.npz"
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".tmp-{os.getpid()}-{model.name}")  # without .npz: `imported` does not see it
    try:
        model.save(unfinished)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def _found(text: str) -> Path | None:
    """The file or folder of an imported name or of a path."""
    path = Path(text)
    plain = path.name == text and path.suffix != ".npz"
    if plain and (known := imported().get(text)) is not None:
        return known
    return path if path.is_file() or (path.is_dir() and not plain) else None


def _stamp(path: Path) -> tuple[int, int]:
    """What tells whether a file changed since it was read; zeros where it is not there."""
    try:
        info = path.stat()
    except OSError:
        return 0, 0
    return info.st_mtime_ns, info.st_size


@functools.lru_cache(maxsize=2)
def _read(kind: str, place: str, stamp: tuple[int, int]) -> FaceModel:
    return KINDS[kind].read(place) if kind else face_model.load(place)


def _data_folder() -> Path:
    """The platform's folder for data of this user (the XDG base directory where there is no other)."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "fexdata"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "fexdata"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "fexdata"
