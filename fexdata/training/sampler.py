"""The order in which a run sees its rows: a pure function of row-group sizes, seed and epoch.

An epoch is made in two steps. The row groups of all shards are put in a random order; then every
stretch of `WINDOW` row groups is shuffled row by row. So each row comes once an epoch, a reader that
keeps `WINDOW` row groups reads each of them once, and a batch is drawn from some hundreds of rows,
which lie in hash order anyway. Which rows are flipped, and which partner a row gets in a batch of
pairs, is drawn anew each epoch from the same seed.

Epochs follow each other without a seam: batch b of a run is items b·B to (b+1)·B of the endless
sequence, and of those each of W devices takes every W-th. The number of worker processes is no part
of it, and a run resumes at batch b by naming b.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch.utils.data import Sampler

WINDOW = 32
"""Row groups that are shuffled together: 512 rows of 16 a group."""

Items = np.ndarray
"""(n, 3) int64: row, partner (-1 for none), flipped (0 or 1)."""


def epoch_order(sizes: Sequence[int] | np.ndarray, seed: Sequence[int], epoch: int) -> np.ndarray:
    """The rows 0 to sum(sizes) - 1 in the order of one epoch; group g holds the sizes[g] rows
    after those of the groups before it."""
    rng = np.random.default_rng([*seed, epoch, 0])
    ends = np.cumsum(np.asarray(sizes, np.int64))
    starts = ends - sizes
    groups = rng.permutation(len(ends))
    stretches = [groups[first : first + WINDOW] for first in range(0, len(groups), WINDOW)]
    return np.concatenate(
        [rng.permutation(np.concatenate([np.arange(starts[g], ends[g]) for g in stretch])) for stretch in stretches]
        or [np.empty(0, np.int64)]
    )


@dataclass(frozen=True)
class Companions:
    """Which rows may be each other's partner in a pair."""

    members: np.ndarray
    """int64 (m,): all rows that have a partner, those of one group side by side."""
    starts: np.ndarray
    """int64 (rows,): where in `members` the row's group begins."""
    sizes: np.ndarray
    """int64 (rows,): rows in the row's group."""
    places: np.ndarray
    """int64 (rows,): the row's own place in its group."""

    @classmethod
    def of(cls, groups: np.ndarray) -> Companions:
        """groups: int64 (rows,), the group of each row; every group must have at least two rows."""
        members = np.argsort(groups, kind="stable")
        _, first, inverse, counts = np.unique(
            groups[members], return_index=True, return_inverse=True, return_counts=True
        )
        starts, sizes, places = (np.empty(len(groups), np.int64) for _ in range(3))
        starts[members], sizes[members] = first[inverse], counts[inverse]
        places[members] = np.arange(len(groups)) - first[inverse]
        return cls(members, starts, sizes, places)

    def drawn(self, rng: np.random.Generator) -> np.ndarray:
        """int64 (rows,): one partner for each row, uniformly among the others of its group."""
        shift = 1 + rng.integers(0, self.sizes - 1)
        return self.members[self.starts + (self.places + shift) % self.sizes]


@dataclass
class Order:
    """The endless sequence of items of one phase."""

    sizes: np.ndarray
    """Rows per row group, in the rows' own order."""
    seed: tuple[int, ...]
    mirror: float = 0.0
    """Probability that an item is flipped."""
    companions: Companions | None = None
    """For pairs; else single rows."""
    _epochs: dict[int, Items] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.rows = int(np.sum(self.sizes))

    def epoch(self, number: int) -> Items:
        """All items of one epoch, each row once as the first of its item."""
        if number not in self._epochs:
            rows = epoch_order(self.sizes, self.seed, number)
            rng = np.random.default_rng([*self.seed, number, 1])
            partners = np.full(self.rows, -1) if self.companions is None else self.companions.drawn(rng)
            flips = rng.random(self.rows) < self.mirror
            # Two epochs at most: a batch may lie across a seam.
            self._epochs = {k: v for k, v in self._epochs.items() if k == number - 1}
            self._epochs[number] = np.stack([rows, partners[rows], flips[rows]], axis=1).astype(np.int64)
        return self._epochs[number]

    def items(self, first: int, count: int) -> Items:
        """Items `first` to `first + count` of the sequence."""
        parts = []
        while count > 0:
            epoch, place = divmod(first, self.rows)
            part = self.epoch(epoch)[place : place + count]
            parts.append(part)
            first, count = first + len(part), count - len(part)
        return np.concatenate(parts)


class BatchOrder(Sampler[Items]):
    """Batches of one device, from batch `first` up to batch `last`, as a sampler of a torch loader
    with `batch_size=None`. Its iterator's state is the number of the next batch."""

    def __init__(self, order: Order, *, batch: int, last: int, first: int = 0, rank: int = 0, world: int = 1) -> None:
        self.order, self.batch, self.first, self.last = order, batch, first, last
        self.rank, self.world = rank, world

    def __iter__(self) -> Iterator[Items]:
        return _Batches(self)

    def __len__(self) -> int:
        return self.last - self.first

    def at(self, number: int) -> Items:
        """Batch `number` of this device."""
        whole = self.batch * self.world
        return self.order.items(number * whole, whole)[self.rank :: self.world]


class _Batches(Iterator[Items]):
    """The protocol of `torchdata.stateful_dataloader`: an iterator that tells where it is."""

    def __init__(self, batches: BatchOrder) -> None:
        self._batches, self._next = batches, batches.first

    def __next__(self) -> Items:
        if self._next >= self._batches.last:
            raise StopIteration
        self._next += 1
        return self._batches.at(self._next - 1)

    def state_dict(self) -> dict[str, Any]:
        return {"next": self._next}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._next = int(state["next"])
