"""Label health: each way in which labels go wrong is found, and healthy ones are left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import dataset_made
import numpy as np
import pyarrow as pa
import pytest
from dataset_made import Rows

from fexdata.dataset.card import load_card
from fexdata.dataset.fields import column, fixed
from fexdata.dataset.label_health import (
    Finding,
    check_label_health,
    check_labels,
    check_sides,
    check_values,
    label_health,
)
from fexdata.dataset.reader import open_dataset

UNITS = ("AU1", "AU4", "AU12")
SIDES = ("jawLeft", "jawRight", "mouthSmileLeft", "mouthSmileRight")
FIELDS = [
    column("au", pa.struct([(name, pa.float32()) for name in UNITS]), "Action units.", unit="0 to 5"),
    column("blendshapes", fixed(4), "Scores.", unit="0 to 1", shape=(4,), mirror="named", names=SIDES),
]
IDS = np.array([f"row{index:03d}" for index in range(200)], object)


def spread(top: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, top, len(IDS))


def kinds(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(one.kind, one.where) for one in findings}


def test_healthy_values_are_left_alone() -> None:
    assert list(check_values("au", {"AU12": spread(4.5)}, 5.0, IDS)) == []


@pytest.mark.parametrize(
    ("values", "kind", "rows"),
    [
        (np.full(200, 0.7), "constant", 200),
        (spread(0.9), "never_active", 200),
        (np.minimum(spread(6.0), 5.0), "saturated", None),
        (np.where(np.arange(200) < 40, np.nan, spread(4.5)), "absent", 40),
    ],
)
def test_a_bad_column_is_named_with_its_rows(values: np.ndarray, kind: str, rows: int | None) -> None:
    (found,) = check_values("au", {"AU12": values}, 5.0, IDS)
    expected = int((values >= 5).sum()) if rows is None else rows
    assert (found.kind, found.where, found.rows, found.of) == (kind, "au.AU12", expected, 200)
    bad = {"absent": np.isnan(values), "saturated": values >= 5}.get(kind, np.ones(200, bool))
    assert found.examples == tuple(IDS[bad][:5])


def test_a_column_without_a_scale_can_only_be_absent_or_constant() -> None:
    scores = {"a": spread(0.01), "b": np.zeros(200)}
    assert kinds(list(check_values("expression_params", scores, None, IDS))) == {("constant", "expression_params.b")}


def test_sides_that_do_not_go_together_are_found_and_directions_are_not_sides() -> None:
    smile = spread(1)
    noisy = np.clip(smile + np.random.default_rng(1).normal(0, 0.1, 200), 0, 1)
    good = {"mouthSmileLeft": smile, "mouthSmileRight": noisy, "jawLeft": smile, "jawRight": 1 - smile}
    assert list(check_sides("blendshapes", good, IDS)) == []
    (found,) = check_sides("blendshapes", good | {"mouthSmileRight": spread(1, seed=2)}, IDS)
    assert (found.kind, found.where) == ("sides", "blendshapes.mouthSmileLeft")
    assert 0 < found.rows <= 0.11 * 200


def test_labels_without_their_movement_are_counted() -> None:
    labels = np.array(["happy"] * 100 + ["neutral"] * 100, object)
    smiles = np.where(np.arange(200) < 60, 3.0, 0.0)
    (found,) = check_labels({"AU12": smiles, "AU4": np.zeros(200)}, 5.0, labels, IDS)
    assert (found.kind, found.rows, found.of) == ("contradiction", 40, 100)
    assert found.what == "happy without AU12" and found.examples[0] == "row060"


def test_neutral_faces_that_move_are_counted() -> None:
    labels = np.array(["neutral"] * 200, object)
    (found,) = check_labels({"AU4": np.where(np.arange(200) < 80, 2.5, 0.0)}, 5.0, labels, IDS)
    assert (found.kind, found.where, found.rows) == ("contradiction", "expression neutral", 80)


def make(folder: Path, *, shifted: bool) -> Any:
    def fill(rows: Rows) -> None:
        for row in rows:
            rng = np.random.default_rng(int(row["sample_id"][:8], 16))
            brow, frown, smile = rng.uniform(0, 4, 3)
            happy = row["expression"] == "happy"
            shown = {"AU1": brow, "AU4": frown, "AU12": 3.5 if happy else smile}
            if row["expression"] == "neutral":
                shown = dict.fromkeys(UNITS, float(rng.uniform(0, 0.5)))
            if shifted:
                shown = {"AU1": shown["AU4"], "AU4": shown["AU12"], "AU12": 0.0}
            row["au"] = shown
            row["blendshapes"] = np.array([brow / 5, 1 - brow / 5, smile / 5, smile / 5 + 0.01], np.float32)

    with patch.object(dataset_made, "STAGE_FIELDS", [*dataset_made.STAGE_FIELDS, *FIELDS]):
        return open_dataset(dataset_made.make_dataset(folder, photographs=260, size=16, edit=fill))


def test_a_healthy_dataset_has_no_findings_and_a_shifted_one_has(tmp_path: Path) -> None:
    assert label_health(make(tmp_path / "good", shifted=False)) == []
    shifted = make(tmp_path / "bad", shifted=True)
    found = label_health(shifted)
    assert {("constant", "au.AU12"), ("contradiction", "expression happy")} <= kinds(found)
    problems = list(check_label_health(shifted, load_card("photos")))
    assert [problem.severity for problem in problems] == ["warning"] * len(found)
    assert any("happy without AU12" in problem.what for problem in problems)


def test_rejected_and_failed_rows_do_not_count_and_few_rows_say_nothing(tmp_path: Path) -> None:
    dataset = make(tmp_path / "one", shifted=True)
    (constant,) = [one for one in label_health(dataset) if one.where == "au.AU12"]
    counts = dataset.counts()
    assert constant.of == counts["accepted"] + counts["review"] < len(dataset)
    with patch("fexdata.dataset.label_health.FEWEST", 1000):
        assert label_health(dataset) == []
