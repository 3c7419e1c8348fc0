"""CK+, the Extended Cohn-Kanade Dataset: short films from a neutral face to the peak of an expression.

```
source/                                                       subfolders are entered, too
  cohn-kanade-images/S005/001/S005_001_00000001.png           subject, sequence, frame; grey or colour
  Emotion/S005/001/S005_001_00000011_emotion.txt              one number, beside the last frame's name
  FACS/S005/001/S005_001_00000011_facs.txt                    rows of action unit and intensity
  Landmarks/S005/001/S005_001_00000001_landmarks.txt          68 rows of x and y
```

The first frame of a sequence is neutral, the last is the peak and carries the label; what lies
between is on its way and has none. A sequence without an emotion file (its folder is there all the
same) has a peak without a label: coders could not name it. FACS intensities are 1 to 5, or 0 where
the unit was seen but not graded; they become the letters A to E, or none.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from fexdata import storage
from fexdata.corpora.base import Photograph
from fexdata.corpora.folder import picture_files
from fexdata.errors import FexdataError

IMAGES = "cohn-kanade-images"
EMOTIONS = {
    "neutral": "neutral",
    "anger": "anger",
    "contempt": "contempt",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happy",
    "sadness": "sad",
    "surprise": "surprise",
}
"""CK+'s words, in the order of their numbers 0 to 7, and fexdata's names."""

_NAME = re.compile(rb"(?P<subject>S\d+)_(?P<sequence>\d+)_(?P<frame>\d{8})\.(?:png|jpe?g|tiff?)", re.IGNORECASE)
_ANNOTATION = re.compile(rb"(?P<stem>S\d+_\d+_\d{8})_(?P<kind>emotion|facs|landmarks)\.txt", re.IGNORECASE)
_GRADES = " ABCDE"


class CKPlus:
    """The Extended Cohn-Kanade Dataset as distributed, with whatever annotation is there."""

    name: ClassVar[str] = "ckplus"
    licence: ClassVar[str] = "CK+: non-commercial research, by agreement with the University of Pittsburgh"
    citation: ClassVar[str] = (
        "Lucey, Cohn, Kanade, Saragih, Ambadar, Matthews: The Extended Cohn-Kanade Dataset (CK+): A complete "
        "dataset for action unit and emotion-specified expression. CVPR Workshops 2010"
    )

    def read(self, source: str) -> Iterator[Photograph]:
        """One photograph per frame. Raises `FexdataError` when no file is named in CK+'s way, or
        an annotation cannot be read."""
        frames = []
        for entry in picture_files(source, corpus=self.name):
            found = _NAME.fullmatch(entry.key.rpartition(b"/")[2])
            if found is not None:
                frames.append((_text(found["subject"]).upper(), _text(found["sequence"]), int(found["frame"]), entry))
        if not frames:
            raise FexdataError(f"ckplus: expected names like S005_001_00000001.png below {source}, found none")
        notes = _annotations(source)
        frames.sort(key=lambda one: (*one[:3], one[3].key))
        for (subject, sequence), group in itertools.groupby(frames, key=lambda one: one[:2]):
            members = [one[2:] for one in group]
            for place, (frame, entry) in enumerate(members):
                labels = {"subject": subject, "sequence": f"{subject}/{sequence}"}
                own = notes.get(f"{subject}_{sequence}_{frame:08d}", {})
                if place == len(members) - 1 and place > 0:
                    labels |= {"frame_role": "apex", **_peak(own)}
                elif place == 0:
                    labels |= {"frame_role": "neutral", "expression": "neutral"}
                else:
                    labels |= {"frame_role": "onset"}
                points = _points(own.get("landmarks"))
                yield Photograph(self.name, entry.key, entry.location, frame, labels, points=points)


def _annotations(source: str) -> dict[str, dict[str, str]]:
    """Name of a frame without its ending -> kind of annotation -> where its file is."""
    notes: dict[str, dict[str, str]] = {}
    for entry in storage.listing(source):
        found = _ANNOTATION.fullmatch(entry.key.rpartition(b"/")[2])
        if found is not None and not entry.is_folder:
            notes.setdefault(_text(found["stem"]).upper(), {})[_text(found["kind"]).lower()] = entry.location
    return notes


def _peak(own: dict[str, str]) -> dict[str, Any]:
    """Expression and FACS code of a sequence's last frame, as far as they are known."""
    labels: dict[str, Any] = {}
    if "emotion" in own:
        table = _table(own["emotion"], columns=1)
        code = float(table[0, 0]) if len(table) else -1.0
        if code not in range(len(EMOTIONS)):
            raise FexdataError(f"ckplus: {own['emotion']}: expected an emotion from 0 to 7, found {code:g}")
        word = tuple(EMOTIONS)[int(code)]
        labels |= {"expression": EMOTIONS[word], "corpus_label": word}
    if "facs" in own:
        rows = _table(own["facs"], columns=2)
        grades = np.clip(np.round(rows[:, 1]), 0, 5).astype(int)
        units = zip(rows[:, 0].astype(int), grades, strict=True)
        labels["facs"] = " ".join(f"{unit}{_GRADES[grade].strip()}" for unit, grade in units)
    return labels


def _points(location: str | None) -> np.ndarray | None:
    """(68, 2) float32, or None where there are no 68 finite points."""
    if location is None:
        return None
    points = _table(location, columns=2).astype(np.float32)
    return points if points.shape == (68, 2) and np.isfinite(points).all() else None


def _table(location: str, *, columns: int) -> np.ndarray:
    """(rows, columns) float64 of a text file of numbers."""
    try:
        values = np.array(storage.read_bytes(location).split(), dtype=np.float64)
        return values.reshape(-1, columns)
    except (OSError, ValueError) as error:
        raise FexdataError(f"ckplus: {location} cannot be read: {error}") from None


def _text(name: bytes) -> str:
    return name.decode("ascii")
