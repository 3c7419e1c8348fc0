"""Shorthand for the tests of the review: wishes, decisions, a dataset's rules."""

from __future__ import annotations

import uuid
from typing import Any

from fexdata.review.desk import Desk
from fexdata.review.requests import Action, Decide, Next

RULES = {"reject": {"score_sharpness": 0.3}, "review": {"score_sharpness": 0.5}, "keep": "all"}


def with_rules(metadata: dict[str, Any]) -> None:
    metadata["recipe"] = {"name": metadata["name"], "corpus": "folder", "stages": {}, "rules": RULES}


def by_sharpness(rows: list[dict[str, Any]]) -> None:
    """Verdicts as the rules above give them."""
    for row in rows:
        if row["status"] == "failed":
            continue
        score = row["score_sharpness"]
        row["status"] = "rejected" if score < 0.3 else "review" if score < 0.5 else "accepted"
        row["reasons"] = [] if score >= 0.5 else ["low_sharpness"]


def wish(queue: str = "rejected", order: str = "doubt", count: int = 1, tab: str = "a", **more: Any) -> Next:
    return Next(queue=queue, order=order, count=count, tab=tab, **more)


def decide(desk: Desk, reviewer: str, *actions: dict[str, Any], queue: str = "rejected", order: str = "doubt",
           uid: str | None = None) -> dict[str, Any]:  # fmt: skip
    """One batch; each action is a mapping with `id`."""
    batch = Decide(uid=uid or uuid.uuid4().hex, queue=queue, order=order, view="face", seconds=2.0,
                   actions=[Action(**one) for one in actions])  # fmt: skip
    return desk.decide(reviewer, batch)


def accept(name: str) -> dict[str, Any]:
    return {"id": name, "verdict": "accept"}


def reject(name: str, reason: str = "bad_fit") -> dict[str, Any]:
    return {"id": name, "verdict": "reject", "reason": reason}


def names(found: dict[str, Any]) -> list[str]:
    return [one["id"] for one in found["items"]]
