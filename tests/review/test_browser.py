"""The review page in a real browser, with a real server and its SQLite file: whole sessions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Reviewer, Server, chromium, events, opinions, verdicts
from dataset_made import Rows, make_dataset
from shorthand import with_rules

NAMES = ("anna", "ben", "carl", "dora", "eva", "finn", "gina", "hans", "ida")
"""One for each test, so that all can use one server."""

Opens = Callable[..., Reviewer]


def many_rejected(rows: Rows) -> None:
    """Everything with a crop is rejected, but 24 rows that are doubtful."""
    for i, row in enumerate(one for one in rows if one["status"] != "failed"):
        row["status"], row["reasons"] = ("review" if 10 <= i < 34 else "rejected"), ["low_sharpness"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def server(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("browser")
    dataset = make_dataset(folder, photographs=240, edit=many_rejected, edit_metadata=with_rules)
    (dataset / "review").mkdir()
    (dataset / "review" / "keys.yaml").write_text("flag: [F9, f]\n")
    one = Server(dataset, *NAMES)
    yield one
    one.kill()


@pytest.fixture
def opens(browser: Any, server: Server) -> Iterator[Opens]:
    """Opens the page as a reviewer; at the end no page may have had an error."""
    opened: list[Reviewer] = []

    def page(name: str, where: Server = server) -> Reviewer:
        opened.append(Reviewer(browser, where, name))
        return opened[-1]

    yield page
    for one in opened:
        one.leave()


def test_a_whole_session_by_keyboard(opens: Opens, server: Server) -> None:
    anna = opens("anna")
    faces = []

    def judge(*keys: str) -> None:
        faces.append(anna.face)
        anna.press(*keys)

    judge("a")  # accept
    judge("6")  # reject: blurred
    judge("r", "2")  # reject, then the reason
    judge("r", "Enter")  # reject without a reason
    judge("u")
    judge("e", "3", "f", "c")  # labelled sad, flagged, and a comment
    anna.page.keyboard.type("hair over the left eye")
    anna.press("Enter", "n")
    judge("a", "z", "z", "y")  # accepted, taken back with the comment, and the comment again
    anna.wait_until_saved()
    said = opinions(server.dataset, "anna", faces)
    assert [one and (one["verdict"], one["reason"]) for one in said[:5]] == [
        ("accept", None), ("reject", "blurred"), ("reject", "wrong_shape"), ("reject", None), ("unsure", None),
    ]  # fmt: skip
    assert said[5] is not None and said[6] is None and len(set(faces)) == 7
    assert {key: said[5][key] for key in ("verdict", "expression", "flag", "comment")} == {
        "verdict": None, "expression": "sad", "flag": True, "comment": "hair over the left eye",
    }  # fmt: skip


def test_a_whole_session_by_mouse(opens: Opens, server: Server) -> None:
    ben = opens("ben")
    faces = [ben.face]
    ben.click("accept")
    faces.append(ben.face)
    ben.click("reject")
    ben.answer("Too blurred to tell")
    faces.append(ben.face)
    ben.click("relabel")
    ben.answer("surprise")
    ben.click("comment")
    ben.page.keyboard.type("looks away")
    ben.click("reject_4")
    ben.click("undo")
    ben.click("undo")
    ben.click("redo")
    ben.click("redo")
    ben.page.mouse.move(700, 300)
    ben.page.mouse.wheel(0, -300)
    for action in (
        "tab_depth",
        "wipe",
        "landmarks",
        "landmarks_all",
        "texture",
        "wire",
        "heat",
        "turn_left",
        "zoom_in",
    ):
        ben.click(action)
    ben.wait_until_saved()
    said = [one for one in opinions(server.dataset, "ben", faces) if one is not None]
    assert [(one["verdict"], one["reason"]) for one in said] == [
        ("accept", None), ("reject", "blurred"), ("reject", "covered"),
    ]  # fmt: skip
    assert (said[2]["expression"], said[2]["comment"]) == ("surprise", "looks away")


def test_in_the_grid_the_odd_ones_are_picked_and_the_rest_decided_in_one_step(opens: Opens, server: Server) -> None:
    carl = opens("carl")
    carl.press("g")
    carl.wait("grid")
    page = carl.tiles
    carl.press("Space", "ArrowRight", "ArrowRight", "x")  # the first and the third
    carl.page.click(f'[data-id="{page[4]}"]')
    odd = [page[0], page[2], page[4]]
    carl.press("Enter", "6")
    assert carl.tiles == odd
    carl.press("a")
    carl.wait_until_saved()
    assert verdicts(server.dataset, "carl", page) == ["accept" if one in odd else "reject" for one in page]
    carl.press("z", "z")
    carl.wait_until_saved()
    assert verdicts(server.dataset, "carl", page) == [None] * len(page)
    assert carl.tiles == page
    assert [event.shown["view"] for event in events(server.dataset, "carl") if event.kind == "judge"] == ["grid"] * len(
        page
    )


def test_dragging_and_shift_pick_ranges(opens: Opens) -> None:
    carl = opens("carl")
    carl.press("g")
    carl.wait("grid")
    tiles = carl.page.locator(".tile")
    tiles.nth(8).wait_for()
    first, third = (tiles.nth(i).bounding_box() for i in (0, 2))
    carl.page.mouse.move(first["x"] + 20, first["y"] + 20)
    carl.page.mouse.down()
    carl.page.mouse.move(third["x"] + 20, third["y"] + 20, steps=8)
    carl.page.mouse.up()
    tiles.nth(5).click()
    tiles.nth(8).click(modifiers=["Shift"])
    picked = carl.page.eval_on_selector_all(".tile", "all => all.map(one => one.classList.contains('picked'))")
    assert [i for i, one in enumerate(picked) if one] == [0, 1, 2, 5, 6, 7, 8]


def test_two_reviewers_at_once_never_see_the_same_face(opens: Opens, server: Server) -> None:
    pages = {name: opens(name) for name in ("dora", "eva")}
    seen: dict[str, list[str]] = {name: [] for name in pages}
    for one in pages.values():
        one.open("doubtful")
    for _ in range(26):
        for name, one in pages.items():
            if one.wait("face", "end") == "face":
                seen[name].append(one.face)
                one.press("a")
    for one in pages.values():
        one.wait_until_saved()
    both = seen["dora"] + seen["eva"]
    assert len(both) == len(set(both)) == 24 and min(len(one) for one in seen.values()) > 0
    assert [len(events(server.dataset, name)) for name in pages] == [len(one) for one in seen.values()]


def test_unsent_decisions_survive_a_reload_and_count_once(opens: Opens, server: Server) -> None:
    finn = opens("finn")
    finn.page.context.route("**/api/decide", lambda route: route.abort())
    faces = []
    for _ in range(3):
        faces.append(finn.face)
        finn.press("a")
    finn.wait_until_waiting(3)
    assert "3 decisions wait" in finn.page.inner_text("#banner")
    finn.page.reload()
    finn.wait("face")
    assert finn.face not in faces
    finn.page.context.unroute("**/api/decide")
    finn.wait_until_saved()
    finn.page.wait_for_selector("#banner", state="hidden")
    assert verdicts(server.dataset, "finn", faces) == ["accept"] * 3
    assert len(events(server.dataset, "finn")) == 3


def test_a_decision_whose_answer_got_lost_counts_once(opens: Opens, server: Server) -> None:
    gina = opens("gina")
    lost: list[bool] = []

    def lose_the_first(route: Any) -> None:
        answer = route.fetch()  # the server writes it
        if lost:
            route.fulfill(response=answer)
        else:
            lost.append(answer.json()["repeated"])
            route.abort()

    gina.page.context.route("**/api/decide", lose_the_first)
    faces = [gina.face]
    gina.press("a")
    faces.append(gina.face)
    gina.press("3")
    gina.wait_until_saved()
    assert lost == [False]
    assert verdicts(server.dataset, "gina", faces) == ["accept", "reject"]
    assert len(events(server.dataset, "gina")) == 2


def test_undo_goes_back_behind_a_reload(opens: Opens, server: Server) -> None:
    hans = opens("hans")
    faces = []
    for _ in range(3):
        faces.append(hans.face)
        hans.press("u")
    hans.wait_until_saved()
    hans.page.reload()
    hans.wait("face")
    for i in (2, 1):
        hans.press("z")
        hans.wait_for_face(faces[i])
    assert verdicts(server.dataset, "hans", faces) == ["unsure", None, None]
    hans.press("a")  # the second is in sight, and open again
    hans.wait_until_saved()
    assert verdicts(server.dataset, "hans", faces) == ["unsure", "accept", None]


def test_only_time_in_which_the_page_was_visible_counts(opens: Opens, server: Server) -> None:
    ida = opens("ida")
    ida.press("n")  # time starts with the face
    ida.page.wait_for_timeout(300)
    _set_visible(ida, False)
    ida.page.wait_for_timeout(1500)
    _set_visible(ida, True)
    ida.press("a")
    ida.wait_until_saved()
    seconds = events(server.dataset, "ida")[0].seconds
    assert seconds is not None and 0.3 <= seconds < 1.4


def _set_visible(reviewer: Reviewer, visible: bool) -> None:
    reviewer.page.evaluate(
        """state => {
            Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        "visible" if visible else "hidden",
    )


