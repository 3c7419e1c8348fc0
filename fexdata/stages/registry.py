"""Stages by name, found through the entry-point group `fexdata.stages`."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from fexdata.errors import FexdataError
from fexdata.stages.base import Stage


def known() -> list[str]:
    """The names of all registered stages."""
    return sorted({entry.name for entry in entry_points(group="fexdata.stages")})


def stage(name: str, config: Mapping[str, Any]) -> Stage:
    """A stage with its settings. Raises `FexdataError` for an unknown name or setting."""
    cls = _stage_class(name)
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
def _stage_class(name: str) -> type[Stage]:
    found: list[EntryPoint] = [entry for entry in entry_points(group="fexdata.stages") if entry.name == name]
    targets = {entry.value for entry in found}
    if not found:
        raise FexdataError(f"unknown stage {name!r}; known: {', '.join(known())}")
    if len(targets) > 1:
        raise FexdataError(f"stage {name!r} is registered twice: {', '.join(sorted(targets))}")
    loaded: type[Stage] = found[0].load()
    return loaded
