"""What a worker does about rows that kill it or never come back.

Two things. Every call of a stage has a deadline: a thread watches it and, when it has passed,
writes down which row it was and ends the process, because a hung call cannot be interrupted.
And a partition whose worker died is run *with care*: one row at a time, each announced by a crumb
on storage before it is touched, so that after another death the crumb names row and stage.

A call that hangs inside C code while holding the interpreter lock would also stop that thread. So the
thread puts off, every second, an alarm of `faulthandler`, whose own C thread ends the process when the
alarm is not put off any more; the crumb tells the rest. (Set and cleared around every call, the alarm would
cost two changes of thread a photograph: milliseconds on a busy machine.)
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import IO

from fexdata import storage

GRACE = 5.0
"""Seconds after the deadline at which the C thread steps in."""
_LOOK, _PUT_OFF = 0.25, 1.0
"""Seconds between two looks at the deadline, and between two puttings-off of the alarm."""


@dataclass(frozen=True, slots=True)
class Crumb:
    """Which row of which stage a worker was at, and whether its time had run out."""

    stage: str
    digest: str
    overdue: bool
    at: float
    """When it was left, in seconds since 1970."""


def read_crumb(path: str) -> Crumb | None:
    try:
        return Crumb(**json.loads(storage.read_bytes(path)))
    except FileNotFoundError:
        return None


class Guard:
    """The watch of one task; see the module. Use as a context manager around the task."""

    def __init__(self, crumb_path: str, timeout: float, careful: bool) -> None:
        self._path = crumb_path
        self._timeout = timeout
        self._careful = careful
        self._lock = threading.Lock()
        self._now: tuple[float, str, Sequence[bytes]] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="fexdata-guard", daemon=True)

    def __enter__(self) -> Guard:
        self._put_off()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        faulthandler.cancel_dump_traceback_later()

    @contextlib.contextmanager
    def working(self, stage: str, digests: Sequence[bytes]) -> Iterator[None]:
        """Around one call of a stage, whatever its number of rows: a batch that takes longer than
        one row may is taken apart, not waited for."""
        if self._careful:
            self._leave_crumb(stage, digests[0], overdue=False)
        with self._lock:
            self._now = (time.monotonic() + self._timeout, stage, digests)
        try:
            yield
        finally:
            with self._lock:
                self._now = None

    def _watch(self) -> None:
        since = time.monotonic()
        while not self._stop.wait(_LOOK):
            if time.monotonic() > since + _PUT_OFF:
                self._put_off()
                since = time.monotonic()
            with self._lock:
                if self._now is None or time.monotonic() < self._now[0]:
                    continue
                _, stage, digests = self._now
                if len(digests) == 1:
                    self._leave_crumb(stage, digests[0], overdue=True)
                os._exit(75)

    def _put_off(self) -> None:
        faulthandler.dump_traceback_later(self._timeout + GRACE, exit=True, file=_nowhere())

    def _leave_crumb(self, stage: str, digest: bytes, *, overdue: bool) -> None:
        crumb = Crumb(stage, digest.hex(), overdue, time.time())
        storage.write_atomic(self._path, json.dumps(asdict(crumb)).encode())


@functools.cache
def _nowhere() -> IO[str]:
    return open(os.devnull, "w")
