import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dataset_made
import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from dataset_made import Rows, encode, make_dataset

from fexdata.cli.validate import command
from fexdata.dataset.fields import column
from fexdata.dataset.reader import open_dataset
from fexdata.dataset.validate import Problem, validate

Edit = Callable[[dict[str, Any]], None]


def problems(tmp_path: Path, edit: Edit | None = None, *, photographs: int = 16, name: str = "made") -> list[Problem]:
    """What is wrong after `edit` changed one accepted row."""

    def edit_one(rows: Rows) -> None:
        if edit is not None:
            edit(next(row for row in rows if row["status"] == "accepted" and row["subject"] == "s002"))

    return validate(str(make_dataset(tmp_path, name=name, photographs=photographs, size=32, edit=edit_one)))


def test_a_whole_dataset_has_no_problem(tmp_path: Path) -> None:
    assert problems(tmp_path) == []


def paint(name: str, change: Callable[[np.ndarray], None]) -> Edit:
    def edit(row: dict[str, Any]) -> None:
        import cv2

        pixels = cv2.imdecode(np.frombuffer(row[name], np.uint8), cv2.IMREAD_UNCHANGED)
        pixels = pixels if pixels.ndim == 2 else pixels[..., ::-1].copy()
        change(pixels)
        row[name] = encode(pixels)

    return edit


def put(at: tuple[Any, ...], value: Any) -> Callable[[np.ndarray], None]:
    return lambda pixels: pixels.__setitem__(at, value)


def value(name: str, given: Any) -> Edit:
    return lambda row: row.update({name: given})


def element(name: str, index: int, given: float) -> Edit:
    return lambda row: row.update({name: [*row[name][:index], given, *row[name][index + 1 :]]})


