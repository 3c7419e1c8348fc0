"""OpenFace 2's CSV files: intensities by the name of their column, never by its position.

`FaceLandmarkImg` writes one file per picture, a row per face (`face, confidence, …, AU01_r, …`);
`FeatureExtraction` one per film or folder of frames, a row per frame (`frame, timestamp,
confidence, success, …`), with `face_id` where several faces are followed. Headers come with and
without spaces, and which columns there are depends on the options it ran with. So: names are
stripped, order does not matter, an action unit that is not there is None, and a file that is not
OpenFace's is refused. Baltrusaitis et al., OpenFace 2.0, FG 2018.
"""

from __future__ import annotations

import csv
import math
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.action_units.schemes import OPENFACE

COLUMNS = {name: f"AU{int(name[2:]):02d}_r" for name in OPENFACE.names}
"""Our name of an action unit -> OpenFace's column of its intensity."""
OTHER_TOOLS: Mapping[str, frozenset[str]] = {
    "py-feat": frozenset({"FaceRectX", "FaceScore", "AU01", "AU1"}),
    "MediaPipe": frozenset({"browInnerUp", "jawOpen"}),
    "Affectiva": frozenset({"Brow Furrow", "browFurrow", "Lip Corner Depressor"}),
    "EmotioNet's list": frozenset({"URL", "AU 1"}),
}
"""Columns by which a table of another tool gives itself away."""
_POINTS = 68
_ROW = ("face", "frame", "confidence")


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One face in one picture, as OpenFace saw it."""

    frame: int | None
    """As OpenFace counts, from 1; None in a file about a single picture."""
    face: int
    confidence: float | None
    """0 to 1."""
    success: bool
    """Whether OpenFace itself thinks that it tracked the face; True where it does not say."""
    au: Mapping[str, float | None]
    """0 to 5 by our names, all of `openface17_r`; None where the file has no such column or value."""
    points: np.ndarray | None
    """(68, 2) pixels of the picture that OpenFace was given; None where it did not write them."""


def read_csv(lines: Iterable[str], name: str) -> list[Reading]:
    """The readings of one CSV file, in its order. `name` is what errors call it.

    Raises `FexdataError` for a table that is not OpenFace's, naming the tool where it is known, and
    for one without intensities (`AU01_r` …), as OpenFace writes without `-aus`.
    """
    rows = csv.reader(lines)
    header = [column.strip() for column in next(rows, [])]
    place = {column: index for index, column in enumerate(header)}
    _check(place, name)
    return [_reading(row, place) for row in rows if any(cell.strip() for cell in row)]


def _check(place: Mapping[str, int], name: str) -> None:
    if any(column in place for column in COLUMNS.values()):
        return
    for tool, signs in OTHER_TOOLS.items():
        if signs & place.keys():
            raise FexdataError(f"{name} is a table of {tool}, not of OpenFace 2; give it to the backend of that tool")
    if any(column in place for column in _ROW):
        raise FexdataError(f"{name} has no intensities (AU01_r …); run OpenFace again with -aus")
    raise FexdataError(f"{name} is not a CSV file of OpenFace 2: it has no column AU01_r, AU02_r, …")


def _reading(row: Sequence[str], place: Mapping[str, int]) -> Reading:
    def number(column: str) -> float | None:
        index = place.get(column)
        if index is None or index >= len(row):
            return None
        try:
            value = float(row[index])
        except ValueError:
            return None
        return value if math.isfinite(value) else None

    frame, success = number("frame"), number("success")
    face = number("face") if "face" in place else number("face_id")
    points = [(number(f"x_{index}"), number(f"y_{index}")) for index in range(_POINTS)]
    complete = [(x, y) for x, y in points if x is not None and y is not None]
    return Reading(
        frame=None if frame is None else int(frame),
        face=int(face or 0),
        confidence=number("confidence"),
        success=success is None or success > 0,
        au={name: _graded(number(column)) for name, column in COLUMNS.items()},
        points=np.array(complete, np.float64) if len(complete) == _POINTS else None,
    )


def _graded(value: float | None) -> float | None:
    return None if value is None else min(max(value, 0.0), OPENFACE.highest)


def best_reading(readings: Sequence[Reading], points: np.ndarray | None) -> Reading | None:
    """Of the faces in one picture, the one whose points overlap `points` (68, 2) best.

    Readings without success count as absent. Where OpenFace wrote no points, or `points` is None,
    the only face is taken, and of several none: which is which would be a guess.
    """
    good = [one for one in readings if one.success]
    if points is None or any(one.points is None for one in good):
        return good[0] if len(good) == 1 else None
    overlaps = [_overlap(points, one.points) for one in good if one.points is not None]
    if not overlaps or max(overlaps) < LEAST_OVERLAP:
        return None
    return good[int(np.argmax(overlaps))]


LEAST_OVERLAP = 0.3
"""Intersection over union of the two faces' bounding boxes below which they are not the same."""


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    low, high = np.maximum(one.min(axis=0), other.min(axis=0)), np.minimum(one.max(axis=0), other.max(axis=0))
    inner = float(np.clip(high - low, 0, None).prod())
    areas = sum(float(np.ptp(points, axis=0).prod()) for points in (one, other))
    return inner / max(areas - inner, 1e-9)