def test_every_action_with_a_key_has_a_button_that_shows_it(opens: Opens) -> None:
    ida = opens("ida")
    collect = "all => all.map(one => [one.dataset.action, one.textContent])"
    buttons = dict(ida.page.eval_on_selector_all("button[data-action]", collect))
    ida.press("g")
    ida.wait("grid")
    buttons |= dict(ida.page.eval_on_selector_all("button[data-action]", collect))
    # A face is picked by clicking on it, the wipe has a slider, every order a button of its own; this
    # dataset has lost its photographs.
    keys = ida.page.evaluate("fetch('/api/session').then(answer => answer.json()).then(session => session.keys)")
    other = {"select", "wipe_left", "wipe_right", "order", "tab_photograph"}
    assert set(keys) - set(buttons) - other == set()
    assert [action for action in keys if action in buttons and not buttons[action].strip()] == []


def test_a_file_beside_the_dataset_changes_keys(opens: Opens, server: Server) -> None:
    ida = opens("ida")
    face = ida.face
    assert "F9" in ida.page.inner_text('#actions [data-action="flag"]')
    ida.press("F9")
    ida.wait_until_saved()
    (said,) = opinions(server.dataset, "ida", [face])
    assert said is not None and said["flag"]


def test_after_kill_9_nothing_is_lost_and_nothing_doubled(opens: Opens, browser: Any, tmp_path: Path) -> None:
    server = Server(make_dataset(tmp_path, photographs=120, edit=many_rejected, edit_metadata=with_rules), "anna")
    try:
        anna = opens("anna", server)
        said = []

        def judge(key: str) -> None:
            said.append((anna.face, key))
            anna.press(key)

        for key in "aa1a":  # the server dies somewhere among these
            judge(key)
        server.kill()
        for key in "u2a":
            judge(key)
        anna.press("z")  # taken back before the server ever heard of it
        said.pop()
        anna.page.wait_for_selector("#banner:has-text('wait')")
        server.start()
        anna.wait_until_saved()
        anna.page.wait_for_selector("#banner", state="hidden")
        judge("a")
        anna.wait_until_saved()
        words = {"a": "accept", "u": "unsure", "1": "reject", "2": "reject"}
        assert verdicts(server.dataset, "anna", [face for face, _ in said]) == [words[key] for _, key in said]
        log = events(server.dataset, "anna")
        assert len({event.batch for event in log}) == len(log)
        assert [event.kind for event in log].count("judge") == 8 and [event.kind for event in log].count("undo") == 1
    finally:
        server.kill()


def test_a_thousand_faces_take_some_hundred_keystrokes(opens: Opens, tmp_path: Path) -> None:
    made = make_dataset(tmp_path, photographs=1000, size=32, edit=many_rejected, edit_metadata=with_rules)
    server = Server(made, "anna")
    try:
        anna = opens("anna", server)
        keys, waited = 3, 0.0
        anna.press("g", "-", "-")
        while anna.wait("grid", "end") == "grid":
            shown = anna.tiles
            anna.press("ArrowRight", "x", "Enter", "1", "a")  # one is odd, the others are off
            keys += 5
            start = time.monotonic()
            anna.page.wait_for_selector(f'.tile[data-id="{shown[0]}"]', state="hidden")
            anna.wait("grid", "end")
            waited += time.monotonic() - start
        anna.wait_until_saved()
        log = events(made, "anna")
        assert len(log) == len({event.face for event in log}) == 974
        assert keys < 150
        assert waited < 60
    finally:
        server.kill()
