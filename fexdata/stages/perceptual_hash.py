"""A hash of how the aligned face looks, so that copies of a photograph can be found without pixels.

The 64-bit DCT hash (pHash; Zauner, Implementation and benchmarking of perceptual image hash
functions, 2010) of the crop. Compression, size and a little exposure flip a few bits; another
person flips about 24. It is blind to small things, among them most of an expression: see
`fexdata.dataset.duplicates`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from fexdata.dataset.fields import column
from fexdata.stages.base import Row, Stage, StageConfig

_SIDE: Final = 32
_LOW: Final = 8


class PerceptualHash(Stage):
    """One 64-bit hash per crop."""

    name: ClassVar[str] = "perceptual_hash"
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[str, ...]] = ("image",)

    class Config(StageConfig):
        """No settings: hashes are compared across datasets."""

    def schema(self) -> pa.Schema:
        about = "DCT hash of the aligned crop; near-duplicates differ in few bits."
        return pa.schema([column("phash", pa.uint64(), about, unit="64 bits, lowest frequency first")])

    def run(self, rows: Sequence[Row]) -> Sequence[Any]:
        return self.each(rows, lambda row: {"phash": phash(row.pixels("image"))})


def phash(image: np.ndarray) -> int:
    """The hash of a picture (H, W, 3) uint8 RGB, or (H, W) grey: 0 to 2⁶⁴ − 1.

    Bit 8 v + u tells whether the DCT coefficient of frequency (u across, v down), 0 to 7 each, of
    the picture shrunk to 32 × 32, is above the median of the 64. The mean of the picture is one of
    them and large, so bit 0 is as good as constant; the other 63 do not change with a scaled or
    shifted luma.
    """
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:_LOW, :_LOW].ravel()
    bits = low > np.median(low)
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")
