"""The picture on an eyeball: pupil, iris with its fibres, limbus, white with its veins.

The map is seen along the gaze: the pupil in the middle, the iris out to `IRIS_SHARE` of the map's
half width, from there the white to the back of the ball.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np

from fexdata.render.photo.scene import Material
from fexdata.synthetic.traits import Traits

SIZE = 288
IRIS_SHARE = 0.45
IRIS_DIAMETER = 11.7
"""Millimetres."""

WHITE = np.array([0.70, 0.635, 0.59])
"""Linear reflectance of the sclera; it is never as white as paper."""

WET = Material(
    kind="eye",
    albedo=np.ones((1, 1, 3), np.float32),
    roughness=np.full((1, 1), 0.22, np.float32),
    specular=0.025,
)
"""Moist tissue, coloured by its vertices."""


@functools.lru_cache(maxsize=16)
def eye_material(traits: Traits, side: int) -> Material:
    """The surface of one eyeball; `side` is -1 for the picture's left."""
    rng = np.random.default_rng([traits.seed, 1 if side < 0 else 2, *b"eye"])
    y, x = (np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) + 0.5) / SIZE * 2 - 1
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    iris_radius = radius / IRIS_SHARE
    iris = _iris(rng, traits, iris_radius, angle)
    white = _white(rng, traits, radius, x)
    # The limbus: the white runs over the iris's edge within a millimetre.
    edge = ((iris_radius - 0.93) / 0.13).clip(0, 1)[..., None]
    edge = edge * edge * (3 - 2 * edge)
    albedo = iris * (1 - edge) + white * edge * (1 - 0.4 * np.exp(-(((iris_radius - 1.03) / 0.09) ** 2)))[..., None]
    roughness = np.where(iris_radius < 1, 0.6, 0.3).astype(np.float32)
    bumps = cv2.GaussianBlur(rng.standard_normal((SIZE, SIZE), np.float32), (0, 0), 5) * 0.25
    height = bumps * (iris_radius > 1.05)
    return Material(
        kind="eye",
        albedo=np.ascontiguousarray(albedo, np.float32),
        roughness=roughness,
        height=height.astype(np.float32),
        specular=0.02,
    )


def _polar_noise(rng: np.random.Generator, rays: int, rings: int, radius: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Smooth noise with `rays` bumps round the middle and `rings` from there to the iris's edge."""
    table = rng.standard_normal((rings + 1, rays), np.float32)
    u = ((angle / (2 * np.pi)) % 1 * rays).astype(np.float32)
    v = (radius.clip(0, 1) * (rings - 1)).astype(np.float32)
    padded = np.concatenate([table, table[:, :2]], axis=1)
    return cv2.remap(padded, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _iris(rng: np.random.Generator, traits: Traits, radius: np.ndarray, angle: np.ndarray) -> np.ndarray:
    # Seen through the cornea under a lid, an iris is darker and greyer than its pigment.
    colour = np.array(traits.iris_colour)
    colour = 0.75 * (0.55 * colour + 0.45 * colour.mean())
    wobble = 0.03 * _polar_noise(rng, 9, 2, radius, angle)
    pupil = traits.pupil / IRIS_DIAMETER
    # Fibres run outwards: noise of many rays and few rings, finer towards the pupil.
    fibres = 0.5 * _polar_noise(rng, 55, 5, radius + wobble, angle) + 0.5 * _polar_noise(rng, 120, 7, radius, angle)
    crypts = _polar_noise(rng, 17, 5, radius + wobble, angle)
    light = np.exp((0.34 * fibres + 0.22 * crypts - 0.05).clip(-0.9, 0.55))
    collar = pupil + 0.36 * (1 - pupil) + 2 * wobble
    ring = np.exp(-(((radius - collar) / 0.06) ** 2))
    within = ((collar - radius) / 0.06).clip(0, 1)
    light *= 1 + 0.25 * ring
    # Around the pupil brown pigment often shows, whatever the colour further out.
    amber = np.array([0.16, 0.075, 0.025])
    share = rng.uniform(0.15, 0.75) if traits.eye_colour in ("hazel", "green") else rng.uniform(0.0, 0.35)
    base = colour + (amber - colour) * (share * within)[..., None]
    limbal = 1 - 0.68 * ((radius - 0.78) / 0.2).clip(0, 1) ** 1.3
    dark = ((radius - pupil * (1 + wobble)) / 0.05).clip(0, 1)
    return base * (light * limbal * dark)[..., None] + 0.004


def _white(rng: np.random.Generator, traits: Traits, radius: np.ndarray, x: np.ndarray) -> np.ndarray:
    colour = WHITE * (1 - 0.2 * traits.tone * np.array([0.85, 1.0, 1.1]))
    age = (traits.age - 18) / 57
    colour = colour * (1 - age * np.array([0.02, 0.06, 0.14]))
    white = np.broadcast_to(colour, (*radius.shape, 3)).copy()
    mottled = cv2.resize(rng.standard_normal((14, 14), np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    white *= (1 + 0.03 * mottled)[..., None]
    corners = (((radius - IRIS_SHARE) / (1 - IRIS_SHARE)).clip(0, 1) * np.abs(x / (radius + 1e-3)) ** 2)[..., None]
    flesh = np.array([0.40, 0.21, 0.17])
    white += (flesh - white) * (0.15 + 0.4 * traits.eye_redness) * corners**1.4
    veins = _veins(rng, traits)[..., None]
    return white * (1 - veins * np.array([0.25, 0.68, 0.72]))


def _veins(rng: np.random.Generator, traits: Traits) -> np.ndarray:
    """Strength (SIZE, SIZE) of red vessels: thin, forking lines from the corners towards the iris."""
    drawn = np.zeros((SIZE, SIZE), np.float32)
    count = int(12 + 34 * traits.eye_redness)
    for _ in range(count):
        side = rng.choice([0.0, np.pi])
        angle = side + rng.normal(0, 0.5)
        length = int(rng.integers(10, 26))
        radius = np.linspace(1.0, rng.uniform(IRIS_SHARE + 0.06, 0.85), length)
        angles = angle + np.cumsum(rng.normal(0, 0.035, length))
        path = SIZE / 2 * (1 + radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1))
        strength = float(rng.uniform(0.25, 0.9))
        cv2.polylines(drawn, [(path * 8).astype(np.int32)], False, strength, 1, cv2.LINE_AA, 3)
    fine = cv2.GaussianBlur(drawn, (0, 0), 0.8) + 0.5 * cv2.GaussianBlur(drawn, (0, 0), 3.0)
    return (fine * (0.35 + 0.65 * traits.eye_redness)).clip(0, 0.8)
