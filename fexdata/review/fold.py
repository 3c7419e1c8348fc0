"""From the log to what holds now: a pure fold over its rows, in the order of their time.

- Undo takes back a reviewer's last batch that still stands, redo the last one undone; a new batch
  ends what can be redone. There is no limit.
- Of one reviewer and one face, each field counts as last said: verdict, label, flag, comment.
- A verdict made knowing the others' (`final`) replaces them. Verdicts made blind stand beside each
  other: equal ones agree, others are a disagreement until somebody who sees both decides.

A face goes by the name of the row of today that shows it, or, when no row does, by `lost:` and its
own key (`fexdata.review.match` says which).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from fexdata.dataset.decisions import DISAGREEMENT, UNSURE
from fexdata.review.events import Event
from fexdata.review.words import NO_EXPRESSION, STATUS_OF, VERDICTS

LOST: Final = "lost:"


@dataclass(slots=True)
class Opinion:
    """What one reviewer says of one face now."""

    reviewer: str
    verdict: str | None = None
    reason: str | None = None
    expression: str | None = None
    flag: bool = False
    comment: str = ""
    at: str = ""
    face: str = ""
    """Snapshot that the verdict was made on."""
    judged: Event | None = None
    """The event that gave the verdict."""


@dataclass(slots=True)
class Outcome:
    """What holds for one face: every reviewer's opinion, and what follows from them together."""

    opinions: dict[str, Opinion] = field(default_factory=dict)
    standing: dict[str, Opinion] = field(default_factory=dict)
    """The verdicts in force, by reviewer; several when they were made blind."""
    expression: str | None = None
    """The last label given, `none` for none of the eight; None when nobody gave one."""
    labelled_by: str = ""

    @property
    def verdict(self) -> str | None:
        """accept, reject or unsure when all that stands agrees, else None."""
        said = {one.verdict for one in self.standing.values()}
        return said.pop() if len(said) == 1 else None

    @property
    def disagreement(self) -> bool:
        return len({one.verdict for one in self.standing.values()}) > 1

    @property
    def flag(self) -> bool:
        return any(one.flag for one in self.opinions.values())

    @property
    def latest(self) -> Opinion | None:
        """The verdict in force that was made last."""
        return max(self.standing.values(), key=lambda one: one.at, default=None)

    @property
    def decided_by(self) -> str:
        return ", ".join(sorted(self.standing))

    def status(self, by_rules: str) -> str:
        """The row's status. A row that failed stays failed: there is nothing to accept."""
        if by_rules == "failed" or not self.standing:
            return by_rules
        verdict = self.verdict
        return "review" if verdict is None else STATUS_OF[verdict]

    def reasons(self, by_rules: Iterable[str]) -> list[str]:
        """The row's reasons, given that a verdict stands."""
        if self.disagreement:
            return [*by_rules, DISAGREEMENT]
        if self.verdict == "reject":
            return sorted({one.reason or "other" for one in self.standing.values()})
        return [*by_rules, UNSURE] if self.verdict == "unsure" else []

    def label(self, corpus_label: str | None) -> str | None:
        """The row's expression."""
        if self.expression is None:
            return corpus_label
        return None if self.expression == NO_EXPRESSION else self.expression


