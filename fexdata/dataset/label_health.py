"""Whether labels and annotations can be right, before anyone trains on them.

Columns of action units and coefficients go wrong in ways that no type or range shows: a column
shifted by one place, one that is the same in every row, scores that stick at the top of their
scale, sides exchanged, smiles without AU12. Each check here finds one of these, counts its rows and
names a few. Rows that failed or were rejected are not looked at.

Findings are remarks, not proofs: a corpus without a single wink has no wink. `fexdata validate`
prints them as warnings, which `--strict` turns into an exit status.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fexdata.dataset.card import Card
from fexdata.dataset.fields import column, fixed, meta, names_of
from fexdata.dataset.mirror import mirror
from fexdata.dataset.reader import Dataset
from fexdata.dataset.validate import Problem
from fexdata.dataset.vectors import stacked
from fexdata.errors import FexdataError
from fexdata.faces.action_units.schemes import SCHEMES

Kind = Literal["absent", "constant", "never_active", "saturated", "sides", "contradiction"]

FEWEST = 30
"""Rows below which nothing is said: a dozen pictures prove no habit."""
ABSENT = 0.05
"""Share of rows without a value from which a column is worth a remark."""
SATURATED = 0.05
"""Share of rows at the very top of the scale that real faces do not reach."""
ACTIVE = 0.2
"""Share of the scale from which a movement counts as shown: FACS's grade A of five."""
SIDES_CORRELATE = 0.3
"""Faces move both sides together: below this correlation, one of the two columns is not the other side."""
CONTRADICTED = 0.25
"""Share of a label's rows without any of its movements from which the label contradicts the scores."""
STRONG = 0.5
"""Share of the scale that no movement of a neutral face reaches."""
EXAMPLES = 5

SIGNS: Mapping[str, tuple[str, ...]] = {
    "happy": ("AU12",),
    "sad": ("AU1", "AU4", "AU15"),
    "surprise": ("AU1", "AU2", "AU5", "AU25", "AU26"),
    "fear": ("AU1", "AU2", "AU4", "AU5", "AU20", "AU25", "AU26"),
    "anger": ("AU4", "AU5", "AU7", "AU23", "AU24"),
    "disgust": ("AU4", "AU9", "AU10", "AU17"),
    "contempt": ("AU12", "AU14"),
}
"""Label -> movements of which at least one is to be seen (EMFACS: Ekman and Friesen, 1983)."""
DIRECTIONS = ("eyeLook", "jawLeft", "mouthLeft", "AD30")
"""Beginnings of names whose left and right are two directions of one movement, not its two sides."""
VECTORS = ("expression_params", "speech_params")
"""Columns of named coefficients beside those that declare a range."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that looks wrong."""

    kind: Kind
    where: str
    """Column, or column and member: `au.AU12`."""
    what: str
    """In words, without the count."""
    rows: int
    of: int
    """How many of how many rows."""
    examples: tuple[str, ...]
    """`sample_id`s of a few of them, in the manifest's order."""

    def __str__(self) -> str:
        return f"{self.what}: {self.rows:,} of {self.of:,} rows"


def label_health(dataset: Dataset) -> list[Finding]:
    """Everything that looks wrong in a dataset's labels and scores; empty where nothing does.

    Looks at every struct of action units (`au`, and each tool's own) and every vector of named
    coefficients. Few rows (below `FEWEST`) are passed over in silence.
    """
    columns = [field for field in dataset.schema if _is_scored(field)]
    usable = pc.is_in(pc.field("status"), value_set=pa.array(["accepted", "review"]))
    rows = dataset.table(["sample_id", "expression", *(field.name for field in columns)], usable)
    if len(rows) < FEWEST:
        return []
    ids = np.asarray(rows.column("sample_id").to_pylist(), object)
    labels = np.asarray(rows.column("expression").to_pylist(), object)
    found: list[Finding] = []
    for field in columns:
        scores = _scores(rows.column(field.name), field)
        found += check_values(field.name, scores, _highest(field), ids)
        found += check_sides(field.name, scores, ids)
        if field.name == "au":
            found += check_labels(scores, _highest(field) or 1.0, labels, ids)
    return found


def check_label_health(dataset: Dataset, card: Card) -> Iterator[Problem]:
    """The findings as warnings of `fexdata validate`."""
    for one in label_health(dataset):
        yield Problem("warning", one.where, f"{one} ({', '.join(one.examples[:3])}{', …' if one.rows > 3 else ''})")


