"""One build per dataset at a time.

Locally the operating system holds the lock, so it ends with its process, however that ends. On
object storage it is a small object with a heartbeat: a holder that has been silent for a minute is
dead, and is taken over; a build checks that the lock is still its own before it commits.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
import uuid
from typing import IO

from fexdata import storage
from fexdata.errors import FexdataError

HEARTBEAT = 10.0
SILENT = 60.0


class BuildLock:
    """Held for the duration of the `with` block. Raises `FexdataError` when another build has it."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._path = storage.join(root, ".lock")
        self._owner = uuid.uuid4().hex
        self._stop = threading.Event()
        self._file: IO[str] | None = None

    def __enter__(self) -> BuildLock:
        if storage.is_remote(self._root):
            self._take_remote()
        else:
            self._take_local()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._file is not None:
            self._file.close()
        elif self.is_mine():
            storage.remove(self._path)

    def is_mine(self) -> bool:
        """Whether this build may still commit."""
        if self._file is not None:
            return True
        try:
            owner = json.loads(storage.read_bytes(self._path))["owner"]
        except FileNotFoundError:
            return False
        return bool(owner == self._owner)

    def _take_local(self) -> None:
        try:
            os.makedirs(self._root, exist_ok=True)
            self._file = open(self._path, "a+")  # noqa: SIM115 - held until __exit__
        except OSError as error:
            raise FexdataError(f"{self._root}: {error.strerror}; choose another --out") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read().strip() or "another process"
            self._file.close()
            raise FexdataError(f"{self._root} is being built by {holder}; wait for it or stop it") from None
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} on {socket.gethostname()}")
        self._file.flush()

    def _take_remote(self) -> None:
        try:
            held = json.loads(storage.read_bytes(self._path))
        except FileNotFoundError:
            held = None
        if held is not None and time.time() - held["seen"] < SILENT:
            raise FexdataError(
                f"{self._root} is being built by {held['who']}; if that build is dead, try again in a minute"
            )
        self._beat()
        time.sleep(0.2)  # two builds that start at once both write; the later one wins, the earlier sees it here
        if not self.is_mine():
            raise FexdataError(f"{self._root} is being built by another process")
        threading.Thread(target=self._heartbeat, name="fexdata-lock", daemon=True).start()

    def _heartbeat(self) -> None:
        while not self._stop.wait(HEARTBEAT):
            if not self.is_mine():
                return
            self._beat()

    def _beat(self) -> None:
        who = f"process {os.getpid()} on {socket.gethostname()}"
        storage.write_atomic(self._path, json.dumps({"owner": self._owner, "who": who, "seen": time.time()}).encode())
