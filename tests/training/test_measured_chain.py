"""What a build measured is enough: the five methods train on one dataset without any truth, and on warps of it."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import torch
from method_commands import run, train_tiny

from fexdata.cli.build import command as build
from fexdata.cli.synth import command as synth
from fexdata.dataset.reader import open_dataset
from fexdata.synthetic.warps.dataset import warp_dataset

METHODS = ("dense-geometry", "gcgan", "slidergan", "defgan", "fine-grained")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """`affectnet-d` of synthetic people, and the warps that are derived from it."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("measured")
    corpus, data, warps = root / "affectnet", root / "affectnet-d", root / "warped"
    run(synth, "affectnet", "--people", 4, "--images", 16, "--size", 160, "--workers", 1, "--out", corpus)
    options = ("--set", "align.size=64", "--set", "splits.fractions={train: 0.9, val: 0.1}")
    run(build, "affectnet-d", "--source", corpus, "--out", data, "--workers", 1, *options)
    warp_dataset(open_dataset(str(data)), str(warps), people=6, variants=4)
    return data, warps


@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_on_what_was_measured(method: str, made: tuple[Path, Path], tmp_path: Path) -> None:
    data, warps = made
    train_tiny(method, data, warps, tmp_path / "run")
    logs = [path.read_text().splitlines() for path in (tmp_path / "run" / "logs").glob("*.csv")]
    told = [float(value) for lines in logs for row in csv.DictReader(lines) for value in row.values() if value]
    assert told and all(map(math.isfinite, told))
