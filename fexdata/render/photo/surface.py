"""What is known of every visible sample before light falls on it: place, directions, colour, roughness."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numba import boolean, float32, float64, int32
from numba.types import UniTuple

from fexdata.faces.kernels import kernel, readonly
from fexdata.render.photo.geometry import Stack
from fexdata.render.photo.raster import project, visible, weights
from fexdata.render.photo.scene import Camera, Material, Part


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The n samples that show a surface, part by part in order of the parts' numbers."""

    pixels: np.ndarray
    """(n,) int32, row * width + column."""
    corners: np.ndarray
    """(n, 3) int32 vertices of the triangle shown."""
    turned: np.ndarray
    """(n,) bool, whether the triangle shows its inner side."""
    weights: np.ndarray
    """(n, 3) float32 of those vertices."""
    part: np.ndarray
    """(n,) int16."""
    position: np.ndarray
    """(n, 3) float32 millimetres, camera frame."""
    smooth: np.ndarray
    """(n, 3) float32 unit normal of the mesh, turned to the viewer."""
    bumped: np.ndarray
    """(n, 3) float32 unit normal with the material's relief."""
    albedo: np.ndarray
    """(n, 3) float32, tint included."""
    roughness: np.ndarray
    """(n,) float32."""


def surface(parts: list[Part], mesh: Stack, camera: Camera) -> Surface:
    """The nearest surface of every pixel of the camera, with its textures looked up."""
    points = project(mesh.vertices, camera)
    ids = visible(points, mesh.triangles, camera.size).ravel()
    pixels = np.flatnonzero(ids >= 0).astype(np.int32)
    part = mesh.part_of[ids[pixels]]
    order = np.argsort(part, kind="stable")
    pixels, part = pixels[order], part[order]
    shown = ids[pixels]
    found = Surface(
        pixels=pixels,
        corners=np.ascontiguousarray(mesh.triangles[shown]),
        turned=np.empty(len(pixels), np.bool_),
        weights=weights(points, mesh.triangles, pixels, shown, camera.size[0]),
        part=part,
        position=np.empty((len(pixels), 3), np.float32),
        smooth=np.empty((len(pixels), 3), np.float32),
        bumped=np.empty((len(pixels), 3), np.float32),
        albedo=np.empty((len(pixels), 3), np.float32),
        roughness=np.empty(len(pixels), np.float32),
    )
    for number in np.unique(part):
        first, last = np.searchsorted(part, [number, number + 1])
        _look_up_part(found, mesh, points, parts[number].material, int(first), int(last))
    return found


def _look_up_part(found: Surface, mesh: Stack, points: np.ndarray, material: Material, first: int, last: int) -> None:
    rows = slice(first, last)
    corners = found.corners[rows]
    u = mesh.uv[:, 0][corners]
    # A triangle over half a turn wide goes through the seam, unless the part is made of such triangles.
    wide = (np.ptp(u, axis=1) > 0.5) if len(u) else np.zeros(0, bool)
    step = _texel_step(mesh, points, corners)
    _look_up(
        mesh.vertices, mesh.normals, mesh.uv, mesh.tint, corners, found.weights[rows], bool(wide.mean() < 0.2),
        _shrunk(material.albedo, step), _shrunk(material.roughness, step),
        _shrunk(np.zeros((1, 1), np.float32) if material.height is None else material.height, step),
        found.turned[rows], found.position[rows], found.smooth[rows], found.bumped[rows], found.albedo[rows],
        found.roughness[rows],
    )  # fmt: skip