def check_values(
    name: str, scores: Mapping[str, np.ndarray], highest: float | None, ids: np.ndarray
) -> Iterator[Finding]:
    """Values that are absent, all the same, never shown, or at the end of the scale.

    scores: member -> (n,) float, NaN for none. highest: the scale's end, where the column says one.
    """
    for member, values in scores.items():
        where, there = f"{name}.{member}", np.isfinite(values)
        if (~there).mean() > ABSENT:
            yield _finding("absent", where, "has no value", ~there, ids)
        given = values[there]
        if len(given) < FEWEST:
            continue
        if np.ptp(given) == 0:
            yield _finding("constant", where, f"is always {given[0]:g}", there, ids)
        elif highest is not None and not (given >= ACTIVE * highest).any():
            yield _finding("never_active", where, f"never reaches {ACTIVE * highest:g}", there, ids)
        elif highest is not None and (given >= highest).mean() > SATURATED:
            at_end = there & (np.nan_to_num(values) >= highest)
            yield _finding("saturated", where, f"is at {highest:g}, the end of its scale", at_end, ids)


def check_sides(name: str, scores: Mapping[str, np.ndarray], ids: np.ndarray) -> Iterator[Finding]:
    """Left and right columns that do not go together: one of them is something else, or they are shifted."""
    for member, partner in _sides(list(scores)):
        values = scores[member]
        both = np.isfinite(values) & np.isfinite(scores[partner])
        one, other = values[both], scores[partner][both]
        if both.sum() < FEWEST or min(np.ptp(one), np.ptp(other)) == 0:
            continue
        together = float(np.corrcoef(one, other)[0, 1])
        if together < SIDES_CORRELATE:
            apart = np.zeros(len(values))
            apart[both] = np.abs(one - other)
            worst = both & (apart >= np.quantile(apart[both], 0.9)) & (apart > 0)
            what = f"does not go with {partner} (correlation {together:.2f}); most apart"
            yield _finding("sides", f"{name}.{member}", what, worst, ids)


def check_labels(
    scores: Mapping[str, np.ndarray], highest: float, labels: np.ndarray, ids: np.ndarray
) -> Iterator[Finding]:
    """Labels whose movements are not there, and neutral faces with strong ones."""
    for label, wanted in SIGNS.items():
        known = [scores[unit] for unit in wanted if unit in scores]
        rows = labels == label
        if not known or rows.sum() < FEWEST:
            continue
        strongest = np.fmax.reduce(known)
        without = rows & (strongest < ACTIVE * highest)
        if without.sum() > CONTRADICTED * rows.sum():
            units = " or ".join(unit for unit in wanted if unit in scores)
            yield _finding("contradiction", f"expression {label}", f"{label} without {units}", without, ids, rows)
    neutral = labels == "neutral"
    if scores and neutral.sum() >= FEWEST:
        moving = neutral & (np.fmax.reduce(list(scores.values())) >= STRONG * highest)
        if moving.sum() > CONTRADICTED * neutral.sum():
            what = f"neutral with an action unit of {STRONG * highest:g} or more"
            yield _finding("contradiction", "expression neutral", what, moving, ids, neutral)


def _sides(names: list[str]) -> list[tuple[str, str]]:
    """Pairs of members that are two sides of one movement, each pair once."""
    probe = column("names", fixed(len(names)), "Numbers of names.", mirror="named", names=names)
    try:
        flipped = mirror({"names": np.arange(len(names))}, pa.schema([probe]))["names"]
    except FexdataError:  # a name without a partner: not of this kind
        return []
    partners = [names[int(abs(index))] for index in flipped]
    return [
        (name, partner)
        for name, partner in zip(names, partners, strict=True)
        if name < partner and not name.startswith(DIRECTIONS)
    ]


def _finding(
    kind: Kind, where: str, what: str, rows: np.ndarray, ids: np.ndarray, among: np.ndarray | None = None
) -> Finding:
    total = len(rows) if among is None else int(among.sum())
    return Finding(kind, where, what, int(rows.sum()), total, tuple(ids[rows][:EXAMPLES]))


def _is_scored(field: pa.Field) -> bool:
    """Scores of action units, or named coefficients; not confidences and agreements."""
    if pa.types.is_struct(field.type):
        return field.name == "au" or meta(field, "convention") in SCHEMES
    return bool(names_of(field)) and (field.name in VECTORS or meta(field, "unit").startswith("0 to "))


def _scores(column: pa.ChunkedArray, field: pa.Field) -> dict[str, np.ndarray]:
    """Member -> (n,) float64, NaN for none."""
    if pa.types.is_struct(field.type):
        parts = column.combine_chunks().flatten()
        flat = (np.asarray(part.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64) for part in parts)
        return {child.name: values for child, values in zip(field.type, flat, strict=True)}
    values = stacked(column, field).reshape(len(column), -1).astype(np.float64)
    return dict(zip(names_of(field), values.T, strict=True))


def _highest(field: pa.Field) -> float | None:
    """The end of the scale that the field's unit states, as in `0 to 5`."""
    first, _, last = meta(field, "unit").partition(" to ")
    return float(last) if first == "0" and last.replace(".", "", 1).isdigit() else None
