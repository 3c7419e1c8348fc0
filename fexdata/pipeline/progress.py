"""Progress for people, on stderr: a bar with photographs per second and time left on a terminal,
a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

LINE_EVERY = 15.0


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.1f} photographs/s" if speed else "", style="progress.data.speed")


class Steps:
    """One bar after the other: `start` a step, `advance` it; done when the block ends."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self._bars = Progress(
            TextColumn("{task.description:<11}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            console=self._console,
            disable=quiet or not sys.stderr.isatty(),
            speed_estimate_period=60,
        )
        self._task: TaskID | None = None
        self._name, self._done, self._total, self._began, self._said = "", 0, 0, 0.0, 0.0

    def __enter__(self) -> Steps:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, text: str) -> None:
        """A line above the bars."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def start(self, name: str, total: int) -> None:
        self._task = self._bars.add_task(name, total=total)
        self._name, self._done, self._total = name, 0, total
        self._began = self._said = time.monotonic()

    def advance(self, count: int) -> None:
        self._done += count
        if self._task is not None:
            self._bars.advance(self._task, count)
        now = time.monotonic()
        if self._bars.disable and (now - self._said > LINE_EVERY):
            self._said = now
            rate = self._done / max(now - self._began, 1e-9)
            left = (self._total - self._done) / max(rate, 1e-9)
            self.say(f"{self._name}: {self._done:,} of {self._total:,}, {rate:,.1f} photographs/s, {left:,.0f} s left")