class Folder:
    """OpenFace's files for a corpus, found by the photograph's own path.

    `photographs/a/b.jpg` is looked up as `a/b.csv`: so FaceLandmarkImg names it, and FeatureExtraction
    a film's. What FeatureExtraction makes of a folder of frames (`a.csv`) names none of its pictures;
    run FaceLandmarkImg on such a folder.
    """

    def __init__(self, root: str | Path) -> None:
        """Raises `FexdataError` where there is no such folder, no CSV file in it, or one of another tool."""
        self._root = Path(root).expanduser()
        first = next(self._root.rglob("*.csv"), None) if self._root.is_dir() else None
        if first is None:
            raise FexdataError(
                f"openface: no CSV files below {root}; run FaceLandmarkImg -fdir PHOTOGRAPHS -out_dir it"
            )
        self._last: tuple[Path, list[Reading]] | None = None
        self._read(first)

    def readings(self, source_path: str, frame: int) -> list[Reading]:
        """Every face that OpenFace saw in a photograph: a path below the corpus's root, and its frame,
        counted from 0. Empty where it has none. Raises as `read_csv`."""
        own = self._root / Path(source_path).with_suffix(".csv")
        found = self._read(own) if own.is_file() else []
        return [one for one in found if one.frame is None or one.frame == frame + 1]

    def stamps(self) -> Iterator[tuple[str, int, int]]:
        """Path below the root, size and time of change of every file: what tells that one is new."""
        for path in sorted(self._root.rglob("*.csv")):
            about = path.stat()
            yield path.relative_to(self._root).as_posix(), about.st_size, about.st_mtime_ns

    def _read(self, path: Path) -> list[Reading]:
        if self._last is None or self._last[0] != path:
            with path.open(encoding="utf-8-sig", newline="") as file:
                self._last = path, read_csv(file, path.name)
        return self._last[1]


def run_binary(binary: str | Path, pictures: Sequence[np.ndarray], *, timeout: float = 600.0) -> list[list[Reading]]:
    """What a local `FaceLandmarkImg` sees in each (H, W, 3) uint8 RGB picture, one process for all.

    Raises `FexdataError` where the program is not there, fails, or takes longer than `timeout` s.
    """
    import cv2

    program = Path(binary).expanduser()
    if not program.is_file():
        raise FexdataError(f"openface: {binary} is not there; build OpenFace 2, or give its CSV files instead")
    with tempfile.TemporaryDirectory() as folder:
        place, out = Path(folder, "in"), Path(folder, "out")
        place.mkdir()
        for index, picture in enumerate(pictures):
            cv2.imwrite(str(place / f"{index:06d}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        command = [str(program), "-fdir", str(place), "-out_dir", str(out), "-aus", "-2Dfp"]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=timeout, cwd=program.parent)
        except (OSError, subprocess.SubprocessError) as error:
            raise FexdataError(f"openface: {program.name} failed: {str(error).splitlines()[0]}") from None
        found = []
        for index in range(len(pictures)):
            path = out / f"{index:06d}.csv"
            found.append(read_csv(path.read_text().splitlines(), path.name) if path.is_file() else [])
        return found
