"""From a mesh to pictures: depth, normals and a label map, pixel by pixel with the crop.

Rows are drawn together, which is what a GPU wants. A mesh that cannot be drawn whole (it is torn, has
collapsed, or the memory does not suffice) fails its row: there is no partial picture. What is drawn is
the mesh of `reconstruct`, or with `surface: mesh` that of the stage `meshes`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator

from fexdata.dataset.fields import PICTURE, column
from fexdata.errors import Code, RowError
from fexdata.faces.topology import Label
from fexdata.render.rasterize import BACKENDS, REACH, Maps
from fexdata.stages.base import Row, Stage, StageConfig

_COLLAPSED = 0.1
"""A mesh fails where more than this share of its skin has no area. Lids and lips that meet leave a few
such triangles in a sound mesh."""
_AT_ONCE = 1 << 22
"""Pixels of maps that are held in memory together: 64 faces of 256 by 256."""


@dataclass(frozen=True, slots=True, eq=False)
class _Mesh:
    vertices: np.ndarray
    normals: np.ndarray
    triangles: np.ndarray
    labels: np.ndarray
    kind: str
    """Meshes of one kind have the same triangles."""


class Rasterize(Stage):
    """Depth map, normal map and mask of each face's mesh."""

    name: ClassVar[str] = "rasterize"
    version: ClassVar[int] = 3
    reads: ClassVar[tuple[str, ...]] = ("geometry", "vertices")
    """What the surface `vertices` reads."""

    class Config(StageConfig):
        """Settings of the maps."""

        size: int = Field(default=256, ge=1, le=4096, description="Side of the maps in pixels: that of the crop.")
        backend: str = Field(
            default="numba",
            description="Which rasteriser draws: numba, torch, pytorch3d, reference, or "
            "auto, which is torch on a worker with a GPU and numba on any other.",
        )
        surface: Literal["vertices", "mesh"] = Field(
            default="vertices",
            description="What is drawn: vertices is the mesh of `reconstruct`, mesh that of the stage `meshes`.",
        )
        fill: bool = Field(default=True, description="Interpolate pixels of the face on which no triangle fell.")

        @field_validator("backend")
        @classmethod
        def _known(cls, name: str) -> str:
            if name not in BACKENDS:
                raise ValueError(f"unknown rasteriser {name!r}; known: {', '.join(sorted(BACKENDS))}")
            return name

    def __init__(self, config: StageConfig) -> None:
        super().__init__(config)
        if self._config.surface == "mesh":
            self.reads = ("mesh_vertices", "mesh_triangles")  # type: ignore[misc]

    def schema(self) -> pa.Schema:
        depth = "uint16 = round(100 (depth + 327.68)), 0 for none; depth = -z, zero at the mean of the four eye corners"
        normal = "uint8 = round(127.5 (n + 1)) of (n_x, -n_y, -n_z), 0 0 0 for none; x right, y up, z to the viewer"
        mask = "0 none, 1 skin, 2 filled eye, 3 filled mouth, 4 interpolated"
        fields = [
            column("depth", PICTURE, "Depth map, larger is nearer.", unit="crop pixels", convention=depth,
                   mirror="picture", table="shard"),
            column("normal", PICTURE, "Normal map.", unit="unit vectors", convention=normal,
                   mirror="normal_map", table="shard"),
            column("mask", PICTURE, "Label map.", unit="labels", convention=mask,
                   mirror="picture", table="shard"),
        ]  # fmt: skip
        if self._config.backend == "auto":
            fields.append(column("rasterizer", pa.string(), "Which rasteriser drew the maps, and on which device."))
        return pa.schema(fields)

    def weights(self) -> Mapping[str, str]:
        from fexdata.faces.topology import source_hashes

        return source_hashes()

    def warm_up(self) -> None:
        import fexdata.dataset.png
        import fexdata.faces.mesh
        import fexdata.render.fill
        import fexdata.render.maps  # noqa: F401 - compiles kernels
        from fexdata.faces.topology import coarse_478
        from fexdata.render.rasterize import rasterize

        coarse_478()
        nothing = np.empty((0, 3))
        rasterize(nothing, nothing, nothing, np.empty(0), size=1, backend=self._config.backend)

    @property
    def _config(self) -> Config:
        assert isinstance(self.config, Rasterize.Config)
        return self.config

    def run(self, rows: Sequence[Row]) -> Sequence[Any]:
        at_once = max(1, _AT_ONCE // self._config.size**2)
        parts = [self._run_part(rows[start : start + at_once]) for start in range(0, len(rows), at_once)]
        return [output for part in parts for output in part]

    def _run_part(self, rows: Sequence[Row]) -> list[Any]:
        outputs = self.each(rows, self._mesh)
        groups: dict[str, list[int]] = {}
        for number, mesh in enumerate(outputs):
            if isinstance(mesh, _Mesh):
                groups.setdefault(mesh.kind, []).append(number)
        for numbers in groups.values():
            drawn = self._draw([outputs[number] for number in numbers])
            maps = {id(rows[number]): one for number, one in zip(numbers, drawn, strict=True)}
            finish = functools.partial(self._pictures, maps)
            written = self.each([rows[number] for number in numbers], finish)
            for number, output in zip(numbers, written, strict=True):
                outputs[number] = output
        return outputs

    def _mesh(self, row: Row) -> _Mesh:
        from fexdata.faces.mesh import vertex_normals
        from fexdata.faces.topology import topology

        if self._config.surface == "mesh":
            vertices = np.asarray(row["mesh_vertices"], dtype=np.float64).reshape(-1, 3)
            triangles = np.asarray(row["mesh_triangles"], dtype=np.int32).reshape(-1, 3)
            labels, kind = np.full(len(triangles), Label.SKIN, dtype=np.uint8), row.sample_id
        else:
            mesh = topology(row["geometry"])
            vertices, triangles, labels = np.asarray(row["vertices"], dtype=np.float64), mesh.triangles, mesh.labels
            kind = mesh.name
            if vertices.shape != (mesh.vertex_count, 3):
                raise RowError(Code.POOR_FIT, f"{kind} has {mesh.vertex_count} vertices, the mesh {len(vertices)}")
        _check(vertices, triangles[labels == Label.SKIN])
        return _Mesh(vertices, vertex_normals(vertices, triangles), triangles, labels, kind)

    def _draw(self, meshes: Sequence[_Mesh]) -> list[Maps | None]:
        """The maps of meshes of one kind; None for one that the memory does not hold."""
        from fexdata.render.rasterize import rasterize_batch

        first = meshes[0]
        vertices, normals = np.stack([one.vertices for one in meshes]), np.stack([one.normals for one in meshes])
        settings: dict[str, Any] = {"size": self._config.size, "backend": self._config.backend}
        try:
            return [*rasterize_batch(vertices, normals, first.triangles, first.labels, **settings)]
        except MemoryError:
            return [None] if len(meshes) == 1 else [maps for one in meshes for maps in self._draw([one])]

    def _pictures(self, drawn: Mapping[int, Maps | None], row: Row) -> dict[str, Any]:
        from fexdata.dataset.pictures import encode_png
        from fexdata.render.fill import fill_missing
        from fexdata.render.maps import encode_depth, encode_normal

        maps = drawn[id(row)]
        if maps is None:
            raise MemoryError
        if not maps.label.any():
            raise RowError(Code.OUT_OF_FRAME, "no pixel of the crop shows the mesh")
        whole = fill_missing(maps) if self._config.fill else maps
        pixels = {"depth": encode_depth(whole.depth), "normal": encode_normal(whole.normal), "mask": whole.label}
        # What was just encoded without loss need not be decoded again by the next stage.
        row.decoded.update(pixels)
        output = {name: {"bytes": encode_png(picture), "path": None} for name, picture in pixels.items()}
        return {**output, "rasterizer": maps.drawn_by} if self._config.backend == "auto" else output


def _check(vertices: np.ndarray, skin: np.ndarray) -> None:
    """Raises `RowError` for a mesh that no rasteriser draws whole. skin: its triangles of skin."""
    from fexdata.faces.mesh import triangle_normals

    if not (np.abs(vertices) <= REACH).all():
        raise RowError(Code.POOR_FIT, f"the mesh reaches beyond {REACH:.0f} pixels")
    collapsed = np.count_nonzero(~triangle_normals(vertices, skin).any(axis=1))
    if collapsed > _COLLAPSED * len(skin):
        raise RowError(Code.POOR_FIT, f"{collapsed} of the skin's {len(skin)} triangles have no area")
