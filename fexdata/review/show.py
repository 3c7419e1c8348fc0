"""From a face's number to the bytes of a picture or a mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fexdata.faces.topology import Topology
from fexdata.review import mesh, pictures
from fexdata.review.desk import Desk
from fexdata.review.refused import Refused

Pair = tuple[int, int]
"""(row whose crop is shown, row whose mesh is): the same row, but for planted checks."""


@dataclass(frozen=True, slots=True)
class File:
    """An encoded picture."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """One face's mesh with all that it is compared with."""

    vertices: np.ndarray
    shape: Topology
    landmarks: np.ndarray | None
    residual: mesh.Residual | None


def picture(desk: Desk, rows: Pair, kind: str, size: int | None) -> File:
    """One of `pictures.KINDS`, at most `size` pixels large. Raises `Refused` (404) where the face has
    no such picture."""
    if kind == "photograph":
        return _encoded(_photograph(desk, rows[0], size or pictures.LARGEST), None, kind)
    stored = desk.catalog.pictures(rows[0], ["image"]) | desk.catalog.pictures(rows[1], ["depth", "normal", "mask"])
    image = _there(stored.get("image"))
    if kind == "crop":
        return _encoded(image, size, kind)
    if kind == "overlay":
        landmarks = desk.catalog.vectors([rows[1]], ["landmarks_68"])[0].get("landmarks_68")
        return _encoded(pictures.overlay(image, stored.get("normal"), landmarks), size, kind)
    if kind == "heat":
        fit = _fit(desk, rows[1], stored.get("depth"))
        found = _there(fit.residual)
        drawn = pictures.heat(image, fit.vertices, found.values, fit.shape.triangles, max(found.p95, mesh.LEAST_TOP))
        return _encoded(drawn, size, kind)
    own = _there(stored.get(kind))
    drawn = {"depth": lambda: pictures.depth(own), "normal": lambda: pictures.normal(own),
             "mask": lambda: pictures.mask(own, image)}[kind]()  # fmt: skip
    return _encoded(drawn, size, kind)


def mesh_file(desk: Desk, rows: Pair) -> bytes:
    """The face's mesh as `fexdata.review.mesh` describes it. Raises `Refused` (404) without one."""
    fit = _fit(desk, rows[1], desk.catalog.pictures(rows[1], ["depth"]).get("depth"))
    about = {"crop": crop_size(desk), "texture": bool(desk.catalog.with_crop[rows[0]])}
    return mesh.encode(fit.vertices, fit.shape, fit.landmarks, fit.residual, about)


def crop_size(desk: Desk) -> int | None:
    """Side of the crops in pixels; None where no row has one."""
    rows = np.flatnonzero(desk.catalog.with_crop)[:1]
    if not len(rows):
        return None
    image = desk.catalog.pictures(int(rows[0]), ["image"]).get("image")
    return None if image is None else int(image.shape[0])


def _fit(desk: Desk, row: int, depth: np.ndarray | None) -> Fit:
    record = desk.catalog.vectors([row], ["geometry", "landmarks_68"])[0]
    vertices, shape = desk.catalog.side("vertices", [row]), mesh.topology_of(record.get("geometry"))
    if vertices is None or shape is None or not np.isfinite(vertices).all():
        raise Refused(404, "unknown", "this face has no mesh")
    points = vertices[0]
    if len(points) != shape.vertex_count:
        raise Refused(404, "unknown", "this face's mesh has another number of vertices than its geometry")
    seen = desk.catalog.side("landmarks_478", [row])
    landmarks = record.get("landmarks_68")
    found = mesh.residual(points, None if seen is None else seen[0], depth, landmarks, shape.triangles)
    return Fit(points, shape, landmarks, found)


def _photograph(desk: Desk, row: int, size: int) -> np.ndarray:
    record = desk.catalog.records([row])[0]
    found = desk.photographs.read(record.get("source_path") or "", record.get("source_sha256"))
    if found is None:
        raise Refused(404, "unknown", "the photograph is not where the dataset was built from")
    box = record.get("box")
    return pictures.photograph(found, None if box is None else tuple(box), size)


def _encoded(drawn: np.ndarray, size: int | None, kind: str) -> File:
    if drawn.ndim == 2:
        drawn = np.repeat(drawn[..., None], 3, axis=2)
    small = drawn if size is None else pictures.shrunk(drawn, size)
    return File(*pictures.encode(small, lossless=kind in ("depth", "normal", "mask")))


def _there(value: Any) -> Any:
    if value is None:
        raise Refused(404, "unknown", "this face has no such picture")
    return value
