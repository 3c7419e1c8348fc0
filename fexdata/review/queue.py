"""Which faces wait for a person, and in what order: pure functions of catalog and seed.

What is still open is the caller's business (`fexdata.review.desk`); an order never depends on the
decisions, so a queue does not jump while somebody works through it, and a seeded random order is a
random sample however far it was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np

from fexdata.review.catalog import ACCEPTED, REJECTED, REVIEW, Catalog
from fexdata.review.similarity import similarity_rank

Order = Literal["doubt", "similarity", "random", "latest"]
ORDERS: Final = ("doubt", "similarity", "random")

REASON_PREFIX: Final = "reason:"

STRATA: Final = ("closest to a rule", "second quarter", "third quarter", "farthest from any rule")
"""Of the accepted rows, by their distance from the rules: the audit draws from each in turn, so that
the few that are most likely bad are seen as often as the many that are not."""


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue as the page lists it."""

    name: str
    title: str
    about: str
    orders: tuple[str, ...]
    group: Literal["queue", "reason"] = "queue"


FIXED: Final = (
    Queue("rejected", "Rejected by the rules", "Rows that the rules reject: are they right?", ORDERS),
    Queue("doubtful", "Doubtful", "Rows that the rules want a person to look at.", ORDERS),
    Queue("accepted", "Accepted, a sample", "A seeded random audit of what the rules accept: the only basis for "
          "an estimate of what is still wrong among the rows nobody looks at.", ("random",)),
    Queue("disagreements", "Disagreements", "Rows that two reviewers judged differently.", ("latest",)),
    Queue("stale", "Stale", "Judged once, but a rebuild has changed what was judged.", ("latest",)),
    Queue("orphaned", "Orphaned", "Decisions whose face is gone since the last build.", ()),
    Queue("flagged", "Flagged", "Rows that somebody flagged.", ("latest",)),
    Queue("decided", "Decided", "Everything that was judged, the latest first.", ("latest",)),
)  # fmt: skip


def queues(catalog: Catalog) -> list[Queue]:
    """All queues of a dataset, those of single reasons last."""
    reasons = [
        Queue(REASON_PREFIX + name, name.replace("_", " "), _about(catalog, name), ORDERS, "reason")
        for name in catalog.by_reason
    ]
    return [*FIXED, *reasons]


def _about(catalog: Catalog, reason: str) -> str:
    codes = set(catalog.status[catalog.by_reason[reason]].tolist())
    return catalog.meaning(reason, "rejected" if codes == {REJECTED} else "review")


class Orders:
    """The orders of one catalog, each computed when first asked for and kept."""

    def __init__(self, catalog: Catalog, seed: int) -> None:
        self.catalog, self.seed = catalog, seed
        self.shuffled = shuffled(catalog.hashes, seed)
        self.ordered = lru_cache(maxsize=64)(self._ordered)
        self._rank: np.ndarray | None = None

    def members(self, queue: str) -> np.ndarray:
        """Rows of a queue that depends on the rules alone; raises KeyError for another."""
        if queue.startswith(REASON_PREFIX):
            return self.catalog.by_reason[queue.removeprefix(REASON_PREFIX)]
        code = {"rejected": REJECTED, "doubtful": REVIEW, "accepted": ACCEPTED}[queue]
        return np.flatnonzero(self.catalog.reviewable & (self.catalog.status == code))

    def prepare(self) -> None:
        """Computes what takes long, so that nobody waits for it later."""
        if self._rank is None:
            self._rank = similarity_rank(self.catalog)

    def _ordered(self, queue: str, order: str) -> np.ndarray:
        """Rows of such a queue in the given order."""
        members = self.members(queue)
        if queue == "accepted":
            return self.audit()
        if order == "random":
            return members[np.argsort(self.shuffled[members], kind="stable")]
        if order == "similarity":
            self.prepare()
            assert self._rank is not None
            return members[np.argsort(self._rank[members], kind="stable")]
        return members[np.lexsort((self.shuffled[members], self.catalog.margin[members]))]

    def strata(self) -> list[np.ndarray]:
        """The accepted rows in quarters by distance from the rules, each in its random order. Rows at
        the same distance (no rule at all) are divided by hash."""
        members = self.members("accepted")
        by_margin = members[np.lexsort((self.shuffled[members], self.catalog.margin[members]))]
        quarters = np.array_split(by_margin, len(STRATA))
        return [part[np.argsort(self.shuffled[part], kind="stable")] for part in quarters]

    def audit(self) -> np.ndarray:
        """The accepted rows, one from each stratum in turn."""
        strata = self.strata()
        turn = np.concatenate([np.arange(len(part)) for part in strata])
        return np.concatenate(strata)[np.argsort(turn, kind="stable")]


def shuffled(hashes: np.ndarray, seed: int) -> np.ndarray:
    """(n,) uint64: numbers to sort by for a random order, one per row whatever the other rows are
    (splitmix64; Steele, Lea and Flood, 2014). hashes: (n,) uint64."""
    with np.errstate(over="ignore"):
        x = hashes + np.uint64(0x9E3779B97F4A7C15) * np.uint64(seed % 2**63 + 1)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def wants_second(hashes: np.ndarray, seed: int, share: float) -> np.ndarray:
    """(n,) bool: the rows that a second reviewer judges without knowing the first's verdict."""
    return shuffled(hashes, seed + 1) < np.uint64(min(max(share, 0.0), 1.0) * (2**64 - 1025))
