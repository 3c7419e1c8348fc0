"""CMU Multi-PIE: 337 people in up to four sessions, 15 cameras, 20 lights, posed expressions.

```
source/                                                       subfolders are entered, too
  session01/multiview/001/01/05_1/001_01_01_051_07.png
                                  |   |  |  |   light: 00 none, 01 to 18 one flash, 19 none again
                                  |   |  |  camera, its folder's name without the underscore
                                  |   |  recording of the session: which expression
                                  |   session
                                  subject
```

What a recording shows depends on its session (`RECORDINGS`). Cameras 08_1 and 19_1 hung upside
down, and so are their files: they are turned when they are read. Angles are those usual in the
literature; that the positive ones see the face's left side is our reading, unconfirmed.
Names of another form (the high-resolution stills, film frames) are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from fexdata.corpora.base import Photograph
from fexdata.corpora.folder import picture_files
from fexdata.errors import FexdataError

RECORDINGS = {
    ("01", "01"): "neutral",
    ("01", "02"): "smile",
    ("02", "01"): "neutral",
    ("02", "02"): "surprise",
    ("02", "03"): "squint",
    ("03", "01"): "neutral",
    ("03", "02"): "smile",
    ("03", "03"): "disgust",
    ("04", "01"): "neutral",
    ("04", "02"): "neutral",
    ("04", "03"): "scream",
}
"""(session, recording) -> Multi-PIE's word for what the person did."""

EXPRESSIONS = {"neutral": "neutral", "smile": "happy", "surprise": "surprise", "disgust": "disgust"}
"""Multi-PIE's words that are one of fexdata's eight; squint and scream are none."""

CAMERAS = {
    "110": -90.0,
    "120": -75.0,
    "090": -60.0,
    "080": -45.0,
    "081": -45.0,
    "130": -30.0,
    "140": -15.0,
    "051": 0.0,
    "050": 15.0,
    "041": 30.0,
    "190": 45.0,
    "191": 45.0,
    "200": 60.0,
    "010": 75.0,
    "240": 90.0,
}
"""Camera -> degrees to the side; 081 and 191 look down from above."""

UPSIDE_DOWN = frozenset({"081", "191"})

_NAME = re.compile(
    rb"(?P<subject>\d{3})_(?P<session>\d{2})_(?P<recording>\d{2})_(?P<camera>\d{3})_(?P<light>\d{2})\.(?:png|jpe?g)",
    re.IGNORECASE,
)


class MultiPIE:
    """Multi-PIE's multiview pictures as distributed: labels from file names."""

    name: ClassVar[str] = "multipie"
    licence: ClassVar[str] = "Multi-PIE: internal research, by licence from Carnegie Mellon University"
    citation: ClassVar[str] = "Gross, Matthews, Cohn, Kanade, Baker: Multi-PIE. Image and Vision Computing 28(5), 2010"

    def read(self, source: str) -> Iterator[Photograph]:
        """One photograph per file named in Multi-PIE's way. Raises `FexdataError` when there is none."""
        matched, other, example = 0, 0, b""
        for entry in picture_files(source, corpus=self.name):
            name = entry.key.rpartition(b"/")[2]
            found = _NAME.fullmatch(name)
            if found is None:
                other, example = other + 1, example or name
                continue
            matched += 1
            part = {key: value.decode() for key, value in found.groupdict().items()}
            turned = part["camera"] in UPSIDE_DOWN
            yield Photograph(self.name, entry.key, entry.location, labels=_labels(part), upside_down=turned)
        if not matched:
            raise FexdataError(
                f"multipie: expected names like 001_01_01_051_07.png below {source}, "
                f"found {other} pictures named otherwise, such as {example.decode('utf-8', 'backslashreplace')}"
            )


def _labels(part: dict[str, str]) -> dict[str, Any]:
    labels: dict[str, Any] = {
        "subject": part["subject"],
        "session": part["session"],
        "recording": part["recording"],
        "illumination": part["light"],
    }
    if part["camera"] in CAMERAS:
        labels["camera_angle"] = CAMERAS[part["camera"]]
    word = RECORDINGS.get((part["session"], part["recording"]))
    if word is not None:
        labels["corpus_label"] = word
        if word in EXPRESSIONS:
            labels["expression"] = EXPRESSIONS[word]
    return labels
