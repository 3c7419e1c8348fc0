"""Where a publisher's landmarks are told in a file of their own, beside the model.

Few models carry their landmarks. What is read, in this order:

    landmarks_68.txt                    68 vertex numbers from 0, one a line; -1 where there is none
    ibug_to_sfm.txt, ...                eos's tables: `31 = 114`, point (from 1) = vertex (from 0)
    model_info.mat, Model_Shape.mat     3DDFA's `keypoints` (68), from 1, on its 53,215 vertices

iBUG's order throughout (`fexdata.faces.landmarks`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.models.assembly import load_mat, reading
from fexdata.faces.models.face_model import Embedding, at_vertices

POINTS = 68
OWN = "landmarks_68.txt"
TDDFA_FILES = ("model_info.mat", "Model_Shape.mat")


def landmarks_beside(folder: Path, vertices: int, *, table: str = "") -> Embedding | None:
    """The 68 points on a model of so many vertices, from `landmarks_68.txt` or the eos table of that
    name in the model's folder; None without either.

    Raises `FexdataError` for a file that does not hold 68 points or names vertices that are not there.
    """
    if (folder / OWN).is_file():
        return _read(folder / OWN, _own, vertices)
    return _read(folder / table, _of_eos, vertices) if table and (folder / table).is_file() else None


def keypoints_beside(folder: Path, vertices: int) -> Embedding | None:
    """The 68 points of 3DDFA's files, on a model that has 3DDFA's vertices; None without those files.

    Raises `FexdataError` as `landmarks_beside`.
    """
    for name in TDDFA_FILES:
        if (folder / name).is_file() and (found := _read(folder / name, _of_3ddfa, vertices)) is not None:
            return found
    return None


def _read(path: Path, read: Callable[[Path], np.ndarray | None], vertices: int) -> Embedding | None:
    with reading(path, "a list of 68 landmarks on the model beside it"):
        numbers = read(path)
        if numbers is None:
            return None
        if numbers.shape != (POINTS,):
            raise ValueError(f"{numbers.size} points")
        if numbers.max() >= vertices:
            raise FexdataError(f"{path} names vertex {numbers.max()} of a model of {vertices}: it is of another model")
        return at_vertices(numbers)


def _own(path: Path) -> np.ndarray:
    return np.array([int(word) for word in path.read_text().split()])


def _of_3ddfa(path: Path) -> np.ndarray | None:
    keypoints = load_mat(path, "keypoints").get("keypoints")
    return None if keypoints is None else keypoints.ravel().astype(np.int64) - 1


def _of_eos(path: Path) -> np.ndarray:
    table = tomllib.loads(path.read_text())["landmark_mappings"]
    numbers = np.full(POINTS, -1)
    for point, vertex in table.items():
        numbers[int(point) - 1] = vertex
    return numbers
