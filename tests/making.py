"""Photographs for tests, made from a few real ones: whole corpora in their own layouts, and bad files.

Where the faces of the six portraits are was measured once and is kept in `portraits.json`: the face
box, and 68 landmarks in the usual order, in pixels.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import struct
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fexdata.corpora.base import EXPRESSIONS
from fexdata.corpora.rafd import EXPRESSIONS as RAFD_WORDS
from fexdata.errors import Code

HERE = Path(__file__).parent
MARGIN = 0.12
"""Least distance between a face box and the edge of a variant, as a share of the box."""
FLIPPED_68 = [
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1),
]  # fmt: skip
"""Where each of the 68 landmarks comes from when the picture is mirrored."""


@functools.cache
def real_photographs() -> dict[str, Path]:
    """Real photographs by file name: portraits, a group, a tiny face, a covered face, no face."""
    spec = importlib.util.find_spec("feat")  # found, not imported: importing it takes seconds
    assert spec is not None and spec.origin is not None
    data = Path(spec.origin).parent / "tests" / "data"
    photographs = {path.name: path for path in sorted(data.iterdir()) if path.suffix in (".jpg", ".png")}
    return {**photographs, "astronaut.png": _astronaut()}


def _astronaut() -> Path:
    path = Path(tempfile.gettempdir()) / f"fexdata-tests-{os.getuid()}" / "astronaut.png"
    if not path.exists():
        import skimage.data

        path.parent.mkdir(exist_ok=True)
        part = path.with_name(f"{os.getpid()}-{path.name}")
        cv2.imwrite(str(part), cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR))
        part.replace(path)
    return path


@dataclass(frozen=True)
class Portrait:
    """A real portrait and where its one annotated face is."""

    name: str
    pixels: np.ndarray
    """(H, W, 3) uint8, BGR."""
    box: tuple[float, float, float, float]
    points: np.ndarray
    """(68, 2) float64, pixels."""


@functools.cache
def portraits() -> tuple[Portrait, ...]:
    known: dict[str, dict[str, Any]] = json.loads((HERE / "portraits.json").read_text())
    return tuple(
        Portrait(
            name,
            cv2.imread(str(real_photographs()[name])),
            tuple(map(float, face["box"])),  # type: ignore[arg-type]
            np.array(face["points"], float).reshape(68, 2),
        )
        for name, face in known.items()
    )


@dataclass(frozen=True)
class Made:
    """One photograph of a made corpus, and the truth about it.

    `key` is its path below the corpus; the labels are those its corpus should report.
    """

    path: Path
    portrait: str
    box: tuple[float, float, float, float]
    points: np.ndarray
    key: bytes = b""
    expression: str | None = None
    split: str | None = None
    subject: str | None = None


def variant(
    path: Path, rng: np.random.Generator, *, portrait: int | None = None, size: int | tuple[int, int] = (640, 1024)
) -> Made:
    """Writes one JPEG: a crop of a portrait around its whole face, scaled so that the longer side
    has `size` pixels (or between the two), another exposure, perhaps mirrored."""
    known = portraits()
    source = known[int(rng.integers(len(known))) if portrait is None else portrait % len(known)]
    left, top, right, bottom = _crop(source, rng)
    longer = size if isinstance(size, int) else int(rng.integers(size[0], size[1] + 1))
    scale = longer / max(right - left, bottom - top)
    pixels = source.pixels[top:bottom, left:right]
    width, height = round((right - left) * scale), round((bottom - top) * scale)
    pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR if scale >= 1 else cv2.INTER_AREA)
    scale_xy = np.array([width / (right - left), height / (bottom - top)])
    points = (source.points - (left, top) + 0.5) * scale_xy - 0.5
    corner = (np.array(source.box[:2]) - (left, top) + 0.5) * scale_xy - 0.5
    extent = np.array(source.box[2:]) * scale_xy
    gain, gamma = rng.uniform(0.8, 1.2), rng.uniform(0.8, 1.25)
    curve = np.clip(255 * gain * (np.arange(256) / 255) ** gamma, 0, 255).astype(np.uint8)
    pixels = cv2.LUT(pixels, curve)
    if rng.random() < 0.5:
        pixels = cv2.flip(pixels, 1)
        points = points[FLIPPED_68] * (-1, 1) + (width - 1, 0)
        corner[0] = width - 1 - corner[0] - extent[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes())
    box = (float(corner[0]), float(corner[1]), float(extent[0]), float(extent[1]))
    return Made(path, source.name, box, points.astype(np.float32))


def _crop(source: Portrait, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """left, top, right, bottom of a random crop that keeps the face box with a margin around it,
    and is at most five face boxes wide, so that the face stays findable."""
    height, width = source.pixels.shape[:2]
    x, y, w, h = source.box
    edges = []
    for low, extent, limit in ((x, w, width), (y, h, height)):
        inner = max(0.0, low - MARGIN * extent), min(float(limit), low + (1 + MARGIN) * extent)
        outer = max(0.0, low - 2 * extent), min(float(limit), low + 3 * extent)
        edges.append((round(rng.uniform(outer[0], inner[0])), round(rng.uniform(inner[1], outer[1]))))
    (left, right), (top, bottom) = edges
    return left, top, right, bottom


def variants(
    count: int, seed: int, folder: str | os.PathLike[str], *, size: int | tuple[int, int] = (640, 1024)
) -> list[Made]:
    """`count` photographs `00000.jpg` ... in a folder, all different, one whole face in each."""
    root = Path(folder)
    made = []
    for number in range(count):
        name = f"{number:05d}.jpg"
        one = variant(root / name, np.random.default_rng([seed, number]), portrait=number, size=size)
        made.append(replace(one, key=name.encode()))
    return made


def make_folder(path: str | os.PathLike[str], count: int, seed: int, **settings: Any) -> list[Made]:
    """A folder of photographs without labels, a third of them in a subfolder."""
    root = Path(path)
    made = variants(count, seed, root, **settings)
    for number, one in enumerate(made):
        if number % 3 == 2:
            key = f"more/{one.path.name}"
            (root / "more").mkdir(exist_ok=True)
            made[number] = replace(one, path=one.path.rename(root / key), key=key.encode())
    return made


def make_affectnet_2017(
    path: str | os.PathLike[str], count: int, seed: int, *, header: bool = True, **settings: Any
) -> list[Made]:
    """AffectNet's first layout with `count` labelled photographs, every fifth for validation, the
    eight expressions in turn; and, on top, one listed photograph for each of the labels 8 to 10."""
    root = Path(path)
    columns = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
    lists: dict[str, list[str]] = {name: [columns] * header for name in ("training.csv", "validation.csv")}
    truth = []
    for number in range(count + 3):
        label = number % 8 if number < count else 8 + number - count
        validation = number % 5 == 4
        name = f"{number % 4 + 1}/{seed:08x}{number:048x}.jpg"
        rng = np.random.default_rng([seed, number])
        one = variant(root / "Manually_Annotated_Images" / name, rng, portrait=number, **settings)
        landmarks = ";".join(f"{value:.2f}" for value in one.points.ravel())
        feeling = "-2,-2" if label > 7 else f"{rng.uniform(-1, 1):.6f},{rng.uniform(-1, 1):.6f}"
        box = ",".join(str(round(value)) for value in one.box)
        row = f"{name},{box},{landmarks},{label},{feeling}"
        lists["validation.csv" if validation else "training.csv"].append(row)
        if label < 8:
            split = "val" if validation else "train"
            key = f"Manually_Annotated_Images/{name}".encode()
            truth.append(replace(one, key=key, expression=EXPRESSIONS[label], split=split))
    for list_name, rows in lists.items():
        (root / list_name).write_text("\n".join(rows) + "\n")
    return truth


def make_affectnet_2021(path: str | os.PathLike[str], count: int, seed: int) -> list[Made]:
    """AffectNet's second layout: square 224 x 224 pictures, scalars stored as strings in .npy files."""
    root = Path(path)
    truth = []
    for number in range(count):
        folder, split = ("val_set", "val") if number % 5 == 4 else ("train_set", "train")
        rng = np.random.default_rng([seed, number])
        one = _square(variant(root / folder / "images" / f"{number}.jpg", rng, portrait=number), 224)
        annotations = root / folder / "annotations"
        annotations.mkdir(exist_ok=True)
        scalars = {"exp": number % 8, "val": f"{rng.uniform(-1, 1):.4f}", "aro": f"{rng.uniform(-1, 1):.4f}"}
        for name, value in scalars.items():
            np.save(annotations / f"{number}_{name}.npy", np.array(str(value)))
        np.save(annotations / f"{number}_lnd.npy", one.points.astype(np.float64).ravel())
        key = f"{folder}/images/{number}.jpg".encode()
        truth.append(replace(one, key=key, expression=EXPRESSIONS[number % 8], split=split))
    return truth


