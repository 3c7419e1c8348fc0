"""Checkpoints are whole or absent, and restore to the last bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from training_made import equal_tensors

from fexdata import storage
from fexdata.errors import FexdataError
from fexdata.training import checkpoint
from fexdata.training.checkpoint import State


def made_state(seed: int, *, width: int = 3, steps: int = 0) -> State:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))
    optimiser = torch.optim.Adam(network.parameters(), 0.1, (0.3, 0.9))
    average = AveragedModel(network)
    state = State(nn.ModuleDict({"generator": network}), {"generator": optimiser}, {"generator": average})
    for _ in range(steps):
        advance(state)
    return state


def advance(state: State) -> None:
    optimiser, network = state.optimisers["generator"], state.networks["generator"]
    optimiser.zero_grad()
    network(torch.linspace(0, 1, 2 * 3 * 25).reshape(2, 3, 5, 5) ** 2).pow(2).mean().backward()
    optimiser.step()
    state.averages["generator"].update_parameters(network)
    state.step += 1


def everything(state: State) -> dict[str, torch.Tensor]:
    found = {f"network {key}": value for key, value in state.networks.state_dict().items()}
    found |= {f"average {key}": value for key, value in state.averages["generator"].state_dict().items()}
    for index, slots in state.optimisers["generator"].state_dict()["state"].items():
        found |= {f"optimiser {index} {key}": value for key, value in slots.items()}
    return found


def test_the_step_after_a_restore_is_the_step_that_would_have_been(tmp_path: Path) -> None:
    state = made_state(0, steps=3)
    path = checkpoint.save(tmp_path, state, {})
    other = made_state(1)
    checkpoint.restore(path, other)
    advance(state)
    advance(other)
    assert other.step == 4
    assert equal_tensors(everything(state), everything(other)) == []


def test_optimiser_settings_come_back(tmp_path: Path) -> None:
    state = made_state(0, steps=1)
    state.optimisers["generator"].param_groups[0]["lr"] = 0.025
    other = made_state(1)
    checkpoint.restore(checkpoint.save(tmp_path, state, {}), other)
    group = other.optimisers["generator"].param_groups[0]
    assert group["lr"] == 0.025 and tuple(group["betas"]) == (0.3, 0.9)


@pytest.mark.parametrize("dies_at", [0, 1])
def test_a_save_that_dies_leaves_the_last_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    """The machine stops before the first or the second file has its name."""
    state = made_state(0, steps=1)
    good = checkpoint.save(tmp_path, state, {})
    calls = iter(range(10))
    replace = storage.os.replace

    def stops(source: str, target: str) -> None:
        if next(calls) == dies_at:
            raise OSError("power cut")
        replace(source, target)

    monkeypatch.setattr(storage.os, "replace", stops)
    advance(state)
    with pytest.raises(OSError, match="power cut"):
        checkpoint.save(tmp_path, state, {})
    assert checkpoint.latest(tmp_path) == good


def test_a_shortened_file_is_no_checkpoint(tmp_path: Path) -> None:
    state = made_state(0, steps=1)
    good = checkpoint.save(tmp_path, state, {})
    advance(state)
    bad = checkpoint.save(tmp_path, state, {}).with_suffix(".safetensors")
    bad.write_bytes(bad.read_bytes()[:-1])
    assert checkpoint.latest(tmp_path) == good


def test_a_checkpoint_of_other_networks_is_refused(tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path, made_state(0, steps=1), {})
    with pytest.raises(FexdataError, match="is a checkpoint of other networks"):
        checkpoint.restore(path, made_state(0, width=4))
