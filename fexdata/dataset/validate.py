"""Reads a whole dataset back and says what is wrong with it.

`validate` raises nothing: whatever it meets, a missing file, a picture cut short, a manifest of
another shape, becomes a `Problem`. An error means that the dataset breaks a promise; a warning,
that it differs from the paper's own build (a part of a corpus is a legitimate dataset).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fexdata.dataset.card import Card, ColumnCard, load_card
from fexdata.dataset.fields import meta, shape_of
from fexdata.dataset.reader import Dataset, open_dataset, settings
from fexdata.dataset.schema import IDENTITY, LABELS, PLACE, STATUSES, VERDICT
from fexdata.dataset.vectors import stacked
from fexdata.errors import Code, FexdataError

CARD_OF_ALL = "photos"
"""The card that a dataset of another name is held against."""

MARGIN = 1.0
"""How far outside the crop a landmark may lie, in crop sizes: a face at the edge of its
photograph reaches over, a coordinate of another unit lies much farther."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: how bad, in which file or column, and what."""

    severity: Literal["error", "warning"]
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.what}"


Check = Callable[[Dataset, Card], Iterator[Problem]]


def validate(
    dataset: Dataset | str, *, card: Card | None = None, sample: int | None = None, workers: int | None = None
) -> list[Problem]:
    """Everything that is wrong with a dataset, errors first; an empty list when nothing is.

    `dataset` is an open one, or a name, path or URL. `card` is looked up by the recipe's name
    unless given. `sample` limits the rows whose pictures are decoded (all by default); `workers`
    is the number of threads that decode (one per core by default).
    """
    from fexdata.dataset.label_health import check_label_health
    from fexdata.dataset.validate_files import check_pictures, check_shards, check_sides

    try:
        opened = open_dataset(dataset) if isinstance(dataset, str) else dataset
        held = card or card_for(opened)
    except Exception as error:  # the promise is to raise nothing, whatever lies on the disk
        return [Problem("error", str(dataset), _one_line(error))]
    checks: list[tuple[str, Check]] = [
        ("metadata", check_metadata),
        ("schema", check_schema),
        ("sample_id", check_ids),
        ("counts", check_counts),
        ("values", check_values),
        ("failures", check_failures),
        ("geometry", check_geometry),
        ("split", check_splits),
        ("card", check_card_counts),
        ("shards", check_shards),
        ("pictures", lambda one, other: check_pictures(one, other, sample=sample, workers=workers)),
        ("side tables", check_sides),
        ("label health", check_label_health),
    ]
    problems = [problem for name, check in checks for problem in _guarded(name, check, opened, held)]
    return sorted(problems, key=lambda problem: problem.severity != "error")


def card_for(dataset: Dataset) -> Card:
    """The card of the dataset's recipe, or the one for any folder of photographs."""
    recipe = dataset.metadata.get("recipe")
    names = [dataset.metadata.get("name"), recipe.get("name") if isinstance(recipe, dict) else None]
    for name in names:
        try:
            return load_card(str(name))
        except FexdataError:
            continue
    return load_card(CARD_OF_ALL)


def _guarded(name: str, check: Check, dataset: Dataset, card: Card) -> Iterator[Problem]:
    try:
        yield from check(dataset, card)
    except Exception as error:  # a check that trips over broken data has found a problem
        yield Problem("error", name, f"could not be checked: {_one_line(error)}")


def _one_line(error: Exception) -> str:
    text = str(error) if isinstance(error, FexdataError) else f"{type(error).__name__}: {error}"
    return (text.splitlines() or [type(error).__name__])[0][:300]


def check_metadata(dataset: Dataset, card: Card) -> Iterator[Problem]:
    """The build's account of itself is complete."""
    wanted = {"name": str, "recipe": dict, "fingerprint": str, "corpus": dict, "licences": list, "counts": dict}
    for key, kind in wanted.items():
        if not isinstance(dataset.metadata.get(key), kind):
            yield Problem("error", "metadata", f"{key}: expected a {kind.__name__}")
    if not dataset.metadata["licences"]:
        yield Problem("error", "metadata", "licences: empty; a dataset's terms travel with it")


def check_schema(dataset: Dataset, card: Card) -> Iterator[Problem]:
    """Every column that must be there is there, in its type, shape and unit."""
    for field in (*IDENTITY, *LABELS, *VERDICT, *PLACE):
        if field.name not in dataset.schema.names:
            yield Problem("error", field.name, "is missing from the manifest")
    for name, one in card.required("manifest").items():
        if name not in dataset.schema.names and one.present != "optional":
            yield Problem("error", name, "is missing from the manifest, the card demands it")
    for field in dataset.schema:
        described = card.describes(field.name)
        if described is not None and described.where == "manifest":
            yield from type_problems(field, described)


