"""What a stage is: a frozen config, the columns it reads, the columns it writes, and `run`.
And what a survey is: something that looks at a few columns of all rows, and tells each row a value.

Stages are thin. They hold no files, no clock and no state between rows; they call plain functions
of `faces/` and `render/`. A stage added by another package is registered under the entry-point
group `fexdata.stages`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from fexdata.errors import Failure

Kind = Literal["map", "expand", "survey"]
"""`map`: a row stays a row. `expand`: a photograph becomes faces (only `detect`). `survey`: see `Survey`."""


GIVEN = frozenset({"photograph", "corpus_box", "corpus_points", "truth", "source_path", "frame"})
"""Columns that no stage writes: they come from the corpus."""


class StageConfig(BaseModel):
    """Base of every stage's settings: frozen, and a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(slots=True)
class Row:
    """One row on its way through a chain of stages.

    `values` maps column names to values: numbers and strings as they are, fixed-size lists as
    numpy arrays of the field's shape, pictures as encoded bytes. `photograph()` is the decoded,
    upright photograph, `pixels(name)` a decoded picture column; both are decoded once per row
    and dropped with it.
    """

    sample_id: str
    values: dict[str, Any]
    photograph: Callable[[], np.ndarray]
    """() -> (H, W, 3) uint8 RGB; raises `RowError` when it cannot be read."""
    decoded: dict[str, np.ndarray] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def pixels(self, name: str) -> np.ndarray:
        """A picture column, decoded: uint8 (H, W, 3) RGB or (H, W), or uint16 (H, W)."""
        if name not in self.decoded:
            from fexdata.dataset.pictures import decode

            self.decoded[name] = decode(self.values[name])
        return self.decoded[name]


Output = Mapping[str, Any] | Failure
"""What `run` returns for one row: the columns it wrote, or why it could not."""


class Step(ABC):
    """What stages and surveys have in common: a name, a version, settings, and what they read."""

    name: ClassVar[str]
    version: ClassVar[int]
    """Raised whenever the same input would give another output: it is part of the fingerprint."""
    kind: ClassVar[Kind]
    reads: ClassVar[tuple[str, ...]]
    """Columns needed. For a stage, `photograph` stands for the decoded photograph, `corpus_box` and
    `corpus_points` for the corpus's own annotation (None where it has none), a survey's name for
    what the survey tells the row (None for nothing). A survey may read the corpus's labels, too."""
    resources: ClassVar[str] = "cpu"
    Config: ClassVar[type[StageConfig]] = StageConfig

    def __init__(self, config: StageConfig) -> None:
        self.config = config

    @abstractmethod
    def schema(self) -> pa.Schema:
        """The fields written, declared with `fexdata.dataset.fields.column`."""

    def weights(self) -> Mapping[str, str]:
        """Model files used: name -> sha256. Part of the fingerprint."""
        return {}


class Stage(Step):
    """One step of the way from photograph to dataset row."""

    kind: ClassVar[Kind] = "map"

    def warm_up(self) -> None:
        """Loads networks and compiles kernels, once per worker, before the first row."""

    @abstractmethod
    def run(self, rows: Sequence[Row]) -> Sequence[Any]:
        """One output per row: a mapping of columns or a `Failure`; an `expand` stage returns, per
        row, a list of mappings (at least one) or a `Failure`. A `RowError` raised from
        `each(rows, function)` becomes that row's `Failure`."""

    def each(self, rows: Sequence[Row], function: Callable[[Row], Any]) -> list[Any]:
        """Applies `function` row by row; a `RowError` fails its row and no other."""
        from fexdata.errors import Code, RowError

        outputs: list[Any] = []
        for row in rows:
            try:
                outputs.append(function(row))
            except RowError as error:
                outputs.append(Failure(self.name, error.code, error.message))
            except MemoryError:
                outputs.append(Failure(self.name, Code.OUT_OF_MEMORY, "not enough memory"))
            except Exception as error:
                text = f"{type(error).__name__}: {error}".splitlines()[0][:200]
                outputs.append(Failure(self.name, Code.INTERNAL_ERROR, text))
        return outputs


class Survey(Step):
    """Looks at a few columns of all rows at once, and tells rows what they cannot know alone: a
    subject's neutral face, say, or the population's.

    It runs when every partition has the layers that it reads, in the build's own process: what it
    reads should be small. A stage that reads it runs again only where what its row is told changes.
    """

    kind: ClassVar[Kind] = "survey"
    by: ClassVar[str | None] = None
    """The label whose word decides what a photograph's rows are told (`subject`); None: all the same."""

    only: ClassVar[Mapping[str, str]] = {}
    """Label -> the word that rows must have to be looked at, so that a survey of a few rows of each
    subject need not hold all of them."""

    def schema(self) -> pa.Schema:
        return pa.schema([])

    @abstractmethod
    def look(self, rows: pa.Table) -> Mapping[str, Any]:
        """Word of the label `by` -> what the rows of its photographs are told, of numbers, words,
        lists and dictionaries, rounded; under "" for all other rows, and those without the label.

        rows: the columns of `reads`, of the rows that every stage read is done with and that `only`
        lets through, in hash order.
        """
