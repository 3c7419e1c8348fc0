"""Truth instead of measurement: columns of a synthetic corpus's `truth.parquet`, put in their place.

A method trained on what was measured fails for two reasons, its own and the measurement's. Built
twice, once from the truth, the same photographs tell the two apart. `au_scheme` and `basis_id` say
`truth:...`, so that nobody mixes the two by accident. Recipes get these stages from `truth.use`.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from fexdata.corpora.truth import USES, read_truth
from fexdata.dataset.fields import column, fixed
from fexdata.errors import Code, RowError
from fexdata.faces.landmarks import IBUG_68, MEDIAPIPE_478
from fexdata.stages.base import Row, Stage, StageConfig

MIN_OVERLAP = 0.2
"""Least intersection over union of the face that was found and the one that the truth is about."""
MARK = "truth:"


class _Truth(Stage):
    """Reads its columns of the row's truth; a face that is not the picture's person has none."""

    version: ClassVar[int] = 1
    use: ClassVar[str]

    def run(self, rows: Sequence[Row]) -> Sequence[Any]:
        return self.each(rows, self._one)

    def _one(self, row: Row) -> dict[str, Any]:
        if row["truth"] is None:
            raise RowError(Code.MISSING, "the photograph has no row in the truth")
        truth = read_truth(row["truth"], dict.fromkeys(("landmarks_68", *USES[self.use])))
        if _overlap(np.asarray(row["box"], float), truth["landmarks_68"]) < MIN_OVERLAP:
            raise RowError(Code.NO_ANNOTATED_FACE, "the face that was found is not the one that the truth is about")
        return self._columns(row, truth)

    @abstractmethod
    def _columns(self, row: Row, truth: dict[str, Any]) -> dict[str, Any]:
        """What this stage writes of the truth of a row's picture."""


class TruthActionUnits(_Truth):
    """Intensities of the action units that the picture was made with."""

    name: ClassVar[str] = "truth_au"
    use: ClassVar[str] = "au"
    reads: ClassVar[tuple[str, ...]] = ("truth", "box")

    class Config(StageConfig):
        """What the file says of the column."""

        names: tuple[str, ...] = Field(description="Action units, as AU12.")
        scheme: str = Field(description="How they are scored.")

    config: Config

    def schema(self) -> pa.Schema:
        units = pa.struct([(name, pa.float32()) for name in self.config.names])
        about = "Intensities of action units: none 0, E 5."
        return pa.schema([_scheme_field(), column("au", units, about, unit="0 to 5")])

    def _columns(self, row: Row, truth: dict[str, Any]) -> dict[str, Any]:
        return {"au_scheme": MARK + self.config.scheme, "au": truth["au"]}


class TruthExpressionParams(_Truth):
    """Coefficients of expression and identity that the picture's shape was made with."""

    name: ClassVar[str] = "truth_expression_params"
    use: ClassVar[str] = "expression_params"
    reads: ClassVar[tuple[str, ...]] = ("truth", "box")

    class Config(StageConfig):
        """What the file says of the columns."""

        names: tuple[str, ...] = Field(description="Of the expression coefficients.")
        signed: tuple[bool, ...] = Field(description="Whether each goes both ways from 0.")
        identity_names: tuple[str, ...] = Field(description="Of the identity coefficients.")
        basis_id: str = Field(description="What the coefficients multiply.")

    config: Config

    def schema(self) -> pa.Schema:
        expression, identity = self.config.names, self.config.identity_names
        about = "What the coefficients multiply; numbers of two bases mean different things."
        params = coefficients("expression_params", expression, "Expression coefficients.")
        extra = {**params.metadata, b"signed": json.dumps(list(self.config.signed)).encode()}
        return pa.schema(
            [
                column("basis_id", pa.string(), about),
                params.with_metadata(extra),
                coefficients("identity_params", identity, "Identity coefficients, in standard deviations."),
            ]
        )

    def _columns(self, row: Row, truth: dict[str, Any]) -> dict[str, Any]:
        return {
            "basis_id": MARK + self.config.basis_id,
            "expression_params": truth["expression_params"],
            "identity_params": truth["identity_params"],
        }


class TruthLandmarks(_Truth):
    """The points of the model itself, moved into the crop."""

    name: ClassVar[str] = "truth_landmarks"
    use: ClassVar[str] = "landmarks"
    reads: ClassVar[tuple[str, ...]] = ("truth", "box", "crop_matrix")

    class Config(StageConfig):
        """Nothing to choose."""

    def schema(self) -> pa.Schema:
        crop = "crop pixels"
        about = "The face model's own points in MediaPipe's scheme (truth); z away from the viewer."
        return pa.schema(
            [
                column("landmarks_478", fixed(478 * 3), about, unit=crop, shape=(478, 3),
                       convention=MEDIAPIPE_478, mirror="vertices", table="side"),
                column("landmarks_68", fixed(68 * 2), "The face model's own points in iBUG's scheme (truth).",
                       unit=crop, shape=(68, 2), convention=IBUG_68, mirror="points"),
            ]
        )  # fmt: skip

    def _columns(self, row: Row, truth: dict[str, Any]) -> dict[str, Any]:
        from fexdata.faces.alignment import apply

        matrix = np.asarray(row["crop_matrix"], np.float64).reshape(2, 3)
        moved = {name: apply(matrix, np.asarray(truth[name], np.float64)) for name in USES["landmarks"]}
        return {name: np.round(points, 3) for name, points in moved.items()}


def coefficients(name: str, names: Sequence[str], about: str) -> pa.Field:
    """A column of named coefficients."""
    count = len(names)
    return column(name, fixed(count), about, shape=(count,), mirror="named", names=names)


def _scheme_field() -> pa.Field:
    return column("au_scheme", pa.string(), "How `au` is scored; numbers of two schemes mean different things.")


def _overlap(box: np.ndarray, points: np.ndarray) -> float:
    """Intersection over union of a box (left, top, width, height) and the points' bounding box."""
    low, high = box[:2], box[:2] + box[2:]
    least, most = points.min(axis=0), points.max(axis=0)
    inner = np.clip(np.minimum(high, most) - np.maximum(low, least), 0, None).prod()
    return float(inner / max((high - low).prod() + (most - least).prod() - inner, 1e-9))
