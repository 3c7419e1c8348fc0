"""Which rows are for training, validation and test.

The promise: a split depends only on who is shown. All rows of a subject are in one split, and so
are all rows of a duplicate group and, where the subject is unknown, of a photograph. The order of
the rows does not matter, and a row that is added moves no other unless it links to it.

How: rows are linked by what they share; each connected set has a name, the smallest of its
subjects (else duplicate groups, else photographs), and a seeded hash of that name chooses.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Annotated, Final

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from fexdata.errors import FexdataError

SPLITS: Final = ("train", "val", "test")

_STRICTEST: Final = ("test", "val", "train")
"""Which official split a connected set takes that has rows of several."""


def _fractions(fractions: Mapping[str, float]) -> Mapping[str, float]:
    unknown = [name for name in fractions if name not in SPLITS]
    if unknown:
        raise ValueError(f"unknown split {unknown[0]!r}; known: {', '.join(SPLITS)}")
    if any(share < 0 for share in fractions.values()) or not math.isclose(sum(fractions.values()), 1.0, abs_tol=1e-6):
        raise ValueError(f"fractions must not be negative and add up to 1, not {dict(fractions)}")
    return fractions


class SplitRules(BaseModel):
    """How rows are divided into train, val and test."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fractions: Annotated[dict[str, float], AfterValidator(_fractions)] = Field(
        default={"train": 0.9, "val": 0.05, "test": 0.05},
        description="Share of each split; a split left out gets nothing.",
    )
    official: bool = Field(default=True, description="Keep the corpus's own split where it has one.")


def assign_splits(
    photographs: Sequence[Hashable],
    subjects: Sequence[str | None],
    groups: Sequence[str | None],
    official: Sequence[str | None],
    *,
    fractions: Mapping[str, float],
    seed: int,
) -> list[str]:
    """The split of each row: `train`, `val` or `test`.

    `photographs` holds a name or digest (str or bytes) per row, the same for all faces of one
    photograph; `subjects` and `groups` a name or None; `official` the corpus's own split or None.
    Subjects are taken as they are: two corpora in one build need names that differ.

    A corpus's own split stands. Where rows of different official splits are linked (a test
    picture whose duplicate is in train), the whole set goes to the strictest, test before val
    before train, together with linked rows that have none: evaluation loses nothing and training
    sees nothing of it. Raises `FexdataError` for an official split with another name, `ValueError`
    for fractions that do not add up to 1.
    """
    _fractions(fractions)
    wrong = sorted({name for name in official if name is not None and name not in SPLITS})
    if wrong:
        raise FexdataError(f"the corpus calls a split {wrong[0]!r}; known: {', '.join(SPLITS)}")
    sets = _connected(photographs, subjects, groups)
    names: dict[int, tuple[int, bytes]] = {}
    own: dict[int, set[str]] = {}
    rows = zip(sets, photographs, subjects, groups, official, strict=True)
    for one, photograph, subject, group, given in rows:
        name = _name(photograph, subject, group)
        names[one] = min(names.get(one, name), name)
        if given is not None:
            own.setdefault(one, set()).add(given)
    chosen = {
        one: next((split for split in _STRICTEST if split in own.get(one, ())), None) or _choose(name, fractions, seed)
        for one, name in names.items()
    }
    return [chosen[one] for one in sets]


def _name(photograph: Hashable, subject: str | None, group: str | None) -> tuple[int, bytes]:
    """What the row is known by: its rank (subjects first) and its bytes."""
    if subject is not None:
        return 0, subject.encode("utf-8", "surrogateescape")
    if group is not None:
        return 1, group.encode("utf-8", "surrogateescape")
    return 2, photograph if isinstance(photograph, bytes) else str(photograph).encode("utf-8", "surrogateescape")


def _choose(name: tuple[int, bytes], fractions: Mapping[str, float], seed: int) -> str:
    """The split whose interval of [0, 1) the name's seeded hash falls into."""
    digest = hashlib.blake2b(name[1], digest_size=8, key=f"split {seed} {name[0]}".encode()).digest()
    place, upper = int.from_bytes(digest, "big") / 2.0**64, 0.0
    for split in SPLITS:
        upper += fractions.get(split, 0.0)
        if place < upper:
            return split
    return max(fractions, key=lambda split: fractions[split])  # rounding: the fractions add up to 0.999…


def _connected(
    photographs: Sequence[Hashable], subjects: Sequence[str | None], groups: Sequence[str | None]
) -> list[int]:
    """The number of each row's connected set."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(photographs)
    links: dict[tuple[str, Hashable], int] = {}
    row: list[int] = []
    node: list[int] = []
    for index, (photograph, subject, group) in enumerate(zip(photographs, subjects, groups, strict=True)):
        shared: list[tuple[str, Hashable]] = [("subject", subject)] if subject is not None else [("photo", photograph)]
        if group is not None:
            shared.append(("group", group))
        for key in shared:
            row.append(index)
            node.append(count + links.setdefault(key, len(links)))
    size = count + len(links)
    edges = coo_matrix((np.ones(len(row), np.int8), (row, node)), shape=(size, size))
    return connected_components(edges, directed=False)[1][:count].tolist()
