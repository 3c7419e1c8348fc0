"""Finding faces in real photographs, and in what is made of them."""

from __future__ import annotations

import functools
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from fexdata.errors import Code, RowError
from fexdata.faces.alignment import apply, crop_matrix, scale_of, template, warp
from fexdata.faces.detection import Face, FaceFinder
from fexdata.faces.landmarks import MIRROR_478, mirrored, to_68
from fexdata.faces.mediapipe_graphs import Detector, LandmarkNetwork, network_hashes

PORTRAITS = json.loads(Path(__file__).parents[1].joinpath("portraits.json").read_text())
FIVE_PEOPLE = [(260, 125), (363, 300), (476, 265), (581, 376), (737, 363)]
"""Middle of each face in multi_face.jpg, read off the picture."""


@functools.cache
def finder() -> FaceFinder:
    return FaceFinder()


@functools.cache
def photograph(name: str) -> np.ndarray:
    if name == "astronaut.png":
        import skimage.data

        return skimage.data.astronaut()
    (folder,) = importlib.util.find_spec("feat").submodule_search_locations
    return cv2.imread(str(Path(folder, "tests", "data", name)), cv2.IMREAD_COLOR_RGB)


def largest(picture: np.ndarray) -> Face:
    (face,) = finder().find(picture, faces="largest")
    return face


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Mean distance of landmarks, in pixels of a 256-pixel crop."""
    scale = scale_of(crop_matrix(a, template("five_point"), 256))
    return float(np.linalg.norm((a - b)[:, :2], axis=1).mean()) * scale


def canvas(height: int, width: int) -> np.ndarray:
    """Blotches of every colour, no face."""
    coarse = np.random.default_rng(1).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def code_of(picture: np.ndarray, **how) -> Code:
    with pytest.raises(RowError) as caught:
        finder().find(picture, **how)
    return caught.value.code


@pytest.mark.parametrize("name", PORTRAITS)
@pytest.mark.parametrize("faces", ["all", "largest", "annotated"])
def test_every_portrait_has_one_face_in_its_place(name, faces):
    (face,) = finder().find(photograph(name), faces=faces)
    expected = np.array(PORTRAITS[name]["points"], float).reshape(68, 2)
    off = np.linalg.norm(to_68(face.landmarks)[17:, :2] - expected[17:], axis=1).mean()  # 17: without the jaw
    assert off < 0.03 * face.box[3]
    assert face.score > 0.8 and face.landmarks.dtype == face.box.dtype == np.float32


def test_all_five_people_are_found_from_left_to_right():
    faces = finder().find(photograph("multi_face.jpg"), faces="all")
    middles = [face.box[:2] + face.box[2:] / 2 for face in faces]
    np.testing.assert_allclose(middles, FIVE_PEOPLE, atol=12)


def test_a_covered_face_is_found():
    (face,) = finder().find(photograph("Image_with_alpha.png"), faces="all")
    assert 500 < face.box[0] + face.box[2] / 2 < 850 and face.box[3] > 300


@pytest.mark.parametrize("faces", ["all", "largest", "annotated"])
def test_a_drawing_without_a_face_has_none(faces):
    assert code_of(photograph("free-mountain-vector-01.jpg"), faces=faces) == Code.NO_FACE


def test_a_cat_is_not_a_person():
    import skimage.data

    assert code_of(skimage.data.chelsea()) == Code.NO_FACE


def test_noise_and_blotches_have_no_face():
    noise = np.random.default_rng(0).integers(0, 256, (500, 700, 3), np.uint8)
    assert code_of(noise) == code_of(canvas(600, 900)) == Code.NO_FACE


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (20, 2000), (2000, 20), (1, 700), (700, 1)])
def test_photographs_of_any_shape_are_searched(shape):
    assert code_of(np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)) == Code.NO_FACE


@pytest.mark.parametrize("pixels", [40, 60, 120])
@pytest.mark.parametrize("faces", ["all", "largest"])
def test_a_distant_face_is_found(pixels, faces):
    small = cv2.resize(photograph("single_face.jpg"), None, fx=pixels / 223, fy=pixels / 223, interpolation=3)
    wide = canvas(1500, 2000)
    wide[587 : 587 + len(small), 1402 : 1402 + small.shape[1]] = small
    (face,) = finder().find(wide, faces=faces)
    expected = largest(photograph("single_face.jpg")).landmarks[:, :2] * pixels / 223 + [1402, 587]
    assert np.linalg.norm(face.landmarks[:, :2] - expected, axis=1).mean() < 0.04 * pixels


def test_a_thorough_search_finds_the_distant_face_beside_a_near_one():
    wide = cv2.copyMakeBorder(photograph("single_face.jpg"), 0, 300, 0, 500, cv2.BORDER_CONSTANT, value=(90, 120, 90))
    small = cv2.resize(photograph("astronaut.png")[40:220, 130:320], None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    wide[700 : 700 + len(small), 900 : 900 + small.shape[1]] = small
    faces = FaceFinder(thorough=True).find(wide, faces="all")
    assert [round(float(face.box[0]), -2) for face in faces] == [200, 900]


def test_a_thorough_search_finds_each_face_once():
    assert len(FaceFinder(thorough=True).find(photograph("multi_face.jpg"), faces="all")) == 5


@pytest.mark.parametrize("degrees", [-30, 30])
def test_a_leaning_face_has_the_same_landmarks(degrees):
    picture = photograph("single_face.jpg")
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    leaning = largest(cv2.warpAffine(picture, matrix, (width, height)))
    assert distance(leaning.landmarks, apply(matrix, largest(picture).landmarks)) < 2


def test_a_half_dark_face_has_the_same_landmarks():
    picture = photograph("single_face.jpg").astype(float)
    picture[:, 286:] *= 0.2
    dark = largest(picture.astype(np.uint8))
    assert distance(largest(photograph("single_face.jpg")).landmarks, dark.landmarks) < 4


@pytest.mark.parametrize("name", ["0-f15-hao-ph.jpg", "single_face.jpg", "astronaut.png"])
@pytest.mark.parametrize("zoom", [0.5, 4])
def test_landmarks_and_their_depth_scale_with_the_photograph(name, zoom):
    picture = photograph(name)
    zoomed = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC)
    here, there = largest(picture).landmarks, largest(zoomed).landmarks
    back = np.array([[1 / zoom, 0, (1 / zoom - 1) / 2], [0, 1 / zoom, (1 / zoom - 1) / 2]])
    assert distance(here, apply(back, there)) < 1.6
    assert np.ptp(there[:, 2]) / np.ptp(here[:, 2]) == pytest.approx(zoom, rel=0.06)


def test_depth_does_not_depend_on_what_surrounds_the_face():
    picture = photograph("single_face.jpg")
    padded = cv2.copyMakeBorder(picture, 500, 700, 900, 300, cv2.BORDER_CONSTANT, value=(90, 120, 90))
    here, there = largest(picture).landmarks, largest(padded).landmarks - [900, 500, 0]
    assert distance(here, there) < 1.5 and np.ptp(there[:, 2]) == pytest.approx(np.ptp(here[:, 2]), rel=0.06)


def test_landmarks_are_at_pixel_centres():
    """Flipping a square must mirror its landmarks about (192 - 1) / 2; counting from the edge
    instead, they would on average be off by another half pixel."""
    network, rng, off = LandmarkNetwork(), np.random.default_rng(0), []
    for name in PORTRAITS:
        face = largest(photograph(name))
        middle, side = face.box[:2] + face.box[2:] / 2, 1.5 * float(max(face.box[2:]))
        for _ in range(6):
            scale = 192 / side * np.exp(rng.normal(0, 0.05))
            shift = 95.5 - scale * (middle + rng.normal(0, 0.02, 2) * side)
            square = warp(photograph(name), np.column_stack([np.eye(2) * scale, shift]), 192)
            there, flipped = (network(np.ascontiguousarray(s))[0] for s in (square, square[:, ::-1]))
            off.append((there - mirrored(flipped, 192, MIRROR_478))[:, 0].mean() / 2)
    assert abs(np.mean(off)) < 0.3 < abs(np.mean(off) - 0.5)


def test_the_same_bytes_whatever_was_seen_before():
    names = ["single_face.jpg", "multi_face.jpg", "45-m7-di-ph.jpg", "astronaut.png", "0-f1-su-ph.jpg"]

    def seen(order: list[str], finder: FaceFinder) -> dict[str, bytes]:
        found = {name: finder.find(photograph(name), faces="all") for name in order}
        return {name: b"".join(f.landmarks.tobytes() + f.box.tobytes() for f in found[name]) for name in names}

    shuffled = list(np.random.default_rng(3).permutation(names))
    assert seen(names, finder()) == seen(shuffled, finder()) == seen(names[::-1], FaceFinder())


def test_the_largest_of_several_faces_is_chosen():
    everyone = finder().find(photograph("multi_face.jpg"), faces="all")
    biggest = max(everyone, key=lambda face: face.box[2] * face.box[3])
    np.testing.assert_allclose(largest(photograph("multi_face.jpg")).box, biggest.box, atol=3)


@pytest.mark.parametrize("slot", range(5))
@pytest.mark.parametrize("hint", ["box", "loose box", "points", "five points"])
def test_the_annotated_face_is_the_one_the_corpus_means(slot, hint):
    face = finder().find(photograph("multi_face.jpg"), faces="all")[slot]
    left, top, width, height = face.box.tolist()
    points = to_68(face.landmarks)[:, :2]
    how = {
        "box": {"box": (left, top, width, height)},
        "loose box": {"box": (left - 0.2 * width, top - 0.3 * height, 1.5 * width, 1.4 * height)},
        "points": {"points": points},
        "five points": {"points": points[[36, 45, 30, 48, 54]]},
    }[hint]
    (found,) = finder().find(photograph("multi_face.jpg"), faces="annotated", **how)
    assert distance(face.landmarks, found.landmarks) < 2.5


def test_faces_elsewhere_are_not_the_annotated_one():
    picture = photograph("multi_face.jpg")
    assert code_of(picture, faces="annotated", box=(780, 450, 120, 120)) == Code.NO_ANNOTATED_FACE
    far = np.random.default_rng(0).uniform((870, 40), (960, 130), (68, 2))
    assert code_of(picture, faces="annotated", points=far) == Code.NO_ANNOTATED_FACE
    assert code_of(canvas(500, 700), faces="annotated", box=(100, 100, 90, 90)) == Code.NO_FACE


@pytest.mark.parametrize("box", [(0, 0, 0, 0), (5, 5, -3, 9), (float("nan"), 0, 5, 5)])
def test_a_box_that_is_none_is_no_hint(box):
    (face,) = finder().find(photograph("single_face.jpg"), faces="annotated", box=box)
    assert face.box.tobytes() == largest(photograph("single_face.jpg")).box.tobytes()


def test_a_sure_detector_can_be_demanded():
    strict = FaceFinder(min_score=0.99)
    with pytest.raises(RowError):
        strict.find(photograph("single_face.jpg"))


def test_grey_or_float_pictures_are_refused():
    for wrong in (np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.float32)):
        with pytest.raises(ValueError, match=r"picture: expected \(H, W, 3\) uint8"):
            finder().find(wrong)


def test_the_landmark_network_says_when_there_is_no_face():
    network = LandmarkNetwork()
    assert network(np.ascontiguousarray(canvas(192, 192)))[1] < 0.1
    assert network(cv2.resize(photograph("single_face.jpg")[120:450, 110:440], (192, 192)))[1] > 0.99


def test_every_network_has_a_hash():
    assert {len(digest) for digest in network_hashes().values()} == {64} and len(set(network_hashes().values())) == 3


@pytest.mark.parametrize(("reach", "model"), [("short", 0), ("full", 1)])
def test_the_detector_sees_what_mediapipes_own_graph_sees(reach, model):
    from mediapipe.python.solutions.face_detection import FaceDetection

    own, theirs = Detector(reach), FaceDetection(min_detection_confidence=0.5, model_selection=model)
    square = cv2.resize(photograph("multi_face.jpg"), (own.side, own.side), interpolation=cv2.INTER_AREA)
    found, expected = own(square), theirs.process(square).detections
    assert len(found) == len(expected) >= 2
    for one, other in zip(found, sorted(expected, key=lambda d: -d.score[0]), strict=True):
        eyes = [(p.x * own.side - 0.5, p.y * own.side - 0.5) for p in other.location_data.relative_keypoints[:2]]
        np.testing.assert_allclose(one.eyes, eyes, atol=1e-3)
        assert one.score == pytest.approx(other.score[0], abs=1e-5)


def test_loading_the_networks_leaves_matplotlib_to_who_draws():
    code = """if True:
        import sys
        from fexdata.faces.detection import FaceFinder
        FaceFinder()
        assert "matplotlib" not in sys.modules
        from mediapipe.python.solutions import drawing_utils
        figure = drawing_utils.plt.figure
        import matplotlib.pyplot
        assert figure is matplotlib.pyplot.figure"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_loading_the_networks_prints_nothing():
    code = "from fexdata.faces.detection import FaceFinder; FaceFinder()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
