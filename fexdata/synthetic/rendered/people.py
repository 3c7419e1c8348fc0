"""Reading people: registered meshes with textures, brought into a basis's frame, with their coefficients.

    FOLDER/
      basis.npz                            a model of `fexdata models` on the meshes' vertices; or name one
      SUBJECT/SESSION/neutral.obj          as `fexdata.faces.blendshapes.registered` has it, with texture coordinates
      SUBJECT/SESSION/ANYTHING.obj         expressive meshes of the same person on the same day
      SUBJECT/SESSION/texture.png          for all of them (.jpg too); or ANYTHING.png, for that mesh alone

SliderGAN (Ververas and Zafeiriou 2020, section 4.1) takes the parameters of a mesh S by projection,

    p = U^T (S - s),

which holds for an orthonormal U and the mean s of a person without identity. Here it is what that stands for
(A-002-7): least squares on the difference from the person's own neutral face, head movement taken off first.

Frame of all that is returned: the basis's, x right, y down, z away, in millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import lsq_linear

from fexdata.errors import FexdataError
from fexdata.faces.blendshapes.registered import NEUTRAL, RegisteredMesh, Session, read_registered
from fexdata.faces.blendshapes.still import without_head_motion
from fexdata.faces.models.assembly import UNITS, facing_out, unit_of
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.models.ict import HALF_TURN

PICTURES = (".png", ".jpg", ".jpeg")
TEXTURE = "texture"
LARGEST = 1024
"""Pixels of a texture's longer side that are kept: more than a face in a 256-pixel crop shows."""
RIDGE = 1e-6
"""Share of the largest variance that is added, so that components that hardly differ stay bounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """One mesh of a person."""

    name: str
    """The file's name without its ending."""
    vertices: np.ndarray
    """(V, 3) float64 mm, where the head stands as in the neutral face."""
    parameters: np.ndarray
    """(E,) float64 coefficients of the basis."""
    texture: np.ndarray
    """(h, w, 3) float32 linear reflectance."""


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    """A person on one day. The first take is the neutral face."""

    key: str
    """SUBJECT/SESSION."""
    subject: str
    session: str | None
    takes: tuple[Take, ...]
    corners: np.ndarray
    """(n,) int64 vertices; one on a seam of the texture is there once for each of its places."""
    uv: np.ndarray
    """(n, 2) float32 texture coordinates of `corners`, v downwards."""
    triangles: np.ndarray
    """(T, 3) int32 over `corners`, wound outwards."""


def read_sitter(one: Session, chosen: tuple[Path, ...], basis: FaceModel) -> Sitter:
    """The person of a session: the neutral face and the `chosen` of the expressive meshes.

    Raises `FexdataError` for a mesh that cannot be read or has another topology, one without texture coordinates, a
    texture that is missing, or a basis for other vertices.
    """
    neutral = read_registered(one.neutral)
    if len(neutral.vertices) != len(basis.mean):
        counts = f"{len(neutral.vertices):,} vertices, the basis {basis.name} {len(basis.mean):,}"
        raise FexdataError(f"{one.neutral} has {counts}: take a basis of the meshes' own topology "
                           "(`fexdata models learn FOLDER` makes one)")  # fmt: skip
    if neutral.uv is None:
        raise FexdataError(f"{one.neutral} has no texture coordinates (vt) for every corner")
    paths = [one.neutral, *chosen]
    meshes = [neutral, *(read_registered(path, neutral) for path in chosen)]
    rest = _placed(neutral, basis)
    stacked = (
        np.stack([_in_millimetres(mesh.vertices) for mesh in meshes[1:]]) if chosen else np.zeros((0, *rest.shape))
    )
    moved = without_head_motion(np.broadcast_to(rest, stacked.shape), stacked) if chosen else stacked
    fields = _Projection(basis)
    takes = [Take(NEUTRAL, rest, np.zeros(len(basis.expression_names)), _texture(one, paths[0]))]
    for path, vertices in zip(chosen, moved, strict=True):
        takes.append(Take(path.stem, vertices, fields.parameters(vertices - rest), _texture(one, path)))
    key = "/".join(filter(None, (one.subject, one.session)))
    return Sitter(key, one.subject, one.session or None, tuple(takes), *_textured(neutral, rest))


