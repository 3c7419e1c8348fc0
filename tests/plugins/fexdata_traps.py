"""Stages that misbehave on purpose, registered as another package would register its own.

They know their victim by the photograph's width, which a test chooses.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from typing import Any, ClassVar

import pyarrow as pa

from fexdata.dataset.fields import column
from fexdata.stages.base import Row, Stage, StageConfig

DEADLY, ENDLESS, STUBBORN, RUDE = 1177, 1179, 1183, 1181


class Trap(Stage):
    """Ends its process, sleeps for ever or raises, by the width of the photograph."""

    class Config(StageConfig):
        """Settings."""

        delay: float = 0.0
        """Seconds that every row takes, so that a test can kill a build half-way."""

    name: ClassVar[str] = "trap"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("photo_width",)
    config: Config

    def schema(self) -> pa.Schema:
        return pa.schema([column("trap_width", pa.int32(), "The width that was looked at.")])

    def run(self, rows: Sequence[Row]) -> Sequence[Any]:
        return self.each(rows, self._one)

    def _one(self, row: Row) -> dict[str, Any]:
        time.sleep(self.config.delay)
        if row["photo_width"] == DEADLY:
            os._exit(13)
        while row["photo_width"] == ENDLESS:
            time.sleep(3600)
        if row["photo_width"] == STUBBORN:
            re.match(r"(a+)+$", "a" * 60 + "b")  # for ever, in C, holding the interpreter lock
        if row["photo_width"] == RUDE:
            raise ZeroDivisionError("as a careless stage would")
        return {"trap_width": row["photo_width"]}
