"""What every reader does to a publisher's arrays: frame, unit, winding, mirror map, texture, landmarks.

Publishers of face models agree on a frame (x right, y up, z towards the viewer) and on little else.
Here their numbers become a `FaceModel`: fexdata's frame, millimetres, outward triangles.
"""

from __future__ import annotations

import contextlib
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from fexdata.errors import FexdataError
from fexdata.faces.models.face_model import Embedding, FaceModel
from fexdata.faces.models.ict import HALF_TURN

UNITS = {"um": 1e-3, "mm": 1.0, "cm": 10.0, "m": 1e3}
"""Unit -> millimetres."""
WIDTHS = (90.0, 320.0)
"""Least and most width of a head or face, millimetres, by which a unit is recognised."""
REACH = 1.0
"""Millimetres within which a vertex's mirror image has to lie."""


@dataclass(frozen=True, slots=True, eq=False)
class Published:
    """A model's numbers as its publisher has them, V vertices."""

    mean: np.ndarray
    """(V, 3), x right, y up, z towards the viewer."""
    triangles: np.ndarray
    """(T, 3), from 0, wound either way."""
    identity: np.ndarray
    """(K, V, 3): one standard deviation each."""
    expression: np.ndarray
    """(E, V, 3): one standard deviation or the full strength each."""
    expression_names: tuple[str, ...]
    unit: str
    """A key of `UNITS`, or something else, which is then kept."""
    licence: str
    source: str
    signed: Sequence[bool] | bool = True
    """Whether a coefficient of expression may be negative, for each or for all."""
    speech: np.ndarray | None = None
    """(S, V, 3)."""
    landmarks_68: Embedding | None = None
    landmarks_478: Embedding | None = None
    uv: np.ndarray | None = None
    """(V, 2), v downwards; None for one that is unrolled about the head's axis."""
    regions: dict[str, np.ndarray] = field(default_factory=dict)


def assemble(name: str, given: Published) -> FaceModel:
    """The model in fexdata's frame, in millimetres where the unit is known. Raises `ValueError` for
    arrays that do not fit each other."""
    turn = (HALF_TURN * UNITS.get(given.unit, 1.0)).astype(np.float32)
    mean = np.asarray(given.mean, np.float32) * turn
    triangles = np.asarray(given.triangles, np.int32)
    _check(given, mean, triangles)
    count = len(given.expression_names)
    signed = np.broadcast_to(np.asarray(given.signed, dtype=bool), (count,))
    return FaceModel(
        name=name,
        mean=mean,
        triangles=facing_out(mean, triangles),
        identity_basis=np.asarray(given.identity, np.float32) * turn,
        identity_names=numbered("identity", len(given.identity)),
        expression_basis=np.asarray(given.expression, np.float32) * turn,
        expression_names=given.expression_names,
        expression_signed=np.array(signed),
        uv=unrolled(mean) if given.uv is None else np.asarray(given.uv, np.float32),
        landmarks_478=given.landmarks_478,
        landmarks_68=given.landmarks_68,
        mirror=partners(mean),
        regions=given.regions,
        units="mm" if given.unit in UNITS else given.unit,
        licence=given.licence,
        source=given.source,
        speech_basis=None if given.speech is None else np.asarray(given.speech, np.float32) * turn,
    )


def _check(given: Published, mean: np.ndarray, triangles: np.ndarray) -> None:
    if mean.ndim != 2 or not len(mean) or mean.shape[1] != 3:
        raise ValueError(f"mean has shape {mean.shape}, expected (V, 3)")
    if triangles.ndim != 2 or triangles.shape[1] != 3 or not len(triangles):
        raise ValueError(f"triangles have shape {triangles.shape}, expected (T, 3)")
    if triangles.min() < 0 or triangles.max() >= len(mean):
        raise ValueError(f"triangles refer to vertices outside 0 to {len(mean) - 1}")
    for name, array in (("mean", mean), ("identity", given.identity), ("expression", given.expression)):
        if not np.isfinite(array).all():
            raise ValueError(f"{name} has numbers that are not finite")


