"""MediaPipe's canonical face at rest: lips together, eyes open, its surface faired.

The canonical face holds its lips 5.5 mm apart and its lids 6.7: neither open nor shut. A mean face
for expressions starts from a closed mouth and open eyes. Frame: x right, y down, z away from the
viewer; the canonical face times ten, so that its unit is the millimetre.
"""

from __future__ import annotations

import functools

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve

from fexdata.faces.canonical import canonical_vertices
from fexdata.faces.landmarks import MIRROR_478
from fexdata.faces.mesh import vertex_normals
from fexdata.faces.models.extension import extend, laplacian
from fexdata.faces.topology import LEFT_EYE_RIM, RIGHT_EYE_RIM, Label, coarse_478

MILLIMETRES = 10.0
"""Millimetres in a unit of the canonical face."""

EYE_OPENING = 9.4
"""Millimetres between the lids at their middle."""
SEAM_GAP = 0.4
"""Millimetres between the lips at their middle."""
LID_LINE = -26.2
"""y of the line between the corners of an eye."""

LID_FOLD = {(247, 30, 29, 27, 28, 56, 190): (0.3, 1.9), (113, 225, 224, 223, 222, 221, 189): (-0.3, -1.1)}
"""The crease of the upper lid and the fold above it: millimetres up and backwards."""

CLOSING = {
    # upper lip, from the seam to its border: millimetres down and backwards at the middle
    (78, 191, 80, 81, 82, 13): (2.3, -2.4),
    (62, 183, 42, 41, 38, 12): (1.8, -1.6),
    (76, 184, 74, 73, 72, 11): (1.1, -0.8),
    (61, 185, 40, 39, 37, 0): (0.5, -0.2),
    # lower lip, from the seam to its border
    (78, 95, 88, 178, 87, 14): (-2.8, -1.2),
    (62, 96, 89, 179, 86, 15): (-2.2, -1.9),
    (76, 77, 90, 180, 85, 16): (-1.4, -2.0),
    (61, 146, 91, 181, 84, 17): (-0.8, -1.3),
}
"""How rows of the left half of the lips move, from the corner to the middle."""

STILL = (2, 97, 98, 94, 1, 4, 5, 195, 197, 6, 168, 8, 9, 107, 66, 105, 63, 70, 46, 129, 203, 206,
         216, 212, 202, 204, 194, 201, 200, 182, 106, 43, 230, 229, 231, 228, 232, 50,
         101, 36, 205, 117, 118, 119, 120, 55, 65, 52, 53)  # fmt: skip
"""Vertices of the left half and the middle that neither closing the lips nor opening the eyes moves."""

FAIRNESS = 0.3
"""Most that fairing moves a vertex, millimetres."""


@functools.cache
def rest_face() -> np.ndarray:
    """The 468 vertices of the mean face: (468, 3) float64 millimetres, read-only, mirror symmetric.

    Apart from lips and lids they lie within `FAIRNESS` of the canonical vertices.
    """
    canonical = canonical_vertices().astype(np.float64) * MILLIMETRES
    skin = _skin()
    known = {vertex: np.zeros(3) for vertex in (*coarse_478().boundary, *STILL)}
    known |= _closed_lips(canonical) | _open_eyes(canonical)
    known |= {int(MIRROR_478[vertex]): move * [-1, 1, 1] for vertex, move in known.items()}
    rest = canonical + extend(skin, canonical, np.array(list(known)), np.array(list(known.values())))
    rest = faired(rest, skin, fixed=_kept())
    result: np.ndarray = (rest + rest[MIRROR_478[:468]] * [-1, 1, 1]) / 2
    result.setflags(write=False)
    return result


def faired(vertices: np.ndarray, triangles: np.ndarray, fixed: np.ndarray, stiffness: float = 0.02) -> np.ndarray:
    """The surface with its vertices moved along their normals so that curvature changes evenly.

    Minimises |grad H|^2 + stiffness |move|^2 with H the mean curvature (the discrete Laplacian's
    normal part); moves are cut at `FAIRNESS`. vertices (V, 3), triangles (T, 3); `fixed` (n,) stay.
    """
    normals = vertex_normals(vertices, triangles).astype(np.float64)
    operator = laplacian(triangles, len(vertices), vertices)
    along = sum(sp.diags(normals[:, axis]) @ operator @ sp.diags(normals[:, axis]) for axis in range(3))
    bending = (operator @ vertices * normals).sum(axis=1)
    change = operator @ along
    system = change.T @ change + stiffness * sp.identity(len(vertices))
    free = np.setdiff1d(np.arange(len(vertices)), fixed)
    move = np.zeros(len(vertices))
    move[free] = spsolve(system.tocsr()[free][:, free].tocsc(), -(change.T @ (operator @ bending))[free])
    move = FAIRNESS * np.tanh(move / FAIRNESS)
    result: np.ndarray = vertices + move[:, None] * normals
    return result


def _closed_lips(canonical: np.ndarray) -> dict[int, np.ndarray]:
    moves = {}
    for row, (down, back) in CLOSING.items():
        for vertex in row:
            across = max(0.0, 1 - (canonical[vertex, 0] / canonical[row[0], 0]) ** 2)
            moves[vertex] = across * np.array([0, down, back])
    # The seam itself: both lips on one line.
    for vertex in (191, 80, 81, 82, 13, 95, 88, 178, 87, 14):
        across = 1 - (canonical[vertex, 0] / canonical[78, 0]) ** 2
        side = -1 if canonical[vertex, 1] < 42 else 1
        x = canonical[vertex, 0]
        bow = 0.6 * np.exp(-((x / 4.0) ** 2)) - 0.4 * np.exp(-(((x + 9.5) / 5.0) ** 2))
        line = 42.9 + (bow - 0.5) * across + side * SEAM_GAP / 2 * across**0.4
        moves[vertex][1] = line - canonical[vertex, 1]
        moves[vertex][2] += 0.4 * side * across
    return moves


def _open_eyes(canonical: np.ndarray) -> dict[int, np.ndarray]:
    wider = EYE_OPENING - float(canonical[145, 1] - canonical[159, 1])
    outer, inner = canonical[33, 0], canonical[133, 0]
    moves = {}
    for vertex in RIGHT_EYE_RIM:
        x, y, _ = canonical[vertex]
        across = max(0.0, 1 - ((2 * x - outer - inner) / (outer - inner)) ** 2)
        lift = wider * (-0.7 if y < LID_LINE else 0.3)
        moves[vertex] = np.array([0, lift * across**0.7, 0.15 * abs(lift) * across])
    for row, (up, back) in LID_FOLD.items():
        for vertex, share in zip(row, (0.4, 0.8, 1.0, 1.0, 1.0, 0.8, 0.4), strict=True):
            moves[vertex] = share * np.array([0, -up, back])
    return moves


def _skin() -> np.ndarray:
    coarse = coarse_478()
    return coarse.triangles[coarse.labels == Label.SKIN]


def _kept() -> np.ndarray:
    """Vertices that fairing leaves: rims, lips, nostrils, where curvature rightly jumps."""
    lips = {vertex for row in CLOSING for vertex in row}
    nostrils = {79, 218, 166, 239, 238, 20, 60, 75, 59, 237, 241, 242, 99, 240, 235, 219, 44, 125, 141, 64, 98, 97}
    left = np.array(sorted(lips | nostrils))
    return np.unique([*left, *MIRROR_478[left], *RIGHT_EYE_RIM, *LEFT_EYE_RIM, *coarse_478().boundary])
