"""Registered meshes in a folder: one topology, known people, one neutral face each.

    FOLDER/
      SUBJECT/neutral.obj              or, with sessions, SUBJECT/SESSION/neutral.obj
      SUBJECT/ANYTHING.obj             expressive faces of the same person (and session)
      landmarks_68.txt                 optional: 68 vertex numbers from 0, one a line, -1 for none

Files are `.obj` or `.ply`; all have the same vertices in the same order and the same polygons, as 4DFAB
(Cheng et al., CVPR 2018) and other registered scans have. x right, y up, z towards the viewer. A session
without a neutral face takes its subject's.

`fexdata.faces.mesh_files` reads meshes of unknown make and joins vertices that lie on each other. Here a vertex
is its number, so that nothing may be joined or split: lips that touch stay two.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.models.assembly import reading

SUFFIXES = (".obj", ".ply")
NEUTRAL = "neutral"
LAYOUT = "SUBJECT/neutral.obj or SUBJECT/SESSION/neutral.obj, expressive meshes beside it (docs/models/formats.md)"


@dataclass(frozen=True, slots=True)
class Session:
    """The meshes of one person on one day."""

    subject: str
    session: str
    """Empty where subjects have no sessions."""
    folder: Path
    neutral: Path
    expressive: tuple[Path, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RegisteredMesh:
    """One file's mesh, V vertices, T triangles; polygons are cut into fans."""

    vertices: np.ndarray
    """(V, 3) float64 as in the file."""
    triangles: np.ndarray
    """(T, 3) int32."""
    uv: np.ndarray | None
    """(T, 3, 2) float32 texture coordinates of each triangle's corners, v upwards; None without."""


def sessions(folder: str | Path) -> list[Session]:
    """The sessions of a folder, by subject and session.

    Raises `FexdataError` where the folder is not there, holds no meshes in the layout, or a subject has no neutral
    face.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FexdataError(f"{root} is not a folder; expected {LAYOUT}")
    found: list[Session] = []
    for subject in _folders(root):
        own, parts = _meshes(subject), _folders(subject)
        for place in (subject, *parts):
            meshes = own if place == subject else _meshes(place)
            if not meshes:
                continue
            neutral = _neutral(meshes) or _neutral(own)
            if neutral is None:
                raise FexdataError(f"{place} has meshes and no {NEUTRAL}.obj; expected {LAYOUT}")
            name = "" if place == subject else place.name
            if others := tuple(path for path in meshes if path.stem != NEUTRAL):
                found.append(Session(subject.name, name, place, neutral, others))
    if not found:
        raise FexdataError(f"{root} has no expressive meshes; expected {LAYOUT}")
    return found


def read_registered(path: Path, like: RegisteredMesh | None = None) -> RegisteredMesh:
    """The mesh of a file. Raises `FexdataError` for a file that is no mesh, and for one whose vertices or polygons are
    not those of `like`."""
    with reading(path, "a mesh (.obj or .ply) with triangles or quads"):
        mesh = _read_ply(path) if path.suffix.lower() == ".ply" else _read_obj(path.read_bytes())
        if not len(mesh.triangles) or mesh.triangles.min() < 0 or mesh.triangles.max() >= len(mesh.vertices):
            raise ValueError("polygons name vertices that are not there")
        if not np.isfinite(mesh.vertices).all():
            raise ValueError("vertices are not all numbers")
    if like is not None and len(mesh.vertices) != len(like.vertices):
        counts = f"{len(mesh.vertices):,} vertices, the first mesh {len(like.vertices):,}"
        raise FexdataError(f"{path} has {counts}: registered meshes need one topology")
    if like is not None and not np.array_equal(mesh.triangles, like.triangles):
        raise FexdataError(f"{path} has other polygons than the first mesh: registered meshes need one topology")
    return mesh


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _meshes(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())


def _neutral(meshes: list[Path]) -> Path | None:
    return next((path for path in meshes if path.stem == NEUTRAL), None)


def _read_obj(text: bytes) -> RegisteredMesh:
    lines = text.splitlines()
    vertices = _numbers([line for line in lines if line.startswith(b"v ")], 3)
    corners, polygons = _triangles(tuple(line for line in lines if line.startswith(b"f ")))
    uv = None
    if len(corners) and corners.shape[2] > 1 and corners[..., 1].min() >= 0:
        places = _numbers([line for line in lines if line.startswith(b"vt ")], 2).astype(np.float32)
        if corners[..., 1].max() >= len(places):
            raise ValueError(f"{polygons} polygons name texture coordinates that are not there")
        uv = places[corners[..., 1]]
    return RegisteredMesh(vertices, np.ascontiguousarray(corners[..., 0]), uv)


def _numbers(lines: list[bytes], count: int) -> np.ndarray:
    """(n, count) float64: the first numbers of lines whose first word is a key."""
    if not lines:
        return np.zeros((0, count))
    width = len(lines[0].split())
    words = b" ".join(lines).split()
    if len(words) != width * len(lines) or width <= count:
        raise ValueError("vertices with different numbers of values")
    table: np.ndarray = np.array(words).reshape(-1, width)[:, 1 : count + 1].astype(np.float64)
    return table


# Hundreds of files of one topology repeat the same lines.
@functools.lru_cache(maxsize=2)
def _triangles(lines: tuple[bytes, ...]) -> tuple[np.ndarray, int]:
    """(T, 3, 2) int32 of vertex and texture number, -1 for no texture; and how many polygons there were."""
    fans: list[list[tuple[int, int]]] = []
    for line in lines:
        ring = []
        for word in line.split()[1:]:
            vertex, _, rest = word.partition(b"/")
            texture = rest.partition(b"/")[0]
            if int(vertex) < 1:
                raise ValueError("vertices are numbered from the end")
            ring.append((int(vertex) - 1, int(texture) - 1 if texture else -1))
        fans += [[ring[0], ring[k], ring[k + 1]] for k in range(1, len(ring) - 1)]
    corners = np.array(fans, np.int32).reshape(-1, 3, 2)
    corners.setflags(write=False)
    return corners, len(lines)


def _read_ply(path: Path) -> RegisteredMesh:
    import trimesh

    mesh: Any = trimesh.load(path, process=False, force="mesh")
    return RegisteredMesh(np.array(mesh.vertices, np.float64), np.array(mesh.faces, np.int32), None)
