"""The dataset as the review sees it: scalars in memory, and what the rules alone say of each row.

The manifest's `status` may hold decisions of an earlier session already. The rules are asked again
for those rows, so that precision and recall, stale decisions and queues are about the rules.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fexdata.dataset.access import RowFile, as_records
from fexdata.dataset.duplicates import best_of_group
from fexdata.dataset.manifest import manifest_path
from fexdata.dataset.reader import Dataset
from fexdata.dataset.report import facts
from fexdata.dataset.report.charts import Threshold
from fexdata.dataset.schema import STATUSES
from fexdata.dataset.verdict import Rules, verdict
from fexdata.review.faces import Face, Geometry, face_key, thinned

ACCEPTED, REVIEW, REJECTED, FAILED = range(4)
"""Codes of `Catalog.status`: indices in `STATUSES`."""


class Catalog:
    """Rows by number, 0 to n - 1, in the manifest's order. Arrays have one entry per row."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        kept = [
            field.name
            for field in dataset.schema
            if not pa.types.is_nested(field.type) or field.name in ("reasons", "box")
        ]
        self.table: pa.Table = dataset.table(kept).combine_chunks()
        self.build = str(dataset.metadata.get("fingerprint", ""))
        self.limits: dict[str, tuple[Threshold, ...]] = facts.thresholds(dataset.metadata)
        self._file = RowFile(manifest_path(dataset.path))
        self._reading = threading.Lock()  # a Parquet file is read by one thread at a time
        self._side_rows: dict[str, np.ndarray] = {}
        self._ids = np.array(self.table.column("sample_id").to_pylist(), "S32")
        self._by_id = np.argsort(self._ids)
        self.status, self.reasons = self._by_rules()
        self.with_crop = np.asarray(self.table.column("shard").is_valid())
        self.reviewable = self.with_crop & (self.status != FAILED)
        """Rows that a person can judge: there is a picture, and no stage has given up."""

    def __len__(self) -> int:
        return len(self._ids)

    @cached_property
    def hashes(self) -> np.ndarray:
        """(n,) uint64: the first half of each `sample_id`, itself a hash."""
        return np.array([int(one[:16], 16) for one in self._ids.tolist()], np.uint64)

    def id(self, row: int) -> str:
        return bytes(self._ids[row]).decode()

    def ids(self, rows: np.ndarray) -> list[str]:
        return [one.decode() for one in self._ids[rows].tolist()]

    def row(self, sample_id: str) -> int | None:
        """The row of an id, None for an unknown one."""
        wanted = np.bytes_(sample_id.encode("utf-8", "replace"))
        at = int(np.searchsorted(self._ids, wanted, sorter=self._by_id))
        if len(wanted) > 32 or at == len(self) or self._ids[self._by_id[at]] != wanted:
            return None
        return int(self._by_id[at])

    def word(self, row: int) -> str:
        """What the rules say of a row."""
        return STATUSES[self.status[row]]

    def numbers(self, name: str) -> np.ndarray | None:
        """A column of numbers as (n,) float32, NaN for null; None when there is no such column."""
        if name not in self.table.column_names:
            return None
        column = self.table.column(name).cast(pa.float32())
        return np.asarray(column.to_numpy(zero_copy_only=False), np.float32)

    def records(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """The kept columns of some rows as plain values."""
        found: list[dict[str, Any]] = self.table.take(pa.array(list(rows), pa.int64())).to_pylist()
        return found

    @cached_property
    def by_reason(self) -> dict[str, np.ndarray]:
        """Reason -> rows that a person can judge and that have it, the most frequent first."""
        rows = [row for row in self.reasons if self.reviewable[row]]
        found: dict[str, list[int]] = {}
        for row in rows:
            for reason in self.reasons[row]:
                found.setdefault(reason, []).append(row)
        ranked = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
        return {name: np.array(members, np.int64) for name, members in ranked}

    def meaning(self, reason: str, status: str) -> str:
        """A reason in words, as the report has it."""
        return facts.meaning(reason, status, self.limits) or reason.replace("_", " ")

    def threshold(self, column: str, status: str) -> float | None:
        """The rules' least value of a column, below which a row gets that status."""
        return next((one.value for one in self.limits.get(column, ()) if one.status == status), None)

    @cached_property
    def margin(self) -> np.ndarray:
        """(n,) float32: how far each row is from the nearest rule that would change its status; 0
        where something could not be measured, infinity where no score decided (duplicates)."""
        rejects = self._least("rejected", of=self.status == REJECTED)
        reviews = self._least("review", of=self.status != REJECTED)
        either = np.minimum(np.abs(reviews), np.where(self.status == REVIEW, np.abs(self._least("rejected")), np.inf))
        rejects = np.where(rejects <= 0, -rejects, np.inf)
        return np.where(self.status == REJECTED, rejects, either).astype(np.float32)

    def _least(self, status: str, of: np.ndarray | None = None) -> np.ndarray:
        least = np.full(len(self), np.inf, np.float32)
        for column in self.limits:
            value, limit = self.numbers(column), self.threshold(column, status)
            if value is not None and limit is not None:
                # fmin would pass over what was not measured; nobody knows it, so it is most doubtful.
                mine = np.where(np.isnan(value), np.float32(0), value - np.float32(limit))
                nearer = mine < least
                least[nearer] = mine[nearer]
        return least if of is None else np.where(of, least, np.inf)

    @cached_property
    def remark(self) -> facts.Margin | None:
        """For `pose 0.02 over its rule`."""
        return facts.margin(facts.Rows(self.dataset), self.limits)

    def faces(self, rows: Sequence[int], expressions: Sequence[str | None]) -> list[tuple[Face, Geometry]]:
        """Snapshots of some rows for the log. `expressions` are the corpus's labels."""
        found = []
        for row, record, expression in zip(rows, self.records(rows), expressions, strict=True):
            box = record.get("box")
            about = {
                "sample_id": record["sample_id"],
                "source_path": record.get("source_path") or "",
                "sha256": record.get("source_sha256"),
                "frame": record.get("frame") or 0,
                "box": None if box is None else tuple(box),
                "build": self.build,
                "status": self.word(row),
                "reasons": tuple(self.reasons.get(row, ())),
                "expression": expression,
            }
            found.append(Face(face_key(self.dataset.name, *about.values()), **about))
        return list(zip(found, self.geometry(rows), strict=True))

    def geometry(self, rows: Sequence[int]) -> list[Geometry]:
        """Landmarks and thinned mesh of some rows, as decisions remember them."""
        records = self.vectors(rows, ("landmarks_68", "geometry"))
        meshes = self.side("vertices", rows)
        if meshes is None:
            meshes = np.full((len(rows), 1, 3), np.nan, np.float32)
        found = []
        for record, mesh in zip(records, meshes, strict=True):
            there = bool(np.isfinite(mesh).all())
            found.append(
                Geometry(
                    record.get("landmarks_68"),
                    thinned(mesh) if there else None,
                    record.get("geometry"),
                    len(mesh) if there else 0,
                )
            )
        return found

    def vectors(self, rows: Sequence[int], names: Sequence[str]) -> list[dict[str, Any]]:
        """Columns of some rows, vectors in their declared shape; columns that are not there are not."""
        known = [name for name in names if name in self.dataset.schema.names]
        with self._reading:
            return as_records(self._file.take(list(rows), known))

    def side(self, name: str, rows: Sequence[int]) -> np.ndarray | None:
        """A side table's values of some rows, NaN for none; None when there is no such table."""
        if name not in self.dataset.metadata["side"]:
            return None
        with self._reading:
            table = self.dataset.side_table(name)
            if name not in self._side_rows:
                self._side_rows[name] = table.positions(self.table.column("sample_id").combine_chunks())
            return table.at(self._side_rows[name][np.asarray(rows, np.int64)])

    def pictures(self, row: int, kinds: Sequence[str]) -> dict[str, np.ndarray | None]:
        """Decoded pictures of one row; None for one that it has not."""
        kinds = [kind for kind in kinds if kind in self.dataset.picture_columns]
        shard, place = (self.table.column(name)[row].as_py() for name in ("shard", "shard_row"))
        if shard is None:
            return dict.fromkeys(kinds)
        with self._reading:
            found: pa.Table = self.dataset.shard(shard).take([place], kinds)
        return as_records(found)[0]

    def _by_rules(self) -> tuple[np.ndarray, dict[int, tuple[str, ...]]]:
        """Status codes, and the reasons of the rows that have any, decisions set aside."""
        status = np.array(pc.index_in(self.table.column("status"), value_set=pa.array(STATUSES)), np.int8)
        reasons = _lists(self.table.column("reasons"))
        judged = np.flatnonzero(np.asarray(pc.not_equal(self.table.column("decided_by"), "rules").fill_null(False)))
        rules = rules_of(self.dataset.metadata)
        if len(judged) and rules is not None:
            best = self._best_of_duplicates()[judged] if rules.keep == "best_of_duplicates" else None
            words, why = verdict(self.table.take(pa.array(judged)), rules, best_of_duplicates=best)
            for row, word, one in zip(judged.tolist(), words, why, strict=True):
                status[row] = STATUSES.index(word)
                reasons.pop(row, None)
                if one:
                    reasons[row] = tuple(one)
        return status, reasons

    def _best_of_duplicates(self) -> np.ndarray:
        groups = self.table.column("duplicate_group").to_pylist()
        quality = self.numbers("quality")
        ids = self.table.column("sample_id").to_pylist()
        return best_of_group(groups, np.full(len(ids), np.nan) if quality is None else quality, ids)


def rules_of(metadata: Mapping[str, Any]) -> Rules | None:
    """The rules of the recipe that made a dataset; None where the manifest does not say."""
    recipe = metadata.get("recipe") or {}
    return Rules.model_validate(recipe["rules"]) if recipe.get("rules") else None


def _lists(column: pa.ChunkedArray) -> dict[int, tuple[str, ...]]:
    """The lists that are not empty, by row."""
    array = column.combine_chunks()
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    parents = pc.list_parent_indices(array).to_pylist()
    found: dict[int, list[str]] = {}
    for row, word in zip(parents, pc.list_flatten(array).to_pylist(), strict=True):
        found.setdefault(row, []).append(word)
    return {row: tuple(words) for row, words in found.items()}