def numbered(word: str, count: int) -> tuple[str, ...]:
    """`word000`, `word001`, ..."""
    return tuple(f"{word}{number:03d}" for number in range(count))


def columns(basis: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """(n, V, 3) float32: one standard deviation each, from columns (3V, n) ordered x, y, z, x, ... of
    length 1, and their standard deviations (n,). Raises `ValueError` where the two disagree."""
    values = np.asarray(basis, np.float32)
    deviations = np.asarray(sigma, np.float32).ravel()
    if values.ndim != 2 or values.shape[1] != len(deviations) or values.shape[0] % 3:
        raise ValueError(f"a basis of shape {values.shape} with {len(deviations)} standard deviations")
    return np.ascontiguousarray((values * deviations).T).reshape(len(deviations), -1, 3)


def unit_of(mean: np.ndarray) -> str:
    """The unit in which a face (V, 3) is as wide as faces are; `arbitrary` where there is none."""
    width = float(np.ptp(mean[:, 0]))
    for unit, scale in UNITS.items():
        if WIDTHS[0] <= width * scale <= WIDTHS[1]:
            return unit
    return "arbitrary"


def facing_out(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """The triangles (T, 3), all turned round where they face inwards: where the cones from the middle
    of the points' box to the triangles have a negative volume in all."""
    corners = points[triangles].astype(np.float64) - (points.min(axis=0) + points.max(axis=0)) / 2
    volume = np.einsum("td,td->", np.cross(corners[:, 0], corners[:, 1]), corners[:, 2])
    return np.ascontiguousarray(triangles[:, ::-1] if volume < 0 else triangles)


def partners(points: np.ndarray) -> np.ndarray | None:
    """(V,) int32: each vertex's mirror image about x = 0 or about the middle, where every vertex of a
    face (V, 3) in millimetres has one within `REACH` and is its partner's partner; else None."""
    tree = cKDTree(points)
    for twice_middle in (0.0, float(points[:, 0].min() + points[:, 0].max())):
        distance, found = tree.query(points * [-1, 1, 1] + [twice_middle, 0, 0])
        if distance.max() < REACH and (found[found] == np.arange(len(points))).all():
            return found.astype(np.int32)
    return None


def unrolled(points: np.ndarray) -> np.ndarray:
    """(V, 2) float32 texture coordinates: u the angle about a vertical axis through the middle of the
    points' box, 0.5 in front and growing with x; v from the top (0) to the bottom (1)."""
    low, high = points.min(axis=0), points.max(axis=0)
    x, _, z = (points - (low + high) / 2).T
    u = 0.5 + np.arctan2(x, -z) / (2 * np.pi)
    v = (points[:, 1] - low[1]) / max(high[1] - low[1], 1e-9)
    return np.stack([u, v], axis=1).astype(np.float32)


def load_mat(path: Path, *names: str) -> dict[str, np.ndarray]:
    """Of the named arrays of a MATLAB file those that are there. Raises `ValueError` for an empty file."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        arrays = loadmat(str(path), variable_names=names)
    except MatReadError as error:
        raise ValueError(str(error)) from None
    return {name: arrays[name] for name in names if name in arrays}


_TORN = (
    *(OSError, ValueError, IndexError, TypeError, AttributeError, EOFError, OverflowError, MemoryError),
    # h5py's, scipy's for MATLAB 7.3, and those of the containers
    *(RuntimeError, NotImplementedError, struct.error, zlib.error, zipfile.BadZipFile, pickle.UnpicklingError),
)
"""What reading a torn or altogether different file raises."""


@contextlib.contextmanager
def reading(path: str | Path, what: str) -> Iterator[None]:
    """Turns whatever a wrong or torn file raises into one line: `PATH is not WHAT (why)`."""
    try:
        # What overflows is not finite, and told as that.
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except FexdataError:
        raise
    except FileNotFoundError as error:
        raise FexdataError(f"{error.filename or path} is not there; it should be {what}") from None
    except KeyError as error:
        raise FexdataError(f"{path} is not {what} (it has no {str(error).strip(chr(39))})") from None
    except _TORN as error:
        first = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise FexdataError(f"{path} is not {what} ({first[:200]})") from None
