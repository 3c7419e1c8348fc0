"""What a decision remembers of the face that it was made on.

A row can be renamed, renumbered or refitted by the next build. So a decision does not point to a
row, but to a snapshot: which photograph's bytes, where in it, what the rules said, and where
landmarks and mesh lay. `fexdata.review.match` finds the row of today that shows the same face.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np

MOST_VERTICES: Final = 512
"""A snapshot keeps at most so many vertices, evenly spread over the mesh's numbering: a mesh of
10,000 would otherwise take 100 KB a decision."""


@dataclass(frozen=True, slots=True)
class Face:
    """One face as one build had it. `key` is a hash of everything else."""

    key: str
    sample_id: str
    source_path: str
    sha256: str | None
    """Of the photograph's file."""
    frame: int
    box: tuple[float, float, float, float] | None
    """left, top, width, height in pixels of the photograph."""
    build: str
    """Fingerprint of the build."""
    status: str
    """What the rules said, decisions apart."""
    reasons: tuple[str, ...]
    expression: str | None
    """The corpus's label."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where landmarks and mesh lay, in crop pixels; None where there was none.

    landmarks: (68, 2) float32. vertices: (at most 512, 3) float32, see `thinned`; `geometry` and
    `vertex_count` say of which mesh.
    """

    landmarks: np.ndarray | None = None
    vertices: np.ndarray | None = None
    geometry: str | None = None
    vertex_count: int = 0


def face_key(*parts: object) -> str:
    """32 hexadecimal digits that stand for the parts."""
    return hashlib.blake2b(json.dumps(parts, default=str).encode(), digest_size=16).hexdigest()


def thinned(vertices: np.ndarray) -> np.ndarray:
    """Every k-th of the (V, 3) vertices, so that at most `MOST_VERTICES` are left."""
    step = -(-len(vertices) // MOST_VERTICES)
    return np.ascontiguousarray(vertices[:: max(step, 1)], np.float32)


def pack(points: np.ndarray | None) -> bytes | None:
    """Points (n, d) float32 as a few compressed kilobytes."""
    if points is None:
        return None
    array = np.ascontiguousarray(points, "<f4")
    return array.shape[1].to_bytes(1, "little") + zlib.compress(array.tobytes(), 1)


def unpack(data: bytes | None) -> np.ndarray | None:
    """The inverse of `pack`."""
    if data is None:
        return None
    return np.frombuffer(zlib.decompress(data[1:]), "<f4").reshape(-1, data[0])
