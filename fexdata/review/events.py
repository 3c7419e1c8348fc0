"""One row of the log of decisions, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

Kind = Literal["judge", "undo", "redo", "dismiss", "attach"]


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the log.

    kind: `judge` (an action on `face`), `undo` and `redo` (of the batch `target`), `dismiss` (the
    orphaned `face` is given up) or `attach` (`face` is the face `target` of today).
    action: any of verdict, reason, expression, flag, comment; what is absent stays as it was.
    shown: what the reviewer saw: queue, order, view, whether the decision was made knowing others'
    (`final`), the seed of a random order (`sampled`), the known answer of a planted check (`check`).
    """

    batch: str
    number: int
    reviewer: str
    at: str
    """UTC, ISO 8601 with microseconds; strictly increasing within one log."""
    kind: Kind
    face: str | None = None
    target: str | None = None
    action: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    shown: Mapping[str, Any] = field(default_factory=dict)
    seq: int = 0


def stamp(after: str = "") -> str:
    """Now, but later than `after`: the log's order never depends on a clock that was set back."""
    now = datetime.now(UTC)
    if after:
        now = max(now, datetime.fromisoformat(after) + timedelta(microseconds=1))
    return now.isoformat(timespec="microseconds")
