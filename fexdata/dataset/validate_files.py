"""The part of validation that reads a dataset's other files: shards, pictures, side tables."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fexdata.dataset.access import RowFile, decoded, picture_bytes
from fexdata.dataset.card import Card
from fexdata.dataset.fields import meta
from fexdata.dataset.reader import Dataset
from fexdata.dataset.shards import ROW_GROUP, shard_path
from fexdata.dataset.validate import Problem, crop_size, found, outside, type_problems
from fexdata.errors import RowError

LABELS = 5
"""Mask labels run from 0 to 4."""

ENDS = (b"\xff\xd9", b"IEND\xae\x42\x60\x82")
"""How a whole JPEG and a whole PNG end."""

UNIT = 0.03
"""How far from 1 a normal's length may be: 8 bits a channel allow an error below 0.007."""

Shapes = dict[str, tuple[tuple[Any, ...], str]]
"""Picture column -> (shape, dtype) that it must have."""

BATCH = 256
"""Rows of a side table handled at a time."""


def check_shards(dataset: Dataset, card: Card) -> Iterator[Problem]:
    """Every shard is there, holds the rows it should, each where the manifest says it is."""
    places = dataset.table(["sample_id", "shard", "shard_row"])
    told = dataset.metadata["shards"]
    known = pa.array(list(told), pa.string())
    shards = places.column("shard")
    unlisted = pc.and_(shards.is_valid(), pc.invert(pc.is_in(shards, value_set=known)))
    yield from found(shards.filter(unlisted).unique(), "shard", "is not in the metadata")
    by_shard = places.group_by("shard").aggregate([("sample_id", "list"), ("shard_row", "list")]).to_pylist()
    members = {one["shard"]: (one["sample_id_list"], one["shard_row_list"]) for one in by_shard}
    for name, rows in told.items():
        where = f"shard {name}"
        try:
            file = dataset.shard(name)
        except Exception as error:  # missing, cut short or no Parquet: all the same to a reader
            yield Problem("error", where, f"cannot be opened: {type(error).__name__}")
            continue
        ids, at = members.get(name, ([], []))
        if not len(file) == rows == len(ids):
            text = f"holds {len(file)} rows; the metadata says {rows}, the manifest points to {len(ids)}"
            yield Problem("error", where, text)
        stored = file.read(["sample_id"]).column("sample_id").to_pylist()
        wrong = [key for key, row in zip(ids, at, strict=True) if row is None or stored[row : row + 1] != [key]]
        yield from found(pa.array(wrong, pa.string()), where, "holds another row where the manifest says")
        for field in file.schema:
            one = card.describes(field.name)
            if one is not None and one.where == "shard":
                yield from (Problem("error", where, str(problem)) for problem in type_problems(field, one))


def check_pictures(
    dataset: Dataset, card: Card, *, sample: int | None = None, workers: int | None = None
) -> Iterator[Problem]:
    """Every picture decodes in its shape and dtype; depth, normals and mask agree."""
    missing = [name for name in card.required("shard") if name not in dataset.picture_columns]
    if dataset.picture_columns:
        yield from (Problem("error", name, "is missing from the shards") for name in missing)
    places = dataset.table(
        ["sample_id", "shard", "shard_row", "failure_code"], pc.field("shard").is_valid()
    ).to_pandas()
    if sample is not None and sample < len(places):
        chosen = np.random.default_rng(0).choice(len(places), sample, replace=False)
        places = places.iloc[np.sort(chosen)]
    size = crop_size(dataset, card)
    shapes: Shapes = {
        name: (tuple(size if side == "size" else side for side in one.shape), one.dtype)
        for name, one in card.required("shard").items()
        if name in dataset.picture_columns
    }
    groups = [
        (shard_path(dataset.path, str(name)), rows)
        for name, rows in places.groupby("shard")
        if name in dataset.metadata["shards"]
    ]
    told: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], str] = {}
    # Decoding leaves Python's lock, so threads are enough, and a shard is a thread's own file.
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        for problems in pool.map(lambda group: _shard_problems(group[0], group[1], shapes), groups):
            for key, where, what in problems:
                told[where, what] += 1
                first.setdefault((where, what), key)
    for (where, what), count in told.items():
        yield Problem("error", where, f"{what}: {count:,} (first: {first[where, what]})")


