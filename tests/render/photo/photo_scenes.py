"""Small scenes with known answers."""

from __future__ import annotations

import numpy as np

from fexdata.render.photo.scene import Camera, Kind, Lighting, Material, Part, Scene, Strands

AWAY = 900.0
"""Millimetres from the camera to what is looked at."""


def camera(size: int = 128, span: float = 200.0) -> Camera:
    """Shows `span` millimetres at the distance `AWAY`, the axis through the picture's middle."""
    return Camera(size / span * AWAY, ((size - 1) / 2, (size - 1) / 2), (size, size))


def material(kind: Kind = "plain", albedo: float = 0.5, *, roughness: float = 0.5, specular: float = 0.0) -> Material:
    return Material(
        kind, np.full((1, 1, 3), albedo, np.float32), np.full((1, 1), roughness, np.float32), specular=specular
    )


def quad(
    side: float, *, z: float = AWAY, x: float = 0.0, y: float = 0.0, of: Material | None = None, cells: int = 8,
    name: str = "quad", label: int = 1,
) -> Part:  # fmt: skip
    """A square that faces the camera."""
    row, column = np.mgrid[: cells + 1, : cells + 1]
    uv = np.stack([column, row], -1).reshape(-1, 2) / cells
    vertices = np.column_stack([(uv - 0.5) * side + [x, y], np.full(len(uv), z)])
    first = (row * (cells + 1) + column)[:-1, :-1].ravel()
    right, down, across = first + 1, first + cells + 1, first + cells + 2
    triangles = np.concatenate([np.stack([first, across, right], 1), np.stack([first, down, across], 1)])
    return part(vertices, triangles, uv, of or material(), name=name, label=label)


def sphere(radius: float, *, of: Material | None = None, z: float = AWAY) -> Part:
    import trimesh

    ball = trimesh.creation.icosphere(subdivisions=4, radius=radius)
    vertices = np.asarray(ball.vertices) + np.array([0, 0, z])
    return part(vertices, ball.faces, np.zeros((len(vertices), 2)), of or material())


def part(
    vertices: np.ndarray, triangles: np.ndarray, uv: np.ndarray, of: Material, *, name: str = "part", label: int = 1
) -> Part:
    return Part(
        name,
        np.ascontiguousarray(vertices, np.float32),
        np.ascontiguousarray(triangles, np.int32),
        np.ascontiguousarray(uv, np.float32),
        of,
        label=label,
    )


def lamp(*direction: float, strength: float = 1.0, size: float = 0.5) -> Lighting:
    """One lamp and no surroundings."""
    towards = np.array([direction], np.float32)
    return Lighting(
        np.zeros((0, 3), np.float32),
        np.zeros((0, 3), np.float32),
        towards / np.linalg.norm(towards),
        np.full((1, 3), strength, np.float32),
        np.array([size], np.float32),
    )


def uniform(radiance: float = 1.0, cones: int = 32) -> Lighting:
    """The same light from all sides: each of L cones gives an irradiance of 4 R / L."""
    number = np.arange(cones) + 0.5
    height, angle = 1 - 2 * number / cones, number * np.pi * (3 - np.sqrt(5))
    across = np.sqrt(1 - height**2)
    ways = np.stack([across * np.cos(angle), height, across * np.sin(angle)], 1).astype(np.float32)
    none = np.zeros((0, 3), np.float32)
    return Lighting(ways, np.full((cones, 3), 4 * radiance / cones, np.float32), none, none, np.zeros(0, np.float32))


def scene(
    parts: list[Part], light: Lighting, *, strands: list[Strands] | None = None, background: float = 0.0,
    of: Camera | None = None,
) -> Scene:  # fmt: skip
    return Scene(parts, of or camera(), light, np.full((2, 2, 3), background, np.float32), strands or [])


def threads(points: np.ndarray, width: float, colour: float = 0.5, **more: float | bool) -> Strands:
    """Strands (N, K, 3) of one width and colour."""
    count = len(points)
    return Strands(
        points.astype(np.float32),
        np.full((count, 3), colour, np.float32),
        np.full(count, width, np.float32),
        **more,  # type: ignore[arg-type]
    )
