"""`fexdata build` applies decisions: four columns of the manifest, and nothing else."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fexdata.corpora.base import Photograph, sample_id
from fexdata.corpora.folder import Folder
from fexdata.dataset.reader import open_dataset
from fexdata.dataset.vectors import storable, storable_schema
from fexdata.pipeline.assemble import rows_schema, stage_fields
from fexdata.pipeline.commit import commit
from fexdata.pipeline.layout import Layout
from fexdata.pipeline.plan import PartitionPlan, Plan, Source, partition_of, rows_name, stage_specs
from fexdata.pipeline.recipe import Recipe, load_recipe
from fexdata.review.apply import Decided, decided
from fexdata.review.decisions import Log
from fexdata.review.events import Event
from fexdata.review.faces import Face, Geometry
from fexdata.review.fold import fold
from fexdata.review.place import database_url

BITS = 6


def planned(recipe: Recipe, count: int) -> Plan:
    """A plan whose work is all done: photographs 0 to count - 1."""
    specs = stage_specs(recipe.make_stages())
    sources: dict[int, list[Source]] = {}
    for number in range(count):
        photograph = Photograph("folder", f"{number:06d}.jpg".encode(), "", labels={"expression": "sad"})
        digest = photograph.digest()
        sha = hashlib.sha256(digest).hexdigest()
        sources.setdefault(partition_of(digest, BITS), []).append(Source(photograph, digest, sha))
    partitions = []
    for index, members in sorted(sources.items()):
        shard = Layout("").shard_name(index, "0123456789abcdef")
        members.sort(key=lambda one: one.digest)
        partitions.append(PartitionPlan(index, tuple(members), {s.name: f"layers/{s.name}/x" for s in specs}, shard,
                                        (), False))  # fmt: skip
    return Plan(specs, tuple(partitions), "fedcba9876543210")


def write_rows(plan: Plan, root: Path) -> None:
    """The files of rows that a build leaves beside its shards. Every fifth row is blurred."""
    schema = rows_schema(stage_fields(plan.stages))
    for partition in plan.partitions:
        count = len(partition.sources)
        digests = [one.digest for one in partition.sources]
        known: dict[str, Any] = {
            "digest": digests,
            "sample_id": [sample_id(one, 0) for one in digests],
            "source_path": [one.photograph.key.decode() for one in partition.sources],
            "source_sha256": [one.sha256 for one in partition.sources],
            "frame": [0] * count,
            "face_slot": [0] * count,
            "corpus": ["folder"] * count,
            "expression": ["sad"] * count,
            "has_crop": [True] * count,
            "box": [[10.0, 10.0, 100.0, 100.0]] * count,
            "phash": [int.from_bytes(one[:8], "big") for one in digests],
        }
        scores = {field.name: np.full(count, 0.9) for field in schema if field.name.startswith(("score_", "quality"))}
        scores["score_sharpness"][::5] = 0.01
        columns = [pa.array(known.get(f.name, scores.get(f.name, [None] * count)), f.type) for f in schema]
        path = root / rows_name(partition.shard)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(storable(pa.table(columns, schema=schema)), path)
        assert storable_schema(schema)


def judge(root: Path, plan: Plan, recipe: Recipe, count: int) -> list[str]:
    """Anna accepts every third of `count` faces, rejects every third and relabels the rest."""
    log = Log(database_url(str(root)), recipe.name)
    chosen = [one for partition in plan.partitions for one in partition.sources][:: max(1, 20_000 // 200)][:count]
    said = [{"verdict": "accept"}, {"verdict": "reject", "reason": "bad_fit"}, {"expression": "happy"}]
    ids = []
    for number, source in enumerate(chosen):
        ids.append(sample_id(source.digest, 0))
        face = Face(f"{number:032x}", ids[-1], "", source.sha256, 0, (10.0, 10.0, 100.0, 100.0), "b", "rejected", (),
                    "sad")  # fmt: skip
        at = f"2025-01-01T00:00:00.{number:06d}+00:00"
        event = Event(f"{number:032x}", 0, "anna", at, "judge", face.key, None, said[number % 3])
        log.append([event], [(face, Geometry())])
    log.close()
    return ids


def test_200_decisions_on_20000_rows_apply_in_seconds_without_a_stage_or_a_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load_recipe("photos")
    plan = planned(recipe, 20_000)
    write_rows(plan, tmp_path)
    layout = Layout(str(tmp_path))
    commit(plan, recipe, layout, Folder(), still_mine=lambda: True)
    before = pq.read_table(layout.manifest)
    ids = judge(tmp_path, plan, recipe, 200)

    def run(*_: object) -> None:
        raise AssertionError("a stage ran")

    for stage in recipe.make_stages():
        monkeypatch.setattr(type(stage), "run", run)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    began = time.perf_counter()
    metadata = commit(plan, recipe, layout, Folder(), still_mine=lambda: True)
    seconds = time.perf_counter() - began
    assert seconds < 5, f"{seconds:.1f} s"
    changed = {path.name for path in tmp_path.rglob("*.parquet") if files.get(path) != path.stat().st_mtime_ns}
    assert changed == {"manifest.parquet"}

    after = pq.read_table(layout.manifest)
    assert len(after) == 20_000 and metadata["counts"]["rows"] == 20_000
    rows = {row["sample_id"]: row for row in after.select(["sample_id", "status", "reasons", "decided_by",
                                                           "expression"]).to_pylist()}  # fmt: skip
    for number, name in enumerate(ids):
        row = rows.pop(name)
        if number % 3 == 2:
            assert row["expression"] == "happy" and row["decided_by"] == "rules"
        else:
            assert row["decided_by"] == "anna" and row["expression"] == "sad"
            assert (row["status"], row["reasons"]) == [("accepted", []), ("rejected", ["bad_fit"])][number % 3]
    for row in before.select(list(next(iter(rows.values())))).to_pylist():
        assert rows.get(row["sample_id"], row) == row
    assert metadata["counts"]["accepted"] == after.column("status").to_pylist().count("accepted")


def test_undone_decisions_leave_the_manifest_as_the_rules_made_it(tmp_path: Path) -> None:
    recipe = load_recipe("photos")
    plan = planned(recipe, 300)
    write_rows(plan, tmp_path)
    layout = Layout(str(tmp_path))
    commit(plan, recipe, layout, Folder(), still_mine=lambda: True)
    untouched = Path(layout.manifest).read_bytes()
    judge(tmp_path, plan, recipe, 3)
    commit(plan, recipe, layout, Folder(), still_mine=lambda: True)
    assert Path(layout.manifest).read_bytes() != untouched
    log = Log(database_url(str(tmp_path)), recipe.name)
    for number in reversed(range(3)):
        at = f"2026-01-01T00:00:00.{9 - number:06d}+00:00"
        log.append([Event(f"undo{number}", 0, "anna", at, "undo", None, f"{number:032x}")])
    commit(plan, recipe, layout, Folder(), still_mine=lambda: True)
    assert Path(layout.manifest).read_bytes() == untouched
    assert open_dataset(str(tmp_path)).counts()["rows"] == 300


def test_a_dataset_nobody_reviewed_gets_no_database(tmp_path: Path) -> None:
    assert decided(str(tmp_path), "photos", pa.table({})) == Decided() and not list(tmp_path.iterdir())


def table(**columns: list[Any]) -> pa.Table:
    types = {"reasons": pa.list_(pa.string())}
    return pa.table({name: pa.array(values, types.get(name, pa.string())) for name, values in columns.items()})


ROW = {"sample_id": ["s"], "status": ["rejected"], "reasons": [["low_size"]], "decided_by": ["rules"],
       "expression": ["sad"]}  # fmt: skip


@pytest.mark.parametrize(
    ("said", "status", "reasons", "by"),
    [
        ([("anna", {"verdict": "accept"})], "accepted", [], "anna"),
        ([("anna", {"verdict": "reject", "reason": "covered"})], "rejected", ["covered"], "anna"),
        ([("anna", {"verdict": "unsure"})], "review", ["low_size", "unsure"], "anna"),
        ([("anna", {"verdict": "accept"}), ("ben", {"verdict": "accept"})], "accepted", [], "anna, ben"),
        ([("anna", {"verdict": "accept"}), ("ben", {"verdict": "reject"})], "review", ["low_size", "disagreement"],
         "anna, ben"),
        ([("anna", {"flag": True})], "rejected", ["low_size"], "rules"),
    ],
)  # fmt: skip
def test_what_each_verdict_makes_of_a_row(
    said: list[tuple[str, dict[str, Any]]], status: str, reasons: list[str], by: str
) -> None:
    events = [Event(str(i), 0, who, str(i), "judge", "f", None, action) for i, (who, action) in enumerate(said)]
    rows = Decided({"s": fold(events, {"f": "s"}).outcome("s")}).overlay(table(**ROW))
    assert rows.to_pylist() == [{"sample_id": "s", "status": status, "reasons": reasons, "decided_by": by,
                                 "expression": "sad"}]  # fmt: skip


def test_a_face_that_is_gone_changes_no_row(tmp_path: Path) -> None:
    recipe = load_recipe("photos")
    plan = planned(recipe, 300)
    write_rows(plan, tmp_path)
    judge(tmp_path, plan, recipe, 3)
    rows = pa.table({"sample_id": ["x"], "source_path": ["y"], "source_sha256": ["z"], "frame": [0],
                     "box": [[1.0, 2.0, 3.0, 4.0]]})  # fmt: skip
    found = decided(str(tmp_path), recipe.name, rows)
    assert found.outcomes == {} and found.orphaned == 3
