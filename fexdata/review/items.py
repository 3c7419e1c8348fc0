"""One face in words and numbers, as the page shows it."""

from __future__ import annotations

from typing import Any, Final

from fexdata.dataset.report.charts import number
from fexdata.dataset.report.sheets import visible
from fexdata.dataset.verdict import SCORES
from fexdata.review.catalog import Catalog
from fexdata.review.events import Event
from fexdata.review.fold import Opinion
from fexdata.review.state import State
from fexdata.review.words import REASONS, VERDICTS

FACTS: Final = (
    ("yaw", "Yaw", "°"),
    ("pitch", "Pitch", "°"),
    ("roll", "Roll", "°"),
    ("measure_size", "Eye distance in the photograph", " px"),
    ("detection_score", "Detector", ""),
    ("face_count", "Faces in the photograph", ""),
    ("camera_angle", "Camera", "°"),
    ("subject", "Subject", ""),
    ("split", "Split", ""),
    ("geometry", "Mesh", ""),
)
"""Column, title and unit of the facts beside a face."""


class Items:
    """Faces as JSON values, for one reviewer at a time."""

    def __init__(self, catalog: Catalog, state: State, kinds: list[str], *, photographs: bool) -> None:
        """kinds: the maps that the dataset has, as picture kinds of the page."""
        self._catalog, self._state = catalog, state
        self._kinds = [*kinds, *(["photograph"] if photographs else [])]

    def items(self, rows: list[int], reviewer: str) -> list[dict[str, Any]]:
        records = self._catalog.records(rows)
        return [self._item(row, record, reviewer) for row, record in zip(rows, records, strict=True)]

    def brief(self, row: int, reviewer: str) -> dict[str, Any]:
        """What changes with a decision."""
        mine = self._state.outcome(row).opinions.get(reviewer)
        opinion = None if mine is None else opinion_words(mine)
        return {"id": self._catalog.id(row), "mine": opinion, "in_force": self._in_force(row, reviewer)}

    def _item(self, row: int, record: dict[str, Any], reviewer: str) -> dict[str, Any]:
        catalog, state = self._catalog, self._state
        outcome, blind = state.outcome(row), state.blind(reviewer, row)
        status = catalog.word(row)
        reasons = [{"name": one, "words": catalog.meaning(one, status)} for one in catalog.reasons.get(row, ())]
        others = [] if blind else [opinion_words(one) for name, one in outcome.opinions.items() if name != reviewer]
        mesh = record.get("geometry") is not None and "vertices" in catalog.dataset.metadata["side"]
        remark = "" if catalog.remark is None else catalog.remark.words(row)
        return self.brief(row, reviewer) | {
            "build": catalog.build,
            "rule": {"status": status, "reasons": reasons},
            "expression": state.corpus_expression(row),
            "corpus_label": _shown(record.get("corpus_label")),
            "source": visible(str(record.get("source_path") or ""), 80),
            "facts": facts_of(record),
            "doubt": remark,
            "quality": _rounded(record.get("quality")),
            "scores": scores_of(catalog, record),
            "pictures": self._pictures(row, mesh),
            "mesh": f"/api/items/{catalog.id(row)}/mesh?v={catalog.build}" if mesh else None,
            "others": others,
            "blind": blind,
            "stale": state.stale.get(row, []),
            "history": self._history(row, reviewer, blind),
        }

    def _in_force(self, row: int, reviewer: str) -> dict[str, Any]:
        outcome = self._state.outcome(row)
        expression, by_rules = self._state.corpus_expression(row), self._catalog.word(row)
        if self._state.blind(reviewer, row):
            return {"status": by_rules, "decided_by": "rules", "expression": expression}
        return {
            "status": outcome.status(by_rules),
            "decided_by": outcome.decided_by or "rules",
            "expression": outcome.label(expression),
        }

    def _pictures(self, row: int, mesh: bool) -> dict[str, str]:
        if not self._catalog.with_crop[row]:
            return {}
        base, version = f"/api/items/{self._catalog.id(row)}/picture", self._catalog.build
        kinds = [kind for kind in self._kinds if mesh or kind in ("crop", "photograph", "overlay")]
        return {kind: f"{base}/{kind}?v={version}" for kind in kinds}

    def _history(self, row: int, reviewer: str, blind: bool) -> list[dict[str, Any]]:
        state = self._state
        events = state.fold.by_key.get(self._catalog.id(row), [])
        return [
            {
                "reviewer": event.reviewer,
                "at": event.at,
                "words": event_words(event),
                "undone": event.batch in state.fold.undone,
            }
            for event in events
            if not blind or event.reviewer == reviewer
        ]


def opinion_words(one: Opinion) -> dict[str, Any]:
    """An opinion as the page gets it."""
    names = ("reviewer", "verdict", "reason", "expression", "flag", "comment", "at")
    return {name: getattr(one, name) for name in names}


def event_words(event: Event) -> str:
    """`Reject: too blurred to tell; labelled sad`."""
    action, said = event.action, []
    if action.get("verdict"):
        why = f": {REASONS[action['reason']].lower()}" if action.get("reason") else ""
        said.append(VERDICTS[action["verdict"]] + why)
    if action.get("expression"):
        said.append(f"labelled {action['expression']}")
    if "flag" in action:
        said.append("flagged" if action["flag"] else "flag removed")
    if "comment" in action:
        said.append(f"“{visible(action['comment'], 200)}”" if action["comment"] else "comment removed")
    return "; ".join(said)


def facts_of(record: dict[str, Any]) -> list[dict[str, str]]:
    """The facts that there are, formatted."""
    found = []
    for column, title, unit in FACTS:
        value = record.get(column)
        if value is not None:
            text = visible(value, 60) if isinstance(value, str) else f"{number(float(value))}{unit}"
            found.append({"name": title, "value": text})
    return found


def scores_of(catalog: Catalog, record: dict[str, Any]) -> list[dict[str, Any]]:
    """Every score with its rules' limits, the worst first."""
    found = []
    for column, value in record.items():
        if not column.startswith("score_"):
            continue
        reject, review = catalog.threshold(column, "rejected"), catalog.threshold(column, "review")
        name = column.removeprefix("score_")
        found.append(
            {
                "name": name,
                "about": SCORES.get(name, ""),
                "value": _rounded(value),
                "reject": reject,
                "review": review,
                "level": _level(value, reject, review),
            }
        )
    order = ("bad", "doubtful", "unknown", "good")
    return sorted(found, key=lambda one: (order.index(one["level"]), one["value"] or 0.0))


def _level(value: float | None, reject: float | None, review: float | None) -> str:
    if value is None:
        return "unknown"
    if reject is not None and value < reject:
        return "bad"
    return "doubtful" if review is not None and value < review else "good"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _shown(text: str | None) -> str | None:
    return None if text is None else visible(text, 60)