def _shard_problems(path: str, places: Any, shapes: Shapes) -> list[tuple[str, str, str]]:
    """(sample_id, column, what) for all that is wrong with the pictures of some rows of a shard."""
    try:
        file = RowFile(path)
    except Exception:  # told by check_shards
        return []
    names = list(shapes)
    places = places[(places["shard_row"] >= 0) & (places["shard_row"] < len(file))].sort_values("shard_row")
    problems = []
    for start in range(0, len(places), ROW_GROUP):
        batch = places.iloc[start : start + ROW_GROUP]
        table = file.take(batch["shard_row"].to_numpy(np.int64), names)
        columns = [picture_bytes(table.column(name)) for name in names]
        failed = batch["failure_code"].notna()
        for key, gone, *encoded in zip(batch["sample_id"], failed, *columns, strict=True):
            pictures = dict(zip(names, encoded, strict=True))
            problems += [(key, where, what) for where, what in _row_problems(pictures, shapes, failed=gone)]
    file.close()
    return problems


def _row_problems(encoded: dict[str, Any], shapes: Shapes, *, failed: bool) -> Iterator[tuple[str, str]]:
    pixels: dict[str, np.ndarray] = {}
    for name, data in encoded.items():
        if data is None:
            if not failed or name == "image":
                yield name, "is null in a row that has a crop and did not fail"
            continue
        # Some decoders fill up what is missing with grey and say nothing.
        if not bytes(data[-8:]).endswith(ENDS):
            yield name, "is cut short, or neither JPEG nor PNG"
            continue
        try:
            picture = decoded(data)
        except (RowError, ValueError, OSError) as error:
            yield name, f"does not decode: {error}"
            continue
        shape, dtype = shapes[name]
        if picture.shape != shape or picture.dtype != dtype:
            yield name, f"expected {list(shape)} {dtype}, got {list(picture.shape)} {picture.dtype}"
        else:
            pixels[name] = picture
    if "mask" in pixels:
        yield from _map_problems(pixels)


def _map_problems(pixels: dict[str, np.ndarray]) -> Iterator[tuple[str, str]]:
    """What disagrees among one row's maps, all of one size."""
    mask = pixels["mask"]
    if mask.max(initial=0) >= LABELS:
        yield "mask", f"holds a label above {LABELS - 1}"
    if "depth" in pixels and not np.array_equal(pixels["depth"] == 0, mask == 0):
        yield "depth", "is zero elsewhere than the mask"
    if "normal" in pixels and mask.any():
        normals = pixels["normal"][mask > 0].astype(np.float32) / 127.5 - 1
        if np.abs(np.linalg.norm(normals, axis=1) - 1).max() > UNIT:
            yield "normal", "is not of unit length within the mask"


def check_sides(dataset: Dataset, card: Card) -> Iterator[Problem]:
    """Every side table joins one to one, in its type, with finite values about the crop."""
    base = dataset.table(["sample_id", "failure_code", "shard"])
    ids = base.column("sample_id")
    wanted = {"always": None, "crop": base.column("shard").is_valid(), "done": base.column("failure_code").is_null()}
    size = crop_size(dataset, card)
    for name, one in card.required("side").items():
        if name not in dataset.metadata["side"]:
            yield Problem("error", name, "is missing: the metadata names no such side table")
            continue
        try:
            table = dataset.side_table(name)
        except Exception as error:  # missing, cut short or no Parquet
            yield Problem("error", name, f"its files cannot be opened: {type(error).__name__}")
            continue
        yield from type_problems(table.field, one)
        counted = table.sample_ids.value_counts()
        repeated = counted.filter(pc.greater(pc.struct_field(counted, "counts"), 1))
        yield from found(pc.struct_field(repeated, "values"), name, "has more than one value for a row")
        strange = table.sample_ids.filter(pc.invert(pc.is_in(table.sample_ids, value_set=ids.combine_chunks())))
        yield from found(strange, name, "has values for rows that are not in the manifest")
        if one.present != "optional":
            needed = ids if wanted[one.present] is None else ids.filter(wanted[one.present])
            yield from _side_values(dataset, name, needed, size)


def _side_values(dataset: Dataset, name: str, needed: pa.ChunkedArray, size: int | None) -> Iterator[Problem]:
    table = dataset.side_table(name)
    rows = table.positions(needed.combine_chunks() if isinstance(needed, pa.ChunkedArray) else needed)
    absent: list[str] = []
    far: list[str] = []
    # In the files' own order, so that each row group is read once.
    order = np.argsort(rows, kind="stable")
    in_pixels = meta(table.field, "mirror") == "vertices"
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        values = table.at(rows[batch]).reshape(len(batch), -1)
        finite = np.isfinite(values).all(axis=1)
        keys = needed.take(pa.array(batch)).to_pylist()
        absent += [key for key, good in zip(keys, finite, strict=True) if not good]
        if in_pixels:
            far += [key for key, bad in zip(keys, outside(values, size) & finite, strict=True) if bad]
    yield from found(pa.array(absent, pa.string()), name, "has no finite value for a row that should have one")
    yield from found(pa.array(far, pa.string()), name, f"lies far outside the crop of {size} px")