class Fold:
    """The state after some rows of a log. `resolve` maps a face's key to what it is called now; a
    face that is not in it is lost."""

    def __init__(self, resolve: Mapping[str, str] | None = None) -> None:
        self.resolve = dict(resolve or {})
        self.seen = 0
        """The greatest `seq` folded."""
        self.last_at = ""
        self.batches: dict[str, list[Event]] = {}
        self.undone: set[str] = set()
        self.dismissed: set[str] = set()
        self.by_key: dict[str, list[Event]] = {}
        self.checks: dict[str, list[Event]] = {}
        """Planted checks: what was said of each; they are no decisions on any face."""
        self._done: dict[str, list[str]] = {}
        self._redo: dict[str, list[str]] = {}
        self._outcomes: dict[str, Outcome] = {}

    def extend(self, events: Iterable[Event]) -> set[str]:
        """Folds further rows; returns the keys whose outcome may have changed.

        Raises `OutOfOrder` when a row is older than one already folded (a log was imported): then
        everything must be folded afresh, sorted by `in_time`.
        """
        changed: set[str] = set()
        for event in events:
            if event.at < self.last_at:
                raise OutOfOrder
            self.last_at = event.at
            self.seen = max(self.seen, event.seq)
            changed |= self._step(event)
        for key in changed:
            self._outcomes.pop(key, None)
        return changed

    def outcome(self, key: str) -> Outcome:
        """What holds for a face; an empty one where nobody has said anything."""
        found = self._outcomes.get(key)
        if found is None:
            found = _outcome(event for event in self.by_key.get(key, ()) if self.holds(event))
            self._outcomes[key] = found
        return found

    def holds(self, event: Event) -> bool:
        """Whether an event counts, or is undone."""
        return event.batch not in self.undone

    def judgements(self) -> Iterable[Event]:
        """Every action that is not undone, planted checks included, batch by batch."""
        for batch, events in self.batches.items():
            if batch not in self.undone:
                yield from events

    def recent_seconds(self, reviewer: str, count: int = 100) -> list[float]:
        """How long each of the reviewer's last faces took."""
        batches = islice(reversed(self._done.get(reviewer, [])), count)
        return [event.seconds for batch in batches for event in self.batches[batch] if event.seconds is not None]

    def to_undo(self, reviewer: str) -> str | None:
        """The batch that undo would take back."""
        return next(reversed(self._done.get(reviewer, [])), None)

    def to_redo(self, reviewer: str) -> str | None:
        return next(reversed(self._redo.get(reviewer, [])), None)

    def words(self, batch: str | None) -> str | None:
        """`Reject 24 faces`, for the undo button."""
        if batch is None:
            return None
        events = self.batches[batch]
        first = events[0].action
        faces = f"{len(events)} face{'s' * (len(events) > 1)}"
        if "verdict" in first:
            return f"{VERDICTS[first['verdict']]} {faces}"
        names = {"expression": "Label", "flag": "Flag", "comment": "Comment on"}
        return f"{next((word for name, word in names.items() if name in first), 'Change')} {faces}"

    def name(self, face: str) -> str:
        """What a face is called now: a `sample_id`, or `lost:` and a key."""
        return self.resolve.get(face, LOST + face)

    @property
    def orphans(self) -> list[str]:
        """Names of the faces that somebody judged and that no row shows any more."""
        return [
            name
            for name in self.by_key
            if name.startswith(LOST) and name not in self.dismissed and self.outcome(name).opinions
        ]

    def _step(self, event: Event) -> set[str]:
        if event.kind == "judge":
            new = event.batch not in self.batches
            self.batches.setdefault(event.batch, []).append(event)
            if new:
                self._done.setdefault(event.reviewer, []).append(event.batch)
                self._redo.pop(event.reviewer, None)
            check = event.shown.get("check")
            if check:
                self.checks.setdefault(check["id"], []).append(event)
                return set()
            key = self.name(event.face or "")
            self.by_key.setdefault(key, []).append(event)
            return {key}
        if event.kind in ("undo", "redo"):
            return self._turn(event)
        name = self.name(event.face or "")
        if event.kind == "attach":
            return self._attach(name, self.name(event.target or ""))
        self.dismissed.add(name)
        return set()

    def _turn(self, event: Event) -> set[str]:
        """Undo or redo. A row about a batch that is not in that state (two browsers pressed undo at
        once) changes nothing."""
        undo = event.kind == "undo"
        source = (self._done if undo else self._redo).setdefault(event.reviewer, [])
        goal = (self._redo if undo else self._done).setdefault(event.reviewer, [])
        if event.target not in source:
            return set()
        source.remove(event.target)
        goal.append(event.target)
        (self.undone.add if undo else self.undone.discard)(event.target)
        return {self.name(one.face or "") for one in self.batches[event.target]}

    def _attach(self, old: str, new: str) -> set[str]:
        """A lost face is found by a person. Where a rebuild has found it meanwhile, that holds."""
        if not old.startswith(LOST) or new.startswith(LOST):
            return set()
        moved = self.by_key.pop(old, [])
        self.by_key[new] = sorted([*self.by_key.get(new, []), *moved], key=in_time)
        self.resolve |= dict.fromkeys((event.face or "" for event in moved), new)
        return {old, new}


class OutOfOrder(Exception):
    """Rows came that are older than rows already folded."""


def in_time(event: Event) -> tuple[str, str, int]:
    """The order in which rows of several logs are folded."""
    return (event.at, event.batch, event.number)


def fold(events: Iterable[Event], resolve: Mapping[str, str] | None = None) -> Fold:
    """The state after all of a log's rows, in whatever order they are given."""
    made = Fold(resolve)
    made.extend(sorted(events, key=in_time))
    return made


def _outcome(events: Iterable[Event]) -> Outcome:
    made = Outcome()
    for event in events:
        opinion = made.opinions.setdefault(event.reviewer, Opinion(event.reviewer))
        _say(opinion, event)
        if event.action.get("verdict"):
            if event.shown.get("final"):
                made.standing = {}
            made.standing[event.reviewer] = opinion
        if event.action.get("expression"):
            made.expression, made.labelled_by = event.action["expression"], event.reviewer
    return made


def _say(opinion: Opinion, event: Event) -> None:
    action: Mapping[str, Any] = event.action
    opinion.at = event.at
    if action.get("verdict"):
        opinion.verdict, opinion.reason = action["verdict"], action.get("reason")
        opinion.face, opinion.judged = event.face or "", event
    for name in ("expression", "flag", "comment"):
        if name in action:
            setattr(opinion, name, action[name])
