"""One face's mesh for the page: a small binary file, and how far the fit is off, vertex by vertex.

"FXM1", uint32 length of the header, header (JSON, padded with spaces to a multiple of 4),
float32 vertices (V, 3), float32 normals (V, 3), uint32 triangles (T, 3),
float32 landmarks (L, 2), float32 residual (V,) if the header has one; all little-endian
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.topology import Topology, topology
from fexdata.render.maps import DEPTH_OFFSET, DEPTH_STEPS
from fexdata.review.match import interocular

MAGIC: Final = b"FXM1"
UNIT: Final = "% of inter-ocular distance"
NOTHING: Final = 0.05
"""Percent: a residual that is nowhere larger says nothing."""

LEAST_TOP: Final = 2.0
"""Percent: the end of the heat map's colours is the 95th percentile, but no less than this."""

ABOUT: Final = {
    "landmarks": "How far each vertex lies from the landmark that the network saw there.",
    "depth": "How far each vertex lies behind the depth map's surface: hidden or folded parts of the mesh.",
}


@dataclass(frozen=True, slots=True, eq=False)
class Residual:
    """The fit's error per vertex, (V,) float32 in percent of the inter-ocular distance, NaN where
    it is not known; `kind` says of what, see `ABOUT`."""

    kind: str
    values: np.ndarray

    @property
    def p95(self) -> float:
        return float(np.nanpercentile(self.values, 95))

    @property
    def worst(self) -> float:
        return float(np.nanmax(self.values))


def topology_of(geometry: str | None) -> Topology | None:
    """The triangles of a geometry; None for one that is not known here."""
    try:
        return None if geometry is None else topology(geometry)
    except FexdataError:
        return None


def residual(
    vertices: np.ndarray,
    seen: np.ndarray | None,
    depth: np.ndarray | None,
    landmarks: np.ndarray | None,
    triangles: np.ndarray,
) -> Residual | None:
    """How far the mesh is from what was seen, or None when there is nothing to compare.

    vertices: (V, 3) crop pixels; seen: the network's landmarks (V, 3), where the mesh has a vertex
    for each; depth: the map as stored, (H, W) uint16; landmarks: (68, 2), for the unit. A mesh whose
    vertices are the landmarks is compared with its own depth map instead.
    """
    unit = interocular(landmarks)
    if not unit > 0:
        return None
    if seen is not None and seen.shape == vertices.shape:
        apart = np.linalg.norm(vertices[:, :2] - seen[:, :2], axis=1) / unit * 100
        if np.nanmax(apart, initial=0) > NOTHING:
            return Residual("landmarks", apart.astype(np.float32))
    if depth is None:
        return None
    used = np.zeros(len(vertices), bool)
    used[triangles] = True
    behind = np.where(used, _distance_from_map(depth, vertices), np.nan) / unit * 100
    return Residual("depth", behind.astype(np.float32)) if np.isfinite(behind).any() else None


def encode(
    vertices: np.ndarray,
    shape: Topology,
    landmarks: np.ndarray | None,
    found: Residual | None,
    about: Mapping[str, Any],
) -> bytes:
    """The file described above; `about` joins the header."""
    from fexdata.faces.mesh import vertex_normals

    points = np.zeros((0, 2), np.float32) if landmarks is None else landmarks[:, :2]
    header = {
        "geometry": shape.name,
        "vertices": len(vertices),
        "triangles": len(shape.triangles),
        "landmarks": len(points),
        "residual": None,
        **about,
    }
    if found is not None:
        numbers = {"p95": round(found.p95, 2), "worst": round(found.worst, 2)}
        header["residual"] = {"kind": found.kind, "unit": UNIT, "about": ABOUT[found.kind], **numbers}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    normals = vertex_normals(vertices, shape.triangles)
    parts = [
        vertices.astype("<f4"),
        normals.astype("<f4"),
        shape.triangles.astype("<u4"),
        points.astype("<f4"),
        *([] if found is None else [found.values.astype("<f4")]),
    ]
    return b"".join([MAGIC, len(text).to_bytes(4, "little"), text, *(part.tobytes() for part in parts)])


def _distance_from_map(depth: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """(V,) float64: how far each vertex is from the depth map around it, in pixels; NaN where the map
    is empty. Of the nine pixels around a vertex the best counts: beside the nose, half a pixel to the
    side is many pixels of depth."""
    height, width = depth.shape
    best = np.full(len(vertices), np.nan)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            x = np.round(vertices[:, 0]).astype(np.int64) + right
            y = np.round(vertices[:, 1]).astype(np.int64) + down
            inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            stored = depth[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)].astype(np.float64)
            apart = np.abs(stored / DEPTH_STEPS - DEPTH_OFFSET + vertices[:, 2])
            best = np.fmin(best, np.where(inside & (stored > 0), apart, np.nan))
    return best
