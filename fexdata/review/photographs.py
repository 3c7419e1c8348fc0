"""The photograph behind a row, as long as it is still where the build found it.

The path comes from the manifest, never from a request, and must lie below the corpus's folder; and
the file must be the one that was built from, by its hash.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from fexdata import storage
from fexdata.corpora.pictures import read_picture
from fexdata.errors import RowError
from fexdata.storage import is_remote, join

_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


class Photographs:
    """The photographs of one corpus. `source` is its folder or URL, or None when nobody knows."""

    def __init__(self, source: str | None) -> None:
        self.source = source

    def read(self, path: str, sha256: str | None) -> np.ndarray | None:
        """The upright photograph (H, W, 3) uint8, or None when it is gone or another one."""
        for location in self._locations(path):
            try:
                data = storage.read_photograph(location)
                if hashlib.sha256(data).hexdigest() == sha256:
                    return read_picture(data)
            except (RowError, OSError, ValueError):
                continue
        return None

    def _locations(self, path: str) -> list[str]:
        """Where a manifest's `source_path` may lie: as it is, and with its escaped bytes restored."""
        if self.source is None:
            return []
        raw = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), path.encode())
        paths = dict.fromkeys([path, raw.decode("utf-8", "surrogateescape")])
        return [join(self.source, one) for one in paths if self._is_below(one)]

    def _is_below(self, path: str) -> bool:
        assert self.source is not None
        if is_remote(self.source):
            return not path.startswith("/") and ".." not in path.split("/")
        # By name, not by where links lead: a corpus may well consist of links.
        return not Path(path).is_absolute() and ".." not in Path(path).parts and "\0" not in path


def source_of(dataset: str) -> str | None:
    """The folder or URL that a build was made from, where its `build.json` says so."""
    try:
        build: dict[str, Any] = json.loads(storage.read_bytes(join(dataset, "build.json")))
    except (FileNotFoundError, ValueError):
        return None
    found = build.get("source")
    return found if isinstance(found, str) else None
