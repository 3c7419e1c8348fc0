"""What changed between two builds: rows, columns, verdicts.

Rows are joined by `sample_id`, so a photograph that was added moves nothing else. Columns are
compared one at a time; pictures and side tables on a seeded sample of the rows that both have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fexdata.dataset.reader import Dataset, settings
from fexdata.dataset.schema import PLACE
from fexdata.dataset.vectors import stacked

SAMPLE = 200
"""Rows whose pictures and side values are compared."""

CONFUSIONS = 40
"""Pairs of words told per column at most: a hash that changed everywhere is no confusion."""

SKIPPED = ("sample_id", *(one.name for one in PLACE))
"""Not compared: the key, and where a row's pictures lie."""


@dataclass(frozen=True)
class ColumnChange:
    """How one column's values moved among the rows that both builds have."""

    name: str
    rows: int
    """Rows compared."""
    changed: int
    median: float | None = None
    """Median absolute change of the rows that changed; of a vector, of its farthest component.
    Rows with a null on one side count as changed, but have no distance."""
    largest: float | None = None
    confusion: dict[tuple[str, str], int] = field(default_factory=dict)
    """(old, new) -> rows, most frequent first; for columns of words."""

    @property
    def share(self) -> float:
        return self.changed / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class Flip:
    """A row whose status changed."""

    sample_id: str
    old: str
    new: str
    old_reasons: tuple[str, ...]
    new_reasons: tuple[str, ...]


