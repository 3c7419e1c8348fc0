"""`truth.use`: a build of a synthetic corpus that takes the truth where it would measure.

For every use a stage joins the recipe, behind the last one that writes the same columns, and
replaces what that one wrote; what comes after it sees the truth. Landmarks so reach the mesh and
the maps. The stage's settings say what its columns mean, taken from the file's own metadata, and
each photograph carries where its row is and a hash of it: a changed row is computed again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fexdata.corpora.base import readable
from fexdata.corpora.truth import BASIS, FILE, SCHEME, USES, open_truth, rows_by_key
from fexdata.dataset.fields import meta, names_of
from fexdata.errors import FexdataError
from fexdata.pipeline.plan import Source
from fexdata.pipeline.recipe import Recipe
from fexdata.stages.registry import stage, step

STAGE = "truth_"
"""Stages that read the truth are named so, and by their use."""


def with_truth(recipe: Recipe, source: str) -> Recipe:
    """The recipe with a stage for each use. Raises `FexdataError` where the source has no truth."""
    stages = dict(recipe.stages)
    for use, config in _configs(recipe, source).items():
        columns = set(stage(STAGE + use, config).schema().names)
        writers = [name for name, own in stages.items() if columns & set(step(name, own).schema().names)]
        place = list(stages).index(writers[-1]) + 1 if writers else len(stages)
        items = list(stages.items())
        stages = dict([*items[:place], (STAGE + use, config), *items[place:]])
    return recipe.model_copy(update={"stages": stages})


def attached(sources: Sequence[Source], recipe: Recipe, root: str) -> list[Source]:
    """The photographs with the places of their truth. Raises `FexdataError` for one without."""
    if not recipe.truth.use:
        return list(sources)
    rows = rows_by_key(root, recipe.truth.use)
    found = []
    for source in sources:
        photograph = source.photograph
        row = rows.get((photograph.corpus, readable(photograph.key), photograph.frame))
        if row is None:
            raise FexdataError(
                f"truth.use: {FILE} has no row for {readable(photograph.key)}; take the file away, or make the corpus "
                "again with `fexdata synth`"
            )
        found.append(replace(source, truth=replace(row, marks={STAGE + use: mark for use, mark in row.marks.items()})))
    return found


def _configs(recipe: Recipe, source: str) -> dict[str, dict[str, Any]]:
    """The settings of each use's stage."""
    if not recipe.truth.use:
        return {}
    file = open_truth(source)
    schema = file.schema
    file.close()
    missing = [name for use in recipe.truth.use for name in USES[use] if name not in schema.names]
    if missing:
        raise FexdataError(f"truth.use: {FILE} in {source} has no column {missing[0]}; make the corpus again")
    configs: dict[str, dict[str, Any]] = {}
    for use in dict.fromkeys(recipe.truth.use):
        configs[use] = {}
        if use == "au":
            field = schema.field("au")
            configs[use] = {"names": [child.name for child in field.type], "scheme": meta(field, SCHEME)}
        elif use == "expression_params":
            field = schema.field("expression_params")
            configs[use] = {
                "names": list(names_of(field)),
                "signed": json.loads(meta(field, "signed", "[]")),
                "identity_names": list(names_of(schema.field("identity_params"))),
                "basis_id": meta(field, BASIS),
            }
    return configs
