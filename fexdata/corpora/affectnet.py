"""AffectNet: faces from the web with eight expressions, valence and arousal, in both published layouts.

```
source/                                     2017, about 420,000 annotated by hand
  Manually_Annotated_Images/<n>/<hash>.<ext>
  training.csv, validation.csv              header optional; columns as in `COLUMNS`
source/                                     2021 ("mini"), cropped to 224 x 224
  train_set/images/<id>.jpg
  train_set/annotations/<id>_{exp,val,aro,lnd}.npy
  val_set/...
```

Labels 8 (none), 9 (uncertain) and 10 (no face) are dropped. A photograph that is labelled but not
on disk is a row all the same, unless that holds for more than half of them: then the copy is half
unpacked and the reading ends with an error. A photograph listed twice counts once, as it was first
listed. The number of photographs per class is the recipe's business, not limited here.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from fexdata import storage
from fexdata.corpora.base import EXPRESSIONS, Photograph
from fexdata.corpora.folder import SUFFIXES, suffix_of
from fexdata.errors import FexdataError

WORDS = ("Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger", "Contempt")
"""AffectNet's own words for labels 0 to 7, in the order of `fexdata.corpora.base.EXPRESSIONS`."""
LAST_LABEL = 10

COLUMNS = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)
"""The lists' columns in their published order, which a list without a header is read by."""

IMAGES_2017 = "Manually_Annotated_Images"
LISTS_2017 = {"training.csv": "train", "validation.csv": "val"}
SETS_2021 = {"train_set": "train", "val_set": "val"}


class AffectNet:
    """AffectNet as distributed in 2017 or in 2021, whichever lies in the folder."""

    name: ClassVar[str] = "affectnet"
    licence: ClassVar[str] = "AffectNet: non-commercial research, by agreement with the University of Denver"
    citation: ClassVar[str] = (
        "Mollahosseini, Hasani, Mahoor: AffectNet: A Database for Facial Expression, Valence, and Arousal "
        "Computing in the Wild. IEEE Transactions on Affective Computing 10(1), 2019"
    )

    def read(self, source: str) -> Iterator[Photograph]:
        """One photograph per label 0 to 7. Raises `FexdataError` when the folder has neither
        layout, is half unpacked, or a label cannot be read."""
        try:
            rows = _read_2017(source) if _layout(source) == 2017 else _read_2021(source)
            yield from rows
        except (OSError, ImportError, csv.Error) as error:
            raise FexdataError(f"affectnet: cannot read {source}: {error}") from None


def _layout(source: str) -> int:
    """2017 or 2021, by what lies directly in the folder."""
    there = storage.what_is_at(source)
    here = storage.names(source) if there == "folder" else set()
    wanted = {2017: {IMAGES_2017, *LISTS_2017}, 2021: set(SETS_2021)}
    begun = [year for year, parts in wanted.items() if parts & here]
    whole = [year for year in begun if wanted[year] <= here]
    if len(whole) == 1:
        return whole[0]
    parts = " with ".join((IMAGES_2017 + "/", " and ".join(LISTS_2017)))
    expected = f"{parts} (2017), or {' and '.join(f'{name}/' for name in SETS_2021)} (2021)"
    if len(begun) == 1:
        expected = f"the {begun[0]} layout whole: {', '.join(sorted(wanted[begun[0]]))}"
    shown = sorted(name for name in here if not name.startswith("."))
    found = ", ".join(shown[:8]) + (f" and {len(shown) - 8} more" if len(shown) > 8 else "")
    what = found or {"folder": "an empty folder", "file": "a file"}.get(there, "nothing")
    raise FexdataError(f"affectnet: expected {expected} in {source}, found {what}")


class _Presence:
    """Which labelled photographs are there: each folder listed once, names compared without case,
    because the lists and the files disagree on the case of endings."""

    def __init__(self, images: str) -> None:
        self.images = images
        self.listed = 0
        self.found = 0
        self._folders: dict[str, dict[str, str]] = {}

    def resolve(self, path: str) -> str:
        """The path as it is on disk; as it was given when the file is not there."""
        self.listed += 1
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:
            where = storage.join(self.images, folder) if folder else self.images
            self._folders[folder] = {name.lower(): name for name in sorted(storage.names(where))}
        there = self._folders[folder].get(name.lower())
        if there is None:
            return path
        self.found += 1
        return f"{folder}/{there}" if folder else there

    def check(self) -> None:
        if 2 * self.found < self.listed:
            raise FexdataError(
                f"affectnet: expected the {self.listed} labelled photographs below {self.images}, "
                f"found {self.found} of them: unpack the rest"
            )


# 2017: lists as CSV


def _read_2017(source: str) -> Iterator[Photograph]:
    presence = _Presence(storage.join(source, IMAGES_2017))
    seen: set[int] = set()
    for list_name, split in LISTS_2017.items():
        path = storage.join(source, list_name)
        for line, cells in _csv_rows(path):
            label = _label(cells["expression"], f"{path}, line {line}")
            if label is not None and label >= len(WORDS):
                continue
            photograph = _photograph_2017(source, cells, label, split, presence)
            identity = int.from_bytes(photograph.digest()[:8], "big")  # 8 bytes: 420,000 of them stay in memory
            if identity not in seen:
                seen.add(identity)
                yield photograph
    presence.check()


