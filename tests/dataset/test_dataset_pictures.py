"""Encoding and decoding of a dataset's pictures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, JpegImagePlugin

from fexdata.dataset.pictures import decode, encode_jpeg, encode_png
from fexdata.errors import Code, RowError

SIDE = st.integers(1, 9)
PICTURES = st.one_of(
    arrays(np.uint8, st.tuples(SIDE, SIDE)),
    arrays(np.uint16, st.tuples(SIDE, SIDE)),
    arrays(np.uint8, st.tuples(SIDE, SIDE, st.just(3))),
)


@settings(max_examples=60, deadline=None)
@given(PICTURES)
def test_png_comes_back_exactly(array):
    for value in (encode_png(array), {"bytes": encode_png(array), "path": "x.png"}):
        back = decode(value)
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)


def test_other_readers_see_the_same_colours():
    ramp = np.stack(np.meshgrid(np.arange(64) * 4, np.arange(64) * 2, indexing="xy"), axis=2)
    rgb = np.dstack([ramp, np.full((64, 64), 7)]).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encode_png(rgb)))), rgb)
    jpeg = np.asarray(Image.open(io.BytesIO(encode_jpeg(rgb)))).astype(int)
    assert np.abs(jpeg - rgb).mean() < 2 and np.abs(decode(encode_jpeg(rgb)).astype(int) - rgb).mean() < 2


def test_jpeg_keeps_full_colour_resolution():
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2, 0] = stripes[:, 1::2, 2] = 200
    data = encode_jpeg(stripes)
    assert JpegImagePlugin.get_sampling(Image.open(io.BytesIO(data))) == 0  # 4:4:4
    assert np.abs(decode(data).astype(int) - stripes).max() < 25


def test_lower_quality_is_smaller():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert len(encode_jpeg(noise, quality=50)) < 0.6 * len(encode_jpeg(noise))


@pytest.mark.parametrize("data", [b"", b"not a picture", {"bytes": None, "path": None}])
def test_bytes_that_are_no_picture_fail_the_row(data):
    with pytest.raises(RowError) as caught:
        decode(data)
    assert caught.value.code == Code.DECODE_ERROR


@pytest.mark.parametrize("shape, kind", [((4, 4), float), ((4, 4, 3), np.uint16), ((4, 4, 4), np.uint8)])
def test_arrays_that_would_be_changed_are_refused(shape, kind):
    with pytest.raises(ValueError, match="array: expected"):
        encode_png(np.zeros(shape, kind))
    with pytest.raises(ValueError, match="rgb: expected"):
        encode_jpeg(np.zeros(shape, kind))