def _square(one: Made, side: int) -> Made:
    """Cuts the square around the face, as the corpus's makers did, and scales it to `side`."""
    pixels = cv2.imread(str(one.path))
    x, y, w, h = one.box
    half = 0.6 * max(w, h)
    scale = side / (2 * half)
    matrix = np.array([[scale, 0, -(x + w / 2 - half) * scale], [0, scale, -(y + h / 2 - half) * scale]])
    pixels = cv2.warpAffine(pixels, matrix, (side, side), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    cv2.imwrite(str(one.path), pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])
    points = (one.points * scale + matrix[:, 2]).astype(np.float32)
    left, top = np.array(one.box[:2]) * scale + matrix[:, 2]
    return replace(one, points=points, box=(float(left), float(top), w * scale, h * scale))


def make_rafd(
    path: str | os.PathLike[str],
    people: int,
    *,
    seed: int = 0,
    cameras: Sequence[str] = ("090",),
    words: Sequence[str] = tuple(RAFD_WORDS),
    gazes: Sequence[str] = ("frontal",),
    **settings: Any,
) -> list[Made]:
    """RaFD's layout: every named expression, camera and gaze of the first `people` models. A model
    keeps one real person's face whatever the name of the file says it shows."""
    root = Path(path)
    models = [number for number in range(1, 74) if number not in (6, 13, 17, 34, 62, 66)]
    truth = []
    for model in models[:people]:
        for number, (camera, word, gaze) in enumerate((c, w, g) for c in cameras for w in words for g in gazes):
            name = f"Rafd{camera}_{model:02d}_Caucasian_{'female' if model % 2 else 'male'}_{word}_{gaze}.jpg"
            one = variant(root / name, np.random.default_rng([seed, model, number]), portrait=model, **settings)
            truth.append(replace(one, key=name.encode(), expression=RAFD_WORDS[word], subject=f"{model:02d}"))
    return truth


