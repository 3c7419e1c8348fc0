"""Who is looking at what: a face is lent to one tab for a while, so that two people do not do the
same work.

A lease only keeps a face out of other people's queues. It is no permission: a decision made after
its end counts like any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from fexdata.review.decisions import LEASES, Log

SECONDS: Final = 120.0
"""How long a lease lasts; an open page renews it."""


@dataclass(frozen=True, slots=True)
class Holder:
    """One tab of one reviewer."""

    reviewer: str
    tab: str

    @property
    def name(self) -> str:
        return f"{self.reviewer}/{self.tab}"


class Leases:
    """The leases of one dataset, in the log's database."""

    def __init__(self, log: Log) -> None:
        self._engine, self._dataset = log.leases, log.dataset

    def take(
        self,
        holder: Holder,
        candidates: Iterable[str],
        count: int,
        *,
        holding: Sequence[str],
        room: Callable[[str], int],
        now: float,
    ) -> list[str]:
        """Up to `count` of the candidates, in their order, lent to `holder`.

        `holding` are faces that it keeps; its other leases end. `room` tells with how many
        reviewers a face may be at once. A face that another tab of the same
        reviewer holds is passed over. now: seconds.
        """
        with self._engine.begin() as connection:
            mine = LEASES.c.dataset == self._dataset
            over = (LEASES.c.holder == holder.name) | (LEASES.c.until <= now)
            connection.execute(sa.delete(LEASES).where(mine, over))
            others = connection.execute(sa.select(LEASES.c.sample_id, LEASES.c.reviewer).where(mine)).all()
            taken = Counter(row.sample_id for row in others)
            own = {row.sample_id for row in others if row.reviewer == holder.reviewer} | set(holding)
            found: list[str] = []
            for one in candidates:
                if len(found) == count:
                    break
                if one not in own and taken[one] < room(one):
                    found.append(one)
            self._lend(connection, holder, [*holding, *found], now)
        return found

    def hold(self, holder: Holder, ids: Sequence[str], now: float) -> tuple[list[str], list[str]]:
        """Renews the leases of `ids` and ends the holder's others; returns (held, lost). Lost is
        what has gone to somebody else meanwhile."""
        with self._engine.begin() as connection:
            mine = LEASES.c.dataset == self._dataset
            over = (LEASES.c.holder == holder.name) | (LEASES.c.until <= now)
            connection.execute(sa.delete(LEASES).where(mine, over))
            query = sa.select(LEASES.c.sample_id).where(mine, LEASES.c.reviewer != holder.reviewer)
            elsewhere = set(connection.scalars(query))
            held = [one for one in dict.fromkeys(ids) if one not in elsewhere]
            self._lend(connection, holder, held, now)
        return held, [one for one in dict.fromkeys(ids) if one in elsewhere]

    def end(self, reviewer: str, ids: Sequence[str]) -> None:
        """Ends a reviewer's leases of faces that he has judged, in whichever tab."""
        if ids:
            with self._engine.begin() as connection:
                own = (LEASES.c.dataset == self._dataset) & (LEASES.c.reviewer == reviewer)
                connection.execute(sa.delete(LEASES).where(own, LEASES.c.sample_id.in_(list(ids))))

    def _lend(self, connection: sa.Connection, holder: Holder, ids: Sequence[str], now: float) -> None:
        records = [
            {
                "dataset": self._dataset,
                "sample_id": one,
                "holder": holder.name,
                "reviewer": holder.reviewer,
                "until": now + SECONDS,
            }
            for one in dict.fromkeys(ids)
        ]
        if records:
            connection.execute(sa.insert(LEASES), records)
