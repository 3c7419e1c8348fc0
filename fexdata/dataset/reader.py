"""A built dataset as its users see it: rows, columns, pictures, side tables.

>>> dataset = open_dataset("affectnet-d")
>>> dataset.frame(["sample_id", "expression", "yaw"], status="accepted")
>>> dataset.row(17)["depth"]

Opening reads only the manifest's footer; columns are read when asked for, pictures one row group
at a time. Everything comes back as it is stored: geometry in crop pixels, depth as uint16 (each
field's metadata says what its numbers mean).
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fexdata.dataset.access import RowFile, as_records
from fexdata.dataset.fields import meta
from fexdata.dataset.manifest import manifest_path, read_metadata
from fexdata.dataset.names import find_dataset
from fexdata.dataset.schema import STATUSES
from fexdata.dataset.shards import shard_path
from fexdata.dataset.vectors import stacked
from fexdata.errors import FexdataError
from fexdata.storage import join

if TYPE_CHECKING:
    import pandas as pd

    from fexdata.dataset.torch_rows import TorchRows

Status = Literal["accepted", "review", "rejected", "failed"]
Pictures = dict[str, np.ndarray | None]
"""Picture column -> pixels; None where the row has none."""

PLACE_COLUMNS = ["sample_id", "status", "shard", "shard_row"]
SLAB = 128
"""Row groups of the manifest filtered at a time: some 65,000 rows."""


def open_dataset(name_or_path: str | os.PathLike[str]) -> Dataset:
    """A dataset by name (under `$FEXDATA_HOME` or `./data`), path or URL.

    Raises `FexdataError` when there is none, when its build has not finished, or when its format
    is newer than this version reads.
    """
    return Dataset(find_dataset(name_or_path))


class Dataset:
    """One finished dataset. It sees the manifest as it was when opened, whatever a review or a
    build does meanwhile. Pickled, it is only its path."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._manifest = RowFile(manifest_path(path))
        self.metadata: dict[str, Any] = read_metadata(self._manifest.file_metadata, manifest_path(path))
        """What the build says of itself: recipe, corpus, licences, counts, shards."""
        self.schema: pa.Schema = self._manifest.schema
        """The manifest's columns, with unit, shape and convention in each field's metadata."""
        self._shards: dict[str, RowFile] = {}
        self._sides: dict[str, SideTable] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Dataset, (self.path,)

    def __len__(self) -> int:
        return len(self._manifest)

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, {len(self):,} rows, {self.path})"

    @property
    def name(self) -> str:
        return str(self.metadata["name"])

    @cached_property
    def picture_columns(self) -> list[str]:
        """Names of the shards' pictures (image, depth, normal, mask), from the first that opens."""
        for name in self.metadata["shards"]:
            try:
                fields = self.shard(name).schema
            except (FexdataError, pa.ArrowInvalid):  # `fexdata validate` tells of it
                continue
            return [field.name for field in fields if meta(field, "table") == "shard"]
        return []

    def counts(self) -> dict[str, int]:
        """Photographs, rows, and rows of each status; the latter are counted, not looked up."""
        found = {item["values"]: item["counts"] for item in self.table(["status"])["status"].value_counts().to_pylist()}
        known = {"photographs": int(self.metadata["counts"]["photographs"]), "rows": len(self)}
        return known | {status: found.get(status, 0) for status in STATUSES}

    def table(self, columns: Sequence[str] | None = None, filter: pc.Expression | None = None) -> pa.Table:
        """Manifest columns (all by default) of the rows that `filter` keeps, in manifest order.

        >>> dataset.table(["sample_id", "yaw"], pc.field("quality") > 0.5)
        """
        names = self.schema.names if columns is None else list(columns)
        self.check_columns(names)
        if filter is None:
            return self._manifest.read(names)
        # A few columns too many do no harm, so a word of the expression's text is enough.
        words = set(re.findall(r"\w+", str(filter)))
        needed = list(dict.fromkeys([*names, *(name for name in self.schema.names if name in words)]))
        if not any(pa.types.is_nested(self.schema.field(name).type) for name in needed):
            return self._manifest.read(needed).filter(filter).select(names)
        # Vectors of rows that are not wanted could fill the memory: part by part.
        slabs = self._manifest.chunks(needed, SLAB)
        empty = self.schema.empty_table().select(names)
        return pa.concat_tables([empty, *(rows.filter(filter).select(names) for _, rows in slabs)])

    def frame(self, columns: Sequence[str] | None = None, status: Status | None = None) -> pd.DataFrame:
        """Manifest columns as pandas; without `columns` the scalar ones (no boxes, no landmarks)."""
        scalars = [field.name for field in self.schema if not pa.types.is_nested(field.type)]
        return self.table(scalars if columns is None else columns, has_status(status)).to_pandas()

    @cached_property
    def sample_ids(self) -> pa.Array:
        """Every row's `sample_id`, in manifest order."""
        return self.table(["sample_id"]).column("sample_id").combine_chunks()

    def positions(self, sample_ids: Iterable[str]) -> np.ndarray:
        """Row numbers of the given ids, int64, in their order. An unknown id raises `FexdataError`."""
        wanted = pa.array(list(sample_ids), pa.string())
        if len(wanted) == 1:  # a scan is far cheaper than hashing a million ids
            hits = np.flatnonzero(pc.equal(self.sample_ids, wanted[0]))[:1]
            found = pa.array(hits) if len(hits) else pa.nulls(1, pa.int64())
        else:
            found = pc.index_in(wanted, value_set=self.sample_ids)
        if found.null_count:
            missing = wanted.filter(found.is_null())[0].as_py()
            raise FexdataError(f"no row with sample_id {missing!r} in {self.name}")
        return np.asarray(found).astype(np.int64)

    def row(self, key: int | str, columns: Sequence[str] | None = None) -> dict[str, Any]:
        """One row by number or `sample_id`: manifest values (vectors in their declared shape) and
        pictures, decoded (None where there is none). `columns` limits both."""
        if isinstance(key, int) and not -len(self) <= key < len(self):
            raise IndexError(f"row {key} of {self.name}, which has {len(self):,} rows")
        index = int(self.positions([key])[0]) if isinstance(key, str) else range(len(self))[key]
        wanted = [*self.schema.names, *self.picture_columns] if columns is None else list(columns)
        pictures, scalars = self._parted(wanted)
        rows = self._manifest.take([index], list(dict.fromkeys([*scalars, *PLACE_COLUMNS])))
        record = as_records(rows)[0]
        for _, found in self._in_shard_order(rows, pictures):
            record |= found
        return {name: record[name] for name in wanted}

    def pictures(
        self, sample_ids: Sequence[str], columns: Sequence[str] = ("image",)
    ) -> dict[str, list[np.ndarray | None]]:
        """Decoded pictures of the given rows, in their order: column -> one array per row.

        image and normal are (H, W, 3) uint8, depth (H, W) uint16, mask (H, W) uint8; None where
        the row has none.
        """
        pictures, others = self._parted(columns)
        if others:
            raise FexdataError(f"{', '.join(others)}: not a picture; pictures: {', '.join(self.picture_columns)}")
        places = self._manifest.take(self.positions(sample_ids), PLACE_COLUMNS)
        found = dict(self._in_shard_order(places, pictures))
        return {name: [found[index][name] for index in range(len(places))] for name in columns}

    def iterate(
        self, columns: Sequence[str] = ("image",), status: Status | None = "accepted"
    ) -> Iterator[dict[str, Any]]:
        """Rows one after another, in shard order (a seeded shuffle): `sample_id` and the given
        manifest columns and pictures, decoded. One row group is in memory at a time."""
        pictures, scalars = self._parted(columns)
        names = list(dict.fromkeys([*scalars, *PLACE_COLUMNS]))
        for _, rows in self._manifest.chunks(names):
            kept = rows if status is None else rows.filter(has_status(status))
            records = as_records(kept.select(list(dict.fromkeys(["sample_id", *scalars]))))
            for index, found in self._in_shard_order(kept, pictures):
                yield records[index] | found

    def side(self, name: str, sample_ids: Sequence[str] | None = None) -> np.ndarray:
        """A side table's values for the given rows (all by default, in manifest order): float32
        (n, *shape), e.g. (n, 478, 3) landmarks in crop pixels; NaN where a row has none."""
        wanted = self.sample_ids if sample_ids is None else pa.array(list(sample_ids), pa.string())
        return self.side_table(name).values(wanted)

    def side_table(self, name: str) -> SideTable:
        if name not in self._sides:
            files = self.metadata["side"].get(name)
            if not files:
                known = ", ".join(self.metadata["side"]) or "none"
                raise FexdataError(f"{self.name} has no side table {name!r}; it has: {known}")
            self._sides[name] = SideTable(name, [join(self.path, file) for file in files])
        return self._sides[name]

    def torch(self, columns: Sequence[str], status: Status | None = "accepted") -> TorchRows:
        """A map-style torch `Dataset` over manifest columns, pictures and side tables; see
        `fexdata.dataset.torch_rows.TorchRows`."""
        from fexdata.dataset.torch_rows import TorchRows

        return TorchRows(self, columns, status)

    def shard(self, name: str) -> RowFile:
        """The file of one shard, opened once. Raises `FexdataError` when it is gone."""
        if name not in self._shards:
            path = shard_path(self.path, name)
            try:
                self._shards[name] = RowFile(path)
            except FileNotFoundError:
                raise FexdataError(f"{path} is missing; run the dataset's `fexdata build` again") from None
        return self._shards[name]

    def _parted(self, columns: Iterable[str]) -> tuple[list[str], list[str]]:
        """Pictures and manifest columns among `columns`; anything else raises."""
        pictures = [name for name in columns if name in self.picture_columns]
        scalars = [name for name in columns if name not in pictures]
        self.check_columns(scalars)
        return pictures, scalars

    def check_columns(self, names: Iterable[str]) -> None:
        """Raises `FexdataError`, with a hint, for a name that is no manifest column."""
        known = set(self.schema.names)
        for name in names:
            if name in known:
                continue
            if name in self.metadata["side"]:
                raise FexdataError(f"{name} is a side table of {self.name}; read it with .side({name!r})")
            if name in self.picture_columns:
                raise FexdataError(f"{name} is a picture of {self.name}; read it with .pictures() or .iterate()")
            close = difflib.get_close_matches(name, [*self.schema.names, *self.picture_columns], 3)
            hint = f"close: {', '.join(close)}" if close else "`.schema` lists them"
            raise FexdataError(f"{self.name} has no column {name!r}; {hint}")

    def _in_shard_order(self, places: pa.Table, columns: Sequence[str]) -> Iterator[tuple[int, Pictures]]:
        """(index into `places`, pictures) for each of its rows, shard by shard and row by row, so
        that each row group is read once; rows without a crop come last."""
        if not columns:
            yield from ((index, {}) for index in range(len(places)))
            return
        rows = places.column("shard_row").to_pylist()
        by_shard: dict[str | None, list[int]] = {}
        for index, shard in enumerate(places.column("shard").to_pylist()):
            by_shard.setdefault(shard, []).append(index)
        nowhere = by_shard.pop(None, [])
        for shard, members in by_shard.items():
            file = self.shard(str(shard))
            by_group: dict[int, list[int]] = {}
            for index in sorted(members, key=lambda index: rows[index]):
                by_group.setdefault(file.group_of(rows[index]), []).append(index)
            for together in by_group.values():
                found = as_records(file.take([rows[index] for index in together], columns))
                yield from zip(together, found, strict=True)
        yield from ((index, dict.fromkeys(columns)) for index in nowhere)


