"""How surfaces answer light: what they scatter (before their colour) and what they mirror.

Unit: a surface of albedo a, without gloss, that faces a lamp of irradiance 1 has radiance a; the
factor 1 / pi of Lambert's law is folded into the light. Highlights carry the same factor.

`gloss` is (parts, 2) float32 by part: reflectance at normal incidence, share of a second lobe.
Gloss is GGX (Walter et al. 2007) with the visibility term of Hammon (2017) and Schlick's Fresnel.
Skin has a second, tighter lobe, the oil on it (d'Eon et al. 2007).
"""

from __future__ import annotations

import numpy as np
from numba import float32, float64, int16
from numba.types import UniTuple

from fexdata.faces.kernels import kernel, readonly
from fexdata.render.photo.surroundings import CELLS, LEVELS

_LEVELS = len(LEVELS)
_LOW, _MIDDLE, _HIGH = LEVELS
_GLOSSY = 50.0
"""Below a reflectance of 1 / 50, which no smooth matter has, even grazing light is mirrored less: 0 is no gloss."""
OIL_ROUGHNESS = 0.65
"""Roughness of the second lobe as a part of the material's."""


@kernel(float64, float64, float64, float64, float64, returns=float64, inline=True)
def highlight(alpha: float, half: float, facing: float, view: float, fresnel: float) -> float:
    """pi times GGX's reflectance: half = n.h, facing = n.l, view = n.v, alpha = roughness squared."""
    square = alpha * alpha
    spread = half * half * (square - 1.0) + 1.0
    visibility = 0.5 / (2.0 * facing * view * (1.0 - alpha) + (facing + view) * alpha + 1e-6)
    return square / (spread * spread) * visibility * fresnel


