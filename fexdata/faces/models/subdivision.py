"""Loop subdivision as a matrix: from a coarse cage to a smooth, dense surface, linearly.

Because every dense vertex is a fixed weighted mean of cage vertices, a linear model of the cage
(mean, identity and expression fields) gives a linear model of the dense surface.

Rules: Loop, Smooth Subdivision Surfaces Based on Triangles, 1987, with the weights of Warren (3/16
for three neighbours, 3/(8n) otherwise), limit positions after Hoppe et al., Piecewise Smooth Surface
Reconstruction, SIGGRAPH 1994; rims are cubic B-splines of their own vertices. Each level keeps
the vertices it had, in their order, and appends one per edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """The edges of a triangle mesh, each once."""

    ends: np.ndarray
    """(E, 2) int64, lower vertex first, sorted."""
    opposite: np.ndarray
    """(E, 2) int64: the third vertices of the triangles at the edge; the second is -1 on a rim."""
    of_triangle: np.ndarray
    """(T, 3) int64: the edges between corners 0-1, 1-2 and 2-0."""


def edges(triangles: np.ndarray) -> Edges:
    """The edges of (T, 3) triangles. Raises `ValueError` where three triangles share an edge."""
    faces = np.asarray(triangles, dtype=np.int64)
    sides = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    third = np.concatenate([faces[:, 2], faces[:, 0], faces[:, 1]])
    ends, number, count = np.unique(sides, axis=0, return_inverse=True, return_counts=True)
    if count.max() > 2:
        raise ValueError("an edge belongs to more than two triangles")
    order = np.argsort(number.ravel(), kind="stable")
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    opposite = np.full((len(ends), 2), -1, dtype=np.int64)
    opposite[:, 0] = third[order[first]]
    inner = count == 2
    opposite[inner, 1] = third[order[first[inner] + 1]]
    return Edges(ends=ends, opposite=opposite, of_triangle=number.reshape(3, len(faces)).T)


def subdivide(triangles: np.ndarray, vertex_count: int) -> tuple[sp.csr_matrix, np.ndarray]:
    """One level of Loop's scheme: (matrix (V + E, V), finer triangles (4 T, 3) int32).

    Vertices of no triangle stay where they are.
    """
    mesh = edges(triangles)
    matrix = sp.vstack([_even_rule(mesh, vertex_count), _odd_rule(mesh, vertex_count)]).tocsr()
    a, b, c = np.asarray(triangles, dtype=np.int64).T
    ab, bc, ca = (mesh.of_triangle + vertex_count).T
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    finer = np.stack([np.stack(part, axis=1) for part in parts], axis=1).reshape(-1, 3)
    return matrix, finer.astype(np.int32)


def limit(triangles: np.ndarray, vertex_count: int) -> sp.csr_matrix:
    """The matrix (V, V) that moves vertices to where infinitely many levels would take them."""
    mesh = edges(triangles)
    valence = _valences(mesh, vertex_count)
    with np.errstate(divide="ignore"):
        own = 3 / (8 * _beta(valence))
    centre = own / (own + valence)
    return _vertex_rule(mesh, vertex_count, np.where(valence > 0, centre, 1.0), rim_centre=2 / 3)


def levels(triangles: np.ndarray, vertex_count: int, count: int) -> tuple[sp.csr_matrix, np.ndarray]:
    """`count` levels and the limit: (matrix (W, V), dense triangles).

    The first V of the W dense vertices are the cage's.
    """
    total = sp.identity(vertex_count, format="csr")
    for _ in range(count):
        step, triangles = subdivide(triangles, total.shape[0])
        total = step @ total
    return (limit(triangles, total.shape[0]) @ total).tocsr(), np.asarray(triangles, dtype=np.int32)


def _even_rule(mesh: Edges, vertex_count: int) -> sp.csr_matrix:
    valence = _valences(mesh, vertex_count)
    return _vertex_rule(mesh, vertex_count, 1 - valence * _beta(valence), rim_centre=3 / 4)


def _odd_rule(mesh: Edges, vertex_count: int) -> sp.csr_matrix:
    rim = mesh.opposite[:, 1] < 0
    rows = np.repeat(np.arange(len(mesh.ends)), 4)
    columns = np.concatenate([mesh.ends, np.maximum(mesh.opposite, 0)], axis=1).ravel()
    weights = np.where(rim[:, None], [0.5, 0.5, 0, 0], [0.375, 0.375, 0.125, 0.125]).ravel()
    matrix = sp.csr_matrix((weights, (rows, columns)), shape=(len(mesh.ends), vertex_count))
    matrix.eliminate_zeros()
    return matrix


def _vertex_rule(mesh: Edges, vertex_count: int, centre: np.ndarray, rim_centre: float) -> sp.csr_matrix:
    """Each vertex: `centre` of itself and the rest from all neighbours; on a rim `rim_centre` of
    itself and the rest from its two neighbours along the rim."""
    rim_edge = mesh.opposite[:, 1] < 0
    on_rim = np.zeros(vertex_count, dtype=bool)
    on_rim[mesh.ends[rim_edge]] = True
    own = np.where(on_rim, rim_centre, centre)
    counted = np.where(on_rim, 2, np.maximum(_valences(mesh, vertex_count), 1))
    a, b = np.concatenate([mesh.ends, mesh.ends[:, ::-1]]).T
    used = ~on_rim[a] | np.tile(rim_edge, 2)
    a, b = a[used], b[used]
    ring = sp.csr_matrix(((1 - own[a]) / counted[a], (a, b)), shape=(vertex_count, vertex_count))
    return (ring + sp.diags(own)).tocsr()


def _valences(mesh: Edges, vertex_count: int) -> np.ndarray:
    return np.bincount(mesh.ends.ravel(), minlength=vertex_count)


def _beta(valence: np.ndarray) -> np.ndarray:
    return np.where(valence == 3, 3 / 16, 3 / (8 * np.maximum(valence, 1)))
