"""Teeth, tongue and cavity for a mouth that opens further than its photograph shows.

The parts are those of synthetic people (`fexdata.synthetic.mouth`), set into the laid head and lit by what the
photograph tells of its light: how bright the whites of the eyes are, and the skin.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from fexdata.faces.mesh import vertex_normals
from fexdata.render.photo.geometry import stack
from fexdata.render.photo.raster import visible, weights
from fexdata.render.photo.scene import Part
from fexdata.render.warp import projected
from fexdata.render.warp_samples import sample_grid, to_samples
from fexdata.synthetic.mouth import mouth_parts
from fexdata.synthetic.traits import Traits
from fexdata.synthetic.warps.head import LaidHead

SCLERA, SKIN = 0.52, 0.33
"""Linear reflectance that the whites of the eyes, between shading lids, and skin are taken to have."""
GREYER = 0.35
"""Share of the photograph's tint that is taken for its light's; the rest is the person's own."""
DARKEST, LIGHTEST = 0.35, 1.6
"""Bounds of the light: irradiance relative to that which shows white as white."""
TOWARDS = np.array([0.15, -0.45, -0.88])
"""Where light in a mouth comes from: the front, a little above."""
AMBIENT = 0.45
LIPS = (13, 14)
CHEEKS = (50, 280, 205, 425, 101, 330)
WHITES = ((33, 133, 468), (263, 362, 473))
"""Corners of each eye and the middle of its iris."""
INTO_THE_DARK = np.array([25.0, 17.0, 17.0])
"""Millimetres behind the lips over which red, green and blue light fall to 1/e; flesh keeps red longest. What lies in
front of the lips is fully lit."""
SHEEN = 0.05
"""Wet surfaces send back that much of the light, whatever their colour."""


def light_of(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(3,) linear irradiance on the face, from a picture (H, W, 3) uint8 and its (478, 3) landmarks."""
    skin = np.median([_around(picture, landmarks[one, :2], 5) for one in CHEEKS], axis=0)
    whites = [_around(picture, (landmarks[corner, :2] + landmarks[iris, :2]) / 2, 1)
              for outer, inner, iris in WHITES for corner in (outer, inner)]  # fmt: skip
    # Lashes, lids and glasses darken; a sclera never looks much darker than the skin around it.
    brightest = max(whites, key=lambda colour: float(colour.mean()))
    white = brightest if float(brightest.mean()) > 0.7 * float(skin.mean()) else skin * SCLERA / SKIN
    level = float(np.sqrt(white.mean() / SCLERA * max(skin.mean() / SKIN, 1e-3)))
    tint = (white / max(float(white.mean()), 1e-4)) ** GREYER
    light: np.ndarray = np.clip(level, DARKEST, LIGHTEST) * tint
    return light


def draw_inside(head: LaidHead, vertices: np.ndarray, expression: np.ndarray, light: np.ndarray, traits: Traits,
                size: tuple[int, int]) -> np.ndarray:  # fmt: skip
    """What lies behind the lips of the head (V, 3) mm with coefficients (E,): (2 H, 2 W, 3) float32, 0 to 255,
    over a picture of size (width, height), as `fexdata.render.warp.warp` wants it.

    light: of `light_of`; traits: whose teeth."""
    parts = [_placed(part, head) for part in mouth_parts(head.model, head.neutral, vertices, expression, traits)]
    mesh = stack(parts, list(range(len(parts))))
    width, height = sample_grid(size)
    points = projected(mesh.vertices)
    ids = visible(points, mesh.triangles, (width, height))
    pixels = np.flatnonzero(ids >= 0).astype(np.int32)
    found = ids.reshape(-1)[pixels]
    corners = mesh.triangles[found]
    share = weights(points, mesh.triangles, pixels, found, width)
    normal = np.einsum("nk,nkd->nd", share, vertex_normals(mesh.vertices, mesh.triangles)[corners])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    facing = np.clip(normal @ (head.turn @ TOWARDS).astype(np.float32), 0, None)
    albedo = np.array([part.material.albedo.mean(axis=(0, 1)) for part in parts], np.float32)[mesh.part_of[found]]
    tint = np.einsum("nk,nkd->nd", share, mesh.tint[corners])
    shade = (AMBIENT + (1 - AMBIENT) * facing)[:, None]
    sheen = SHEEN * facing[:, None] ** 24 * tint
    lips = to_samples(head.placed(vertices[list(LIPS)].astype(np.float64)))[:, 2].mean()
    deep = np.clip(np.einsum("nk,nk->n", share, mesh.vertices[corners, 2]) - lips, 0, None)
    reached = np.exp(-deep[:, None] / (to_samples(np.ones(3))[2] * head.scale * INTO_THE_DARK))
    colour = np.zeros((height * width, 3), np.float32)
    colour[pixels] = 255 * _encoded((albedo * tint * shade + sheen) * reached * light)
    # A photograph's lens and sensor soften what is drawn with a ruler.
    return cv2.GaussianBlur(colour.reshape(height, width, 3), (0, 0), 1.1)


def _placed(part: Part, head: LaidHead) -> Part:
    return replace(part, vertices=to_samples(head.placed(part.vertices.astype(np.float64))).astype(np.float32))


def _around(picture: np.ndarray, point: np.ndarray, reach: int) -> np.ndarray:
    """(3,) linear mean colour of the square about a point."""
    height, width = picture.shape[:2]
    x = int(np.clip(np.rint(point[0]), reach, width - 1 - reach))
    y = int(np.clip(np.rint(point[1]), reach, height - 1 - reach))
    patch = picture[y - reach : y + reach + 1, x - reach : x + reach + 1].reshape(-1, 3) / 255.0
    mean: np.ndarray = _decoded(patch).mean(axis=0)
    return mean


def _decoded(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _encoded(linear: np.ndarray) -> np.ndarray:
    # A photograph's shoulder: highlights bend before they are white.
    bright = np.clip(linear, 0, None)
    bright = np.where(bright > 0.6, 0.6 + 0.4 * (1 - np.exp(-(bright - 0.6) / 0.4)), bright)
    return np.where(bright <= 0.0031308, 12.92 * bright, 1.055 * bright ** (1 / 2.4) - 0.055)
