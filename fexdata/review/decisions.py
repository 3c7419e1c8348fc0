"""The log of decisions: rows are only ever added, and every state is a fold of them.

Undo and redo are rows too. A row is written, with fsync, before the page hears that it was; so
whatever dies, at most the decision being typed is lost. Requests carry an id of their own (the
batch), which is unique here: sent twice, after a lost connection, they count once.

The log is SQLite in WAL mode beside the dataset (`review/decisions.sqlite`), or any database that
SQLAlchemy knows by URL; one database may hold the decisions of many datasets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from fexdata.errors import FexdataError
from fexdata.review.events import Event
from fexdata.review.faces import Face, Geometry, pack, unpack

METADATA = sa.MetaData()
EVENTS = sa.Table(
    "events",
    METADATA,
    # SQLite numbers only a plain INTEGER key by itself.
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("dataset", sa.String(200), nullable=False, index=True),
    sa.Column("batch", sa.String(32), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("reviewer", sa.String(64), nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("face", sa.String(32)),
    sa.Column("target", sa.String(32)),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("seconds", sa.Float),
    sa.Column("shown", sa.Text, nullable=False),
    sa.UniqueConstraint("batch", "number"),
    sqlite_autoincrement=True,
)
FACES = sa.Table(
    "faces",
    METADATA,
    sa.Column("key", sa.String(32), primary_key=True),
    sa.Column("dataset", sa.String(200), nullable=False, index=True),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("landmarks", sa.LargeBinary),
    sa.Column("vertices", sa.LargeBinary),
)
LEASES = sa.Table(
    "leases",
    METADATA,
    sa.Column("dataset", sa.String(200), primary_key=True),
    sa.Column("sample_id", sa.String(32), primary_key=True),
    sa.Column("holder", sa.String(100), primary_key=True),
    sa.Column("reviewer", sa.String(64), nullable=False),
    sa.Column("until", sa.Float, nullable=False),
)


class Log:
    """One dataset's decisions in a database. Opening creates the tables.

    Raises `FexdataError` when the database cannot be opened.
    """

    def __init__(self, url: str, dataset: str) -> None:
        self.url, self.dataset = url, dataset
        self.engine = _engine(url, durable=True)
        self.reading = self.engine.execution_options(reading=True)
        self.leases = _engine(url, durable=False)  # a lost lease costs nothing: no fsync for them
        try:
            METADATA.create_all(self.engine)
        except sa.exc.SQLAlchemyError as error:
            raise FexdataError(f"{_without_password(url)}: cannot open the decisions: {_first_line(error)}") from None

    def close(self) -> None:
        self.engine.dispose()
        self.leases.dispose()

    def events(self, after: int = 0) -> list[Event]:
        """Rows with a greater `seq`, in the order in which they were written."""
        query = sa.select(EVENTS).where(EVENTS.c.dataset == self.dataset, EVENTS.c.seq > after).order_by(EVENTS.c.seq)
        with self.reading.connect() as connection:
            return [_event(row) for row in connection.execute(query)]

    def batch(self, batch: str) -> list[Event]:
        """The rows of one batch, of whatever dataset."""
        query = sa.select(EVENTS).where(EVENTS.c.batch == batch).order_by(EVENTS.c.number)
        with self.reading.connect() as connection:
            return [_event(row) for row in connection.execute(query)]

    def append(self, events: Sequence[Event], faces: Iterable[tuple[Face, Geometry]] = ()) -> bool:
        """Adds the rows of one batch and the faces that they refer to, all or none; on return they
        are on disk. False, and nothing is written, when the batch is there already."""
        try:
            with self.engine.begin() as connection:
                self._add_faces(connection, faces)
                connection.execute(sa.insert(EVENTS), [_record(event, self.dataset) for event in events])
        except sa.exc.IntegrityError:
            if events and self.batch(events[0].batch):
                return False
            raise
        return True

    def faces(self) -> dict[str, Face]:
        """All faces that decisions refer to, by key."""
        query = sa.select(FACES.c.key, FACES.c.facts).where(FACES.c.dataset == self.dataset)
        with self.reading.connect() as connection:
            return {row.key: _face(row.key, row.facts) for row in connection.execute(query)}

    def face(self, key: str) -> Face | None:
        query = sa.select(FACES.c.key, FACES.c.facts).where(FACES.c.key == key, FACES.c.dataset == self.dataset)
        with self.reading.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else _face(row.key, row.facts)

    def geometries(self, keys: Sequence[str]) -> dict[str, Geometry]:
        """Landmarks and vertices of the given faces."""
        found: dict[str, Geometry] = {}
        with self.reading.connect() as connection:
            for start in range(0, len(keys), 500):
                part = FACES.c.key.in_(keys[start : start + 500])
                for row in connection.execute(sa.select(FACES).where(part, FACES.c.dataset == self.dataset)):
                    facts = json.loads(row.facts)
                    found[row.key] = Geometry(
                        unpack(row.landmarks), unpack(row.vertices), facts["geometry"], facts["vertex_count"]
                    )
        return found

    def _add_faces(self, connection: sa.Connection, faces: Iterable[tuple[Face, Geometry]]) -> None:
        new = {face.key: (face, geometry) for face, geometry in faces}
        if not new:
            return
        known = set(connection.scalars(sa.select(FACES.c.key).where(FACES.c.key.in_(list(new)))))
        records = [_face_record(*pair, self.dataset) for key, pair in new.items() if key not in known]
        if records:
            connection.execute(sa.insert(FACES), records)


def _engine(url: str, *, durable: bool) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(parsed)
    except (sa.exc.ArgumentError, ImportError) as error:
        raise FexdataError(
            f"{_without_password(url)}: not a database that can be used here: {_first_line(error)}"
        ) from None
    except OSError as error:
        raise FexdataError(f"{error.filename}: {error.strerror}; give another --database") from None
    if parsed.get_backend_name() == "sqlite":
        _configure_sqlite(engine, durable=durable)
    return engine


def _configure_sqlite(engine: sa.Engine, *, durable: bool) -> None:
    """WAL, so that readers and a writer do not wait for each other. A transaction that may write says so
    when it begins: one that reads first and writes then would fail as soon as another came between."""

    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late
        connection.execute("PRAGMA busy_timeout=10000")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")

    def begun(connection: sa.Connection) -> None:
        reading = connection.get_execution_options().get("reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "begin", begun)


def _record(event: Event, dataset: str) -> dict[str, Any]:
    return {
        "dataset": dataset,
        **{name: getattr(event, name) for name in ("batch", "number", "reviewer", "at", "kind", "face", "target")},
        "action": json.dumps(dict(event.action), sort_keys=True, ensure_ascii=False),
        "seconds": event.seconds,
        "shown": json.dumps(dict(event.shown), sort_keys=True, ensure_ascii=False),
    }


def _event(row: Any) -> Event:
    return Event(
        row.batch,
        row.number,
        row.reviewer,
        row.at,
        row.kind,
        row.face,
        row.target,
        json.loads(row.action),
        row.seconds,
        json.loads(row.shown),
        row.seq,
    )


def _face_record(face: Face, geometry: Geometry, dataset: str) -> dict[str, Any]:
    names = ("sample_id", "source_path", "sha256", "frame", "box", "build", "status", "reasons", "expression")
    facts = {name: getattr(face, name) for name in names}
    facts |= {"geometry": geometry.geometry, "vertex_count": geometry.vertex_count}
    return {
        "key": face.key,
        "dataset": dataset,
        "facts": json.dumps(facts, sort_keys=True, ensure_ascii=False),
        "landmarks": pack(geometry.landmarks),
        "vertices": pack(geometry.vertices),
    }


def _face(key: str, facts: str) -> Face:
    data = json.loads(facts)
    del data["geometry"], data["vertex_count"]
    box = data.pop("box")
    reasons = data.pop("reasons")
    return Face(key=key, box=None if box is None else tuple(box), reasons=tuple(reasons), **data)


def _without_password(url: str) -> str:
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        return "the given database"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
