"""Smooth extension of values known at some vertices of a mesh to all others.

The extension has least bending: it minimises the squared Laplacian (a discrete thin plate; Botsch
and Kobbelt, An Intuitive Framework for Real-Time Freeform Modeling, SIGGRAPH 2004, section 3), so
that it leaves the known vertices without a kink where their neighbours are known, too.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from fexdata.faces.models.subdivision import edges


def laplacian(triangles: np.ndarray, vertex_count: int, vertices: np.ndarray | None = None) -> sp.csr_matrix:
    """The matrix (V, V) that takes a value to its difference from the mean of its neighbours.

    With `vertices` (V, 3), nearer neighbours weigh more, by the inverse of their distance.
    """
    ends = edges(triangles).ends
    weight = np.ones(len(ends))
    if vertices is not None:
        weight = 1 / np.maximum(np.linalg.norm(vertices[ends[:, 0]] - vertices[ends[:, 1]], axis=1), 1e-3)
    a, b = np.concatenate([ends, ends[:, ::-1]]).T
    adjacency = sp.csr_matrix((np.tile(weight, 2), (a, b)), shape=(vertex_count, vertex_count))
    total = np.asarray(adjacency.sum(axis=1)).ravel()
    used = sp.diags((total > 0).astype(float))
    return (used - sp.diags(1 / np.maximum(total, 1e-12)) @ adjacency).tocsr()


def minimise(energy: sp.spmatrix, pull: np.ndarray, values: np.ndarray, free: np.ndarray) -> np.ndarray:
    """The values (V, d) that, with all but `free` kept, minimise x' energy x + sum pull (x - values)^2."""
    kept = np.setdiff1d(np.arange(len(values)), free)
    system = (energy + sp.diags(pull)).tocsr()[free]
    right = pull[free, None] * values[free] - system[:, kept] @ values[kept]
    result = np.array(values)
    result[free] = splu(system[:, free].tocsc()).solve(right)
    return result


def extend(triangles: np.ndarray, vertices: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values (V, d) of every vertex from the `values` (n, d) of the `known` (n,) vertices.

    triangles (T, 3), vertices (V, 3): the mesh, whose cuts (lips, eyes) the extension respects.
    Every connected part needs a known vertex.
    """
    operator = laplacian(triangles, len(vertices), vertices)
    start = np.zeros((len(vertices), values.shape[1]))
    start[known] = values
    free = np.setdiff1d(np.unique(triangles), known)
    return minimise(operator.T @ operator, np.zeros(len(vertices)), start, free)
