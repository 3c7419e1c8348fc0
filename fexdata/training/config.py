"""The settings of a run: those of the trainer here, those of the method in its own class.

Both are frozen, and every field has a sentence, which `fexdata train METHOD --settings` shows.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fexdata.errors import FexdataError
from fexdata.training.method import Method, MethodConfig
from fexdata.training.registry import canonical, method_class

C = TypeVar("C", bound=BaseModel)


class TrainConfig(BaseModel):
    """How a method is trained, whichever it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str = Field(description="The method's name.")
    preset: str = Field("paper", description="Which of the method's sizes and schedules.")
    data: str = Field(description="The dataset, by name or path.")
    pairs: str | None = Field(None, description="The dataset that pairs come from; by default `data`.")
    steps: int | None = Field(None, ge=1, description="Batches in all, shared out over the method's phases.")
    seed: int = Field(0, ge=0, description="Of the networks' first values, the order and every random draw.")
    workers: int = Field(
        min(len(os.sched_getaffinity(0)), 8), ge=0, description="Processes that read; 0: none, the trainer reads."
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="Where the networks are.")
    devices: int = Field(1, ge=1, description="How many of them, each with a batch of its own.")
    precision: Literal["32", "bf16"] = Field("32", description="bf16: forward passes in bfloat16, weights in float32.")
    channels_last: bool = Field(False, description="Pictures and weights in the layout that tensor cores like.")
    compile: bool = Field(False, description="torch.compile for all networks but the critic (its penalty does not).")
    ema: float = Field(0.999, ge=0, lt=1, description="Decay of the moving average of the generator, after a warm-up.")
    checkpoint_every: int = Field(1000, ge=1, description="Steps from one checkpoint to the next.")
    sheet_every: int = Field(1000, ge=1, description="Steps from one sheet of edited faces to the next.")
    log_every: int = Field(20, ge=1, description="Steps over which logged losses are averaged.")


def resolve(
    method: str, *, data: str, preset: str | None = None, sets: Sequence[str] = (), **given: Any
) -> tuple[TrainConfig, MethodConfig]:
    """The trainer's and the method's settings from the preset and from `key=value` texts, whose
    values are YAML. given: further fields of `TrainConfig`; None leaves the default.

    Raises `FexdataError` for an unknown key, or a value that its field does not take.
    """
    cls = method_class(method)
    preset = preset or "paper"
    if preset not in cls.Config.PRESETS:
        raise FexdataError(f"--preset {preset}: {cls.name} has {', '.join(cls.Config.PRESETS)}")
    own = dict(cls.Config.PRESETS[preset])
    shared = {"method": canonical(method), "data": data, "preset": preset}
    shared |= {name: value for name, value in given.items() if value is not None}
    return _applied(cls, shared, own, sets)


def changed(
    before: tuple[TrainConfig, MethodConfig], given: Mapping[str, Any], sets: Sequence[str]
) -> tuple[TrainConfig, MethodConfig]:
    """The same settings but for those given, and `key=value` texts."""
    shared, own = (one.model_dump() for one in before)
    return _applied(method_class(before[0].method), shared | dict(given), own, sets)


def _applied(
    cls: type[Method], shared: dict[str, Any], own: dict[str, Any], sets: Sequence[str]
) -> tuple[TrainConfig, MethodConfig]:
    for text in sets:
        key, equals, value = text.partition("=")
        if not equals:
            raise FexdataError(f"--set {text}: expected key=value")
        into = own if key in cls.Config.model_fields else shared if key in settable() else None
        if into is None:
            raise FexdataError(f"--set {text}: {cls.name} has no setting {key!r}; {_hint(cls, key)}")
        try:
            into[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise FexdataError(f"--set {text}: {value!r} is not a YAML value") from None
    return checked(TrainConfig, shared), checked(cls.Config, own)


def checked(kind: type[C], values: dict[str, Any]) -> C:
    """Settings of a class. Raises `FexdataError` naming the first that is wrong."""
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        raise FexdataError(f"{where}: {first['msg'].removeprefix('Value error, ')} (got {first['input']!r})") from None


def settable() -> list[str]:
    """Fields of the trainer that `--set` may change; the others have options of their own."""
    return [name for name in TrainConfig.model_fields if name not in ("method", "preset", "data", "pairs", "steps")]


def describe(cls: type[Method]) -> list[tuple[str, str, str]]:
    """(name, default, sentence) of every setting of a method and of the trainer."""
    fields = {**cls.Config.model_fields, **{name: TrainConfig.model_fields[name] for name in settable()}}
    return [(name, str(field.default), field.description or "") for name, field in fields.items()]


def _hint(cls: type[Method], key: str) -> str:
    known = [*cls.Config.model_fields, *settable()]
    close = difflib.get_close_matches(key, known, 3)
    return f"close: {', '.join(close)}" if close else f"known: {', '.join(known)}"
