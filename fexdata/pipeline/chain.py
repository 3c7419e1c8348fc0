"""Running a chain of stages over one partition, in whatever process this is called.

The promise: the layers written are a pure function of the chain; whether they are made in one go
or in several, alone or beside others, their bytes are the same. Photographs go through the stages
that look at them one at a time, so that only one full picture is ever held; the crops go on in
small batches.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from fexdata import storage
from fexdata.corpora.base import Photograph, readable, sample_id
from fexdata.corpora.pictures import read_picture
from fexdata.errors import Code, Failure
from fexdata.pipeline.assemble import assemble
from fexdata.pipeline.layers import LayerWriter, Storage, as_stored, read_layer, rows_of, storages
from fexdata.pipeline.plan import Chain, Source, StageSpec
from fexdata.stages.base import GIVEN, Row, Stage
from fexdata.stages.registry import warm_stage

BATCH = 16
"""Rows per call of a stage that works on crops."""


class Watch(Protocol):
    """Told which rows a stage is about to work on; see `fexdata.pipeline.guard`."""

    def working(self, stage: str, digests: Sequence[bytes]) -> contextlib.AbstractContextManager[None]: ...


@dataclass(slots=True)
class Item:
    """A row and which stages it has been through; `done` follows the layers' column."""

    row: Row
    digest: bytes
    done: dict[str, bool] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a task tells the scheduler: small numbers, never pixels."""

    partition: int
    photographs: int
    rows: int
    failed: int
    layers: int
    last: bool
    """Whether the partition is finished, as far as the plan goes."""


def run_chain(chain: Chain, root: str, watch: Watch, *, batch: int = BATCH) -> Summary:
    """Makes the chain's layers, and the partition's shard when it is the last chain.

    Raises `OSError` when a layer cannot be written; a row's own trouble never raises.
    """
    rows = failed = 0
    if chain.stages:
        with contextlib.ExitStack() as stack:
            writers = {
                spec.name: stack.enter_context(LayerWriter(storage.join(root, chain.layers[spec.name]), _stage(spec)))
                for spec in chain.stages
            }
            for items in _batches(_Runner(chain, watch), chain, root, batch):
                for item in items:
                    for name, writer in writers.items():
                        writer.append(item.row.sample_id, item.digest, item.outputs.get(name))
            for writer in writers.values():  # in order: no layer appears before those it came from
                writer.finish()
                rows, failed = writer.rows, failed + writer.failed
    if chain.shard is not None:
        rows = assemble(chain, root)
    return Summary(chain.partition, len(chain.sources), rows, failed, len(chain.stages), chain.last)


def _batches(runner: _Runner, chain: Chain, root: str, batch: int) -> Iterator[list[Item]]:
    """Items that have been through every stage of the chain, in order."""
    looking = [number for number, spec in enumerate(chain.stages) if "photograph" in spec.reads]
    split = looking[-1] + 1 if looking else 0  # in the recipe's order: a later stage may replace a column
    first, rest = chain.stages[:split], chain.stages[split:]
    waiting: list[Item] = []
    for source, items in _photographs(chain, root):
        picture = _Picture(source.photograph)
        for spec in first:
            if spec.kind == "expand":
                items = runner.expand(spec, source, picture)
            else:
                for item in items:
                    item.row.photograph = picture
                runner.map(spec, items)
        for item in items:
            item.row.photograph = _gone
        waiting += items
        while len(waiting) >= batch:
            ready, waiting = waiting[:batch], waiting[batch:]
            yield runner.finish(rest, ready)
    if waiting:
        yield runner.finish(rest, waiting)


def _photographs(chain: Chain, root: str) -> Iterator[tuple[Source, list[Item]]]:
    """Every photograph with its rows as far as the layers before this chain have brought them;
    no rows yet when the chain itself finds the faces."""
    todo = {spec.name for spec in chain.stages}
    if chain.every[0].name in todo:
        yield from ((source, []) for source in chain.sources)
        return
    made_here = {column for spec in chain.stages for column in spec.columns}
    wanted = {column for spec in chain.stages for column in spec.reads} - GIVEN - made_here
    before = [spec for spec in chain.every if spec.name not in todo]
    needed = {name for spec in chain.stages for name in spec.upstream} | {chain.every[0].name}
    tables = {
        spec.name: rows_of(
            read_layer(storage.join(root, chain.layers[spec.name]), [c for c in spec.columns if c in wanted])
        )
        for spec in before
        if spec.name in needed
    }
    given = {source.digest: _given(source) for source in chain.sources}
    by_digest: dict[bytes, list[Item]] = {}
    for parts in zip(*tables.values(), strict=True):
        digest = parts[0]["digest"]
        values = {name: value for part in parts for name, value in part.items() if name in wanted}
        done = {name: part["done"] for name, part in zip(tables, parts, strict=True)}
        row = Row(parts[0]["sample_id"], {**values, **given[digest]}, _gone)
        by_digest.setdefault(digest, []).append(Item(row, digest, done))
    for source in chain.sources:
        yield source, by_digest[source.digest]


def _given(source: Source) -> dict[str, Any]:
    """What corpus and surveys say of a photograph, for the stages that read it."""
    photograph = source.photograph
    told = {name: _parsed(text) for name, text in source.told.items()}
    return {
        "corpus_box": photograph.box,
        "corpus_points": photograph.points,
        "truth": source.truth,
        "source_path": readable(photograph.key),
        "frame": photograph.frame,
        **told,
    }


@functools.lru_cache(maxsize=256)
def _parsed(text: str) -> Any:
    """What a survey tells, read once for all the rows that are told the same."""
    return json.loads(text)


class _Runner:
    """Runs one stage on some items and keeps what came out."""

    def __init__(self, chain: Chain, watch: Watch) -> None:
        self._chain = chain
        self._watch = watch

    def expand(self, spec: StageSpec, source: Source, picture: _Picture) -> list[Item]:
        """A photograph to its faces; a photograph without one is one failed row."""
        given = _given(source)
        failure = self._dead(spec, source.digest)
        faces: Any = failure
        if failure is None:
            with self._watch.working(spec.name, [source.digest]):
                (faces,) = _stage(spec).run([Row("", given, picture)])
        if isinstance(faces, Failure):
            faces = [faces]
        items = []
        for slot, face in enumerate(faces):
            row = Row(sample_id(source.digest, slot), dict(given), picture)
            item = Item(row, source.digest)
            _keep(spec, item, face)
            items.append(item)
        return items

    def map(self, spec: StageSpec, items: Sequence[Item]) -> None:
        ready = []
        for item in items:
            item.done[spec.name] = False
            if all(item.done[name] for name in spec.upstream):
                failure = self._dead(spec, item.digest)
                if failure is not None:
                    item.outputs[spec.name] = failure
                else:
                    ready.append(item)
        if not ready:
            return
        with self._watch.working(spec.name, [item.digest for item in ready]):
            outputs = _stage(spec).run([item.row for item in ready])
        for item, output in zip(ready, outputs, strict=True):
            _keep(spec, item, output)

    def finish(self, specs: Sequence[StageSpec], items: list[Item]) -> list[Item]:
        for spec in specs:
            self.map(spec, items)
        return items

    def _dead(self, spec: StageSpec, digest: bytes) -> Failure | None:
        found = self._chain.dead.get(spec.name, {}).get(digest.hex())
        return None if found is None else Failure(spec.name, Code(found[0]), found[1])


def _keep(spec: StageSpec, item: Item, output: Any) -> None:
    item.outputs[spec.name] = output
    item.done[spec.name] = not isinstance(output, Failure)
    if not isinstance(output, Failure):
        # What goes on is what the layer will hold, so that a resumed chain sees the same numbers.
        item.row.values.update(as_stored(_schema(spec), output))


class _Picture:
    """A photograph's pixels, read at the first call and kept while its stages run."""

    def __init__(self, photograph: Photograph) -> None:
        self._photograph = photograph
        self._pixels: np.ndarray | None = None

    def __call__(self) -> np.ndarray:
        if self._pixels is None:
            pixels = read_picture(storage.read_photograph(self._photograph.location))
            self._pixels = np.ascontiguousarray(pixels[::-1, ::-1]) if self._photograph.upside_down else pixels
        return self._pixels


def _gone() -> np.ndarray:
    raise RuntimeError("a stage asked for the photograph without declaring `photograph` in `reads`")


@functools.lru_cache(maxsize=64)
def _schema(spec: StageSpec) -> tuple[Storage, ...]:
    return storages(_stage(spec).schema())


@functools.lru_cache(maxsize=64)
def _stage(spec: StageSpec) -> Stage:
    return warm_stage(spec.name, spec.config_json)
