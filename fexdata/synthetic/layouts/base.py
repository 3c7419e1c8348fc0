"""What a layout is: which files a corpus has, and what it writes about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from fexdata.synthetic.plan import Planned, Request


@dataclass(frozen=True, slots=True, eq=False)
class Annotated:
    """A picture that has been taken, with the part of its truth that corpora publish."""

    planned: Planned
    box: np.ndarray
    """(4,) left, top, width, height, pixels."""
    points: np.ndarray
    """(68, 2) float32 in iBUG's order, pixels."""
    action_units: Mapping[str, float]
    """Intensities 0 to 5 by name, `AU12`."""


class Layout(Protocol):
    """One corpus's way of naming, labelling and annotating its pictures."""

    name: ClassVar[str]
    """What `fexdata synth` calls it."""
    corpus: ClassVar[str]
    """The reader of `fexdata.corpora` that reads it."""
    size: ClassVar[int]
    """Side of the pictures in pixels unless another is asked for."""

    def plan(self, request: Request) -> list[Planned]:
        """The corpus's pictures, person by person."""

    def annotations(self, taken: Sequence[Annotated]) -> Iterator[tuple[str, bytes]]:
        """(path below the root, content) of every file beside the pictures; `taken` is in the
        order of the plan."""
