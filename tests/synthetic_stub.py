"""A quick stand-in for the photographer: a real portrait, recoloured, with its own points for truth.

Rendering takes tenths of a second; what is tested with this is everything around it. MediaPipe
finds the faces, and the points are where they are. Like the real one it is a pure function of the
shot, and can be handed to other processes by name.
"""

from __future__ import annotations

import os
import time

import cv2
import numpy as np
from making import portraits

from fexdata.dataset.pictures import decode, encode_jpeg
from fexdata.faces.canonical import canonical_vertices
from fexdata.render.maps import encode_depth, encode_normal
from fexdata.synthetic import expressions
from fexdata.synthetic.plan import Shot, Taken

NAMES = ("AU12_left", "AU12_right", "AU26")
IDENTITY = ("symmetric_0", "asymmetric_0")


def take(shot: Shot) -> Taken:
    """The portrait that the person's seed chooses, its face box over the middle 60 % of the picture."""
    time.sleep(float(os.environ.get("FEXDATA_STUB_SECONDS", "0")))
    source = portraits()[shot.person % len(portraits())]
    width, height = shot.size
    left, top, wide, tall = source.box
    scale = 0.6 * min(width / wide, height / tall)
    shift = np.array([width - 1, height - 1]) / 2 - scale * np.array([left + wide / 2, top + tall / 2])
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    pixels = cv2.warpAffine(source.pixels, matrix, (width, height), flags=cv2.INTER_AREA)
    tint = np.random.default_rng(shot.seed).uniform(0.85, 1.0, 3) - 0.02 * len(shot.expression.units)
    picture = np.clip(pixels[..., ::-1] * tint, 0, 255).astype(np.uint8)
    jpeg = encode_jpeg(picture, 90)
    points = (source.points * scale + shift).astype(np.float32)
    return Taken(decode(jpeg), _truth(shot, points), jpeg)


def die(shot: Shot) -> Taken:
    """What a photographer out of memory does."""
    os._exit(9)


def _truth(shot: Shot, points: np.ndarray) -> dict[str, object]:
    width, height = shot.size
    rng = np.random.default_rng(shot.person)
    vertices = canonical_vertices() * 10 + np.array([0, 0, 600])
    low, high = points.min(axis=0), points.max(axis=0)
    canonical = canonical_vertices()[:, :2]
    spread = (canonical - canonical.min(axis=0)) / np.ptp(canonical, axis=0) * (high - low) + low
    depth = np.full((height, width), np.nan, np.float32)
    depth[height // 4 : height // 2] = 1.5
    return {
        "vertices": vertices,
        "depth": encode_depth(depth),
        "normal": encode_normal(np.zeros((height, width, 3), np.float32)),
        "mask": np.isfinite(depth).astype(np.uint8),
        "landmarks_478": np.pad(spread, ((0, 10), (0, 1)), mode="edge"),
        "landmarks_68": points,
        "expression_params": expressions.coefficients(shot.expression, NAMES),
        "expression_names": NAMES,
        "identity_params": rng.standard_normal(2),
        "identity_names": IDENTITY,
        "basis_id": "stub",
        "au": expressions.intensities(shot.expression),
        "yaw": shot.yaw,
        "pitch": shot.pitch,
        "roll": shot.roll,
        "camera": (1000.0, (width - 1) / 2, (height - 1) / 2),
        "light": '{"kind": "stub"}',
        "box": np.concatenate([low, high - low]),
    }
