"""A trained method in somebody's hands: sliders, transfer, interpolation, neutral, named expressions.

>>> editor = Editor.open("runs/slidergan-pairs-1")
>>> face = editor.photograph("me.jpg")
>>> picture = editor.picture(face, editor.edit(face, editor.sliders(face, {"AU12": 0.8})))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fexdata.corpora.base import EXPRESSIONS
from fexdata.dataset.reader import Dataset
from fexdata.errors import FexdataError
from fexdata.evaluation.conditions import (
    COLUMNS,
    WORDS,
    Kind,
    between,
    kind_of,
    labelled,
    neutral,
    only,
    read,
    with_sliders,
)
from fexdata.evaluation.paste import paste
from fexdata.evaluation.pixels import to_bytes
from fexdata.evaluation.rows import open_rows
from fexdata.evaluation.sheets import Sheet
from fexdata.evaluation.subject import Crop, Subject, from_photograph, from_row
from fexdata.training.method import Method
from fexdata.training.run import open_run

SHOWN = 256
"""Side of a face in a strip or sheet, pixels, where it was cut out of a larger photograph."""
TELLING = ("AU1", "AU4", "AU9", "AU12", "AU15", "AU25", "AU26", "AU43")
"""Action units that a sheet of sliders shows, where the run has them: easily told apart."""
MEAN_OF = 500
"""Rows at most whose mean stands for a named expression."""

Target = dict[str, Tensor]
"""What the method is told to make: entries of a `Batch`, one row."""


@dataclass(frozen=True)
class Editor:
    """A run opened for editing."""

    method: Method
    record: Mapping[str, Any]
    kind: Kind
    dataset: Dataset | None = None
    """For rows, and for the mean of a named expression."""

    @classmethod
    def open(cls, run: str, dataset: Dataset | None = None) -> Editor:
        """Raises `FexdataError` for a folder that is no run of a method that edits."""
        method, record = open_run(run)
        return cls(method, record, kind_of(type(method), method.config), dataset)

    @property
    def size(self) -> int:
        return self.method.info.image_size

    def photograph(self, path: str) -> Subject:
        return from_photograph(path, Crop.of(self.record), size=self.size)

    def row(self, sample_id: str) -> Subject:
        """A row of the editor's dataset."""
        if self.dataset is None:
            raise FexdataError(f"no photograph {sample_id}; for a row of a dataset add --data DATASET")
        return from_row(self.dataset, sample_id, self._columns(), self._info_with_classes())

    def shown(self, subject: Subject) -> Target:
        """The expression that a face shows: as annotated, or as the method's own networks read it.

        Raises `FexdataError` where neither tells.
        """
        known = only(subject.known, self.kind)
        if known:
            return known
        with torch.no_grad():
            told = read(self.method, self.kind, subject.image)
        if told is None:
            raise FexdataError(f"nothing tells the {WORDS[self.kind]} of {subject.name}; take a row of a dataset")
        return told if self.kind == "params" else {name: value.clamp(min=0) for name, value in told.items()}

    def sliders(self, subject: Subject, sets: Mapping[str, float]) -> Target:
        """What the face shows, with some sliders set; see `conditions.with_sliders`."""
        if self.kind not in ("au", "params"):
            return with_sliders(self.kind, self.method.info, {}, sets)  # raises, with the remedy
        return with_sliders(self.kind, self.method.info, self.shown(subject), sets)

    def neutral(self) -> Target:
        if self.kind == "landmarks_68" and self.dataset is not None:
            return self.expression("neutral")
        return neutral(self.kind, self.method.info, 1)

    def expression(self, name: str) -> Target:
        """A named expression: the class, or the mean of the dataset's training rows that show it."""
        if self.kind == "label":
            return labelled(self.method.info, name, 1)
        if name == "neutral" and self.kind != "landmarks_68":
            return self.neutral()
        if self.dataset is None:
            raise FexdataError(f"{name}: this method is told {WORDS[self.kind]}; --data DATASET gives their mean")
        if name not in EXPRESSIONS:
            raise FexdataError(f"no expression {name!r}; there are: {', '.join(EXPRESSIONS)}")
        columns = ["image", "expression", *self._columns()]
        info = self._info_with_classes()
        rows = open_rows(self.dataset, columns, info, split="train", limit=len(self.dataset), seed=0)
        chosen = np.flatnonzero(rows.data.values["expression"][rows.items[:, 0]] == rows.classes.index(name))[:MEAN_OF]
        if not len(chosen):
            raise FexdataError(f"{self.dataset.name} has no training row that shows {name}")
        return {key: value.float().mean(0, keepdim=True) for key, value in only(rows.batch(chosen), self.kind).items()}

    def edit(self, subject: Subject, target: Target, *, strength: float = 1.0) -> Tensor:
        """The face (1, 3, S, S) with the target's expression. strength: 0 as it is, 1 the target, beyond it more."""
        source = only(subject.known, self.kind)
        if not source and (strength != 1 or self._asks_source()):
            source = self.shown(subject)
        if strength != 1:
            target = between(self.method, source, target, strength)
        with torch.no_grad():
            edited: Tensor = self.method.edit(subject.image, source, target)["image"]
        return edited

    def picture(self, subject: Subject, edited: Tensor) -> np.ndarray:
        """(H, W, 3) uint8: the whole photograph with the face put back, or of a row the face alone."""
        after = to_bytes(edited[0])
        if subject.photograph is None or subject.matrix is None:
            return after
        return paste(subject.photograph, to_bytes(subject.image[0]), after, subject.matrix)

    def face(self, subject: Subject, edited: Tensor) -> np.ndarray:
        """The edited face alone, as sharp as the photograph allows: (256, 256, 3) uint8, of a row (S, S, 3)."""
        if subject.photograph is None or subject.matrix is None:
            return to_bytes(edited[0])
        from fexdata.evaluation.subject import scaled
        from fexdata.faces.alignment import warp

        return warp(self.picture(subject, edited), scaled(subject.matrix, SHOWN / self.size), SHOWN)

    def strip(self, subject: Subject, target: Target, *, steps: int, strength: float = 1.0) -> list[np.ndarray]:
        """Faces from the one shown to the target (times strength), in equal steps."""
        shares = np.linspace(0, strength, steps)
        start = self.shown(subject)
        with_source = replace(subject, known={**subject.known, **start})
        return [self.face(subject, self.edit(with_source, target, strength=float(share))) for share in shares]

    def sheet(self, subject: Subject) -> Sheet:
        """A row per slider at five levels, or one row of all classes; the input comes first."""
        info, own = self.method.info, self.face(subject, subject.image)
        if self.kind == "label":
            made = [self.face(subject, self.edit(subject, labelled(info, name, 1))) for name in info.expressions]
            return Sheet(("input", *info.expressions), ("",), ((own, *made),))
        if self.kind == "landmarks_68":
            raise FexdataError("a method that is told landmarks has no sliders; use --from PHOTOGRAPH")
        names, rows = self._telling(), []
        signed = [self._signed(name) for name in names]
        levels = (-1.0, -0.5, 0.0, 0.5, 1.0) if any(signed) else (0.0, 0.25, 0.5, 0.75, 1.0)
        for name in names:
            reached = [level if self._signed(name) else max(level, 0.0) for level in levels]
            edits = [self.edit(subject, self.sliders(subject, {name: level})) for level in reached]
            rows.append((own, *(self.face(subject, edited) for edited in edits)))
        return Sheet(("input", *(f"{level:g}" for level in levels)), tuple(names), tuple(rows))

    def _telling(self) -> list[str]:
        """Up to eight sliders: easily told action units, or the coefficients that vary most."""
        info = self.method.info
        names = list(info.au_names if self.kind == "au" else info.coefficient_names)
        plain = {name.replace("_left", "").replace("_right", "") for name in names}
        easy = [name for name in TELLING if name in plain]
        if len(easy) >= 4:
            return easy
        if self.kind == "au":
            return names[:8]
        return [names[index] for index in info.coefficient_sigma.argsort(descending=True)[:8].tolist()]

    def _signed(self, name: str) -> bool:
        info = self.method.info
        return self.kind == "params" and name in info.coefficient_names and info.coefficient_signed[
            info.coefficient_names.index(name)
        ]  # fmt: skip

    def _asks_source(self) -> bool:
        """Methods of relative action units are told a difference."""
        return bool(getattr(self.method.config, "relative", False))

    def _columns(self) -> list[str]:
        speech = self.kind == "params" and bool(self.method.info.speech_names)
        return [COLUMNS[self.kind], *(["speech_params"] if speech else [])]

    def _info_with_classes(self) -> Any:
        info = self.method.info
        return info if info.expressions else replace(info, expressions=EXPRESSIONS)