def _texel_step(mesh: Stack, points: np.ndarray, corners: np.ndarray) -> tuple[float, float]:
    """How far u and v run, in the middle, from one pixel to the next."""
    some = corners[:: max(1, len(corners) // 2000)]
    a, b, c = (points[some[:, i], :2] for i in range(3))
    ua, ub, uc = (mesh.uv[some[:, i]].astype(np.float64) for i in range(3))
    e1, e2, d1, d2 = b - a, c - a, ub - ua, uc - ua
    area = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]
    area = np.where(np.abs(area) < 1e-9, 1e-9, area)[:, None]
    right, down = (d1 * e2[:, 1:] - d2 * e1[:, 1:]) / area, (d2 * e1[:, :1] - d1 * e2[:, :1]) / area
    step = np.median(np.hypot(right, down), axis=0)
    return float(step[0]), float(step[1])


def _shrunk(texture: np.ndarray, step: tuple[float, float]) -> np.ndarray:
    """The texture with its texels averaged to about one per pixel where it has more than 1.5."""
    height, width = texture.shape[:2]
    across, down = max(1.0, step[0] * width), max(1.0, step[1] * height)
    if max(across, down) > 1.5:
        size = (max(1, round(width / across)), max(1, round(height / down)))
        texture = cv2.resize(texture, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(texture, np.float32)


@kernel(float64, float64, int32, int32, returns=UniTuple(float64, 6), inline=True)
def _texels(u: float, v: float, width: int, height: int) -> tuple[float, ...]:
    """Columns and rows of the four texels about (u, v), then how far it lies past the first of each."""
    x, y = u * width - 0.5, v * height - 0.5
    x0, y0 = np.floor(x), min(max(np.floor(y), 0.0), height - 1.0)
    y1 = min(max(np.floor(y) + 1.0, 0.0), height - 1.0)
    column = x0 - np.floor(x0 / width) * width
    after = column + 1.0 if column + 1.0 < width else 0.0
    return column, after, y0, y1, x - x0, y - np.floor(y)


@kernel(readonly(float32, 2), float64, float64, returns=float64, inline=True)
def _sample(texture: np.ndarray, u: float, v: float) -> float:
    x0, x1, y0, y1, fx, fy = _texels(u, v, texture.shape[1], texture.shape[0])
    i0, i1, j0, j1 = int(x0), int(x1), int(y0), int(y1)
    top = texture[j0, i0] * (1.0 - fx) + texture[j0, i1] * fx
    return top * (1.0 - fy) + (texture[j1, i0] * (1.0 - fx) + texture[j1, i1] * fx) * fy


_Points = readonly(float32, 2)


@kernel(
    _Points, _Points, _Points, _Points, readonly(int32, 2), _Points, boolean,
    readonly(float32, 3), _Points, _Points,
    boolean[::1], float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[::1],
)  # fmt: skip
def _look_up(
    vertices: np.ndarray, normals: np.ndarray, uvs: np.ndarray, tints: np.ndarray, corners: np.ndarray,
    weight: np.ndarray, wraps: bool, colours: np.ndarray, rough: np.ndarray, relief: np.ndarray,
    turned: np.ndarray, position: np.ndarray, smooth: np.ndarray, bumped: np.ndarray, albedo: np.ndarray,
    roughness: np.ndarray,
) -> None:  # fmt: skip
    """The n samples of one part. Relief bends the normal by its surface gradient (Mikkelsen 2010,
    Bump Mapping Unparametrized Surfaces on the GPU), with the triangle's own map from uv to place."""
    flat = relief.shape[0] * relief.shape[1] == 1
    du, dv = 1.0 / relief.shape[1], 1.0 / relief.shape[0]
    for i in range(corners.shape[0]):
        a, b, c = corners[i, 0], corners[i, 1], corners[i, 2]
        wa, wb, wc = weight[i, 0], weight[i, 1], weight[i, 2]
        for j in range(3):
            position[i, j] = wa * vertices[a, j] + wb * vertices[b, j] + wc * vertices[c, j]
        nx = wa * normals[a, 0] + wb * normals[b, 0] + wc * normals[c, 0]
        ny = wa * normals[a, 1] + wb * normals[b, 1] + wc * normals[c, 1]
        nz = wa * normals[a, 2] + wb * normals[b, 2] + wc * normals[c, 2]
        px, py, pz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        qx, qy, qz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        gx, gy, gz = py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx
        away = gx * position[i, 0] + gy * position[i, 1] + gz * position[i, 2] > 0.0
        turned[i] = away
        side = -1.0 if away else 1.0
        length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-20
        nx, ny, nz = nx * side / length, ny * side / length, nz * side / length
        smooth[i, 0], smooth[i, 1], smooth[i, 2] = nx, ny, nz

        ub, uc = uvs[b, 0] - uvs[a, 0], uvs[c, 0] - uvs[a, 0]
        if wraps:
            ub, uc = ub - np.rint(ub), uc - np.rint(uc)
        vb, vc = uvs[b, 1] - uvs[a, 1], uvs[c, 1] - uvs[a, 1]
        u, v = uvs[a, 0] + wb * ub + wc * uc, uvs[a, 1] + wb * vb + wc * vc
        x0, x1, y0, y1, fx, fy = _texels(u, v, colours.shape[1], colours.shape[0])
        i0, i1, j0, j1 = int(x0), int(x1), int(y0), int(y1)
        for j in range(3):
            top = colours[j0, i0, j] * (1.0 - fx) + colours[j0, i1, j] * fx
            low = colours[j1, i0, j] * (1.0 - fx) + colours[j1, i1, j] * fx
            tint = wa * tints[a, j] + wb * tints[b, j] + wc * tints[c, j]
            albedo[i, j] = (top * (1.0 - fy) + low * fy) * tint
        roughness[i] = _sample(rough, u, v)

        if not flat:
            per_u = (_sample(relief, u + 0.5 * du, v) - _sample(relief, u - 0.5 * du, v)) / du
            per_v = (_sample(relief, u, v + 0.5 * dv) - _sample(relief, u, v - 0.5 * dv)) / dv
            # Heights at b and c above the one at a, were the relief a plane; then the gradient on the surface.
            hb, hc = per_u * ub + per_v * vb, per_u * uc + per_v * vc
            sx, sy, sz = qy * nz - qz * ny, qz * nx - qx * nz, qx * ny - qy * nx
            tx, ty, tz = ny * pz - nz * py, nz * px - nx * pz, nx * py - ny * px
            volume = px * sx + py * sy + pz * sz
            if abs(volume) > 1e-12:
                scale = side / volume
                rx, ry, rz = (hb * sx + hc * tx) * scale, (hb * sy + hc * ty) * scale, (hb * sz + hc * tz) * scale
                # Slopes beyond 45 degrees are noise of the texture, not relief of skin.
                steep = np.sqrt(rx * rx + ry * ry + rz * rz)
                most = 1.0 / max(1.0, steep)
                nx, ny, nz = nx - rx * most, ny - ry * most, nz - rz * most
                length = np.sqrt(nx * nx + ny * ny + nz * nz)
                nx, ny, nz = nx / length, ny / length, nz / length
        bumped[i, 0], bumped[i, 1], bumped[i, 2] = nx, ny, nz
