"""Every method: 20 steps, stopped at a random one and resumed, equal 20 undisturbed ones bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from training_made import equal_tensors, make_training_dataset

from fexdata.training.config import resolve
from fexdata.training.method import Phase
from fexdata.training.registry import METHODS, method_class
from fexdata.training.start import resumed, train
from fexdata.training.trainer import Trainer

STEPS = 20
SMALLEST = {"image_size": 32, "batch": 2, "width": 4, "blocks": 1, "critic_width": 4, "critic_layers": 3,
            "identity": "none", "perceptual": "none"}  # fmt: skip


class Stopped(Exception):
    """The power is cut."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return make_training_dataset(tmp_path_factory.mktemp("made"))


def settings_of(name: str) -> list[str]:
    fields = method_class(name).Config.model_fields
    sets = [f"{key}={value}" for key, value in SMALLEST.items() if key in fields]
    return [*sets, "workers=0", "device=cpu", "log_every=1", "checkpoint_every=4", "sheet_every=1000"]


def run(name: str, data: Path, out: Path) -> dict[str, torch.Tensor]:
    train(*resolve(name, data=str(data), preset="demo", steps=STEPS, sets=settings_of(name)), out=str(out), quiet=True)
    return safetensors.torch.load_file(out / "checkpoints" / f"{STEPS:08d}.safetensors")


@pytest.mark.parametrize("name", METHODS)
def test_stopped_and_resumed_run_equals_an_undisturbed_one(
    name: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(name, made, tmp_path / "whole")
    stop = int(np.random.default_rng(list(name.encode())).integers(1, STEPS))
    inner = Trainer._iterate

    def iterate(self: Trainer, batch: Any, phase: Phase) -> None:
        if self.state.step == stop:
            raise Stopped
        inner(self, batch, phase)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_iterate", iterate)
        with pytest.raises(Stopped):
            run(name, made, tmp_path / "run")
    settings, config = resumed(name, data=str(made), out=str(tmp_path / "run"))
    train(settings, config, out=str(tmp_path / "run"), resume=True, quiet=True)
    end = safetensors.torch.load_file(tmp_path / "run" / "checkpoints" / f"{STEPS:08d}.safetensors")
    assert equal_tensors(end, whole) == [], f"stopped at step {stop}"
