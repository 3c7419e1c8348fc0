"""`truth.parquet`: what it holds, how it joins a built dataset, and what `truth.use` does with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builds import run
from synthetic_stub import IDENTITY, NAMES, take

import fexdata
from fexdata.corpora.affectnet import AffectNet
from fexdata.corpora.truth import rows_by_key
from fexdata.dataset.access import RowFile, as_records
from fexdata.dataset.validate import validate
from fexdata.faces.alignment import apply
from fexdata.synthetic import corpus as making
from fexdata.synthetic import expressions
from fexdata.synthetic.plan import plan
from fexdata.synthetic.truth import merge_parts, truth_row, write_part

ALL = "truth.use=[au,expression_params,landmarks]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`faces`, an AffectNet of 16 pictures, and `out`, a dataset built from its truth."""
    folder = tmp_path_factory.mktemp("truth")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "_run", lambda tasks, workers, advance: [making._do(task) for task in tasks])
        making.synthesise("affectnet", str(folder / "faces"), people=4, images=16, seed=2, take=take)
    status, _, err = _build(folder, "--set", ALL, "--workers", "1")
    assert status == 0, err
    return folder


def _build(folder: Path, *more: str) -> tuple[int, str, str]:
    arguments = ["build", "affectnet-d", "--source", folder / "faces", "--out", folder / "out"]
    return run([*arguments, "--set", "rules.reject={}", *more])


def _truth(folder: Path) -> dict[str, dict[str, object]]:
    file = RowFile(str(folder / "faces" / "truth.parquet"))
    return {record["sample_id"]: record for record in as_records(file.read(file.schema.names))}


def test_every_row_holds_what_the_picture_was_made_from(folder: Path) -> None:
    truth = {record["source_path"]: record for record in _truth(folder).values()}
    planned = plan("affectnet", people=4, images=16, seed=2)
    assert list(truth) == sorted(one.path for one in planned)
    for one in planned:
        row, made = truth[one.path], take(one.shot).truth
        assert row["au"] == pytest.approx(expressions.intensities(one.shot.expression))
        assert row["category"] == one.labels["expression"] and row["frame"] == 0
        assert np.abs(row["vertices"] - made["vertices"]).max() <= 1 / 512 + 1e-4  # type: ignore[operator]
        for name in ("depth", "normal", "mask"):
            assert np.array_equal(row[name], made[name])  # type: ignore[arg-type]
        for name in ("landmarks_478", "landmarks_68", "expression_params", "identity_params", "camera", "box"):
            assert np.allclose(row[name], made[name], atol=1e-4)  # type: ignore[arg-type]
        assert (row["yaw"], row["pitch"], row["roll"]) == pytest.approx((one.shot.yaw, one.shot.pitch, one.shot.roll))


def test_the_corpus_publishes_the_truths_boxes_and_points(folder: Path) -> None:
    truth = {record["source_path"]: record for record in _truth(folder).values()}
    for one in AffectNet().read(str(folder / "faces")):
        row = truth[one.key.decode()]
        assert np.abs(np.subtract(one.box, row["box"])).max() <= 0.5  # type: ignore[arg-type]
        assert one.points is not None and np.abs(one.points - row["landmarks_68"]).max() <= 0.006


def test_a_built_dataset_has_the_truth_in_place_of_what_was_measured(folder: Path) -> None:
    truth, dataset = _truth(folder), fexdata.open(str(folder / "out"))
    assert {record["sample_id"] for record in map(dataset.row, range(len(dataset)))} == truth.keys()
    for number in range(len(dataset)):
        row = dataset.row(number)
        made = truth[row["sample_id"]]
        matrix = row["crop_matrix"].astype(np.float64)
        assert np.abs(row["landmarks_68"] - apply(matrix, np.float64(made["landmarks_68"]))).max() < 1e-3
        (points,) = dataset.side("landmarks_478", [row["sample_id"]])
        assert np.abs(points - apply(matrix, np.float64(made["landmarks_478"]))).max() < 1e-3
        assert row["au"] == made["au"] and row["au_scheme"] == "truth:facs" and row["basis_id"] == "truth:stub"
        assert np.array_equal(row["expression_params"], made["expression_params"])
        assert np.array_equal(row["identity_params"], made["identity_params"])


