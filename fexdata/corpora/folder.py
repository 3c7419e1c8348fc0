"""Any folder of photographs, with no labels at all.

```
source/
  holiday/a.jpg
  b.PNG            every picture file below the folder, whatever its depth
  c.heic           listed although it cannot be read, so that its row says why
```

A dangling link and a directory named like a picture are rows too: reading them fails later, with a
code. Hidden files and folders (`.` first) and `__MACOSX` are passed over. Links to
folders are followed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from fexdata import storage
from fexdata.corpora.base import Photograph
from fexdata.errors import FexdataError

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".jp2", ".heic", ".heif", ".avif")
)
"""File names with these endings, in any case, are taken for photographs; their content decides."""


class Folder:
    """Every picture file below a folder, local or on any storage that fsspec knows."""

    name: ClassVar[str] = "folder"
    licence: ClassVar[str] = "that of the photographs: their owner's"
    citation: ClassVar[str] = ""

    def read(self, source: str) -> Iterator[Photograph]:
        """One photograph per picture file, in the order of the listing. Raises `FexdataError` when
        `source` is no folder or holds no picture file."""
        for entry in picture_files(source, corpus=self.name):
            yield Photograph(self.name, entry.key, entry.location)


def picture_files(source: str, *, corpus: str) -> Iterator[storage.Entry]:
    """What is named like a picture below `source`. Raises `FexdataError`, in the name of `corpus`,
    for a source that does not exist, is a file, cannot be listed, or has no such name in it."""
    others: Counter[str] = Counter()
    found = False
    try:
        there = storage.what_is_at(source)
        if there != "folder":
            raise FexdataError(f"{corpus}: expected a folder of photographs at {source}, found {_a(there)}")
        for entry in storage.listing(source):
            if _hidden(entry.key):
                continue
            suffix = suffix_of(entry.key)
            if suffix in SUFFIXES:
                found = True
                yield entry
            elif not entry.is_folder:
                others[suffix or "without an ending"] += 1
    except (OSError, ImportError, ValueError) as error:
        raise FexdataError(f"{corpus}: cannot list {source}: {error}") from None
    if not found:
        seen = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(5))
        raise FexdataError(
            f"{corpus}: expected photographs ({', '.join(sorted(SUFFIXES))}) below {source}, "
            f"found {f'{others.total()} other files: {seen}' if others else 'no file at all'}"
        )


def suffix_of(key: bytes) -> str:
    """The ending of a file name with its dot, in lower case; empty when there is none."""
    stem, dot, ending = key.rpartition(b"/")[2].rpartition(b".")
    return f".{ending.decode(errors='replace').lower()}" if dot and stem else ""


def _hidden(key: bytes) -> bool:
    return any(part.startswith(b".") or part == b"__MACOSX" for part in key.split(b"/"))


def _a(there: str) -> str:
    return "nothing" if there == "nothing" else f"a {there}"
