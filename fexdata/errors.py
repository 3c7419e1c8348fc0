"""What can go wrong, in two kinds: the whole command (`FexdataError`) or one row (`Failure`).

`FexdataError` carries one line that tells a person what to do; the command line prints it and
exits with 2. A `Failure` is data: it becomes three columns of a row, and the build goes on.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class FexdataError(Exception):
    """A mistake that a person can mend; the message is one line that says how."""


class Code(enum.StrEnum):
    """Why a row has no annotation. The list is closed: reports and rules count by it."""

    MISSING = "missing"  # listed, but not there: a dangling link, a label without its file
    NOT_A_FILE = "not_a_file"  # a directory or device with the name of a photograph
    UNREADABLE = "unreadable"  # there, but the system refuses to hand over its bytes
    EMPTY_FILE = "empty_file"
    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED_FORMAT = "unsupported_format"  # an image, in a format that is not read here
    DECODE_ERROR = "decode_error"  # truncated or corrupt
    TOO_LARGE = "too_large"
    NO_FACE = "no_face"
    NO_ANNOTATED_FACE = "no_annotated_face"  # faces, but none where the corpus says it is
    POOR_FIT = "poor_fit"
    OUT_OF_FRAME = "out_of_frame"
    INTERNAL_ERROR = "internal_error"  # a stage raised something it should not have
    CRASHED = "crashed"  # the worker process died on this row
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"


@dataclass(frozen=True, slots=True)
class Failure:
    """One row's failure: the stage it happened in, its code, and a sentence for a person."""

    stage: str
    code: Code
    message: str


class RowError(Exception):
    """Raised inside a stage or a reader for one row; the engine turns it into a `Failure`."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
