"""Consensus: where two or more tools scored a face, what they agree on and how far they disagree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import pyarrow as pa
from pydantic import Field

from fexdata.dataset.fields import column
from fexdata.errors import FexdataError
from fexdata.faces.action_units.schemes import GEOMETRIC, OPENFACE, PYFEAT, Scheme
from fexdata.stages.base import Row, Stage, StageConfig

Column = Literal["au_geometric", "au_openface", "au_pyfeat"]
SCHEMES: dict[str, Scheme] = {"au_geometric": GEOMETRIC, "au_openface": OPENFACE, "au_pyfeat": PYFEAT}
_DECIMALS = 4


class Consensus(Stage):
    """Puts the columns of several tools together; comes after `action_units`."""

    name: ClassVar[str] = "consensus"
    version: ClassVar[int] = 1

    class Config(StageConfig):
        """Whose columns."""

        of: tuple[Column, ...] = Field(
            ("au_geometric", "au_openface"), min_length=2, description="Columns of the tools that are compared."
        )

    config: Config

    def __init__(self, config: StageConfig) -> None:
        """Raises `FexdataError` for tools that share no action unit."""
        super().__init__(config)
        self.reads = tuple(self.config.of)  # type: ignore[misc]
        scored = [name for one in self.config.of for name in SCHEMES[one].names]
        self._names = tuple(dict.fromkeys(name for name in scored if scored.count(name) > 1))
        if len(set(self.config.of)) < 2 or not self._names:
            raise FexdataError(f"consensus.of: {', '.join(self.config.of)}: name two or more tools that score the same")

    def schema(self) -> pa.Schema:
        units = pa.struct([(name, pa.float32()) for name in self._names])
        share = "Share of the tools that say the action unit is there."
        return pa.schema(
            [
                column("au_present", units, share, unit="0 to 1"),
                column("au_agreement", units, "1: all tools say the same; 0: as many say so as not.", unit="0 to 1"),
                column("au_disagreement", pa.float32(), "Mean disagreement of the tools.", unit="0 to 1"),
            ]
        )

    def run(self, rows: Sequence[Row]) -> Sequence[Any]:
        return self.each(rows, self._one)

    def _one(self, row: Row) -> dict[str, Any]:
        from fexdata.faces.action_units.consensus import consensus

        scores = {SCHEMES[name].name: row[name] for name in self.config.of if row[name] is not None}
        found = consensus(scores, names=self._names)
        return {
            "au_present": _rounded(found.present),
            "au_agreement": _rounded(found.confidence),
            "au_disagreement": None if found.disagreement is None else round(found.disagreement, _DECIMALS),
        }


def _rounded(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, _DECIMALS) for name, value in values.items()}
