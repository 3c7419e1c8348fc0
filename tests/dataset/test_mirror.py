"""Flipping a row: every rule, and that doing it twice undoes it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest

from fexdata.dataset.fields import MIRROR_RULES, PICTURE, column, fixed
from fexdata.dataset.mirror import mirror
from fexdata.dataset.pictures import decode, encode_jpeg, encode_png
from fexdata.dataset.schema import LABELS
from fexdata.errors import FexdataError
from fexdata.faces.landmarks import IBUG_68, MEDIAPIPE_478, MIRROR_68, MIRROR_478

PHOTO_WIDTH, CROP = 640, 96
COEFFICIENTS = ("AU12_left", "AU12_right", "AU26", "asymmetric_0", "mouthSmile_L", "mouthSmile_R")
SCHEMA = pa.schema(
    [
        column("sample_id", pa.string(), "A name."),
        column("photo_width", pa.int32(), "Pixels."),
        column("yaw", pa.float32(), "Degrees.", mirror="negate"),
        column("gaze", pa.string(), "Where to.", mirror="swap_left_right"),
        column("landmarks_68", fixed(136), "Points.", shape=(68, 2), convention=IBUG_68, mirror="points"),
        column("vertices", fixed(1434), "Mesh.", shape=(478, 3), convention=MEDIAPIPE_478, mirror="vertices"),
        column("box", fixed(4), "Box.", shape=(4,), mirror="box"),
        column("crop_matrix", fixed(6), "Matrix.", shape=(2, 3), mirror="crop_matrix"),
        column("image", PICTURE, "Crop.", mirror="picture"),
        column("depth", PICTURE, "Depth.", mirror="picture"),
        column("normal", PICTURE, "Normals.", mirror="normal_map"),
        column("params", fixed(6), "Coefficients.", shape=(6,), mirror="named", names=COEFFICIENTS),
    ]
)


def made_row(seed: int = 0) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    normal = random.integers(1, 256, (CROP, CROP, 3), dtype=np.uint8)
    normal[random.random((CROP, CROP)) < 0.3] = 0
    return {
        "sample_id": "a",
        "photo_width": PHOTO_WIDTH,
        "yaw": 12.5,
        "gaze": "left",
        "landmarks_68": random.uniform(-20, CROP + 20, (68, 2)).astype(np.float32),
        "vertices": random.uniform(-20, CROP + 20, (478, 3)).astype(np.float32),
        "box": np.array([100.25, 50.5, 200.125, 210.75], np.float32),
        "crop_matrix": np.array([[0.41, -0.032, -35.7], [0.032, 0.41, -18.3]], np.float32),
        "image": random.integers(0, 256, (CROP, CROP, 3), dtype=np.uint8),
        "depth": random.integers(0, 65536, (CROP, CROP), dtype=np.uint16),
        "normal": normal,
        "params": random.normal(0, 1, 6).astype(np.float32),
    }


def only(name: str, value: Any, **more: Any) -> Any:
    return mirror({name: value, **more}, SCHEMA, crop_width=CROP)[name]


def test_the_test_schema_has_every_rule() -> None:
    assert {field.metadata.get(b"mirror", b"none").decode() for field in SCHEMA} == set(MIRROR_RULES)


@pytest.mark.parametrize("seed", range(5))
def test_mirroring_twice_gives_the_same_row_to_the_last_bit(seed: int) -> None:
    row = made_row(seed)
    back = mirror(mirror(row, SCHEMA), SCHEMA)
    assert list(back) == list(row)
    for name, value in row.items():
        if isinstance(value, np.ndarray):
            assert back[name].astype(value.dtype).tobytes() == value.tobytes(), name
        else:
            assert back[name] == value


def test_mirroring_does_not_change_the_row_it_was_given() -> None:
    row = made_row()
    mirror(row, SCHEMA)
    for name, value in made_row().items():
        np.testing.assert_array_equal(row[name], value)


def test_missing_values_stay_missing() -> None:
    row = dict.fromkeys(SCHEMA.names)
    assert mirror(row, SCHEMA) == row


@pytest.mark.parametrize(
    ("word", "flipped"),
    [("left", "right"), ("right", "left"), ("frontal", "frontal"), ("up left", "up right"), ("Right", "Left"),
     ("bright", "bright"), ("eye_left", "eye_right")],
)  # fmt: skip
def test_the_words_left_and_right_change_places(word: str, flipped: str) -> None:
    assert only("gaze", word) == flipped


def test_angles_change_their_sign_and_plain_columns_do_not() -> None:
    assert only("yaw", 12.5) == -12.5
    assert only("photo_width", 640) == 640


@pytest.mark.parametrize(("name", "permutation"), [("landmarks_68", MIRROR_68), ("vertices", MIRROR_478)])
def test_points_move_to_the_other_side_and_change_places(name: str, permutation: np.ndarray) -> None:
    points = made_row()[name]
    flipped = only(name, points)
    np.testing.assert_allclose(flipped[:, 0], CROP - 1 - points[permutation, 0], atol=1e-5)
    np.testing.assert_array_equal(flipped[:, 1:], points[permutation, 1:])
    np.testing.assert_array_equal(only(name, points.ravel()), flipped.ravel())  # as the layers hold it


def test_a_pixel_and_the_point_on_it_stay_together() -> None:
    row = made_row()
    row["landmarks_68"][30] = (10, 20)  # the tip of the nose, its own partner
    row["image"][20, 10] = (1, 2, 3)
    flipped = mirror(row, SCHEMA)
    x, y = flipped["landmarks_68"][30].astype(int)
    assert flipped["image"][y, x].tolist() == [1, 2, 3]


def test_normal_maps_turn_their_x_and_keep_what_is_missing() -> None:
    normal = np.array([[[255, 128, 128], [0, 0, 0], [100, 7, 200]]], np.uint8)
    assert only("normal", normal).tolist() == [[[155, 7, 200], [0, 0, 0], [0, 128, 128]]]


def test_boxes_keep_their_distance_to_the_other_edge() -> None:
    assert only("box", [100, 50, 200, 210], photo_width=640).tolist() == [340, 50, 200, 210]


def test_the_mirrored_crop_matrix_cuts_the_mirrored_crop_from_the_mirrored_photograph() -> None:
    photograph = np.random.default_rng(1).integers(0, 256, (400, PHOTO_WIDTH, 3), dtype=np.uint8)
    matrix = made_row()["crop_matrix"]
    crop = cv2.warpAffine(photograph, matrix.astype(float), (CROP, CROP))
    flipped = only("crop_matrix", matrix, photo_width=PHOTO_WIDTH)
    again = cv2.warpAffine(np.ascontiguousarray(photograph[:, ::-1]), flipped, (CROP, CROP))
    difference = np.abs(again[:, ::-1].astype(int) - crop)  # OpenCV places samples to 1/32 pixel
    assert difference.mean() < 2 and np.linalg.det(flipped[:, :2]) > 0


@pytest.mark.parametrize("form", ["bytes", "struct"])
def test_encoded_pictures_come_back_encoded_and_without_loss(form: str) -> None:
    rgb = cv2.resize(made_row()["image"], (CROP, CROP))
    for data in (encode_jpeg(rgb), encode_png(rgb)):
        value: Any = data if form == "bytes" else {"bytes": data, "path": None}
        once = only("image", value)
        assert type(once) is type(value)
        np.testing.assert_array_equal(decode(once), decode(value)[:, ::-1])
        np.testing.assert_array_equal(decode(only("image", once)), decode(value))


def test_the_crops_width_comes_from_a_picture_of_the_row() -> None:
    points = made_row()["landmarks_68"]
    row = {"landmarks_68": points, "depth": {"bytes": encode_png(np.zeros((8, 50), np.uint8)), "path": None}}
    assert mirror(row, SCHEMA)["landmarks_68"][30, 0] == pytest.approx(49 - points[30, 0])


def odd(mirror_rule: str, convention: str = "") -> pa.Schema:
    metadata = {"mirror": mirror_rule, "convention": convention, "shape": "[4, 2]"}
    return pa.schema([pa.field("odd", fixed(8), metadata=metadata)])


@pytest.mark.parametrize(
    ("row", "schema", "message"),
    [
        ({"odd": [1]}, odd("rotate"), "column odd: unknown mirror rule 'rotate'; known: none, negate"),
        ({"odd": [1] * 8}, odd("points", "dlib-4"), "column odd: unknown scheme 'dlib-4'; known: mediapipe-478"),
        ({"other": 1}, odd("none"), "column other cannot be mirrored"),
        ({"vertices": np.zeros((478, 3))}, SCHEMA, "needs the crop's width"),
        ({"box": [1, 2, 3, 4]}, SCHEMA, "needs the row's photo_width"),
    ],
)
def test_what_cannot_be_mirrored_says_why(row: dict[str, Any], schema: pa.Schema, message: str) -> None:
    with pytest.raises(FexdataError, match=message):
        mirror(row, schema)


def test_every_column_of_the_built_in_stages_can_be_mirrored() -> None:
    from fexdata.stages.align import Align
    from fexdata.stages.detect import Detect
    from fexdata.stages.rasterize import Rasterize
    from fexdata.stages.reconstruct import Reconstruct

    fields = [f for stage in (Detect, Align, Reconstruct, Rasterize) for f in stage(stage.Config()).schema()]
    row = {f.name: np.ones(f.type.list_size) for f in fields if pa.types.is_fixed_size_list(f.type)}
    row |= {f.name: 1.0 for f in [*fields, *LABELS] if pa.types.is_float32(f.type)}
    flipped = mirror(row | {"photo_width": 640}, pa.schema([*LABELS, *fields]), crop_width=CROP)
    assert {name for name in row if np.any(flipped[name] != row[name])} >= {
        "yaw", "roll", "camera_angle", "box", "crop_matrix", "landmarks_68", "landmarks_478", "vertices"
    }  # fmt: skip


def test_coefficients_go_where_their_names_go() -> None:
    assert only("params", np.arange(1.0, 7.0)).tolist() == [2, 1, 3, -4, 6, 5]


@pytest.mark.parametrize(
    ("names", "message"),
    [(("AU12_left", "AU26"), "AU12_left has no partner"), (("AU26",), "2 values, but 1 names to mirror them by")],
)
def test_coefficients_without_a_partner_or_a_name_are_refused(names: tuple[str, ...], message: str) -> None:
    schema = pa.schema([column("params", fixed(2), "Coefficients.", mirror="named", names=names)])
    with pytest.raises(FexdataError, match=message):
        mirror({"params": np.ones(2)}, schema)