class SideTable:
    """Values too long for the manifest: one column of one layer's files, joined by `sample_id`."""

    def __init__(self, name: str, paths: Sequence[str]) -> None:
        self.name = name
        self._files = [RowFile(path) for path in paths]
        ids = [chunk for file in self._files for chunk in file.read(["sample_id"]).column("sample_id").chunks]
        self.sample_ids: pa.Array = pa.chunked_array(ids, pa.string()).combine_chunks()
        """The `sample_id` of every row of the files, in their order."""
        self._starts = np.cumsum([0, *map(len, self._files)])
        self.field: pa.Field = self._files[0].schema.field(name)

    def values(self, sample_ids: pa.Array) -> np.ndarray:
        """float32 (n, *shape), in the order of `sample_ids`; NaN where there is no value."""
        return self.at(self.positions(sample_ids))

    def positions(self, sample_ids: pa.Array) -> np.ndarray:
        """Row numbers within the files, -1 for an id that is not there."""
        return np.asarray(pc.index_in(sample_ids, value_set=self.sample_ids).fill_null(-1))

    def at(self, rows: np.ndarray) -> np.ndarray:
        """`values` by row number within the files; -1 for none."""
        values = stacked(pa.chunked_array([pa.nulls(len(rows), self.field.type)]), self.field)
        for number, file in enumerate(self._files):
            here = np.flatnonzero((rows >= self._starts[number]) & (rows < self._starts[number + 1]))
            if len(here):
                taken = file.take(rows[here] - self._starts[number], [self.name])
                values[here] = stacked(taken.column(self.name), self.field)
        return values


def settings(dataset: Dataset) -> dict[str, Any]:
    """Everything that the recipe says, as the build found it, by dotted name: `stages.align.size`."""

    def flat(value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict) or not value:
            return {name: value}
        return {
            key: one for part in value for key, one in flat(value[part], f"{name}.{part}" if name else part).items()
        }

    recipe = dataset.metadata.get("recipe")
    return flat(recipe, "") if isinstance(recipe, dict) and recipe else {}


def has_status(status: Status | None) -> pc.Expression | None:
    """The filter for one status. Raises `FexdataError` for a word that is none."""
    if status is not None and status not in STATUSES:
        raise FexdataError(f"unknown status {status!r}; known: {', '.join(STATUSES)}")
    return None if status is None else pc.field("status") == status
