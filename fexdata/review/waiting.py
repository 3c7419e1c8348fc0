"""What still waits in each queue, for each reviewer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from fexdata.review.catalog import Catalog
from fexdata.review.queue import Orders, Queue, queues
from fexdata.review.refused import Refused
from fexdata.review.requests import Next
from fexdata.review.state import State

LATEST: Final = ("disagreements", "stale", "flagged", "decided")
"""Queues that depend on decisions; the others depend on the rules."""


class Waiting:
    """The queues of one dataset, less what is done."""

    def __init__(self, catalog: Catalog, state: State, orders: Orders) -> None:
        self._catalog, self._state, self._orders = catalog, state, orders
        self.queues = {one.name: one for one in queues(catalog)}

    def queue(self, name: str) -> Queue:
        if name not in self.queues:
            raise Refused(422, "invalid", f"queue: known are {', '.join(self.queues)}")
        return self.queues[name]

    def rows(self, reviewer: str, wish: Next) -> Sequence[int]:
        """The rows that the reviewer may be given, in the order wished for."""
        found = self.queue(wish.queue)
        if wish.order not in found.orders:
            orders = ", ".join(found.orders) or "none: it has a page of its own"
            raise Refused(422, "invalid", f"order: {found.name} has the orders {orders}")
        if wish.queue in LATEST:
            rows = self._state.latest(self._latest(wish.queue))
            after = None if wish.after is None else self._catalog.row(wish.after)
            return rows[rows.index(after) + 1 :] if after in rows else rows
        ordered = self._orders.ordered(wish.queue, wish.order)
        return ordered[self._is_open(reviewer)[ordered]].tolist()

    def _is_open(self, reviewer: str) -> np.ndarray:
        """(n,) bool: rows that still want a verdict, and may have this reviewer's."""
        return (self._state.verdicts < self._state.need) & ~self._state.mine(reviewer)

    def _latest(self, name: str) -> set[int]:
        state = self._state
        if name == "decided":
            return set(np.flatnonzero(state.judged).tolist())
        return {"disagreements": state.disagreements, "stale": set(state.stale), "flagged": state.flagged}[name]

    def remaining(self, name: str, reviewer: str) -> int:
        if name == "orphaned":
            return len(self._state.fold.orphans)
        if name in LATEST:
            return len(self._latest(name))
        return int(np.count_nonzero(self._is_open(reviewer)[self._orders.members(name)]))

    def words(self, one: Queue, reviewer: str) -> dict[str, Any]:
        remaining = self.remaining(one.name, reviewer)
        fixed = one.name in LATEST or one.name == "orphaned"
        return {
            "name": one.name,
            "title": one.title,
            "about": one.about,
            "group": one.group,
            "orders": list(one.orders),
            "default_order": next(iter(one.orders), None),
            "remaining": remaining,
            "total": remaining if fixed else len(self._orders.members(one.name)),
        }

    def unjudged(self, reviewer: str, ids: Sequence[str]) -> list[str]:
        """Of some faces, those that still wait for the reviewer: what he has judged and only looks at is
        nobody's loss."""
        mine = self._state.mine(reviewer)
        rows = {name: self._catalog.row(name) for name in ids}
        return [name for name, row in rows.items() if row is not None and not mine[row]]

    def room(self, name: str) -> int:
        row = self._catalog.row(name) or 0
        return max(int(self._state.need[row]) - int(self._state.verdicts[row]), 1)