def millimetres(basis: FaceModel) -> np.ndarray:
    """(E, V, 3) float64: the basis's movements in millimetres."""
    return basis.expression_basis.astype(np.float64) * UNITS.get(basis.units, 1.0)


class _Projection:
    """Differences to coefficients, within what the basis allows: 0 and more where it is one-sided."""

    def __init__(self, basis: FaceModel) -> None:
        self._fields = millimetres(basis).reshape(len(basis.expression_names), -1)
        gram = self._fields @ self._fields.T
        gram += RIDGE * gram.diagonal().max() * np.eye(len(gram))
        self._root = np.linalg.cholesky(gram)
        self._lowest = np.where(basis.expression_signed, -np.inf, 0.0)

    def parameters(self, difference: np.ndarray) -> np.ndarray:
        """(E,) least squares of a difference (V, 3) mm."""
        # The normal equations have the same answer, and far fewer rows.
        right = np.linalg.solve(self._root, self._fields @ difference.ravel())
        if not np.isfinite(self._lowest).any():
            free: np.ndarray = np.linalg.solve(self._root.T, right)
            return free
        bounded: np.ndarray = lsq_linear(self._root.T, right, (self._lowest, np.inf), tol=1e-10).x
        return np.maximum(bounded, self._lowest)


def _in_millimetres(vertices: np.ndarray) -> np.ndarray:
    """Vertices of a file (V, 3) in millimetres, y down, z away; as they are where no unit makes them a face."""
    result: np.ndarray = vertices * HALF_TURN * UNITS.get(unit_of(vertices), 1.0)
    return result


def _placed(neutral: RegisteredMesh, basis: FaceModel) -> np.ndarray:
    """The neutral face (V, 3) where the basis's mean stands."""
    mean = basis.mean.astype(np.float64) * UNITS.get(basis.units, 1.0)
    placed: np.ndarray = without_head_motion(mean[None], _in_millimetres(neutral.vertices)[None])[0]
    return placed


def _textured(mesh: RegisteredMesh, placed: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`corners`, `uv` and `triangles` of a `Sitter`; a file's triangles may be wound either way."""
    assert mesh.uv is not None
    rows = np.column_stack([mesh.triangles.reshape(-1), mesh.uv.reshape(-1, 2)])
    found, places = np.unique(rows, axis=0, return_inverse=True)
    numbers = found[:, 0].astype(np.int64)
    uv = np.stack([found[:, 1], 1 - found[:, 2]], axis=1).astype(np.float32)
    return numbers, uv, facing_out(placed[numbers], places.reshape(-1, 3).astype(np.int32))


def texture_path(one: Session, mesh: Path) -> Path | None:
    """The picture of a mesh: its own, else the session's, else the subject's; None without."""
    places = ((mesh.parent, mesh.stem), (one.folder, TEXTURE), (mesh.parent, TEXTURE))
    candidates = [folder / f"{stem}{end}" for folder, stem in places for end in PICTURES]
    return next((path for path in candidates if path.is_file()), None)


def _texture(one: Session, mesh: Path) -> np.ndarray:
    """(h, w, 3) float32 linear."""
    path = texture_path(one, mesh)
    if path is None:
        raise FexdataError(f"{one.folder} has no {TEXTURE}.png or .jpg, nor {mesh.stem}.png, for its meshes")
    picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise FexdataError(f"{path} is not a picture that can be read")
    shrink = LARGEST / max(picture.shape[:2])
    if shrink < 1:
        picture = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    encoded = picture[..., ::-1].astype(np.float32) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)
