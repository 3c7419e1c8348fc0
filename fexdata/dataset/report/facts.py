"""What the page says in numbers and words, gathered from a dataset.

Columns are read one after another and kept as codes, so that memory follows the number of rows (a
million: about half a gigabyte at most), not what the manifest holds beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fexdata.dataset.decisions import REVIEW_REASONS
from fexdata.dataset.fields import meta
from fexdata.dataset.reader import Dataset
from fexdata.dataset.report.charts import Threshold, number
from fexdata.dataset.report.statistics import (
    Acceptance,
    Histogram,
    acceptance,
    histogram,
    skin_tone_codes,
    yaw_codes,
)
from fexdata.dataset.schema import STATUSES
from fexdata.dataset.verdict import REASONS, SCORES

EXPRESSION_ORDER = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt")
SPLIT_ORDER = ("train", "val", "test")
MOST_CLASSES = 40
"""A column with more classes than this is not a class column (a corpus per row, say)."""

CODE_MEANINGS: Mapping[str, str] = {
    "missing": "Listed by the corpus, but the file is not there.",
    "not_a_file": "A folder or device with the name of a photograph.",
    "unreadable": "The file is there, but the system refuses to hand over its bytes.",
    "empty_file": "The file has no bytes.",
    "not_an_image": "The bytes are not those of a picture.",
    "unsupported_format": "A picture, in a format that is not read here.",
    "decode_error": "The picture is truncated or corrupt.",
    "too_large": "Larger than the limit on pixels or bytes.",
    "no_face": "The detector found no face.",
    "no_annotated_face": "Faces were found, but none where the corpus says it is.",
    "poor_fit": "The face model does not follow the landmarks closely enough.",
    "out_of_frame": "Too much of the face lies outside the photograph.",
    "internal_error": "A stage raised an error it should not have: worth a bug report.",
    "crashed": "The worker process died on this photograph.",
    "timeout": "The photograph took longer than the recipe allows.",
    "out_of_memory": "The photograph needed more memory than there was.",
}
"""What each failure code means to someone who reads the report."""


BREAKDOWNS = (
    ("expression", "Expression", "the corpus's label"),
    ("measure_skin_tone_ita", "Skin tone", "individual typology angle of the pixels, which light and camera shift too"),
    ("yaw", "Head yaw", "positive: the face looks to the left of the picture"),
    ("split", "Split", ""),
    ("corpus", "Corpus", ""),
)
"""Column, title and remark of each table of acceptance rates."""

NO_REASON = "no reason given"


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason or failure code and how many rows have it."""

    name: str
    kind: str
    """The status of its rows: `review`, `rejected` or `failed`. A reason that rows of two statuses
    have is two causes: a rule has one threshold for each."""
    rows: int
    where: str = ""
    """For failures: the stages it happened in."""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """A column of numbers with its histogram."""

    name: str
    about: str
    unit: str
    histogram: Histogram
    thresholds: tuple[Threshold, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Margin:
    """How close rows are to the rule they are closest to failing.

    `least` (n,) float32: by how much the score passes, negative where it fails; NaN where no
    score is known. `which` (n,) int16: that rule's index in `columns`, -1 for none.
    """

    least: np.ndarray
    which: np.ndarray
    columns: tuple[str, ...]

    def words(self, row: int) -> str:
        """`pose 0.02 over its rule`; empty where no rule applies."""
        if self.which[row] < 0:
            return ""
        name = self.columns[self.which[row]].removeprefix("score_").replace("_", " ")
        return f"{name} {number(abs(float(self.least[row])))} {'over' if self.least[row] >= 0 else 'under'} its rule"


class Rows:
    """The rows of a manifest, column by column. Arrays have one entry per row, manifest order."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.names = frozenset(dataset.schema.names)

    @cached_property
    def status(self) -> np.ndarray:
        """(n,) int8: the index in `STATUSES`; a status that is none of them raises ValueError."""
        column = self.dataset.table(["status"]).column("status")
        codes = pc.index_in(column, value_set=pa.array(STATUSES)).combine_chunks()
        if codes.null_count:
            raise ValueError("the manifest has rows without a known status; run `fexdata validate`")
        return codes.to_numpy(zero_copy_only=False).astype(np.int8)

    @property
    def accepted(self) -> np.ndarray:
        return self.status == STATUSES.index("accepted")

    def numbers(self, name: str) -> np.ndarray:
        """(n,) float32, NaN for null; raises KeyError when there is no such column."""
        if name not in self.names:
            raise KeyError(name)
        column = self.dataset.table([name]).column(name).cast(pa.float32())
        return column.combine_chunks().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)

    def classes(self, name: str) -> tuple[np.ndarray, list[str]]:
        """A text column as (n,) int32 codes, -1 for null, and the sorted words they stand for."""
        column = self.dataset.table([name]).column(name).combine_chunks()
        words = pc.unique(column.drop_null()).sort()
        codes = pc.fill_null(pc.index_in(column, value_set=words, skip_nulls=True), -1)
        return codes.to_numpy(zero_copy_only=False).astype(np.int32), words.to_pylist()

    def with_cause(self) -> Iterator[tuple[str, str, str | None, np.ndarray]]:
        """(kind, name, stage, row numbers) for each reason and each failure code and stage."""
        reasons = self.dataset.table(["reasons"]).column("reasons").combine_chunks()
        parents = pc.list_parent_indices(reasons).to_numpy(zero_copy_only=False)
        words = pc.list_flatten(reasons).dictionary_encode()
        codes = words.indices.to_numpy(zero_copy_only=False)
        given = np.zeros(len(self.status), bool)
        given[parents] = True
        for wanted in (STATUSES.index("review"), STATUSES.index("rejected")):
            mine = self.status[parents] == wanted
            for index, name in enumerate(words.dictionary.to_pylist()):
                rows = np.unique(parents[mine & (codes == index)])
                if len(rows):
                    yield STATUSES[wanted], name, None, rows
            silent = np.flatnonzero(~given & (self.status == wanted))
            if len(silent):
                yield STATUSES[wanted], NO_REASON, None, silent
        code, code_words = self.classes("failure_code")
        stage, stage_words = self.classes("failure_stage")
        failed = self.status == STATUSES.index("failed")
        for key in np.unique(np.stack([code[failed], stage[failed]]), axis=1).T if failed.any() else ():
            rows = np.flatnonzero(failed & (code == key[0]) & (stage == key[1]))
            name = code_words[key[0]] if key[0] >= 0 else "unknown"
            yield "failed", name, stage_words[key[1]] if key[1] >= 0 else "unknown", rows


def causes(rows: Rows, limits: Mapping[str, tuple[Threshold, ...]]) -> list[tuple[Cause, np.ndarray]]:
    """Reasons and failure codes with their rows: rejections, then reviews, then failures, the most
    frequent first. The same code from two stages is one cause; `limits` are the rules' thresholds."""
    merged: dict[tuple[str, str], tuple[list[str], list[np.ndarray]]] = {}
    for kind, name, stage, members in rows.with_cause():
        stages, parts = merged.setdefault((kind, name), ([], []))
        parts.append(members)
        stages += [stage] if stage is not None else []
    found = []
    for (kind, name), (stages, parts) in merged.items():
        members = np.concatenate(parts)
        sentence = CODE_MEANINGS.get(name, "") if kind == "failed" else meaning(name, kind, limits, _declared(rows))
        found.append((Cause(name, kind, len(members), ", ".join(sorted(stages)), sentence), members))
    order = ("rejected", "review", "failed")
    return sorted(found, key=lambda one: (order.index(one[0].kind), -one[0].rows, one[0].name))


def _declared(rows: Rows) -> dict[str, str]:
    """Score's column -> what its field says of it, for scores that only some recipes have."""
    fields = [field for field in rows.dataset.schema if field.name.startswith("score_")]
    return {field.name: meta(field, "about").removeprefix("Score: ").rstrip(".") for field in fields}


def meaning(
    reason: str, kind: str, limits: Mapping[str, tuple[Threshold, ...]], declared: Mapping[str, str] | None = None
) -> str:
    """A sentence about a reason: the rule that gave it, and what that rule looks at. `declared`: column ->
    what it says of itself, for scores that fexdata's own words do not name."""
    if reason == NO_REASON:
        return "A reviewer's decision, or a rule that does not say why."
    what, _, subject = reason.partition("_")
    column = subject if subject == "quality" else f"score_{subject}"
    about = "all scores combined" if subject == "quality" else SCORES.get(subject) or (declared or {}).get(column, "")
    if what == "low" and about:
        least = [f" under {number(one.value)}" for one in limits.get(column, ()) if one.status == kind]
        return f"Score{''.join(least)}: {about}."
    if what == "unmeasured" and about:
        return f"Could not be scored: {about}."
    about = REASONS.get(reason) or REVIEW_REASONS.get(reason, "")
    return f"{about[:1].upper()}{about[1:]}." if about else ""


def thresholds(metadata: Mapping[str, Any]) -> dict[str, tuple[Threshold, ...]]:
    """The limits of the recipe's rules, by column; none where the recipe has no rules."""
    recipe = metadata.get("recipe") or {}
    rules = recipe.get("rules") or {}
    found: dict[str, tuple[Threshold, ...]] = {}
    for part, status in (("reject", "rejected"), ("review", "review")):
        for column, least in (rules.get(part) or {}).items():
            found[column] = (*found.get(column, ()), Threshold(float(least), status, below=True))
    return found


def margin(rows: Rows, limits: Mapping[str, tuple[Threshold, ...]]) -> Margin | None:
    """How close each row is to its rules. None when no rule names a column of the manifest and
    there is no `quality` to stand in for one."""
    named = {name: max(one.value for one in limits[name]) for name in limits if name in rows.names}
    if not named and "quality" in rows.names:
        named = {"quality": 0.0}
    if not named:
        return None
    least = np.full(len(rows.status), np.inf, np.float32)
    which = np.full(len(rows.status), -1, np.int16)
    for index, (name, value) in enumerate(named.items()):
        mine = rows.numbers(name) - np.float32(value)
        nearer = mine < least  # false where a score is null
        least[nearer], which[nearer] = mine[nearer], index
    least[which < 0] = np.nan
    return Margin(least, which, tuple(named))


def acceptances(rows: Rows) -> list[tuple[str, str, Acceptance]]:
    """(title, remark, acceptance) for expression, yaw, skin tone, corpus and split, where known."""
    found = {}
    for name, order in (("expression", EXPRESSION_ORDER), ("split", SPLIT_ORDER), ("corpus", ())):
        codes, words = rows.classes(name)
        if not 2 <= len(words) <= MOST_CLASSES:  # one class has nothing to be compared with
            continue
        ranked = sorted(words, key=lambda word: (order.index(word) if word in order else len(order), word))
        rank = np.array([ranked.index(word) for word in words] + [-1], np.int32)
        found[name] = acceptance(rank[codes], ranked, rows.accepted)
    for name, divide in (("yaw", yaw_codes), ("measure_skin_tone_ita", skin_tone_codes)):
        if name in rows.names:
            codes, labels = divide(rows.numbers(name))
            if (codes >= 0).any():
                found[name] = acceptance(codes, labels, rows.accepted)
    return [(title, remark, found[name]) for name, title, remark in BREAKDOWNS if name in found]


def measured(rows: Rows, prefix: str, thresholds: Mapping[str, tuple[Threshold, ...]]) -> list[Measured]:
    """Histograms of all columns whose name begins with `prefix` and that have a value."""
    found = []
    for column in rows.dataset.schema:
        number = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
        if not column.name.startswith(prefix) or not number:
            continue
        # Scores share one axis, so that their charts can be compared at a glance.
        span = (0.0, 1.0) if meta(column, "unit") == "0 to 1" else None
        made = histogram(rows.numbers(column.name), rows.accepted, span=span)
        if made is not None:
            text = (meta(column, "about"), meta(column, "unit"))
            found.append(Measured(column.name, *text, made, thresholds.get(column.name, ())))
    return found


def counts(rows: Rows) -> dict[str, int]:
    """Rows by status, in the order of `STATUSES`."""
    found = np.bincount(rows.status, minlength=len(STATUSES))
    return {status: int(count) for status, count in zip(STATUSES, found, strict=True)}


def licences(metadata: Mapping[str, Any]) -> list[str]:
    """Every licence the dataset carries, each once, in the order given."""
    corpus = metadata.get("corpus") or {}
    own = [corpus.get("licence")] if isinstance(corpus, Mapping) else []
    return list(dict.fromkeys(str(one) for one in [*own, *(metadata.get("licences") or [])] if one))
