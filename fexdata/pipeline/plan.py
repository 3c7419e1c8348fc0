"""Planning: from (recipe, photographs, what is on disk) to the work that is left.

Everything here is a pure function; nothing reads a clock, a file or Dask. A layer's fingerprint
covers the stage's name, version, settings and weights, the fingerprints of the layers it reads,
and, where it reads photographs, their content hashes and the corpus's own annotation. So equal
fingerprint means equal content, and a layer that is on disk need not be made again.

A survey needs layers of every partition, so a recipe with surveys is planned in rounds: what waits
for a survey is not in the plan before the survey's answers are; they then come with the photographs
that they are about, and a fingerprint covers those of its own photographs.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fexdata.corpora.base import Photograph
from fexdata.corpora.truth import TruthRow
from fexdata.pipeline.layout import Layout
from fexdata.pipeline.recipe import Recipe, canonical_json
from fexdata.stages.base import Step

PHOTOGRAPHED = frozenset({"photograph", "corpus_box", "corpus_points"})
"""Columns that depend on a photograph's bytes, or on the corpus's annotation of it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A photograph with the hash of its content (None when its bytes could not be read)."""

    photograph: Photograph
    digest: bytes
    sha256: str | None
    truth: TruthRow | None = None
    """Where the truth about a synthetic photograph is, when the recipe uses it."""
    told: Mapping[str, str] = field(default_factory=dict)
    """Survey -> what it tells the photograph's rows, as JSON."""


@dataclass(frozen=True, slots=True)
class StageSpec:
    """A stage as a worker needs it: name and settings, and what it depends on."""

    name: str
    version: int
    config_json: str
    key: str
    """Hash of name, version, settings and weights."""
    upstream: tuple[str, ...]
    """Stages that write the columns it reads."""
    columns: tuple[str, ...]
    reads: tuple[str, ...]
    surveys: tuple[str, ...]
    """Surveys that it reads."""
    kind: str
    resources: str


@dataclass(frozen=True, slots=True)
class Chain:
    """Missing stages of one partition that want the same resources, run as one task."""

    partition: int
    sources: tuple[Source, ...]
    stages: tuple[StageSpec, ...]
    every: tuple[StageSpec, ...]
    """All stages of the plan, in order; those not in `stages` have their layers already."""
    layers: Mapping[str, str]
    """Stage -> layer name, of every stage."""
    dead: Mapping[str, Mapping[str, tuple[str, str]]]
    """Stage -> photograph digest -> (code, message): rows that must not be tried again."""
    shard: str | None
    """The shard to assemble (with its file of rows) when the chain is done, if it is the last one."""
    last: bool
    """Whether it is the partition's last chain of the plan."""


@dataclass(frozen=True, slots=True)
class PartitionPlan:
    """One partition: its photographs, the layer of every stage, its shard, and what is missing."""

    index: int
    sources: tuple[Source, ...]
    layers: Mapping[str, str]
    shard: str
    """"" as long as a survey is to come."""
    missing: tuple[str, ...]
    shard_missing: bool


@dataclass(frozen=True, slots=True)
class SurveyPlan:
    """A survey whose layers are known."""

    spec: StageSpec
    file: str
    """Where its answers belong."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All partitions, and a fingerprint of everything that decides the result."""

    stages: tuple[StageSpec, ...]
    """Stages that wait for no survey."""
    partitions: tuple[PartitionPlan, ...]
    fingerprint: str
    dead: Mapping[str, Mapping[str, tuple[str, str]]] = field(default_factory=dict)
    surveys: tuple[SurveyPlan, ...] = ()
    """All surveys that wait for no other; those not yet told come when their layers are there."""
    waiting: tuple[str, ...] = ()
    """Stages that wait for a survey."""

    def files(self) -> list[str]:
        """Names of every layer, survey's answers, shard and file of rows of the plan."""
        names = {name for p in self.partitions for name in p.layers.values()} | {one.file for one in self.surveys}
        return sorted(names | {name for p in self.partitions if p.shard for name in (p.shard, rows_name(p.shard))})

    def chains(self, partition: PartitionPlan) -> list[Chain]:
        """The partition's missing work, in order; each item wants one kind of resource."""
        todo = [spec for spec in self.stages if spec.name in partition.missing]
        groups: list[list[StageSpec]] = []
        for spec in todo:
            if groups and groups[-1][-1].resources == spec.resources:
                groups[-1].append(spec)
            else:
                groups.append([spec])
        if not groups and partition.shard_missing:
            groups = [[]]
        return [
            Chain(
                partition.index,
                partition.sources,
                tuple(group),
                self.stages,
                partition.layers,
                self.dead,
                (partition.shard or None) if number == len(groups) - 1 else None,
                number == len(groups) - 1,
            )
            for number, group in enumerate(groups)
        ]


