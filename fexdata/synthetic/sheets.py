"""Meshes from rows of points: sheets (cloth, caps) and tubes (frames, cords)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fexdata.render.photo.scene import Material, Part
from fexdata.synthetic.traits import Colour


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """A triangle mesh with texture coordinates, wound outwards."""

    vertices: np.ndarray
    """(V, 3) float32."""
    triangles: np.ndarray
    """(T, 3) int32."""
    uv: np.ndarray
    """(V, 2) float32."""


def sheet(points: np.ndarray, *, closed: bool = False, outward: np.ndarray | None = None) -> Mesh:
    """A grid of points (R, C, 3) as a surface; u runs along the columns, v along the rows.

    `closed`: the last column meets the first, which is then repeated for the texture's seam. It is wound
    away from the point `outward` (3,), by default the points' mean.
    """
    grid = np.concatenate([points, points[:, :1]], axis=1) if closed else points
    rows, columns = grid.shape[:2]
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    right, down, across = first + 1, first + columns, first + columns + 1
    triangles = np.concatenate([np.stack([first, right, across], 1), np.stack([first, across, down], 1)])
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    vertices = grid.reshape(-1, 3).astype(np.float32)
    mesh = Mesh(vertices, triangles.astype(np.int32), np.stack([u.ravel(), v.ravel()], 1).astype(np.float32))
    return facing_away(mesh, vertices.mean(axis=0) if outward is None else outward)


def facing_away(mesh: Mesh, point: np.ndarray) -> Mesh:
    """The mesh, turned over when most of its area faces `point` (3,)."""
    corners = mesh.vertices[mesh.triangles].astype(float)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    if (normals * (corners.mean(axis=1) - point)).sum() < 0:
        return Mesh(mesh.vertices, np.ascontiguousarray(mesh.triangles[:, ::-1]), mesh.uv)
    return mesh


def tube(
    path: np.ndarray, across: np.ndarray | float, along_up: np.ndarray | float, *, closed: bool = False, sides: int = 8,
    up: tuple[float, float, float] = (0.0, 1.0, 0.0),
) -> Mesh:  # fmt: skip
    """A bar with a rounded section along a path (n, 3): half as wide as `across` and `along_up` (each a number
    or (n,)) sideways and towards `up`. Open ends are closed to a point."""
    count = len(path)
    tangent = (np.roll(path, -1, 0) - np.roll(path, 1, 0)) if closed else np.gradient(path, axis=0)
    tangent = tangent / np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    side = np.cross(tangent, np.array(up))
    side = side / np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-6)
    lift = np.cross(side, tangent)
    angle = np.arange(sides) * 2 * np.pi / sides
    width, height = (np.broadcast_to(np.asarray(size, float), count)[:, None, None] for size in (across, along_up))
    squared = np.abs(np.stack([np.cos(angle), np.sin(angle)])) ** 0.7 * np.sign(
        np.stack([np.cos(angle), np.sin(angle)]).round(9)
    )
    rings = (
        path[:, None]
        + width * squared[0, None, :, None] * side[:, None]
        + height * squared[1, None, :, None] * lift[:, None]
    )
    if closed:
        rings = np.concatenate([rings, rings[:1]])
    else:
        ends = [np.repeat(path[at][None, None], sides, axis=1) for at in (0, -1)]
        rings = np.concatenate([ends[0], rings, ends[1]])
    mesh = sheet(rings, closed=True)
    return _wound_outwards(mesh, rings)


def _wound_outwards(mesh: Mesh, rings: np.ndarray) -> Mesh:
    """Outwards for a tube: away from its own middle line, whatever its course."""
    columns = rings.shape[1] + 1
    middle = np.repeat(rings.mean(axis=1), columns, axis=0)
    corners = mesh.vertices[mesh.triangles].astype(float)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    if (normals * (corners.mean(axis=1) - middle[mesh.triangles].mean(axis=1))).sum() < 0:
        return Mesh(mesh.vertices, np.ascontiguousarray(mesh.triangles[:, ::-1]), mesh.uv)
    return mesh


def ball(centre: np.ndarray, radius: float, height: float) -> Mesh:
    """An ellipsoid of revolution about y."""
    polar, turn = np.meshgrid(np.linspace(0, np.pi, 7), np.arange(10) * 2 * np.pi / 10, indexing="ij")
    unit = np.stack([np.sin(polar) * np.cos(turn), -np.cos(polar), np.sin(polar) * np.sin(turn)], -1)
    return sheet(centre + unit * np.array([radius, height, radius]), closed=True, outward=centre)


def joined(meshes: list[Mesh]) -> Mesh:
    """Several meshes as one."""
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.triangles + start for mesh, start in zip(meshes, starts, strict=True)]).astype(np.int32),
        np.concatenate([mesh.uv for mesh in meshes]),
    )


def flat(colour: Colour) -> np.ndarray:
    """(1, 1, 3): a picture of one colour."""
    return np.array(colour, np.float32).reshape(1, 1, 3)


def part(name: str, mesh: Mesh, material: Material, *, shadows: bool = True) -> Part:
    """A mesh as a part of a scene that is not the face."""
    return Part(name, mesh.vertices, mesh.triangles, mesh.uv, material, label=0, shadows=shadows)
