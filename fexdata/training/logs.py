"""What a run tells: a bar with steps per second and time left, losses as CSV and for TensorBoard,
sheets of edited faces.

Losses of a phase go into `logs/<number>-<phase>.csv`, one line per `log_every` steps, each the mean
over them. A resumed run drops the lines after its checkpoint and goes on.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text
from torch import Tensor

from fexdata.dataset.pictures import encode_png
from fexdata.storage import write_atomic

LINE_EVERY = 15.0
"""Seconds between lines where there is no terminal."""
GAP = 2
"""White pixels between the pictures of a sheet."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.2f} steps/s" if speed else "", style="progress.data.speed")


class Bar:
    """Progress on stderr: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, total: int, done: int, *, quiet: bool) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self._progress = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
            console=self._console,
            disable=quiet or not sys.stderr.isatty(),
            speed_estimate_period=60,
        )
        self._task = self._progress.add_task("", total=total, completed=done, losses="")
        self._total, self._first, self._done = total, done, done
        self._began = self._said = time.monotonic()

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """A line above the bar."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def step(self, phase: str) -> None:
        self._done += 1
        self._progress.update(self._task, advance=1, description=phase)
        now = time.monotonic()
        if self._progress.disable and now - self._said > LINE_EVERY:
            self._said = now
            rate = (self._done - self._first) / max(now - self._began, 1e-9)
            left = (self._total - self._done) / max(rate, 1e-9)
            self.say(f"{phase}: step {self._done:,} of {self._total:,}, {rate:,.2f} steps/s, {left:,.0f} s left")

    def losses(self, means: Mapping[str, float]) -> None:
        totals = [f"{name.split('/')[0]} {value:.3g}" for name, value in means.items() if name.endswith("/total")]
        self._progress.update(self._task, losses=" ".join(totals))


class LossLog:
    """CSV and TensorBoard of one run, from step `first` on."""

    def __init__(self, folder: Path, first: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        for path in folder.glob("*.csv"):
            _cut(path, first)
        self._board = SummaryWriter(str(folder), purge_step=first + 1 if first else None)

    def write(self, step: int, phase: str, means: Mapping[str, float], more: Mapping[str, float]) -> None:
        """One line: the losses' means and further numbers (learning rates, steps per second)."""
        row: dict[str, Any] = {"step": step, **means, **more}
        path = self._folder / f"{phase}.csv"
        known = _header(path)
        if not known or set(row) - set(known):
            _widen(path, [*known, *(name for name in row if name not in known)])
            known = _header(path)
        with path.open("a", newline="") as file:
            csv.DictWriter(file, known).writerow(row)
        for name, value in row.items():
            if name != "step":
                self._board.add_scalar(name, value, step)
        self._board.flush()

    def close(self) -> None:
        self._board.close()


def write_sheet(path: Path, sheet: Tensor) -> None:
    """(rows, columns, 3, H, W) in [-1, 1] as one PNG with thin white gaps."""
    rows, columns, _, height, width = sheet.shape
    pixels = ((sheet.detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 1, 3, 4, 2).numpy()
    page = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), 255, np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * (height + GAP), column * (width + GAP)
            page[top : top + height, left : left + width] = pixels[row, column]
    write_atomic(str(path), encode_png(page))


def _header(path: Path) -> list[str]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return next(csv.reader(file), [])


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _rewrite(path: Path, header: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerows(rows)


def _widen(path: Path, header: Sequence[str]) -> None:
    """A loss that was not there before (the generator's, in a short first interval) gets a column."""
    _rewrite(path, header, _rows(path))


def _cut(path: Path, last: int) -> None:
    """Drops the lines after a step, and one that a kill cut short."""
    header = _header(path)
    whole = [row for row in _rows(path) if None not in row and None not in row.values() and row["step"].isdigit()]
    _rewrite(path, header, [row for row in whole if int(row["step"]) <= last])
