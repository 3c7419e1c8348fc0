"""Draws docs/angles.png: what positive and negative yaw, pitch and roll look like.

MediaPipe's canonical face, turned by `fexdata.faces.pose.rotation` and shaded from its own
normals, so the picture follows the code. Run as `python docs/make_angles.py`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fexdata.faces.canonical import canonical_vertices
from fexdata.faces.mesh import vertex_normals
from fexdata.faces.pose import rotation
from fexdata.faces.topology import coarse_478
from fexdata.render.rasterize import rasterize

DEGREES = (-30, 0, 30)
WORDS = {
    "yaw": ("nose to the right", "nose to the left"),
    "pitch": ("nose up", "nose down"),
    "roll": ("leans anticlockwise", "leans clockwise"),
}
"""Angle -> what the negative and the positive one mean, as seen in the picture."""

SIDE, CAPTION = 170, 34
PAPER, INK, QUIET = (246, 247, 248), (28, 34, 40), (92, 102, 112)
"""An opaque light ground with dark text can be read on a white page and on a dark one."""
SKIN = np.array([214, 178, 156])
LIGHT = np.array([-0.45, 0.5, 0.74]) / np.linalg.norm([-0.45, 0.5, 0.74])
"""Towards the lamp, in the frame of normal maps: x right, y up, z to the viewer."""


def face(yaw: float, pitch: float, roll: float) -> Image.Image:
    """The turned face on paper, SIDE pixels square; drawn at thrice the size and reduced."""
    size = 3 * SIDE
    vertices = canonical_vertices().astype(np.float64)
    vertices -= (vertices.max(axis=0) + vertices.min(axis=0)) / 2
    turned = vertices @ rotation(yaw, pitch, roll).T * (0.78 * size / np.ptp(vertices[:, 1]))
    turned[:, :2] += (size - 1) / 2
    mesh = coarse_478()
    maps = rasterize(turned, vertex_normals(turned, mesh.triangles), mesh.triangles, mesh.labels, size=size)
    shade = 0.35 + 0.7 * np.clip(maps.normal @ LIGHT, 0, None)
    colour = np.where((maps.label > 0)[..., None], np.clip(shade[..., None] * SKIN, 0, 255), PAPER)
    return Image.fromarray(colour.astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BOX)


def main() -> None:
    """Three rows, one per angle; three columns, -30, 0 and 30 degrees."""
    sheet = Image.new("RGB", (len(DEGREES) * SIDE, len(WORDS) * (SIDE + CAPTION) + 8), PAPER)
    draw = ImageDraw.Draw(sheet)
    bold, small = ImageFont.load_default(15), ImageFont.load_default(12)
    for row, (name, (negative, positive)) in enumerate(WORDS.items()):
        for column, degrees in enumerate(DEGREES):
            x, y = column * SIDE, row * (SIDE + CAPTION)
            angles = {angle: 0.0 for angle in WORDS} | {name: float(degrees)}
            sheet.paste(face(**angles), (x, y))
            sign = "+" if degrees > 0 else ""
            draw.text((x + SIDE / 2, y + SIDE + 4), f"{name} {sign}{degrees}\N{DEGREE SIGN}", INK, bold, anchor="mm")
            words = "" if degrees == 0 else negative if degrees < 0 else positive
            draw.text((x + SIDE / 2, y + SIDE + 20), words, QUIET, small, anchor="mm")
    path = Path(__file__).with_name("angles.png")
    sheet.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
