"""ICT-FaceKit: a morphable model made from scans, free to use (MIT), read from the user's own copy.

Li et al., Learning Formation of Physically-Based Face Attributes, CVPR 2020;
https://github.com/ICT-VGL/ICT-FaceKit. Two forms are read:

    FaceXModel/                        the repository's folder: one whole mesh per file
      generic_neutral_mesh.obj
      identity000.obj ... identity099.obj
      browDown_L.obj ... noseSneer_R.obj
      vertex_indices.json              lists the expressions and the 68 landmarks

    ict_facekit_light.npz              the same numbers in one file
      neutral (V, 3), identity (K, V, 3), expression (E, V, 3): offsets from neutral
      expression_names (E,), landmarks_68 (68,)
      face_vertices, face_uvs (P, 4): polygons, a triangle has -1 as its fourth; uv (U, 2)
      face_material (P,), material_names

The model keeps its own vertices, names and unit, which is the centimetre. Only the frame changes, to
fexdata's (y down, z away from the viewer). `_L` is the person's left: the right of the picture.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from fexdata.errors import FexdataError
from fexdata.faces.models.face_model import FaceModel, at_vertices

NAME = "ict"
LICENCE = "MIT (ICT-FaceKit, USC Institute for Creative Technologies, 2020)"
SOURCE = "https://github.com/ICT-VGL/ICT-FaceKit"
ARCHIVE = "ict_facekit_light.npz"
NEUTRAL = "generic_neutral_mesh.obj"
INDICES = "vertex_indices.json"

PARTS = {"face": (0, 9409), "skin": (0, 11248)}
"""First and one past the last vertex of the face, and of face, head and neck (ICT's own table)."""
HALF_TURN = np.array([1.0, -1.0, -1.0])
"""From y up and z towards the viewer."""
_REACH = 0.05
"""Centimetres within which a vertex's mirror image lies; ICT's own head is that asymmetric."""


@dataclass(frozen=True, slots=True, eq=False)
class _Contents:
    """What both forms hold, in ICT's frame."""

    neutral: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    """Offsets from `neutral`."""
    names: tuple[str, ...]
    landmarks: np.ndarray
    polygons: np.ndarray
    """(P, 4): vertices."""
    polygon_uvs: np.ndarray
    """(P, 4): rows of `uv`, v upwards."""
    uv: np.ndarray
    materials: dict[str, np.ndarray]
    """Name -> rows of `polygons`."""


def load_ict(path: str | Path) -> FaceModel:
    """ICT's model, in centimetres, from a `FaceXModel` folder (or the folder that holds it, or the
    archive) or from the archive itself. Eyes, teeth and tongue are in it; `regions` has one region
    per part and material.

    Raises `FexdataError` where a file is missing or is not ICT's.
    """
    place = Path(path)
    try:
        contents = _from_archive(place) if place.is_file() else _from_folder(place)
        return _model(contents)
    except (OSError, KeyError, ValueError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise FexdataError(f"{path} is not ICT-FaceKit as {SOURCE} has it ({_short(error)})") from error


def _model(contents: _Contents) -> FaceModel:
    count = len(contents.neutral)
    quads = contents.polygons
    second = quads[quads[:, 3] >= 0][:, [0, 2, 3]]
    regions = {name: _chosen(np.arange(*bounds), count) for name, bounds in PARTS.items()}
    for name, rows in contents.materials.items():
        corners = quads[rows]
        regions[name] = _chosen(corners[corners >= 0], count)
    neutral = contents.neutral * HALF_TURN
    return FaceModel(
        name=NAME,
        mean=neutral.astype(np.float32),
        triangles=np.concatenate([quads[:, :3], second]).astype(np.int32),
        identity_basis=contents.identity * HALF_TURN.astype(np.float32),
        identity_names=tuple(f"identity{number:03d}" for number in range(len(contents.identity))),
        expression_basis=contents.expression * HALF_TURN.astype(np.float32),
        expression_names=contents.names,
        expression_signed=np.zeros(len(contents.names), dtype=bool),
        uv=_uv(contents, count),
        landmarks_478=None,
        landmarks_68=at_vertices(contents.landmarks),
        mirror=_partners(neutral),
        regions=regions,
        units="cm",
        licence=LICENCE,
        source=SOURCE,
    )


def _chosen(vertices: np.ndarray, count: int) -> np.ndarray:
    chosen = np.zeros(count, np.float32)
    chosen[vertices[vertices < count]] = 1
    return chosen


def _uv(contents: _Contents, count: int) -> np.ndarray:
    """(V, 2), v downwards. A vertex on a seam has several places in ICT's texture; it gets the first."""
    uv = np.zeros((count, 2), np.float32)
    used = contents.polygons >= 0
    vertices, rows = contents.polygons[used], contents.polygon_uvs[used]
    uv[vertices[::-1]] = contents.uv[rows[::-1]]
    uv[:, 1] = 1 - uv[:, 1]
    return uv


def _partners(points: np.ndarray) -> np.ndarray | None:
    distance, partner = cKDTree(points).query(points * [-1, 1, 1])
    return partner.astype(np.int32) if distance.max() < _REACH else None


# The archive


def _from_archive(path: Path) -> _Contents:
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    material = arrays["face_material"]
    return _checked(
        _Contents(
            neutral=arrays["neutral"],
            identity=arrays["identity"].astype(np.float32),
            expression=arrays["expression"].astype(np.float32),
            names=tuple(str(name) for name in arrays["expression_names"]),
            landmarks=arrays["landmarks_68"],
            polygons=arrays["face_vertices"],
            polygon_uvs=arrays["face_uvs"],
            uv=arrays["uv"],
            materials={str(n): np.flatnonzero(material == k) for k, n in enumerate(arrays["material_names"])},
        )
    )


# The folder


def _from_folder(folder: Path) -> _Contents:
    if (folder / "FaceXModel").is_dir():
        folder = folder / "FaceXModel"
    if (folder / ARCHIVE).is_file():
        return _from_archive(folder / ARCHIVE)
    for name in (NEUTRAL, INDICES):
        if not (folder / name).is_file():
            raise FexdataError(f"{folder} is not ICT-FaceKit's FaceXModel folder: it has no {name} ({SOURCE})")
    indices = json.loads((folder / INDICES).read_text())
    names = tuple(str(name) for name in indices["expressions"])
    identities = sorted(folder.glob("identity[0-9][0-9][0-9].obj"))
    wanted = [f"identity{number:03d}" for number in range(max(1, len(identities)))] + list(names)
    if missing := [f"{name}.obj" for name in wanted if not (folder / f"{name}.obj").is_file()]:
        raise FexdataError(
            f"{folder} lacks {len(missing)} files of ICT-FaceKit, such as {missing[0]}; get it whole ({SOURCE})"
        )
    text = (folder / NEUTRAL).read_bytes()
    neutral = _vertices(text)
    offsets = [
        _vertices((folder / f"{name}.obj").read_bytes(), folder / f"{name}.obj", len(neutral)) - neutral
        for name in wanted
    ]
    count = len(wanted) - len(names)
    uv = np.array([line.split()[1:3] for line in text.splitlines() if line.startswith(b"vt ")], np.float32)
    polygons, polygon_uvs, materials = _polygons(text)
    return _checked(
        _Contents(
            neutral=neutral,
            identity=np.array(offsets[:count], np.float32),
            expression=np.array(offsets[count:], np.float32).reshape(len(names), len(neutral), 3),
            names=names,
            landmarks=np.array(indices["idx_to_landmark_verts"], np.int32),
            polygons=polygons,
            polygon_uvs=polygon_uvs,
            uv=uv,
            materials=materials,
        )
    )


def _vertices(text: bytes, path: Path | None = None, expected: int | None = None) -> np.ndarray:
    """(V, 3) of an `.obj` whose vertices stand in one block."""
    lines = text[text.index(b"\nv ") + 1 :]
    end = lines.find(b"\nvt ")
    words = (lines if end < 0 else lines[:end]).split()
    if len(words) % 4 or words[::4] != [b"v"] * (len(words) // 4):
        raise ValueError("vertices are not in one block")
    vertices = np.array(words).reshape(-1, 4)[:, 1:].astype(np.float64)
    if expected is not None and len(vertices) != expected:
        raise FexdataError(f"{path} has {len(vertices)} vertices, {NEUTRAL} has {expected}; get both from {SOURCE}")
    return vertices


def _polygons(text: bytes) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Vertices (P, 4) and texture rows (P, 4) of triangles and quads, and the polygons of each material."""
    corners: list[list[tuple[int, int]]] = []
    materials: dict[str, list[int]] = {}
    current: list[int] = []
    for line in text.splitlines():
        if line.startswith(b"usemtl "):
            current = materials.setdefault(line[7:].decode().strip(), [])
        elif line.startswith(b"f "):
            current.append(len(corners))
            pairs = [word.split(b"/") for word in line.split()[1:]]
            ring = [(int(pair[0]) - 1, int(pair[1]) - 1) for pair in pairs]
            corners.append(ring + [(-1, -1)] * (4 - len(ring)))
    both = np.array(corners, np.int32).reshape(-1, 4, 2)
    return both[..., 0], both[..., 1], {name: np.array(rows, np.int64) for name, rows in materials.items()}


def _checked(contents: _Contents) -> _Contents:
    count = len(contents.neutral)
    for name, offsets in (("identity", contents.identity), ("expression", contents.expression)):
        if offsets.shape[1:] != (count, 3):
            raise ValueError(f"{name} has shape {offsets.shape} for {count} vertices")
    if contents.landmarks.shape != (68,):
        raise ValueError(f"{contents.landmarks.size} landmarks, expected 68")
    if contents.polygons.max() >= count or contents.polygon_uvs.max() >= len(contents.uv):
        raise ValueError("polygons refer to vertices that are not there")
    return contents


def _short(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
