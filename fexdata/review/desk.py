"""The desk at which reviewers work: one dataset, its queues, its decisions.

Everything here is called by one thread at a time (`Desk.lock`) and knows nothing of HTTP.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from statistics import median
from threading import RLock
from typing import Any

import numpy as np

from fexdata.dataset.reader import open_dataset
from fexdata.review import checks, queue
from fexdata.review.catalog import Catalog
from fexdata.review.checks import Plant
from fexdata.review.decisions import Log
from fexdata.review.events import Event, Kind, stamp
from fexdata.review.fold import LOST
from fexdata.review.items import opinion_words
from fexdata.review.leases import Holder, Leases
from fexdata.review.photographs import Photographs, source_of
from fexdata.review.place import database_url
from fexdata.review.queue import Orders
from fexdata.review.refused import Refused
from fexdata.review.requests import Action, Decide, Next, Orphan
from fexdata.review.sight import Sight
from fexdata.review.state import State
from fexdata.review.waiting import Waiting


class Desk:
    """Opens a dataset for review. Raises `FexdataError` when it or its decisions cannot be opened."""

    def __init__(
        self,
        dataset: str,
        *,
        reviewers: Sequence[str] = ("reviewer",),
        database: str | None = None,
        double: float = 0.1,
        seed: int = 0,
        check_share: float = checks.SHARE,
        source: str | None = None,
    ) -> None:
        """double: share of the rows that a second reviewer judges blind. seed: of random orders.
        check_share: planted checks per face. source: the corpus's folder, for photographs."""
        opened = open_dataset(dataset)
        self.lock = RLock()
        self.reviewers, self.double, self.seed = tuple(reviewers), double, seed
        self.catalog = Catalog(opened)
        self.log = Log(database_url(opened.path, database), opened.name)
        self.leases = Leases(self.log)
        self.orders = Orders(self.catalog, seed)
        second = queue.wants_second(self.catalog.hashes, seed, double)
        self.state = State(self.catalog, self.log, 1 + second.astype(np.int8))
        self.photographs = Photographs(source or source_of(opened.path))
        self.waiting = Waiting(self.catalog, self.state, self.orders)
        has_source = self.photographs.source is not None
        self.sight = Sight(self.catalog, self.state, self.orders, check_share, photographs=has_source)

    def prepare(self) -> None:
        """Computes what would make the first request wait."""
        assert self.catalog.margin is not None
        _ = self.catalog.remark
        for name in ("rejected", "doubtful", "accepted"):
            self.orders.ordered(name, self.waiting.queues[name].orders[0])
        if len(self.catalog):
            self.catalog.geometry([0])
        self.orders.prepare()

    # What the page shows

    def overview(self, reviewer: str) -> dict[str, Any]:
        """Queues with their counts, what can be undone, progress."""
        with self.lock:
            self.state.refresh()
            return {
                "queues": [self.waiting.words(one, reviewer) for one in self.waiting.queues.values()],
                "undo": self._undo_words(reviewer),
                "progress": self._progress(reviewer),
            }

    def item(self, reviewer: str, name: str) -> dict[str, Any]:
        with self.lock:
            self.state.refresh()
            return self.sight.items([name], reviewer)[0]

    def next(self, reviewer: str, wish: Next, now: float | None = None) -> dict[str, Any]:
        """The next faces of a queue, lent to the reviewer's tab."""
        with self.lock:
            self.state.refresh()
            rows, holding = self.waiting.rows(reviewer, wish), set(wish.holding)
            taken = self.leases.take(
                Holder(reviewer, wish.tab),
                (name for name in map(self.catalog.id, rows) if name not in holding),
                wish.count,
                holding=self.waiting.unjudged(reviewer, wish.holding),
                room=self.waiting.room,
                now=time.time() if now is None else now,
            )
            names = list(self.sight.with_plants(reviewer, taken, wish.holding))
            return {
                "items": self.sight.items(names, reviewer),
                "remaining": self.waiting.remaining(wish.queue, reviewer),
                "queue": wish.queue,
                "order": wish.order,
            }

    def hold(self, reviewer: str, tab: str, ids: Sequence[str], now: float | None = None) -> dict[str, Any]:
        with self.lock:
            for name in ids:
                self.sight.shown(reviewer, name)
            now = time.time() if now is None else now
            held, lost = self.leases.hold(Holder(reviewer, tab), self.waiting.unjudged(reviewer, ids), now)
            return {"held": held, "lost": lost}

    # What reviewers do

    def decide(self, reviewer: str, wish: Decide) -> dict[str, Any]:
        """Writes one batch of decisions; the same batch again changes nothing."""
        with self.lock:
            self.state.refresh()
            mark = _mark(wish)
            names = [action.id for action in wish.actions]
            repeated = self._is_repeated(reviewer, wish.uid, mark)
            if not repeated:
                self.waiting.queue(wish.queue)
                places = [self.sight.judgeable(reviewer, name) for name in names]
                self._write_batch(reviewer, wish, places, mark)
                self.leases.end(reviewer, [action.id for action in wish.actions if action.verdict])
            return {"repeated": repeated, "items": self.sight.briefs(names, reviewer)} | self._after(reviewer)

    def turn(self, reviewer: str, uid: str, kind: Kind) -> dict[str, Any]:
        """Undo or redo of the reviewer's last batch."""
        with self.lock:
            self.state.refresh()
            repeated = self._is_repeated(reviewer, uid, kind)
            fold = self.state.fold
            if repeated:
                target = self.log.batch(uid)[0].target
            else:
                target = fold.to_undo(reviewer) if kind == "undo" else fold.to_redo(reviewer)
                if target is not None:
                    self._append([self._event(uid, 0, reviewer, kind, target=target, shown={"request": kind})])
            touched = [] if target is None else [self.sight.name_of(event, reviewer) for event in fold.batches[target]]
            briefs = self.sight.briefs([name for name in touched if name is not None], reviewer)
            return {"repeated": repeated, "words": fold.words(target), "items": briefs} | self._after(reviewer)

    def orphans(self, reviewer: str) -> list[dict[str, Any]]:
        """Decisions whose face no row shows, with the rows that may be it."""
        with self.lock:
            self.state.refresh()
            return [self._orphan(name) for name in self.state.fold.orphans]

    def settle(self, reviewer: str, face: str, wish: Orphan) -> dict[str, Any]:
        """Dismisses an orphan, or attaches it to a row."""
        with self.lock:
            self.state.refresh()
            mark = f"{wish.action} {face} {wish.id}"
            repeated = self._is_repeated(reviewer, wish.uid, mark)
            if not repeated:
                if LOST + face not in self.state.fold.orphans:
                    raise Refused(404, "unknown", "there is no such orphaned decision")
                target = None
                faces = []
                if wish.id is not None:
                    row = self.sight.reviewable(wish.id)
                    faces = self.catalog.faces([row], [self.state.corpus_expression(row)])
                    self.state.add_face(faces[0][0])
                    target = faces[0][0].key
                event = self._event(wish.uid, 0, reviewer, wish.action, face=face, target=target,
                                    shown={"request": mark})  # fmt: skip
                self._append([event], faces)
            return {"repeated": repeated, "orphans": len(self.state.fold.orphans)}

    # Orphans

    def _orphan(self, name: str) -> dict[str, Any]:
        fold, key = self.state.fold, name.removeprefix(LOST)
        face, outcome = self.state.faces[key], fold.outcome(name)
        near = [face.source_path, face.sample_id]
        table = self.catalog.table
        rows = [
            row
            for row, (path, own) in enumerate(
                zip(table.column("source_path").to_pylist(), table.column("sample_id").to_pylist(), strict=True)
            )
            if (path in near or own in near) and self.catalog.reviewable[row]
        ]
        return {
            "face": key,
            "source": face.source_path,
            "was": outcome.status(face.status),
            "opinions": [opinion_words(one) for one in outcome.opinions.values()],
            "candidates": [self.catalog.id(row) for row in rows],
        }

    # Writing

    def _write_batch(self, reviewer: str, wish: Decide, places: Sequence[tuple[int, Plant | None]], mark: str) -> None:
        rows = [row for row, _ in places]
        expressions = [self.state.corpus_expression(row) for row in rows]
        faces = self.catalog.faces(rows, expressions)
        shown = wish.model_dump(include={"queue", "order", "view", "looked_at"})
        shown |= {"build": self.catalog.build, "request": mark}
        if wish.order == "random":
            shown["sampled"] = self.seed
        at = stamp(self.state.fold.last_at)
        events = []
        for number, (action, (row, plant)) in enumerate(zip(wish.actions, places, strict=True)):
            own = shown | self._knowing(reviewer, row, plant, action)
            face = faces[number][0]
            seconds = wish.seconds / len(places)
            events.append(Event(wish.uid, number, reviewer, at, "judge", face.key, None, action.said(), seconds, own))
        for face, _ in faces:
            self.state.add_face(face)
        self._append(events, faces)

    def _knowing(self, reviewer: str, row: int, plant: Plant | None, action: Action) -> dict[str, Any]:
        """What the reviewer knew: whether this is a plant, or a verdict in sight of others'."""
        if plant is not None:
            answer = {"id": plant.id, "answer": plant.answer, "mesh": self.catalog.id(plant.mesh)}
            return {"check": answer}
        others = [name for name in self.state.outcome(row).standing if name != reviewer]
        final = bool(others) and not self.state.blind(reviewer, row)
        return {"final": True} if final and action.verdict else {}

    def _event(self, uid: str, number: int, reviewer: str, kind: Kind, **more: Any) -> Event:
        return Event(uid, number, reviewer, stamp(self.state.fold.last_at), kind, **more)

    def _append(self, events: Sequence[Event], faces: Sequence[Any] = ()) -> None:
        self.log.append(events, faces)
        self.state.refresh()

    def _is_repeated(self, reviewer: str, uid: str, mark: str) -> bool:
        """Whether this very request was met before; another one under the same uid is refused."""
        there = self.log.batch(uid)
        if not there:
            return False
        if there[0].reviewer != reviewer or there[0].shown.get("request") != mark:
            raise Refused(409, "conflict", "uid: it was used before, for something else")
        return True

    # What follows a decision

    def _after(self, reviewer: str) -> dict[str, Any]:
        remaining = {name: self.waiting.remaining(name, reviewer) for name in self.waiting.queues}
        return {"undo": self._undo_words(reviewer), "queues": remaining}

    def _undo_words(self, reviewer: str) -> dict[str, str | None]:
        fold = self.state.fold
        return {"undo": fold.words(fold.to_undo(reviewer)), "redo": fold.words(fold.to_redo(reviewer))}

    def _progress(self, reviewer: str) -> dict[str, Any]:
        mine = self.state.fold.recent_seconds(reviewer)
        return {
            "decided": int(np.count_nonzero(self.state.judged)),
            "mine": int(np.count_nonzero(self.state.mine(reviewer))),
            "rows": int(np.count_nonzero(self.catalog.reviewable)),
            "median_seconds": round(median(mine), 1) if mine else None,
        }


def _mark(wish: Decide) -> str:
    """Stands for what is said of which faces, so that the same uid cannot mean two things."""
    text = repr([(action.id, sorted(action.said().items())) for action in wish.actions])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
