"""RaFD, the Radboud Faces Database: 67 models, 8 posed expressions, 5 cameras, 3 gazes.

```
source/                                                    subfolders are entered, too
  Rafd090_01_Caucasian_female_angry_frontal.jpg
      |    |                  |     gaze: left, frontal, right
      |    |                  expression
      |    model, 1 to 73
      camera: 000, 045, 090 (frontal), 135, 180 degrees
```

Everything known of a photograph is in its name. Picture files named otherwise are not RaFD's and
yield nothing; a folder where no name fits is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from fexdata.corpora.base import Photograph
from fexdata.corpora.folder import picture_files
from fexdata.errors import FexdataError

EXPRESSIONS = {
    "angry": "anger",
    "contemptuous": "contempt",
    "disgusted": "disgust",
    "fearful": "fear",
    "happy": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "surprised": "surprise",
}
"""RaFD's words and fexdata's names."""

_NAME = re.compile(
    rb"rafd(?P<camera>000|045|090|135|180)_(?P<model>\d+)_(?:caucasian|moroccan|kid)_(?:male|female)_"
    rb"(?P<expression>" + "|".join(EXPRESSIONS).encode() + rb")_(?P<gaze>left|frontal|right)\.jpe?g",
    re.IGNORECASE,
)


class RaFD:
    """The Radboud Faces Database as distributed: labels from file names."""

    name: ClassVar[str] = "rafd"
    licence: ClassVar[str] = "RaFD: non-commercial scientific research, on request from Radboud University"
    citation: ClassVar[str] = (
        "Langner, Dotsch, Bijlstra, Wigboldus, Hawk, van Knippenberg: Presentation and validation of the "
        "Radboud Faces Database. Cognition & Emotion 24(8), 2010"
    )

    def read(self, source: str) -> Iterator[Photograph]:
        """One photograph per file named in RaFD's way. Raises `FexdataError` when there is none."""
        matched, other, example = 0, 0, b""
        for entry in picture_files(source, corpus=self.name):
            name = entry.key.rpartition(b"/")[2]
            found = _NAME.fullmatch(name)
            if found is None:
                other, example = other + 1, example or name
                continue
            matched += 1
            yield Photograph(self.name, entry.key, entry.location, labels=_labels(found))
        if not matched:
            raise FexdataError(
                f"rafd: expected names like Rafd090_01_Caucasian_female_angry_frontal.jpg below {source}, "
                f"found {other} pictures named otherwise, such as {example.decode('utf-8', 'backslashreplace')}"
            )


def _labels(name: re.Match[bytes]) -> dict[str, str | float]:
    word = name["expression"].decode().lower()
    return {
        "expression": EXPRESSIONS[word],
        "corpus_label": word,
        "subject": name["model"].decode(),
        "camera_angle": float(name["camera"]) - 90.0,
        "gaze": name["gaze"].decode().lower(),
    }
