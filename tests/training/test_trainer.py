"""The trainer: a stopped run goes on as if nothing had happened, a diverging one says where."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from dataset_made import Rows
from training_made import Toy, equal_tensors, make_training_dataset

from fexdata.errors import FexdataError
from fexdata.training import registry, trainer
from fexdata.training.config import resolve
from fexdata.training.method import Draw, Phase
from fexdata.training.run import Run, open_run
from fexdata.training.start import resumed, train
from fexdata.training.trainer import scheduled


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.METHODS, "toy", "training_made:Toy")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_training_dataset(tmp_path_factory.mktemp("made"))


def run_toy(data: Path, out: Path, *sets: str, steps: int | None = 20) -> Run:
    sets = ("workers=0", "device=cpu", "log_every=1", "checkpoint_every=3", "sheet_every=8", *sets)
    settings, config = resolve("toy", data=str(data), steps=steps, sets=sets)
    return train(settings, config, out=str(out), quiet=True)


def resume_toy(data: Path, out: Path, *sets: str) -> Run:
    return train(*resumed("toy", data=str(data), out=str(out), sets=sets), out=str(out), resume=True, quiet=True)


def tensors(run: Run, step: int = 20) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(run.checkpoints / f"{step:08d}.safetensors")


def losses(run: Run) -> list[dict[str, str]]:
    rows = [row for path in sorted(run.logs.glob("*.csv")) for row in csv.DictReader(path.open())]
    return [{name: value for name, value in row.items() if name != "steps_per_second"} for row in rows]


@pytest.fixture(scope="module")
def undisturbed(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.METHODS, "toy", "training_made:Toy")
        return run_toy(made, tmp_path_factory.mktemp("run") / "whole")


class Stopped(Exception):
    """The power is cut."""


def cut_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    inner = trainer.Trainer._iterate

    def iterate(self: trainer.Trainer, batch: Any, phase: Phase) -> None:
        if self.state.step == step:
            raise Stopped
        inner(self, batch, phase)

    monkeypatch.setattr(trainer.Trainer, "_iterate", iterate)


@pytest.mark.parametrize("stop", [1, 8, 16, 19])
def test_stopped_and_resumed_run_equals_an_undisturbed_one(
    made: Path, tmp_path: Path, undisturbed: Run, stop: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        cut_at(patch, stop)
        with pytest.raises(Stopped):
            run_toy(made, tmp_path / "run")
    run = resume_toy(made, tmp_path / "run", "workers=1")
    assert equal_tensors(tensors(run), tensors(undisturbed)) == []
    assert losses(run) == losses(undisturbed)
    assert (run.sheets / "00000020.png").read_bytes() == (undisturbed.sheets / "00000020.png").read_bytes()


def test_every_tensor_of_the_state_is_in_the_checkpoint(undisturbed: Run) -> None:
    names = tensors(undisturbed)
    for beginning in ("network/generator.0.weight", "network/generator.1.running_mean", "network/critic.weight",
                      "average/generator/module.0.weight", "optimiser/generator/0/exp_avg_sq",
                      "optimiser/critic/1/exp_avg"):  # fmt: skip
        assert beginning in names
    about = json.loads((undisturbed.checkpoints / "00000020.json").read_text())
    assert about["optimisers"]["generator"][0]["lr"] == pytest.approx(1e-3 * (1 - 4 / 10))
    assert (about["step"], about["phase"], about["iteration"]) == (20, 1, 5)


def test_the_seed_decides_the_result(made: Path, tmp_path: Path, undisturbed: Run) -> None:
    other = run_toy(made, tmp_path / "other", "seed=1")
    assert len(equal_tensors(tensors(other), tensors(undisturbed))) > 10


def test_critic_and_generator_step_in_the_phase_ratio(undisturbed: Run) -> None:
    rows = losses(undisturbed)
    single = [row for row in rows if row.get("critic/total")]
    assert len(single) == 15 and sum(bool(row["generator/total"]) for row in single) == 7
    assert all(row["generator/total"] for row in rows[15:]) and len(rows) == 20


def test_networks_that_rest_do_not_change(made: Path, tmp_path: Path) -> None:
    run = run_toy(made, tmp_path / "run", "checkpoint_every=15")
    before, after = tensors(run, 15), tensors(run, 20)
    assert torch.equal(before["network/critic.weight"], after["network/critic.weight"])
    assert not torch.equal(before["network/generator.0.weight"], after["network/generator.0.weight"])


def test_moving_average_follows_the_formula(made: Path, tmp_path: Path) -> None:
    run = run_toy(made, tmp_path / "run", "checkpoint_every=1", "ema=0.5", steps=8)  # phases of 6 and 2 steps
    assert not (run.checkpoints / "00000006.json").exists(), "only the last two are kept"
    seven, eight = tensors(run, 7), tensors(run, 8)
    decay = min(0.5, 5 / 14)  # the fifth update: n = 4
    key = "0.weight"
    wanted = decay * seven[f"average/generator/module.{key}"] + (1 - decay) * eight[f"network/generator.{key}"]
    assert torch.allclose(eight[f"average/generator/module.{key}"], wanted, atol=1e-7)


def test_divergence_names_step_loss_and_last_good_checkpoint(made: Path, tmp_path: Path) -> None:
    good = r".*checkpoints/00000009"
    with pytest.raises(FexdataError, match=rf"diverged at step 12: generator/total is nan; .*{good}"):
        run_toy(made, tmp_path / "run", "bad_step=5", "log_every=20")
    run = Run(tmp_path / "run")
    kept = {path.name for path in run.checkpoints.glob("*.json")}
    assert kept == {"00000006.json", "00000009.json"}
    assert all(bool(torch.isfinite(tensor).all()) for tensor in tensors(run, 9).values())


def test_a_run_says_what_it_was_made_of(undisturbed: Run) -> None:
    record = undisturbed.read()
    assert record["licences"] == ["CC0-1.0"] and record["datasets"]["pairs"]["rows"] > 0
    assert record["train"]["seed"] == 0 and record["method"]["batch"] == 4
    assert record["info"]["expressions"][0] == "neutral" and len(record["datasets"]["data"]["fingerprint"]) == 32


def test_trained_networks_open_for_editing_without_the_data(undisturbed: Run) -> None:
    saved = tensors(undisturbed)
    for averaged, key in ((True, "average/generator/module.3.weight"), (False, "network/generator.3.weight")):
        method, _ = open_run(undisturbed.folder, averaged=averaged)
        assert isinstance(method, Toy) and not method.networks.training
        assert torch.equal(method.networks["generator"][3].weight, saved[key])
        assert torch.equal(method.networks["critic"].weight, saved["network/critic.weight"])


def test_a_changed_dataset_is_not_resumed(made: Path, tmp_path: Path) -> None:
    def edit(rows: Rows) -> None:
        rows[-1]["status"] = "rejected"

    data = make_training_dataset(tmp_path)
    run_toy(data, tmp_path / "run", steps=2)
    make_training_dataset(tmp_path, edit=edit)
    with pytest.raises(FexdataError, match="was trained with rows"):
        resume_toy(data, tmp_path / "run")


def test_a_resumed_run_keeps_its_settings(made: Path, tmp_path: Path) -> None:
    run_toy(made, tmp_path / "run", steps=2)
    with pytest.raises(FexdataError, match=r"has lr 0.001, not 0.1: a resumed run keeps its settings"):
        resume_toy(made, tmp_path / "run", "lr=0.1")


def test_a_folder_with_a_run_is_not_overwritten(made: Path, tmp_path: Path) -> None:
    run_toy(made, tmp_path / "run", steps=2)
    with pytest.raises(FexdataError, match="holds a run; go on with it"):
        run_toy(made, tmp_path / "run", steps=2)


def test_an_unknown_setting_lists_what_is_close() -> None:
    with pytest.raises(FexdataError, match=r"toy has no setting 'batchs'; close: batch"):
        resolve("TOY", data="x", sets=["batchs=3"])


def test_phases_share_the_steps_in_proportion() -> None:
    phases = [Phase("a", 300), Phase("b", 1), Phase("c", 99)]
    assert [phase.iterations for phase in scheduled(phases, 40)] == [30, 1, 9]
    assert [phase.iterations for phase in scheduled(phases, 3)] == [1, 1, 1]
    assert scheduled(phases, None) == phases
    assert [phase.name for phase in scheduled([*phases, Phase("d", 0)], None)] == ["a", "b", "c"]
    assert sum(phase.iterations for phase in scheduled([replace(phases[0], iterations=7)] * 5, 13)) == 13


def test_draws_depend_on_seed_step_and_stream_alone() -> None:
    draws = [Draw(0, 5, "critic"), Draw(0, 6, "critic"), Draw(1, 5, "critic"), Draw(0, 5, "generator")]
    firsts = [tuple(draw.uniform((4,)).tolist()) for draw in draws]
    assert len(set(firsts)) == 4 and firsts[0] == tuple(Draw(0, 5, "critic").uniform((4,)).tolist())
    assert np.array_equal(np.sort(Draw(0, 0).permutation(9)), np.arange(9))


def test_resuming_goes_on_with_the_same_samples(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compared as a sequence: the pictures that the steps were handed, in order."""
    seen: list[tuple[int, bytes]] = []
    inner = trainer.Trainer._iterate

    def iterate(self: trainer.Trainer, batch: Any, phase: Phase) -> None:
        seen.append((self.state.step, batch["image"].numpy().tobytes()))
        inner(self, batch, phase)

    monkeypatch.setattr(trainer.Trainer, "_iterate", iterate)
    run_toy(made, tmp_path / "whole")
    whole = seen.copy()
    seen.clear()
    with pytest.MonkeyPatch.context() as patch:
        cut_at(patch, 10)
        with pytest.raises(Stopped):
            run_toy(made, tmp_path / "run")
    assert seen == whole[:10]
    seen.clear()
    resume_toy(made, tmp_path / "run", "workers=2")
    assert seen == whole[9:], "from the checkpoint at step 9 to the end"
