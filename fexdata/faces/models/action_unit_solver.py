"""Spreads the movement of a few points of the face over the whole of it.

A muscle is felt all over the skin around it, but only its effect on a few points is easily told in
millimetres. The rest of a field is what a Gaussian process expects of it: its prior is the Matern
field of smoothness 1 on the surface, whose precision is (k^2 M + L) M^-1 (k^2 M + L) with L the
cotangent Laplacian and M the vertices' areas (Lindgren, Rue, Lindström, An explicit link between
Gaussian fields and Gaussian Markov random fields, JRSS B 2011, section 2). Unlike a plain
biharmonic extension it dies away with the distance from the points and does not swing back.

The surface is cut along lips and lids. A field says how far the upper rim leaves the lower one;
these differences hold exactly, at every pair of vertices.

| symbol | meaning | shape |
|---|---|---|
| A | precision of the prior | (468, 468) |
| x | displacements, mm: x = P y + c | (468, 3) |
| y | displacements of all vertices but the upper rims' | (n, 3) |
| c | how far each upper rim's vertex leaves its partner | (468, 3) |
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from fexdata.faces.canonical import VERTICES, canonical_vertices
from fexdata.faces.landmarks import MIRROR_478
from fexdata.faces.topology import Label, coarse_478

MILLIMETRES = 10.0
"""Of one unit of MediaPipe's canonical face, which is in centimetres."""

_LEFT_LIPS = ((191, 95), (80, 88), (81, 178), (82, 87))
_LEFT_LIDS = ((246, 7), (161, 163), (160, 144), (159, 145), (158, 153), (157, 154), (173, 155))

MIRROR = MIRROR_478[:VERTICES]


def _both(pairs: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    return pairs + tuple((int(MIRROR[upper]), int(MIRROR[lower])) for upper, lower in pairs)


LIP_PAIRS = (*_both(_LEFT_LIPS), (13, 14))
"""Vertices of the inner upper lip and those of the inner lower lip that they rest on."""
LID_PAIRS = _both(_LEFT_LIDS)
"""Vertices of the upper lids' rims and those of the lower lids' that they meet."""

_STRONGEST_COTANGENT, _WEAKEST_COTANGENT = 10.0, 0.02
"""Slivers around the nostrils would otherwise tear their corners apart."""


def extend(
    controls: Mapping[int, tuple[float, float, float]], gaps: Mapping[tuple[int, int], np.ndarray], *, reach: float
) -> np.ndarray:
    """The most likely movement of both sides with given displacements: (468, 3) float64, mm.

    As `spread`, but the controls are on the left and the midline, their partners on the right move
    as their mirror image, and the field is mirror symmetric to the last bit.
    """
    return symmetric(spread(_mirrored_controls(controls), gaps, reach=reach))


def spread(
    controls: Mapping[int, Sequence[float] | np.ndarray], gaps: Mapping[tuple[int, int], np.ndarray], *, reach: float
) -> np.ndarray:
    """The most likely field with given values at some vertices: (468, d) float64.

    controls: vertex -> (d,) value. gaps: (upper, lower) -> (d,) by how much the upper vertex's value
    exceeds the lower one's. reach: mm at which two points' values correlate by 0.14.
    """
    width = len(next(iter(controls.values())))
    column, offsets = _unknowns(gaps, width)
    placement = np.zeros((VERTICES, int(column.max()) + 1))
    placement[np.arange(VERTICES), column] = 1.0
    vertices = list(controls)
    fixed, values = column[vertices], np.array([controls[vertex] for vertex in vertices]) - offsets[vertices]
    precision = placement.T @ _precision(reach)
    system = precision @ placement
    free = np.setdiff1d(np.arange(placement.shape[1]), fixed)
    solution = np.zeros((placement.shape[1], width))
    solution[fixed] = values
    pull = precision @ offsets + system[:, fixed] @ values
    solution[free] = np.linalg.solve(system[np.ix_(free, free)], -pull[free])
    result: np.ndarray = solution[column] + offsets
    return result


def symmetric(field: np.ndarray) -> np.ndarray:
    """The mean of a field and its mirror image: (468, 3)."""
    return 0.5 * (field + mirrored(field))


def mirrored(field: np.ndarray) -> np.ndarray:
    """What a field on the left does on the right: (468, 3)."""
    return field[MIRROR] * np.array([-1.0, 1.0, 1.0])


def _mirrored_controls(controls: Mapping[int, tuple[float, float, float]]) -> dict[int, tuple[float, float, float]]:
    both = dict(controls)
    for vertex, (x, y, z) in controls.items():
        if MIRROR[vertex] == vertex:
            both[vertex] = (0.0, y, z)
        else:
            both[int(MIRROR[vertex])] = (-x, y, z)
    return both


def _unknowns(gaps: Mapping[tuple[int, int], np.ndarray], width: int) -> tuple[np.ndarray, np.ndarray]:
    """Which unknown moves each vertex (468,), and c (468, d): an upper vertex shares its partner's."""
    column = np.full(VERTICES, -1)
    offsets = np.zeros((VERTICES, width))
    for (upper, _), gap in gaps.items():
        offsets[upper] = gap
    uppers = {upper for upper, _ in gaps}
    own = np.array([vertex for vertex in range(VERTICES) if vertex not in uppers])
    column[own] = np.arange(len(own))
    for upper, lower in gaps:
        column[upper] = column[lower]
    return column, offsets


@functools.cache
def _precision(reach: float) -> np.ndarray:
    """A for a Matern field of smoothness 1: range = sqrt(8) / k (Lindgren et al., section 2.1)."""
    laplacian, areas = _operators()
    inner = np.diag(8.0 / reach**2 * areas) + laplacian
    return inner @ (inner / areas[:, None])


@functools.cache
def _operators() -> tuple[np.ndarray, np.ndarray]:
    """The cotangent Laplacian (468, 468) and the vertices' areas (468,) of the face, eyes and mouth open."""
    topology = coarse_478()
    triangles = topology.triangles[topology.labels == Label.SKIN]
    points = canonical_vertices().astype(np.float64) * MILLIMETRES
    weights = np.zeros((VERTICES, VERTICES))
    areas = np.zeros(VERTICES)
    for corner in range(3):
        apex, a, b = (triangles[:, (corner + step) % 3] for step in range(3))
        u, v = points[a] - points[apex], points[b] - points[apex]
        twice = np.linalg.norm(np.cross(u, v), axis=1)
        cotangent = np.clip(np.sum(u * v, axis=1) / twice, -_STRONGEST_COTANGENT, _STRONGEST_COTANGENT)
        np.add.at(weights, (a, b), cotangent / 2)
        np.add.at(weights, (b, a), cotangent / 2)
        np.add.at(areas, apex, twice / 6)
    weights = np.where(weights != 0, np.maximum(weights, _WEAKEST_COTANGENT), 0.0)
    # A tenth of a square millimetre keeps the divisions by slivers' areas harmless.
    return np.diag(weights.sum(axis=1)) - weights, np.maximum(areas, 0.1)
