"""`fexdata train` as people run it: real processes, killed and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from click.testing import CliRunner
from dataset_made import Rows
from training_made import equal_tensors, make_training_dataset

from fexdata.cli.train import command
from fexdata.errors import FexdataError
from fexdata.training.registry import METHODS, canonical, method_class

torch.set_num_threads(1)  # as in the other process
STEPS = 20
TINY = ("workers=1", "device=cpu", "image_size=32", "batch=2", "width=4", "blocks=1", "critic_width=4",
        "critic_layers=3", "log_every=1", "checkpoint_every=2", "sheet_every=1000")  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_training_dataset(tmp_path_factory.mktemp("made"))


def arguments(data: Path, out: Path, *more: str) -> list[str]:
    sets = [word for text in TINY for word in ("--set", text)]
    return ["StarGAN", "--data", str(data), "--preset", "demo", "--steps", str(STEPS), "--out", str(out), *sets, *more]


def start(data: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    code = "import sys; from fexdata.cli.train import command; command(sys.argv[1:])"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments(data, out, *more)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


def steps_done(out: Path) -> int:
    logs = [path.read_text().splitlines() for path in sorted(out.glob("logs/*.csv"))]
    return sum(max(len(lines) - 1, 0) for lines in logs)


def test_killed_process_resumed_equals_an_undisturbed_one(made: Path, tmp_path: Path) -> None:
    stop = int(np.random.default_rng(0).integers(3, 15))
    process = start(made, tmp_path / "killed")
    while steps_done(tmp_path / "killed") < stop and process.poll() is None:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert stop <= steps_done(tmp_path / "killed") < STEPS
    for name, more in (("killed", ["--resume"]), ("whole", [])):
        assert CliRunner().invoke(command, arguments(made, tmp_path / name, *more)).exception is None
    ends = [tmp_path / name / "checkpoints" / f"{STEPS:08d}" for name in ("killed", "whole")]
    tensors = [safetensors.torch.load_file(end.with_suffix(".safetensors")) for end in ends]
    assert equal_tensors(*tensors) == [], f"killed at step {stop}"
    facts = [json.loads(end.with_suffix(".json").read_text()) for end in ends]
    assert facts[0] == facts[1]


def test_missing_numbers_are_an_error_before_the_first_step(tmp_path: Path) -> None:
    def edit(rows: Rows) -> None:
        for row in rows:
            row["au"] = None

    data = make_training_dataset(tmp_path, edit=edit)
    result = CliRunner().invoke(command, ["ganimation", "--data", str(data), "--out", str(tmp_path / "r")])
    assert isinstance(result.exception, FexdataError)
    assert "faces has no accepted train row with image, au" in str(result.exception)
    assert not (tmp_path / "r").exists()


def test_pairs_for_a_method_that_reads_none_is_an_error(made: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(command, arguments(made, tmp_path / "r", "--pairs", str(made)))
    assert "stargan does not read pairs" in str(result.exception)


@pytest.mark.parametrize(("typed", "name"), [("sliderGAN", "slidergan"), ("DenseGeometry", "dense-geometry"),
                                             ("fine_grained", "fine-grained"), ("GC-GAN", "gcgan")])  # fmt: skip
def test_case_and_hyphens_do_not_matter(typed: str, name: str) -> None:
    assert canonical(typed) == name


def test_an_unknown_method_lists_the_known_ones() -> None:
    with pytest.raises(FexdataError, match="unknown method 'cyclegan'; known: dense-geometry, gcgan, slidergan"):
        canonical("cyclegan")


@pytest.mark.parametrize("name", METHODS)
def test_every_registered_method_loads_under_its_name_with_all_presets(name: str) -> None:
    cls = method_class(name)
    assert cls.name == name
    assert set(cls.Config.PRESETS) >= {"paper", "small", "demo"}
    for preset in cls.Config.PRESETS.values():
        cls.Config(**preset)


def test_settings_are_listed_with_their_sentences() -> None:
    lines = CliRunner().invoke(command, ["stargan", "--settings"]).output.splitlines()
    assert any(line.startswith("batch ") and "Rows (or pairs)" in line for line in lines)
    assert all(len(line.split()) > 3 for line in lines)
