"""Reading a corpus and hashing what it holds, once.

A content hash is kept with the file's path, size and modification time and is computed again only
when one of them changed, or when `verify` asks for it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq

from fexdata import storage
from fexdata.corpora.base import Photograph
from fexdata.errors import RowError
from fexdata.pipeline.layout import Layout
from fexdata.pipeline.plan import Source

SCHEMA = pa.schema([("key", pa.binary()), ("size", pa.int64()), ("mtime_ns", pa.int64()), ("sha256", pa.string())])


def sources(photographs: Iterable[Photograph]) -> list[Source]:
    """Photographs with their digests; content hashes are filled in by `with_content`."""
    return [Source(photograph, photograph.digest(), None) for photograph in photographs]


def with_content(
    chosen: Sequence[Source],
    layout: Layout,
    *,
    root: str,
    verify: bool = False,
    keep: bool = True,
    advance: Callable[[int], None] = lambda count: None,
) -> list[Source]:
    """The same sources with the sha256 of each file (None where it cannot be read).

    `keep` writes the hashes to the cache; `advance` is called with the number of photographs
    done, for a progress bar.
    """
    known = {} if verify else _load_cache(layout)
    stamps = _stamps(chosen, root)
    hashed: list[Source] = []
    rows: list[tuple[bytes, int, int, str]] = []

    def content(source: Source, stamp: tuple[int, int]) -> str | None:
        key = source.photograph.key
        found = known.get(key)
        if found is not None and found[:2] == stamp:
            return found[2]
        try:
            return hashlib.sha256(storage.read_photograph(source.photograph.location)).hexdigest()
        except RowError:
            return None

    # Hashing and reading both release the interpreter lock, so threads are enough.
    with ThreadPoolExecutor(max(2, min(16, 2 * (os.cpu_count() or 1)))) as pool:
        for source, stamp, sha in zip(chosen, stamps, pool.map(content, chosen, stamps), strict=True):
            hashed.append(replace(source, sha256=sha))
            if sha is not None and stamp[0] >= 0:
                rows.append((source.photograph.key, *stamp, sha))
            advance(1)
    if keep and {row[0]: row[1:] for row in rows} != known:
        _save_cache(layout, rows, known)
    return hashed


def _stamps(chosen: Sequence[Source], root: str) -> list[tuple[int, int]]:
    if not storage.is_remote(root):
        return [_stamp(source.photograph.location) for source in chosen]
    # One listing instead of one request per object.
    listed = {entry.location: (entry.size, entry.mtime_ns) for entry in storage.listing(root)}
    return [listed.get(source.photograph.location, (-1, 0)) for source in chosen]


def _stamp(location: str) -> tuple[int, int]:
    try:
        info = os.stat(location)
    except OSError:
        return (-1, 0)
    return (info.st_size, info.st_mtime_ns)


def _load_cache(layout: Layout) -> dict[bytes, tuple[int, int, str]]:
    try:
        table = pq.read_table(BytesIO(storage.read_bytes(layout.content)), schema=SCHEMA)
    except (FileNotFoundError, pa.ArrowInvalid):
        return {}
    columns = [table.column(name).to_pylist() for name in SCHEMA.names]
    return {key: (size, mtime, sha) for key, size, mtime, sha in zip(*columns, strict=True)}


def _save_cache(
    layout: Layout, rows: Sequence[tuple[bytes, int, int, str]], known: dict[bytes, tuple[int, int, str]]
) -> None:
    # A limited build must not forget what a full one has hashed.
    merged = {**known, **{row[0]: row[1:] for row in rows}}
    items = [{"key": key, "size": size, "mtime_ns": m, "sha256": sha} for key, (size, m, sha) in sorted(merged.items())]
    table = pa.Table.from_pylist(items, schema=SCHEMA)
    buffer = BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    storage.write_atomic(layout.content, buffer.getvalue())
