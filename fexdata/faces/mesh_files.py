"""Meshes in files that other tools wrote: `.obj` and `.ply`, read by trimesh.

Whatever a file holds, either whole and finite triangles come out of it or a `RowError` that says what is
wrong. Materials and textures are not followed: a file names any path it likes there.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from fexdata.errors import Code, RowError
from fexdata.storage import read_photograph

SUFFIXES = (".obj", ".ply")


def read_mesh(location: str) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) float64, in the file's own frame and order, and triangles (T, 3) int32.

    Vertices that an `.obj` repeats for the sake of its texture are joined again. Raises `RowError`:
    as `fexdata.storage.read_photograph`, or `decode_error` for a file that is no mesh, is cut off or
    names vertices that it has not.
    """
    import trimesh

    data, kind = read_photograph(location), location.rsplit(".", 1)[-1].lower()
    if not data:
        raise RowError(Code.EMPTY_FILE, "the mesh's file is empty")
    try:
        mesh: Any = trimesh.load(io.BytesIO(data), file_type=kind, process=False, skip_materials=True, force="mesh")
        if kind == "obj":
            mesh.merge_vertices(merge_tex=True, merge_norm=True)
        vertices = np.array(mesh.vertices, dtype=np.float64)
        triangles = np.array(mesh.faces, dtype=np.int64)
    except Exception as error:  # trimesh raises whatever its parsers stumble over
        text = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise RowError(Code.DECODE_ERROR, f"is no .{kind} mesh: {text}") from None
    if triangles.ndim != 2 or len(triangles) == 0:
        raise RowError(Code.DECODE_ERROR, f"the .{kind} file has no triangles")
    if not np.isfinite(vertices).all() or triangles.min() < 0 or triangles.max() >= len(vertices):
        raise RowError(Code.DECODE_ERROR, f"the .{kind} file's vertices are not all numbers, or not all there")
    return vertices, triangles.astype(np.int32)


def repeated_parts(vertices: np.ndarray, triangles: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The faces of a file that holds several meshes of one topology, one after the other; a file with
    one mesh gives that. The file is taken apart as far as it can be."""
    for count in range(min(len(vertices), len(triangles)) // 3, 1, -1):
        if len(vertices) % count or len(triangles) % count:
            continue
        step = len(vertices) // count
        own = triangles.reshape(count, -1, 3) - step * np.arange(count)[:, None, None]
        if (own == own[0]).all() and own.min() >= 0 and own.max() < step:
            return [(part, own[0].astype(np.int32)) for part in vertices.reshape(count, step, 3)]
    return [(vertices, triangles)]
