"""The main job on real photographs, as `make demo` does it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

import fexdata
from fexdata.cli.demo import collect_photographs
from fexdata.dataset.reader import Dataset
from fexdata.dataset.validate import validate

STUDIO = ["0-f1-su-ph.jpg", "0-f15-hao-ph.jpg", "15-f13-anc-ph.jpg", "45-m7-di-ph.jpg"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("demo")
    collect_photographs(folder / "photographs")
    fexdata.build("photos", str(folder / "photographs"), out=str(folder / "photos"), workers=2)
    return fexdata.open(folder / "photos")


@pytest.fixture(scope="module")
def rows(dataset: Dataset) -> pd.DataFrame:
    return dataset.frame()


def test_every_portrait_is_a_row_with_mesh_depth_and_normals(dataset: Dataset, rows: pd.DataFrame) -> None:
    for name in [*STUDIO, "single_face.jpg", "astronaut.png"]:
        (sample,) = rows.loc[rows.source_path == name, "sample_id"]
        row = dataset.row(sample)
        assert row["failure_code"] is None, name
        drawn = row["mask"] > 0
        assert 0.15 < drawn.mean() < 0.6 and (row["depth"] > 0).sum() == drawn.sum()
        assert np.isfinite(dataset.side("vertices", [sample])).all()


def test_all_five_people_are_found_from_left_to_right(rows: pd.DataFrame, dataset: Dataset) -> None:
    five = rows[rows.source_path == "multi_face.jpg"].sort_values("face_slot")
    assert list(five.face_slot) == [0, 1, 2, 3, 4] and five.failure_code.isna().all()
    boxes = np.stack([dataset.row(sample, ["box"])["box"] for sample in five.sample_id])
    assert (np.diff(boxes[:, 0]) > 0).all()


def test_a_drawing_without_a_face_is_one_row(rows: pd.DataFrame) -> None:
    (row,) = rows[rows.source_path == "free-mountain-vector-01.jpg"].to_dict("records")
    assert (row["status"], row["failure_stage"], row["failure_code"]) == ("failed", "detect", "no_face")


def test_nothing_is_lost_and_everything_adds_up(dataset: Dataset, rows: pd.DataFrame) -> None:
    counts = dataset.metadata["counts"]
    assert counts["photographs"] == rows.source_path.nunique() == 10
    assert Counter(rows.status) == Counter({k: v for k, v in counts.items() if k not in ("photographs", "rows") and v})
    assert [problem for problem in validate(dataset) if problem.severity == "error"] == []


def test_the_head_turned_by_45_degrees_reads_so(rows: pd.DataFrame) -> None:
    (yaw,) = rows.loc[rows.source_path == "45-m7-di-ph.jpg", "yaw"]
    assert 35 < abs(yaw) < 55


def test_depth_puts_the_nose_in_front(dataset: Dataset, rows: pd.DataFrame) -> None:
    for sample in rows.loc[rows.source_path.isin(["0-f1-su-ph.jpg", "single_face.jpg"]), "sample_id"]:
        row = dataset.row(sample)
        x, y = np.rint(row["landmarks_68"][30]).astype(int)  # the tip of the nose
        eyes = np.rint(row["landmarks_68"][[36, 45]]).astype(int)
        assert row["depth"][y, x] > row["depth"][eyes[:, 1], eyes[:, 0]].max() + 500  # hundredths of a pixel
