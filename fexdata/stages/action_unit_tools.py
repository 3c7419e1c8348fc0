"""The tools that the stage `action_units` can run, each behind the same few words.

A tool scores a batch of rows; where it has nothing to say of a row (no face seen, no file of it),
it says None, which is no failure: the row stays, its column is null.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.action_units.schemes import ARKIT, GEOMETRIC, OPENFACE, PYFEAT, Scheme
from fexdata.stages.base import Row


@dataclass(frozen=True, slots=True)
class Scored:
    """What a tool says of one face."""

    values: Mapping[str, float | None]
    """By the scheme's names."""
    confidence: Mapping[str, float | None] = field(default_factory=dict)
    """0 to 1, by the same names; empty where the tool does not say."""


class Tool(ABC):
    """One tool, networks not loaded before `warm_up`."""

    scheme: ClassVar[Scheme]
    column: ClassVar[str]
    """The tool's own column."""
    reads: tuple[str, ...]

    @abstractmethod
    def weights(self) -> Mapping[str, str]:
        """What its output depends on besides the rows: name -> hash."""

    @abstractmethod
    def warm_up(self) -> None:
        """Loads what it needs. Raises `FexdataError` for files that are not what they should be."""

    @abstractmethod
    def score(self, rows: Sequence[Row]) -> list[Scored | None]:
        """One answer per row."""


class Geometric(Tool):
    """The embedded tool: the shape of the mesh."""

    scheme = GEOMETRIC
    column = "au_geometric"

    def __init__(self, *, own_neutral: bool = False) -> None:
        """own_neutral: measure from the subject's own neutral face, where the survey found one."""
        self.reads = ("landmarks_478", "neutral_shape") if own_neutral else ("landmarks_478",)

    def weights(self) -> Mapping[str, str]:
        from fexdata.faces.action_units.geometric import FILE

        return {"geometric-action-units": _sha256(FILE)}

    def warm_up(self) -> None:
        from fexdata.faces.action_units.geometric import embedded

        embedded()

    def score(self, rows: Sequence[Row]) -> list[Scored | None]:
        from fexdata.faces.action_units.geometric import embedded

        model = embedded()
        found: list[Scored | None] = []
        for row in rows:
            points = np.asarray(row["landmarks_478"], np.float64).reshape(478, 3)
            rest = row.values.get("neutral_shape")
            neutral = None if rest is None else np.asarray(rest, np.float64)
            scores = model.score(points, neutral) if np.isfinite(points).all() else None
            found.append(None if scores is None else Scored(scores.values, scores.confidence))
        return found


class OpenFaceFiles(Tool):
    """CSV files that OpenFace wrote, joined by the photograph's path."""

    scheme = OPENFACE
    column = "au_openface"
    reads = ("source_path", "frame", "landmarks_68", "crop_matrix")

    def __init__(self, place: str) -> None:
        """Raises `FexdataError` where there are no CSV files."""
        from fexdata.faces.action_units.openface import Folder

        self._folder = Folder(place)

    def weights(self) -> Mapping[str, str]:
        return {"openface-files": hashlib.sha256(repr(list(self._folder.stamps())).encode()).hexdigest()}

    def warm_up(self) -> None:
        pass

    def score(self, rows: Sequence[Row]) -> list[Scored | None]:
        from fexdata.faces.action_units.openface import best_reading
        from fexdata.faces.alignment import apply, inverse

        found: list[Scored | None] = []
        for row in rows:
            matrix = np.asarray(row["crop_matrix"], np.float64).reshape(2, 3)
            points = apply(inverse(matrix), np.asarray(row["landmarks_68"], np.float64).reshape(68, 2))
            readings = self._folder.readings(row["source_path"], int(row["frame"] or 0))
            found.append(_openface_scored(best_reading(readings, points)))
        return found


class OpenFaceProgram(Tool):
    """OpenFace itself, as a local `FaceLandmarkImg`, run on the crops."""

    scheme = OPENFACE
    column = "au_openface"
    reads = ("image", "landmarks_68")

    def __init__(self, binary: str) -> None:
        self._binary = _existing(binary, "openface: build OpenFace 2, or name a folder of its CSV files instead")

    def weights(self) -> Mapping[str, str]:
        return {"FaceLandmarkImg": _sha256(self._binary)}

    def warm_up(self) -> None:
        pass

    def score(self, rows: Sequence[Row]) -> list[Scored | None]:
        from fexdata.faces.action_units.openface import best_reading, run_binary

        seen = run_binary(self._binary, [row.pixels("image") for row in rows])
        points = [np.asarray(row["landmarks_68"], np.float64).reshape(68, 2) for row in rows]
        return [_openface_scored(best_reading(*pair)) for pair in zip(seen, points, strict=True)]


class MediaPipeTasks(Tool):
    """MediaPipe's blendshape scores."""

    scheme = ARKIT
    column = "blendshapes"
    reads = ("image",)

    def __init__(self, task: str) -> None:
        from fexdata.faces.action_units.blendshapes import SOURCE

        self._path = _existing(task, f"mediapipe_tasks: get face_landmarker.task from {SOURCE}")
        self._network: Any = None

    def weights(self) -> Mapping[str, str]:
        return {"face_landmarker.task": _sha256(self._path)}

    def warm_up(self) -> None:
        from fexdata.faces.action_units.blendshapes import BlendshapeNetwork

        self._network = self._network or BlendshapeNetwork(self._path)

    def score(self, rows: Sequence[Row]) -> list[Scored | None]:
        self.warm_up()
        scores = [self._network(row.pixels("image")) for row in rows]
        return [None if one is None else _named(ARKIT, one) for one in scores]


class PyFeatNetwork(Tool):
    """py-feat's multitask network, all rows in one batch."""

    scheme = PYFEAT
    column = "au_pyfeat"
    reads = ("image", "landmarks_478")

    def __init__(self, weights: str) -> None:
        from fexdata.faces.action_units.pyfeat import SOURCE

        self._path = _existing(weights, f"pyfeat: get face_multitask_v28.safetensors from {SOURCE}")
        self._network: Any = None

    def weights(self) -> Mapping[str, str]:
        return {self._path.name: _sha256(self._path)}

    def warm_up(self) -> None:
        from fexdata.faces.action_units.pyfeat import PyFeat

        self._network = self._network or PyFeat(self._path)

    def score(self, rows: Sequence[Row]) -> list[Scored | None]:
        self.warm_up()
        points = [np.asarray(row["landmarks_478"], np.float64).reshape(478, 3) for row in rows]
        scores = self._network([row.pixels("image") for row in rows], points)
        return [_named(PYFEAT, one) for one in scores]


def _openface_scored(reading: Any) -> Scored | None:
    if reading is None:
        return None
    sure = reading.confidence
    return Scored(reading.au, {name: None if value is None else sure for name, value in reading.au.items()})


def _named(scheme: Scheme, values: np.ndarray) -> Scored:
    return Scored(dict(zip(scheme.names, values.tolist(), strict=True)))


def _existing(path: str, advice: str) -> Path:
    found = Path(path).expanduser()
    if not found.is_file():
        tool, _, rest = advice.partition(": ")
        raise FexdataError(f"{tool}: {path} is not there; {rest}")
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
