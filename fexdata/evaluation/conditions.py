"""The expression that a method is told, whichever way it takes it: classes, action units,
coefficients or landmarks. Evaluation and editing both ask here, so that no other file knows more of
a method than its `edit`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from fexdata.errors import FexdataError
from fexdata.training.method import Condition, DataInfo, Method, MethodConfig

Kind = Literal["label", "au", "params", "landmarks_68"]
COLUMNS: Mapping[Kind, str] = {
    "label": "expression",
    "au": "au",
    "params": "expression_params",
    "landmarks_68": "landmarks_68",
}
"""The dataset's column behind each."""
WORDS: Mapping[Kind, str] = {
    "label": "discrete expressions",
    "au": "action units",
    "params": "coefficients",
    "landmarks_68": "landmarks",
}


def kind_of(method: type[Method], config: MethodConfig) -> Kind:
    """How a method is told the expression. Landmarks come last: identity losses ask for them, too.

    Raises `FexdataError` for a method that edits nothing.
    """
    columns = method.needs(config).columns
    if method.name in ("embedder", "classifier"):
        raise FexdataError(f"{method.name} judges faces, it does not edit them")
    if "expression_params" in columns:
        return "params"
    if "au" in columns:
        return "au"
    # GC-GAN reads labels for its embedding alone.
    return "landmarks_68" if "landmarks_68" in columns else "label"


def read(method: Method, kind: Kind, image: Tensor) -> dict[str, Tensor] | None:
    """The condition that the method's own networks read off pictures, or None where it has none that can.

    SliderGAN's D_p, GANimation's and the others' regressor on action units.
    """
    if hasattr(method, "read"):
        found: dict[str, Tensor] = method.read(image)
        return found
    if kind == "au" and "critic" in method.networks:
        return {"au": method.networks["critic"](image).condition}
    return None


def only(condition: Condition, kind: Kind) -> dict[str, Tensor]:
    """The entries that tell the expression: with `params` also `speech`, where it is there."""
    names = (kind, "speech") if kind == "params" else (kind,)
    return {name: condition[name] for name in names if name in condition}


def between(method: Method, source: Condition, target: Condition, share: float) -> dict[str, Tensor]:
    """source + share (target - source): 0 the source, 1 the target, beyond it more of the same.

    GC-GAN walks between codes, the others between the numbers themselves. Raises `FexdataError` for classes.
    """
    if "label" in target:
        if share == 1:
            return dict(target)
        raise FexdataError(f"{method.name} is told classes: there is nothing between two, and no more than one")
    if "landmarks_68" in target and hasattr(method, "embed"):
        source, target = ({"expression_code": method.embed(one["landmarks_68"])} for one in (source, target))
    return {name: source[name] + share * (target[name] - source[name]) for name in target}


def neutral(kind: Kind, info: DataInfo, count: int) -> dict[str, Tensor]:
    """The neutral face: no action units, no coefficients, the class `neutral`.

    Raises `FexdataError` where the method is told landmarks (whose?) or never saw the class.
    """
    if kind == "landmarks_68":
        raise FexdataError("landmarks have no neutral of their own; give a neutral face: --from PHOTOGRAPH, or --data")
    if kind == "label":
        return labelled(info, "neutral", count)
    if kind == "au":
        return {"au": torch.zeros(count, len(info.au_names))}
    found = {"params": torch.zeros(count, len(info.coefficient_names))}
    if info.speech_names:
        found["speech"] = torch.zeros(count, len(info.speech_names))
    return found


def labelled(info: DataInfo, expression: str, count: int) -> dict[str, Tensor]:
    """A class for each of `count` pictures. Raises `FexdataError` for one that the method never saw."""
    if expression not in info.expressions:
        raise FexdataError(f"no expression {expression!r} in this run; it knows: {', '.join(info.expressions)}")
    return {"label": torch.full((count,), info.expressions.index(expression))}


def with_sliders(kind: Kind, info: DataInfo, start: Condition, sets: Mapping[str, float]) -> dict[str, Tensor]:
    """The condition `start` with some values set.

    An action unit goes from 0 to 1, beyond it exaggerates. A coefficient that goes both ways counts in
    standard deviations of the training set, usually -1 to 1 (A-002-6); a one-sided one in its own unit, 0 to
    1. `AU12` also sets `AU12_left` and `AU12_right`. Raises `FexdataError` for an unknown name, or a one-sided
    value below 0.
    """
    if kind == "au":
        values = start["au"].clone()
        for name, value in sets.items():
            for index in _found(name, info.au_names):
                values[:, index] = _one_sided(name, value)
        return {"au": values}
    if kind != "params":
        how = "--expression NAME" if kind == "label" else "--from PHOTOGRAPH"
        raise FexdataError(f"this method is told {WORDS[kind]}, it has no sliders; use {how}")
    values = start["params"].clone()
    for name, value in sets.items():
        for index in _found(name, info.coefficient_names):
            if info.coefficient_signed[index]:
                values[:, index] = value
            else:
                values[:, index] = _one_sided(name, value) / float(info.coefficient_sigma[index])
    return {**start, "params": values}


def _one_sided(name: str, value: float) -> float:
    if value < 0:
        raise FexdataError(f"{name}={value:g}: it goes one way only, from 0")
    return value


def _found(name: str, names: Sequence[str]) -> list[int]:
    """The places of a name, however it is spelt (AU06_r, au6), or of its left and right halves."""
    wanted = _plain(name)
    exact = [index for index, one in enumerate(names) if _plain(one) == wanted]
    halves = [
        index
        for index, one in enumerate(names)
        if _plain(re.sub(r"_?(left|right|l|r)$", "", one, flags=re.I)) == wanted
    ]
    if not exact and not halves:
        raise FexdataError(f"no slider {name!r}; there are: {', '.join(names)}")
    return exact or halves


def _plain(name: str) -> str:
    """Lower case, without leading zeros of a number, without OpenFace's `_r`."""
    return re.sub(r"(?<=[a-z])0+(?=\d)", "", re.sub(r"^(au\d+)_r$", r"\1", name.lower()))
