"""Checkpoints: everything that a run needs to go on as if nothing had happened.

One checkpoint is two files, `<step>.safetensors` with every tensor (networks, their moving averages,
the optimisers' moments) and `<step>.json` with everything else (phase, iteration within it, the
optimisers' settings, the size of the other file). Both appear whole or not at all, the JSON last: a
checkpoint is there when its JSON is. The newest two are kept. Order and random draws are functions
of seed and step, so the step is their whole state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from fexdata.errors import FexdataError
from fexdata.storage import AtomicFile, write_atomic

KEPT = 2


@dataclass
class State:
    """Where a run is, and the objects whose tensors make up the rest."""

    networks: nn.ModuleDict
    optimisers: Mapping[str, torch.optim.Optimizer]
    averages: Mapping[str, torch.optim.swa_utils.AveragedModel]
    step: int = 0
    """Batches done in all."""
    phase: int = 0
    iteration: int = 0
    """Batches done of the phase: the loader's position."""


def save(folder: Path, state: State, facts: Mapping[str, Any]) -> Path:
    """Writes a checkpoint, drops those before the last two, and returns the JSON's path. facts: more
    for the JSON."""
    tensors, groups = _tensors(state), {}
    for name, optimiser in state.optimisers.items():
        groups[name] = [
            {key: value for key, value in group.items() if key != "params"}
            for group in optimiser.state_dict()["param_groups"]
        ]
    stem = folder / f"{state.step:08d}"
    data = safetensors.torch.save(
        {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    )
    with AtomicFile(str(stem.with_suffix(".safetensors"))) as file:
        file.write(data)
    about = {
        **facts,
        "step": state.step,
        "phase": state.phase,
        "iteration": state.iteration,
        "optimisers": groups,
        "bytes": len(data),
    }
    write_atomic(str(stem.with_suffix(".json")), json.dumps(about, indent=1, sort_keys=True).encode())
    for old in _complete(folder)[:-KEPT]:
        old.unlink()  # the JSON first: without it there is no checkpoint
        old.with_suffix(".safetensors").unlink(missing_ok=True)
    return stem.with_suffix(".json")


def latest(folder: Path) -> Path | None:
    """The newest complete checkpoint's JSON, or None."""
    found = _complete(folder)
    return found[-1] if found else None


def restore(path: Path, state: State) -> None:
    """Puts a checkpoint into the networks, optimisers and averages, in place, to the last bit. Raises
    `FexdataError` where it belongs to other networks."""
    about = json.loads(path.read_text())
    tensors = safetensors.torch.load_file(path.with_suffix(".safetensors"))
    try:
        state.networks.load_state_dict(_below(tensors, "network/"))
        for name, average in state.averages.items():
            average.load_state_dict(_below(tensors, f"average/{name}/"))
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise FexdataError(f"{path} is a checkpoint of other networks: {first}") from None
    for name, optimiser in state.optimisers.items():
        slots: dict[int, dict[str, Tensor]] = {}
        for key, tensor in _below(tensors, f"optimiser/{name}/").items():
            index, _, slot = key.partition("/")
            slots.setdefault(int(index), {})[slot] = tensor
        own = optimiser.state_dict()["param_groups"]
        groups = [
            {**group, "params": mine["params"]} for group, mine in zip(about["optimisers"][name], own, strict=True)
        ]
        optimiser.load_state_dict({"state": slots, "param_groups": groups})
    state.step, state.phase, state.iteration = about["step"], about["phase"], about["iteration"]


def load_networks(path: Path, networks: nn.ModuleDict, *, averaged: bool) -> None:
    """Networks alone, for inference; with `averaged`, the moving average where one was kept."""
    tensors = safetensors.torch.load_file(path.with_suffix(".safetensors"))
    weights = _below(tensors, "network/")
    if averaged:
        for key, tensor in _below(tensors, "average/").items():
            name, _, rest = key.partition("/")
            if rest.startswith("module."):
                weights[f"{name}.{rest.removeprefix('module.')}"] = tensor
    try:
        networks.load_state_dict(weights)
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise FexdataError(f"{path} is a checkpoint of other networks: {first}") from None


def _tensors(state: State) -> dict[str, Tensor]:
    tensors = {f"network/{name}": tensor for name, tensor in state.networks.state_dict().items()}
    for name, average in state.averages.items():
        tensors |= {f"average/{name}/{key}": tensor for key, tensor in average.state_dict().items()}
    for name, optimiser in state.optimisers.items():
        for index, slots in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{name}/{index}/{slot}": torch.as_tensor(value) for slot, value in slots.items()}
    return tensors


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _complete(folder: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    found = []
    for path in sorted(folder.glob("[0-9]*.json")):
        weights = path.with_suffix(".safetensors")
        if weights.exists() and weights.stat().st_size == json.loads(path.read_text())["bytes"]:
            found.append(path)
    return found
