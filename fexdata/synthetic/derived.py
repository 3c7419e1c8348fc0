"""How datasets that are not built from photographs are written: shard by shard, the rows of a shard last.

A shard whose rows are there is complete, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fexdata.dataset.fields import meta
from fexdata.dataset.manifest import manifest_schema
from fexdata.dataset.shards import parquet_options, shard_path, shard_schema, write_shard
from fexdata.dataset.vectors import storable, storable_schema
from fexdata.storage import AtomicFile

_Job = TypeVar("_Job")


def rows_path(out: str, shard: str) -> str:
    """Rows of a shard; they appear last."""
    return f"{out}/rows/{shard}.parquet"


def write_rows(
    out: str, shard: str, rows: list[dict[str, Any]], fields: list[pa.Field], *, side: str | None = None
) -> None:
    """Writes a shard's pictures, its side table to the path `side` where it has one, and its rows.

    rows: in the shard's order, by column name; columns that a row lacks are null. fields: what rows have beyond
    identity, labels and verdict.
    """
    for number, row in enumerate(rows):
        row |= {"shard": shard, "shard_row": number}
    write_shard(shard_path(out, shard), _table(rows, shard_schema(fields)))
    sides = pa.schema([pa.field("sample_id", pa.string()), *(one for one in fields if meta(one, "table") == "side")])
    tables = [*([(side, sides)] if side else []), (rows_path(out, shard), manifest_schema(fields))]
    for path, schema in tables:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with AtomicFile(path) as file:
            pq.write_table(storable(_table(rows, schema)), file, **parquet_options(storable_schema(schema)))


def run_jobs(
    make: Callable[[_Job], int], jobs: Sequence[_Job], workers: int | None, advance: Callable[[int], None]
) -> None:
    """Makes every shard, in `workers` processes (None: a core each), and says after each how many rows it had."""
    if len(jobs) < 2 or workers == 1:
        for job in jobs:
            advance(make(job))
        return
    # Spawned, since a forked copy of a process with threads may hang.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for made in pool.map(make, jobs):
            advance(made)


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """The rows' columns of a schema; null where a row has none."""
    return pa.table([_array([row.get(one.name) for row in rows], one) for one in schema], schema=schema)


def _array(values: list[Any], field: pa.Field) -> pa.Array:
    if not pa.types.is_fixed_size_list(field.type):
        return pa.array(values, field.type)
    flat = np.concatenate([np.asarray(value, np.float32).reshape(-1) for value in values])
    return pa.FixedSizeListArray.from_arrays(pa.array(flat), type=field.type)
