"""What each pixel of a rendered photograph truly shows: depth, normal, label, part.

The truth is not antialiased: every value is that of the surface at the pixel's centre. Clear
surfaces (corneas, glasses' lenses) are looked through, and strands are not surfaces.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import float32, int16, int32, uint8

from fexdata.faces.kernels import kernel, readonly
from fexdata.render.photo.geometry import CLEAR, stack
from fexdata.render.photo.raster import project, visible, weights
from fexdata.render.photo.scene import Camera, Part


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """One value per pixel of an (H, W) picture."""

    depth: np.ndarray
    """(H, W) float32, Z in millimetres; NaN where no surface is."""
    normal: np.ndarray
    """(H, W, 3) float32 unit, outward, camera frame, interpolated from the vertices' normals;
    zeros where no surface is."""
    label: np.ndarray
    """(H, W) uint8, the part's `label`; 0 where no surface is."""
    part: np.ndarray
    """(H, W) int16, number of the part; -1 where no surface is."""
    triangle: np.ndarray
    """(H, W) int32, number of the triangle within its part; -1 where no surface is."""
    weights: np.ndarray
    """(H, W, 3) float32, weights of the triangle's corners at the point shown; zeros where none."""


def cast(parts: list[Part], camera: Camera) -> Truth:
    """The nearest surface at every pixel's centre; conventions in `fexdata.render.photo.raster`."""
    numbers = [number for number, part in enumerate(parts) if part.material.kind not in CLEAR]
    mesh = stack(parts, numbers)
    points = project(mesh.vertices, camera)
    ids = visible(points, mesh.triangles, camera.size)
    shape = ids.shape
    pixels = np.flatnonzero(ids.ravel() >= 0).astype(np.int32)
    shown = ids.ravel()[pixels]
    starts = np.zeros(len(parts) + 1, np.int32)
    starts[numbers] = np.cumsum([0] + [len(parts[number].triangles) for number in numbers])[:-1]
    truth = Truth(
        depth=np.full(shape, np.nan, np.float32),
        normal=np.zeros((*shape, 3), np.float32),
        label=np.zeros(shape, np.uint8),
        part=np.full(shape, -1, np.int16),
        triangle=np.full(shape, -1, np.int32),
        weights=np.zeros((*shape, 3), np.float32),
    )
    _fill(
        mesh.vertices, mesh.normals, mesh.triangles, mesh.part_of,
        np.array([*(part.label for part in parts), 0], np.uint8), starts, pixels, shown,
        weights(points, mesh.triangles, pixels, shown, camera.size[0]),
        truth.depth.reshape(-1), truth.normal.reshape(-1, 3), truth.label.reshape(-1), truth.part.reshape(-1),
        truth.triangle.reshape(-1), truth.weights.reshape(-1, 3),
    )  # fmt: skip
    return truth


@kernel(
    readonly(float32, 2), readonly(float32, 2), readonly(int32, 2), readonly(int16, 1), readonly(uint8, 1),
    readonly(int32, 1), readonly(int32, 1), readonly(int32, 1), readonly(float32, 2),
    float32[::1], float32[:, ::1], uint8[::1], int16[::1], int32[::1], float32[:, ::1],
)  # fmt: skip
def _fill(
    v: np.ndarray, n: np.ndarray, t: np.ndarray, part_of: np.ndarray, labels: np.ndarray, starts: np.ndarray,
    pixels: np.ndarray, shown: np.ndarray, corner: np.ndarray, depth: np.ndarray, normal: np.ndarray,
    label: np.ndarray, part: np.ndarray, triangle: np.ndarray, weight: np.ndarray,
) -> None:  # fmt: skip
    """Flat maps from the triangle shown at each listed pixel and the weights (n, 3) of its corners."""
    for i in range(pixels.shape[0]):
        k, pixel = shown[i], pixels[i]
        a, b, c = t[k, 0], t[k, 1], t[k, 2]
        wa, wb, wc = corner[i, 0], corner[i, 1], corner[i, 2]
        depth[pixel] = wa * v[a, 2] + wb * v[b, 2] + wc * v[c, 2]
        part[pixel] = part_of[k]
        label[pixel] = labels[part_of[k]]
        triangle[pixel] = k - starts[part_of[k]]
        square = np.float32(1e-24)
        for j in range(3):
            weight[pixel, j] = corner[i, j]
            normal[pixel, j] = wa * n[a, j] + wb * n[b, j] + wc * n[c, j]
            square += normal[pixel, j] * normal[pixel, j]
        share = np.float32(1.0) / np.sqrt(square)
        for j in range(3):
            normal[pixel, j] *= share
