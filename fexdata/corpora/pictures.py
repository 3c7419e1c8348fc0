"""The bytes of a picture file become upright RGB pixels, or one sentence that says why they cannot.

The format is decided by the first bytes, never by the file's name, and the size by the header,
before anything is decoded: a picture too large to hold costs neither time nor memory. A baseline
or progressive JPEG in grey or colour, which is nearly every photograph, is decoded once by OpenCV
(libjpeg-turbo); everything else goes through Pillow.

What is decided here, because formats leave it open:

- transparent parts show white, as picture viewers do;
- of an animation or a many-page file the first picture is taken;
- 16-bit grey is divided by 257, so that its whole range fits 8 bits;
- a four-component JPEG is taken as inverted CMYK whether or not Adobe's marker says so, as
  Pillow, OpenCV and browsers do; CMYK in TIFF is not inverted;
- colour profiles are not applied.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from fexdata.errors import Code, RowError

MAX_PIXELS = 100_000_000
"""Largest picture read: 100 megapixels, which is 300 MB once decoded."""

_PILLOW_PLUGINS = {
    "JPEG": "JpegImagePlugin",
    "PNG": "PngImagePlugin",
    "GIF": "GifImagePlugin",
    "WEBP": "WebPImagePlugin",
    "BMP": "BmpImagePlugin",
    "TIFF": "TiffImagePlugin",
    "JPEG2000": "Jpeg2KImagePlugin",
}
_EIGHT_BIT_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}


def read_picture(data: bytes, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """The picture as (height, width, 3) uint8 RGB, turned upright by its EXIF orientation.

    Raises `RowError` with code `empty_file`, `not_an_image`, `unsupported_format` (a picture in a
    format that is not read here), `too_large` (more than `max_pixels`, told from the header) or
    `decode_error` (truncated or corrupt; half a picture is never returned).
    """
    kind = _kind(data)
    if kind == "JPEG":
        header = _jpeg_header(data)
        _check_size(header.width, header.height, max_pixels)
        _check_jpeg_is_whole(data, header)
        if header.components in (1, 3):
            pixels = _decode_with_opencv(data, header)
            if pixels is not None:
                return pixels
    elif kind == "PNG":
        _check_size(*_png_size(data), max_pixels)
    elif kind == "WEBP":
        _check_size(*_webp_size(data), max_pixels)
    elif kind == "JPEG2000" and b"\xff\xd9" not in data:  # two bytes that coded data never hold
        raise RowError(Code.DECODE_ERROR, "the JPEG 2000 is truncated: its end marker is missing")
    return _decode_with_pillow(data, kind, max_pixels)


# What kind of file it is


def _kind(data: bytes) -> str:
    """The Pillow name of the format; `RowError` for everything that is not read here."""
    if not data:
        raise RowError(Code.EMPTY_FILE, "the file is empty")
    start = data[:32]
    if start.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if start.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "WEBP"
    if start.startswith(b"BM") and len(data) >= 26:
        return "BMP"
    if start.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "TIFF"
    if start.startswith((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")):
        return "JPEG2000"
    _refuse(data)


def _refuse(data: bytes) -> NoReturn:
    """Raises with the best word there is for a file that is not a readable picture."""
    start = data[:512]
    if start[4:8] == b"ftyp":
        brands = start[8 : max(12, min(int.from_bytes(start[:4], "big"), 64))]
        for brand, name in ((b"avi", "AVIF"), (b"he", "HEIC"), (b"mif1", "HEIC"), (b"msf1", "HEIC"), (b"crx", "raw")):
            if brands.startswith(brand) or (brand == b"avi" and brand in brands):
                _refuse_format(name)
        raise RowError(Code.NOT_AN_IMAGE, "is a film, not a picture; extract its frames first, e.g. with ffmpeg")
    for magic, name in ((b"8BPS", "Photoshop"), (b"\xff\x0a", "JPEG XL"), (b"\0\0\0\x0cJXL ", "JPEG XL")):
        if start.startswith(magic):
            _refuse_format(name)
    if start.startswith(b"version https://git-lfs"):
        raise RowError(Code.NOT_AN_IMAGE, "is a Git LFS pointer; run `git lfs pull` to get the picture")
    if start.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise RowError(Code.NOT_AN_IMAGE, "is a web page, not a picture: its download probably failed")
    if not any(start):
        raise RowError(Code.NOT_AN_IMAGE, "begins with zero bytes only: its copy probably failed")
    raise RowError(Code.NOT_AN_IMAGE, "its content is no picture format that fexdata knows")


def _refuse_format(name: str) -> NoReturn:
    tool = "`heif-convert` or `magick`" if name in ("HEIC", "AVIF") else "`magick` or the program that made it"
    text = f"is a {name} picture, which is not read here; convert it to JPEG or PNG, e.g. with {tool}"
    raise RowError(Code.UNSUPPORTED_FORMAT, text)


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise RowError(Code.DECODE_ERROR, f"has no pixels: its header says {width} x {height}")
    if width * height > max_pixels:
        limit = f"{max_pixels / 1e6:g} megapixels"
        raise RowError(Code.TOO_LARGE, f"picture of {width} x {height} pixels; the limit is {limit}")


# Headers


@dataclass(frozen=True, slots=True)
class _Jpeg:
    width: int
    height: int
    components: int
    orientation: int
    scan: int
    """Offset of the first scan's header: an end marker before it belongs to an embedded thumbnail."""


