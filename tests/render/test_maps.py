"""Maps survive being stored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fexdata.render.maps import decode_depth, decode_normal, encode_depth, encode_normal


@given(arrays.arrays(np.float32, (4, 5), elements=st.floats(-327, 327, width=32) | st.just(np.nan)))
def test_depth_comes_back_within_half_a_hundredth_of_a_pixel(depth: np.ndarray) -> None:
    back = decode_depth(encode_depth(depth))
    np.testing.assert_array_equal(np.isnan(back), np.isnan(depth))
    np.testing.assert_allclose(back, depth, atol=0.00503)  # 0.005, and float32 at 327


def test_every_stored_depth_is_stored_again_as_itself() -> None:
    stored = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(encode_depth(decode_depth(stored)), stored)


@pytest.mark.parametrize(
    ("depth", "stored"),
    [(np.nan, 0), (0, 32768), (1, 32868), (-1, 32668), (0.014, 32769), (-400, 1), (-327.68, 1), (400, 65535),
     (np.inf, 65535), (-np.inf, 1)],
)  # fmt: skip
def test_stored_depths_are_the_documented_numbers(depth: float, stored: int) -> None:
    code = encode_depth(np.array([[depth]], np.float32))
    assert code.dtype == np.uint16 and code.tolist() == [[stored]]


def test_normals_come_back_within_six_tenths_of_a_degree() -> None:
    normal = np.random.default_rng(0).normal(size=(300, 300, 3))
    normal = (normal / np.linalg.norm(normal, axis=-1, keepdims=True)).astype(np.float32)
    back = decode_normal(encode_normal(normal))
    np.testing.assert_allclose(np.linalg.norm(back, axis=-1), 1, atol=1e-6)
    cosine = np.clip(np.sum(back.astype(float) * normal, axis=-1), -1, 1)
    assert np.degrees(np.arccos(cosine)).max() < 0.6


@pytest.mark.parametrize(
    ("normal", "stored"),
    [((0, 0, 0), (0, 0, 0)), ((0, 0, 1), (128, 128, 255)), ((1, 0, 0), (255, 128, 128)), ((0, -1, 0), (128, 0, 128))],
)
def test_stored_normals_are_the_documented_numbers(normal: tuple[int, ...], stored: tuple[int, ...]) -> None:
    code = encode_normal(np.array([[normal]], np.float32))
    assert code.dtype == np.uint8 and code.tolist() == [[list(stored)]]


def test_missing_normals_stay_missing_and_arguments_are_not_changed() -> None:
    normal = np.zeros((2, 2, 3), np.float32)
    normal[0, 0] = (0.6, 0, 0.8)
    before = normal.copy()
    back = decode_normal(encode_normal(normal))
    np.testing.assert_array_equal((back != 0).any(axis=-1), [[True, False], [False, False]])
    np.testing.assert_array_equal(normal, before)
