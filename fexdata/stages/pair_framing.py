"""Where the landmarks of a pair's pictures lie on average, so that all of them are cut out by one matrix.

A face framed by its own landmarks is framed by its expression, too: a smile moves the mouth's corners,
and with them the crop. Between the two pictures of a pair that shift is about as large as what the
expression moves, and a method that learns from pairs would have to guess it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from fexdata.stages.base import Survey

APART = 0.5
"""Times the distance between the eyes: pictures whose faces lie further apart than this were not taken from one
tripod, and are framed each by itself."""
_DECIMALS = 2


class PairFraming(Survey):
    """Tells every row of a pair group the group's mean points, per landmark scheme ("five", "68"), in
    photograph pixels; None where the faces do not lie in one place."""

    name: ClassVar[str] = "pair_framing"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("face_landmarks", "pair_group")
    by: ClassVar[str | None] = "pair_group"

    def look(self, rows: pa.Table) -> Mapping[str, Any]:
        groups = np.array(rows.column("pair_group").to_pylist(), object)
        points = np.asarray(rows.column("face_landmarks").combine_chunks().flatten(), np.float64).reshape(-1, 478, 3)
        return {str(one): _mean(points[groups == one]) for one in sorted(set(groups) - {None})}


def _mean(faces: np.ndarray) -> dict[str, Any] | None:
    """faces: (n, 478, 3)."""
    from fexdata.faces.landmarks import to_5, to_68

    five = np.stack([to_5(face[:, :2]) for face in faces])
    eyes = five[:, :2].mean(axis=1)
    between = np.linalg.norm(five[:, 0] - five[:, 1], axis=1).mean()
    if np.linalg.norm(eyes - eyes.mean(axis=0), axis=1).max() > APART * between:
        return None
    mean = faces[..., :2].mean(axis=0)
    return {name: np.round(take(mean), _DECIMALS).tolist() for name, take in (("five", to_5), ("68", to_68))}
