"""One form for every linear face model: a mean, identity fields, expression fields.

    shape = mean + sum_k identity_k * identity_basis_k + sum_e expression_e * expression_basis_e

The standard deviations are folded into the bases, so identity coefficients have unit variance, and an
expression coefficient of 1 is a movement's full strength.

A model is stored as one `.npz`: its arrays, and a JSON header for the rest; nothing is pickled.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fexdata.errors import FexdataError

FORMAT = "fexdata-face-model-1"


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """Points that ride on the surface: each a weighted mean of three vertices."""

    vertices: np.ndarray
    """(n, 3) int32 vertex numbers."""
    weights: np.ndarray
    """(n, 3) float32, each row with sum 1; NaN for a point that the model does not have."""

    @property
    def known(self) -> np.ndarray:
        """(n,) bool: which points the model has; the others are NaN in `points`."""
        return np.isfinite(self.weights).all(axis=1)

    def points(self, vertices: np.ndarray) -> np.ndarray:
        """(n, 3) in the frame of `vertices` (V, 3)."""
        result: np.ndarray = np.einsum("nkd,nk->nd", vertices[self.vertices], self.weights)
        return result


def at_vertices(numbers: np.ndarray | Sequence[int]) -> Embedding:
    """An embedding of points that are vertices; -1 for a point that the model does not have."""
    ids = np.repeat(np.asarray(numbers, dtype=np.int32)[:, None], 3, axis=1)
    weights = np.tile(np.array([1, 0, 0], np.float32), (len(ids), 1))
    weights[ids[:, 0] < 0] = np.nan
    return Embedding(np.maximum(ids, 0), weights)


@dataclass(frozen=True, slots=True, eq=False)
class FaceModel:
    """A linear model of V vertices. Arrays are read-only.

    Frame: x right in the picture, y down, z away from the viewer; the face looks along -z, and
    triangles wind so that outward normals of what faces the viewer have n_z < 0.
    """

    name: str
    mean: np.ndarray
    """(V, 3) float32."""
    triangles: np.ndarray
    """(T, 3) int32."""
    identity_basis: np.ndarray
    """(K, V, 3) float32, the displacement of one standard deviation each."""
    identity_names: tuple[str, ...]
    expression_basis: np.ndarray
    """(E, V, 3) float32, the displacement at full strength each."""
    expression_names: tuple[str, ...]
    expression_signed: np.ndarray
    """(E,) bool: whether a coefficient may be negative; the others run from 0 to 1."""
    uv: np.ndarray
    """(V, 2) float32 from 0 to 1; v runs down."""
    landmarks_478: Embedding | None
    """MediaPipe's points; only the first 468 where the model has no eyeballs."""
    landmarks_68: Embedding | None
    mirror: np.ndarray | None
    """(V,) int32: each vertex's partner on the other side; None for a model without symmetry."""
    regions: dict[str, np.ndarray] = field(default_factory=dict)
    """Name -> (V,) float32 weights from 0 to 1."""
    units: str = "mm"
    licence: str = ""
    source: str = ""
    speech_basis: np.ndarray | None = None
    """(S, V, 3) float32, for models that have one."""
    sha256: str = ""
    """Of the arrays and names; filled in when left empty."""
    kind: str = ""
    """Which published model it was read from, a key of `kinds.KINDS`; empty for our own."""

    def __post_init__(self) -> None:
        _check(self)
        for array in _arrays(self).values():
            array.setflags(write=False)
        if not self.sha256:
            object.__setattr__(self, "sha256", _digest(self))

    def shape(self, identity: np.ndarray | None = None, expression: np.ndarray | None = None) -> np.ndarray:
        """Vertices (V, 3) float32 of identity (K,) and expression (E,); None is zero.

        Shorter coefficient vectors count as followed by zeros. Raises `ValueError` for longer ones.
        """
        vertices = np.array(self.mean)
        for basis, coefficients in ((self.identity_basis, identity), (self.expression_basis, expression)):
            if coefficients is None:
                continue
            used = np.asarray(coefficients, dtype=np.float32)
            if used.ndim != 1 or len(used) > len(basis):
                raise ValueError(f"coefficients: expected up to {len(basis)} numbers, got shape {used.shape}")
            vertices += np.tensordot(used, basis[: len(used)], axes=1)
        return vertices

    def save(self, path: str | Path) -> None:
        """Writes the model as `.npz`."""
        header = {name: getattr(self, name) for name in _HEADER} | {"format": FORMAT}
        arrays = _arrays(self) | {"header": np.frombuffer(json.dumps(header, sort_keys=True).encode(), np.uint8)}
        with Path(path).open("wb") as file:
            np.savez_compressed(file, **arrays)


