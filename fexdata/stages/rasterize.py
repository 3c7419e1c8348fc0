"""From a mesh to pictures: depth, normals and a label map, pixel by pixel with the crop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator

from fexdata.dataset.fields import PICTURE, column
from fexdata.errors import Code, RowError
from fexdata.render.rasterize import BACKENDS
from fexdata.stages.base import Row, Stage, StageConfig


class Rasterize(Stage):
    """Depth map, normal map and mask of each face's mesh."""

    name: ClassVar[str] = "rasterize"
    version: ClassVar[int] = 2
    reads: ClassVar[tuple[str, ...]] = ("geometry", "vertices")

    class Config(StageConfig):
        """Settings of the maps."""

        size: int = Field(default=256, ge=1, le=4096, description="Side of the maps in pixels: that of the crop.")
        backend: str = Field(default="numba", description="Which rasteriser draws.")
        fill: bool = Field(default=True, description="Interpolate pixels of the face on which no triangle fell.")

        @field_validator("backend")
        @classmethod
        def _known(cls, name: str) -> str:
            if name not in BACKENDS:
                raise ValueError(f"unknown rasteriser {name!r}; known: {', '.join(sorted(BACKENDS))}")
            return name

    def schema(self) -> pa.Schema:
        depth = "uint16 = round(100 (depth + 327.68)), 0 for none; depth = -z, zero at the mean of the four eye corners"
        normal = "uint8 = round(127.5 (n + 1)) of (n_x, -n_y, -n_z), 0 0 0 for none; x right, y up, z to the viewer"
        mask = "0 none, 1 skin, 2 filled eye, 3 filled mouth, 4 interpolated"
        return pa.schema(
            [
                column("depth", PICTURE, "Depth map, larger is nearer.", unit="crop pixels", convention=depth,
                       mirror="picture", table="shard"),
                column("normal", PICTURE, "Normal map.", unit="unit vectors", convention=normal,
                       mirror="normal_map", table="shard"),
                column("mask", PICTURE, "Label map.", unit="labels", convention=mask,
                       mirror="picture", table="shard"),
            ]
        )  # fmt: skip

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
        rasterize(nothing, nothing, nothing, np.empty(0), size=1, backend=self.config.backend)  # type: ignore[attr-defined]

    def run(self, rows: Sequence[Row]) -> Sequence[Any]:
        return self.each(rows, self._one)

    def _one(self, row: Row) -> dict[str, Any]:
        from fexdata.dataset.pictures import encode_png

        pixels = self._draw(np.asarray(row["vertices"], dtype=np.float64), row["geometry"])
        # What was just encoded without loss need not be decoded again by the next stage.
        row.decoded.update(pixels)
        return {name: {"bytes": encode_png(picture), "path": None} for name, picture in pixels.items()}

    def _draw(self, vertices: np.ndarray, geometry: str) -> dict[str, np.ndarray]:
        from fexdata.faces.mesh import vertex_normals
        from fexdata.faces.topology import topology
        from fexdata.render.fill import fill_missing
        from fexdata.render.maps import encode_depth, encode_normal
        from fexdata.render.rasterize import rasterize

        config = self.config
        assert isinstance(config, Rasterize.Config)
        mesh = topology(geometry)
        normals = vertex_normals(vertices, mesh.triangles)
        maps = rasterize(vertices, normals, mesh.triangles, mesh.labels, size=config.size, backend=config.backend)
        if not maps.label.any():
            raise RowError(Code.OUT_OF_FRAME, "no pixel of the crop shows the mesh")
        if config.fill:
            maps = fill_missing(maps)
        return {"depth": encode_depth(maps.depth), "normal": encode_normal(maps.normal), "mask": maps.label}
