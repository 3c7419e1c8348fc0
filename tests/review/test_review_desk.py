"""Working at the desk: what reviewers get, what their decisions do, what survives a rebuild."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_made import make_dataset
from shorthand import accept, by_sharpness, decide, names, reject, wish, with_rules

from fexdata.review.desk import Desk
from fexdata.review.exchange import export_log, import_log
from fexdata.review.refused import Refused
from fexdata.review.requests import Orphan


def remaining(desk: Desk, queue: str, reviewer: str = "anna") -> int:
    found = {one["name"]: one["remaining"] for one in desk.overview(reviewer)["queues"]}
    return int(found[queue])


def test_a_judged_face_leaves_its_queues_and_comes_back_with_undo(desk: Desk) -> None:
    before = remaining(desk, "rejected"), remaining(desk, "reason:low_sharpness")
    (name,) = names(desk.next("anna", wish()))
    decide(desk, "anna", reject(name))
    assert (remaining(desk, "rejected"), remaining(desk, "reason:low_sharpness")) == (before[0] - 1, before[1] - 1)
    assert name not in names(desk.next("anna", wish(count=60)))
    assert desk.turn("anna", uuid.uuid4().hex, "undo")["words"] == "Reject 1 face"
    assert remaining(desk, "rejected") == before[0]
    assert name in names(desk.next("anna", wish(count=60)))


def test_undo_and_redo_survive_a_restart(open_desk: Callable[..., Desk]) -> None:
    first = open_desk()
    (name,) = names(first.next("anna", wish()))
    decide(first, "anna", accept(name))
    second = open_desk()
    second.turn("anna", uuid.uuid4().hex, "undo")
    third = open_desk()
    assert third.overview("anna")["undo"] == {"undo": None, "redo": "Accept 1 face"}
    third.turn("anna", uuid.uuid4().hex, "redo")
    assert open_desk().item("anna", name)["in_force"]["status"] == "accepted"


def test_a_request_sent_again_counts_once(desk: Desk) -> None:
    first, second = names(desk.next("anna", wish(count=2)))
    uid = uuid.uuid4().hex
    assert not decide(desk, "anna", accept(first), uid=uid)["repeated"]
    assert decide(desk, "anna", accept(first), uid=uid)["repeated"]
    assert len(desk.log.events()) == 1
    with pytest.raises(Refused, match="used before"):
        decide(desk, "anna", accept(second), uid=uid)
    undo = uuid.uuid4().hex
    assert [desk.turn("anna", undo, "undo")["repeated"] for _ in range(2)] == [False, True]
    assert desk.item("anna", first)["mine"] is None or desk.item("anna", first)["mine"]["verdict"] is None


def test_two_servers_on_one_database_see_each_others_decisions(open_desk: Callable[..., Desk]) -> None:
    here, there = open_desk(), open_desk()
    (name,) = names(here.next("anna", wish()))
    assert name not in names(there.next("ben", wish(count=60)))
    decide(here, "anna", accept(name))
    assert there.item("ben", name)["in_force"] == {"status": "accepted", "decided_by": "anna", "expression":
                                                   there.item("ben", name)["expression"]}  # fmt: skip


def test_a_running_server_takes_in_a_log_older_than_its_own(
    open_desk: Callable[..., Desk], dataset: Path, tmp_path: Path
) -> None:
    ben = open_desk(database=f"sqlite:///{tmp_path}/ben.sqlite")
    first, second = names(ben.next("ben", wish(count=2)))
    decide(ben, "ben", reject(first))
    decide(ben, "ben", accept(second))
    ben.turn("ben", uuid.uuid4().hex, "undo")
    export_log(ben.log, str(tmp_path / "ben.parquet"))
    anna = open_desk()
    decide(anna, "anna", accept(second))
    assert import_log(anna.log, str(tmp_path / "ben.parquet")) == (3, 0)
    assert anna.item("anna", first)["in_force"]["decided_by"] == "ben"
    assert anna.item("anna", second)["in_force"]["decided_by"] == "anna"
    assert anna.overview("ben")["undo"] == {"undo": "Reject 1 face", "redo": "Accept 1 face"}


def test_a_decision_made_after_its_lease_ended_counts(desk: Desk) -> None:
    (name,) = names(desk.next("anna", wish(), now=0.0))
    assert name in names(desk.next("ben", wish(count=60), now=1000.0))
    decide(desk, "anna", accept(name))
    assert desk.item("anna", name)["in_force"]["decided_by"] == "anna"


def test_the_second_reviewer_of_a_double_face_knows_nothing_of_the_first(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(double=1.0)
    (name,) = names(desk.next("anna", wish()))
    decide(desk, "anna", reject(name) | {"comment": "hair"})
    item = desk.item("ben", name)
    assert item["blind"] and item["others"] == [] and item["history"] == []
    assert item["in_force"]["decided_by"] == "rules"
    assert name in names(desk.next("ben", wish(count=60)))
    decide(desk, "ben", accept(name))
    seen = desk.item("ben", name)
    assert not seen["blind"] and [one["reviewer"] for one in seen["others"]] == ["anna"]
    assert seen["in_force"]["status"] == "review"


def test_a_disagreement_waits_in_its_queue_until_it_is_settled(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(double=1.0)
    (name,) = names(desk.next("anna", wish()))
    decide(desk, "anna", reject(name))
    decide(desk, "ben", accept(name))
    assert names(desk.next("anna", wish("disagreements", "latest"))) == [name]
    decide(desk, "anna", accept(name), queue="disagreements", order="latest")
    assert remaining(desk, "disagreements") == 0
    assert desk.item("ben", name)["in_force"]["status"] == "accepted"


def test_relabel_flag_and_comment_leave_the_status_alone(desk: Desk) -> None:
    (name,) = names(desk.next("anna", wish()))
    decide(desk, "anna", {"id": name, "expression": "contempt", "flag": True, "comment": "“look” <b>"})
    item = desk.item("anna", name)
    assert item["in_force"]["status"] == "rejected" and item["in_force"]["expression"] == "contempt"
    assert item["mine"]["comment"] == "“look” <b>" and item["expression"] != "contempt"
    assert names(desk.next("anna", wish("flagged", "latest"))) == [name]
    assert remaining(desk, "rejected") == len(desk.orders.members("rejected"))


def test_decided_faces_are_paged_through_latest_first(desk: Desk) -> None:
    judged = names(desk.next("anna", wish(count=4)))
    for name in judged:
        decide(desk, "anna", accept(name))
    found = names(desk.next("anna", wish("decided", "latest", 2)))
    assert found == judged[:1:-1]
    assert names(desk.next("anna", wish("decided", "latest", 2, after=found[-1]))) == judged[1::-1]


def test_a_row_that_failed_cannot_be_accepted(desk: Desk) -> None:
    failed = desk.catalog.id(int(np.flatnonzero(desk.catalog.status == 3)[0]))
    with pytest.raises(Refused, match="no face to judge"):
        decide(desk, "anna", accept(failed))


def test_a_plant_looks_like_its_queue_and_decides_nothing(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(check_share=1.0)
    plant, real = desk.next("anna", wish())["items"]
    assert desk.catalog.row(plant["id"]) is None and desk.catalog.row(real["id"]) is not None
    assert plant.keys() == real.keys() and plant["rule"] == real["rule"]
    crop, mesh = desk.sight.shown("anna", plant["id"])
    assert crop != mesh
    decide(desk, "anna", reject(plant["id"]))
    assert desk.item("anna", plant["id"])["mine"]["verdict"] == "reject"
    assert not np.any(desk.state.judged)
    assert plant["id"] not in names(desk.next("anna", wish(count=5)))
    with pytest.raises(Refused):
        desk.item("ben", plant["id"])


def test_plants_are_the_same_after_a_restart(open_desk: Callable[..., Desk]) -> None:
    found = [names(open_desk(check_share=1.0).next("anna", wish(count=3))) for _ in range(2)]
    assert found[0] == found[1] and len(found[0]) == 6


# Rebuilds


def rebuilt(dataset: Path, edit: Callable[[list[dict[str, Any]]], None]) -> Callable[[], None]:
    """A second build beside which the decisions of the first lie."""

    def metadata(data: dict[str, Any]) -> None:
        with_rules(data)
        data["fingerprint"] = "fedcba9876543210"

    def edited(rows: list[dict[str, Any]]) -> None:
        by_sharpness(rows)
        edit(rows)

    def build() -> None:
        make_dataset(dataset.parent / "again", name="made", photographs=60, edit=edited, edit_metadata=metadata)
        (dataset / "review").rename(dataset.parent / "again" / "made" / "review")

    return build


def after_rebuild(desk: Desk, dataset: Path, edit: Callable[[dict[str, Any]], None], name: str) -> Desk:
    """The desk on a rebuilt dataset in which the row `name` was edited."""

    def only(rows: list[dict[str, Any]]) -> None:
        edit(next(row for row in rows if row["sample_id"] == name))

    desk.log.close()
    rebuilt(dataset, only)()
    return Desk(str(dataset.parent / "again" / "made"), reviewers=("anna", "ben"), double=0.0, check_share=0.0)


def move_landmarks(by: float) -> Callable[[dict[str, Any]], None]:
    def edit(row: dict[str, Any]) -> None:
        row["landmarks_68"] = np.asarray(row["landmarks_68"]) + by / np.sqrt(2)

    return edit


@pytest.mark.parametrize(("by", "stale"), [(2.5, False), (3.5, True)])
def test_a_rebuild_brings_a_face_back_only_if_it_moved_far(desk: Desk, dataset: Path, by: float, stale: bool) -> None:
    (name,) = names(desk.next("anna", wish()))
    decide(desk, "anna", accept(name))
    again = after_rebuild(desk, dataset, move_landmarks(by), name)
    assert remaining(again, "stale") == int(stale)
    assert again.item("anna", name)["in_force"]["status"] == "accepted"
    if stale:
        assert names(again.next("anna", wish("stale", "latest"))) == [name]
        decide(again, "anna", accept(name), queue="stale", order="latest")
        assert remaining(again, "stale") == 0


def test_a_renamed_photograph_keeps_its_decision(desk: Desk, dataset: Path) -> None:
    (name,) = names(desk.next("anna", wish()))
    decide(desk, "anna", accept(name))
    renamed = "f" * 32
    again = after_rebuild(desk, dataset, lambda row: row.update(sample_id=renamed, source_path="new.jpg"), name)
    assert again.item("anna", renamed)["in_force"]["decided_by"] == "anna"
    assert remaining(again, "orphaned") == 0


def test_a_face_that_is_gone_is_an_orphan_until_attached(desk: Desk, dataset: Path) -> None:
    (name,) = names(desk.next("anna", wish()))
    decide(desk, "anna", accept(name))
    again = after_rebuild(desk, dataset, lambda row: row.update(source_sha256="another"), name)
    (orphan,) = again.orphans("anna")
    assert orphan["was"] == "accepted" and orphan["candidates"] == [name]
    assert again.item("anna", name)["in_force"]["decided_by"] == "rules"
    again.settle("ben", orphan["face"], Orphan(uid=uuid.uuid4().hex, action="attach", id=name))
    assert again.orphans("anna") == [] and again.item("anna", name)["in_force"]["status"] == "accepted"


def test_a_dismissed_orphan_does_not_come_back(desk: Desk, dataset: Path) -> None:
    (name,) = names(desk.next("anna", wish()))
    decide(desk, "anna", accept(name))
    again = after_rebuild(desk, dataset, lambda row: row.update(source_sha256="another"), name)
    again.settle("ben", again.orphans("ben")[0]["face"], Orphan(uid=uuid.uuid4().hex, action="dismiss"))
    assert again.orphans("anna") == []


def test_decisions_in_the_manifest_do_not_hide_what_the_rules_say(desk: Desk, dataset: Path) -> None:
    (name,) = names(desk.next("anna", wish()))
    decide(desk, "anna", accept(name) | {"expression": "contempt"})
    corpus = desk.item("anna", name)["expression"]
    applied = {"status": "accepted", "reasons": [], "decided_by": "anna", "expression": "contempt"}
    again = after_rebuild(desk, dataset, lambda row: row.update(applied), name)
    item = again.item("anna", name)
    assert item["rule"]["status"] == "rejected" and item["rule"]["reasons"][0]["name"] == "low_sharpness"
    assert item["stale"] == [] and item["expression"] == corpus
    again.turn("anna", uuid.uuid4().hex, "undo")
    assert name in names(again.next("anna", wish(count=60)))
