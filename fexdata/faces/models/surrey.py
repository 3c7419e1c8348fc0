"""The Surrey Face Model as eos ships it: cereal's binary archives, read without eos.

Huber et al., A Multiresolution 3D Morphable Face Model and Fitting Framework, VISAPP 2016;
https://github.com/patrikhuber/eos, folder share/:

    sfm_shape_3448.bin                3,448 vertices, millimetres, 63 modes
    expression_blendshapes_3448.bin   six expressions, one-sided
    ibug_to_sfm.txt                   50 of the 68 landmarks

The archives, little-endian, without padding; a vector is a uint64 count and its elements, a matrix two
int32 (rows, columns) and its float32 column by column:

    model        uint32 version (1 to 4); shape PCA; colour PCA;
                 version 2 on: bool none; else int32 0 and a PCA, or 1 and blendshapes
                 version 3 on: bool none; else uint64 count of (string, int32) landmarks
                 vector of float64[2] texture coordinates, v downwards; version 4: vector of int32[3] triangles
    PCA          mean (3V, 1), basis (3V, n) of length 1, variances (n, 1), vector of int32[3] triangles
    blendshapes  vector of (string name, displacement (3V, 1))
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fexdata.errors import FexdataError
from fexdata.faces.models.assembly import Published, assemble, columns, numbered, reading
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.models.landmark_files import landmarks_beside

SHAPE = "sfm_shape_3448.bin"
EXPRESSIONS = "expression_blendshapes_3448.bin"
LANDMARKS = "ibug_to_sfm.txt"
SOURCE = "https://github.com/patrikhuber/eos (share/)"
LICENCE = "non-commercial (Surrey Face Model, University of Surrey; for commercial use ask at cvssp.org/facemodel)"


@dataclass(frozen=True, slots=True, eq=False)
class _Pca:
    mean: np.ndarray
    """(3V,)"""
    basis: np.ndarray
    """(3V, n)"""
    variances: np.ndarray
    triangles: np.ndarray


Shapes = dict[str, np.ndarray]


def load_surrey(path: str | Path) -> FaceModel:
    """The model from eos's `share` folder, or from one shape file with the other files beside it.

    A model file of eos's version 2 and later brings its own expressions. Raises `FexdataError` for
    other files.
    """
    place = Path(path)
    file = place / SHAPE if place.is_dir() else place
    with reading(file, f"eos's Surrey Face Model ({SHAPE}, {SOURCE})"):
        shape, expressions, uv = _model(_Archive(file.read_bytes()))
        mean = shape.mean.reshape(-1, 3)
        if expressions is None:
            expressions = _shapes_beside(file.parent)
        fields, names, signed = _fields(expressions, len(mean))
        return assemble(
            "surrey",
            Published(
                mean=mean, triangles=shape.triangles, identity=columns(shape.basis, np.sqrt(shape.variances)),
                expression=fields, expression_names=names, signed=signed, unit="mm", licence=LICENCE, source=SOURCE,
                landmarks_68=landmarks_beside(file.parent, len(mean), table=LANDMARKS),
                uv=uv if len(uv) == len(mean) else None,
            ),
        )  # fmt: skip


def _shapes_beside(folder: Path) -> Shapes:
    file = folder / EXPRESSIONS
    if not file.is_file():
        raise FexdataError(f"{folder} has no {EXPRESSIONS}, the Surrey Face Model's expressions; get it from {SOURCE}")
    with reading(file, f"eos's expressions of the Surrey Face Model ({EXPRESSIONS}, {SOURCE})"):
        archive = _Archive(file.read_bytes())
        shapes = archive.blendshapes()
        archive.end()
        return shapes


def _fields(expressions: _Pca | Shapes, vertices: int) -> tuple[np.ndarray, tuple[str, ...], bool]:
    """Fields (E, V, 3), their names, and whether they are signed."""
    if isinstance(expressions, _Pca):
        fields = columns(expressions.basis, np.sqrt(expressions.variances))
        return fields, numbered("expression", len(fields)), True
    if any(field.size != 3 * vertices for field in expressions.values()):
        raise ValueError(f"its expressions are not for {vertices} vertices")
    stacked = np.array([field.reshape(-1, 3) for field in expressions.values()]).reshape(-1, vertices, 3)
    return stacked, tuple(expressions), False


def _model(archive: _Archive) -> tuple[_Pca, _Pca | Shapes | None, np.ndarray]:
    """The shape, the expressions where the file has them, and texture coordinates (V or 0, 2)."""
    version = int(archive.numbers("<u4", 1)[0])
    if not 1 <= version <= 4:
        raise ValueError(f"version {version}, expected 1 to 4")
    shape, _ = archive.pca(), archive.pca()
    expressions: _Pca | Shapes | None = None
    if version >= 2 and not archive.numbers("?", 1)[0]:
        expressions = archive.blendshapes() if archive.numbers("<i4", 1)[0] else archive.pca()
    if version >= 3 and not archive.numbers("?", 1)[0]:
        for _ in range(archive.count()):
            archive.text()
            archive.numbers("<i4", 1)
    uv = archive.numbers("<f8", 2 * archive.count()).reshape(-1, 2)
    if version >= 4:
        archive.numbers("<i4", 3 * archive.count())
    archive.end()
    return shape, expressions, uv


class _Archive:
    """Reads cereal's values one after the other. Raises `ValueError` where the bytes end too early."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def numbers(self, kind: str, count: int) -> np.ndarray:
        found = np.frombuffer(self._content, kind, count, self._at)
        self._at += found.nbytes
        return found

    def count(self) -> int:
        count = int(self.numbers("<u8", 1)[0])
        if count > len(self._content):
            raise ValueError(f"a count of {count} in a file of {len(self._content)} bytes")
        return count

    def text(self) -> str:
        return self.numbers("u1", self.count()).tobytes().decode()

    def matrix(self) -> np.ndarray:
        rows, cols = (int(number) for number in self.numbers("<i4", 2))
        if min(rows, cols) < 0:
            raise ValueError(f"a matrix of {rows} x {cols}")
        return self.numbers("<f4", rows * cols).reshape(cols, rows).T

    def pca(self) -> _Pca:
        mean, basis, variances = self.matrix(), self.matrix(), self.matrix()
        triangles = self.numbers("<i4", 3 * self.count()).reshape(-1, 3)
        return _Pca(mean.ravel(), basis, variances.ravel(), triangles)

    def blendshapes(self) -> Shapes:
        return {self.text(): self.matrix().ravel() for _ in range(self.count())}

    def end(self) -> None:
        if left := len(self._content) - self._at:
            raise ValueError(f"{left} bytes too many")
