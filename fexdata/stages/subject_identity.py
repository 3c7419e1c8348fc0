"""Who a subject is, from all photographs of the subject, for fits that should differ in expression alone.

One photograph tells a long chin from a lowered one badly; several of one person tell it well, since the
person stays the same in all (docs/models/fitting.md says how much that is worth).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from fexdata.stages.base import StageConfig, Survey

_AT_MOST = 32
"""Photographs of a subject that are looked at, the first in hash order: more change the answer little."""
_LEAST = 2
_DECIMALS = 3


class SubjectIdentity(Survey):
    """Tells every row its subject's identity coefficients; None for who is photographed once."""

    name: ClassVar[str] = "subject_identity"
    version: ClassVar[int] = 2
    reads: ClassVar[tuple[str, ...]] = ("landmarks_478", "subject")
    by: ClassVar[str | None] = "subject"

    class Config(StageConfig):
        """Which model is fitted."""

        model: str = Field("fexdata", description="The face model, the same as of `fit`.")

    config: Config

    def weights(self) -> Mapping[str, str]:
        from fexdata.faces.fitting.detectors import sha256_of

        model = self._model()
        return {model.name: model.sha256, "mediapipe": sha256_of(model.name)}

    def look(self, rows: pa.Table) -> Mapping[str, Any]:
        points = np.asarray(rows.column("landmarks_478").combine_chunks().flatten(), np.float64).reshape(-1, 478, 3)
        subjects = np.array(rows.column("subject").to_pylist(), object)
        usable = np.isfinite(points).all(axis=(1, 2)) & (np.ptp(points[..., :2], axis=1) > 1).all(axis=1)
        found = {}
        for who in sorted(set(subjects) - {None}):
            theirs = points[usable & (subjects == who)][:_AT_MOST]
            if len(theirs) >= _LEAST:
                found[str(who)] = self._of_one(theirs)
        return found

    def _of_one(self, points: np.ndarray) -> dict[str, Any]:
        from fexdata.faces.fitting.detectors import mediapipe
        from fexdata.faces.fitting.fit import fit
        from fexdata.stages.fit import basis_of

        model = self._model()
        one_person = np.zeros(len(points), np.int64)
        fitted = fit(model, points, detector=mediapipe(model.name), groups=one_person)
        return {"basis_id": basis_of(model), "identity": np.round(fitted.identity[0], _DECIMALS).tolist()}

    def _model(self) -> Any:
        from fexdata.faces.fitting.fit import on_our_head
        from fexdata.faces.models.registry import load

        return on_our_head(load(self.config.model))