def rows_name(shard: str) -> str:
    """The file with the manifest's rows of the partition whose shard this is."""
    return "rows/" + shard.removeprefix("shards/")


def partition_bits(photographs: int) -> int:
    """k for a first build: at least 8 partitions, of at most 2 sqrt(n) photographs where that is
    between 32 and 256, so that small builds still spread over workers and large ones do not
    drown in files."""
    size = min(256.0, max(32.0, 2 * math.sqrt(photographs)))
    return max(3, math.ceil(math.log2(max(1.0, photographs / size))))


def partition_of(digest: bytes, bits: int) -> int:
    """The first `bits` bits of the digest, so that partitions laid end to end are in hash order."""
    return int.from_bytes(digest[:8], "big") >> (64 - bits)


def select(
    sources: Iterable[Source], *, cap_per_class: int | None, limit: int | None, cap: int | None = None
) -> list[Source]:
    """Class caps, the cap of all, then `--limit`, each by the smallest hashes; the result is in hash order.

    A class cap counts expression labels; photographs without one are not capped. The cap of all leaves
    the corpus's own validation and test sets whole. Because all go by the same hash as the
    partitions, a larger limit only adds partitions.
    """
    chosen: list[Source] = []
    taken: dict[str, int] = {}
    in_all = 0
    for source in sorted(sources, key=lambda one: one.digest):
        expression = source.photograph.labels.get("expression")
        if cap_per_class is not None and expression is not None:
            taken[expression] = taken.get(expression, 0) + 1
            if taken[expression] > cap_per_class:
                continue
        if cap is not None and source.photograph.split in (None, "train"):
            in_all += 1
            if in_all > cap:
                continue
        chosen.append(source)
        if limit is not None and len(chosen) == limit:
            break
    return chosen


def stage_specs(stages: Sequence[Step]) -> tuple[StageSpec, ...]:
    """The dependencies of stages and surveys, from the columns they read and write."""
    writer: dict[str, str] = {}
    surveys: set[str] = set()
    specs = []
    for stage in stages:
        config_json = canonical_json(stage.config.model_dump(mode="json"))
        upstream = tuple(dict.fromkeys(writer[name] for name in stage.reads if name in writer))
        told = tuple(name for name in stage.reads if name in surveys)
        key = _hash("stage", stage.name, stage.version, config_json, canonical_json(dict(stage.weights())))
        columns = tuple(stage.schema().names)
        specs.append(
            StageSpec(
                stage.name,
                stage.version,
                config_json,
                key,
                upstream,
                columns,
                tuple(stage.reads),
                told,
                stage.kind,
                stage.resources,
            )
        )
        writer.update(dict.fromkeys(columns, stage.name))
        if stage.kind == "survey":
            surveys.add(stage.name)
    return tuple(specs)


