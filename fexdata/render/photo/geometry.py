"""The parts of a scene laid end to end in single arrays, as the kernels want them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fexdata.faces.mesh import vertex_normals
from fexdata.render.photo.scene import Part

CLEAR = ("cornea", "glass")
"""Kinds of surface that are looked through: they add highlights and hide nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Several parts as one mesh of V vertices and T triangles; C-contiguous arrays."""

    vertices: np.ndarray
    """(V, 3) float32 millimetres, camera frame."""
    normals: np.ndarray
    """(V, 3) float32 unit, outward; each part by itself."""
    uv: np.ndarray
    """(V, 2) float32."""
    tint: np.ndarray
    """(V, 3) float32; ones where a part has none."""
    triangles: np.ndarray
    """(T, 3) int32."""
    part_of: np.ndarray
    """(T,) int16, the part's number in the scene."""


def stack(parts: list[Part], numbers: list[int]) -> Stack:
    """The parts of these numbers as one mesh. Raises `ValueError` for arrays that do not fit together."""
    chosen = [parts[number] for number in numbers]
    for part in chosen:
        _check(part)
    starts = np.cumsum([0] + [len(part.vertices) for part in chosen])
    vertices = _rows([part.vertices for part in chosen], (0, 3), np.float32)
    triangles = _rows([part.triangles + start for part, start in zip(chosen, starts, strict=False)], (0, 3), np.int32)
    tints = [np.ones((len(part.vertices), 3), np.float32) if part.tint is None else part.tint for part in chosen]
    normals = [vertex_normals(part.vertices, part.triangles) for part in chosen]
    return Stack(
        vertices=vertices,
        normals=_rows(normals, (0, 3), np.float32),
        uv=_rows([part.uv for part in chosen], (0, 2), np.float32),
        tint=_rows(tints, (0, 3), np.float32),
        triangles=triangles,
        part_of=np.repeat(np.array(numbers, np.int16), [len(part.triangles) for part in chosen]),
    )


def _check(part: Part) -> None:
    count = len(part.vertices)
    if part.uv.shape != (count, 2):
        raise ValueError(f"{part.name}: uv must have shape ({count}, 2), not {part.uv.shape}")
    if part.tint is not None and part.tint.shape != (count, 3):
        raise ValueError(f"{part.name}: tint must have shape ({count}, 3), not {part.tint.shape}")
    if not np.isfinite(part.vertices).all():
        raise ValueError(f"{part.name}: vertices must be finite")


def _rows(arrays: list[np.ndarray], empty: tuple[int, ...], dtype: type) -> np.ndarray:
    joined = np.concatenate(arrays) if arrays else np.zeros(empty)
    return np.ascontiguousarray(joined, dtype=dtype)
