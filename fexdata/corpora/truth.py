"""The truth beside a synthetic corpus: what `truth.parquet` holds, and how a build finds its rows.

One row per picture, sorted by key; `corpus`, `source_path` and `frame` are the manifest's, and
`sample_id` is that of the picture's only face, so the file joins any dataset built from the
corpus. Geometry is in the picture's pixels, `vertices` in millimetres before the camera; every
field's metadata says more. `fexdata.synthetic.truth` writes it.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from fexdata import storage
from fexdata.dataset.access import RowFile, as_records
from fexdata.errors import FexdataError

FILE = "truth.parquet"
BASIS = "basis_id"
"""Entry of the metadata of `expression_params`: what the coefficients multiply."""
SCHEME = "scheme"
"""Entry of the metadata of `au`: how intensities are scored."""

USES: Mapping[str, tuple[str, ...]] = {
    "au": ("au",),
    "expression_params": ("expression_params", "identity_params"),
    "landmarks": ("landmarks_478", "landmarks_68"),
}
"""What a build can take from the truth, and the columns of the file that it then needs."""

Key = tuple[str, str, int]
KEY = ("corpus", "source_path", "frame")
"""What a photograph is known by, here as in the manifest."""


CARD = "synthetic.json"
"""What `fexdata synth` says of the corpus: how it was made, under which terms, whether it is complete."""


@dataclass(frozen=True, slots=True)
class TruthRow:
    """Where one picture's truth is: small enough to travel to any worker."""

    path: str
    stamp: str
    """Changes with the file, so that a long-lived worker does not read a file that is gone."""
    row: int
    marks: Mapping[str, str]
    """Use -> hash of the values that it takes, for fingerprints."""


def synthetic_terms(source: str) -> str | None:
    """The terms of a corpus that `fexdata synth` made; None for real photographs. Raises
    `FexdataError` for one that is not complete."""
    path = storage.join(source, CARD)
    if not storage.exists(path):
        return None
    try:
        card = json.loads(storage.read_bytes(path))
        complete, terms, command = bool(card["complete"]), str(card["terms"]), str(card["command"])
    except (ValueError, KeyError, TypeError):
        raise FexdataError(f"{path} is damaged; make the corpus again with `fexdata synth`") from None
    if not complete:
        raise FexdataError(f"{source} is not complete; `{command} --out {source}` goes on with it")
    return terms


def open_truth(source: str) -> RowFile:
    """The truth beside a corpus. Raises `FexdataError` when there is none, or it cannot be read."""
    path = storage.join(source, FILE)
    if not storage.exists(path):
        raise FexdataError(f"truth.use: no {FILE} in {source}; only corpora made by `fexdata synth` have one")
    try:
        return RowFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise FexdataError(f"truth.use: {path} cannot be read: {str(error).splitlines()[0]}") from None


def rows_by_key(source: str, uses: Sequence[str]) -> dict[Key, TruthRow]:
    """Every row of the truth beside a corpus, by its photograph. The values are read, and hashed:
    a row that was changed by whatever means has another mark."""
    found: dict[Key, TruthRow] = {}
    truth, path = open_truth(source), storage.join(source, FILE)
    stamp = _hash([repr(storage.stamp(path)).encode()])
    try:
        for first, table in truth.chunks([*KEY, *(name for use in uses for name in USES[use])]):
            marks = {use: _marks(table.select(USES[use])) for use in uses}
            for index, key in enumerate(zip(*(table.column(name).to_pylist() for name in KEY), strict=True)):
                found[key] = TruthRow(path, stamp, first + index, {use: marks[use][index] for use in uses})
    except KeyError as error:
        raise FexdataError(f"truth.use: {path} has no column {error}; make the corpus again") from None
    finally:
        truth.close()
    return found


def read_truth(row: TruthRow, columns: Iterable[str]) -> dict[str, Any]:
    """Some columns of one picture's truth: arrays in their shape, structs as dictionaries."""
    (record,) = as_records(_opened(row.path, row.stamp).take([row.row], list(columns)))
    return record


@functools.lru_cache(maxsize=4)
def _opened(path: str, stamp: str) -> RowFile:
    return RowFile(path)


def _marks(table: pa.Table) -> list[str]:
    """One hash per row: of the values, and of what their fields say they mean."""
    about = str([(field.name, sorted((field.metadata or {}).items())) for field in table.schema]).encode()
    values = [[_bytes(value) for value in record.values()] for record in as_records(table)]
    return [_hash([about, *parts]) for parts in values]


def _bytes(value: Any) -> bytes:
    if isinstance(value, np.ndarray):
        return np.ascontiguousarray(value).tobytes()
    return repr(value).encode()


def _hash(parts: Sequence[bytes]) -> str:
    state = hashlib.blake2b(digest_size=8)
    for part in parts:
        state.update(len(part).to_bytes(8, "big") + part)
    return state.hexdigest()