BROKEN = {
    "label": (paint("mask", put((0, 0), 7)), "mask", "label above 4"),
    "hole": (paint("depth", put((16, 16), 0)), "depth", "zero elsewhere than the mask"),
    "stray depth": (paint("depth", put((0, 0), 32768)), "depth", "zero elsewhere than the mask"),
    "short normal": (paint("normal", put((16, 16), 128)), "normal", "not of unit length"),
    "cut picture": (lambda row: row.update(image=row["image"][:200]), "image", "cut short"),
    "torn picture": (lambda row: row.update(image=row["image"][:20] + row["image"][-400:]), "image", "does not decode"),
    "small picture": (value("mask", encode(np.zeros((16, 16), np.uint8))), "mask", "expected .32, 32. uint8"),
    "8-bit depth": (value("depth", encode(np.zeros((32, 32), np.uint8))), "depth", "got .32, 32. uint8"),
    "lost normal": (value("normal", None), "normal", "null in a row that has a crop"),
    "far landmark": (element("landmarks_68", 3, 4000.0), "landmarks_68", "far outside the crop of 32 px"),
    "nan landmark": (element("landmarks_68", 3, float("nan")), "landmarks_68", "not finite"),
    "no landmarks": (value("landmarks_68", None), "landmarks_68", "is null"),
    "flat matrix": (value("crop_matrix", [1, 0, 0, 1, 0, 0]), "crop_matrix", "no inverse"),
    "empty box": (value("box", [3, 3, 0, 4]), "box", "no extent"),
    "happiness": (value("expression", "happiness"), "expression", "not one of neutral, happy"),
    "wild yaw": (value("yaw", 400.0), "yaw", "not in -180 to 180"),
    "nan score": (value("quality", float("nan")), "quality", "not a finite number"),
    "subject": (value("split", "train"), "subject", "spans two splits"),
    "good row": (value("status", "good"), "status", "not one of accepted"),
    "silent failure": (value("status", "failed"), "failure_code", "null in a failed row"),
    "odd code": (value("failure_code", "bad_luck"), "failure_code", "none of the known codes"),
    "lost mesh": (value("vertices", None), "vertices", "no finite value"),
    "far mesh": (lambda row: row.update(vertices=row["vertices"] * 100), "vertices", "far outside the crop"),
    "id": (value("sample_id", "0" * 31), "sample_id", "not 32 hexadecimal digits"),
    "wrong place": (lambda row: row.update(shard_row=row["shard_row"] ^ 1), "shard ", "another row where"),
    "lost photograph": (value("source_path", "neutral/00000.jpg"), "counts", "16 photographs went in, 15 have a row"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_each_broken_promise_is_told_where_it_is(case: str, tmp_path: Path) -> None:
    edit, where, what = BROKEN[case]
    found = [problem for problem in problems(tmp_path, edit) if problem.where.startswith(where)]
    assert found and found[0].severity == "error"
    assert any(re.search(what, problem.what) for problem in found), found


def test_missing_and_torn_files_are_problems_not_exceptions(tmp_path: Path) -> None:
    path = make_dataset(tmp_path, photographs=12, size=16)
    shards = sorted((path / "shards").iterdir())
    shards[0].unlink()
    shards[1].write_bytes(shards[1].read_bytes()[:-40])
    layer = sorted((path / "layers" / "align").iterdir())[0]
    layer.write_bytes(b"not parquet")
    told = [str(problem) for problem in validate(str(path))]
    assert any(f"shard {shards[0].stem}: cannot be opened" in text for text in told)
    assert any(f"shard {shards[1].stem}: cannot be opened" in text for text in told)
    assert any("landmarks_478: its files cannot be opened" in text for text in told)
    assert not any("could not be checked" in text for text in told)
    assert len(validate(str(tmp_path / "nowhere"))) == 1
    (path / "manifest.parquet").write_bytes(b"PAR1")
    assert [problem.severity for problem in validate(str(path))] == ["error"]


def test_repeated_rows_and_wrong_counts_are_told(tmp_path: Path) -> None:
    def repeat(rows: Rows) -> None:
        rows.append(dict(rows[-1]) | {"shard": None, "shard_row": None, "image": None})

    def lie(metadata: dict[str, Any]) -> None:
        metadata["counts"]["rejected"] += 5

    path = make_dataset(tmp_path, photographs=12, size=16, edit=repeat, edit_metadata=lie)
    told = " ".join(str(problem) for problem in validate(str(path)))
    assert "sample_id: occurs more than once: 1" in told and "vertices: has more than one value" in told
    assert "rejected: metadata says 6, the manifest holds 1" in told


def test_a_shard_that_the_metadata_does_not_name_is_told(tmp_path: Path) -> None:
    path = make_dataset(tmp_path, photographs=8, size=16, edit_metadata=lambda told: told["shards"].popitem())
    told = [str(problem) for problem in validate(str(path))]
    assert "error: shard: is not in the metadata: 1 (01-0123456789abcdef)" in told


def test_a_part_of_a_corpus_is_a_warning_not_an_error(tmp_path: Path) -> None:
    path = make_dataset(tmp_path, name="affectnet-d", photographs=8, size=256)
    found = validate(str(path))
    assert {problem.severity for problem in found} == {"warning"}
    assert any("photographs: 8; the paper's build has 88,021" in problem.what for problem in found)


def test_a_crop_size_that_was_asked_for_is_a_warning_and_pictures_are_held_against_it(tmp_path: Path) -> None:
    def ask(metadata: dict[str, Any]) -> None:
        metadata["recipe"] = {"stages": {"align": {"size": 32}}}

    path = make_dataset(tmp_path, name="affectnet-d", photographs=8, size=32, edit_metadata=ask)
    told = [str(problem) for problem in validate(str(path))]
    assert "warning: card affectnet-d: crops of 32 px (align.size); the paper's build has 256" in told
    assert not [text for text in told if text.startswith("error")]
    other = make_dataset(tmp_path / "other", name="affectnet-d", photographs=8, size=64, edit_metadata=ask)
    assert any("image: expected [32, 32, 3] uint8, got [64, 64, 3]" in str(one) for one in validate(str(other)))


def test_a_sample_looks_at_some_pictures_and_all_of_the_manifest(tmp_path: Path) -> None:
    def spoil(rows: Rows) -> None:
        for row in rows:
            row["mask"] = None if row.get("mask") is None else b"torn"

    path = make_dataset(tmp_path, photographs=16, size=16, edit=spoil)
    (few,) = [problem for problem in validate(str(path), sample=3) if problem.where == "mask"]
    assert few.what.startswith("is cut short") and ": 3 (first" in few.what
    assert not [problem for problem in validate(str(path), sample=0) if problem.where == "mask"]


def test_the_command_exits_1_only_for_errors(tmp_path: Path) -> None:
    good = make_dataset(tmp_path, photographs=8, size=16)
    result = CliRunner().invoke(command, [str(good)])
    assert result.exit_code == 0 and "0 errors, 0 warnings" in result.stderr and result.stdout == ""
    part = CliRunner().invoke(command, [str(good), "--card", "photos", "--sample", "2", "--json"])
    assert part.exit_code == 0 and json.loads(part.stdout) == []
    bad = make_dataset(tmp_path, name="bad", photographs=8, size=16, edit=lambda rows: rows[0].update(yaw=999.0))
    result = CliRunner().invoke(command, [str(bad), "--json"])
    assert result.exit_code == 1 and json.loads(result.stdout)[0]["where"] == "yaw"
    assert open_dataset(bad).name == "bad"
    assert CliRunner().invoke(command, [str(good), "--sample", "-1"]).exit_code == 2


def test_scores_and_coefficients_may_have_any_members_but_no_other_type(tmp_path: Path) -> None:
    scores = column("au", pa.struct([("AU1", pa.float32()), ("AU99", pa.float32())]), "Scores.")
    for name, field, told in (
        ("good", scores, []),
        ("bad", column("au", pa.string(), "Words."), [("au", "expected type scores, got string")]),
    ):
        with patch.object(dataset_made, "STAGE_FIELDS", [*dataset_made.STAGE_FIELDS, field]):
            made = make_dataset(tmp_path, name=name, photographs=8, size=16)
        assert [(one.where, one.what) for one in validate(str(made))] == told
