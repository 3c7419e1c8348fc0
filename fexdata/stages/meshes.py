"""Meshes that another tool made of the photographs, brought into the crop for `rasterize` to draw.

The geometry of the row (vertices, pose) stays that of `reconstruct`; depth, normals and mask come from the
tool's surface with `rasterize.surface=mesh`. A photograph without a mesh, or whose mesh cannot be read or
lies on somebody else, fails with its reason.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator

from fexdata.dataset.fields import column
from fexdata.faces.foreign_meshes import TOOLS, Face, MeshFolder
from fexdata.stages.base import Row, Stage, StageConfig


class Meshes(Stage):
    """The mesh of each face, read from a folder."""

    name: ClassVar[str] = "meshes"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("source_path", "photo_height", "crop_matrix", "landmarks_68")

    class Config(StageConfig):
        """Where the meshes are, and whose they are."""

        folder: str = Field(min_length=1, description="The folder of .obj or .ply files, named as the photographs.")
        tool: str = Field(description=f"Which tool made them: {', '.join(TOOLS)}.")

        @field_validator("tool")
        @classmethod
        def _known(cls, name: str) -> str:
            if name not in TOOLS:
                raise ValueError(f"unknown tool {name!r}; known: {', '.join(TOOLS)}")
            return name

    def schema(self) -> pa.Schema:
        about = "Vertices of the tool's mesh; z is zero at the mean of the four eye corners, away from the viewer."
        return pa.schema(
            [
                column("mesh_vertices", pa.list_(pa.float32()), about, unit="crop pixels", table="layer"),
                column("mesh_triangles", pa.list_(pa.int32()), "Vertex numbers, three by three.", table="layer"),
            ]
        )

    @functools.cached_property
    def _folder(self) -> MeshFolder:
        assert isinstance(self.config, Meshes.Config)
        return MeshFolder(self.config.folder, self.config.tool)

    def weights(self) -> Mapping[str, str]:
        return {"meshes": hashlib.sha256(repr(self._folder.stamps()).encode()).hexdigest()}

    def run(self, rows: Sequence[Row]) -> Sequence[Any]:
        return self.each(rows, self._one)

    def _one(self, row: Row) -> dict[str, Any]:
        matrix = np.asarray(row["crop_matrix"], dtype=np.float64).reshape(2, 3)
        landmarks = np.asarray(row["landmarks_68"], dtype=np.float64).reshape(68, 2)
        mesh = self._folder.mesh(row["source_path"], Face(matrix, landmarks, int(row["photo_height"])))
        return {
            "mesh_vertices": np.round(mesh.vertices, 3).astype(np.float32).ravel(),
            "mesh_triangles": mesh.triangles.ravel(),
        }