def bad_files(folder: str | os.PathLike[str]) -> dict[bytes, Code | None]:
    """Writes one of every bad input into a folder, and says by file name which code it should end
    with; None for those that look bad and are fine."""
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    portrait = cv2.imread(str(real_photographs()["single_face.jpg"]))
    jpeg = cv2.imencode(".jpg", portrait)[1].tobytes()
    png = cv2.imencode(".png", portrait)[1].tobytes()
    contents: dict[bytes, tuple[bytes, Code | None]] = {
        b"truncated.jpg": (jpeg[: len(jpeg) // 2], Code.DECODE_ERROR),
        b"truncated-but-ended.jpg": (jpeg[: len(jpeg) // 2] + b"\xff\xd9", Code.DECODE_ERROR),
        b"truncated.png": (png[: len(png) // 2], Code.DECODE_ERROR),
        b"empty.jpg": (b"", Code.EMPTY_FILE),
        b"text.jpg": (b"Lorem ipsum dolor sit amet.\n" * 20, Code.NOT_AN_IMAGE),
        b"png.jpg": (png, None),
        b"appended.jpg": (jpeg + bytes(1000), None),
        b"no-pixels.png": (png_file(0, 0, b""), Code.DECODE_ERROR),
        b"huge-header.jpg": (huge_jpeg(), Code.TOO_LARGE),
        b"huge-header.png": (png_file(30_000, 30_000, b"\0"), Code.TOO_LARGE),
        b"bomb.png": (png_file(20_000, 20_000, bytes(20_000 * 2501), depth=1), Code.TOO_LARGE),
        b"heic.jpg": (HEIC, Code.UNSUPPORTED_FORMAT),
        b"not-utf-8-\xff\xe9.jpg": (jpeg, None),
    }
    for name, (data, _) in contents.items():
        Path(os.fsdecode(os.path.join(os.fsencode(root), name))).write_bytes(data)
    (root / "folder.jpg").mkdir()
    (root / "dangling.jpg").symlink_to(root / "nowhere")
    codes = {name: code for name, (_, code) in contents.items()}
    return {**codes, b"folder.jpg": Code.NOT_A_FILE, b"dangling.jpg": Code.MISSING}


HEIC = struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"heic", 0, b"mif1", b"heic") + bytes(200)


def png_file(width: int, height: int, rows: bytes, *, depth: int = 8) -> bytes:
    """A grey PNG whose header says `width` x `height`, whatever `rows` hold."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def huge_jpeg() -> bytes:
    """A small JPEG whose frame header says 30,000 x 30,000."""
    jpeg = cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes()
    frame = jpeg.index(b"\xff\xc0")
    return jpeg[: frame + 5] + struct.pack(">HH", 30_000, 30_000) + jpeg[frame + 9 :]
