"""One page about a built dataset: what is in it, what was left out and why, and what it looks like.

The promise: the page is a single HTML file that needs nothing else (no network, no script, no
font), whose size does not grow with the dataset, and whose bytes depend on nothing but it and what is said of
its review.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fexdata.dataset.reader import Dataset

__all__ = ["write_report"]


def write_report(dataset: Dataset, path: str, *, review: Sequence[str] = ()) -> None:
    """Writes the report of `dataset` to `path`, a local path or URL; it appears there whole.

    `review`: what people's decisions say, line by line; without any the page has no such section.

    Raises `FexdataError` when a shard or side table that the manifest names is not there.
    """
    from fexdata import storage
    from fexdata.dataset.report.page import render
    from fexdata.errors import FexdataError

    try:
        page = render(dataset, review)
    except FileNotFoundError as error:
        what = " ".join(str(error).split())
        raise FexdataError(
            f"a file of {dataset.name} is missing; run `fexdata validate {dataset.path}` ({what})"
        ) from None
    storage.write_atomic(path, page.encode("utf-8", "backslashreplace"))
