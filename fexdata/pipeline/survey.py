"""Surveys in a build: their columns out of all layers, their answers to the photographs.

Answers are a small file of their own, named by what they come from, so that a finished dataset is
brought up to date without opening a layer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from fexdata import storage
from fexdata.errors import FexdataError
from fexdata.pipeline.assemble import manifest_rows
from fexdata.pipeline.layers import read_layer
from fexdata.pipeline.layout import Layout
from fexdata.pipeline.plan import PartitionPlan, Plan, Source, StageSpec, SurveyPlan
from fexdata.pipeline.recipe import canonical_json
from fexdata.stages.base import Survey
from fexdata.stages.registry import step

ALL = ""
"""Under this word stands what rows are told that no other word is about."""


def take(plan: Plan, one: SurveyPlan, layout: Layout) -> None:
    """Runs a survey over the plan's layers and writes its answers."""
    specs = [spec for spec in plan.stages if spec.name in one.spec.upstream]
    survey = survey_of(one.spec)
    tables = [_columns(specs, one.spec, partition, layout, survey.only) for partition in plan.partitions]
    answers = survey.look(pa.concat_tables(tables))
    storage.write_atomic(layout.path(one.file), canonical_json(dict(answers)).encode())


def answered(sources: Sequence[Source], one: SurveyPlan, layout: Layout) -> list[Source]:
    """The photographs with what the survey, which has been taken, tells their rows."""
    answers = json.loads(storage.read_bytes(layout.path(one.file)))
    by = survey_of(one.spec).by
    texts = {word: canonical_json(answer) for word, answer in answers.items()}
    return [replace(source, told=_added(source, one.spec.name, texts, by)) for source in sources]


def survey_of(spec: StageSpec) -> Survey:
    """The survey of a plan's entry."""
    made = step(spec.name, json.loads(spec.config_json))
    if not isinstance(made, Survey):
        raise FexdataError(f"{spec.name} is not a survey")
    return made


def _added(source: Source, name: str, texts: Mapping[str, str], by: str | None) -> dict[str, str]:
    word = str(source.photograph.labels.get(by) or ALL) if by is not None else ALL
    return {**source.told, name: texts.get(word, texts.get(ALL, "null"))}


def _columns(
    specs: Sequence[StageSpec],
    survey: StageSpec,
    partition: PartitionPlan,
    layout: Layout,
    only: Mapping[str, str],
) -> pa.Table:
    """What the survey reads of one partition, of the rows that it looks at."""
    layers = [
        read_layer(layout.path(partition.layers[spec.name]), [name for name in spec.columns if name in survey.reads])
        for spec in specs
    ]
    rows = manifest_rows(partition.sources, layers[0].column("digest"), layers[0].column("sample_id"), None)
    table = pa.table(rows)
    for layer in layers:
        for field in layer.schema:
            if field.name in survey.reads:
                table = table.append_column(field, layer.column(field.name))
    chosen = [layer.column("done").to_numpy() for layer in layers]
    for label, word in only.items():
        chosen.append(np.array([found == word for found in table.column(label).to_pylist()], bool))
    return table.select(list(survey.reads)).filter(pa.array(np.logical_and.reduce(chosen)))
