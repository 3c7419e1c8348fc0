"""The detect stage: a photograph becomes its faces."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from fexdata.dataset.fields import meta, shape_of
from fexdata.errors import Code, Failure, FexdataError, RowError
from fexdata.stages.base import Row
from fexdata.stages.detect import Detect
from fexdata.stages.registry import stage


@functools.cache
def detect(faces: str = "all") -> Detect:
    return Detect(Detect.Config(faces=faces))


@functools.cache
def photograph(name: str) -> np.ndarray:
    (folder,) = importlib.util.find_spec("feat").submodule_search_locations
    return cv2.imread(str(Path(folder, "tests", "data", name)), cv2.IMREAD_COLOR_RGB)


def row(name: str, **corpus) -> Row:
    return Row("id", {"corpus_box": None, "corpus_points": None, **corpus}, lambda: photograph(name))


def test_every_column_has_its_declared_type_and_shape():
    schema = detect().schema()
    (faces,) = detect().run([row("multi_face.jpg")])
    for face in faces:
        assert list(face) == schema.names
        for field in schema:
            assert shape_of(field) == np.shape(face[field.name])
    flat = [{name: np.ravel(value) if np.ndim(value) else value for name, value in face.items()} for face in faces]
    assert pa.Table.from_pylist(flat, schema=schema).num_rows == 5


def test_slots_run_from_left_to_right_and_sizes_are_the_photographs():
    (faces,) = detect().run([row("multi_face.jpg")])
    assert [face["face_slot"] for face in faces] == list(range(5)) == sorted(range(5), key=lambda i: faces[i]["box"][0])
    assert {(face["face_count"], face["photo_width"], face["photo_height"]) for face in faces} == {(5, 1000, 667)}


def test_stored_numbers_are_rounded():
    ((face,),) = detect().run([row("single_face.jpg")])
    landmarks = np.asarray(face["face_landmarks"], np.float64)
    np.testing.assert_allclose(landmarks * 1000, np.round(landmarks * 1000), atol=0.05)
    assert face["detection_score"] == round(face["detection_score"], 4)


def test_the_box_is_that_of_the_flipped_photograph_mirrored():
    (field,) = [field for field in detect().schema() if field.name == "box"]
    flipped = Row("id", {}, lambda: np.ascontiguousarray(photograph("single_face.jpg")[:, ::-1]))
    ((there,),), ((mirror,),) = detect().run([row("single_face.jpg")]), detect().run([flipped])
    assert meta(field, "mirror") == "box"
    left, _, width, _ = mirror["box"]
    assert there["photo_width"] - left - width == pytest.approx(there["box"][0], abs=3)


def test_the_corpus_says_which_face():
    (everyone,) = detect().run([row("multi_face.jpg")])
    ((face,),) = detect("annotated").run([row("multi_face.jpg", corpus_box=tuple(everyone[3]["box"]))])
    np.testing.assert_allclose(face["box"], everyone[3]["box"], atol=4)
    assert (face["face_slot"], face["face_count"]) == (0, 1)


def test_a_row_without_a_face_fails_alone():
    outputs = detect().run([row("free-mountain-vector-01.jpg"), row("single_face.jpg")])
    assert outputs[0] == Failure("detect", Code.NO_FACE, "no face was found")
    assert len(outputs[1]) == 1


def test_a_photograph_that_cannot_be_read_keeps_its_own_reason():
    def unreadable() -> np.ndarray:
        raise RowError(Code.DECODE_ERROR, "truncated")

    (output,) = detect().run([Row("id", {}, unreadable)])
    assert output == Failure("detect", Code.DECODE_ERROR, "truncated")


def test_settings_are_checked():
    with pytest.raises(FexdataError, match="stage detect: setting 'faces'"):
        stage("detect", {"faces": "some"})
    with pytest.raises(FexdataError, match=r"min_score.*settings: faces, min_score, thorough"):
        stage("detect", {"min_score": 0.1})


def test_networks_are_part_of_the_fingerprint():
    assert sorted(detect().weights()) == ["attention-mesh", "blazeface-full-range", "blazeface-short-range"]