@dataclass(frozen=True)
class Diff:
    """The difference of two builds; `str(diff)` is a summary for people."""

    old: Dataset
    new: Dataset
    added: list[str]
    """`sample_id`s that only the new build has."""
    removed: list[str]
    common: int
    changes: list[ColumnChange]
    """Columns in which something changed, in the manifest's order."""
    flips: list[Flip]
    columns_added: list[str]
    columns_removed: list[str]
    columns_retyped: list[str]
    settings: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Setting of the recipe, by dotted name -> (old, new); a setting that one lacks is `none`."""

    @property
    def is_empty(self) -> bool:
        told = (self.added, self.removed, self.changes, self.columns_added, self.columns_removed, self.columns_retyped)
        return not any(told)

    def __str__(self) -> str:
        return summary(self)


def diff(old: Dataset, new: Dataset, *, sample: int = SAMPLE) -> Diff:
    """Compares two builds. `sample` rows (those with the smallest ids, which are hashes) stand for
    all of them where pictures and side tables are compared."""
    at_new = np.asarray(pc.index_in(old.sample_ids, value_set=new.sample_ids).fill_null(-1))
    kept = np.flatnonzero(at_new >= 0)
    missing = pc.invert(pc.is_in(new.sample_ids, value_set=old.sample_ids))
    pair = _Pair(old, new, kept, at_new[kept])
    both = [name for name in old.schema.names if name in new.schema.names]
    same = [name for name in both if old.schema.field(name).type == new.schema.field(name).type]
    changes = [pair.column(name) for name in same if name not in SKIPPED]
    changes += pair.sampled(sample)
    return Diff(
        old=old,
        new=new,
        added=new.sample_ids.filter(missing).to_pylist(),
        removed=old.sample_ids.filter(pa.array(at_new < 0)).to_pylist(),
        common=len(kept),
        changes=[change for change in changes if change.changed],
        flips=pair.flips(),
        columns_added=[name for name in _columns(new) if name not in _columns(old)],
        columns_removed=[name for name in _columns(old) if name not in _columns(new)],
        columns_retyped=[name for name in both if name not in same],
        settings=_settings(old, new),
    )


def _settings(old: Dataset, new: Dataset) -> dict[str, tuple[str, str]]:
    before, after = settings(old), settings(new)
    names = dict.fromkeys([*before, *after])
    told = {name: (_word(before.get(name)), _word(after.get(name))) for name in names}
    return {name: pair for name, pair in told.items() if pair[0] != pair[1] and name != "about"}


def _columns(dataset: Dataset) -> list[str]:
    return [*dataset.schema.names, *dataset.metadata["side"], *dataset.picture_columns]


class _Pair:
    """Two builds and the rows that both have: row `rows_old[i]` of one is `rows_new[i]` of the other."""

    def __init__(self, old: Dataset, new: Dataset, rows_old: np.ndarray, rows_new: np.ndarray) -> None:
        self.old, self.new = old, new
        self.rows_old, self.rows_new = pa.array(rows_old), pa.array(rows_new)

    def values(self, name: str) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        return (
            self.old.table([name]).column(name).take(self.rows_old),
            self.new.table([name]).column(name).take(self.rows_new),
        )

    def column(self, name: str) -> ColumnChange:
        before, after = self.values(name)
        described = self.old.schema.field(name)
        kind = described.type
        if pa.types.is_fixed_size_list(kind):
            return moved(name, stacked(before, described), stacked(after, described))
        if pa.types.is_floating(kind) or (pa.types.is_integer(kind) and name != "phash"):
            return moved(name, _numbers(before), _numbers(after))
        if pa.types.is_list(kind):
            before, after = (pc.binary_join(side, " ") for side in (before, after))
        return confused(name, before, after)

    def flips(self) -> list[Flip]:
        before, after = self.values("status")
        flipped = pa.array(np.flatnonzero(_differ(before, after)))
        ids = self.old.sample_ids.take(self.rows_old).take(flipped).to_pylist()
        reasons = [[tuple(one or ()) for one in side.take(flipped).to_pylist()] for side in self.values("reasons")]
        rows = zip(ids, before.take(flipped).to_pylist(), after.take(flipped).to_pylist(), *reasons, strict=True)
        return [Flip(*row) for row in rows]

    def sampled(self, sample: int) -> list[ColumnChange]:
        """Changes of side tables (as distances) and pictures (as other bytes or none)."""
        ids = self.old.sample_ids.take(self.rows_old)
        chosen = ids.take(pc.sort_indices(ids)[:sample]).to_pylist()
        sides = [name for name in self.old.metadata["side"] if name in self.new.metadata["side"]]
        changes = [moved(name, self.old.side(name, chosen), self.new.side(name, chosen)) for name in sides]
        for name in self.old.picture_columns:
            if name in self.new.picture_columns:
                before, after = (side.pictures(chosen, [name])[name] for side in (self.old, self.new))
                changes.append(redrawn(name, before, after))
        return changes


def moved(name: str, before: np.ndarray, after: np.ndarray) -> ColumnChange:
    """The change of numbers or vectors (n, ...); NaN stands for null."""
    rows = len(before)
    if before.shape != after.shape or not rows:
        return ColumnChange(name, rows, rows)
    before, after = before.reshape(rows, -1), after.reshape(rows, -1)
    changed = ~((before == after) | (np.isnan(before) & np.isnan(after))).all(axis=1)
    distance = np.abs(after[changed].astype(np.float64) - before[changed]).max(axis=1, initial=0)
    distance = distance[np.isfinite(distance)]
    if not len(distance):
        return ColumnChange(name, rows, int(changed.sum()))
    return ColumnChange(name, rows, int(changed.sum()), float(np.median(distance)), float(distance.max()))


def confused(name: str, before: pa.ChunkedArray, after: pa.ChunkedArray) -> ColumnChange:
    """The change of words; null and an empty list of words are told as `none`."""
    differ = _differ(before, after)
    pairs = pa.table({"old": before.filter(pa.array(differ)), "new": after.filter(pa.array(differ))})
    counted = pairs.group_by(["old", "new"]).aggregate([([], "count_all")]).sort_by([("count_all", "descending")])
    told = counted.to_pylist() if len(counted) <= CONFUSIONS else []
    confusion = {(_word(one["old"]), _word(one["new"])): one["count_all"] for one in told}
    return ColumnChange(name, len(before), int(differ.sum()), confusion=confusion)


def redrawn(name: str, before: Sequence[np.ndarray | None], after: Sequence[np.ndarray | None]) -> ColumnChange:
    """The change of pictures; distances are of the pixel values as stored, the median row's mean
    and the largest of all."""
    changed = 0
    means: list[float] = []
    largest: list[float] = []
    for one, other in zip(before, after, strict=True):
        if one is None or other is None or one.shape != other.shape:
            changed += (one is None) != (other is None) or one is not None
        elif not np.array_equal(one, other):
            changed += 1
            distance = np.abs(one.astype(np.int32) - other.astype(np.int32))
            means.append(float(distance.mean()))
            largest.append(float(distance.max()))
    if not means:
        return ColumnChange(name, len(before), changed)
    return ColumnChange(name, len(before), changed, float(np.median(means)), max(largest))


def summary(found: Diff) -> str:
    """The difference in lines of text."""
    lines = [
        f"rows     {len(found.old):,} -> {len(found.new):,}: {found.common:,} in both, "
        f"{len(found.added):,} added, {len(found.removed):,} removed"
    ]
    lines += [f"setting  {name}: {before} -> {after}" for name, (before, after) in found.settings.items()]
    for what, names in (
        ("added", found.columns_added),
        ("removed", found.columns_removed),
        ("retyped", found.columns_retyped),
    ):
        if names:
            lines.append(f"columns {what}: {', '.join(names)}")
    counted: dict[tuple[str, str], int] = {}
    for flip in found.flips:
        counted[flip.old, flip.new] = counted.get((flip.old, flip.new), 0) + 1
    for (before, after), count in sorted(counted.items(), key=lambda item: -item[1]):
        lines.append(f"status   {before} -> {after}: {count:,}")
    for change in found.changes:
        moved_by = "" if change.median is None else f", median {change.median:.4g}, largest {change.largest:.4g}"
        lines.append(f"column   {change.name}: {change.changed:,} of {change.rows:,} ({change.share:.1%}){moved_by}")
        if change.name != "status":
            for (before, after), count in list(change.confusion.items())[:5]:
                lines.append(f"           {before} -> {after}: {count:,}")
    if found.is_empty:
        lines.append("no row changed" if found.settings else "nothing changed")
    return "\n".join(lines)


def _word(value: object) -> str:
    return "none" if value is None or value == "" else str(value)


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.float64()).to_numpy()


def _differ(before: pa.ChunkedArray, after: pa.ChunkedArray) -> np.ndarray:
    """(n,) bool; two nulls are the same."""
    unequal = pc.fill_null(pc.not_equal(before, after), False)
    one_null = pc.xor(before.is_null(), after.is_null())
    return np.asarray(pc.or_(unequal, one_null))
