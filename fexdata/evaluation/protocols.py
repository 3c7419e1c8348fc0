"""The four ways in which a method is looked at.

- `target`: true pairs: one picture is given the expression of the other, and compared with it;
- `swap`: every held-out picture is given expressions that it does not show: every other class
  (dense-geometry, section 4), or what another held-out picture shows;
- `cycle`: the edit is edited back and compared with the input (dense-geometry's PSNR and SSIM);
- `zero`: the picture is given its own expression and compared with itself (fine-grained, table 3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fexdata.evaluation.conditions import Kind, only
from fexdata.evaluation.rows import HeldOut
from fexdata.training.method import Batch, Method


@dataclass(frozen=True)
class Edit:
    """A batch of edits."""

    batch: Batch
    """The inputs' rows."""
    source: dict[str, Tensor]
    target: dict[str, Tensor]
    image: Tensor
    """(B, 3, H, W) in [-1, 1], the method's answer."""
    wanted: tuple[str, ...]
    """The expression asked for, by name; "" where nobody knows."""
    fresh: bool = True
    """Whether these inputs come for the first time."""


@torch.no_grad()
def on_pairs(method: Method, kind: Kind, rows: HeldOut, *, size: int, device: torch.device) -> Iterator[Edit]:
    """`target`: `batch["target_image"]` is the truth."""
    for batch in rows.batches(size):
        here = _on(batch, device)
        other = {name.removeprefix("target_"): value for name, value in here.items() if name.startswith("target_")}
        source, target = only(here, kind), only(other, kind)
        made = method.edit(here["image"], source, target)["image"]
        yield Edit(here, source, target, made, _words(other, rows))


@torch.no_grad()
def swapped(method: Method, kind: Kind, rows: HeldOut, *, size: int, seed: int, device: torch.device) -> Iterator[Edit]:
    """`swap`: for classes each other class in turn, else the condition of one other row, drawn by seed."""
    partners = another(len(rows), seed)
    for start in range(0, len(rows), size):
        chosen = np.arange(start, min(start + size, len(rows)))
        batch = _on(rows.batch(chosen), device)
        source = only(batch, kind)
        if kind == "label":
            yield from _other_classes(method, batch, source, rows)
            continue
        other = _on(rows.batch(partners[chosen]), device)
        target = only(other, kind)
        yield Edit(batch, source, target, method.edit(batch["image"], source, target)["image"], _words(other, rows))


def _other_classes(method: Method, batch: Batch, source: dict[str, Tensor], rows: HeldOut) -> Iterator[Edit]:
    count = len(method.info.expressions)
    for step in range(1, 1 + targets_each(method, "label")):
        label = (source["label"] + step) % count
        wanted = tuple(rows.classes[index] for index in label.tolist())
        made = method.edit(batch["image"], source, {"label": label})["image"]
        yield Edit(batch, source, {"label": label}, made, wanted, fresh=step == 1)


def targets_each(method: Method, kind: Kind) -> int:
    """How many expressions `swap` gives every picture."""
    return len(method.info.expressions) - 1 if kind == "label" else 1


def another(count: int, seed: int) -> np.ndarray:
    """For each of `count` rows another one, each once: a random circle. One row alone is its own."""
    order = np.random.default_rng((seed, 1)).permutation(count)
    partners = np.empty(count, np.int64)
    partners[order] = np.roll(order, -1)
    return partners


def _words(batch: Batch, rows: HeldOut) -> tuple[str, ...]:
    if "label" not in batch:
        return ("",) * len(batch["image"])
    return tuple(rows.classes[index] if index >= 0 else "" for index in batch["label"].tolist())


def _on(batch: Batch, device: torch.device) -> Batch:
    return {name: value.to(device) for name, value in batch.items()}
