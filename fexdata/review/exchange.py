"""Logs between people, as Parquet: two files in one, the rows of the log and the faces they are on.

Importing adds what is not there yet, by batch and number; so two people can send each other their
logs as often as they like, in any order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from fexdata.errors import FexdataError
from fexdata.review.decisions import EVENTS, FACES, Log
from fexdata.storage import AtomicFile, read_bytes

KEY: Final = b"fexdata-review"
S: Final = pa.string()
SCHEMA: Final = pa.schema(
    [
        pa.field("batch", S, False),
        pa.field("number", pa.int32(), False),
        pa.field("reviewer", S, False),
        pa.field("at", S, False),
        pa.field("kind", S, False),
        ("face", S),
        ("target", S),
        pa.field("action", S, False),
        ("seconds", pa.float64()),
        pa.field("shown", S, False),
        ("face_facts", S),
        ("face_landmarks", pa.binary()),
        ("face_vertices", pa.binary()),
        ("target_facts", S),
    ]
)
"""One row per row of the log, with the face that it is on (and, for `attach`, its new face)."""

EVENT_COLUMNS: Final = SCHEMA.names[:10]


def export_log(log: Log, path: str) -> int:
    """Writes the whole log to a Parquet file; returns its number of rows."""
    names = [EVENTS.c[name] for name in EVENT_COLUMNS]
    with log.reading.connect() as connection:
        own = EVENTS.c.dataset == log.dataset
        events = connection.execute(sa.select(*names).where(own).order_by(EVENTS.c.seq)).mappings().all()
        stored = connection.execute(sa.select(FACES).where(FACES.c.dataset == log.dataset)).mappings().all()
    faces = {row["key"]: row for row in stored}
    records = [_record(dict(event), faces) for event in events]
    schema = SCHEMA.with_metadata({KEY: json.dumps({"dataset": log.dataset, "format": 1}).encode()})
    with AtomicFile(path) as file:
        pq.write_table(pa.Table.from_pylist(records, schema=schema), file, compression="zstd")
    return len(records)


def import_log(log: Log, path: str) -> tuple[int, int]:
    """Adds another log's rows; returns (rows added, rows that were there already).

    Raises `FexdataError` for a file that is no exported log, or one of another dataset.
    """
    try:
        table = pq.read_table(pa.BufferReader(read_bytes(path)))
    except (OSError, pa.ArrowInvalid) as error:
        raise FexdataError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    about = json.loads((table.schema.metadata or {}).get(KEY, b"null"))
    if about is None or table.schema.names != SCHEMA.names:
        raise FexdataError(f"{path} is not a log of decisions; make one with `fexdata review export`")
    if about["dataset"] != log.dataset:
        raise FexdataError(f"{path} holds decisions on {about['dataset']!r}, not on {log.dataset!r}")
    records = table.to_pylist()
    with log.engine.begin() as connection:
        known = set(connection.execute(sa.select(EVENTS.c.batch, EVENTS.c.number)).tuples())
        new = [one for one in records if (one["batch"], one["number"]) not in known]
        _add_faces(connection, new, log.dataset)
        if new:
            events = [{name: one[name] for name in EVENT_COLUMNS} | {"dataset": log.dataset} for one in new]
            connection.execute(sa.insert(EVENTS), events)
    return len(new), len(records) - len(new)


def _record(event: dict[str, Any], faces: dict[str, Any]) -> dict[str, Any]:
    face, target = faces.get(event["face"]), faces.get(event["target"])
    return event | {
        "face_facts": None if face is None else face["facts"],
        "face_landmarks": None if face is None else face["landmarks"],
        "face_vertices": None if face is None else face["vertices"],
        "target_facts": None if target is None else target["facts"],
    }


def _add_faces(connection: sa.Connection, records: Sequence[dict[str, Any]], dataset: str) -> None:
    found: dict[str, dict[str, Any]] = {}
    for one in records:
        if one["target_facts"] is not None:
            found[one["target"]] = {"facts": one["target_facts"], "landmarks": None, "vertices": None}
    for one in records:
        if one["face_facts"] is not None:
            points = {"landmarks": one["face_landmarks"], "vertices": one["face_vertices"]}
            found[one["face"]] = {"facts": one["face_facts"], **points}
    known = set(connection.scalars(sa.select(FACES.c.key)))
    new = [{"key": key, "dataset": dataset, **values} for key, values in found.items() if key not in known]
    if new:
        connection.execute(sa.insert(FACES), new)
