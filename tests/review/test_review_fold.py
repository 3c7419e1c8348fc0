"""What holds after some rows of the log."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fexdata.review.events import Event
from fexdata.review.fold import fold

ROWS = {f"f{i}": f"row{i}" for i in range(5)}


def judged(at: int, face: str, reviewer: str = "anna", batch: str = "", **action: Any) -> Event:
    shown = {name: action.pop(name) for name in ("final", "check") if name in action}
    return Event(batch or f"b{at}", 0, reviewer, f"{at:04d}", "judge", face, None, action, 1.0, shown, at)


def turned(at: int, kind: str, target: str, reviewer: str = "anna") -> Event:
    return Event(f"t{at}", 0, reviewer, f"{at:04d}", kind, None, target, {}, None, {}, at)  # type: ignore[arg-type]


def test_undo_takes_back_a_whole_batch_and_redo_brings_it_again() -> None:
    screenful = [Event("grid", i, "anna", "0001", "judge", f"f{i}", None, {"verdict": "reject"}) for i in range(3)]
    undone = fold([*screenful, turned(2, "undo", "grid")], ROWS)
    assert all(undone.outcome(f"row{i}").verdict is None for i in range(3))
    redone = fold([*screenful, turned(2, "undo", "grid"), turned(3, "redo", "grid")], ROWS)
    assert all(redone.outcome(f"row{i}").verdict == "reject" for i in range(3))


def test_a_new_decision_ends_what_can_be_redone() -> None:
    state = fold([judged(1, "f0", verdict="accept"), turned(2, "undo", "b1"), judged(3, "f1", verdict="accept")], ROWS)
    assert state.to_redo("anna") is None and state.to_undo("anna") == "b3"


def test_undo_of_one_reviewer_leaves_the_others_alone() -> None:
    events = [judged(1, "f0", "anna", verdict="accept"), judged(2, "f0", "ben", verdict="reject")]
    state = fold([*events, turned(3, "undo", "b2", "ben")], ROWS)
    assert state.outcome("row0").verdict == "accept" and state.to_undo("anna") == "b1"


def test_undo_pressed_in_two_browsers_at_once_counts_once() -> None:
    events = [judged(1, "f0", verdict="accept"), judged(2, "f1", verdict="accept")]
    state = fold([*events, turned(3, "undo", "b2"), turned(4, "undo", "b2")], ROWS)
    assert state.outcome("row0").verdict == "accept" and state.outcome("row1").verdict is None


def test_fields_not_named_stay_as_they_were() -> None:
    said = [judged(1, "f0", verdict="reject", reason="blurred"), judged(2, "f0", comment="look", flag=True)]
    mine = fold(said, ROWS).outcome("row0").opinions["anna"]
    assert (mine.verdict, mine.reason, mine.comment, mine.flag) == ("reject", "blurred", "look", True)


def test_blind_verdicts_that_differ_are_a_disagreement_until_somebody_settles_it() -> None:
    blind = [judged(1, "f0", "anna", verdict="accept"), judged(2, "f0", "ben", verdict="reject", reason="blurred")]
    open_ = fold(blind, ROWS).outcome("row0")
    assert open_.disagreement and open_.status("accepted") == "review"
    assert open_.reasons([]) == ["disagreement"] and open_.decided_by == "anna, ben"
    settled = fold([*blind, judged(3, "f0", "cleo", verdict="accept", final=True)], ROWS).outcome("row0")
    assert not settled.disagreement and settled.status("rejected") == "accepted" and settled.decided_by == "cleo"


def test_a_planted_check_decides_nothing() -> None:
    state = fold([judged(1, "f0", verdict="reject", check={"id": "p", "answer": "reject"})], ROWS)
    assert not state.outcome("row0").opinions and state.to_undo("anna") == "b1"


def test_a_failed_row_stays_failed() -> None:
    outcome = fold([judged(1, "f0", verdict="accept")], ROWS).outcome("row0")
    assert outcome.status("failed") == "failed" and outcome.status("rejected") == "accepted"


def test_the_label_none_takes_the_corpus_label_away() -> None:
    outcome = fold([judged(1, "f0", expression="none")], ROWS).outcome("row0")
    assert outcome.label("happy") is None and fold([], ROWS).outcome("row0").label("happy") == "happy"


def test_an_orphan_can_be_attached_or_dismissed() -> None:
    lost = [judged(1, "gone", verdict="reject")]
    assert fold(lost, ROWS).orphans == ["lost:gone"]
    attached = Event("x", 0, "ben", "0002", "attach", "gone", "f3")
    state = fold([*lost, attached], ROWS)
    assert state.orphans == [] and state.outcome("row3").verdict == "reject"
    assert fold([*lost, Event("x", 0, "ben", "0002", "dismiss", "gone")], ROWS).orphans == []


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from("ab"), st.sampled_from(sorted(ROWS)), st.sampled_from(["accept", "reject", "unsure"])
        ),
        st.tuples(st.sampled_from("ab"), st.sampled_from(["undo", "redo"])),
    ),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_any_session_equals_replaying_what_was_not_undone(steps: list[tuple[str, ...]]) -> None:
    events: list[Event] = []
    kept: dict[str, list[Event]] = {"a": [], "b": []}
    taken_back: dict[str, list[Event]] = {"a": [], "b": []}
    for at, (reviewer, *what) in enumerate(steps, start=1):
        if len(what) == 2:
            events.append(judged(at, what[0], reviewer, verdict=what[1]))
            kept[reviewer].append(events[-1])
            taken_back[reviewer].clear()
            continue
        source, goal = (kept, taken_back) if what[0] == "undo" else (taken_back, kept)
        if source[reviewer]:
            goal[reviewer].append(source[reviewer].pop())
            events.append(turned(at, what[0], goal[reviewer][-1].batch, reviewer))
    state, replayed = fold(events, ROWS), fold([*kept["a"], *kept["b"]], ROWS)
    for row in ROWS.values():
        assert state.outcome(row).standing == replayed.outcome(row).standing


@given(st.permutations(range(6)))
@settings(max_examples=50, deadline=None)
def test_the_order_in_which_logs_arrive_does_not_matter(order: list[int]) -> None:
    events = [
        judged(1, "f0", "anna", verdict="accept"),
        judged(2, "f0", "ben", verdict="reject"),
        judged(3, "f0", "cleo", verdict="unsure", final=True),
        judged(4, "f1", "anna", verdict="reject"),
        turned(5, "undo", "b4"),
        judged(6, "f2", "ben", expression="sad"),
    ]
    state = fold([events[i] for i in order], ROWS)
    assert state.outcome("row0").verdict == "unsure" and state.outcome("row1").verdict is None
    assert state.outcome("row2").label(None) == "sad"