_JPEG_MARKER = re.compile(rb"\xff([\x01-\xfe])", re.DOTALL)
# Inside a scan, FF 00 is a data byte and FF D0 to FF D7 restart the coder: neither ends it.
_JPEG_SCAN_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])", re.DOTALL)
_JPEG_END, _JPEG_SCAN, _JPEG_EXIF = 0xD9, 0xDA, 0xE1
_JPEG_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_JPEG_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)}


def _jpeg_header(data: bytes) -> _Jpeg:
    """Walks the segments up to the first scan, as libjpeg does (ITU-T T.81, annex B)."""
    frame: tuple[int, int, int] | None = None
    orientation, at = None, 2
    while (found := _JPEG_MARKER.search(data, at)) is not None:
        marker, at = found[1][0], found.end()
        if marker in _JPEG_WITHOUT_LENGTH:
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        if marker == _JPEG_END or at + max(length, 2) > len(data):
            break
        if marker == _JPEG_SCAN:
            if frame is None:
                break
            return _Jpeg(*frame, orientation or 1, at)
        if marker in _JPEG_FRAMES:
            frame = _jpeg_frame(marker, data[at + 2 : at + length])
        elif marker == _JPEG_EXIF and orientation is None and data.startswith(b"Exif\0\0", at + 2):
            orientation = _exif_orientation(data[at + 8 : at + length])
        at += max(length, 2)
    raise RowError(Code.DECODE_ERROR, "the JPEG ends or breaks off before its picture data")


def _jpeg_frame(marker: int, segment: bytes) -> tuple[int, int, int]:
    """(width, height, components) of a frame header."""
    if len(segment) < 6:
        raise RowError(Code.DECODE_ERROR, "the JPEG's frame header is cut short")
    depth, height, width, components = struct.unpack(">BHHB", segment[:6])
    if depth != 8 or marker in (0xC3, 0xC7, 0xCB, 0xCF):
        what = "lossless" if depth == 8 else f"{depth}-bit"
        raise RowError(Code.UNSUPPORTED_FORMAT, f"is a {what} JPEG, which is not read here; convert it to PNG")
    return width, height, components