def type_problems(field: pa.Field, card: ColumnCard) -> Iterator[Problem]:
    if not card.accepts(field.type):
        open_ended = card.dtype in ("scores", "coefficients")
        expected = card.dtype if open_ended else card.arrow_type()
        yield Problem("error", field.name, f"expected type {expected}, got {field.type}")
    elif card.where != "shard" and card.shape and shape_of(field) != card.shape:
        yield Problem("error", field.name, f"expected shape {list(card.shape)}, metadata says {list(shape_of(field))}")
    if card.unit and meta(field, "unit") != card.unit:
        yield Problem("error", field.name, f"expected unit {card.unit!r}, metadata says {meta(field, 'unit')!r}")


def check_ids(dataset: Dataset, card: Card) -> Iterator[Problem]:
    ids = dataset.table(["sample_id"]).column("sample_id")
    counted = ids.value_counts()
    repeated = counted.filter(pc.greater(pc.struct_field(counted, "counts"), 1))
    yield from found(pc.struct_field(repeated, "values"), "sample_id", "occurs more than once")
    malformed = ids.filter(pc.invert(pc.match_substring_regex(ids, "^[0-9a-f]{32}$")).fill_null(True))
    yield from found(malformed, "sample_id", "is not 32 hexadecimal digits")


def check_counts(dataset: Dataset, card: Card) -> Iterator[Problem]:
    """rows = accepted + review + rejected + failed, as the metadata says, and no photograph is lost."""
    told, counted = dataset.metadata["counts"], dataset.counts()
    for key in ("rows", *STATUSES):
        if told.get(key) != counted[key]:
            yield Problem("error", "counts", f"{key}: metadata says {told.get(key)}, the manifest holds {counted[key]}")
    if sum(counted[status] for status in STATUSES) != len(dataset):
        yield Problem("error", "counts", f"{len(dataset)} rows are not accepted + review + rejected + failed")
    keys = dataset.table(["corpus", "source_path", "frame", "parent_id", "variant"])
    photographs = len(keys.group_by(keys.column_names).aggregate([]))
    if photographs != told.get("photographs"):
        text = f"{told.get('photographs')} photographs went in, {photographs} have a row"
        yield Problem("error", "counts", text)


def check_values(dataset: Dataset, card: Card) -> Iterator[Problem]:
    """Allowed values, ranges, no NaN or infinity, and nulls only where there may be."""
    base = dataset.table(["sample_id", "failure_code", "shard"])
    ids = base.column("sample_id")
    rows = {"crop": base.column("shard").is_valid(), "done": base.column("failure_code").is_null()}
    for field in dataset.schema:
        one = card.describes(field.name)
        if one is None or one.where != "manifest" or not one.accepts(field.type):
            continue
        column = dataset.table([field.name]).column(field.name)
        if one.present != "optional":
            absent = column.is_null()
            absent = absent if one.present == "always" else pc.and_(absent, rows[one.present])
            yield from found(ids.filter(absent), field.name, "is null")
        if pa.types.is_floating(field.type):
            wild = pc.invert(pc.is_finite(column)).fill_null(False)
            yield from found(ids.filter(wild), field.name, "is not a finite number")
        if one.values:
            allowed = pa.array(list(one.values)).cast(field.type)
            wrong = pc.and_(pc.invert(pc.is_in(column, value_set=allowed)), column.is_valid())
            yield from found(column.filter(wrong).unique(), field.name, f"not one of {', '.join(map(str, one.values))}")
        if one.range is not None:
            low, high = one.range
            wrong = pc.or_(pc.less(column, low), pc.greater(column, high)).fill_null(False)
            yield from found(ids.filter(wrong), field.name, f"is not in {low:g} to {high:g}")


def check_failures(dataset: Dataset, card: Card) -> Iterator[Problem]:
    """Failed rows say where and why, in the closed list's words; no other row does."""
    rows = dataset.table(["sample_id", "status", "failure_stage", "failure_code", "failure_message"])
    ids, failed = rows.column("sample_id"), pc.equal(rows.column("status"), "failed").fill_null(False)
    for name in ("failure_stage", "failure_code", "failure_message"):
        present = rows.column(name).is_valid()
        yield from found(ids.filter(pc.and_(failed, pc.invert(present))), name, "is null in a failed row")
        yield from found(ids.filter(pc.and_(pc.invert(failed), present)), name, "is set in a row that did not fail")
    codes = rows.column("failure_code").drop_null()
    unknown = codes.filter(pc.invert(pc.is_in(codes, value_set=pa.array([str(code) for code in Code]))))
    yield from found(unknown.unique(), "failure_code", "is none of the known codes")