def _photograph_2017(
    source: str, cells: Mapping[str, str], label: int | None, split: str, presence: _Presence
) -> Photograph:
    path = f"{IMAGES_2017}/{presence.resolve(cells['subDirectory_filePath'].strip())}"
    return Photograph(
        AffectNet.name,
        os.fsencode(path),
        storage.join(source, path),
        labels=_labels(label, _number(cells.get("valence", "")), _number(cells.get("arousal", ""))),
        box=_box([_number(cells.get(name, "")) for name in COLUMNS[1:5]]),
        points=_points(cells.get("facial_landmarks", "").split(";")),
        split=split,
    )


def _csv_rows(path: str) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, cells by column name) of a list with or without its header."""
    names: Sequence[str] = ()
    with storage.open_lines(path) as file:
        reader = csv.reader(file)
        for cells in reader:
            if not cells:
                continue
            if not names:
                names, is_header = _column_names(cells, path)
                if is_header:
                    continue
            if len(cells) < len(names):
                raise FexdataError(
                    f"affectnet: {path}, line {reader.line_num}: expected {len(names)} columns, "
                    f"found {len(cells)}: the list is cut off or damaged"
                )
            yield reader.line_num, dict(zip(names, cells, strict=False))
    if not names:
        raise FexdataError(f"affectnet: expected labels in {path}, found an empty file")


def _column_names(first: Sequence[str], path: str) -> tuple[Sequence[str], bool]:
    """The columns of a list, and whether its first row is a header."""
    given = [cell.strip() for cell in first]
    if set(COLUMNS) <= set(given):
        return given, True
    if len(given) < len(COLUMNS) or set(COLUMNS) & set(given):
        raise FexdataError(
            f"affectnet: {path}: expected the columns {', '.join(COLUMNS)}, found {', '.join(given)[:120]}"
        )
    return COLUMNS, False


# 2021: one file per number


def _read_2021(source: str) -> Iterator[Photograph]:
    for set_name, split in SETS_2021.items():
        images = storage.join(source, set_name, "images")
        annotations = storage.join(source, set_name, "annotations")
        pictures = {name.rpartition(".")[0]: name for name in sorted(storage.names(images)) if _is_picture(name)}
        files = storage.names(annotations)
        stems = {name.removesuffix("_exp.npy") for name in files if name.endswith("_exp.npy") and name[0] != "."}
        both = len(stems & pictures.keys())
        if 2 * both < max(len(stems), len(pictures), 1):
            raise FexdataError(
                f"affectnet: expected a photograph and a label for each id in {source}/{set_name}, found "
                f"{len(pictures)} in images, {len(stems)} in annotations (<id>_exp.npy), {both} in both"
            )
        for stem in sorted(stems | pictures.keys(), key=lambda stem: (len(stem), stem)):
            values = _values_2021(annotations, stem, files)
            label = _label(values["exp"], storage.join(annotations, f"{stem}_exp.npy"))
            if label is not None and label >= len(WORDS):
                continue
            path = f"{set_name}/images/{pictures.get(stem, f'{stem}.jpg')}"
            labels = _labels(label, _number(values["val"]), _number(values["aro"]))
            key, location = os.fsencode(path), storage.join(source, path)
            yield Photograph(AffectNet.name, key, location, labels=labels, points=values["lnd"], split=split)


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and suffix_of(os.fsencode(name)) in SUFFIXES


def _values_2021(annotations: str, stem: str, files: set[str]) -> dict[str, Any]:
    """The four annotations of one id; None for each whose file is absent."""
    values: dict[str, Any] = dict.fromkeys(("exp", "val", "aro", "lnd"))
    for what in values:
        name = f"{stem}_{what}.npy"
        if name not in files:
            continue
        path = storage.join(annotations, name)
        try:
            # Numbers are often stored as strings; pickled objects are refused.
            data = io.BytesIO(storage.read_bytes(path))
            array = np.lib.format.read_array(data, allow_pickle=False)  # type: ignore[no-untyped-call]
            values[what] = _points(array.ravel()) if what == "lnd" else array.item()
        except ValueError as error:
            raise FexdataError(f"affectnet: {path} cannot be read: {str(error).splitlines()[0]}") from None
    return values


# Cells


def _label(value: Any, where: str) -> int | None:
    """0 to 10, or None where the corpus has no label."""
    number = _number(value)
    if number is None and str(value).strip() in ("None", "NULL", ""):
        return None
    if number is None or number != int(number) or not 0 <= number <= LAST_LABEL:
        raise FexdataError(f"affectnet: {where}: expected an expression from 0 to {LAST_LABEL}, found {value!r}")
    return int(number)


def _labels(label: int | None, valence: float | None, arousal: float | None) -> dict[str, str | float]:
    labels: dict[str, str | float] = {}
    if label is not None:
        labels |= {"expression": EXPRESSIONS[label], "corpus_label": WORDS[label]}
    for name, value in (("valence", valence), ("arousal", arousal)):
        if value is not None and -1.0 <= value <= 1.0:  # -2 stands for unknown
            labels[name] = value
    return labels


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _box(numbers: Sequence[float | None]) -> tuple[float, float, float, float] | None:
    left, top, width, height = numbers
    if left is None or top is None or width is None or height is None or width <= 0 or height <= 0:
        return None
    return left, top, width, height


def _points(values: Sequence[Any] | np.ndarray) -> np.ndarray | None:
    """(68, 2) float32 from x, y, x, y ...; None unless there are 68 finite points."""
    try:
        flat = np.asarray(values, dtype=np.float32)
    except ValueError:
        return None
    if flat.size != 136 or not np.isfinite(flat).all():
        return None
    return flat.reshape(68, 2)
