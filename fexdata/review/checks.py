"""Planted faces with a known answer, which measure the reviewers.

Before one face in fifty, by a seed of the reviewer's own, comes a plant that looks like any other
item of the queue. Its known answer is `reject` (the crop of one accepted face under the mesh of
another that looks elsewhere), or `accept` (a face that two reviewers accepted without knowing of
each other). A verdict on a plant is logged as a check and changes no row.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from fexdata.review.catalog import Catalog
from fexdata.review.queue import Orders, shuffled

SHARE: Final = 0.02
"""Plants per face of a queue."""

DONORS: Final = 32
"""Faces from which the one that looks farthest elsewhere gives its mesh."""


@dataclass(frozen=True, slots=True)
class Plant:
    """One planted item. `before` is the row of the queue that it precedes and whose reasons and
    scores it borrows; `crop` the row whose photograph it shows, `mesh` that of its geometry."""

    id: str
    before: int
    crop: int
    mesh: int
    answer: str
    """reject or accept."""


class Plants:
    """All plants of one reviewer: a pure function of catalog, seed and the faces known to be good."""

    def __init__(self, orders: Orders, reviewer: str, share: float, known_good: np.ndarray) -> None:
        """known_good: rows that two reviewers accepted, each for himself."""
        catalog = orders.catalog
        own = int.from_bytes(hashlib.blake2b(reviewer.encode(), digest_size=7).digest(), "big")
        self._catalog, self._known_good = catalog, known_good
        self._places = shuffled(catalog.hashes, orders.seed ^ own)
        members = orders.members("accepted")
        self._usable = members if len(members) >= 2 and "vertices" in catalog.dataset.metadata["side"] else members[:0]
        chosen = catalog.reviewable & (self._places < np.uint64(min(max(share, 0.0), 1.0) * (2**64 - 1025)))
        rows = np.flatnonzero(chosen).tolist() if len(self._usable) else []
        self._names = {row: _name(int(self._places[row])) for row in rows}
        self._rows = {name: row for row, name in self._names.items()}

    def before(self, row: int) -> Plant | None:
        """The plant that comes before a row, if one does."""
        return self._plant(row) if row in self._names else None

    def get(self, name: str) -> Plant | None:
        """The plant of that id."""
        row = self._rows.get(name)
        return None if row is None else self._plant(row)

    def _plant(self, row: int) -> Plant:
        # The place is uniform below the share, so it seeds a generator before it chooses anything.
        rng = np.random.default_rng(int(self._places[row]))
        name = self._names[row]
        if len(self._known_good) and rng.random() < 0.5:
            crop = int(rng.choice(self._known_good))
            return Plant(name, row, crop, crop, "accept")
        crop, *donors = self._usable[rng.integers(len(self._usable), size=1 + DONORS)].tolist()
        others = [one for one in donors if one != crop] or [one for one in self._usable[:2].tolist() if one != crop]
        return Plant(name, row, crop, _elsewhere(self._catalog, crop, np.array(others)), "reject")


def _name(place: int) -> str:
    return hashlib.blake2b(f"plant {place}".encode(), digest_size=16).hexdigest()


def _elsewhere(catalog: Catalog, crop: int, donors: np.ndarray) -> int:
    """Of the donors, the one whose head is turned farthest from the crop's."""
    apart = np.zeros(len(donors), np.float32)
    for name in ("yaw", "pitch", "roll"):
        values = catalog.numbers(name)
        if values is not None:
            apart += np.nan_to_num(np.abs(values[donors] - values[crop]))
    return int(donors[int(np.argmax(apart))])