def check_geometry(dataset: Dataset, card: Card) -> Iterator[Problem]:
    """Boxes have an extent, crop matrices an inverse, landmarks lie about the crop."""
    size = crop_size(dataset, card)
    names = [name for name in ("box", "crop_matrix", "landmarks_68") if name in dataset.schema.names]
    for name in names:
        table = dataset.table(["sample_id", name])
        column, ids = table.column(name), table.column("sample_id")
        values = stacked(column, dataset.schema.field(name)).reshape(len(table), -1)
        there = np.asarray(column.is_valid())
        yield from found(ids.filter(there & ~np.isfinite(values).all(axis=1)), name, "is not finite")
        good = there & np.isfinite(values).all(axis=1)
        if name == "box":
            bad, what = (values[:, 2:] <= 0).any(axis=1), "has no extent"
        elif name == "crop_matrix":
            bad, what = values[:, 0] * values[:, 4] - values[:, 1] * values[:, 3] < 1e-6, "has no inverse, or mirrors"
        else:
            bad, what = outside(values, size), f"lies far outside the crop of {size} px"
        yield from found(ids.filter(good & bad), name, what)


def outside(values: np.ndarray, size: int | None) -> np.ndarray:
    """(n,) bool: whether any of a row's coordinates is farther than `MARGIN` crops from the crop."""
    if size is None:
        return np.zeros(len(values), bool)
    far = (values < -MARGIN * size) | (values > (1 + MARGIN) * size)
    return far.reshape(len(values), -1).any(axis=1)


def crop_size(dataset: Dataset, card: Card) -> int | None:
    """The side of the crop: the build's own setting, else the card's, else that of the first
    picture that decodes, else None."""
    size = _set_size(dataset) or card.size
    if size is not None:
        return size
    from fexdata.dataset.access import as_records

    for name in dataset.metadata["shards"] if "image" in dataset.picture_columns else ():
        for row in range(dataset.metadata["shards"][name]):
            try:
                return int(as_records(dataset.shard(name).take([row], ["image"]))[0]["image"].shape[0])
            except FexdataError:  # no such shard, as check_shards tells
                break
            except Exception:  # a broken picture, as check_pictures tells
                continue
    return None


def _set_size(dataset: Dataset) -> int | None:
    """The setting `align.size` of the recipe that the dataset carries."""
    size = settings(dataset).get("stages.align.size")
    return size if isinstance(size, int) else None


def check_splits(dataset: Dataset, card: Card) -> Iterator[Problem]:
    """No subject and no duplicate group in two splits."""
    frame = dataset.frame(["corpus", "subject", "duplicate_group", "split"])
    for keys in (["corpus", "subject"], ["duplicate_group"]):
        spans = frame.dropna(subset=[*keys, "split"]).groupby(keys)["split"].nunique()
        names = [str(key[-1] if isinstance(key, tuple) else key) for key in spans[spans > 1].index]
        yield from found(pa.array(names, pa.string()), keys[-1], "spans two splits")


def check_card_counts(dataset: Dataset, card: Card) -> Iterator[Problem]:
    """How far the build is from the paper's; warnings, because a part of a corpus is legitimate."""
    size = _set_size(dataset)
    if card.size is not None and size not in (None, card.size):
        yield Problem(
            "warning", f"card {card.name}", f"crops of {size} px (align.size); the paper's build has {card.size}"
        )
    frame = dataset.frame(["expression", *card.counts.distinct])
    counts = dataset.counts()
    classes = frame["expression"].value_counts()
    compared: list[tuple[str, int, int | None]] = [
        ("photographs", counts["photographs"], card.counts.photographs),
        ("accepted rows", counts["accepted"], card.counts.accepted),
        *((f"expression {name}", int(classes.get(name, 0)), told) for name, told in card.counts.classes.items()),
        *((f"different {name}", frame[name].nunique(), told) for name, told in card.counts.distinct.items()),
    ]
    for what, here, told in compared:
        if told is not None and abs(here - told) > card.counts.tolerance * told:
            yield Problem("warning", f"card {card.name}", f"{what}: {here:,}; the paper's build has {told:,}")


def found(examples: Any, where: str, what: str) -> Iterator[Problem]:
    """One problem for any number of rows or values, with the first three named."""
    if len(examples):
        shown = ", ".join(str(one) for one in examples[:3].to_pylist())
        yield Problem("error", where, f"{what}: {len(examples):,} ({shown}{', …' if len(examples) > 3 else ''})")
