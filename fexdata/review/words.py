"""What a reviewer can say of a face, as closed lists: the page, the log and the manifest share them."""

from __future__ import annotations

from typing import Final, Literal

from fexdata.corpora.base import EXPRESSIONS
from fexdata.dataset.decisions import REVIEW_REASONS

Verdict = Literal["accept", "reject", "unsure"]

VERDICTS: Final[dict[Verdict, str]] = {"accept": "Accept", "reject": "Reject", "unsure": "Unsure"}

STATUS_OF: Final[dict[str, str]] = {"accept": "accepted", "reject": "rejected", "unsure": "review"}
"""Verdict -> the status that it gives a row."""

REASONS: Final = REVIEW_REASONS
"""Why a face is rejected; the keys 1 to 9 in this order. They become the row's `reasons`."""

NO_EXPRESSION: Final = "none"
"""What a reviewer says when the face shows none of the eight."""
LABELS: Final = (*EXPRESSIONS, NO_EXPRESSION)

MAX_COMMENT: Final = 2000
"""Characters."""
