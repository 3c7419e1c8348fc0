"""The held-out rows that an evaluation or an edit looks at: chosen by seed, read in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from fexdata.corpora.base import EXPRESSIONS
from fexdata.dataset.reader import Dataset
from fexdata.errors import FexdataError
from fexdata.training.data import Split, TrainingData
from fexdata.training.loader import Faces, prepare
from fexdata.training.method import Batch, DataInfo, Needs

OPTIONAL = ("expression", "subject", "landmarks_68", "mask")
"""Columns that some metric uses where they are there."""


@dataclass(frozen=True)
class HeldOut:
    """Some rows of one split, in an order that depends on the seed alone."""

    data: TrainingData
    items: np.ndarray
    """int64 (n, 3): row, partner (itself where there is none), 0 (never mirrored)."""
    classes: tuple[str, ...]
    """What the numbers of `label` mean here."""

    def __len__(self) -> int:
        return len(self.items)

    def batches(self, size: int) -> Iterator[Batch]:
        """All rows, `size` at a time, on the CPU."""
        faces = Faces(self.data)
        for start in range(0, len(self), size):
            yield prepare(faces[self.items[start : start + size]], torch.device("cpu"))

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """Some of the rows, on the CPU."""
        return prepare(Faces(self.data)[self.items[np.asarray(indices)]], torch.device("cpu"))


def held_out_split(dataset: Dataset) -> Split:
    """`test`, or `val` where no accepted row is for test (AffectNet has no public test rows).

    Raises `FexdataError` where neither is held out.
    """
    table = dataset.table(["split", "status"]).to_pydict()
    there = {split for split, status in zip(table["split"], table["status"], strict=True) if status == "accepted"}
    splits: tuple[Split, Split] = ("test", "val")
    for split in splits:
        if split in there:
            return split
    raise FexdataError(f"{dataset.name} holds nobody out (no accepted row is of test or val); build it with splits")


def open_rows(
    dataset: Dataset,
    columns: Sequence[str],
    info: DataInfo,
    *,
    split: Split,
    limit: int,
    seed: int,
    pairs: bool = False,
) -> HeldOut:
    """At most `limit` accepted rows of a split, or true pairs of them (ordered, same person and light).

    Raises `FexdataError` where there are none, or where schemes differ from the run's.
    """
    splits = dataset.table(["split"]).column("split").to_pylist()
    if split != "train" and split not in splits:
        raise FexdataError(f"{dataset.name} has no {split} rows; there are: {', '.join(sorted(set(splits) - {None}))}")
    classes = info.expressions or EXPRESSIONS
    needs = Needs(tuple(columns), info.image_size, optional=tuple(name for name in OPTIONAL if name not in columns))
    data = TrainingData.of(dataset, needs, split=split, like=replace(info, expressions=classes), pairs=pairs)
    rng = np.random.default_rng(seed)
    if data.groups is None:
        rows = rng.permutation(len(data))[:limit]
        pairs_of = np.stack([rows, rows], axis=1)
    else:
        pairs_of = _ordered_pairs(data, rng, limit)
    if not len(pairs_of):
        raise FexdataError(f"{dataset.name} has no pairs in {split} that differ in what this method is told")
    items = np.column_stack([pairs_of, np.zeros(len(pairs_of), np.int64)]).astype(np.int64)
    return HeldOut(data, items, classes)


def _ordered_pairs(data: TrainingData, rng: np.random.Generator, limit: int) -> np.ndarray:
    """(n, 2): rows of one group, each ordered pair at most once, in random order."""
    assert data.groups is not None
    found = []
    for group in np.unique(data.groups):
        members = np.flatnonzero(data.groups == group)
        first, second = np.meshgrid(members, members, indexing="ij")
        both = np.stack([first.ravel(), second.ravel()], axis=1)
        found.append(both[both[:, 0] != both[:, 1]])
    whole = np.concatenate(found) if found else np.empty((0, 2), np.int64)
    return whole[rng.permutation(len(whole))[:limit]]
