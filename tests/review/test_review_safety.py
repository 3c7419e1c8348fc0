"""Nothing gets in that should not: wrong tokens, other pages, paths, unknown faces, floods.

The property test asks every route of the application, so a new route is tested without a word here.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from shorthand import names, wish
from starlette.testclient import TestClient

from fexdata.errors import FexdataError
from fexdata.review.desk import Desk
from fexdata.review.keys import load_keys
from fexdata.review.photographs import Photographs
from fexdata.review.routes import make_app
from fexdata.review.safety import MAX_BODY, cookie_name
from fexdata.review.server import guarded_app, reviewer_tokens

HOST = "127.0.0.1:8000"
HOME = f"http://{HOST}"
TOKENS = {"token-of-anna": "anna", "token-of-ben": "ben"}
ANNA = {"authorization": "Bearer token-of-anna", "origin": HOME, "content-type": "application/json"}
UID = "0" * 32


@pytest.fixture
def client(desk: Desk) -> Iterator[TestClient]:
    with TestClient(guarded_app(desk, TOKENS), base_url=HOME, follow_redirects=False) as made:
        yield made


def routes(desk: Desk) -> list[tuple[str, str]]:
    """(method, path) of every route."""
    found: list[tuple[str, str]] = []
    for route in _flat(make_app(desk, load_keys(desk.catalog.dataset.path)).routes):
        found += [(method, route.path) for method in sorted(route.methods - {"HEAD"})]
    return sorted(found)


def _flat(given: Any) -> Iterator[APIRoute]:
    for route in given:
        if isinstance(route, APIRoute):
            yield route
        else:
            yield from _flat(getattr(getattr(route, "original_router", None), "routes", []))


def test_every_route_is_in_the_list(desk: Desk) -> None:
    found = {path for _, path in routes(desk)}
    assert found == {
        "/", "/page/{name:path}", "/api/session", "/api/queues", "/api/next", "/api/hold", "/api/items/{face}",
        "/api/orphans", "/api/stats", "/api/items/{face}/picture/{kind}", "/api/items/{face}/mesh", "/api/decide",
        "/api/undo", "/api/redo", "/api/orphans/{face}",
    }  # fmt: skip


def body_for(path: str, name: str) -> dict[str, Any]:
    """A body that the route accepts, on the face `name`."""
    return {
        "/api/next": {"queue": "rejected", "order": "doubt", "count": 1, "tab": "a"},
        "/api/hold": {"tab": "a", "ids": [name]},
        "/api/decide": {"uid": UID, "queue": "rejected", "order": "doubt", "view": "face", "seconds": 1.0,
                        "actions": [{"id": name, "verdict": "accept"}]},
        "/api/undo": {"uid": UID},
        "/api/redo": {"uid": UID},
        "/api/orphans/{face}": {"uid": UID, "action": "dismiss"},
    }.get(path, {})  # fmt: skip


def ask(client: TestClient, method: str, path: str, name: str, headers: dict[str, str], **more: Any) -> Any:
    filled = path.replace("{face}", name).replace("{kind}", "crop").replace("{name:path}", "app.js")
    data = None if method == "GET" else json.dumps(more.pop("body", None) or body_for(path, name))
    return client.request(method, filled, headers=headers, content=data, **more)


def snapshot(desk: Desk) -> tuple[Any, ...]:
    """Everything that a refused request must not change."""
    files = {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in Path(desk.catalog.dataset.path).rglob("*")
        if path.is_file() and "decisions.sqlite" not in path.name
    }
    return len(desk.log.events()), len(desk.log.faces()), files


# Who asks


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"authorization": "Bearer tökén".encode("latin-1")}, 401),
        ({"cookie": f"{cookie_name(HOST)}=wrong"}, 401),
        ({"authorization": "Bearer token-of-anna", "origin": "http://evil.example"}, 403),
        ({"authorization": "Bearer token-of-anna", "origin": "null"}, 403),
        ({"authorization": "Bearer token-of-anna", "origin": "http://127.0.0.1:9999"}, 403),
        ({"authorization": "Bearer token-of-anna", "host": "evil.example:8000"}, 403),
    ],
)
def test_strangers_are_turned_away_from_every_route(
    client: TestClient, desk: Desk, caplog: pytest.LogCaptureFixture, headers: dict[str, Any], status: int
) -> None:
    (name,) = names(desk.next("ben", wish()))
    before = snapshot(desk)
    own = {"origin": HOME, "content-type": "application/json"} | headers
    for method, path in routes(desk):
        caplog.clear()
        assert ask(client, method, path, name, own).status_code == status, path
        assert any("refused" in line for line in caplog.messages), path
    assert snapshot(desk) == before


def test_what_changes_something_needs_an_origin(client: TestClient, desk: Desk) -> None:
    (name,) = names(desk.next("ben", wish()))
    bare = {key: value for key, value in ANNA.items() if key != "origin"}
    for method, path in routes(desk):
        if method == "POST":
            assert ask(client, method, path, name, bare).status_code == 403, path
    assert desk.log.events() == []


def test_a_form_of_another_page_cannot_decide(client: TestClient, desk: Desk) -> None:
    (name,) = names(desk.next("ben", wish()))
    form = ANNA | {"content-type": "text/plain"}
    assert ask(client, "POST", "/api/decide", name, form).status_code == 422 and desk.log.events() == []


def test_the_address_becomes_a_cookie_and_the_cookie_is_enough(client: TestClient) -> None:
    opened = client.get("/?token=token-of-ben")
    assert opened.status_code == 303 and opened.headers["location"] == "/"
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert client.get("/api/session").json()["reviewer"] == "ben"


def test_a_token_counts_in_the_address_of_the_page_only(client: TestClient) -> None:
    assert client.get("/api/session?token=token-of-anna").status_code == 401


def test_every_answer_forbids_foreign_scripts(client: TestClient) -> None:
    for path in ("/api/session", "/nothing", "/?token=x"):
        policy = client.get(path, headers=ANNA).headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy


# What is asked


def test_a_ten_megabyte_comment_is_refused(client: TestClient, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    (name,) = names(desk.next("anna", wish()))
    body = body_for("/api/decide", name)
    body["actions"][0]["comment"] = "a" * (10 << 20)
    assert ask(client, "POST", "/api/decide", name, ANNA, body=body).status_code == 413
    assert desk.log.events() == [] and "refused 413" in caplog.messages[-1]

    def dripping() -> Iterator[bytes]:  # without saying how much will come
        for _ in range(200):
            yield b" " * 4096

    assert client.post("/api/decide", content=dripping(), headers=ANNA).status_code == 413
    body["actions"][0]["comment"] = "a" * 2001
    assert len(json.dumps(body)) < MAX_BODY
    assert ask(client, "POST", "/api/decide", name, ANNA, body=body).status_code == 422
    assert desk.log.events() == []


EVIL = st.one_of(
    st.sampled_from(["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "....//", "/etc/passwd", "manifest.parquet",
                     "%00", "f" * 32, "F" * 32, "0" * 31, "0" * 32 + "\n", "rejected; drop table events", "-1",
                     "reason:../x", "é" * 16, "' or 1=1 --", "\ud800".encode("utf-8", "surrogatepass").hex()]),
    st.text(max_size=40),
)  # fmt: skip


def changed(value: Any, path: tuple[Any, ...], to: Any) -> Any:
    """A copy of nested JSON with one leaf exchanged."""
    if not path:
        return to
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], to)
    return copy


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [one for key, part in inner for one in leaves(part, (*path, key))]
    return found or [path]


# These the page makes up itself: whatever fits the pattern is right.
OWN = {("tab",): r"[a-z0-9]{1,32}", ("uid",): r"[0-9a-f]{32}"}


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_stands_in_a_parameter_is_refused_and_changes_nothing(
    client: TestClient, desk: Desk, caplog: pytest.LogCaptureFixture, data: st.DataObject
) -> None:
    name = desk.catalog.id(int(desk.orders.members("rejected")[0]))
    method, path = data.draw(st.sampled_from([one for one in routes(desk) if one[1] != "/"]))
    evil = data.draw(EVIL)
    body, headers, filled = body_for(path, name), ANNA, path
    if body and ("{" not in path or data.draw(st.booleans())):
        place = data.draw(st.sampled_from(leaves(body)))
        assume(not re.fullmatch(OWN.get(place, "(?!)"), evil))
        body = changed(body, place, evil)
    elif "{" in path:
        filled = path[: path.index("{")] + _quoted(evil) + path[path.index("}") + 1 :].replace("{kind}", "crop")
    else:
        assume(path == "/api/stats")  # the others take no parameter
        filled = f"{path}?wanted={_quoted(evil)}"
    before = snapshot(desk)
    caplog.clear()
    content = None if method == "GET" else json.dumps(body)
    answer = client.request(method, filled.replace("{face}", name), headers=headers, content=content)
    assert answer.status_code in (400, 404, 405, 422), (method, filled, body, answer.status_code)
    assert any("refused" in line for line in caplog.messages)
    assert snapshot(desk) == before


def _quoted(text: str) -> str:
    from urllib.parse import quote

    # An empty part or a dot would be another, legitimate address.
    return quote(text, safe="") if text.strip("./") else "%2e%2e%2f"


def test_log_lines_of_refusals_cannot_be_forged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    client.get("/api/items/x%0Arefused%20nothing", headers=ANNA)
    assert len(caplog.messages) == 1 and "\n" not in caplog.messages[0]


def test_one_uid_cannot_stand_for_two_decisions(client: TestClient, desk: Desk) -> None:
    first, second = names(desk.next("anna", wish(count=2)))
    assert ask(client, "POST", "/api/decide", first, ANNA).json()["repeated"] is False
    assert ask(client, "POST", "/api/decide", first, ANNA).json()["repeated"] is True
    conflict = ask(client, "POST", "/api/decide", second, ANNA)
    assert conflict.status_code == 409 and conflict.json()["code"] == "conflict"
    ben = ANNA | {"authorization": "Bearer token-of-ben"}
    assert ask(client, "POST", "/api/decide", first, ben).status_code == 409
    assert len(desk.log.events()) == 1


# Files


def test_tokens_are_random_private_and_outlive_the_server(tmp_path: Path) -> None:
    first = reviewer_tokens(str(tmp_path), ["anna", "ben"])
    assert len(first) == 2 and min(map(len, first)) >= 32
    assert reviewer_tokens(str(tmp_path), ["anna"]) == {token: n for token, n in first.items() if n == "anna"}
    mode = stat.S_IMODE(os.stat(tmp_path / "review" / ".tokens.json").st_mode)
    assert mode == 0o600


@pytest.mark.parametrize("name", ["", "a,b", "../x", "rules", "x" * 41, "a\nb"])
def test_names_that_could_be_taken_for_something_else_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FexdataError, match="--reviewer"):
        reviewer_tokens(str(tmp_path), [name])


@pytest.mark.parametrize("path", ["../secret.jpg", "/etc/passwd", "a/../../secret.jpg", "a\\x2e\\x2e/secret.jpg"])
def test_a_manifest_cannot_lead_to_a_file_outside_the_corpus(tmp_path: Path, path: str) -> None:
    import hashlib

    from skimage.data import astronaut
    from skimage.io import imsave

    (tmp_path / "corpus").mkdir()
    imsave(tmp_path / "secret.jpg", astronaut())
    sha = hashlib.sha256((tmp_path / "secret.jpg").read_bytes()).hexdigest()
    assert Photographs(str(tmp_path / "corpus")).read(path, sha) is None
    (tmp_path / "corpus" / "mine.jpg").write_bytes((tmp_path / "secret.jpg").read_bytes())
    assert Photographs(str(tmp_path / "corpus")).read("mine.jpg", sha) is not None
    assert Photographs(str(tmp_path / "corpus")).read("mine.jpg", "another") is None


def test_whoever_has_the_address_gets_everything_the_page_needs(open_desk: Callable[..., Desk]) -> None:
    with TestClient(guarded_app(open_desk(), TOKENS), base_url=HOME) as page:
        session = page.get("/api/session", headers=ANNA).json()
        found = page.post("/api/next", headers=ANNA, json=body_for("/api/next", "")).json()
        item = found["items"][0]
        for url in [*item["pictures"].values(), item["mesh"]]:
            assert page.get(url, headers=ANNA).status_code == 200
        assert session["queues"][0]["remaining"] == found["remaining"]
