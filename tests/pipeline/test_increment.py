"""What changed is made again, and nothing else."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from builds import checksums, layer_files, run
from making import make_folder

STAGES = {"detect", "align", "fit", "action_units", "reconstruct", "rasterize", "perceptual_hash", "quality"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `photographs` and, beside it, a finished build `out`."""
    folder = tmp_path_factory.mktemp("increment")
    make_folder(folder / "photographs", count=60, seed=3)
    _build(folder)
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy to change; the copies keep their dates, so hashes and layers stay valid."""
    shutil.copytree(built, tmp_path / "copy")
    return tmp_path / "copy"


def _build(folder: Path, *more: str) -> Counter[str]:
    """Builds and returns how many layers of each stage are new."""
    before = set(layer_files(folder / "out"))
    arguments = ["build", "photos", "--source", folder / "photographs", "--out", folder / "out", "--workers", "2"]
    status, _, err = run([*arguments, *more])
    assert status in (0, 1), err
    return Counter(path.parent.name for path in set(layer_files(folder / "out")) - before)


def _paths(folder: Path) -> set[str]:
    return set(pq.read_table(folder / "out" / "manifest.parquet", columns=["source_path"]).column(0).to_pylist())


def test_unchanged_corpus_makes_nothing_and_the_same_bytes(folder: Path) -> None:
    before = checksums(folder / "out")
    assert not _build(folder)
    assert checksums(folder / "out") == before


@pytest.mark.parametrize("change", ["add", "remove", "rename", "change"])
def test_one_touched_photograph_costs_one_partition(folder: Path, change: str) -> None:
    photographs = sorted(path for path in (folder / "photographs").rglob("*.jpg"))
    first, second = photographs[0], photographs[1]
    touched = 1
    if change == "add":
        shutil.copyfile(first, folder / "photographs" / "new.jpg")
    elif change == "remove":
        first.unlink()
    elif change == "rename":
        first.rename(folder / "photographs" / "renamed.jpg")
        touched = 2  # a rename removes one name and adds another
    else:
        first.write_bytes(second.read_bytes())
    made = _build(folder)
    assert made and set(made) <= STAGES and max(made.values()) <= touched
    expected = {str(path.relative_to(folder / "photographs")) for path in (folder / "photographs").rglob("*.jpg")}
    assert _paths(folder) == expected


def test_a_limit_and_then_all_reuses_what_the_limit_made(tmp_path: Path) -> None:
    make_folder(tmp_path / "photographs", count=60, seed=4)
    _build(tmp_path, "--limit", "50")
    assert len(_paths(tmp_path)) == 50
    made = _build(tmp_path)
    assert len(_paths(tmp_path)) == 60
    # 60 photographs are spread over 8 partitions in hash order: ten more touch the last few only.
    assert set(made) == STAGES and max(made.values()) <= 3


def test_a_setting_recomputes_its_stage_and_what_depends_on_it(folder: Path) -> None:
    made = _build(folder, "--set", "rasterize.fill=false")
    assert set(made) == {"rasterize", "quality"}


def test_a_new_threshold_opens_no_picture(folder: Path) -> None:
    before = checksums(folder / "out")
    assert not _build(folder, "--set", "rules.review.quality=0.99")
    after = checksums(folder / "out")
    assert after.pop("manifest.parquet") != before.pop("manifest.parquet")
    assert after == before


def test_touching_a_file_without_changing_it_recomputes_nothing(folder: Path) -> None:
    os.utime(sorted((folder / "photographs").rglob("*.jpg"))[0])
    assert not _build(folder)


def test_gc_removes_only_what_no_build_refers_to(folder: Path) -> None:
    sorted((folder / "photographs").rglob("*.jpg"))[0].unlink()
    _build(folder)
    (folder / "out" / "shards" / ".tmp-dead-x.parquet").write_bytes(b"half")
    status, out, err = run(["gc", folder / "out"])
    assert status == 0 and ".tmp-dead" in out, err
    before = checksums(folder / "out")
    assert not _build(folder) and checksums(folder / "out") == before
    assert run(["gc", folder / "out"])[1] == ""
