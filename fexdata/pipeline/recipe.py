"""A recipe: how one dataset is made, as plain data.

Recipes are the YAML files of `pipelines/`; `--set section.key=value` changes one value of one of
them. Everything that can change a result is in the recipe, and the finished dataset carries it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fexdata.dataset.names import shipped
from fexdata.dataset.schema import IDENTITY, LABELS
from fexdata.dataset.splits import SplitRules
from fexdata.dataset.verdict import Rules
from fexdata.errors import FexdataError
from fexdata.stages import registry
from fexdata.stages.base import GIVEN, Step


class Duplicates(BaseModel):
    """When two crops count as the same picture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_distance: int = Field(default=4, ge=0, le=16, description="Largest number of differing bits of the hash.")
    find: bool = Field(default=True, description="Look for duplicates at all (a studio corpus says no).")


class Truth(BaseModel):
    """What a build takes from the truth beside a synthetic corpus instead of measuring it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    use: tuple[Literal["au", "expression_params", "landmarks"], ...] = Field(
        default=(), description="Columns that hold the truth: au, expression_params, landmarks."
    )


class Engine(BaseModel):
    """How the work is run; nothing here changes a result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: float = Field(default=60.0, gt=0, description="Seconds that one photograph may take in one stage.")


class Recipe(BaseModel):
    """One dataset's making: corpus, stages with their settings, and the rules that judge rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    about: str = ""
    corpus: str = Field(description="Which reader of `fexdata.corpora` yields the photographs.")
    cap: int | None = Field(
        default=None,
        ge=1,
        description="At most so many photographs; the corpus's own validation and test sets are left whole.",
    )
    cap_per_class: int | None = Field(default=None, ge=1, description="At most so many photographs per expression.")
    stages: dict[str, dict[str, Any]] = Field(
        description="Name of a stage or survey -> its settings, in the order they run."
    )
    rules: Rules = Field(default_factory=Rules)
    duplicates: Duplicates = Field(default_factory=Duplicates)
    splits: SplitRules = Field(default_factory=SplitRules)
    truth: Truth = Field(default_factory=Truth)
    engine: Engine = Field(default_factory=Engine)
    seed: int = Field(default=0, description="Chooses partitions' splits and class caps.")

    def make_stages(self) -> list[Step]:
        """The stages and surveys, in order; raises `FexdataError` where one reads what none before it writes, or
        writes what one before it writes (only the truth may replace what was measured)."""
        given = set(GIVEN)
        labels = {field.name for field in (*IDENTITY, *LABELS)}
        made: list[Step] = []
        for name, config in self.stages.items():
            one = registry.step(name, config)
            known = given | labels if one.kind == "survey" else given
            missing = [column for column in one.reads if column not in known]
            if missing:
                raise FexdataError(
                    f"recipe {self.name}: stage {name} reads {', '.join(missing)}, which no stage before it writes"
                )
            if one.kind == "survey" and not set(one.reads) & given:
                raise FexdataError(f"recipe {self.name}: survey {name} reads no column that a stage writes")
            twice = sorted(given & set(one.schema().names))
            if twice and "truth" not in one.reads:
                raise FexdataError(f"recipe {self.name}: stage {name} writes {twice[0]}, as a stage before it does")
            given |= {one.name} if one.kind == "survey" else set(one.schema().names)
            made.append(one)
        return made

    def resolved(self) -> dict[str, Any]:
        """Everything that decides the result, settings left out filled in; goes into the manifest."""
        data = self.model_dump(mode="json", exclude={"engine"})
        data["stages"] = {one.name: one.config.model_dump(mode="json") for one in self.make_stages()}
        return data


def load_recipe(name: str, sets: Sequence[str] = (), without: Sequence[str] = ()) -> Recipe:
    """A recipe by name or path, with `--set` and `--without` applied.

    Raises `FexdataError` for an unknown recipe, stage, section or setting.
    """
    data = _read_yaml(name)
    for text in sets:
        _apply_set(data, text)
    for stage in without:
        _drop_stage(data, stage)
    _share_crop_size(data)
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as error:
        where, problem = registry.first_problem(error)
        raise FexdataError(f"recipe {name}: {where}: {problem}") from None
    _check_rules(recipe)
    return recipe


def _read_yaml(name: str) -> dict[str, Any]:
    path = Path(name)
    if not (path.suffix in (".yaml", ".yml") and path.exists()):
        known = shipped("pipelines")
        if name.lower() not in known:
            raise FexdataError(
                f"unknown recipe {name!r}; known: {', '.join(sorted(known))} (or a path to a .yaml file)"
            )
        path = known[name.lower()]
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise FexdataError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise FexdataError(f"{path} is not a recipe: expected keys such as name, corpus and stages")
    data.setdefault("name", path.stem)
    data["stages"] = {stage: dict(config or {}) for stage, config in (data.get("stages") or {}).items()}
    return data


def _apply_set(data: dict[str, Any], text: str) -> None:
    """`rasterize.size=128`, `rules.review.quality=0.6`, `cap_per_class=100`."""
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise FexdataError(f"--set {text}: expected section.key=value, e.g. --set align.size=128")
    parts = path.split(".")
    if parts[0] in data["stages"]:
        parts = ["stages", *parts]
    elif parts[0] not in Recipe.model_fields or parts[0] in ("name", "corpus"):
        sections = [*data["stages"], "rules", "duplicates", "splits", "truth", "engine", "seed", "cap", "cap_per_class"]
        raise FexdataError(f"--set {text}: no section {parts[0]!r}; sections: {', '.join(sections)}")
    if parts[0] == "rules" and len(parts) == 3 and parts[1] in ("reject", "review"):
        # One threshold changes; the others stay what they are, even where the recipe is silent.
        data.setdefault("rules", {}).setdefault(parts[1], Rules().model_dump()[parts[1]])
    target = data
    for part in parts[:-1]:
        inner = target.setdefault(part, {})
        if not isinstance(inner, dict):
            raise FexdataError(f"--set {text}: {part} is a value, not a section")
        target = inner
    try:
        target[parts[-1]] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise FexdataError(f"--set {text}: {value!r} is not a value (a number, a word, true, false or null)") from None


def _drop_stage(data: dict[str, Any], stage: str) -> None:
    if stage not in data["stages"]:
        raise FexdataError(f"--without {stage}: the recipe has no such stage; it has {', '.join(data['stages'])}")
    del data["stages"][stage]
    if stage == "quality":
        data["rules"] = {"reject": {}, "review": {}}  # without scores there is nothing to judge by


def _check_rules(recipe: Recipe) -> None:
    # Now, and not when hours of work wait for their verdict.
    written = {name for stage in recipe.make_stages() for name in stage.schema().names}
    missing = sorted(set(recipe.rules.columns()) - written)
    if missing:
        raise FexdataError(f"recipe {recipe.name}: a rule needs {missing[0]}, which no stage of it writes")


def _share_crop_size(data: dict[str, Any]) -> None:
    # One dataset has one crop size: `--set align.size=128` is enough.
    stages: Mapping[str, dict[str, Any]] = data["stages"]
    if "align" not in stages or "rasterize" not in stages:
        return
    size = getattr(registry.stage("align", stages["align"]), "crop_size", None)
    if size is not None and stages["rasterize"].setdefault("size", size) != size:
        raise FexdataError(f"rasterize.size is {stages['rasterize']['size']}, but crops have {size}: set align.size")


def canonical_json(value: Any) -> str:
    """JSON text that is the same for equal values, for fingerprints."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
