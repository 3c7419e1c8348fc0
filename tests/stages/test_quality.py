"""The quality stage on real photographs: good ones pass, spoilt ones do not, and a mirror changes nothing."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from fexdata.dataset.fields import meta
from fexdata.dataset.verdict import SCORES, Rules, verdict
from fexdata.faces.alignment import apply, crop_matrix, scale_of, template, warp
from fexdata.faces.detection import FaceFinder
from fexdata.faces.landmarks import MIRROR_68, MIRROR_478, mirrored, to_68
from fexdata.faces.mesh import vertex_normals
from fexdata.faces.pose import pose
from fexdata.faces.topology import coarse_478
from fexdata.render.maps import encode_depth
from fexdata.render.rasterize import rasterize
from fexdata.stages.base import Row
from fexdata.stages.quality import MEASUREMENTS, Quality, combine, scores, smooth_step

PORTRAITS = [
    "0-f1-su-ph.jpg",
    "0-f15-hao-ph.jpg",
    "15-f13-anc-ph.jpg",
    "45-m7-di-ph.jpg",
    "single_face.jpg",
    "astronaut",
]


@functools.cache
def photograph(name: str) -> np.ndarray:
    if name == "astronaut":
        import skimage.data

        return skimage.data.astronaut()
    (folder,) = importlib.util.find_spec("feat").submodule_search_locations
    return cv2.imread(str(Path(folder, "tests", "data", name)), cv2.IMREAD_COLOR_RGB)


@functools.cache
def landmarks(name: str) -> np.ndarray:
    return FaceFinder().find(photograph(name), faces="largest")[0].landmarks.astype(float)


def face(picture: np.ndarray, points: np.ndarray, size: int = 256) -> Row:
    """The row of a face with these landmarks (photograph pixels), as the stages before make it."""
    matrix = crop_matrix(points, template("five_point"), size)
    local = np.column_stack([apply(matrix, points[:, :2]), points[:, 2] * scale_of(matrix)])
    mesh, topology = local.copy(), coarse_478()
    mesh[:, 2] -= mesh[topology.eye_corners, 2].mean()
    maps = rasterize(mesh, vertex_normals(mesh, topology.triangles), topology.triangles, topology.labels, size=size)
    yaw, pitch, roll = pose(local)
    values = {
        "crop_matrix": matrix.ravel(), "photo_width": picture.shape[1], "photo_height": picture.shape[0],
        "detection_score": 0.9, "landmarks_478": local, "landmarks_68": to_68(local)[:, :2], "geometry": "coarse-478",
        "vertices": mesh, "yaw": yaw, "pitch": pitch, "roll": roll,
    }  # fmt: skip
    pictures = {"image": warp(picture, matrix, size), "depth": encode_depth(maps.depth), "mask": maps.label}
    return Row("x", values, lambda: picture, pictures)


def judged(row: Row) -> tuple[dict, str, list[str]]:
    (output,) = Quality(Quality.Config()).run([row])
    status, reasons = verdict(
        {"failure_code": [None], **{name: [value] for name, value in output.items()}},
        Rules.in_the_wild(),
        best_of_duplicates=np.array([True]),
    )
    return output, status[0], reasons[0]


@pytest.mark.parametrize("name", PORTRAITS)
def test_good_photographs_are_accepted_or_at_most_reviewed(name):
    output, status, reasons = judged(face(photograph(name), landmarks(name)))
    assert status == "accepted" or (status == "review" and name.startswith("45-"))
    assert None not in output.values() and (reasons == [] or status == "review")


def spoilt(name: str) -> dict[str, np.ndarray]:
    """The photograph spoilt in ways that scale with the face; each names its score."""
    picture, points = photograph(name), landmarks(name)
    eyes = float(np.linalg.norm(points[[33, 133]].mean(0) - points[[362, 263]].mean(0)))
    streak = np.ones((1, int(0.45 * eyes))) / int(0.45 * eyes)
    small = cv2.resize(picture, None, fx=9 / eyes, fy=9 / eyes, interpolation=cv2.INTER_AREA)
    return {
        "sharpness": cv2.GaussianBlur(picture, (0, 0), 0.06 * eyes),
        "sharpness in one direction": cv2.filter2D(picture, -1, streak),
        "sharpness of few pixels": cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC),
        "exposure, too little": (picture * 0.12).astype(np.uint8),
        "exposure, too much": np.clip(picture * 2.5, 0, 255).astype(np.uint8),
        "contrast": (picture * 0.15 + 170).astype(np.uint8),
        "coverage": picture[:, : int(points[:, 0].mean())].copy(),
    }


@pytest.mark.parametrize("name", PORTRAITS)
def test_blurred_dark_bright_hazy_and_cut_off_faces_are_not_accepted(name):
    for what, picture in spoilt(name).items():
        output, status, reasons = judged(face(picture, landmarks(name)))
        score = what.split()[0].strip(",")
        assert status == "rejected" or (status == "review" and "direction" in what), what
        assert f"low_{score}" in reasons and output[f"score_{score}"] < 0.4, what


def test_a_face_of_few_pixels_is_not_accepted_however_sharp():
    factor = 12 / face_size("astronaut")
    picture = cv2.resize(photograph("astronaut"), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    half = np.array([0.5, 0.5, 0.0])  # from pixel centres to the picture's edge
    output, status, reasons = judged(face(picture, (landmarks("astronaut") + half) * factor - half))
    assert output["measure_size"] == pytest.approx(12, rel=0.02)
    assert status == "rejected" and "low_size" in reasons


def face_size(name: str) -> float:
    return judged(face(photograph(name), landmarks(name)))[0]["measure_size"]


def with_dark_skin(row: Row) -> Row:
    """The same light on skin of a quarter of the diffuse reflectance; eyes, teeth and shine stay."""
    linear, skin = (row.pixels("image") / 255.0) ** 2.2, row.pixels("mask") == 1
    shine = np.clip(linear - np.percentile(linear[skin], 90, axis=0), 0, None)
    linear[skin] = (0.25 * (linear - shine) + shine)[skin]
    row.decoded["image"] = np.round(255 * linear ** (1 / 2.2)).astype(np.uint8)
    return row


@pytest.mark.parametrize("name", PORTRAITS)
def test_dark_skin_in_good_light_loses_nothing_to_speak_of(name):
    usual = judged(face(photograph(name), landmarks(name)))[0]
    output, status, _ = judged(with_dark_skin(face(photograph(name), landmarks(name))))
    assert output["measure_skin_tone_ita"] < usual["measure_skin_tone_ita"] - 30
    assert status == "accepted" and output["score_exposure"] > 0.7
    assert output["score_contrast"] >= usual["score_contrast"] and output["score_sharpness"] > 0.9


@pytest.mark.parametrize("name", ["45-m7-di-ph.jpg", "single_face.jpg"])
def test_a_mirrored_face_measures_the_same(name):
    picture, points = photograph(name), landmarks(name)
    flipped = face(picture[:, ::-1].copy(), mirrored(points, picture.shape[1], MIRROR_478))
    straight = face(picture, points)
    assert np.allclose(flipped["landmarks_68"], mirrored(straight["landmarks_68"], 256, MIRROR_68), atol=0.01)
    one, other = judged(straight)[0], judged(flipped)[0]
    for column, value in one.items():
        loose = 0.12 if column.endswith(("depth_gap", "edge_blur", "sharpness", "surface", "ita")) else 0.01
        assert other[column] == pytest.approx(
            value, abs=1.0 if column == "measure_skin_tone_ita" else 1e-3, rel=loose
        ), column


@pytest.mark.parametrize("size", [128, 512])
def test_scores_hardly_depend_on_the_size_of_the_crop(size):
    picture, points = photograph("single_face.jpg"), landmarks("single_face.jpg")
    small, usual = judged(face(picture, points, size))[0], judged(face(picture, points))[0]
    for name in SCORES:
        assert small[f"score_{name}"] == pytest.approx(usual[f"score_{name}"], abs=0.1), name


def test_a_mesh_beside_its_landmarks_scores_low_on_fit_and_a_folded_one_on_surface():
    row = face(photograph("astronaut"), landmarks("astronaut"))
    row.values["vertices"] = row["vertices"] + [8.0, 0, 0]
    assert judged(row)[0]["score_fit"] < 0.3
    row.values["vertices"] = row["vertices"] * [-1, 1, 1] + [256, 0, 0]  # inside out
    assert judged(row)[0]["score_surface"] < 0.05


def test_nothing_to_measure_is_null_and_goes_to_review():
    row = face(photograph("astronaut"), landmarks("astronaut"))
    row.decoded["mask"] = np.zeros((256, 256), np.uint8)
    row.decoded["depth"] = np.zeros((256, 256), np.uint16)
    output, status, reasons = judged(row)
    assert (
        output["measure_edge_blur"]
        is output["score_exposure"]
        is output["measure_depth_gap"]
        is output["quality"]
        is None
    )
    assert output["score_pose"] == 1.0 and status == "review" and "unmeasured_sharpness" in reasons
    broken = face(photograph("astronaut"), landmarks("astronaut"))
    for name in ("landmarks_478", "landmarks_68", "vertices"):
        broken.values[name] = np.full_like(broken[name], math.nan)
    assert judged(broken)[1] == "review"


def test_a_geometry_without_the_68_points_is_not_taken_for_a_perfect_fit():
    row = face(photograph("astronaut"), landmarks("astronaut"))
    row.values["geometry"] = "another"
    output, status, reasons = judged(row)
    assert output["score_fit"] is None and status == "review" and "unmeasured_fit" in reasons


def test_every_score_is_monotone_in_every_measurement_and_within_bounds():
    config = Quality.Config()
    good = {name: getattr(config, name, (0.0, 0.0))[1] for name in MEASUREMENTS} | {"edge_blur": config.sharpness[1]}
    assert set(scores(good, 1.0, config).values()) == {1.0}
    for name in MEASUREMENTS:
        bad, best = config.sharpness if name == "edge_blur" else getattr(config, name, (0.0, 1.0))
        path = [scores({**good, name: value}, 1.0, config) for value in np.linspace(bad, best, 25)]
        for score, before in itertools.product(SCORES, range(24)):
            assert 0.0 <= path[before][score] <= path[before + 1][score] <= 1.0
        assert min(path[0].values()) == (1.0 if name.startswith("skin_") else 0.0)


def test_smooth_step_and_the_combination_follow_their_formulas():
    assert [smooth_step(value, 4.0, 2.0) for value in (5, 4, 3.5, 3, 2, 1)] == [0, 0, 0.15625, 0.5, 1, 1]
    assert math.isnan(smooth_step(math.nan, 0, 1)) and math.isnan(combine([0.5, math.nan], 0.8))
    assert combine([0.5, 1.0], 0.8) == pytest.approx(0.8 * 0.5 + 0.2 * 0.75)


def test_the_stage_writes_what_it_declares_with_units_and_rounded():
    stage = Quality(Quality.Config())
    output = judged(face(photograph("astronaut"), landmarks("astronaut")))[0]
    assert list(output) == stage.schema().names
    assert all(meta(field, "unit") and meta(field, "about") for field in stage.schema())
    assert all(value == round(value, 4) for value in output.values())
    with pytest.raises(ValueError, match="two different ends"):
        Quality.Config(size=(10.0, 10.0))
