"""An order in which look-alike faces are neighbours, so that one decision can serve a screenful.

Rows become points: their reasons, their scores and measurements, and a projection of the
perceptual hash of their crops. The points are sorted as the leaves of a k-d tree, cut at the median
of the widest axis, every other branch reversed (boustrophedon), so that the last row of one branch
lies beside the first of the next. n rows take O(n log n).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from fexdata.review.catalog import Catalog

AXES: Final = 8
"""To which the 64 bits of the hash are projected, at random: distances keep their order."""

REASON_WEIGHT, HASH_WEIGHT, SCORE_WEIGHT = 4.0, 1.0, 1.0
"""Two faces with different reasons are farther apart than any two with the same."""

LEAF: Final = 4
"""So few rows are not cut again."""


def similarity_rank(catalog: Catalog) -> np.ndarray:
    """(n,) int64: the place of every row in the order."""
    order = tree_order(features(catalog))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def features(catalog: Catalog) -> np.ndarray:
    """(n, d) float32: reasons, scores and measurements, projected hash; each kind of equal weight."""
    count = len(catalog)
    blocks = [_reasons(catalog) * REASON_WEIGHT]
    columns = [name for name in catalog.table.column_names if name.startswith(("score_", "measure_"))]
    measured = [catalog.numbers(name) for name in [*columns, "yaw", "pitch"]]
    scaled = [_standardised(one) for one in measured if one is not None]
    if scaled:
        blocks.append(np.stack(scaled, 1) * (SCORE_WEIGHT / np.sqrt(len(scaled))))
    if "phash" in catalog.table.column_names:
        bits = _bits(np.array(catalog.table.column("phash").fill_null(0).to_numpy(), np.uint64))
        axes = np.random.default_rng(0).standard_normal((64, AXES)).astype(np.float32)
        blocks.append(bits @ axes * np.float32(HASH_WEIGHT / 8 / np.sqrt(AXES)))
    return np.concatenate([np.zeros((count, 1), np.float32), *blocks], axis=1).astype(np.float32)


def tree_order(points: np.ndarray) -> np.ndarray:
    """Row numbers in the order of a k-d tree's leaves; points (n, d). Ties go to the lower row."""
    done: list[np.ndarray] = []
    waiting: list[tuple[np.ndarray, bool]] = [(np.arange(len(points)), False)]
    while waiting:
        rows, reverse = waiting.pop()
        part = points[rows]
        axis = int(np.argmax(part.max(axis=0) - part.min(axis=0))) if len(rows) else 0
        rows = rows[np.argsort(part[:, axis], kind="stable")]
        if len(rows) <= LEAF:
            done.append(rows[::-1] if reverse else rows)
            continue
        low, high = rows[: len(rows) // 2], rows[len(rows) // 2 :]
        # Taken from the end: what is to come first is put in last.
        waiting += [(low, False), (high, True)] if reverse else [(high, True), (low, False)]
    return np.concatenate(done) if done else np.empty(0, np.int64)


def _reasons(catalog: Catalog) -> np.ndarray:
    names: Sequence[str] = list(catalog.by_reason)
    marks = np.zeros((len(catalog), max(len(names), 1)), np.float32)
    for column, name in enumerate(names):
        marks[catalog.by_reason[name], column] = 1
    return marks


def _standardised(values: np.ndarray) -> np.ndarray:
    """By median and spread, so that a few wild values do not squeeze the rest; nothing known is 0."""
    known = values[np.isfinite(values)]
    if not len(known):
        return np.zeros_like(values)
    low, middle, high = np.percentile(known, [10, 50, 90])
    return np.nan_to_num(np.clip((values - middle) / max(high - low, 1e-6), -2, 2)).astype(np.float32)


def _bits(hashes: np.ndarray) -> np.ndarray:
    """(n, 64) float32 of -1 and 1."""
    bits = np.unpackbits(hashes.astype("<u8").view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
    return bits.astype(np.float32) * 2 - 1
