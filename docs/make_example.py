"""Draws docs/example.jpg: what a build makes of one photograph.

The photograph is NASA's portrait of Eileen Collins (public domain; scikit-image's `astronaut`).
A folder with only that picture is built for real, and its one row is shown: the photograph with
the box, the crop with its 68 landmarks, depth, normals, mask. Run as `python docs/make_example.py`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data
from PIL import Image, ImageDraw, ImageFont

import fexdata
from fexdata.render.maps import decode_depth

SIDE, GAP, CAPTION = 256, 8, 24
PAPER, INK = (246, 247, 248), (28, 34, 40)
MASK = np.array([(32, 36, 42), (214, 178, 156), (86, 156, 214), (204, 84, 84), (250, 214, 80)], np.uint8)
"""Colours of none, skin, filled eye, filled mouth, interpolated."""
SCALE = 2
"""Marks are drawn at this many times the size and reduced, so that they are smooth."""


def build_row(photograph: np.ndarray) -> dict[str, Any]:
    """The one row of a dataset built, in a temporary folder, from the one photograph."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "photographs")
        source.mkdir()
        Image.fromarray(photograph).save(source / "astronaut.png")
        result = fexdata.build("photos", str(source), out=str(Path(folder, "dataset")), workers=1)
        return dict(fexdata.open(result.path).row(0))


def boxed(photograph: np.ndarray, box: np.ndarray) -> Image.Image:
    picture = Image.fromarray(photograph).resize((SIDE * SCALE, SIDE * SCALE), Image.Resampling.LANCZOS)
    left, top, width, height = np.asarray(box) * SIDE * SCALE / len(photograph)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((left, top, left + width, top + height), outline=(255, 214, 0), width=2 * SCALE)
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def dotted(crop: np.ndarray, points: np.ndarray) -> Image.Image:
    size = SIDE * SCALE
    picture = Image.fromarray(crop).resize((size, size), Image.Resampling.BICUBIC)
    draw, radius = ImageDraw.Draw(picture), 1.6 * SCALE
    for x, y in (points + 0.5) * size / len(crop) - 0.5:  # pixel centres lie at integers
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(0, 255, 170))
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def coloured(stored: np.ndarray) -> Image.Image:
    """Depth from far (dark) to near (light), on the scale of a loader: clip(depth / (crop / 2))."""
    depth = np.clip(decode_depth(stored) / (len(stored) / 2), -0.6, 0.6) / 1.2 + 0.5
    colours = cv2.applyColorMap((255 * np.nan_to_num(depth)).astype(np.uint8), cv2.COLORMAP_VIRIDIS)
    return Image.fromarray(np.where((stored > 0)[..., None], colours[..., ::-1], MASK[0]))


def main() -> None:
    """Five pictures side by side, each with its name."""
    photograph = skimage.data.astronaut()
    row = build_row(photograph)
    panels = {
        "photograph, box": boxed(photograph, row["box"]),
        "crop, 68 landmarks": dotted(row["image"], row["landmarks_68"]),
        "depth": coloured(row["depth"]),
        "normal": Image.fromarray(row["normal"]),
        "mask": Image.fromarray(MASK[row["mask"]]),
    }
    sheet = Image.new("RGB", (len(panels) * (SIDE + GAP) + GAP, SIDE + GAP + CAPTION), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for number, (name, picture) in enumerate(panels.items()):
        x = GAP + number * (SIDE + GAP)
        sheet.paste(picture, (x, GAP))
        draw.text((x + SIDE / 2, GAP + SIDE + CAPTION / 2), name, INK, font, anchor="mm")
    path = Path(__file__).with_name("example.jpg")
    sheet.save(path, quality=88, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
