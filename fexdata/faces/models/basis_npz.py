"""One documented `.npz` for bases that have no published file layout: 4DFAB, LRW-3D, one's own scans.

4DFAB: Cheng et al., 4DFAB: A Large Scale 4D Database for Facial Expression Analysis and Biometric
Applications, CVPR 2018. LRW-3D: SliderGAN (Ververas and Zafeiriou, IJCV 2020), section 4.1. Both are
given out on request, without a common layout; this is what a user writes with `numpy.savez`:

    mean (V, 3), triangles (T, 3)   the neutral face; vertices from 0
    unit                            "mm", "cm", "m" or "um"
    axes                            "y-up" (z towards the viewer) or "y-down" (z away: fexdata's own)
    expression_basis (E, V, 3)      displacements
  and, where there are such:
    expression_sigma (E,)           standard deviations, multiplied into the basis; without it the basis
                                    already is one standard deviation, or a movement's full strength
    expression_names (E,)           strings
    expression_signed (E,)          bool; without it all may be negative
    identity_basis (K, V, 3), identity_sigma (K,)
    speech_basis (S, V, 3), speech_sigma (S,)
    landmarks_68 (68,)              vertices, -1 where there is none; or (68, 3) with
    landmarks_68_weights (68, 3)    barycentric weights, NaN where there is none
    uv (V, 2)                       from 0 to 1, v downwards
    licence                         a string, in addition to the kind's own

`numpy.savez(path, mean=..., triangles=..., unit="mm", axes="y-up", expression_basis=...)` is enough.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fexdata.faces.models.assembly import UNITS, Published, assemble, numbered, reading
from fexdata.faces.models.face_model import Embedding, FaceModel, at_vertices
from fexdata.faces.models.ict import HALF_TURN

AXES = ("y-up", "y-down")
DOCUMENTED = "a basis as docs/models/formats.md describes it"
LICENCE_4DFAB = "non-commercial research (4DFAB, Imperial College London, on request)"
SOURCE_4DFAB = "https://ibug.doc.ic.ac.uk/resources/4dfab/ (on request)"
LICENCE_LRW = "non-commercial research (LRW-3D, Imperial College London, made from the BBC's Lip Reading in the Wild)"
SOURCE_LRW = "the authors of SliderGAN (on request)"
Arrays = dict[str, np.ndarray]


def load_4dfab(path: str | Path) -> FaceModel:
    """A 4DFAB expression basis. Raises `FexdataError` for another file."""
    return _load(path, "4dfab", LICENCE_4DFAB, SOURCE_4DFAB, ("expression_basis",))


def load_lrw3d(path: str | Path) -> FaceModel:
    """An LRW-3D basis, with its speech. Raises `FexdataError` for another file."""
    return _load(path, "lrw3d", LICENCE_LRW, SOURCE_LRW, ("expression_basis", "speech_basis"))


def fields(arrays: Arrays, part: str, vertices: int) -> np.ndarray:
    """(n, V, 3): a basis times its standard deviations; n is 0 where there is none.

    part: `identity`, `expression` or `speech`. Raises `ValueError` for other shapes.
    """
    basis = np.asarray(arrays.get(f"{part}_basis", np.zeros((0, vertices, 3))), np.float32)
    if basis.shape[1:] != (vertices, 3):
        raise ValueError(f"{part}_basis has shape {basis.shape}, expected (n, {vertices}, 3)")
    sigma = np.asarray(arrays.get(f"{part}_sigma", np.ones(len(basis))), np.float32)
    if sigma.shape != (len(basis),):
        raise ValueError(f"{part}_sigma has shape {sigma.shape}, expected ({len(basis)},)")
    return basis * sigma[:, None, None]


def expression_of(arrays: Arrays, vertices: int) -> tuple[np.ndarray, tuple[str, ...], list[bool]]:
    """Fields (E, V, 3), names and signs. Raises `ValueError` for other shapes."""
    found = fields(arrays, "expression", vertices)
    names = tuple(str(name) for name in arrays.get("expression_names", numbered("expression", len(found))))
    signed = np.asarray(arrays.get("expression_signed", np.ones(len(found), bool)), dtype=bool)
    if not len(names) == len(signed) == len(found):
        raise ValueError(f"{len(found)} expressions, {len(names)} names, {len(signed)} signs")
    return found, names, signed.tolist()


def read_arrays(path: str | Path) -> Arrays:
    """The file's arrays. Raises what `numpy.load` raises, and `ValueError` for one array alone."""
    with np.load(path, allow_pickle=False) as archive:
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("one array, not a .npz")
        return dict(archive)


def _load(path: str | Path, name: str, licence: str, source: str, wanted: tuple[str, ...]) -> FaceModel:
    with reading(path, DOCUMENTED):
        arrays = read_arrays(path)
        for part in ("mean", "triangles", "unit", "axes", *wanted):
            if part not in arrays:
                raise KeyError(part)
        unit, axes = str(arrays["unit"]), str(arrays["axes"])
        if unit not in UNITS or axes not in AXES:
            raise ValueError(f"unit {unit!r}, axes {axes!r}; known: {', '.join(UNITS)}; {', '.join(AXES)}")
        # `assemble` takes what has y up.
        turn = HALF_TURN.astype(np.float32) if axes == "y-down" else np.float32(1)
        count = len(arrays["mean"])
        expression, names, signed = expression_of(arrays, count)
        speech = fields(arrays, "speech", count) * turn
        also = f"; {arrays['licence']}" if "licence" in arrays else ""
        return assemble(
            name,
            Published(
                mean=arrays["mean"] * turn, triangles=arrays["triangles"],
                identity=fields(arrays, "identity", count) * turn, expression=expression * turn,
                expression_names=names, signed=signed, unit=unit, licence=licence + also, source=source,
                speech=speech if len(speech) else None, landmarks_68=_landmarks(arrays), uv=arrays.get("uv"),
            ),
        )  # fmt: skip


def _landmarks(arrays: Arrays) -> Embedding | None:
    vertices, weights = arrays.get("landmarks_68"), arrays.get("landmarks_68_weights")
    if vertices is None:
        return None
    expected = (68,) if weights is None else (68, 3)
    if vertices.shape != expected or (weights is not None and weights.shape != expected):
        raise ValueError(f"landmarks_68 has shape {vertices.shape}, expected {expected}")
    if weights is None:
        return at_vertices(vertices)
    return Embedding(np.maximum(vertices, 0).astype(np.int32), weights.astype(np.float32))
