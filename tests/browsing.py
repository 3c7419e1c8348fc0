"""The review page in a real browser, for tests: the server as a process, reviewers at their pages, and
what the log says in the end."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fexdata.review.desk import Desk
from fexdata.review.events import Event

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
"""Of Chromium: WebGL without a graphics card."""

SIZE = {"width": 1366, "height": 768}


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser; skips the test where Playwright or Chromium is not installed."""
    api = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("needs Chromium: apt install chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Server:
    """`fexdata review` on a dataset, as a process; `addresses` are the reviewers' own."""

    def __init__(self, dataset: Path, *reviewers: str) -> None:
        self.dataset, self.reviewers, self.port = dataset, reviewers, 0
        self.start()

    def start(self) -> None:
        """Starts it, after `kill` at the same port."""
        names = [part for name in self.reviewers for part in ("--reviewer", name)]
        command = [sys.executable, "-m", "fexdata.cli.main", "review", str(self.dataset), "--no-browser",
                   "--checks", "0", "--double", "0", "--port", str(self.port), *names]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline().strip() for _ in self.reviewers]
        self.addresses = dict(line.split(": ", 1) for line in lines)
        self.port = int(re.findall(r":(\d+)/", lines[0])[0])

    def kill(self) -> None:
        """As by `kill -9`."""
        self.process.kill()
        self.process.communicate()


class Reviewer:
    """Somebody at the page, in a browser profile of their own."""

    def __init__(self, browser: Any, server: Server, name: str) -> None:
        self.page = browser.new_context(viewport=SIZE).new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(server.addresses[name])
        self.wait("face")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def click(self, action: str) -> None:
        self.page.click(f'[data-action="{action}"]:visible >> nth=0')

    def answer(self, words: str) -> None:
        """Clicks an answer to the question that is open."""
        self.page.click(f'#prompt button:has-text("{words}")')

    @property
    def face(self) -> str:
        """The id of the face in sight, or of the one with the cursor in the grid."""
        return str(self.page.evaluate("document.body.dataset.face"))

    @property
    def view(self) -> str:
        return str(self.page.evaluate("document.body.dataset.view"))

    @property
    def tiles(self) -> list[str]:
        """Ids on the page of the grid that nobody has judged yet."""
        found: list[str] = self.page.eval_on_selector_all(".tile:not(.done)", "all => all.map(one => one.dataset.id)")
        return found

    def wait(self, *views: str) -> str:
        """Until one of the views is in sight, with all its faces."""
        self._until(",".join(f'[data-view="{view}"][data-loading="no"]' for view in views))
        return self.view

    def wait_until_saved(self) -> None:
        """Until the server has heard everything."""
        self._until('[data-waiting="0"]')

    def wait_until_waiting(self, count: int) -> None:
        self._until(f'[data-waiting="{count}"]')

    def wait_for_face(self, face: str) -> None:
        self._until(f'[data-face="{face}"]')

    def _until(self, selector: str) -> None:
        # Selectors, since the page's own policy forbids the code that waiting for a condition needs.
        self.page.wait_for_selector(f"body:is({selector})", state="attached", timeout=20_000)

    def open(self, queue: str) -> None:
        """Chooses a queue in the menu, with the mouse."""
        self.click("queue_menu")
        self.page.click(f'[data-queue="{queue}"]')
        self.wait("face", "grid", "end")

    def leave(self) -> None:
        """Closes the page; it must have had no error."""
        self.page.context.close()
        assert self.errors == []


def opinions(dataset: Path, reviewer: str, faces: Sequence[str]) -> list[Mapping[str, Any] | None]:
    """What holds of a reviewer's decisions on some faces, by the log on disk."""
    desk = Desk(str(dataset), reviewers=(reviewer,), check_share=0.0)
    try:
        return [desk.item(reviewer, face)["mine"] for face in faces]
    finally:
        desk.log.close()


def events(dataset: Path, reviewer: str) -> list[Event]:
    """A reviewer's rows of the log, in their order."""
    desk = Desk(str(dataset), check_share=0.0)
    try:
        return [event for event in desk.log.events() if event.reviewer == reviewer]
    finally:
        desk.log.close()


def verdicts(dataset: Path, reviewer: str, faces: Sequence[str]) -> list[str | None]:
    return [None if one is None else one["verdict"] for one in opinions(dataset, reviewer, faces)]
