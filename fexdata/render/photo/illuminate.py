"""Light on samples: surroundings through vertices, lamps through shadow maps, gloss of both."""

from __future__ import annotations

import numpy as np
from numba import float32, int32

from fexdata.faces.kernels import kernel, readonly
from fexdata.render.photo import lamps
from fexdata.render.photo.geometry import Stack
from fexdata.render.photo.scene import Part
from fexdata.render.photo.shade import add_lamp, add_mirrored, diffuse_ambient
from fexdata.render.photo.stage import Stage
from fexdata.render.photo.surface import Surface
from fexdata.render.photo.surroundings import light_at

_OIL = 0.15
"""Share of skin's second, tighter highlight."""


def illuminate(
    found: Surface, mesh: Stack, parts: list[Part], stage: Stage, maps: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Diffuse irradiance and mirrored radiance, (n, 3) float32 each; maps: `surroundings.reflections`."""
    light = surroundings_light(found, mesh, stage)
    diffuse, specular = np.empty_like(found.position), np.zeros_like(found.position)
    diffuse_ambient(found.smooth, found.bumped, light, diffuse)
    gloss = np.array([(part.material.specular, _OIL if part.material.kind == "skin" else 0) for part in parts], "f4")
    add_mirrored(found.position, found.smooth, found.bumped, found.roughness, found.part, gloss, light, maps, specular)
    for lamp in stage.lamps:
        seen = lamps.seen(lamp, found.position, found.smooth, found.pixels, width)
        add_lamp(found.position, found.smooth, found.bumped, found.roughness, found.part, gloss, seen,
                 lamp.towards, lamp.radiance, lamp.spread, diffuse, specular)  # fmt: skip
    return diffuse, specular


def surroundings_light(found: Surface, mesh: Stack, stage: Stage) -> np.ndarray:
    """(n, 7) `surroundings.light_at` of each sample, interpolated from the vertices in view.

    Vertices of triangles that show their inner side are lit from that side.
    """
    count = len(mesh.vertices)
    corners = found.corners + (found.turned[:, None] * count).astype(np.int32)
    used = np.zeros(2 * count, np.bool_)
    used[corners.ravel()] = True
    chosen = np.flatnonzero(used)
    index = np.zeros(2 * count, np.int32)
    index[chosen] = np.arange(len(chosen), dtype=np.int32)
    normals = np.concatenate([mesh.normals, -mesh.normals])[chosen]
    at_vertices = light_at(mesh.vertices[chosen % count], normals, stage.cones)
    light = np.empty((len(found.pixels), 7), np.float32)
    _interpolate(np.ascontiguousarray(index[corners]), found.weights, at_vertices, light)
    return light


@kernel(readonly(int32, 2), readonly(float32, 2), readonly(float32, 2), float32[:, ::1])
def _interpolate(corners: np.ndarray, weights: np.ndarray, values: np.ndarray, out: np.ndarray) -> None:
    for i in range(corners.shape[0]):
        a, b, c = corners[i, 0], corners[i, 1], corners[i, 2]
        for j in range(values.shape[1]):
            out[i, j] = weights[i, 0] * values[a, j] + weights[i, 1] * values[b, j] + weights[i, 2] * values[c, j]
