"""Where the decisions on a dataset are; nothing is opened here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from fexdata.errors import FexdataError
from fexdata.storage import is_remote

DATABASE_VARIABLE: Final = "FEXDATA_REVIEW_DATABASE"
"""Names another database than the file beside the dataset, for `review` and `build` alike."""


def database_url(dataset_path: str, url: str | None = None) -> str:
    """Where the decisions of a dataset are: `url`, else `$FEXDATA_REVIEW_DATABASE`, else the file
    beside the dataset. Raises `FexdataError` for a dataset on object storage without a database."""
    given = url or os.environ.get(DATABASE_VARIABLE)
    if given:
        return given
    if is_remote(dataset_path):
        raise FexdataError(
            f"{dataset_path} is not on a local disk: give a database, --database URL or ${DATABASE_VARIABLE}"
        )
    return f"sqlite:///{Path(dataset_path).absolute() / 'review' / 'decisions.sqlite'}"


def has_decisions(dataset_path: str) -> bool:
    """Whether there may be decisions on a dataset, without creating anything."""
    if os.environ.get(DATABASE_VARIABLE):
        return True
    return not is_remote(dataset_path) and (Path(dataset_path) / "review" / "decisions.sqlite").exists()
