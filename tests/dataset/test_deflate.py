"""Streams that every reader of deflate understands, and codes that are what they must be."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fexdata.dataset import deflate as module
from fexdata.dataset.deflate import PADDING, deflate

PIECES = st.lists(st.tuples(st.integers(0, 255), st.integers(1, 700)) | st.binary(min_size=1), min_size=1, max_size=12)


def packed(data: bytes) -> bytes:
    padded = np.zeros(-(-len(data) // PADDING) * PADDING, np.uint8)
    padded[: len(data)] = np.frombuffer(data, np.uint8)
    return deflate(padded, len(data))


@settings(deadline=None)
@given(PIECES)
def test_zlib_reads_back_runs_and_noise_of_any_length(pieces):
    data = b"".join(p if isinstance(p, bytes) else bytes([p[0]]) * p[1] for p in pieces)
    assert zlib.decompress(packed(data), wbits=-15) == data


@pytest.mark.parametrize("length", [1, 2, 3, 4, 258, 259, 260, 261, 516, 517, 518, 5000])
def test_a_run_of_any_length_is_read_back_and_short(length):
    stream = packed(bytes(length))
    assert zlib.decompress(stream, wbits=-15) == bytes(length)
    assert len(stream) < 24 + length // 400


@pytest.mark.parametrize("deepest", [7, 15])
@pytest.mark.parametrize("ratio", [1.0, 1.1, 1.6, 2.0, 3.0])
def test_code_lengths_are_complete_and_within_the_limit(deepest, ratio):
    rng = np.random.default_rng(0)
    for symbols in (2, 3, 19, 60, 100):
        counts = (rng.integers(1, 4, symbols) * ratio ** np.minimum(np.arange(symbols), 30)).astype(np.int64)
        lengths = module._code_lengths(np.append(counts, 0), deepest)
        assert lengths[-1] == 0 and lengths.max() <= deepest
        assert (0.5 ** lengths[:-1]).sum() == 1


def test_code_lengths_are_the_shortest():
    # 1 1 2 4 8 16: the tree is a chain.
    assert module._code_lengths(np.array([8, 1, 16, 2, 1, 4]), 15).tolist() == [2, 5, 1, 4, 5, 3]
    assert module._code_lengths(np.array([5, 5, 5, 5]), 15).tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize(("length", "size"), [(12, 12), (16, 17), (16, 0)])
def test_buffers_that_do_not_fit_are_refused(length, size):
    with pytest.raises(ValueError, match="multiple of 8"):
        deflate(np.zeros(length, np.uint8), size)
