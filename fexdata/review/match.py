"""A decision finds its face again after a rebuild, or says that it cannot.

The same face is the same place of the same photograph: equal content hash and frame, and boxes
that overlap. `sample_id` alone would not do: it moves with the file's name and with the number of
faces left of it, and stays when the photograph behind the name is exchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fexdata.review.faces import Face, Geometry
from fexdata.review.fold import LOST

LEAST_OVERLAP: Final = 0.5
"""Intersection over union of the boxes, from which on two faces of one photograph are the same."""

MOST_VERTEX_MOVE: Final = 0.02
"""Of the inter-ocular distance: farther, and a decision on the mesh is stale."""

MOST_LANDMARK_MOVE: Final = 3.0
"""Crop pixels."""

COLUMNS: Final = ("sample_id", "source_path", "source_sha256", "frame", "box")


def match(faces: Mapping[str, Face], rows: pa.Table) -> dict[str, str]:
    """Face key -> `sample_id` of the row that shows it; a face without a row is left out.

    `rows` has the columns `COLUMNS` of the whole dataset. Of several rows that would do (the same
    file twice in the corpus), the one of the face's own `sample_id` wins, then that of the same
    path, then the greatest overlap.
    """
    hashes = pa.array(sorted({face.sha256 for face in faces.values() if face.sha256}), pa.string())
    near = rows.select(COLUMNS).filter(pc.is_in(rows.column("source_sha256"), value_set=hashes))
    candidates: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in near.to_pylist():
        candidates.setdefault((row["source_sha256"], row["frame"] or 0), []).append(row)
    found: dict[str, str] = {}
    for key, face in faces.items():
        row = _best(face, candidates.get((face.sha256 or "", face.frame), []))
        if row is not None:
            found[key] = row["sample_id"]
    return found


def names(faces: Mapping[str, Face], rows: pa.Table) -> dict[str, str]:
    """What each face is called in a fold: the row that shows it, or, for all snapshots of one lost
    face, the same `lost:` name."""
    found = match(faces, rows)
    lost: dict[tuple[str, str | None], str] = {}
    for key, face in faces.items():
        if key not in found:
            found[key] = lost.setdefault((face.sample_id, face.sha256), LOST + key)
    return found


def _best(face: Face, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    def rank(row: Mapping[str, Any]) -> tuple[bool, bool, float]:
        return (row["sample_id"] == face.sample_id, row["source_path"] == face.source_path, _same(face, row))

    return max((row for row in rows if _same(face, row) >= LEAST_OVERLAP), key=rank, default=None)


def _same(face: Face, row: Mapping[str, Any]) -> float:
    if face.box is None or row["box"] is None:  # no face was found: the row is all there is to go by
        return float(face.box is None and row["box"] is None and row["sample_id"] == face.sample_id)
    return overlap(face.box, row["box"])


def overlap(one: Iterable[float], other: Iterable[float]) -> float:
    """Intersection over union of two boxes (left, top, width, height)."""
    a, b, c, d = (float(value) for value in one)
    e, f, g, h = (float(value) for value in other)
    common = max(0.0, min(a + c, e + g) - max(a, e)) * max(0.0, min(b + d, f + h) - max(b, f))
    union = c * d + g * h - common
    return common / union if union > 0 else 0.0


def stale_because(face: Face, before: Geometry, status: str, after: Geometry) -> list[str]:
    """Why a verdict on `face` should be looked at again, as sentences; none when it need not be.

    status: what the rules say of its row now. before, after: landmarks and thinned vertices then
    and now. What moved is measured at the point that moved farthest.
    """
    found = []
    if status != face.status:
        found.append(f"the rules now say {status}; when it was judged they said {face.status}")
    landmarks = farthest(before.landmarks, after.landmarks)
    if landmarks > MOST_LANDMARK_MOVE:
        found.append(_moved("the landmarks", landmarks, "px"))
    unit = interocular(before.landmarks)
    same = (before.geometry, before.vertex_count) == (after.geometry, after.vertex_count)
    vertices = farthest(before.vertices, after.vertices) if same else np.inf
    if vertices > MOST_VERTEX_MOVE * unit:
        found.append(_moved("the mesh", 100 * vertices / unit, "% of the inter-ocular distance"))
    return found


def farthest(before: np.ndarray | None, after: np.ndarray | None) -> float:
    """How far the point that moved farthest moved: arrays (n, d) in crop pixels; infinity when one
    of them is missing or has another number of points."""
    if before is None or after is None:
        return 0.0 if before is None and after is None else np.inf
    if before.shape != after.shape:
        return np.inf
    moved = np.linalg.norm(before.astype(np.float64) - after, axis=1)
    return float(np.nan_to_num(moved, nan=np.inf).max(initial=0.0))


def interocular(landmarks: np.ndarray | None) -> float:
    """Distance between the eyes' centres, by the 68 landmarks; NaN without them."""
    if landmarks is None:
        return np.nan
    return float(np.linalg.norm(landmarks[36:42].mean(axis=0) - landmarks[42:48].mean(axis=0)))


def _moved(what: str, by: float, unit: str) -> str:
    return f"{what} moved by {by:.1f} {unit}" if np.isfinite(by) else f"{what} is not the one that was judged"
