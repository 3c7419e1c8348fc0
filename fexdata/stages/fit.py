"""From landmarks to a face model's coefficients: who it is, what it does, and how sure of each.

SliderGAN is conditioned on these numbers, and `reconstruct.backend=fit` takes its mesh from them. The
rows of a micro-batch are solved together, `_TOGETHER` at a time whatever the batch, so that a row's
numbers do not depend on its neighbours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from fexdata.dataset.fields import column, fixed
from fexdata.errors import Code, Failure, FexdataError
from fexdata.faces.landmarks import MEDIAPIPE_478
from fexdata.stages.base import Row, Stage, StageConfig
from fexdata.stages.truth import coefficients

SURVEY = "subject_identity"
_TOGETHER = 16
_IRISES = slice(468, 478)
_DECIMALS = 4


class Fit(Stage):
    """Identity and expression of a face model, per face, under weak perspective."""

    name: ClassVar[str] = "fit"
    version: ClassVar[int] = 3
    reads: ClassVar[tuple[str, ...]] = ("landmarks_478", "landmarks_68")

    class Config(StageConfig):
        """Which model is fitted to which landmarks."""

        model: str = Field("fexdata", description="The face model: a name of `fexdata models`, KIND:PATH or a file.")
        landmarks: Literal[478, 68] = Field(
            478, description="Which landmarks: MediaPipe's 478, with what is known of its errors, or iBUG's 68."
        )
        identity: Literal["own", "subject"] = Field(
            "own",
            description="Whose identity: each photograph's own, or the subject's, which the survey subject_identity "
            "finds from all of the subject's photographs.",
        )

    config: Config

    def __init__(self, config: StageConfig) -> None:
        super().__init__(config)
        if self.config.identity == "subject":
            self.reads = (*Fit.reads, SURVEY)  # type: ignore[misc]

    def schema(self) -> pa.Schema:
        from fexdata.faces.fitting.fit import prepared

        model, crop = self._model(), "crop pixels"
        seen = prepared(model, self._count, self._detector()).seen
        names = [name for name, told in zip(model.expression_names, seen, strict=True) if told]
        params = coefficients("expression_params", names, "Expression coefficients that landmarks can tell.")
        signed = json.dumps(model.expression_signed[seen].tolist()).encode()
        unseen = json.dumps([name for name in model.expression_names if name not in names]).encode()
        about = "Share of each coefficient's prior variance that the landmarks took away: 0 nothing, 1 all."
        return pa.schema(
            [
                column("basis_id", pa.string(), "What the coefficients multiply; numbers of two bases mean "
                       "different things."),
                params.with_metadata({**params.metadata, b"signed": signed, b"unseen": unseen}),
                coefficients("expression_confidence", names, about),
                coefficients("identity_params", model.identity_names, "Identity coefficients, in standard deviations."),
                column("fit_residual", pa.float32(), "Root mean square distance of landmarks from the fitted model's.",
                       unit="share of the landmarks' diagonal"),
                column("fitted_478", fixed(478 * 3), "The fitted model at MediaPipe's vertices; irises as detected.",
                       unit=crop, shape=(478, 3), convention=MEDIAPIPE_478, mirror="vertices", table="layer"),
            ]
        )  # fmt: skip

    def weights(self) -> Mapping[str, str]:
        from fexdata.faces.fitting.detectors import sha256_of

        model = self._model()
        return {model.name: model.sha256, "mediapipe": sha256_of(model.name)}

    def warm_up(self) -> None:
        self.schema()

    def run(self, rows: Sequence[Row]) -> Sequence[Any]:
        column_read = f"landmarks_{self.config.landmarks}"
        found: list[Any] = [Failure(self.name, Code.POOR_FIT, "landmarks are not finite or have no extent")] * len(rows)
        points = [np.asarray(row[column_read], np.float64) for row in rows]
        usable = [number for number, one in enumerate(points) if np.isfinite(one).all() and np.ptp(one[:, :2]) > 1]
        for start in range(0, len(usable), _TOGETHER):
            part = usable[start : start + _TOGETHER]
            filled = part + part[:1] * (_TOGETHER - len(part))
            told = [rows[number].values.get(SURVEY) for number in filled] if self.config.identity == "subject" else None
            fitted = self._fitted(np.stack([points[number] for number in filled]), told)
            for number, output in zip(part, fitted, strict=False):
                irises = np.asarray(rows[number]["landmarks_478"], np.float64)[_IRISES]
                found[number] = {**output, "fitted_478": _with_irises(output["fitted_478"], irises)}
        return found

    def _fitted(self, points: np.ndarray, told: Sequence[Any] | None) -> list[dict[str, Any]]:
        """told: per row what the survey says; None where each row has its own identity."""
        from fexdata.faces.fitting.fit import fit

        model = self._model()
        identity = None if told is None else self._identities(told)
        fitted = fit(model, points, detector=self._detector(), identity=identity)
        seen = fitted.problem.seen
        skin = fitted.vertices(model, slice(0, _IRISES.start))
        return [
            {
                "basis_id": basis_of(model),
                "expression_params": np.round(fitted.expression[number, seen], _DECIMALS),
                "expression_confidence": np.round(fitted.confidence[number, seen], _DECIMALS),
                "identity_params": np.round(fitted.identity[number], _DECIMALS),
                "fit_residual": round(float(fitted.residual[number]), _DECIMALS),
                "fitted_478": skin[number],
            }
            for number in range(len(points))
        ]

    def _identities(self, told: Sequence[Any]) -> np.ndarray:
        """(B, K), NaN where the survey knows nobody. Raises `FexdataError` for another model's identities."""
        model = self._model()
        unknown = np.full(len(model.identity_names), np.nan)
        if any(one is not None and one["basis_id"] != basis_of(model) for one in told):
            raise FexdataError(f"{SURVEY}.model and fit.model differ; --set {SURVEY}.model={self.config.model}")
        return np.array([unknown if one is None else one["identity"] for one in told], np.float64)

    @property
    def _count(self) -> int:
        return 68 if self.config.landmarks == 68 else _IRISES.start

    def _detector(self) -> Any:
        from fexdata.faces.fitting.detectors import mediapipe

        return None if self.config.landmarks == 68 else mediapipe(self._model().name)

    def _model(self) -> Any:
        from fexdata.faces.fitting.fit import on_our_head
        from fexdata.faces.models.registry import load

        return on_our_head(load(self.config.model))


def basis_of(model: Any) -> str:
    """What a model's coefficients multiply, as `basis_id`."""
    return f"{model.name}-{model.sha256[:12]}"


def _with_irises(skin: np.ndarray, irises: np.ndarray) -> np.ndarray:
    """(478, 3): the skin (468, 3), then the detected irises (10, 3), their depth moved with the eyes'."""
    from fexdata.faces.landmarks import EYE_CORNERS_478

    placed = irises.copy()
    placed[:, 2] += skin[list(EYE_CORNERS_478), 2].mean() - placed[:, 2].mean()
    result: np.ndarray = np.round(np.concatenate([skin, placed]), 3)
    return result
