"""What a row would be if its photograph had been flipped left to right.

Every field says in its metadata what a flip does to it (`fexdata.dataset.fields.MIRROR_RULES`);
here the rules are carried out. Mirroring twice gives the same row again, to the last stored bit:
numbers are computed, and given back, in float64, and pictures are never compressed with loss.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from fexdata.dataset.fields import MIRROR_RULES, PICTURE, meta, names_of, shape_of
from fexdata.errors import FexdataError
from fexdata.faces.landmarks import MIRRORS

_SIDE_WORDS = re.compile(r"(?<![a-z])(left|right)(?![a-z])", re.IGNORECASE)
_SIDES_IN_NAMES = re.compile(r"left|right|Left|Right|(?<=_)[LR]$")
"""Sides in the names of coefficients: AU12_left, mouthSmileLeft, mouthSmile_L."""
_OTHER_SIDE = {
    "L": "R",
    "R": "L",
    "left": "right",
    "right": "left",
    "Left": "Right",
    "Right": "Left",
    "LEFT": "RIGHT",
    "RIGHT": "LEFT",
}


def mirror(row: Mapping[str, Any], schema: pa.Schema, *, crop_width: int | None = None) -> dict[str, Any]:
    """The flipped row, in the row's order of columns.

    row: values as `fexdata.dataset.access.as_records` gives them, or part of them. Pictures are
    pixels, or encoded (bytes or a `{bytes, path}` struct) and then come back encoded as PNG, also
    a JPEG, which would lose at every turn. None stays None. schema: the fields of all columns.
    crop_width: pixels; by default that of the row's first crop picture. Boxes and crop matrices
    also need the row's `photo_width`.

    Raises `FexdataError` for a column that the schema lacks, an unknown rule or landmark scheme,
    or a width that is needed and not there.
    """
    widths = _Widths(row, schema, crop_width)
    flipped: dict[str, Any] = {}
    for name, value in row.items():
        if name not in schema.names:
            raise FexdataError(f"column {name} cannot be mirrored: the schema does not declare it")
        field = schema.field(name)
        rule = meta(field, "mirror", "none")
        if rule not in _RULES:
            raise FexdataError(f"column {name}: unknown mirror rule {rule!r}; known: {', '.join(MIRROR_RULES)}")
        flipped[name] = None if value is None else _RULES[rule](value, field, widths)
    return flipped


@dataclass(frozen=True, slots=True)
class _Widths:
    """How wide the crop and the photograph are, found out only when a rule asks."""

    row: Mapping[str, Any]
    schema: pa.Schema
    given: int | None

    def crop(self) -> int:
        if self.given is not None:
            return self.given
        for field in self.schema:
            value = self.row.get(field.name)
            if field.type == PICTURE and value is not None:
                return int(_pixels(value).shape[1])
        raise FexdataError("mirroring points needs the crop's width: give crop_width or a row with a picture")

    def photograph(self) -> int:
        width = self.row.get("photo_width")
        if width is None:
            raise FexdataError("mirroring a box or a crop matrix needs the row's photo_width")
        return int(width)


def _none(value: Any, field: pa.Field, widths: _Widths) -> Any:
    return value


def _negate(value: Any, field: pa.Field, widths: _Widths) -> Any:
    return -value


def _swap_left_right(value: str, field: pa.Field, widths: _Widths) -> str:
    return _SIDE_WORDS.sub(lambda found: _OTHER_SIDE.get(found[0], found[0]), value)


def _points(value: Any, field: pa.Field, widths: _Widths) -> np.ndarray:
    scheme = meta(field, "convention")
    if scheme not in MIRRORS:
        raise FexdataError(f"column {field.name}: unknown scheme {scheme!r}; known: {', '.join(MIRRORS)}")
    given = np.asarray(value, dtype=np.float64)
    points = given.reshape(shape_of(field) or given.shape)[MIRRORS[scheme]]
    points[:, 0] = widths.crop() - 1 - points[:, 0]
    return points.reshape(given.shape)


def _picture(value: Any, field: pa.Field, widths: _Widths) -> Any:
    return _like(value, _pixels(value)[:, ::-1])


def _normal_map(value: Any, field: pa.Field, widths: _Widths) -> Any:
    pixels = _pixels(value)[:, ::-1].copy()
    drawn = pixels.any(axis=-1)  # 0 0 0 stands for none
    pixels[drawn, 0] = 255 - pixels[drawn, 0]
    return _like(value, pixels)


def _box(value: Any, field: pa.Field, widths: _Widths) -> np.ndarray:
    box = np.array(value, dtype=np.float64)
    box[0] = widths.photograph() - box[0] - box[2]
    return box


def _crop_matrix(value: Any, field: pa.Field, widths: _Widths) -> np.ndarray:
    given = np.asarray(value, dtype=np.float64)
    (a, b, c), (d, e, f) = given.reshape(2, 3)
    right, crop_right = widths.photograph() - 1, widths.crop() - 1
    # crop' = F_crop M F_photograph, where F takes x to the last column minus x.
    return np.array([[a, -b, crop_right - c - a * right], [-d, e, f + d * right]]).reshape(given.shape)


def _named(value: Any, field: pa.Field, widths: _Widths) -> np.ndarray:
    names = names_of(field)
    given = np.asarray(value, dtype=np.float64)
    if len(names) != given.size:
        raise FexdataError(f"column {field.name}: {given.size} values, but {len(names)} names to mirror them by")
    place = {name: index for index, name in enumerate(names)}
    partner = [place.get(_SIDES_IN_NAMES.sub(lambda found: _OTHER_SIDE[found[0]], name), -1) for name in names]
    if -1 in partner:
        raise FexdataError(f"column {field.name}: {names[partner.index(-1)]} has no partner on the other side")
    sign = np.array([-1.0 if name.startswith("asymmetric") else 1.0 for name in names])
    return (given.ravel()[partner] * sign).reshape(given.shape)


def _pixels(value: Any) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    from fexdata.dataset.pictures import decode

    return np.asarray(decode(value))


def _like(value: Any, pixels: np.ndarray) -> Any:
    """Pixels in the form that `value` has: pixels, bytes, or a struct."""
    pixels = np.ascontiguousarray(pixels)
    if isinstance(value, np.ndarray):
        return pixels
    from fexdata.dataset.pictures import encode_png

    data = encode_png(pixels)
    return {**value, "bytes": data} if isinstance(value, Mapping) else data


_RULES: dict[str, Callable[[Any, pa.Field, _Widths], Any]] = {
    "none": _none,
    "negate": _negate,
    "swap_left_right": _swap_left_right,
    "points": _points,
    "vertices": _points,
    "picture": _picture,
    "normal_map": _normal_map,
    "box": _box,
    "crop_matrix": _crop_matrix,
    "named": _named,
}
