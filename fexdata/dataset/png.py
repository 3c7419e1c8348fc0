"""Writing PNG fast: the filter that smooth maps need, and zlib-ng's deflate.

Depth, normals and labels change little from one row to the next, so every row stores its
difference from the row above (PNG's filter Up). zlib-ng then is faster than OpenCV's own writer,
with fewer bytes in all (tests/stages/test_rasterize.py holds the latter). ISA-L's deflate is faster
still, but now and then it gives one picture two different streams, and a shard has to be the same
bytes whoever builds it.

Format: PNG Specification, third edition (W3C, 2025), sections 5 and 9.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_GREY: Final = 0
_RGB: Final = 2
_UP: Final = 2
"""Number of the filter that subtracts the row above; the first row's is empty."""
_LEVEL: Final = 2


def png(array: np.ndarray) -> bytes:
    """An (H, W) uint8 or uint16 array, or (H, W, 3) uint8 RGB, as a PNG file. The caller checks the array."""
    from zlib_ng import zlib_ng

    height, width = array.shape[:2]
    colour = _RGB if array.ndim == 3 else _GREY
    header = struct.pack(">IIBBBBB", width, height, 8 * array.itemsize, colour, 0, 0, 0)
    stream = zlib_ng.compress(_filtered(array), _LEVEL)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", stream) + _chunk(b"IEND", b"")


def _filtered(array: np.ndarray) -> np.ndarray:
    """The picture's bytes, (H, 1 + bytes of a row): each row is led by its filter's number."""
    most_significant_first = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder(">"))
    rows = most_significant_first.view(np.uint8).reshape(len(array), -1)
    filtered = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return filtered


def _chunk(kind: bytes, data: bytes) -> bytes:
    named = kind + data
    return struct.pack(">I", len(data)) + named + struct.pack(">I", zlib.crc32(named))
