"""Surveys: what a row is told of all the others, in builds that are killed, grow and shrink."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from builds import PIPELINES, checksums, kill_all, layer_files, run, start, wait_for
from fexdata_traps import DEADLY
from making import make_rafd
from PIL import Image

from fexdata.errors import FexdataError
from fexdata.pipeline.recipe import Recipe

PEOPLE = 3


def _recipe(folder: Path, *, delay: float = 0.0) -> Path:
    """`rafd-d` with the survey and the stage that reads it, at the front of the slow stages."""
    recipe = yaml.safe_load((PIPELINES / "rafd-d.yaml").read_text())
    stages: dict[str, object] = {}
    for name, config in recipe["stages"].items():
        stages[name] = config
        if name == "detect":
            stages |= {"trap": {}, "usual_score": {}, "score_gap": {"delay": delay}}
    path = folder / "rafd-d-survey.yaml"
    path.write_text(yaml.safe_dump({**recipe, "stages": stages}, sort_keys=False))
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("surveys")
    make_rafd(folder / "corpus", people=PEOPLE, seed=1)
    _recipe(folder)
    _build(folder)
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy to change; the copies keep their dates, so hashes and layers stay valid."""
    shutil.copytree(built, tmp_path / "copy")
    return tmp_path / "copy"


def _arguments(folder: Path, workers: int = 2, out: str = "out") -> list[str | os.PathLike[str]]:
    recipe = folder / "rafd-d-survey.yaml"
    return ["build", recipe, "--source", folder / "corpus", "--out", folder / out, "--workers", str(workers)]


def _build(folder: Path, workers: int = 2, out: str = "out") -> Counter[str]:
    """Builds and returns how many layers of each stage are new."""
    before = set(layer_files(folder / out))
    status, _, err = run(_arguments(folder, workers, out))
    assert status in (0, 1), err
    return Counter(path.parent.name for path in set(layer_files(folder / out)) - before)


def _frame(folder: Path, out: str = "out") -> pd.DataFrame:
    columns = ["source_path", "subject", "detection_score", "score_gap", "failure_code"]
    return pq.read_table(folder / out / "manifest.parquet", columns=columns).to_pandas()


def test_every_row_is_told_its_own_subjects_answer(built: Path) -> None:
    frame = _frame(built).dropna(subset=["detection_score"])
    assert frame["subject"].nunique() == PEOPLE
    usual = frame.groupby("subject")["detection_score"].transform("mean")
    np.testing.assert_allclose(frame["score_gap"], frame["detection_score"] - usual, atol=2e-4)
    assert frame["score_gap"].abs().max() > 1e-3


def test_a_finished_build_makes_nothing(folder: Path) -> None:
    before = checksums(folder / "out")
    assert not _build(folder)
    assert checksums(folder / "out") == before


def test_number_of_workers_changes_no_byte(folder: Path) -> None:
    _build(folder, workers=1, out="alone")
    assert checksums(folder / "alone") == checksums(folder / "out")


@pytest.mark.parametrize(("layer", "count"), [("detect", 3), ("score_gap", 3)])
def test_killed_before_or_after_the_survey_ends_in_the_same_bytes(folder: Path, layer: str, count: int) -> None:
    _recipe(folder, delay=0.02)
    _build(folder, out="whole")
    process = start(_arguments(folder, out="killed"))
    wait_for(lambda: sum(path.parent.name == layer for path in layer_files(folder / "killed")) >= count, process)
    kill_all(process)
    assert not (folder / "killed" / "manifest.parquet").exists()
    kept = {path: path.stat().st_mtime_ns for path in layer_files(folder / "killed")}
    _build(folder, out="killed")
    assert checksums(folder / "killed") == checksums(folder / "whole")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_a_photograph_less_touches_only_what_its_subjects_rows_are_told(folder: Path) -> None:
    before = _frame(folder)
    gone = next((folder / "corpus").rglob("*_01_*_happy_*.jpg"))
    partitions = {path.name.split("-")[0] for path in layer_files(folder / "out")}
    gone.unlink()
    new = _build(folder)
    assert (new["detect"], new["align"], new["usual_score"]) == (1, 1, 0)
    assert 0 < new["score_gap"] <= len(partitions)
    after = _frame(folder).merge(before, on="source_path", suffixes=("", "_before"))
    moved = after["score_gap"] != after["score_gap_before"]
    assert set(after[moved]["subject"]) == {"01"}


def test_a_row_that_kills_its_worker_is_left_out_of_the_survey(tmp_path: Path) -> None:
    make_rafd(tmp_path / "corpus", people=2, seed=1)
    victim = next((tmp_path / "corpus").rglob("*_01_*_happy_*.jpg"))
    picture = Image.open(victim)
    picture.resize((DEADLY, DEADLY * picture.height // picture.width)).save(victim)
    _recipe(tmp_path)
    _build(tmp_path)
    frame = _frame(tmp_path)
    (crashed,) = frame.index[frame["failure_code"] == "crashed"]
    others = frame[(frame["subject"] == "01") & (frame.index != crashed)]
    usual = frame.loc[crashed, "detection_score"] - frame.loc[crashed, "score_gap"]
    assert usual == pytest.approx(others["detection_score"].mean(), abs=2e-4)


def test_a_survey_that_reads_no_stage_is_refused() -> None:
    recipe = Recipe(name="x", corpus="folder", stages={"usual_score": {}})
    with pytest.raises(FexdataError, match="usual_score reads detection_score"):
        recipe.make_stages()
