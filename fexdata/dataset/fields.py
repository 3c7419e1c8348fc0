"""One way to declare a column: its type, unit, shape, convention and what a mirror does to it.

Everything is kept in the Arrow field's metadata, so that a reader of a shard needs no fexdata to
know what a number means, and so that `fexdata.dataset.mirror` can flip a row by its schema alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

import pyarrow as pa

Table = Literal["manifest", "side", "shard", "layer"]
"""Where a column ends up: the manifest; a side table joined by `sample_id` (landmarks_478,
meshes); the shard (pictures); or nowhere but the layer (working values)."""

MIRROR_RULES = {
    "none": "a left-right flip leaves the value as it is",
    "negate": "the sign changes (yaw, roll, a camera's signed angle)",
    "swap_left_right": "the words `left` and `right` change places (gaze)",
    "points": "x becomes size - 1 - x in the crop, and points are permuted by the scheme named in `convention`",
    "vertices": "as `points`, for 3D points",
    "picture": "columns are reversed",
    "normal_map": "columns are reversed and n_x changes sign",
    "box": "left becomes photo_width - left - width (boxes are in the photograph)",
    "crop_matrix": "F_crop @ M @ F_photograph, where F mirrors pixel-centre coordinates",
    "named": "each value goes where its name (in `names`) goes when left and right change places; one named "
    "asymmetric changes its sign",
}


def column(
    name: str,
    type: pa.DataType,
    about: str,
    *,
    unit: str = "",
    shape: tuple[int, ...] = (),
    convention: str = "",
    mirror: str = "none",
    table: Table = "manifest",
    names: Sequence[str] = (),
) -> pa.Field:
    """A column with its meaning. `about` is one sentence; `shape` is that of one row's value;
    `names` says what each of its values is, where a coefficient has a name."""
    if mirror not in MIRROR_RULES:
        raise ValueError(f"column {name}: unknown mirror rule {mirror!r}; known: {', '.join(MIRROR_RULES)}")
    metadata = {"about": about, "unit": unit, "convention": convention, "mirror": mirror, "table": table}
    if shape:
        metadata["shape"] = json.dumps(shape)
    if names:
        metadata["names"] = json.dumps(list(names))
    return pa.field(name, type, metadata={k: v for k, v in metadata.items() if v})


def meta(field: pa.Field, key: str, default: str = "") -> str:
    """One entry of a field's metadata as text."""
    found = (field.metadata or {}).get(key.encode())
    return found.decode() if found is not None else default


def shape_of(field: pa.Field) -> tuple[int, ...]:
    text = meta(field, "shape")
    return tuple(json.loads(text)) if text else ()


def names_of(field: pa.Field) -> tuple[str, ...]:
    """What each value of a coefficient vector is."""
    text = meta(field, "names")
    return tuple(json.loads(text)) if text else ()


def fixed(width: int) -> pa.DataType:
    """`width` float32 values per row (an array of any shape, flattened in C order)."""
    return pa.list_(pa.field("item", pa.float32(), nullable=False), width)


PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""The struct that Hugging Face `datasets` shows as a picture."""
