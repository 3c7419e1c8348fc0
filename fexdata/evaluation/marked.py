"""Writing edited pictures so that everybody can tell that they are edited.

A PNG carries XMP with IPTC's digital source type for pictures partly made by a trained model, which
viewers and platforms read, and `fexdata:edited` with what was done. A GIF carries the same as its comment.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fexdata.storage import write_atomic

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
KEY = "fexdata:edited"

_XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    f'Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


def write_png(path: Path, pixels: np.ndarray, done: Mapping[str, Any]) -> None:
    """(H, W, 3) uint8 as a marked PNG. done: what was done to it, plain values."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Software", f"fexdata {version('fexdata')}")
    info.add_itxt(KEY, json.dumps(done, sort_keys=True))
    info.add_itxt("XML:com.adobe.xmp", _XMP)
    with io.BytesIO() as file:
        Image.fromarray(pixels).save(file, "PNG", pnginfo=info)
        write_atomic(str(path), file.getvalue())


def write_gif(path: Path, frames: Sequence[np.ndarray], done: Mapping[str, Any], *, milliseconds: int = 80) -> None:
    """Frames (H, W, 3) uint8 as a marked GIF that runs to and fro without end."""
    from PIL import Image

    pictures = [Image.fromarray(frame) for frame in (*frames, *frames[-2:0:-1])]
    comment = json.dumps({KEY: done, "digital_source_type": SOURCE_TYPE}, sort_keys=True).encode()
    with io.BytesIO() as file:
        pictures[0].save(
            file, "GIF", save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0, comment=comment
        )
        write_atomic(str(path), file.getvalue())


def is_marked(path: Path) -> bool:
    """Whether a PNG says that it was edited here."""
    from PIL import Image

    with Image.open(path) as picture:
        picture.load()
        return KEY in picture.info
