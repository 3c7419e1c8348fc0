"""Each subject's face at rest, for action units that are measured from it.

What a face does is its difference from the same face doing nothing. A studio corpus has that picture
of everybody; seen against it, identity drops out (docs/models/geometric-action-units.md says how much
that is worth).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from fexdata.stages.base import Survey

_DECIMALS = 4


class NeutralShape(Survey):
    """Tells every row its subject's shape at rest, from the subject's pictures labelled neutral; None
    where there is none."""

    name: ClassVar[str] = "neutral_shape"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("landmarks_478", "expression", "subject")
    by: ClassVar[str | None] = "subject"
    only: ClassVar[Mapping[str, str]] = {"expression": "neutral"}

    def look(self, rows: pa.Table) -> Mapping[str, Any]:
        from fexdata.faces.action_units.geometric import embedded

        tool = embedded()
        points = np.asarray(rows.column("landmarks_478").combine_chunks().flatten(), np.float64).reshape(-1, 478, 3)
        subjects = np.array(rows.column("subject").to_pylist(), object)
        return {
            str(who): np.round(tool.subject_neutral(points[subjects == who]), _DECIMALS).tolist()
            for who in sorted(set(subjects) - {None})
        }
