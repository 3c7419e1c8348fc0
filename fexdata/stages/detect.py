"""Photograph to faces: one row for each face that the recipe asks for, from left to right."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from fexdata.dataset.fields import column, fixed
from fexdata.faces.landmarks import MEDIAPIPE_478
from fexdata.stages.base import Kind, Row, Stage, StageConfig

if TYPE_CHECKING:
    from fexdata.faces.detection import FaceFinder


class Detect(Stage):
    """Finds faces and their 478 landmarks with MediaPipe's bundled networks."""

    name: ClassVar[str] = "detect"
    version: ClassVar[int] = 2
    kind: ClassVar[Kind] = "expand"
    reads: ClassVar[tuple[str, ...]] = ("photograph", "corpus_box", "corpus_points")

    class Config(StageConfig):
        """Which faces become rows."""

        faces: Literal["all", "largest", "annotated"] = Field(
            "all", description="Every face, the largest, or the one where the corpus's own box or landmarks are."
        )
        min_score: float = Field(
            0.5, ge=0.5, le=1, description="Faces of which the detector is less sure than this are left out."
        )
        thorough: bool = Field(
            False,
            description="With faces=all, also search every photograph in small squares, for distant faces beside "
            "near ones (0.1 to 0.4 s a photograph).",
        )

    config: Config

    def schema(self) -> pa.Schema:
        i, f = pa.int32(), pa.float32()
        photo = "pixels of the upright photograph"
        return pa.schema(
            [
                column("face_slot", i, "Which face of the photograph, from left to right, from 0."),
                column("face_count", i, "How many faces of the photograph became rows."),
                column("photo_width", i, "Width of the upright photograph.", unit="pixels"),
                column("photo_height", i, "Height of the upright photograph.", unit="pixels"),
                column(
                    "box",
                    fixed(4),
                    "The landmarks' bounding box: left, top, width, height.",
                    unit=photo,
                    shape=(4,),
                    convention="counted from the photograph's edge",
                    mirror="box",
                ),
                column("detection_score", f, "How sure the detector is of the face.", unit="0 to 1"),
                column(
                    "face_landmarks",
                    fixed(478 * 3),
                    "MediaPipe's landmarks in the photograph.",
                    unit=photo,
                    shape=(478, 3),
                    convention=MEDIAPIPE_478,
                    table="layer",
                ),
            ]
        )

    def weights(self) -> Mapping[str, str]:
        from fexdata.faces.mediapipe_graphs import network_hashes

        return network_hashes()

    @functools.cached_property
    def finder(self) -> FaceFinder:
        """The networks, loaded when first needed."""
        from fexdata.faces.detection import FaceFinder

        return FaceFinder(min_score=self.config.min_score, thorough=self.config.thorough)

    def warm_up(self) -> None:
        self.finder  # noqa: B018 - loads the networks

    def run(self, rows: Sequence[Row]) -> Sequence[Any]:
        return self.each(rows, self._faces)

    def _faces(self, row: Row) -> list[dict[str, Any]]:
        photograph = row.photograph()
        height, width = photograph.shape[:2]
        faces = self.finder.find(
            photograph,
            faces=self.config.faces,
            box=row.values.get("corpus_box"),
            points=row.values.get("corpus_points"),
        )
        return [
            {
                "face_slot": slot,
                "face_count": len(faces),
                "photo_width": width,
                "photo_height": height,
                "box": np.round(face.box, 3),
                "detection_score": round(face.score, 4),
                "face_landmarks": np.round(face.landmarks, 3),
            }
            for slot, face in enumerate(faces)
        ]
