"""Stages and surveys by name, found through the entry-point group `fexdata.stages`."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from fexdata.errors import FexdataError
from fexdata.stages.base import Stage, Step


def known() -> list[str]:
    """The names of all registered stages and surveys."""
    return sorted({entry.name for entry in entry_points(group="fexdata.stages")})


def stage(name: str, config: Mapping[str, Any]) -> Stage:
    """A stage with its settings. Raises `FexdataError` for an unknown name or setting."""
    made = step(name, config)
    if not isinstance(made, Stage):
        raise FexdataError(f"{name} is a survey, not a stage")
    return made


def step(name: str, config: Mapping[str, Any]) -> Step:
    """A stage or a survey with its settings. Raises `FexdataError` for an unknown name or setting."""
    cls = _class(name)
    try:
        return cls(cls.Config(**config))
    except ValidationError as error:
        key, problem = first_problem(error)
        allowed = ", ".join(cls.Config.model_fields) or "none"
        raise FexdataError(f"stage {name}: setting {key!r}: {problem} (settings: {allowed})") from None


def first_problem(error: ValidationError) -> tuple[str, str]:
    """Which setting is wrong, and what is wrong with it, in words for a person."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return where, "there is no such setting"
    return where, first["msg"].removeprefix("Value error, ")


@functools.lru_cache(maxsize=64)
def warm_stage(name: str, config_json: str) -> Stage:
    """The same stage for every task of a worker process, networks loaded and kernels compiled."""
    made = stage(name, json.loads(config_json))
    made.warm_up()
    return made


@functools.lru_cache(maxsize=64)
def _class(name: str) -> type[Step]:
    found: list[EntryPoint] = [entry for entry in entry_points(group="fexdata.stages") if entry.name == name]
    targets = {entry.value for entry in found}
    if not found:
        raise FexdataError(f"unknown stage {name!r}; known: {', '.join(known())}")
    if len(targets) > 1:
        raise FexdataError(f"stage {name!r} is registered twice: {', '.join(sorted(targets))}")
    loaded: type[Step] = found[0].load()
    return loaded
