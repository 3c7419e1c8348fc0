"""A survey and the stage that reads it, registered as another package would register its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from fexdata.dataset.fields import column
from fexdata.stages.base import Row, Stage, StageConfig, Survey


class UsualScore(Survey):
    """The mean detection score of each subject, and of everybody, over rows that survived the trap."""

    name: ClassVar[str] = "usual_score"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("detection_score", "trap_width", "subject")
    by: ClassVar[str | None] = "subject"

    def look(self, rows: pa.Table) -> Mapping[str, Any]:
        scores = rows.column("detection_score").to_numpy()
        subjects = np.array(rows.column("subject").to_pylist(), object)
        own = {str(who): float(np.round(scores[subjects == who].mean(), 4)) for who in set(subjects) - {None}}
        return {"": float(np.round(scores.mean(), 4)), **own}


class ScoreGap(Stage):
    """How much better than usual the face was seen."""

    class Config(StageConfig):
        """Settings."""

        delay: float = 0.0
        """Seconds that every row takes, so that a test can kill a build half-way."""

    name: ClassVar[str] = "score_gap"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("detection_score", "usual_score")
    config: Config

    def schema(self) -> pa.Schema:
        return pa.schema([column("score_gap", pa.float32(), "Detection score less the subject's usual one.")])

    def run(self, rows: Sequence[Row]) -> Sequence[Any]:
        return self.each(rows, self._one)

    def _one(self, row: Row) -> dict[str, Any]:
        time.sleep(self.config.delay)
        return {"score_gap": round(row["detection_score"] - row["usual_score"], 4)}
