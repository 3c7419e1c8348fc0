"""Where things that can always be made again are kept between processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder(name: str) -> str:
    """The folder `fexdata/NAME` in the platform's cache."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return os.path.join(base, "fexdata", name)
