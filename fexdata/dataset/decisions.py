"""The words that people's decisions leave in the manifest's `reasons`, beside those of the rules."""

from __future__ import annotations

from typing import Final

REVIEW_REASONS: Final = {
    "bad_fit": "The mesh is not on the face",
    "wrong_shape": "The mesh is on the face, but its shape is wrong",
    "wrong_expression": "The mesh does not show the face's expression",
    "covered": "Hair, a hand or something else covers the face",
    "not_a_face": "This is no photographed human face",
    "blurred": "Too blurred to tell",
    "bad_light": "Too dark, too bright or too flat",
    "bad_crop": "The crop is cut off, tilted or not centred",
    "other": "Something else",
}
"""Why a reviewer rejects a face, in the order of the page's keys 1 to 9."""

UNSURE: Final = "unsure"
"""Reason of rows that stay in review because a reviewer could not tell."""
DISAGREEMENT: Final = "disagreement"
"""Reason of rows that stay in review because two reviewers did not agree."""
