"""Light from all sides, kept off where other surfaces stand: per vertex, then as a map of reflections.

Each of the L cones of `Lighting` has a small map of heights; a vertex looks up how much of the cone
it sees, so occlusion is that of the real geometry and takes the light's colour. Faces are smooth at
the scale of their vertices, so light varies slowly enough to be kept there.
"""

from __future__ import annotations

import numpy as np
from numba import float32, float64

from fexdata.faces.kernels import kernel, readonly
from fexdata.render.photo.scene import Lighting
from fexdata.render.photo.shadow import to_light
from fexdata.render.photo.stage import View
from fexdata.render.photo.volume import depth_at

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
CELLS = 32
"""Side of the octahedral map of reflections."""
LEVELS = (0.15, 0.4, 0.8)
"""Roughness of each level of that map."""


def light_at(points: np.ndarray, normals: np.ndarray, cones: list[View]) -> np.ndarray:
    """(n, 7) float32 at n points with normals: irradiance (RGB), its mean direction, openness.

    Mean direction: sum of directions weighted by irradiance over the irradiance, so that a normal b
    slightly off the point's own receives about (b . direction) times as much. Openness is the
    cosine-weighted part of the hemisphere that is free.
    """
    sums = np.zeros((len(points), 8), np.float32)
    clear = np.ones(len(points), np.float32)
    for cone in cones:
        through = clear if cone.hair is None else np.exp(-depth_at(cone.hair, points))
        _gather(to_light(cone.frame, points), normals, cone.frame.axes, cone.frame.texel, cone.heights, through,
                cone.radiance, float(cone.radiance @ _LUMINANCE), sums)  # fmt: skip
    light = np.empty((len(points), 7), np.float32)
    light[:, :3] = sums[:, :3]
    seen = np.maximum(np.einsum("nd,nd->n", normals, sums[:, 3:6]), 1e-6)
    light[:, 3:6] = sums[:, 3:6] / seen[:, None]
    # Without any cones to ask, nothing is known to be hidden.
    light[:, 6] = np.where(sums[:, 7] > 0, sums[:, 6] / np.maximum(sums[:, 7], 1e-6), 1)
    return light


@kernel(
    readonly(float32, 2), readonly(float32, 2), readonly(float32, 2), float64, readonly(float32, 2),
    readonly(float32, 1), readonly(float32, 1), float64, float32[:, ::1],
)  # fmt: skip
def _gather(
    placed: np.ndarray, normals: np.ndarray, axes: np.ndarray, texel: float, heights: np.ndarray,
    through: np.ndarray, radiance: np.ndarray, luminance: float, sums: np.ndarray,
) -> None:  # fmt: skip
    """Adds one cone to all points. placed: (n, 3) of `to_light`."""
    size = heights.shape[0]
    lx, ly, lz = axes[2, 0], axes[2, 1], axes[2, 2]
    one, bias = np.float32(1.0), np.float32(0.3 * texel)
    for i in range(placed.shape[0]):
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        facing = nx * lx + ny * ly + nz * lz
        if facing <= 0.0:
            continue
        # The receiver's own plane carries its height to every texel asked, so that no slope shades itself;
        # what stands over it is measured at right angles to it.
        steep = np.float32(-texel * texel) / max(facing, np.float32(0.02))
        right = (nx * axes[0, 0] + ny * axes[0, 1] + nz * axes[0, 2]) * steep
        down = (nx * axes[1, 0] + ny * axes[1, 1] + nz * axes[1, 2]) * steep
        x, y, height = placed[i, 0], placed[i, 1], placed[i, 2]
        column, row = np.floor(x), np.floor(y)
        lit, whole = np.float32(0.0), np.float32(0.0)
        for dy in range(-3, 5, 2):
            j = int(row) + dy
            wy = np.float32(4.0) - abs(np.float32(j) - y)
            if (j < 0) | (j >= size) | (wy <= 0.0):
                continue
            for dx in range(-3, 5, 2):
                k = int(column) + dx
                wx = np.float32(4.0) - abs(np.float32(k) - x)
                if (k < 0) | (k >= size) | (wx <= 0.0):
                    continue
                plane = height + right * (np.float32(k) - x) + down * (np.float32(j) - y)
                hidden = ((heights[j, k] - plane) * facing - bias) * np.float32(0.6)
                lit += wx * wy * (one - min(max(hidden, np.float32(0.0)), one))
                whole += wx * wy
        free = (lit / whole if whole > 0.0 else one) * through[i]
        weight = free * facing
        for c in range(3):
            sums[i, c] += weight * radiance[c]
        power = free * np.float32(luminance)
        sums[i, 3] += power * lx
        sums[i, 4] += power * ly
        sums[i, 5] += power * lz
        sums[i, 6] += weight
        sums[i, 7] += facing


def reflections(lighting: Lighting) -> np.ndarray:
    """(len(LEVELS), CELLS, CELLS, 3) float32: what a mirror-like surface of each roughness shows of
    the unhidden surroundings, by direction of reflection in an octahedral map.

    Uniform surroundings that give irradiance E in `Lighting`'s unit reflect as E everywhere.
    """
    side = (np.arange(CELLS, dtype=np.float32) + 0.5) / CELLS * 2 - 1
    x, y = np.meshgrid(side, side)
    z = 1 - np.abs(x) - np.abs(y)
    fold = np.maximum(-z, 0)
    way = np.stack([x - np.sign(x) * fold, y - np.sign(y) * fold, z], -1).reshape(-1, 3)
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    cosine = way @ lighting.directions.T.astype(np.float32)
    count = max(len(lighting.directions), 1)
    # A cone that gives irradiance E fills 4 pi / L of the sphere: its radiance, times pi, is E L / 4.
    radiance = lighting.radiance.astype(np.float32) * (count / 4)
    levels = []
    for roughness in LEVELS:
        # No narrower than the cones themselves, or their spots would show.
        sharpness = min(2 / roughness**4, count / 2)
        lobes = np.exp(sharpness * (cosine - 1))
        levels.append(lobes @ radiance / np.maximum(lobes.sum(axis=1, keepdims=True), 1e-6))
    return np.ascontiguousarray(np.stack(levels).reshape(len(LEVELS), CELLS, CELLS, 3), np.float32)
