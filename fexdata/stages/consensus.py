"""Consensus: where two or more tools scored a face, what they agree on and how far they disagree.

A recipe that wants it says so after `action_units`, which runs the tools:

```yaml
  action_units: {tools: [geometric, openface], openface_csv: FOLDER}
  au_calibration: {}
  consensus: {}
```

`au_calibration`, a survey, brings the other tools onto the first one's scale. A rule may use the score:
`--set rules.review.score_agreement=0.3`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from fexdata.dataset.fields import column
from fexdata.errors import FexdataError
from fexdata.faces.action_units.schemes import GEOMETRIC, ON_A_STILL, OPENFACE, PYFEAT, Scheme, under_names
from fexdata.stages.base import Row, Stage, StageConfig, Survey

Column = Literal["au_geometric", "au_openface", "au_pyfeat"]
SCHEMES: dict[str, Scheme] = {"au_geometric": GEOMETRIC, "au_openface": OPENFACE, "au_pyfeat": PYFEAT}
WORST = 0.3
"""Disagreement that scores 0: tools lie 1.5 of 5 grades apart, in the root mean square."""
_DECIMALS = 4


class Tools(StageConfig):
    """Whose columns."""

    of: tuple[Column, ...] = Field(
        ("au_geometric", "au_openface"),
        min_length=2,
        description="Columns of the tools that are compared; scores are brought onto the first one's scale.",
    )


class Calibration(Survey):
    """Tells every row what each tool's scores are worth on the first tool's scale."""

    name: ClassVar[str] = "au_calibration"
    version: ClassVar[int] = 1
    Config: ClassVar[type[StageConfig]] = Tools
    config: Tools

    def __init__(self, config: StageConfig) -> None:
        super().__init__(config)
        self.reads = tuple(self.config.of)  # type: ignore[misc]

    def look(self, rows: pa.Table) -> Mapping[str, Any]:
        from fexdata.faces.action_units.calibration import calibration

        names = _shared(self.config.of)
        scores: dict[str, dict[str, np.ndarray]] = {}
        for tool in self.config.of:
            found = under_names(_members(rows.column(tool)), names)
            scores[tool] = {name: values for name, values in found.items() if values is not None}
        maps = calibration(scores, self.config.of[0])
        return {
            "": {
                tool: {unit: [np.round(part, _DECIMALS).tolist() for part in knots] for unit, knots in units.items()}
                for tool, units in maps.items()
            }
        }


class Consensus(Stage):
    """Puts the columns of several tools together; comes after `au_calibration`."""

    name: ClassVar[str] = "consensus"
    version: ClassVar[int] = 2
    Config: ClassVar[type[StageConfig]] = Tools
    config: Tools

    def __init__(self, config: StageConfig) -> None:
        """Raises `FexdataError` for tools that share no action unit."""
        super().__init__(config)
        self.reads = (*self.config.of, "au_calibration")  # type: ignore[misc]
        self._scale = SCHEMES[self.config.of[0]]
        self._names = _shared(self.config.of)
        if len(set(self.config.of)) < len(self.config.of) or not self._names:
            raise FexdataError(f"consensus.of: {', '.join(self.config.of)}: name two or more tools that score the same")

    def schema(self) -> pa.Schema:
        units = pa.struct([(name, pa.float32()) for name in self._names])
        mean = f"Mean of the tools, on the scale of {self._scale.name}."
        return pa.schema(
            [
                column("au_consensus", units, mean, unit=self._scale.unit),
                column("au_agreement", units, "1: all tools say the same; 0: they lie a whole scale apart.",
                       unit="0 to 1"),
                column("au_disagreement", pa.float32(), "Root mean square over the action units of 1 - agreement.",
                       unit="0 to 1"),
                column("score_agreement", pa.float32(), "Score: whether tools agree on the face's action units.",
                       unit="0 to 1", convention="low is bad"),
            ]
        )  # fmt: skip

    def run(self, rows: Sequence[Row]) -> Sequence[Any]:
        return self.each(rows, self._one)

    def _one(self, row: Row) -> dict[str, Any]:
        from fexdata.faces.action_units.consensus import consensus

        first, *others = self.config.of
        told = row["au_calibration"] or {}
        scores: dict[str, Mapping[str, float | None]] = {} if row[first] is None else {first: row[first]}
        for tool in others:
            if row[tool] is not None:
                scores[tool] = _brought(under_names(row[tool], self._names), told.get(tool, {}))
        found = consensus(scores, names=self._names, highest=self._scale.highest)
        apart = found.disagreement
        return {
            "au_consensus": _rounded(found.scores),
            "au_agreement": _rounded(found.agreement),
            "au_disagreement": None if apart is None else round(apart, _DECIMALS),
            "score_agreement": None if apart is None else round(max(1.0 - apart / WORST, 0.0), _DECIMALS),
        }


def _shared(tools: Sequence[Column]) -> tuple[str, ...]:
    """Action units that the first tool and at least one other score."""
    others = {name for tool in tools[1:] for name in SCHEMES[tool].names}
    return tuple(name for name in SCHEMES[tools[0]].names if {name, ON_A_STILL.get(name, name)} & others)


def _brought(values: Mapping[str, float | None], maps: Mapping[str, Sequence[Any]]) -> dict[str, float | None]:
    """A tool's values on the first tool's scale; None where there is no map."""
    from fexdata.faces.action_units.calibration import Knots

    return {
        name: None if value is None or name not in maps else float(Knots(*maps[name])(np.array(value)))
        for name, value in values.items()
    }


def _members(column: pa.ChunkedArray) -> dict[str, np.ndarray]:
    """Member of a struct column -> (n,) float64, NaN for null."""
    whole = column.combine_chunks()
    return {
        field.name: part.cast(pa.float64()).to_numpy(zero_copy_only=False)
        for field, part in zip(whole.type, whole.flatten(), strict=True)
    }


def _rounded(values: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, _DECIMALS) for name, value in values.items()}
