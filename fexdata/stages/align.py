"""Face to crop: every later stage works on an upright picture of one size, and so will training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from fexdata.dataset.fields import PICTURE, column, fixed
from fexdata.faces.landmarks import IBUG_68, MEDIAPIPE_478
from fexdata.stages.base import Row, Stage, StageConfig

if TYPE_CHECKING:
    from fexdata.faces.alignment import Template


class Align(Stage):
    """Cuts each face out of its photograph and takes its landmarks along.

    A face whose crop lies mostly outside the photograph is a row like any other:
    `inside_fraction` tells.
    """

    name: ClassVar[str] = "align"
    version: ClassVar[int] = 2
    reads: ClassVar[tuple[str, ...]] = ("photograph", "face_landmarks")

    class Config(StageConfig):
        """How the crop is placed and stored."""

        template: Literal["five_point", "reference_68", "inner_eyes_bottom_lip", "center_crop"] = Field(
            "five_point", description="Where the face's landmarks shall lie in the crop."
        )
        size: int | None = Field(
            None, ge=16, le=2048, description="The crop's side in pixels; by default the template's own."
        )
        framing: Literal["face", "pair"] = Field(
            "face", description="Place each crop by its own landmarks, or all of a pair group by their mean."
        )
        lossless: bool = Field(False, description="Store crops as PNG instead of JPEG (quality 95, 4:4:4).")

    config: Config

    def __init__(self, config: StageConfig) -> None:
        super().__init__(config)
        if self.config.framing == "pair":
            self.reads = (*self.reads, "pair_framing")  # type: ignore[misc]

    @property
    def crop_size(self) -> int:
        """The crop's side in pixels."""
        from fexdata.faces.alignment import template

        return self.config.size or template(self.config.template).size

    def schema(self) -> pa.Schema:
        crop = "crop pixels"
        return pa.schema(
            [
                column("image", PICTURE, "The aligned face.", mirror="picture", table="shard"),
                column(
                    "crop_matrix",
                    fixed(6),
                    "Brings photograph pixels to crop pixels: a 2 x 3 matrix.",
                    shape=(2, 3),
                    convention="pixel centres at integers",
                    mirror="crop_matrix",
                ),
                column(
                    "inside_fraction",
                    pa.float32(),
                    "Share of the crop that lies inside the photograph; the rest is black.",
                    unit="0 to 1",
                ),
                column(
                    "landmarks_478",
                    fixed(478 * 3),
                    "MediaPipe's landmarks; z away from the viewer.",
                    unit=crop,
                    shape=(478, 3),
                    convention=MEDIAPIPE_478,
                    mirror="vertices",
                    table="side",
                ),
                column(
                    "landmarks_68",
                    fixed(68 * 2),
                    "iBUG's landmarks, taken from the 478; the jaw is an approximation.",
                    unit=crop,
                    shape=(68, 2),
                    convention=IBUG_68,
                    mirror="points",
                ),
            ]
        )

    def run(self, rows: Sequence[Row]) -> Sequence[Any]:
        return self.each(rows, self._crop)

    def _matrix(self, row: Row, landmarks: np.ndarray, template: Template, size: int) -> np.ndarray:
        from fexdata.faces import alignment

        mean = row["pair_framing"] if self.config.framing == "pair" else None
        if mean is None:
            return alignment.crop_matrix(landmarks, template, size)
        return alignment.matrix_onto(np.asarray(mean[template.scheme], np.float64), template, size)

    def _crop(self, row: Row) -> dict[str, Any]:
        from fexdata.dataset.pictures import encode_jpeg, encode_png
        from fexdata.faces import alignment
        from fexdata.faces.landmarks import to_68

        photograph = row.photograph()
        height, width = photograph.shape[:2]
        landmarks = np.asarray(row["face_landmarks"], np.float64).reshape(478, 3)
        template = alignment.template(self.config.template)
        size = self.config.size or template.size
        if template.kind == "centre":
            matrix = alignment.centre_matrix(width, height, size)
            image = alignment.resize_square(photograph, matrix, size)
        else:
            # What is stored is what was used: float32, so that pixels and matrix agree exactly.
            matrix = self._matrix(row, landmarks, template, size).astype(np.float32).astype(np.float64)
            image = alignment.warp(photograph, matrix, size)
        aligned = alignment.apply(matrix, landmarks)
        return {
            "image": encode_png(image) if self.config.lossless else encode_jpeg(image),
            "crop_matrix": matrix,
            "inside_fraction": round(alignment.inside_fraction(matrix, size, width, height), 4),
            "landmarks_478": np.round(aligned, 3),
            "landmarks_68": np.round(to_68(aligned)[:, :2], 3),
        }
