"""Columns as numbers: what a method's columns hold, how they are named, scaled and mirrored.

Values are kept as stored (float32, NaN for none); the loader divides them by the scales that
`fexdata.training.data` puts into the `DataInfo`, after it has mirrored them by their field's rule.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from fexdata.dataset.fields import PICTURE, meta, names_of
from fexdata.dataset.mirror import mirror
from fexdata.dataset.reader import Dataset
from fexdata.dataset.vectors import stacked
from fexdata.errors import FexdataError

KEYS = {"expression": "label", "expression_params": "params", "speech_params": "speech"}
"""Columns whose key in a batch is another word."""
CLASSES = ("expression", "corpus_label", "subject")
"""Words that become class numbers."""


def key_of(column: str) -> str:
    """The name under which a batch has a column."""
    return KEYS.get(column, column)


def fields_of(dataset: Dataset) -> dict[str, pa.Field]:
    """Every column that a method may ask for: the manifest's, the pictures, the side tables."""
    fields = {field.name: field for field in dataset.schema}
    if dataset.picture_columns:
        shard = dataset.shard(next(iter(dataset.metadata["shards"]))).schema
        fields |= {name: shard.field(name) for name in dataset.picture_columns}
    return fields | {name: dataset.side_table(name).field for name in dataset.metadata["side"]}


def is_picture(field: pa.Field) -> bool:
    return bool(field.type == PICTURE)


def words(dataset: Dataset, name: str, rows: np.ndarray) -> np.ndarray:
    """A column of words for the given rows: object array, None where null."""
    return dataset.table([name]).column(name).take(pa.array(rows)).to_numpy(zero_copy_only=False)


def numbers(dataset: Dataset, name: str, rows: np.ndarray) -> np.ndarray:
    """A manifest column for the given rows as float32 (n,) or (n, *shape), NaN for none; a struct's
    members become the last axis, in the schema's order. Raises `FexdataError` for words."""
    field: pa.Field = dataset.schema.field(name)
    column = dataset.table([name]).column(name).take(pa.array(rows))
    if pa.types.is_fixed_size_list(field.type):
        return stacked(column, field)
    if pa.types.is_struct(field.type):
        members = column.combine_chunks().flatten()
        return np.stack([_floats(values) for values in members], axis=1)
    if pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_boolean(field.type):
        return _floats(column)
    raise FexdataError(f"{name} ({field.type}) is not a number; a method cannot be trained on it")


def value_names(field: pa.Field) -> tuple[str, ...]:
    """What each of a vector's values is: a struct's members, or the field's own names."""
    if pa.types.is_struct(field.type):
        return tuple(child.name for child in field.type)
    return names_of(field)


def scale_of(field: pa.Field) -> float:
    """The upper end of a field's range: 5 for the unit "0 to 5", else 1."""
    found = re.fullmatch(r"0 to ([\d.]+)", meta(field, "unit"))
    return float(found[1]) if found else 1.0


def signed_of(field: pa.Field, count: int) -> tuple[bool, ...]:
    """Whether each coefficient goes both ways from 0; all do where the field does not say."""
    text = meta(field, "signed")
    return tuple(bool(one) for one in json.loads(text)) if text else (True,) * count


def mirror_map(field: pa.Field, count: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """What a flip does to a vector, read off its rule: value k becomes sign[k] * value[source[k]].

    Raises `FexdataError` for a rule that does not apply to it, so before the first step.
    """
    schema, probe = pa.schema([mirrorable(field)]), np.arange(1.0, count + 1)
    flipped = np.asarray(mirror({field.name: probe}, schema)[field.name]).ravel()
    return tuple(int(k) for k in np.abs(flipped) - 1), tuple(float(s) for s in np.sign(flipped))


def mirrorable(field: pa.Field) -> pa.Field:
    """The field under which `mirror` flips what `numbers` gives: a struct is the vector of its members."""
    if not pa.types.is_struct(field.type) or is_picture(field):
        return field
    return field.with_metadata({**(field.metadata or {}), b"names": json.dumps(list(value_names(field))).encode()})


def only_word(dataset: Dataset, name: str, rows: np.ndarray, what: str) -> str | None:
    """The one word that a column has over the given rows; None where the dataset lacks the column.
    Raises `FexdataError` for two: numbers of two schemes or bases are never mixed."""
    if name not in dataset.schema.names:
        return None
    found: Sequence[str] = sorted({str(word) for word in words(dataset, name, rows) if word is not None})
    if len(found) > 1:
        raise FexdataError(f"{dataset.name} mixes {name} {' and '.join(found)}; build {what} of one kind only")
    return found[0] if found else None


def _floats(values: pa.Array | pa.ChunkedArray) -> np.ndarray:
    return np.asarray(values.cast(pa.float32()).to_numpy(zero_copy_only=False), np.float32)