@kernel(readonly(float32, 4), float64, float64, float64, float64, returns=UniTuple(float64, 3), inline=True)
def mirrored(maps: np.ndarray, x: float, y: float, z: float, roughness: float) -> tuple[float, float, float]:
    """What the surroundings show in a direction, at a roughness (see `surroundings.reflections`)."""
    scale = 1.0 / (abs(x) + abs(y) + abs(z) + 1e-12)
    u, v = x * scale, y * scale
    if z < 0.0:
        u, v = (
            (1.0 - abs(y) * scale) * (1.0 if x >= 0.0 else -1.0),
            (1.0 - abs(x) * scale) * (1.0 if y >= 0.0 else -1.0),
        )
    column = min(max((u + 1.0) * 0.5 * CELLS - 0.5, 0.0), CELLS - 1.001)
    row = min(max((v + 1.0) * 0.5 * CELLS - 0.5, 0.0), CELLS - 1.001)
    i, j = int(column), int(row)
    fx, fy = column - i, row - j
    rough = min(max(roughness, _LOW), _HIGH)
    level = (rough - _LOW) / (_MIDDLE - _LOW) if rough < _MIDDLE else 1.0 + (rough - _MIDDLE) / (_HIGH - _MIDDLE)
    k = min(int(level), _LEVELS - 2)
    fk = level - k
    w00, w01, w10, w11 = (1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy
    red, green, blue = 0.0, 0.0, 0.0
    for step in range(2):
        share = fk if step == 1 else 1.0 - fk
        m = maps[k + step]
        red += share * (w00 * m[j, i, 0] + w01 * m[j, i + 1, 0] + w10 * m[j + 1, i, 0] + w11 * m[j + 1, i + 1, 0])
        green += share * (w00 * m[j, i, 1] + w01 * m[j, i + 1, 1] + w10 * m[j + 1, i, 1] + w11 * m[j + 1, i + 1, 1])
        blue += share * (w00 * m[j, i, 2] + w01 * m[j, i + 1, 2] + w10 * m[j + 1, i, 2] + w11 * m[j + 1, i + 1, 2])
    return red, green, blue


@kernel(float64, float64, returns=float64, inline=True)
def schlick(reflectance: float, cosine: float) -> float:
    """Fresnel's reflectance at an angle from that at normal incidence (Schlick 1994); 0 stays 0."""
    most = min(1.0, _GLOSSY * reflectance)
    return reflectance + (most - reflectance) * (1.0 - min(max(cosine, 0.0), 1.0)) ** 5


@kernel(float64, float64, returns=float64, inline=True)
def over_horizon(cosine: float, spread: float) -> float:
    """The cosine law for a lamp of some size that sets: from full at `spread` above to none at `spread` below."""
    if cosine >= spread:
        return cosine
    return (cosine + spread) * (cosine + spread) / (4.0 * spread) if cosine > -spread else 0.0


_Rows = readonly(float32, 2)


@kernel(_Rows, _Rows, _Rows, float32[:, ::1])
def diffuse_ambient(smooth: np.ndarray, bumped: np.ndarray, light: np.ndarray, diffuse: np.ndarray) -> None:
    """Sets diffuse (n, 3) from light (n, 7) as in `surroundings.light_at`, turned to the bumped normal."""
    for i in range(light.shape[0]):
        mx, my, mz = light[i, 3], light[i, 4], light[i, 5]
        own = smooth[i, 0] * mx + smooth[i, 1] * my + smooth[i, 2] * mz
        turned = bumped[i, 0] * mx + bumped[i, 1] * my + bumped[i, 2] * mz
        ratio = min(max(turned / max(own, 0.2), 0.0), 2.0)
        for c in range(3):
            diffuse[i, c] = light[i, c] * ratio


@kernel(
    _Rows, _Rows, _Rows, readonly(float32, 1), readonly(int16, 1), _Rows, readonly(float32, 1),
    readonly(float32, 1), readonly(float32, 1), float64, float32[:, ::1], float32[:, ::1],
)  # fmt: skip
def add_lamp(
    position: np.ndarray, smooth: np.ndarray, bumped: np.ndarray, roughness: np.ndarray, part: np.ndarray,
    gloss: np.ndarray, seen: np.ndarray, lamp: np.ndarray, radiance: np.ndarray, spread: float,
    diffuse: np.ndarray, specular: np.ndarray,
) -> None:  # fmt: skip
    """Adds one lamp. seen: (n,) the share of it that is visible; spread: tangent of its angular radius."""
    lx, ly, lz = lamp[0], lamp[1], lamp[2]
    for i in range(position.shape[0]):
        facing = over_horizon(bumped[i, 0] * lx + bumped[i, 1] * ly + bumped[i, 2] * lz, spread)
        if (facing <= 0.0) | (seen[i] <= 0.0):
            continue
        # Relief that looks at a lamp behind the surface's own horizon stays dark.
        horizon = smooth[i, 0] * lx + smooth[i, 1] * ly + smooth[i, 2] * lz
        share = seen[i] * min(max((horizon + spread) * 8.0, 0.0), 1.0) * facing
        for c in range(3):
            diffuse[i, c] += share * radiance[c]
        px, py, pz = position[i, 0], position[i, 1], position[i, 2]
        away = np.sqrt(px * px + py * py + pz * pz)
        vx, vy, vz = -px / away, -py / away, -pz / away
        hx, hy, hz = lx + vx, ly + vy, lz + vz
        length = np.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
        hx, hy, hz = hx / length, hy / length, hz / length
        half = max(bumped[i, 0] * hx + bumped[i, 1] * hy + bumped[i, 2] * hz, 0.0)
        view = max(bumped[i, 0] * vx + bumped[i, 1] * vy + bumped[i, 2] * vz, 0.05)
        reflectance, oil = gloss[part[i], 0], gloss[part[i], 1]
        fresnel = schlick(reflectance, lx * hx + ly * hy + lz * hz)
        rough = max(roughness[i], 0.08)
        # A lamp of some size looks like a rougher surface (Karis 2013, representative area).
        alpha = min(rough * rough + 0.5 * spread, 1.0)
        sharp = min(rough * rough * OIL_ROUGHNESS * OIL_ROUGHNESS + 0.5 * spread, 1.0)
        shine = (1.0 - oil) * highlight(alpha, half, facing, view, fresnel)
        if oil > 0.0:
            shine += oil * highlight(sharp, half, facing, view, fresnel)
        shine *= share
        for c in range(3):
            specular[i, c] += shine * radiance[c]


@kernel(
    _Rows, _Rows, _Rows, readonly(float32, 1), readonly(int16, 1), _Rows, _Rows, readonly(float32, 4), float32[:, ::1]
)  # fmt: skip
def add_mirrored(
    position: np.ndarray, smooth: np.ndarray, bumped: np.ndarray, roughness: np.ndarray, part: np.ndarray,
    gloss: np.ndarray, light: np.ndarray, maps: np.ndarray, specular: np.ndarray,
) -> None:  # fmt: skip
    """Adds the surroundings' reflection: Fresnel with roughness (Karis 2014, environment BRDF on mobile)
    times the blurred surroundings, hidden as Lagarde and de Rousiers (2014) derive from openness."""
    for i in range(position.shape[0]):
        px, py, pz = position[i, 0], position[i, 1], position[i, 2]
        away = np.sqrt(px * px + py * py + pz * pz)
        vx, vy, vz = -px / away, -py / away, -pz / away
        nx, ny, nz = bumped[i, 0], bumped[i, 1], bumped[i, 2]
        view = min(max(nx * vx + ny * vy + nz * vz, 0.02), 1.0)
        rx, ry, rz = 2.0 * view * nx - vx, 2.0 * view * ny - vy, 2.0 * view * nz - vz
        rough = max(roughness[i], 0.08)
        a, b = 1.0 - rough, 0.0425 - 0.0275 * rough
        c = 1.04 - 0.572 * rough
        d = 0.022 * rough - 0.04
        arc = min(a * a, 2.0 ** (-9.28 * view)) * a + b
        reflectance = gloss[part[i], 0]
        shine = reflectance * (-1.04 * arc + c) + min(1.0, _GLOSSY * reflectance) * (1.04 * arc + d)
        openness = min(max(light[i, 6], 0.0), 1.0)
        hidden = min(max((view + openness) ** (2.0 ** (-16.0 * rough - 1.0)) - 1.0 + openness, 0.0), 1.0)
        red, green, blue = mirrored(maps, rx, ry, rz, rough)
        shine = max(shine, 0.0) * hidden
        specular[i, 0] += shine * red
        specular[i, 1] += shine * green
        specular[i, 2] += shine * blue