def _exif_orientation(exif: bytes) -> int:
    """Tag 274 of the first directory; 1 (upright) when absent or senseless."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 10:
        return 1
    (at,) = struct.unpack_from(order + "I", exif, 4)
    if at + 2 > len(exif):
        return 1
    (count,) = struct.unpack_from(order + "H", exif, at)
    for entry in range(at + 2, min(at + 2 + 12 * count, len(exif) - 11), 12):
        tag, kind = struct.unpack_from(order + "HH", exif, entry)
        if tag == 274:
            form = {1: "B", 3: "H", 4: "I"}.get(kind, "H")
            value: int = struct.unpack_from(order + form, exif, entry + 8)[0]
            return value if 1 <= value <= 8 else 1
    return 1


def _check_jpeg_is_whole(data: bytes, header: _Jpeg) -> None:
    """Raises unless the end marker follows the scans; whatever cameras append after it is fine."""
    if data.endswith(b"\xff\xd9"):
        return
    at = header.scan + int.from_bytes(data[header.scan : header.scan + 2], "big")
    while (found := _JPEG_SCAN_MARKER.search(data, at)) is not None:
        if found[1][0] == _JPEG_END:
            return
        at = found.end()
        if found[1][0] not in _JPEG_WITHOUT_LENGTH:  # tables or the next scan of a progressive file
            at += int.from_bytes(data[at : at + 2], "big")
    raise RowError(Code.DECODE_ERROR, "the JPEG is truncated: its end marker is missing")


def _png_size(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR" or len(data) < 24:
        raise RowError(Code.DECODE_ERROR, "the PNG has no header chunk")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _webp_size(data: bytes) -> tuple[int, int]:
    """The canvas (RFC 9649). Pillow would reserve it on opening, before it can be refused."""
    chunk, body = data[12:16], data[20:30].ljust(10, b"\0")
    if chunk == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF
    raise RowError(Code.DECODE_ERROR, "the WebP has no picture chunk")


# Decoders


def _decode_with_opencv(data: bytes, header: _Jpeg) -> np.ndarray | None:
    """The decoded JPEG, or None when OpenCV gives up, so that Pillow can have its say."""
    import cv2

    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    if pixels is None or pixels.shape[:2] != (header.height, header.width):
        return None
    # libjpeg leaves the rest of a picture whose data end early exactly mid-grey.
    if (pixels[-8:, -8:] == 128).all() and _grey_end_is_a_gap(data):
        raise RowError(Code.DECODE_ERROR, "the JPEG's data end before the picture does")
    return _upright(pixels, header.orientation)


def _grey_end_is_a_gap(data: bytes) -> bool:
    """Whether the picture data were cut and only an end marker put behind the cut.

    Bytes inserted before the end marker mean nothing to a complete picture, while a cut one is
    decoded a little further. Only pictures that end in exact mid-grey are ever asked. A progressive
    file cut so is only less sharp, and is read: it is a legal JPEG.
    """
    end = data.rfind(b"\xff\xd9")
    longer = data[:end] + b"\x5a\xa5\x3c" * 64 + data[end:]
    try:
        return not np.array_equal(_pillow_pixels(data, "JPEG", None), _pillow_pixels(longer, "JPEG", None))
    except (OSError, SyntaxError, ValueError):
        return False


def _decode_with_pillow(data: bytes, kind: str, max_pixels: int) -> np.ndarray:
    from PIL import Image

    try:
        return _pillow_pixels(data, kind, max_pixels)
    except (RowError, MemoryError):
        raise
    except Image.DecompressionBombError as error:  # a tile or frame larger than the header said
        raise RowError(Code.TOO_LARGE, str(error)) from None
    except Exception as error:  # Pillow's plugins raise whatever the parsing of a broken file ran into
        what = (str(error).splitlines() or [""])[0].rstrip(".")[:160] or type(error).__name__
        raise RowError(Code.DECODE_ERROR, f"the {kind} is truncated or corrupt ({what})") from None


def _pillow_pixels(data: bytes, kind: str, max_pixels: int | None) -> np.ndarray:
    """Decodes the first picture of a file; `max_pixels` None when the size was checked already."""
    # Pillow warns of oddities that it copes with; a row is either read or fails, with one sentence.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        picture = _pillow_open(data, kind)
        if max_pixels is not None:
            _check_size(picture.width, picture.height, max_pixels)
        picture.load()
        orientation = picture.getexif().get(274, 1)  # after load: TIFF turns itself and drops the tag
        return _upright(_rgb(picture), orientation if isinstance(orientation, int) else 1)


def _pillow_open(data: bytes, kind: str) -> Any:
    # `Image.open` would measure the picture against Pillow's own limit, which is global to the
    # process and warns; the plugin's class parses the same header without it.
    import importlib

    from PIL import Image

    importlib.import_module(f"PIL.{_PILLOW_PLUGINS[kind]}")
    return Image.OPEN[kind][0](io.BytesIO(data), "")


def _rgb(picture: Any) -> np.ndarray:
    """(height, width, 3) uint8 of a loaded Pillow picture of any mode."""
    from PIL import Image

    if picture.mode.startswith("I;16"):
        deep = np.asarray(picture).astype(np.uint32)
        grey = ((deep + 128) // 257).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if picture.mode not in _EIGHT_BIT_MODES:
        text = f"has pixels of kind {picture.mode}, which are not read here; convert it to 8-bit RGB"
        raise RowError(Code.UNSUPPORTED_FORMAT, text)
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        return np.array(Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB"))
    return np.array(picture.convert("RGB"))


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undoes what an EXIF orientation (1 to 8) says was done to the picture."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
