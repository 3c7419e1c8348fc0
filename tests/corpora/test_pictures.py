from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import HEIC, bad_files, huge_jpeg, png_file, real_photographs
from PIL import Image, ImageFile

from fexdata.corpora.pictures import MAX_PIXELS, read_picture
from fexdata.errors import Code, RowError
from fexdata.storage import read_photograph

SIZE = (96, 64)
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a picture lies in a file whose EXIF orientation says so; Pillow turns against the clock."""
FORMATS = {
    "JPEG": {"quality": 95},
    "progressive": {"quality": 95, "progressive": True},
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {"compression": "tiff_lzw"},
    "BMP": {},
    "GIF": {},
    "JPEG2000": {},
}


def _gradient() -> Image.Image:
    """Smooth, and different in each corner."""
    x, y = np.meshgrid(np.linspace(0, 255, SIZE[0]), np.linspace(0, 255, SIZE[1]))
    return Image.fromarray(np.dstack((x, y, 255 - (x + y) / 2)).astype(np.uint8))


def _encoded(picture: Image.Image, kind: str = "JPEG", **more: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG" if kind == "progressive" else kind, **{**FORMATS.get(kind, {}), **more})
    return file.getvalue()


def _code(data: bytes, **more: int) -> Code:
    with pytest.raises(RowError) as caught:
        read_picture(data, **more)
    assert caught.value.message and "\n" not in caught.value.message
    return caught.value.code


def _difference(pixels: np.ndarray, picture: Image.Image) -> int:
    expected = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.dtype == np.uint8 and pixels.shape == expected.shape
    return int(abs(pixels - expected).max())


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_its_pixels_in_rgb(kind: str) -> None:
    limit = {"GIF": 60, "JPEG": 8, "progressive": 8}.get(kind, 0)
    assert _difference(read_picture(_encoded(_gradient(), kind)), _gradient()) <= limit


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_is_undone_once(orientation: int, kind: str) -> None:
    turn = STORED[orientation]
    stored = _gradient() if turn is None else _gradient().transpose(turn)
    exif = Image.Exif()
    exif[274] = orientation
    assert _difference(read_picture(_encoded(stored, kind, exif=exif)), _gradient()) <= 8


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_is_read_in_both_byte_orders(order: str) -> None:
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, 2)
    entries = struct.pack(order + "HHII", 271, 2, 4, 0) + struct.pack(order + "HHIHH", 274, 3, 1, 6, 0)
    exif = b"Exif\0\0" + head + entries + bytes(4)
    stored = _gradient().transpose(Image.Transpose.ROTATE_90)
    assert _difference(read_picture(_encoded(stored, exif=exif)), _gradient()) <= 8


@pytest.mark.parametrize("exif", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"rubbish" * 9])
def test_senseless_exif_leaves_the_picture_as_it_is(exif: bytes) -> None:
    segment = b"Exif\0\0" + exif
    jpeg = _encoded(_gradient())
    data = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]
    assert _difference(read_picture(data), _gradient()) <= 8


def test_grey_jpeg_has_three_equal_channels() -> None:
    pixels = read_picture(_encoded(_gradient().convert("L")))
    assert _difference(pixels, _gradient().convert("L")) <= 8
    assert (pixels == pixels[..., :1]).all()


def test_rgb_jpeg_without_colour_transform_keeps_its_colours() -> None:
    assert _difference(read_picture(_encoded(_gradient(), keep_rgb=True)), _gradient()) <= 8


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_not_a_negative(kind: str) -> None:
    # Pillow writes CMYK into JPEG inverted, with Adobe's marker, and into TIFF as it is.
    picture = _gradient().convert("CMYK")
    assert _difference(read_picture(_encoded(picture, kind)), picture) <= 12


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_whole_range(kind: str) -> None:
    ramp = np.tile(np.linspace(0, 65535, 512).astype(np.uint16), (4, 1))
    pixels = read_picture(_encoded(Image.fromarray(ramp), kind))
    assert (pixels[0, :, 1] == np.round(ramp[0] / 257)).all()
    assert pixels.shape == (4, 512, 3)


def test_16_bit_colour_png_keeps_its_whole_range() -> None:
    ramp = np.dstack([np.tile(np.linspace(0, 65535, 512), (4, 1)).astype(np.uint16) // k for k in (1, 2, 4)])
    pixels = read_picture(cv2.imencode(".png", np.ascontiguousarray(ramp[..., ::-1]))[1].tobytes())
    assert abs(pixels - ramp / 257).max() <= 1


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("RGBA", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("RGBA", "GIF"), ("LA", "TIFF"), ("RGBA", "TIFF"), ("RGBA", "WEBP")],
)
def test_transparent_parts_show_white(mode: str, kind: str) -> None:
    picture = Image.new("RGBA", SIZE, (0, 0, 0, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 48, 64))
    picture = picture.quantize(4) if mode == "P" else picture.convert(mode)
    pixels = read_picture(_encoded(picture, kind))
    assert (pixels[:, :48] == 255).all() and (pixels[:, 48:] == 0).all()


def test_half_transparent_grey_is_mixed_with_white() -> None:
    pixels = read_picture(_encoded(Image.new("RGBA", SIZE, (100, 50, 0, 128)), "WEBP"))
    assert abs(pixels[0, 0].astype(int) - (177, 152, 127)).max() <= 1


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_picture_of_several_is_read(kind: str) -> None:
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "lime", "blue")]
    more: dict[str, object] = {"save_all": True, "append_images": frames[1:]}
    assert (read_picture(_encoded(frames[0], kind, **more)) == (255, 0, 0)).all()


def test_format_is_decided_by_content_and_bytes_after_the_end_are_fine() -> None:
    for data in (_encoded(_gradient()), _encoded(_gradient(), "progressive")):
        whole = read_picture(data)
        for tail in (b"\0", bytes(3000), b"appended by a camera", data):
            assert (read_picture(data + tail) == whole).all()


def test_end_marker_of_an_embedded_thumbnail_does_not_hide_a_cut() -> None:
    jpeg = _encoded(_gradient())
    thumbnail = b"Exif\0\0" + jpeg
    data = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + jpeg[2:]
    assert (read_picture(data) == read_picture(jpeg)).all()
    for length in range(len(thumbnail) + 6, len(data), 50):
        assert _code(data[:length]) is Code.DECODE_ERROR


def test_picture_that_ends_in_mid_grey_is_read() -> None:
    picture = _gradient()
    picture.paste((128, 128, 128), (48, 32, 96, 64))
    pixels = read_picture(_encoded(picture, subsampling=0, quality=100))
    assert (pixels[-8:, -8:] == 128).all()


@pytest.mark.parametrize("kind", FORMATS)
def test_cut_file_is_never_a_partial_picture(kind: str) -> None:
    data = _encoded(_gradient(), kind)
    whole = read_picture(data)
    for length in range(0, len(data), 1 if len(data) < 2000 else 41):
        try:
            pixels = read_picture(data[:length])
        except RowError as error:
            assert error.code in (Code.DECODE_ERROR, Code.EMPTY_FILE, Code.NOT_AN_IMAGE)
        else:
            assert kind in ("PNG", "GIF"), "only what follows the last pixel may be missing"
            assert (pixels == whole).all()


@pytest.mark.parametrize("kind", FORMATS)
@given(at=st.floats(0, 1, exclude_max=True), junk=st.binary(min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_damaged_file_gives_pixels_or_a_row_error(kind: str, at: float, junk: bytes) -> None:
    data = bytearray(_encoded(_gradient(), kind))
    start = int(at * len(data))
    data[start : start + len(junk)] = junk
    try:
        assert read_picture(bytes(data)).dtype == np.uint8
    except RowError as error:
        assert error.message


@pytest.mark.parametrize(
    "data",
    [
        huge_jpeg(),
        png_file(30_000, 30_000, b"\0"),
        _encoded(Image.new("L", (4, 4)), "GIF").replace(struct.pack("<HH", 4, 4), struct.pack("<HH", 30_000, 30_000)),
        _encoded(Image.new("L", (4, 4)), "BMP").replace(struct.pack("<II", 4, 4), struct.pack("<II", 30_000, 30_000)),
        b"RIFF\x24\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + b"\xff\xff\x0f" * 2 + bytes(20),
        b"RIFF\x24\0\0\0WEBPVP8L\x0a\0\0\0\x2f" + struct.pack("<I", 0x0FFFFFFF) + bytes(20),
    ],
    ids=["jpeg", "png", "gif", "bmp", "webp", "lossless webp"],
)
def test_huge_picture_is_refused_without_being_decoded(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(cv2, "imdecode", refuse)
    monkeypatch.setattr(ImageFile.ImageFile, "load", refuse)
    assert _code(data) is Code.TOO_LARGE


def test_the_limit_is_named_and_can_be_set() -> None:
    data = _encoded(_gradient())
    assert read_picture(data, max_pixels=96 * 64).shape == (64, 96, 3)
    with pytest.raises(RowError, match=r"96 x 64 pixels; the limit is 0\.006143 megapixels"):
        read_picture(data, max_pixels=96 * 64 - 1)
    with pytest.raises(RowError, match=f"limit is {MAX_PIXELS // 10**6} megapixels"):
        read_picture(huge_jpeg())


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "WEBP"])
def test_picture_over_pillows_own_limit_is_read_without_a_warning(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 96 * 64 - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_picture(_encoded(_gradient(), kind)).shape == (64, 96, 3)


def test_what_pillow_finds_too_large_on_the_way_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 96 * 64 // 4)
    assert _code(_encoded(_gradient(), "TIFF")) is Code.TOO_LARGE


def test_oddities_that_do_not_hurt_bring_no_warning() -> None:
    plain = png_file(4, 4, bytes(20))
    no_animation = struct.pack(">I4sII", 8, b"acTL", 0, 0)
    data = plain[:33] + no_animation + struct.pack(">I", zlib.crc32(no_animation[4:])) + plain[33:]
    with pytest.warns(UserWarning, match="Invalid APNG"):
        Image.open(io.BytesIO(data))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (read_picture(data) == 0).all()


@pytest.mark.parametrize(
    ("data", "code", "word"),
    [
        (b"", Code.EMPTY_FILE, "empty"),
        (b"just words", Code.NOT_AN_IMAGE, "no picture format"),
        (b"\n<!DOCTYPE HTML><p>404", Code.NOT_AN_IMAGE, "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", Code.NOT_AN_IMAGE, "git lfs pull"),
        (bytes(5000), Code.NOT_AN_IMAGE, "zero bytes"),
        (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(99), Code.NOT_AN_IMAGE, "film"),
        (HEIC, Code.UNSUPPORTED_FORMAT, "HEIC.*heif-convert"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif" + bytes(99), Code.UNSUPPORTED_FORMAT, "AVIF.*convert it"),
        (b"8BPS\0\1" + bytes(99), Code.UNSUPPORTED_FORMAT, "Photoshop"),
        (png_file(0, 0, b""), Code.DECODE_ERROR, "0 x 0"),
        (b"\xff\xd8\xff", Code.DECODE_ERROR, "before its picture data"),
        (b"\xff\xd8\xff\xd9", Code.DECODE_ERROR, "before its picture data"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, code: Code, word: str) -> None:
    with pytest.raises(RowError, match=word) as caught:
        read_picture(data)
    assert caught.value.code is code


def test_12_bit_and_float_pictures_say_what_to_do() -> None:
    deep = bytearray(_encoded(_gradient()))
    deep[deep.index(b"\xff\xc0") + 4] = 12
    assert _code(bytes(deep)) is Code.UNSUPPORTED_FORMAT
    assert _code(_encoded(Image.new("F", (4, 4)), "TIFF")) is Code.UNSUPPORTED_FORMAT


def test_every_bad_file_ends_with_its_code(tmp_path: Path) -> None:
    codes: dict[bytes, Code | None] = {}
    expected = bad_files(tmp_path)
    for key in expected:
        codes[key] = None
        try:
            read_picture(read_photograph(f"{tmp_path}/{key.decode('utf-8', 'surrogateescape')}"))
        except RowError as error:
            codes[key] = error.code
    assert codes == expected


def test_real_photographs_are_read_as_pillow_reads_them() -> None:
    photographs = {name: path for name, path in real_photographs().items() if path.suffix == ".jpg"}
    assert len(photographs) >= 6
    for path in photographs.values():
        assert _difference(read_picture(path.read_bytes()), Image.open(path)) <= 2
