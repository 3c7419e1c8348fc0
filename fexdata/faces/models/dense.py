"""The dense head over a cage: subdivided skin, and ears that ride on it."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from fexdata.faces.mesh import vertex_normals
from fexdata.faces.models.ears import ears, hollow
from fexdata.faces.models.head import REFLECTION, Cage
from fexdata.faces.models.subdivision import levels

LEVELS = 2
EAR_REACH = 14.0
EAR_NEIGHBOURS = 60
"""An ear moves with the mean of this many skin vertices, weighted by a Gaussian of this width."""
LOOSE_FROM = 3
"""The first ring behind the face oval whose vertices need not lie on the surface."""
HOLLOW = 8.0
"""Millimetres by which the head gives way to the concha."""


class Surface:
    """The dense surface over a cage of C vertices, such that those of the face lie on it: V
    vertices, the cage's first, those of the ears last."""

    def __init__(self, head: Cage) -> None:
        self.head = head
        self._levels, skin = levels(head.triangles, len(head.vertices), LEVELS)
        loose = np.unique(head.rings[LOOSE_FROM:])
        self._firm = np.setdiff1d(np.arange(len(head.vertices)), loose)
        self._limits = self._levels[self._firm]
        self._solve = splu(self._limits[:, self._firm].tocsc()).solve
        self.skin_count = self._levels.shape[0]
        self.triangles = np.concatenate([skin, ears().triangles + self.skin_count]).astype(np.int32)
        bare = self.over(head.vertices)
        self._ride = _riding(ears().vertices, bare)
        normals = vertex_normals(bare, skin)
        dented = bare - HOLLOW * hollow(bare)[:, None] * normals
        self.mean = np.concatenate([dented, ears().vertices])
        """(V, 3) float64, mirror symmetric."""
        self.mirror = self._partners(bare)
        """(V,) int32."""

    def over(self, values: np.ndarray) -> np.ndarray:
        """(S, d): smooth values over the skin's S vertices, from `values` (C, d) of the cage.

        On the face they go through the cage's values exactly; on the skull and neck, where exactness
        is worth nothing and costs ripples, they pass close by.
        """
        control = np.array(values, dtype=np.float64)
        control[self._firm] = 0
        control[self._firm] = self._solve(np.asarray(values[self._firm], np.float64) - self._limits @ control)
        result: np.ndarray = self._levels @ control
        return result

    def fields(self, fields: np.ndarray) -> np.ndarray:
        """(n, V, 3) float32 from fields (n, C, 3) on the cage."""
        if not len(fields):
            return np.zeros((0, len(self.mean), 3), np.float32)
        skin = self.over(fields.transpose(1, 0, 2).reshape(self._levels.shape[1], -1))
        whole = np.concatenate([skin, self._ride @ skin]).reshape(len(self.mean), len(fields), 3)
        return np.ascontiguousarray(whole.transpose(1, 0, 2), dtype=np.float32)

    def inside(self) -> dict[str, np.ndarray]:
        """(V,) from 0 to 1: the vertices inside `eyes`, `mouth`, `nostrils`, and those of the `ears`."""
        found = {}
        for name, vertices in self.head.inside.items():
            chosen = np.isin(np.arange(len(self.head.vertices)), vertices).astype(np.float64)
            share = np.clip((self._levels @ chosen - 0.15) / 0.5, 0, 1)
            found[name] = np.concatenate([share, np.zeros(len(self.mean) - self.skin_count)])
        return found | {"ears": (np.arange(len(self.mean)) >= self.skin_count).astype(np.float64)}

    def _partners(self, bare: np.ndarray) -> np.ndarray:
        partner = cKDTree(bare).query(bare * REFLECTION)[1]
        partner[: len(self.head.mirror)] = self.head.mirror
        half = len(ears().vertices) // 2
        right, left = np.arange(half, 2 * half), np.arange(half)
        return np.concatenate([partner, self.skin_count + np.concatenate([right, left])]).astype(np.int32)


def _riding(points: np.ndarray, skin: np.ndarray) -> sp.csr_matrix:
    """The matrix (n, S) of weights with which points follow the skin beside them."""
    distance, nearest = cKDTree(skin).query(points, EAR_NEIGHBOURS)
    weight = np.exp(-(distance**2 - distance[:, :1] ** 2) / (2 * EAR_REACH**2))
    weight /= weight.sum(axis=1, keepdims=True)
    rows = np.repeat(np.arange(len(points)), EAR_NEIGHBOURS)
    return sp.csr_matrix((weight.ravel(), (rows, nearest.ravel())), shape=(len(points), len(skin)))
