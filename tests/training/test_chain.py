"""One build of people who do not exist serves all methods: train, checkpoint, edit, evaluate, by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from method_commands import TINY, run, train_tiny
from PIL import Image

from fexdata.cli.build import command as build
from fexdata.cli.edit import command as edit
from fexdata.cli.evaluate import command as evaluate
from fexdata.cli.synth import command as synth
from fexdata.dataset.reader import open_dataset
from fexdata.evaluation.marked import is_marked

METHODS = ("dense-geometry", "gcgan", "slidergan", "defgan", "fine-grained", "stargan", "ganimation", "cdaae", "spg")
TOLD_LANDMARKS = ("gcgan", "spg")
SPLITS = {"affectnet-d": "{train: 0.9, val: 0.1}", "pairs": "{train: 0.5, val: 0.25, test: 0.25}"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The two datasets, built."""
    torch.set_num_threads(1)
    root, found = tmp_path_factory.mktemp("chain"), {}
    for layout, recipe, people, images in (("affectnet", "affectnet-d", 4, 16), ("pairs", "pairs", 8, 16)):
        corpus, found[recipe] = root / layout, root / recipe
        run(synth, layout, "--people", people, "--images", images, "--size", 128, "--workers", 1, "--out", corpus)
        sets = ("align.size=64", "truth.use=[au,expression_params,landmarks]", f"splits.fractions={SPLITS[recipe]}")
        options = [word for text in sets for word in ("--set", text)]
        run(build, recipe, "--source", corpus, "--out", found[recipe], "--workers", 1, "--without", "quality", *options)
    return found


@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_edits_and_is_evaluated(method: str, made: dict[str, Path], tmp_path: Path) -> None:
    data, pairs, folder = made["affectnet-d"], made["pairs"], tmp_path / "run"
    train_tiny(method, data, pairs, folder)
    face, other = open_dataset(pairs).sample_ids.to_pylist()[:2]
    wanted = ("--from", other) if method in TOLD_LANDMARKS else ("--expression", "happy")
    run(edit, folder, face, *wanted, "--data", pairs, "--out", tmp_path)
    picture = tmp_path / f"{face}-edited.png"
    with Image.open(picture) as opened:
        assert opened.size == (TINY["image_size"], TINY["image_size"])
    assert is_marked(picture)

    told = run(evaluate, folder, "--data", pairs, "--limit", 2, "--json", "--out", tmp_path / "evaluation")
    names = {one["name"] for one in json.loads(told)["results"]}
    assert {"l1[target]", "ied[target, face] / copy's", "detection_rate[swap]", "l1[cycle]"} <= names
    assert (tmp_path / "evaluation" / "evaluation.md").exists() and (tmp_path / "evaluation" / "target.png").exists()
