"""The manifest: one row per face (at least one per photograph), and the build's commit point.

The promise: a manifest that is there is complete, and its bytes are a pure function of its rows
and its metadata. It is written last, as a stream, in row groups whose size does not depend on how
the rows arrived; the build's own account of itself (recipe, counts, shards, licences) goes into
the file's `fexdata` entry when it is closed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fexdata.dataset.fields import meta
from fexdata.dataset.schema import IDENTITY, LABELS, PLACE, VERDICT
from fexdata.dataset.shards import parquet_options, recut
from fexdata.dataset.vectors import storable, storable_schema
from fexdata.errors import FexdataError
from fexdata.storage import AtomicFile, join

FORMAT = 1
"""Version of the layout of manifests and shards; a reader refuses a newer one."""

ROW_GROUP = 512
"""Rows per row group: few enough that one row is read in milliseconds; the footer of a million rows
of some 60 columns is then about 13 MB, parsed in 0.2 s."""

METADATA_KEY = b"fexdata"


def manifest_path(dataset: str) -> str:
    return join(dataset, "manifest.parquet")


def manifest_schema(stage_fields: Sequence[pa.Field]) -> pa.Schema:
    """Identity, labels, the stages' columns (those declared with table="manifest"), verdict and
    place. A stage's column that is part of every row's identity (`face_slot`) keeps that place."""
    fixed_fields = {field.name for field in (*IDENTITY, *LABELS, *VERDICT, *PLACE)}
    stages: dict[str, pa.Field] = {}
    for field in stage_fields:
        if meta(field, "table") == "manifest" and field.name not in fixed_fields:
            if field.name in stages:
                raise ValueError(f"two stages write the column {field.name}")
            stages[field.name] = field
    return pa.schema([*IDENTITY, *LABELS, *stages.values(), *VERDICT, *PLACE])


class ManifestWriter:
    """Writes a manifest chunk by chunk; it appears under its name only after `finish`.

    >>> with ManifestWriter(manifest_path("data/photos"), schema) as writer:
    ...     writer.append(chunk)
    ...     writer.finish({"name": "photos", "counts": {...}})

    Leaving the block without `finish`, or with an error, leaves whatever manifest was there.
    """

    def __init__(self, path: str, schema: pa.Schema) -> None:
        self._target = AtomicFile(path)
        self._schema = schema
        self._waiting: list[pa.Table] = []
        self._count = 0
        self._finished = False
        self.rows = 0

    def __enter__(self) -> ManifestWriter:
        file = self._target.__enter__()
        self._writer = pq.ParquetWriter(file, storable_schema(self._schema), **parquet_options(self._schema))
        return self

    def append(self, chunk: pa.Table) -> None:
        """Adds rows. `chunk` has every column of the schema, in any order; a missing one raises
        `KeyError`, another type `TypeError`: a manifest is no place for silent conversions."""
        columns = [chunk.column(name) for name in self._schema.names]
        for field, values in zip(self._schema, columns, strict=True):
            if values.type != field.type:
                raise TypeError(f"manifest column {field.name}: expected {field.type}, got {values.type}")
        table = pa.Table.from_arrays(columns, schema=self._schema)
        self.rows += len(table)
        self._waiting.append(table)
        self._count += len(table)
        if self._count >= ROW_GROUP:
            self._write(final=False)

    def finish(self, metadata: Mapping[str, Any]) -> None:
        """Ends the file with the build's account of itself (plain JSON values)."""
        self._write(final=True)
        text = json.dumps({**metadata, "format": FORMAT}, sort_keys=True, ensure_ascii=False)
        self._writer.add_key_value_metadata({METADATA_KEY.decode(): text})
        self._writer.close()
        self._finished = True

    def _write(self, *, final: bool) -> None:
        kept: list[pa.Table] = []
        for group in recut(self._waiting, ROW_GROUP):
            if len(group) == ROW_GROUP or final:
                self._writer.write_table(storable(group), row_group_size=ROW_GROUP)
            else:
                kept = [group]
        self._waiting, self._count = kept, sum(map(len, kept))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._finished and kind is None:
            self._target.__exit__(None, None, None)
        else:
            # Any exception type makes AtomicFile drop what was written so far.
            self._writer.close()
            self._target.__exit__(kind or RuntimeError, error, trace)


def read_metadata(file_metadata: Mapping[bytes, bytes], path: str) -> dict[str, Any]:
    """The build's account of itself, from a Parquet file's key-value metadata. Raises
    `FexdataError` when there is none, or when its format is newer than `FORMAT`."""
    text = file_metadata.get(METADATA_KEY)
    if text is None:
        raise FexdataError(f"{path} is not a fexdata manifest; build the dataset with `fexdata build`")
    metadata: dict[str, Any] = json.loads(text)
    if metadata.get("format", 0) > FORMAT:
        raise FexdataError(f"{path} has format {metadata['format']}, newer than this fexdata reads; upgrade fexdata")
    return {"shards": {}, "side": {}, "licences": [], **metadata}
