"""fexdata: face photographs in, reviewed and training-ready expression datasets out."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["build", "open"]


def __getattr__(name: str) -> Any:
    # Late imports keep `import fexdata` (and `fexdata --help`) free of Dask, torch and MediaPipe.
    if name == "build":
        from fexdata.pipeline.build import build

        return build
    if name == "open":
        from fexdata.dataset.reader import open_dataset

        return open_dataset
    raise AttributeError(f"module 'fexdata' has no attribute {name!r}")
