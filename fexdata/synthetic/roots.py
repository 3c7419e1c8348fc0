"""Where hairs are rooted: points of a triangle mesh that go along when the mesh is deformed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree


@dataclass(frozen=True, slots=True, eq=False)
class Roots:
    """N points of a mesh's surface."""

    corners: np.ndarray
    """(N, 3) int32: the vertices of each point's triangle."""
    weights: np.ndarray
    """(N, 3) float32 barycentric coordinates, sum 1."""

    def of(self, values: np.ndarray) -> np.ndarray:
        """Values (V, ...) of the vertices, interpolated at the roots: (N, ...)."""
        taken = values[self.corners]
        return np.einsum("nc,nc...->n...", self.weights, taken, dtype=values.dtype)

    def frames(self, vertices: np.ndarray) -> np.ndarray:
        """(N, 3, 3) float32: each root's own axes as rows: along the triangle's first edge, across it,
        and the outward normal. They turn with the skin."""
        a, b, c = (vertices[self.corners[:, i]] for i in range(3))
        along = _unit(b - a)
        normal = _unit(np.cross(b - a, c - a))
        return np.stack([along, np.cross(normal, along), normal], axis=1).astype(np.float32)

    def take(self, which: np.ndarray) -> Roots:
        """The roots of a mask or of indices."""
        return Roots(corners=self.corners[which], weights=self.weights[which])


def scatter(
    vertices: np.ndarray, triangles: np.ndarray, density: np.ndarray, count: int, rng: np.random.Generator
) -> Roots:
    """`count` roots, spread over the surface in proportion to `density` (V,) per unit of area.

    vertices (V, 3), triangles (T, 3). There are none where the density is zero everywhere.
    """
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    mass = np.linalg.norm(np.cross(b - a, c - a), axis=1) * density[triangles].mean(axis=1)
    if count == 0 or mass.sum() <= 0:
        return Roots(corners=np.zeros((0, 3), np.int32), weights=np.zeros((0, 3), np.float32))
    # Equally spaced marks on the accumulated mass, each jittered: evener than independent draws.
    total = np.cumsum(mass)
    marks = (np.arange(count) + rng.random(count)) / count * total[-1]
    chosen = np.minimum(np.searchsorted(total, marks, side="right"), len(mass) - 1)
    weights = _within(density[triangles[chosen]], rng)
    return Roots(corners=triangles[chosen].astype(np.int32), weights=weights.astype(np.float32))


def _within(density: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random place in each triangle, the best of three for the density (N, 3) of its corners."""
    root, share = np.sqrt(rng.random((3, len(density)))), rng.random((3, len(density)))
    weights = np.stack([1 - root, root * (1 - share), root * share], axis=-1)
    odds = np.einsum("knc,nc->kn", weights, density) + 1e-6
    pick = (np.cumsum(odds, axis=0) < rng.random(len(density)) * odds.sum(axis=0)).sum(axis=0)
    return weights[np.minimum(pick, 2), np.arange(len(density))]


def nearest(vertices: np.ndarray, triangles: np.ndarray, points: np.ndarray) -> Roots:
    """The roots on the mesh (V, 3), (T, 3) that are nearest to points (N, 3), which lie within millimetres of it."""
    tried, reach = 8, 20.0
    low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
    close = ((vertices > low) & (vertices < high)).all(axis=1)
    triangles = triangles[close[triangles].all(axis=1)]
    centres = vertices[triangles].mean(axis=1)
    _, near = cKDTree(centres).query(points, k=min(tried, len(centres)))
    weights = _clamped(vertices[triangles[near]], points[:, None])
    found = np.einsum("nkc,nkcd->nkd", weights, vertices[triangles[near]])
    best = np.argmin(np.linalg.norm(found - points[:, None], axis=-1), axis=1)
    rows = np.arange(len(points))
    return Roots(corners=triangles[near[rows, best]].astype(np.int32), weights=weights[rows, best].astype(np.float32))


def _clamped(corners: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Barycentric coordinates (..., 3) of points (..., 3) in triangles (..., 3, 3), moved inside."""
    a = corners[..., 0, :]
    u, v, w = corners[..., 1, :] - a, corners[..., 2, :] - a, points - a
    uu, uv, vv, uw, vw = ((p * q).sum(-1) for p, q in ((u, u), (u, v), (v, v), (u, w), (v, w)))
    area = np.maximum(uu * vv - uv * uv, 1e-12)
    second, third = (vv * uw - uv * vw) / area, (uu * vw - uv * uw) / area
    weights = np.clip(np.stack([1 - second - third, second, third], axis=-1), 0, None)
    return weights / weights.sum(axis=-1, keepdims=True)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
