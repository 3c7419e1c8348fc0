"""From scores to a status: pure rules over a table of rows, no pixels.

A measurement is a fact, a score an opinion of it, a verdict a decision; they are separate columns,
and this file makes only the last. A new threshold is therefore a matter of seconds.

Precedence: `failed` (the row has a failure code), then `rejected`, then `review`, then `accepted`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import numpy as np
import pyarrow as pa
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from fexdata.errors import FexdataError

SCORES: Final = {
    "detection": "how sure the detector was of the face",
    "sharpness": "whether the face's edges are sharp",
    "size": "whether the face has enough pixels in its photograph",
    "exposure": "whether the face is neither crushed nor blown, and has had enough light",
    "contrast": "whether the face stands out of haze",
    "pose": "whether the face is turned towards the viewer",
    "coverage": "whether the photograph shows the whole face",
    "fit": "whether the mesh is where the image's landmarks are",
    "surface": "whether the mesh is free of folds and hidden parts",
}
"""What the `quality` stage scores, as columns `score_<name>` in 0..1, low being bad."""

REASONS: Final = {
    "failed": "a stage failed: see failure_stage, failure_code and failure_message",
    "duplicate": "a better picture of its duplicate group is kept in its place",
    "low_quality": "the combined quality is below the rule's threshold",
    "unmeasured_quality": "a rule asks for the combined quality, which could not be computed",
    **{f"low_{name}": f"the score says no: {about}" for name, about in SCORES.items()},
    **{f"unmeasured_{name}": f"could not be measured: {about}" for name, about in SCORES.items()},
}
"""The words of the column `reasons`, with what they mean. A rule on a column `score_x` that
another package's stage writes adds `low_x` and `unmeasured_x`, and nothing else ever does."""


def _thresholds(thresholds: dict[str, float]) -> dict[str, float]:
    for column, least in thresholds.items():
        if column != "quality" and not column.startswith("score_"):
            raise ValueError(f"{column}: rules are on `quality` and on columns named score_...")
        if not 0.0 <= least <= 1.0:
            raise ValueError(f"{column}: {least} is not a threshold in 0..1")
    return thresholds


Thresholds = Annotated[dict[str, float], AfterValidator(_thresholds)]


class Rules(BaseModel):
    """Which rows are accepted, looked at by a person, or rejected.

    The defaults are for photographs found in the wild. Rules given in part replace the part: a
    recipe that names `reject` says all of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reject: Thresholds = Field(
        default={
            "score_detection": 0.05,
            "score_sharpness": 0.05,
            "score_size": 0.05,
            "score_exposure": 0.1,
            "score_contrast": 0.05,
            "score_coverage": 0.1,
        },
        description="Column -> least value: below it, the row is rejected.",
    )
    review: Thresholds = Field(
        default={
            "quality": 0.4,
            "score_detection": 0.3,
            "score_sharpness": 0.4,
            "score_size": 0.3,
            "score_exposure": 0.4,
            "score_contrast": 0.3,
            "score_pose": 0.3,
            "score_coverage": 0.5,
            "score_fit": 0.4,
            "score_surface": 0.3,
        },
        description="Column -> least value: below it, or null, the row goes to review.",
    )
    keep: Literal["best_of_duplicates", "all"] = Field(
        default="best_of_duplicates",
        description="Reject all but the best row of each duplicate group, or keep all.",
    )

    @classmethod
    def in_the_wild(cls) -> Rules:
        """For photographs from the web: repeats are the rule, and only the best of them counts."""
        return cls()

    @classmethod
    def studio(cls) -> Rules:
        """For a corpus photographed in one place: nothing is a repeat by accident, and head poses
        are there on purpose."""
        wild = cls()
        review = {column: least for column, least in wild.review.items() if column not in ("score_pose", "quality")}
        return cls(reject=wild.reject, review=review, keep="all")

    def columns(self) -> list[str]:
        """The columns that the rules ask for, which some stage must write."""
        return list({**self.reject, **self.review})


def reason_for(column: str, *, missing: bool = False) -> str:
    """The word for a rule on `column` that was broken, or whose value is missing."""
    return ("unmeasured_" if missing else "low_") + column.removeprefix("score_")


def verdict(
    rows: pa.Table | Mapping[str, Any],
    rules: Rules,
    *,
    best_of_duplicates: np.ndarray | None = None,
) -> tuple[list[str], list[list[str]]]:
    """The status of each row, and the reasons for it in the order of the rules.

    `rows` is a table, or a mapping of equally long columns, with `failure_code` and every column
    that a rule names; any part of a dataset will do. `best_of_duplicates` (n,) bool tells which
    rows are the best of their duplicate group or in none (`duplicates.best_of_group` over the
    whole dataset); it is needed when rules keep only those. Raises `FexdataError` for a rule on a
    column that is not there.
    """
    failed = np.array([code is not None for code in _values(rows, "failure_code")], bool)
    count = len(failed)
    scores = {column: _score(rows, column) for column in rules.columns()}
    rejected: list[tuple[str, np.ndarray]] = []
    review: list[tuple[str, np.ndarray]] = []
    for column, least in rules.reject.items():
        rejected.append((reason_for(column), scores[column] < least))
        if column not in rules.review:
            review.append((reason_for(column, missing=True), np.isnan(scores[column])))
    for column, least in rules.review.items():
        review.append((reason_for(column), scores[column] < least))
        review.append((reason_for(column, missing=True), np.isnan(scores[column])))
    if rules.keep == "best_of_duplicates":
        if best_of_duplicates is None:
            raise FexdataError("rules keep the best of duplicates, but nobody said which rows those are")
        rejected.append(("duplicate", ~np.asarray(best_of_duplicates, bool)))
    is_rejected = _any(rejected, count) & ~failed
    is_review = _any(review, count) & ~failed & ~is_rejected
    status = np.full(count, "accepted", object)
    status[is_review], status[is_rejected], status[failed] = "review", "rejected", "failed"
    reasons: list[list[str]] = [[] for _ in range(count)]
    for state, rule in ((is_rejected, rejected), (is_review, review), (failed, [("failed", failed)])):
        for reason, broken in rule:
            for index in np.flatnonzero(broken & state):
                reasons[index].append(reason)
    return status.tolist(), reasons


def _any(rules: list[tuple[str, np.ndarray]], count: int) -> np.ndarray:
    return np.logical_or.reduce([broken for _, broken in rules]) if rules else np.zeros(count, bool)


def _values(rows: pa.Table | Mapping[str, Any], column: str) -> Any:
    known = rows.column_names if isinstance(rows, pa.Table) else list(rows)
    if column not in known:
        scores = [name for name in known if name == "quality" or name.startswith("score_")]
        raise FexdataError(
            f"a rule needs the column {column}, which no stage of this build writes; "
            f"it has {', '.join(scores) or 'no scores'}"
        )
    return rows.column(column).to_pylist() if isinstance(rows, pa.Table) else rows[column]


def _score(rows: pa.Table | Mapping[str, Any], column: str) -> np.ndarray:
    """(n,) float64, NaN for null."""
    if isinstance(rows, pa.Table) and column in rows.column_names:
        return rows.column(column).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.array([np.nan if value is None else value for value in _values(rows, column)], np.float64)
