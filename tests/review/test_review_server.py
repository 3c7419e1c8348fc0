"""The server as a process: killed, started again, and asked by two reviewers."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from shorthand import names

Start = Callable[..., tuple[subprocess.Popen[str], dict[str, str]]]


@pytest.fixture
def start(dataset: Path) -> Iterator[Start]:
    """Starts `fexdata review` and returns it with each reviewer's address."""
    running: list[subprocess.Popen[str]] = []

    def started(port: int = 0) -> tuple[subprocess.Popen[str], dict[str, str]]:
        command = [sys.executable, "-m", "fexdata.cli.main", "review", str(dataset), "--no-browser", "--checks", "0",
                   "--double", "0", "--port", str(port), "--reviewer", "anna", "--reviewer", "ben"]  # fmt: skip
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        out = running[-1].stdout
        assert out is not None
        lines = [out.readline() for _ in range(2)]
        return running[-1], dict(line.strip().split(": ", 1) for line in lines)

    yield started
    for process in running:
        process.kill()
        process.communicate()


def client(address: str) -> httpx.Client:
    home, token = address.split("/?token=")
    return httpx.Client(base_url=home, headers={"authorization": f"Bearer {token}", "origin": home}, timeout=30)


def following(page: httpx.Client, count: int = 1) -> list[str]:
    body = {"queue": "rejected", "order": "doubt", "count": count, "tab": "a"}
    return names(page.post("/api/next", json=body).raise_for_status().json())


def accepting(name: str) -> dict[str, Any]:
    return {"uid": uuid.uuid4().hex, "queue": "rejected", "order": "doubt", "view": "face", "seconds": 1.0,
            "actions": [{"id": name, "verdict": "accept"}]}  # fmt: skip


def test_after_kill_9_the_same_page_goes_on_and_nothing_is_lost_or_doubled(start: Start) -> None:
    process, addresses = start()
    port = int(re.findall(r":(\d+)/", addresses["anna"])[0])
    anna, ben = client(addresses["anna"]), client(addresses["ben"])
    sent = [accepting(name) for name in following(anna, 3)]
    for body in sent[:2]:
        anna.post("/api/decide", json=body).raise_for_status()
    theirs = following(ben, 2)
    assert not {one["actions"][0]["id"] for one in sent} & set(theirs)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.raises(httpx.TransportError):
        anna.post("/api/decide", json=sent[2])

    _, again = start(port)
    assert again == addresses  # the open page's cookie is still good
    answers = [anna.post("/api/decide", json=body).raise_for_status().json() for body in sent]
    assert [answer["repeated"] for answer in answers] == [True, True, False]
    session = anna.get("/api/session").raise_for_status().json()
    assert session["progress"]["decided"] == 3 and session["undo"]["undo"] == "Accept 1 face"
    assert not set(following(anna, 60)) & set(theirs)  # leases outlive the server, too


def test_it_listens_to_this_machine_only(start: Start) -> None:
    _, addresses = start()
    port = int(re.findall(r":(\d+)/", addresses["anna"])[0])
    assert addresses["anna"].startswith("http://127.0.0.1:")
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in others - {"127.0.0.1"}:
        with pytest.raises(OSError):
            socket.create_connection((address, port), timeout=2)


def test_small_answers_are_not_held_back(start: Start) -> None:
    """Nagle's algorithm and delayed acknowledgements cost 40 ms a request where a socket forgets its protocol."""
    _, addresses = start()
    page = client(addresses["anna"])
    page.get("/api/queues")
    seconds = sorted(page.get("/api/queues").elapsed.total_seconds() for _ in range(15))
    assert seconds[2] < 0.035


def test_a_port_that_is_taken_is_one_line(dataset: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "fexdata.cli.main", "review", str(dataset), "--no-browser", "--port",
                   str(taken.getsockname()[1])]  # fmt: skip
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2 and "choose another --port" in ended.stderr.splitlines()[-1]
