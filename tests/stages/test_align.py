"""The align stage: a face becomes a crop, and its landmarks come along."""

from __future__ import annotations

import functools
import importlib.util
import io
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from fexdata.dataset.fields import meta, shape_of
from fexdata.dataset.pictures import decode
from fexdata.errors import Code, Failure, FexdataError
from fexdata.faces.alignment import TEMPLATES, apply, template
from fexdata.faces.landmarks import to_68
from fexdata.stages.align import Align
from fexdata.stages.base import Row
from fexdata.stages.detect import Detect
from fexdata.stages.registry import stage


@functools.cache
def photograph() -> np.ndarray:
    (folder,) = importlib.util.find_spec("feat").submodule_search_locations
    return cv2.imread(str(Path(folder, "tests", "data", "single_face.jpg")), cv2.IMREAD_COLOR_RGB)


@functools.cache
def landmarks() -> np.ndarray:
    ((face,),) = Detect(Detect.Config()).run([Row("id", {}, photograph)])
    return face["face_landmarks"]


def aligned(*, picture: np.ndarray | None = None, points: np.ndarray | None = None, **config):
    shown = photograph() if picture is None else picture
    row = Row("id", {"face_landmarks": landmarks() if points is None else points}, lambda: shown)
    (output,) = Align(Align.Config(**config)).run([row])
    return output


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_column_has_its_declared_type_and_shape(name):
    output, schema = aligned(template=name), Align(Align.Config(template=name)).schema()
    assert list(output) == schema.names
    for field in schema:
        if field.name != "image":
            assert shape_of(field) == np.shape(output[field.name])
    stored = {k: np.ravel(v) if np.ndim(v) else v for k, v in output.items()} | {"image": {"bytes": output["image"]}}
    assert pa.Table.from_pylist([stored], schema=schema).num_rows == 1
    assert decode(output["image"]).shape == (template(name).size, template(name).size, 3)


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_stored_matrix_brings_photograph_landmarks_to_crop_landmarks(name):
    output = aligned(template=name, size=200)
    matrix = np.asarray(output["crop_matrix"], np.float32).astype(np.float64)  # as it comes back from the layer
    np.testing.assert_allclose(apply(matrix, landmarks().astype(np.float64)), output["landmarks_478"], atol=2e-3)
    np.testing.assert_allclose(output["landmarks_68"], to_68(output["landmarks_478"])[:, :2], atol=1e-9)


@pytest.mark.parametrize("name", TEMPLATES)
def test_pixels_lie_where_the_matrix_says(name):
    """A bright dot painted into the photograph appears at its place in the crop."""
    picture = np.zeros_like(photograph())
    spot = landmarks()[4, :2]
    cv2.circle(picture, tuple(round(16 * float(v)) for v in spot), 6 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
    output = aligned(picture=picture, template=name, size=160, lossless=True)
    weights = decode(output["image"])[..., 0].astype(float)
    middle = [(np.arange(160) @ weights.sum(axis=axis)) / weights.sum() for axis in (0, 1)]
    np.testing.assert_allclose(middle, output["landmarks_478"][4, :2], atol=0.1)


def test_crops_are_jpeg_or_lossless_by_choice():
    kinds = [Image.open(io.BytesIO(aligned(lossless=lossless)["image"])).format for lossless in (False, True)]
    assert kinds == ["JPEG", "PNG"]
    jpeg, png = (decode(aligned(lossless=lossless)["image"]).astype(float) for lossless in (False, True))
    assert 0 < np.abs(jpeg - png).mean() < 2


def test_a_face_at_the_edge_is_a_row_that_says_so():
    whole = aligned()
    left, top = landmarks()[:, :2].mean(axis=0).astype(int)
    cut = aligned(
        picture=np.ascontiguousarray(photograph()[top:, left:]), points=landmarks() - np.float32([left, top, 0])
    )
    assert whole["inside_fraction"] > 0.95 and 0.2 < cut["inside_fraction"] < 0.4
    assert decode(cut["image"])[:60, :60].max() < 8  # black, but for the JPEG
    np.testing.assert_allclose(cut["landmarks_68"], whole["landmarks_68"], atol=2e-3)


def test_landmarks_without_extent_fail_the_row():
    assert aligned(points=np.zeros((478, 3))) == Failure("align", Code.POOR_FIT, "the landmarks lie on one spot")


def test_every_landmark_column_says_how_it_is_mirrored():
    rules = {f.name: (meta(f, "convention"), meta(f, "mirror")) for f in Align(Align.Config()).schema()}
    assert rules["landmarks_478"] == ("mediapipe-478", "vertices")
    assert rules["landmarks_68"] == ("ibug-68", "points")
    assert rules["crop_matrix"][1] == "crop_matrix" and rules["image"][1] == "picture"


def test_settings_are_checked():
    assert set(Align.Config.model_fields["template"].annotation.__args__) == set(TEMPLATES)
    with pytest.raises(FexdataError, match="stage align: setting 'size'"):
        stage("align", {"size": 4})
