"""Clear surfaces over the rest: the wet cornea and the lenses of glasses mirror lamps and surroundings."""

from __future__ import annotations

import math

import numpy as np
from numba import float32, float64, int32

from fexdata.faces.kernels import kernel, readonly
from fexdata.render.photo.geometry import CLEAR, stack
from fexdata.render.photo.illuminate import surroundings_light
from fexdata.render.photo.scene import Camera, Part
from fexdata.render.photo.shade import mirrored, schlick
from fexdata.render.photo.stage import Stage
from fexdata.render.photo.surface import surface

_SMALLEST = 0.05
"""Tangent of the least angular radius of a lamp's picture, about that of a small window or softbox."""
_BRIGHTEST = 6.0
"""Times a lamp's irradiance: brighter highlights clip in any camera and would only make edges jagged."""


def add_clear(
    picture: np.ndarray, depth: np.ndarray, parts: list[Part], stage: Stage, maps: np.ndarray, camera: Camera
) -> None:
    """Draws the nearest clear surface of each sample over picture (H, W, 3) where it is nearer than depth (H, W)."""
    numbers = [number for number, part in enumerate(parts) if part.material.kind in CLEAR]
    if not numbers:
        return
    mesh = stack(parts, numbers)
    found = surface(parts, mesh, camera)
    if not len(found.pixels):
        return
    light = surroundings_light(found, mesh, stage)
    reflectance = np.array([part.material.specular for part in parts], np.float32)[found.part]
    passes = np.array([part.material.kind == "glass" for part in parts])[found.part]
    through = np.where(passes[:, None], found.albedo, 1).astype(np.float32)
    frames = np.array([_window(lamp.towards) for lamp in stage.lamps], np.float32).reshape(-1, 3)
    radiance = np.array([lamp.radiance for lamp in stage.lamps], np.float32).reshape(-1, 3)
    sizes = np.array([max(lamp.spread, _SMALLEST) for lamp in stage.lamps], np.float32)
    a, b = found.corners[:, 0], found.corners[:, 1]
    bend = np.linalg.norm(mesh.normals[b] - mesh.normals[a], axis=1)
    bend /= np.maximum(np.linalg.norm(mesh.vertices[b] - mesh.vertices[a], axis=1), 1e-6)
    _mirror(
        found.position, found.bumped, bend.astype(np.float32), light, reflectance, through, maps, frames,
        radiance, sizes, 1.0 / camera.focal, found.pixels,
        depth.reshape(-1), picture.reshape(-1, 3),
    )  # fmt: skip


def _window(lamp: np.ndarray) -> np.ndarray:
    """(3, 3): across, down and towards a lamp; upright, like a window."""
    light = lamp / np.linalg.norm(lamp)
    down = np.array([0.0, 1.0, 0.0]) if abs(light[1]) < 0.95 else np.array([0.0, 0.0, 1.0])
    across = np.cross(down, light)
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(light, across), light])


_Rows = readonly(float32, 2)
_Numbers = readonly(float32, 1)


@kernel(
    _Rows, _Rows, _Numbers, _Rows, _Numbers, _Rows, readonly(float32, 4), _Rows, _Rows, _Numbers, float64,
    readonly(int32, 1), _Numbers, float32[:, ::1],
)  # fmt: skip
def _mirror(
    position: np.ndarray, normal: np.ndarray, bend: np.ndarray, light: np.ndarray, reflectance: np.ndarray,
    through: np.ndarray, maps: np.ndarray, frames: np.ndarray, radiance: np.ndarray, sizes: np.ndarray,
    pixel: float, pixels: np.ndarray, depth: np.ndarray, picture: np.ndarray,
) -> None:  # fmt: skip
    """frames: (3 M, 3) rows of `_window`; pixel: a pixel's width at unit distance. A lamp is a square
    of even light; one sample sees a patch of directions as wide as the surface's bend makes it, so the
    square is averaged over that patch, which keeps a highlight's energy however small it is."""
    for i in range(position.shape[0]):
        px, py, pz = position[i, 0], position[i, 1], position[i, 2]
        if pz > depth[pixels[i]]:
            continue
        away = np.sqrt(px * px + py * py + pz * pz)
        vx, vy, vz = -px / away, -py / away, -pz / away
        nx, ny, nz = normal[i, 0], normal[i, 1], normal[i, 2]
        view = min(max(nx * vx + ny * vy + nz * vz, 0.02), 1.0)
        rx, ry, rz = 2.0 * view * nx - vx, 2.0 * view * ny - vy, 2.0 * view * nz - vz
        fresnel = schlick(reflectance[i], view)
        openness = min(max(light[i, 6], 0.0), 1.0)
        red, green, blue = mirrored(maps, rx, ry, rz, 0.1)
        shine = fresnel * openness
        red, green, blue = red * shine, green * shine, blue * shine
        patch = 2.0 * bend[i] * pixel * pz + 1e-4
        for m in range(sizes.shape[0]):
            ahead = rx * frames[3 * m + 2, 0] + ry * frames[3 * m + 2, 1] + rz * frames[3 * m + 2, 2]
            if ahead < 0.3:
                continue
            across = abs(rx * frames[3 * m, 0] + ry * frames[3 * m, 1] + rz * frames[3 * m, 2]) / ahead
            down = abs(rx * frames[3 * m + 1, 0] + ry * frames[3 * m + 1, 1] + rz * frames[3 * m + 1, 2]) / ahead
            half = sizes[m]
            most = min(1.0, 2.0 * half / patch)
            inside = min(max((half + 0.5 * patch - across) / patch, 0.0), most)
            inside *= min(max((half + 0.5 * patch - down) / patch, 0.0), most)
            strength = min(fresnel * math.pi / (4.0 * half * half), _BRIGHTEST) * inside * min(1.0, 2.0 * openness)
            red += strength * radiance[m, 0]
            green += strength * radiance[m, 1]
            blue += strength * radiance[m, 2]
        sample = pixels[i]
        rest = 1.0 - fresnel
        picture[sample, 0] = picture[sample, 0] * through[i, 0] * rest + red
        picture[sample, 1] = picture[sample, 1] * through[i, 1] * rest + green
        picture[sample, 2] = picture[sample, 2] * through[i, 2] * rest + blue
