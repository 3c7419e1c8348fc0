"""How good a face's picture and annotation are: measurements first, then scores made from them.

Three things are kept apart. A measurement is a number with a unit. A score is an opinion of it,
0 (bad) to 1 (good), by a curve whose two ends are settings. A verdict is a decision; it is made
later, from the scores alone (`fexdata.dataset.verdict`). So a new threshold needs no pixels.

Every score is smooth and monotone in each of its measurements. Where several measurements make a
score their curves are multiplied.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final

import numpy as np
import pyarrow as pa
from pydantic import AfterValidator, Field

from fexdata.dataset.fields import column
from fexdata.dataset.verdict import SCORES
from fexdata.stages.base import Row, Stage, StageConfig

MEASUREMENTS: Final = {
    "edge_blur": ("% of inter-ocular distance", "Width (standard deviation) of the face's sharpest edges."),
    "size": ("photograph pixels", "Inter-ocular distance, in 3D, in the photograph."),
    "crushed": ("share of the face", "Pixels too dark to tell apart."),
    "blown": ("share of the face", "Pixels too bright to tell apart."),
    "highlight": ("luma, 0 to 255", "99th percentile over the face: how much light there was, whatever the skin."),
    "skin_luma": ("luma, 0 to 255", "Mean over the skin; in no score."),
    "skin_tone_ita": ("degrees", "Individual typology angle: 55 and more very light, below -30 dark; in no score."),
    "contrast": ("Michelson, 0 to 1", "Contrast of the face between the 5th and 95th percentile of luma."),
    "turn": ("degrees", "Angle between the face's forward direction and the viewer."),
    "tilt": ("degrees", "Size of the roll that is left in the crop."),
    "mask_inside": ("share of the face", "Part of the face's mask that lies inside the photograph."),
    "mask_share": ("share of the crop", "Part of the crop that the face's mask covers."),
    "landmark_gap": ("% of inter-ocular distance", "Mean distance of the 68 landmarks from the mesh's own."),
    "lip_gap": ("% of inter-ocular distance", "Difference between the mesh's and the landmarks' open mouth."),
    "lid_gap": ("% of inter-ocular distance", "Difference between the mesh's and the landmarks' open eyes, the worse."),
    "self_intersections": ("pairs of triangles", "Triangles of the mesh that cut each other."),
    "flipped": ("share of triangles", "Skin triangles turned over."),
    "depth_gap": ("% of inter-ocular distance", "90th percentile of the distance of landmarks from the depth map."),
}
"""Column `measure_<name>` -> unit and meaning."""


def _curve(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] == ends[1] or not all(map(math.isfinite, ends)):
        raise ValueError(f"a curve needs two different ends, not {ends[0]} and {ends[1]}")
    return ends


Curve = Annotated[tuple[float, float], AfterValidator(_curve)]


class Quality(Stage):
    """Measurements, scores and the combined quality of each face."""

    name: ClassVar[str] = "quality"
    version: ClassVar[int] = 2
    reads: ClassVar[tuple[str, ...]] = (
        "image", "crop_matrix", "photo_width", "photo_height", "detection_score", "landmarks_478", "landmarks_68",
        "geometry", "vertices", "yaw", "pitch", "roll", "depth", "mask",
    )  # fmt: skip

    class Config(StageConfig):
        """The curves: each setting is (the value that scores 0, the value that scores 1)."""

        detection: Curve = Field(default=(0.3, 0.8), description="Score of the detector.")
        sharpness: Curve = Field(default=(5.0, 2.4), description="Width of edges, % of inter-ocular distance.")
        size: Curve = Field(default=(10.0, 45.0), description="Inter-ocular distance in photograph pixels.")
        crushed: Curve = Field(default=(0.5, 0.2), description="Share of crushed pixels (exposure).")
        blown: Curve = Field(default=(0.4, 0.1), description="Share of blown pixels (exposure).")
        highlight: Curve = Field(default=(30.0, 110.0), description="Luma of the brightest hundredth (exposure).")
        contrast: Curve = Field(default=(0.08, 0.3), description="Michelson contrast of the face.")
        turn: Curve = Field(default=(70.0, 30.0), description="Degrees turned away from the viewer (pose).")
        tilt: Curve = Field(default=(60.0, 15.0), description="Degrees of roll left in the crop (pose).")
        mask_inside: Curve = Field(default=(0.7, 0.98), description="Share of the face in the photograph (coverage).")
        mask_share: Curve = Field(default=(0.03, 0.12), description="Share of the crop that is face (coverage).")
        landmark_gap: Curve = Field(default=(12.0, 3.0), description="Landmarks to mesh, % (fit).")
        lip_gap: Curve = Field(default=(12.0, 3.0), description="Mouth opening of mesh and landmarks, % (fit).")
        lid_gap: Curve = Field(default=(6.0, 1.5), description="Eye opening of mesh and landmarks, % (fit).")
        self_intersections: Curve = Field(default=(80.0, 10.0), description="Pairs of triangles (surface).")
        flipped: Curve = Field(default=(0.25, 0.02), description="Share of triangles turned over (surface).")
        depth_gap: Curve = Field(default=(80.0, 40.0), description="Landmarks to depth map, % (surface).")
        weakest: float = Field(
            default=0.8, ge=0, le=1, description="Weight of the smallest score in `quality`; the mean has the rest."
        )

    def schema(self) -> pa.Schema:
        fields = [
            column(f"measure_{name}", pa.float32(), about, unit=unit) for name, (unit, about) in MEASUREMENTS.items()
        ]
        fields += [
            column(f"score_{name}", pa.float32(), f"Score: {about}.", unit="0 to 1", convention="low is bad")
            for name, about in SCORES.items()
        ]
        about = "Combined quality: mostly the smallest score, a little their mean; null if any is."
        return pa.schema([*fields, column("quality", pa.float32(), about, unit="0 to 1", convention="low is bad")])

    def warm_up(self) -> None:
        import fexdata.faces.mesh
        import fexdata.faces.quality_pixels
        import fexdata.faces.self_intersection  # noqa: F401 - imported because that compiles kernels

    def run(self, rows: Sequence[Row]) -> Sequence[Any]:
        return self.each(rows, self._one)

    def _one(self, row: Row) -> dict[str, float | None]:
        measured = measure(row)
        scored = scores(measured, float(row["detection_score"]), self.config)
        columns = {f"measure_{name}": value for name, value in measured.items()}
        columns |= {f"score_{name}": value for name, value in scored.items()}
        columns["quality"] = combine(list(scored.values()), self.config.weakest)  # type: ignore[attr-defined]
        return {name: None if math.isnan(value) else round(value, 4) for name, value in columns.items()}


def measure(row: Row) -> dict[str, float]:
    """All of `MEASUREMENTS` for one face; NaN where there was nothing to measure."""
    from fexdata.faces import quality_geometry as geometry

    landmarks = _points(row, "landmarks_478")
    unit = geometry.interocular(landmarks)
    measured = _pixels(row, unit)
    measured["size"] = geometry.size_in_photograph(unit, row["crop_matrix"])
    measured["turn"] = geometry.pose_angle(row["yaw"], row["pitch"])
    measured["tilt"] = abs(float(row["roll"]))
    measured |= _agreement(row, unit) | _surface(row, landmarks, unit)
    return {name: float(measured[name]) for name in MEASUREMENTS}


def _pixels(row: Row, unit: float) -> dict[str, float]:
    import cv2

    from fexdata.faces import quality_pixels as pixels
    from fexdata.faces.topology import Label

    image, mask = row.pixels("image"), row.pixels("mask")
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    inside = pixels.photograph_area(luma.shape, row["crop_matrix"], row["photo_width"], row["photo_height"])
    shown = mask * inside  # beyond the photograph's border nothing was photographed
    face, skin = pixels.histograms(luma, shown)
    light = pixels.exposure(face, skin)
    return {
        "edge_blur": pixels.edge_blur(luma, shown, unit),
        "crushed": light.crushed,
        "blown": light.blown,
        "highlight": light.highlight,
        "skin_luma": light.skin,
        "skin_tone_ita": pixels.skin_tone_ita(image, shown == Label.SKIN),
        "contrast": pixels.contrast(face),
        "mask_inside": pixels.share_inside(mask, inside),
        "mask_share": cv2.countNonZero(mask) / mask.size,
    }


def _agreement(row: Row, unit: float) -> dict[str, float]:
    """How the mesh agrees with the image's landmarks.

    Zero by construction for `coarse-478`, whose vertices are the landmarks; it means something
    for a model that was fitted to them. A geometry that does not say where the 68 points are on
    it gets NaN, so nobody takes it for a perfect fit.
    """
    from fexdata.faces import quality_geometry as geometry

    points, mesh = _points(row, "landmarks_68"), _mesh_68(row)
    if mesh is None:
        return {"landmark_gap": math.nan, "lip_gap": math.nan, "lid_gap": math.nan}
    return {
        "landmark_gap": geometry.landmark_gap(points, mesh, unit),
        "lip_gap": geometry.lip_gap(points, mesh, unit),
        "lid_gap": geometry.lid_gap(points, mesh, unit),
    }


def _mesh_68(row: Row) -> np.ndarray | None:
    from fexdata.faces.landmarks import to_68

    return to_68(_points(row, "vertices"))[:, :2] if row["geometry"] == "coarse-478" else None


def _surface(row: Row, landmarks: np.ndarray, unit: float) -> dict[str, float]:
    """Whether the mesh is a possible face, and whether the viewer sees all of it."""
    from fexdata.faces import quality_geometry as geometry
    from fexdata.faces.canonical import canonical_vertices
    from fexdata.faces.mesh import flipped_fraction
    from fexdata.faces.pose import rotation
    from fexdata.faces.self_intersection import self_intersections
    from fexdata.faces.topology import coarse_478
    from fexdata.render.maps import decode_depth

    stored, inside = geometry.sample(row.pixels("depth"), landmarks)
    depth = np.where(inside, decode_depth(stored), np.nan)
    surface = {
        "depth_gap": geometry.depth_gap(landmarks, depth, unit),
        "self_intersections": math.nan,
        "flipped": math.nan,
    }
    vertices, topology = _points(row, "vertices"), coarse_478()
    if row["geometry"] == topology.name and np.isfinite(vertices).all():
        turned = rotation(row["yaw"], row["pitch"], row["roll"])
        surface["self_intersections"] = self_intersections(vertices, topology.triangles)
        surface["flipped"] = flipped_fraction(vertices, topology, canonical_vertices(), turned)
    return surface


def _points(row: Row, name: str) -> np.ndarray:
    return np.asarray(row[name], np.float64)


def scores(measured: Mapping[str, float], detection_score: float, config: StageConfig) -> dict[str, float]:
    """All of `SCORES`, in their order; NaN where a measurement is. `config` is `Quality.Config`."""

    def curve(name: str, value: float | None = None) -> float:
        bad, good = getattr(config, name)
        return smooth_step(measured[name] if value is None else value, bad, good)

    return {
        "detection": curve("detection", detection_score),
        "sharpness": curve("sharpness", measured["edge_blur"]),
        "size": curve("size"),
        "exposure": curve("crushed") * curve("blown") * curve("highlight"),
        "contrast": curve("contrast"),
        "pose": curve("turn") * curve("tilt"),
        "coverage": curve("mask_inside") * curve("mask_share"),
        "fit": curve("landmark_gap") * curve("lip_gap") * curve("lid_gap"),
        "surface": curve("self_intersections") * curve("flipped") * curve("depth_gap"),
    }


def smooth_step(value: float, bad: float, good: float) -> float:
    """0 at `bad` and beyond, 1 at `good` and beyond, t²(3 − 2t) between; NaN for NaN."""
    place = min(max((value - bad) / (good - bad), 0.0), 1.0) if not math.isnan(value) else value
    return place * place * (3.0 - 2.0 * place)


def combine(scored: Sequence[float], weakest: float) -> float:
    """`weakest` times the smallest score plus the rest times their mean: a picture is about as good
    as its worst property, yet of two with the same worst one the better has more. NaN if any is."""
    if any(math.isnan(score) for score in scored):
        return math.nan
    return weakest * min(scored) + (1.0 - weakest) * sum(scored) / len(scored)
