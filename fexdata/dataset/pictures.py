"""Pictures as they lie in shards: encoded once, decoded to exactly what went in (JPEG apart).

JPEG is OpenCV's. PNG is written by `fexdata.dataset.png`, because encoding three maps a face with
OpenCV's own writer is a good part of a build's time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fexdata.errors import Code, RowError


def encode_jpeg(rgb: np.ndarray, quality: int = 95) -> bytes:
    """A JPEG without chroma subsampling (4:4:4) of an (H, W, 3) uint8 RGB picture."""
    import cv2

    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"rgb: expected (H, W, 3) uint8, got {rgb.shape} {rgb.dtype}")
    options = [
        *(cv2.IMWRITE_JPEG_QUALITY, quality),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    ]
    return _encoded(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)


def encode_png(array: np.ndarray) -> bytes:
    """A PNG of an (H, W) uint8 or uint16 array or an (H, W, 3) uint8 RGB picture, lossless."""
    from fexdata.dataset.png import png

    grey = array.ndim == 2 and array.dtype in (np.uint8, np.uint16)
    colour = array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8
    if not grey and not colour:
        raise ValueError(f"array: expected (H, W) uint8 or uint16, or (H, W, 3) uint8, got {array.shape} {array.dtype}")
    return png(array)


def decode(value: Mapping[str, Any] | bytes) -> np.ndarray:
    """The array of an encoded picture, or of a shard's `{bytes, path}` struct: (H, W) or
    (H, W, 3) RGB, uint8 or uint16 as it was encoded.

    Raises `RowError` (decode_error) when the bytes are not a picture.
    """
    import cv2

    data = (value["bytes"] if isinstance(value, Mapping) else value) or b"\0"
    # JPEG is colour here, and its decoder can write RGB itself; OpenCV's for PNG would drop 16 bits.
    jpeg = data[:2] == b"\xff\xd8"
    how = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION if jpeg else cv2.IMREAD_UNCHANGED
    array = cv2.imdecode(np.frombuffer(data, np.uint8), how)
    if array is None:
        raise RowError(Code.DECODE_ERROR, "a stored picture cannot be decoded")
    return cv2.cvtColor(array, cv2.COLOR_BGR2RGB) if array.shape[2:] == (3,) and not jpeg else array


def _encoded(suffix: str, array: np.ndarray, options: list[int]) -> bytes:
    import cv2

    done, data = cv2.imencode(suffix, array, options)
    if not done:
        raise ValueError(f"a picture of shape {array.shape} cannot be encoded as {suffix}")
    return data.tobytes()
