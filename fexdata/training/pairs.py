"""Pairs: two pictures of the same person under one camera and light that differ in the expression."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from fexdata.dataset.reader import Dataset
from fexdata.errors import FexdataError


class NothingLeft(FexdataError):
    """No row of a split is what a method trains on."""


SAME = ("corpus", "subject", "session", "camera_angle", "gaze", "illumination")
"""Columns that pictures of a pair share where `pair_group` is empty; a null counts as a value, but
the subject must be known."""


def pair_groups(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """int64 (n,): for each of the given rows a number that its possible partners share, -1 where
    it has none. `pair_group` decides where any two rows share one, else the columns of `SAME`.

    Raises `NothingLeft` when no row has a partner.
    """
    for columns, needed in ((("pair_group",), "pair_group"), (SAME, "subject")):
        groups = _groups(dataset, rows, columns, needed)
        if (groups >= 0).any():
            return groups
    raise NothingLeft(
        f"{dataset.name} holds no pairs (two accepted rows of one pair_group, or of one subject, camera and light); "
        "make some: `fexdata synth pairs --people 50 --images 1000`, `fexdata build pairs --source "
        "data/synthetic-pairs`, then add `--pairs pairs`"
    )


def has_pairs(dataset: Dataset) -> bool:
    """Whether any two accepted rows of the training split are a pair."""
    frame = dataset.frame(["status", "split"])
    rows = np.flatnonzero(((frame["status"] == "accepted") & (frame["split"] == "train")).to_numpy())
    try:
        return bool(len(rows)) and bool((pair_groups(dataset, rows) >= 0).any())
    except NothingLeft:
        return False


def _groups(dataset: Dataset, rows: np.ndarray, columns: tuple[str, ...], needed: str) -> np.ndarray:
    if any(name not in dataset.schema.names for name in columns):
        return np.full(len(rows), -1)
    table = dataset.table(columns).take(pa.array(rows))
    known = np.asarray(table.column(needed).is_valid())
    numbers: dict[tuple[object, ...], int] = {}
    keys = zip(*(column.to_pylist() for column in table.columns), strict=True)
    groups = np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64).reshape(-1)
    groups[~known] = -1
    lonely = np.bincount(groups[known], minlength=len(numbers)) < 2
    groups[known & lonely[groups]] = -1
    return groups
