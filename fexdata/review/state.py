"""What is decided and what is open, row by row, kept up with the log.

The log may grow behind our back (another server on the same database, an import), so `refresh`
reads what is new before every request: one query by key, which finds nothing in most cases.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fexdata.review.catalog import Catalog
from fexdata.review.decisions import Log
from fexdata.review.faces import Face
from fexdata.review.fold import LOST, Fold, Opinion, Outcome, OutOfOrder, in_time
from fexdata.review.match import COLUMNS, names, stale_because
from fexdata.review.words import VERDICTS

GOOD, BAD, UNSURE = 1, 2, 3
"""Codes of `State.judged`; 0 is nobody's verdict."""


class State:
    """The decisions on one dataset, as arrays over its rows."""

    def __init__(self, catalog: Catalog, log: Log, need: np.ndarray) -> None:
        """need: (n,) int, how many reviewers each row wants."""
        self.catalog, self.log, self.need = catalog, log, need
        self.faces: dict[str, Face] = {}
        self._names: dict[str, str] = {}
        self._stale_faces: dict[str, list[str]] = {}
        self._start()
        self.refresh()

    def _start(self) -> None:
        count = len(self.catalog)
        self.fold = Fold(self._names)
        self.judged = np.zeros(count, np.int8)
        self.verdicts = np.zeros(count, np.int16)
        """Reviewers whose verdict on the row counts; at least `need` when a settled one stands."""
        self.by_reviewer: dict[str, np.ndarray] = {}
        self.disagreements: set[int] = set()
        self.flagged: set[int] = set()
        self.stale: dict[int, list[str]] = {}
        self.touched: set[int] = set()
        """Rows of which somebody has said something."""

    def refresh(self) -> None:
        """Folds what the log has gained."""
        new = self.log.events(self.fold.seen)
        if not new:
            return
        self._meet(event.face for event in new)
        self._meet(event.target for event in new if event.kind == "attach")
        try:
            changed = self.fold.extend(new)
        except OutOfOrder:
            self._start()
            changed = self.fold.extend(sorted(self.log.events(), key=in_time))
        for name in changed:
            row = None if name.startswith(LOST) else self.catalog.row(name)
            if row is not None:
                self._update(row, self.fold.outcome(name))

    def add_face(self, face: Face) -> None:
        """A face of the present build, which needs no search."""
        self.faces[face.key] = face
        self._names[face.key] = self.fold.resolve[face.key] = face.sample_id

    def outcome(self, row: int) -> Outcome:
        return self.fold.outcome(self.catalog.id(row))

    def mine(self, reviewer: str) -> np.ndarray:
        """(n,) bool: rows that the reviewer has judged."""
        if reviewer not in self.by_reviewer:
            self.by_reviewer[reviewer] = np.zeros(len(self.catalog), bool)
        return self.by_reviewer[reviewer]

    def blind(self, reviewer: str, row: int) -> bool:
        """Whether the reviewer may not know what others say: the row wants two verdicts made without
        knowledge of each other, and there may be one."""
        if self.need[row] < 2 or self.mine(reviewer)[row]:
            return False
        outcome = self.outcome(row)
        settled = any(one.judged and one.judged.shown.get("final") for one in outcome.standing.values())
        return len(outcome.standing) < 2 and not settled

    def corpus_expression(self, row: int) -> str | None:
        """The corpus's label. Where a person's was applied, the manifest has that one, and the first
        snapshot the corpus's."""
        value: str | None = self.catalog.table.column("expression")[row].as_py()
        if row in self.touched and self.outcome(row).expression is not None:
            first = self.fold.by_key[self.catalog.id(row)][0]
            return self.faces[first.face or ""].expression
        return value

    def latest(self, rows: set[int]) -> list[int]:
        """The rows, that with the latest verdict or remark first."""

        def at(row: int) -> str:
            return max((one.at for one in self.outcome(row).opinions.values()), default="")

        return sorted(rows, key=lambda row: (at(row), row), reverse=True)

    def _update(self, row: int, outcome: Outcome) -> None:
        said: list[Opinion] = [one for one in outcome.opinions.values() if one.verdict]
        settled = any(one.judged and one.judged.shown.get("final") for one in outcome.standing.values())
        self.verdicts[row] = max(len(said), int(self.need[row]) if settled else 0)
        for reviewer in {*self.by_reviewer, *outcome.opinions}:
            opinion = outcome.opinions.get(reviewer)
            self.mine(reviewer)[row] = opinion is not None and opinion.verdict is not None
        codes: dict[str, int] = dict(zip(VERDICTS, (GOOD, BAD, UNSURE), strict=True))
        verdict = outcome.verdict
        self.judged[row] = 0 if not outcome.standing else UNSURE if verdict is None else codes[verdict]
        _keep(self.disagreements, row, outcome.disagreement)
        _keep(self.flagged, row, outcome.flag)
        _keep(self.touched, row, bool(outcome.opinions))
        latest = outcome.latest
        because = self._stale_faces.get(latest.face, []) if latest is not None else []
        self.stale.pop(row, None)
        if because:
            self.stale[row] = because

    def _meet(self, keys: Iterable[str | None]) -> None:
        """Learns the faces that are new: which rows they are, and whether those have changed."""
        unknown = {key for key in keys if key} - self.faces.keys()
        if not unknown:
            return
        stored = self.log.faces() if len(unknown) > 50 else {key: self.log.face(key) for key in unknown}
        found = {key: face for key, face in stored.items() if face is not None and key in unknown}
        self.faces |= found
        rows = self.catalog.table.select(list(COLUMNS))
        # All of them, so that the snapshots of one lost face share a name.
        self._names |= {key: name for key, name in names(self.faces, rows).items() if key in found}
        self.fold.resolve |= {key: self._names[key] for key in found}
        self._find_stale({key: face for key, face in found.items() if face.build != self.catalog.build})

    def _find_stale(self, faces: dict[str, Face]) -> None:
        rows = {key: self.catalog.row(self._names[key]) for key in faces}
        there = {key: row for key, row in rows.items() if row is not None}
        before = self.log.geometries(list(there))
        now = dict(zip(there, self.catalog.geometry(list(there.values())), strict=True))
        for key, row in there.items():
            because = stale_because(faces[key], before[key], self.catalog.word(row), now[key])
            if because:
                self._stale_faces[key] = because


def _keep(rows: set[int], row: int, there: bool) -> None:
    (rows.add if there else rows.discard)(row)
