"""EmotioNet: a million faces from the web, downloaded by URL, with action units that are there or not.

```
source/                                              subfolders are entered, too
  dataFile_0001.txt …                                coded by a program: tabs, no header
  EmotioNet_FACS_aws_2020_24600.csv                  coded by people: the workbook saved as CSV, with a header
  images/N_0000000356/N_0000000356_00190.jpg         pictures under the last part of their URL, in any folders
```

A line holds the picture's URL, the URL it was found at, and AU 1 to AU 60: 1 there, 0 not there, 999
unknown. The workbook puts some cells in single quotes. So `facs` names the units that are there, then,
behind a minus, those that are not: `1 12 -4 -25`; what is unknown is not named. These codes have no
grade: they are labels, and no conditions (`au`) to train on.

Lists come in parts, and few people fetch them all: a list without a single picture on disk is passed
over; in a list that was fetched, a picture that is missing is a row all the same, unless that holds for
more than half of them: then the download broke off, and the reading ends with an error. A picture in
two lists counts once, as people coded it.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from fexdata import storage
from fexdata.corpora.base import Photograph
from fexdata.corpora.folder import picture_files
from fexdata.errors import FexdataError

UNITS = 60
"""Columns AU 1 to AU 60."""
STATES: Mapping[str, bool | None] = {"1": True, "0": False, "999": None, "": None, "NaN": None}
"""What a cell says of its action unit."""
COLUMNS = ("URL", "URL orig", *(f"AU {number}" for number in range(1, UNITS + 1)))
"""The columns in their published order, which lists without a header are read by."""

_LIST = re.compile(rb"(?P<program>dataFile_\d+\.txt)|EmotioNet_FACS.*\.csv", re.IGNORECASE)
_WORKBOOK = re.compile(rb"EmotioNet_FACS.*\.xlsx?", re.IGNORECASE)


class EmotioNet:
    """EmotioNet's lists beside the pictures that were downloaded."""

    name: ClassVar[str] = "emotionet"
    licence: ClassVar[str] = "EmotioNet: non-commercial research, by agreement with The Ohio State University"
    citation: ClassVar[str] = (
        "Benitez-Quiroz, Srinivasan, Martinez: EmotioNet: An accurate, real-time algorithm for the automatic "
        "annotation of a million facial expressions in the wild. CVPR 2016"
    )

    def read(self, source: str) -> Iterator[Photograph]:
        """One photograph per line of every list that was downloaded. Raises `FexdataError` where there is
        no list, no picture of one, or a list that cannot be read or of which less than half is there."""
        pictures = {entry.key.rpartition(b"/")[2].lower(): entry for entry in picture_files(source, corpus=self.name)}
        lists = _lists(source)
        seen: set[bytes] = set()
        for place in lists:
            found: list[Photograph] = []
            listed = there = 0
            for name, facs in _lines(place):
                listed += 1
                entry = pictures.get(name.lower())
                there += entry is not None
                if name.lower() in seen:
                    continue
                seen.add(name.lower())
                key, location = name, storage.join(source, os.fsdecode(name))
                if entry is not None:
                    key, location = entry.key, entry.location
                found.append(Photograph(self.name, key, location, labels={} if facs is None else {"facs": facs}))
            if not there:
                seen -= {photograph.key.lower() for photograph in found}
            elif 2 * there < listed:
                raise FexdataError(
                    f"emotionet: {place} lists {listed} pictures, {there} of them are below {source}: "
                    "go on with the download, or take the list away"
                )
            else:
                yield from found
        if not seen:
            raise FexdataError(f"emotionet: no picture that {_few(lists)} names is below {source}: download them first")


def _lists(source: str) -> list[str]:
    """Where the lists are, those coded by people first."""
    people: list[str] = []
    programs: list[str] = []
    workbooks: list[str] = []
    for entry in storage.listing(source):
        name = entry.key.rpartition(b"/")[2]
        found = _LIST.fullmatch(name)
        if entry.is_folder or found is None:
            workbooks += [entry.location] if _WORKBOOK.fullmatch(name) else []
        else:
            (programs if found["program"] else people).append(entry.location)
    if not people and not programs:
        advice = f"save {workbooks[0]} as CSV" if workbooks else f"found none below {source}"
        raise FexdataError(f"emotionet: expected lists (dataFile_0001.txt …, EmotioNet_FACS_….csv): {advice}")
    return [*people, *programs]


def _lines(place: str) -> Iterator[tuple[bytes, str | None]]:
    """File name and `facs` of every line of a list."""
    tabs = place.lower().endswith(".txt")
    try:
        with storage.open_lines(place) as file:
            rows = csv.reader(file, delimiter="\t" if tabs else ",")
            names = COLUMNS if tabs else _header([_bare(cell) for cell in next(rows, [])], place)
            for row in rows:
                cells = [_bare(cell) for cell in row]
                if not any(cells):
                    continue
                if len(cells) < len(names):
                    raise FexdataError(
                        f"emotionet: {place}, line {rows.line_num}: expected {len(names)} columns, found "
                        f"{len(cells)}: the list is cut off or damaged"
                    )
                values = dict(zip(names, cells, strict=False))
                yield os.fsencode(values["URL"].rpartition("/")[2]), _facs(values, f"{place}, line {rows.line_num}")
    except (OSError, ImportError, csv.Error) as error:
        raise FexdataError(f"emotionet: cannot read {place}: {error}") from None


def _header(names: Sequence[str], place: str) -> Sequence[str]:
    if "URL" not in names or not set(COLUMNS[2:]) & set(names):
        raise FexdataError(f"emotionet: {place}: expected a header with URL and AU 1 …, found {', '.join(names)[:80]}")
    return names


def _bare(cell: str) -> str:
    return cell.strip().strip("'\"").strip()


def _facs(values: Mapping[str, str], where: str) -> str | None:
    """Units that are there, then those that are not behind a minus; None where all are unknown."""
    there: list[str] = []
    absent: list[str] = []
    for number in range(1, UNITS + 1):
        cell = values.get(f"AU {number}", "").removesuffix(".0")
        if cell not in STATES:
            raise FexdataError(f"emotionet: {where}: AU {number}: expected 0, 1 or 999, found {cell!r}")
        state = STATES[cell]
        if state is not None:
            (there if state else absent).append(str(number) if state else f"-{number}")
    return " ".join([*there, *absent]) or None


def _few(lists: Sequence[str]) -> str:
    return lists[0] + (f" (or any of {len(lists) - 1} more)" if len(lists) > 1 else "")
