"""From landmarks to a mesh: the surface whose depth and normals the dataset holds.

`mediapipe` takes the 478 landmarks themselves as the vertices: their z is in the unit of x and y, so the
mesh lies on the picture as it is. `fit` takes the same vertices of the face model that the stage `fit`
laid over the landmarks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from fexdata.dataset.fields import column, fixed
from fexdata.errors import Code, RowError
from fexdata.faces.landmarks import MEDIAPIPE_478
from fexdata.stages.base import Row, Stage, StageConfig

_VERTICES = {"mediapipe": "landmarks_478", "fit": "fitted_478"}
"""Backend -> the column that holds its vertices."""
_DECIMALS = 3
"""Stored vertices are rounded to a thousandth of a pixel."""


class Reconstruct(Stage):
    """A mesh in crop pixels and the head's rotation, per face."""

    name: ClassVar[str] = "reconstruct"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("landmarks_478",)
    """What `mediapipe` reads; `fit` reads the column of `_VERTICES`."""

    class Config(StageConfig):
        """Settings of the reconstruction."""

        backend: Literal["mediapipe", "fit"] = Field(
            default="mediapipe",
            description="Where the mesh comes from: mediapipe takes the landmarks as vertices, "
            "fit the face model of the stage `fit`.",
        )
        max_flipped: float = Field(
            default=0.5, ge=0, le=1, description="A mesh with a greater share of triangles turned over fails."
        )
        min_area: float = Field(
            default=16.0, ge=0, description="A mesh that covers fewer square pixels than this fails."
        )

    config: Config

    def __init__(self, config: StageConfig) -> None:
        super().__init__(config)
        self.reads = (_VERTICES[self.config.backend],)  # type: ignore[misc]

    def schema(self) -> pa.Schema:
        turn = "R = Rz(roll) Ry(yaw) Rx(pitch); x right, y down, z away"
        about = "Mesh vertices; z is zero at the mean of the four eye corners and grows away from the viewer."
        return pa.schema(
            [
                column("geometry", pa.string(), "Which mesh `vertices` are of."),
                column("vertices", fixed(478 * 3), about, unit="crop pixels", shape=(478, 3),
                       convention=MEDIAPIPE_478, mirror="vertices", table="side"),
                column("yaw", pa.float32(), "Turn of the head to the side.", unit="degrees", convention=turn,
                       mirror="negate"),
                column("pitch", pa.float32(), "Nod of the head.", unit="degrees", convention=turn),
                column("roll", pa.float32(), "Tilt of the head in the picture.", unit="degrees", convention=turn,
                       mirror="negate"),
                column("camera", pa.string(), "How vertices become pixels: orthographic drops z."),
            ]
        )  # fmt: skip

    def weights(self) -> Mapping[str, str]:
        from fexdata.faces.topology import source_hashes

        return source_hashes()

    def warm_up(self) -> None:
        import fexdata.faces.mesh  # noqa: F401 - compiles kernels
        from fexdata.faces.topology import coarse_478

        coarse_478()

    def run(self, rows: Sequence[Row]) -> Sequence[Any]:
        return self.each(rows, self._one)

    def _one(self, row: Row) -> dict[str, Any]:
        from fexdata.faces.mesh import eye_corner_depth
        from fexdata.faces.pose import angles, head_rotation

        vertices = np.array(row[self.reads[0]], dtype=np.float64)
        if not np.isfinite(vertices).all():
            raise RowError(Code.POOR_FIT, "vertices are not finite")
        vertices[:, 2] -= eye_corner_depth(vertices)
        rotation = head_rotation(vertices)
        self._check(vertices, rotation)
        yaw, pitch, roll = angles(rotation)
        return {
            "geometry": "coarse-478",
            "vertices": np.round(vertices, _DECIMALS).astype(np.float32),
            "yaw": round(yaw, _DECIMALS),
            "pitch": round(pitch, _DECIMALS),
            "roll": round(roll, _DECIMALS),
            "camera": "orthographic",
        }

    def _check(self, vertices: np.ndarray, rotation: np.ndarray) -> None:
        from fexdata.faces.canonical import canonical_vertices
        from fexdata.faces.mesh import flipped_fraction, projected_area
        from fexdata.faces.topology import coarse_478

        topology, config = coarse_478(), self.config
        area = projected_area(vertices, topology.triangles)
        if area < config.min_area:
            raise RowError(Code.POOR_FIT, f"the mesh covers {area:.1f} square pixels")
        flipped = flipped_fraction(vertices, topology, canonical_vertices(), rotation)
        if flipped > config.max_flipped:
            raise RowError(Code.POOR_FIT, f"{flipped:.0%} of the mesh's triangles are turned over")