_HEADER = ("name", "identity_names", "expression_names", "units", "licence", "source", "sha256", "kind")
_OPTIONAL = ("mirror", "speech_basis")
_EMBEDDINGS = ("landmarks_478", "landmarks_68")


def load(path: str | Path) -> FaceModel:
    """The model that `FaceModel.save` wrote. Raises `FexdataError` for anything else."""
    with _opened(path) as (header, archive):
        arrays = {name: archive[name] for name in archive if name != "header"}
        values: dict[str, Any] = dict.fromkeys(_OPTIONAL)
        values |= {name: tuple(value) if isinstance(value, list) else value for name, value in header.items()}
        values["regions"] = {name[8:]: arrays.pop(name) for name in sorted(arrays) if name.startswith("regions.")}
        for name in _EMBEDDINGS:
            parts = [arrays.pop(f"{name}.{part}", None) for part in ("vertices", "weights")]
            values[name] = None if parts[0] is None or parts[1] is None else Embedding(parts[0], parts[1])
        return FaceModel(**(values | arrays))


def read_header(path: str | Path) -> dict[str, Any]:
    """A model file's words (name, licence, source, sha256, ...) without its arrays.

    Raises `FexdataError` for anything that `FaceModel.save` did not write.
    """
    with _opened(path) as (header, _):
        return header


@contextlib.contextmanager
def _opened(path: str | Path) -> Iterator[tuple[dict[str, Any], Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            header = json.loads(archive["header"].tobytes())
            if header.pop("format", None) != FORMAT:
                raise FexdataError(f"{path} has another format than {FORMAT}; import it anew")
            yield header, archive
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise FexdataError(f"{path} is not a face model that fexdata wrote; import it anew") from error


def _arrays(model: FaceModel) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for part in dataclasses.fields(model):
        value = getattr(model, part.name)
        if isinstance(value, np.ndarray):
            found[part.name] = value
        elif isinstance(value, Embedding):
            found[f"{part.name}.vertices"], found[f"{part.name}.weights"] = value.vertices, value.weights
        elif isinstance(value, dict):
            found.update({f"{part.name}.{name}": array for name, array in value.items()})
    return found


def _digest(model: FaceModel) -> str:
    state = hashlib.sha256(json.dumps([model.name, model.identity_names, model.expression_names]).encode())
    for name, array in sorted(_arrays(model).items()):
        state.update(f"{name} {array.shape} {array.dtype.str}".encode())
        state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()


def _check(model: FaceModel) -> None:
    count = len(model.mean)
    expected = {
        "mean": (count, 3),
        "identity_basis": (len(model.identity_names), count, 3),
        "expression_basis": (len(model.expression_names), count, 3),
        "expression_signed": (len(model.expression_names),),
        "uv": (count, 2),
        **{f"regions.{name}": (count,) for name in model.regions},
    }
    arrays = _arrays(model)
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{model.name}: {name} has shape {arrays[name].shape}, expected {shape}")
    for name in ("triangles", "landmarks_478.vertices", "landmarks_68.vertices", "mirror"):
        if name in arrays and (arrays[name].min() < 0 or arrays[name].max() >= count):
            raise ValueError(f"{model.name}: {name} refers to vertices outside 0 to {count - 1}")