def test_the_columns_say_what_their_values_are_and_the_terms_are_not_the_layouts(folder: Path) -> None:
    dataset = fexdata.open(str(folder / "out"))
    about = {field.name: field.metadata for field in dataset.schema}
    assert json.loads(about["expression_params"][b"names"]) == list(NAMES)
    assert json.loads(about["expression_params"][b"signed"]) == [False] * len(NAMES)
    assert json.loads(about["identity_params"][b"names"]) == list(IDENTITY)
    assert "do not exist" in dataset.metadata["licences"][0] and dataset.metadata["corpus"]["citation"] == ""
    errors = [str(problem) for problem in validate(dataset) if problem.severity == "error"]
    assert errors == []


def test_only_what_uses_the_truth_and_what_follows_it_is_made_anew(folder: Path) -> None:
    assert "nothing to compute" in _build(folder, "--set", ALL, "--dry-run")[1]
    told = _build(folder, "--dry-run")[1]
    assert "reconstruct" in told and "detect" not in told and "align" not in told  # measured points give other meshes
    told = _build(folder, "--set", "truth.use=[landmarks,au]", "--dry-run")[1]
    assert "nothing to compute" in told


def test_a_changed_row_of_the_truth_costs_its_partition_of_the_stage_that_reads_it(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    path = tmp_path / "copy" / "faces" / "truth.parquet"
    table = pq.read_table(path)
    units = table.column("au").to_pylist()
    units[3] = {**units[3], "AU12": 0.25}
    index = table.schema.get_field_index("au")
    pq.write_table(
        table.set_column(index, table.schema.field("au"), pa.array(units, table.schema.field("au").type)), path
    )
    told = _build(tmp_path / "copy", "--set", ALL, "--dry-run")[1].splitlines()[1:]
    assert [line.split() for line in told] == [["truth_au", "1", "partitions", "to", "make"]]


def test_a_corpus_without_truth_or_with_a_row_missing_is_one_line(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "faces", tmp_path / "faces")
    path = tmp_path / "faces" / "truth.parquet"
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    status, _, err = _build(tmp_path, "--set", ALL)
    lost = table.column("source_path")[0].as_py()
    assert status == 2 and err.startswith(f"fexdata: truth.use: truth.parquet has no row for {lost}")
    path.unlink()
    status, _, err = _build(tmp_path, "--set", ALL)
    assert (status, len(err.splitlines())) == (2, 1)
    assert "no truth.parquet in" in err and "only corpora made by `fexdata synth` have one" in err


def test_a_mark_covers_every_value_that_its_use_takes_and_no_other(folder: Path, tmp_path: Path) -> None:
    table = pq.read_table(folder / "faces" / "truth.parquet")
    before = rows_by_key(str(folder / "faces"), ["au", "expression_params", "landmarks"])
    changed = {"identity_params": "expression_params", "landmarks_478": "landmarks", "yaw": None}
    for name, use in changed.items():
        values = table.column(name).to_pylist()
        values[5] = values[5] + 1 if name == "yaw" else [values[5][0] + 1, *values[5][1:]]
        field = table.schema.field(name)
        other = table.set_column(table.schema.get_field_index(name), field, pa.array(values, field.type))
        pq.write_table(other, tmp_path / "truth.parquet")
        after = rows_by_key(str(tmp_path), ["au", "expression_params", "landmarks"])
        differ = {
            (row.row, mark)
            for key, row in after.items()
            for mark in row.marks
            if row.marks[mark] != before[key].marks[mark]
        }
        assert differ == ({(5, use)} if use else set())


def test_the_file_depends_on_its_rows_and_not_on_how_they_were_dealt_out(tmp_path: Path) -> None:
    planned = plan("affectnet", people=10, images=130, seed=3, size=64)
    rows = {one.path: truth_row(one, "affectnet", take(one.shot).truth, ("AU12", "AU26")) for one in planned}
    made = []
    for name, cuts in (("a", [130]), ("b", [7, 60, 130])):
        parts = []
        for start, end in zip([0, *cuts], cuts, strict=False):
            keys = [one.path for one in planned[start:end]][:: 1 if name == "a" else -1]
            write_part(str(tmp_path / f"{name}{start}"), [rows[key] for key in keys])
            parts.append((str(tmp_path / f"{name}{start}"), keys))
        merge_parts(str(tmp_path / f"{name}.parquet"), parts)
        made.append((tmp_path / f"{name}.parquet").read_bytes())
    assert made[0] == made[1]
    metadata = pq.ParquetFile(tmp_path / "a.parquet").metadata
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [64, 64, 2]
