"""Verdicts: statuses and reasons follow from columns and rules alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from fexdata.dataset.verdict import REASONS, SCORES, Rules, verdict
from fexdata.errors import FexdataError

RULES = Rules(
    reject={"score_sharpness": 0.1, "score_detection": 0.2},
    review={"quality": 0.5, "score_pose": 0.3, "score_sharpness": 0.4},
    keep="all",
)


def rows(**columns):
    count = max(len(values) for values in columns.values())
    good = {name: [1.0] * count for name in ("score_sharpness", "score_detection", "score_pose", "quality")}
    return {"failure_code": [None] * count, **good, **columns}


def test_status_follows_the_worst_rule():
    status, reasons = verdict(rows(score_sharpness=[0.9, 0.3, 0.05], score_pose=[1.0, 0.2, 0.2]), RULES)
    assert status == ["accepted", "review", "rejected"]
    assert reasons == [[], ["low_pose", "low_sharpness"], ["low_sharpness"]]


def test_a_failed_row_is_failed_whatever_its_scores():
    table = rows(failure_code=["no_face", "no_face"], score_sharpness=[None, 0.0])
    assert verdict(table, RULES) == (["failed", "failed"], [["failed"], ["failed"]])


def test_a_threshold_itself_is_good_enough():
    table = rows(score_sharpness=[0.4], score_detection=[0.2], quality=[0.5], score_pose=[0.3])
    assert verdict(table, RULES)[0] == ["accepted"]


@pytest.mark.parametrize("column", ["score_sharpness", "score_detection", "quality"])
def test_what_could_not_be_measured_goes_to_review(column):
    status, reasons = verdict(rows(**{column: [None, float("nan")]}), RULES)
    assert status == ["review", "review"]
    assert reasons == [["unmeasured_" + column.removeprefix("score_")]] * 2


def test_all_but_the_best_of_a_duplicate_group_are_rejected():
    rules = RULES.model_copy(update={"keep": "best_of_duplicates"})
    status, reasons = verdict(rows(quality=[0.9, 0.4]), rules, best_of_duplicates=np.array([True, False]))
    assert status == ["accepted", "rejected"] and reasons == [[], ["duplicate"]]
    with pytest.raises(FexdataError):
        verdict(rows(quality=[0.9]), rules)


def test_a_table_and_its_chunks_give_the_same():
    rng = np.random.default_rng(0)
    columns = {
        name: rng.random(100).astype(np.float32) for name in ("score_sharpness", "score_detection", "score_pose")
    }
    table = pa.table({**rows(quality=[0.9] * 100), **columns})
    status, reasons = verdict(table, RULES)
    halves = [verdict(table.slice(start, 50), RULES) for start in (0, 50)]
    assert status == halves[0][0] + halves[1][0] and reasons == halves[0][1] + halves[1][1]
    assert {"accepted", "review", "rejected"} == set(status)


def test_every_reason_of_the_shipped_rules_is_in_the_vocabulary():
    for rules in (Rules.in_the_wild(), Rules.studio()):
        for value in (0.0, None):
            columns = {f"score_{name}": [value] for name in SCORES}
            table = {"failure_code": [None], "quality": [value], **columns}
            status, reasons = verdict(table, rules, best_of_duplicates=np.array([False]))
            assert status[0] != "accepted" and set(reasons[0]) <= set(REASONS)


def test_a_rule_on_a_column_that_nobody_writes_is_an_error():
    with pytest.raises(FexdataError, match="score_smile"):
        verdict(rows(quality=[1.0]), Rules(reject={"score_smile": 0.1}, review={}, keep="all"))


@pytest.mark.parametrize("thresholds", [{"yaw": 0.1}, {"score_pose": 30.0}, {"score_pose": float("nan")}])
def test_thresholds_that_make_no_sense_are_refused(thresholds):
    with pytest.raises(ValidationError):
        Rules(reject=thresholds)


def test_no_rules_accept_everything_that_did_not_fail():
    none = Rules(reject={}, review={}, keep="all")
    assert verdict({"failure_code": [None, "crashed"]}, none)[0] == ["accepted", "failed"]