def make_plan(
    recipe: Recipe,
    stages: Sequence[Step],
    sources: Sequence[Source],
    *,
    bits: int,
    present: frozenset[str],
    dead: Mapping[str, Mapping[str, tuple[str, str]]] | None = None,
    retries: Mapping[int, int] | None = None,
    told: frozenset[str] = frozenset(),
) -> Plan:
    """The work that is left, as far as it waits for no survey but those of `told`, whose answers the
    sources have.

    `present` holds the names of layers and shards on disk; `dead` maps stage key -> photograph
    digest (hexadecimal) -> (code, message); `retries` counts, per partition, how often its failed
    rows were to be tried again, which gives its layers new fingerprints.
    """
    dead, retries = dead or {}, retries or {}
    layout = Layout("")
    steps = stage_specs(stages)
    ready = _ready(steps, told)
    specs = tuple(spec for spec in steps if spec.kind != "survey" and spec.name in ready)
    waiting = tuple(spec.name for spec in steps if spec.name not in ready)
    grouped: dict[int, list[Source]] = {}
    for source in sorted(sources, key=lambda one: one.digest):
        grouped.setdefault(partition_of(source.digest, bits), []).append(source)
    partitions = []
    for index, members in sorted(grouped.items()):
        marks = _fingerprints(specs, members, dead, retries.get(index, 0))
        layers = {name: layout.layer_name(name, index, mark) for name, mark in marks.items()}
        labels = [canonical_json(_plain(one.photograph.labels)) for one in members]
        shard = layout.shard_name(index, _hash("shard", 1, *sorted(marks.values()), *labels)[:16])
        if waiting:
            shard = ""
        missing = tuple(spec.name for spec in specs if layers[spec.name] not in present)
        incomplete = bool(shard) and not {shard, rows_name(shard)} <= present
        partitions.append(PartitionPlan(index, tuple(members), layers, shard, missing, incomplete))
    by_stage = {spec.name: dead.get(spec.key, {}) for spec in specs}
    surveys = tuple(
        SurveyPlan(spec, layout.survey_name(spec.name, _survey_mark(spec, partitions)))
        for spec in steps
        if spec.kind == "survey" and spec.name in ready
    )
    return Plan(specs, tuple(partitions), plan_fingerprint(recipe, partitions), by_stage, surveys, waiting)


def _ready(steps: Sequence[StageSpec], told: frozenset[str]) -> set[str]:
    """Stages and surveys that wait for nothing but layers."""
    ready: set[str] = set()
    for spec in steps:
        if set(spec.surveys) <= told and set(spec.upstream) <= ready:
            ready.add(spec.name)
    return ready


def _survey_mark(spec: StageSpec, partitions: Sequence[PartitionPlan]) -> str:
    """Covers the layers that the survey reads, of all partitions, and the labels."""
    layers = [partition.layers[name] for partition in partitions for name in spec.upstream]
    labels = [
        canonical_json([source.photograph.labels.get(name) for name in spec.reads])
        for partition in partitions
        for source in partition.sources
    ]
    return _hash("survey", spec.key, *layers, *labels)[:16]


def plan_fingerprint(recipe: Recipe, partitions: Sequence[PartitionPlan]) -> str:
    """Stands for everything that decides the finished dataset."""
    made = (p.shard or sorted(p.layers.values()) for p in partitions)
    return _hash("plan", canonical_json(recipe.resolved()), *made)[:16]


def _fingerprints(
    specs: Sequence[StageSpec],
    members: Sequence[Source],
    dead: Mapping[str, Mapping[str, tuple[str, str]]],
    retry: int,
) -> dict[str, str]:
    inputs = _hash("photographs", retry, *(_source_text(one) for one in members))
    marks: dict[str, str] = {}
    for spec in specs:
        kills = dead.get(spec.key, {})
        lost = [f"{one.digest.hex()}:{kills[one.digest.hex()]}" for one in members if one.digest.hex() in kills]
        own = [inputs] if PHOTOGRAPHED & set(spec.reads) else []
        if "truth" in spec.reads:
            own += ["" if one.truth is None else one.truth.marks.get(spec.name, "") for one in members]
        own += [one.told.get(name, "") for name in spec.surveys for one in members]
        marks[spec.name] = _hash(spec.key, *own, *(marks[name] for name in spec.upstream), *lost)[:16]
    return marks


def _source_text(source: Source) -> str:
    photograph = source.photograph
    points = None if photograph.points is None else np.asarray(photograph.points, np.float32).tobytes().hex()
    turned = ["upside down"] if photograph.upside_down else []
    return canonical_json([source.digest.hex(), source.sha256, photograph.box, points, *turned])


def _plain(labels: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in sorted(labels.items()) if value is not None}


def _hash(*parts: object) -> str:
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        text = str(part).encode()
        state.update(len(text).to_bytes(8, "big") + text)
    return state.hexdigest()
