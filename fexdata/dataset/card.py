"""Cards: what a finished build must contain, one YAML file per dataset in `manifests/`.

A card is a promise written before the data: columns with dtype, shape, unit and allowed values,
the counts that the paper reports, licence and citation. `fexdata.dataset.validate` holds a build
against it.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fexdata.dataset.fields import PICTURE, fixed
from fexdata.dataset.names import shipped
from fexdata.errors import FexdataError

Dtype = Literal["string", "strings", "int32", "uint64", "float32", "uint8", "uint16", "scores", "coefficients"]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ColumnCard(Frozen):
    """One column, or all columns that fit a pattern."""

    dtype: Dtype
    where: Literal["manifest", "shard", "side"] = Field(default="manifest", description="Which file holds it.")
    shape: tuple[int | Literal["size"], ...] = Field(default=(), description="Of one row's value.")
    unit: str = Field(default="", description="As the column's own metadata must say; empty: not checked.")
    present: Literal["always", "crop", "done", "optional"] = Field(
        default="optional",
        description="Never null; not null in rows with a crop; not in rows that did not fail; or anything goes.",
    )
    values: tuple[str | float, ...] = Field(default=(), description="All values there may be.")
    range: tuple[float, float] | None = Field(default=None, description="Smallest and largest value.")

    def accepts(self, type: pa.DataType) -> bool:
        """Whether a column may have this Arrow type. How many action units and coefficients there are
        depends on the tool and the face model, which the column itself names."""
        if self.dtype == "scores":
            return pa.types.is_struct(type) and all(field.type == pa.float32() for field in type)
        if self.dtype == "coefficients":
            return pa.types.is_fixed_size_list(type) and type.value_type == pa.float32()
        return bool(type == self.arrow_type())

    def arrow_type(self) -> pa.DataType:
        """The Arrow type in the manifest or side table; pictures are structs. Not for `scores` and
        `coefficients`, which have no type of their own."""
        if self.where == "shard":
            return PICTURE
        if self.shape:
            return fixed(math.prod(int(side) for side in self.shape))
        if self.dtype in ("string", "strings"):
            return pa.string() if self.dtype == "string" else pa.list_(pa.string())
        return pa.type_for_alias(self.dtype)


class Counts(Frozen):
    """What the paper's own build holds. A build of a part of the corpus is legitimate, so these
    are compared, not demanded."""

    photographs: int | None = Field(default=None, description="Photographs that enter, caps applied.")
    accepted: int | None = Field(default=None, description="Rows that are left in the end.")
    classes: dict[str, int] = Field(default={}, description="Photographs per expression.")
    distinct: dict[str, int] = Field(default={}, description="Column -> number of different values.")
    tolerance: float = Field(default=0.02, ge=0, description="Share by which a count may be off.")


class Card(Frozen):
    """A dataset's card; see `manifests/photos.yaml` for the meaning of each entry."""

    name: str
    title: str
    about: str
    corpus: str
    licence: str
    citation: str
    homepage: str
    paper: str = ""
    size: int | None = Field(default=None, gt=0, description="Side of the crop in pixels; empty: any, but one.")
    columns: dict[str, ColumnCard]
    counts: Counts = Counts()

    def required(self, where: str) -> dict[str, ColumnCard]:
        """Columns that must be there (patterns demand none)."""
        return {name: one for name, one in self.columns.items() if one.where == where and "*" not in name}

    def describes(self, name: str) -> ColumnCard | None:
        """The entry for a column, by its name or else by the first pattern that fits."""
        if name in self.columns:
            return self.columns[name]
        return next((one for pattern, one in self.columns.items() if fnmatch.fnmatchcase(name, pattern)), None)


def load_card(name: str) -> Card:
    """A card by name (one of the project's) or by path to a YAML file.

    Raises `FexdataError` for an unknown name and for a file that is no card, saying which entry.
    """
    data = _read(name)
    try:
        return Card.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FexdataError(f"card {name}: {where}: {first['msg']}") from None


def _read(name: str) -> dict[str, Any]:
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        known = shipped("manifests")
        if name.lower() not in known:
            raise FexdataError(f"no card named {name!r}; known: {', '.join(known)} (or a path to a .yaml file)")
        path = known[name.lower()]
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FexdataError(f"card {path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise FexdataError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise FexdataError(f"{path} is not a card: expected keys such as name, columns and counts")
    base = data.pop("extends", None)
    if base is None:
        return data
    inherited = _read(str(base))
    return inherited | data | {"columns": _merged(inherited.get("columns") or {}, data.get("columns") or {})}


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {**base.get(name, {}), **own.get(name, {})} for name in {**base, **own}}
