"""Pairs: the same person, camera and light, two expressions. fexdata's own layout.

```
source/
  pairs.csv                  file,group,subject,expression,role
  0001/0000-a.jpg            any names and folders: the list says what belongs together
  0001/0000-b.jpg
```

`group` names the pair (two files or more), `subject` the person, `expression` is one of the eight
or empty, `role` is `neutral`, `onset`, `apex`, `offset` or empty. `fexdata synth pairs` writes it,
and so can anyone with a spreadsheet and a tripod.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

from fexdata import storage
from fexdata.corpora.base import EXPRESSIONS, Photograph
from fexdata.errors import FexdataError

LIST = "pairs.csv"
COLUMNS = ("file", "group", "subject", "expression", "role")
ROLES = ("neutral", "onset", "apex", "offset")


class Pairs:
    """Photographs that differ in the expression alone, as a list says."""

    name: ClassVar[str] = "pairs"
    licence: ClassVar[str] = "that of the photographs: their owner's"
    citation: ClassVar[str] = ""

    def read(self, source: str) -> Iterator[Photograph]:
        """One photograph per line of the list. Raises `FexdataError` for a list that is absent,
        lacks a column, names a file twice, or holds a group of one."""
        path = storage.join(source, LIST)
        try:
            with storage.open_lines(path) as file:
                lines = list(csv.DictReader(file))
        except (OSError, ImportError, csv.Error) as error:
            raise FexdataError(f"pairs: cannot read {path}: {error}") from None
        missing = [name for name in COLUMNS if not lines or lines[0].get(name) is None]
        if missing:
            raise FexdataError(f"pairs: {path}: expected the columns {','.join(COLUMNS)} and at least one line")
        _check(path, "file", Counter(line["file"] for line in lines), most=1)
        _check(path, "group", Counter(line["group"] for line in lines), least=2)
        for number, line in enumerate(lines, 2):
            name = line["file"].strip()
            labels = _labels(line, f"{path}, line {number}")
            yield Photograph(self.name, os.fsencode(name), storage.join(source, name), labels=labels)


def _check(path: str, what: str, counts: Counter[str], *, least: int = 1, most: int | None = None) -> None:
    for name, count in counts.items():
        if count < least or (most is not None and count > most):
            wanted = f"at least {least} lines" if count < least else f"{most} line"
            raise FexdataError(f"pairs: {path}: {what} {name!r} has {count} lines, expected {wanted}")


def _labels(line: dict[str, str], where: str) -> dict[str, Any]:
    values = {name: (line[name] or "").strip() for name in COLUMNS}
    for name, known in (("expression", EXPRESSIONS), ("role", ROLES)):
        if values[name] and values[name] not in known:
            raise FexdataError(f"pairs: {where}: unknown {name} {values[name]!r}; known: {', '.join(known)}")
    if not values["group"] or not values["subject"]:
        raise FexdataError(f"pairs: {where}: group and subject must not be empty")
    labels = {"pair_group": values["group"], "subject": values["subject"]}
    labels |= {"expression": values["expression"], "corpus_label": values["expression"], "frame_role": values["role"]}
    return {name: value for name, value in labels.items() if value}
