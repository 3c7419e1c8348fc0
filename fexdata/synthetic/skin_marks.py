"""What sits on the skin at a place of its own: freckles, moles, age spots, blemishes, stubble."""

from __future__ import annotations

import cv2
import numpy as np

from fexdata.synthetic.skin_atlas import CANVAS_DENSITY, CANVAS_MM, Atlas, blank, canvas_points
from fexdata.synthetic.traits import Traits

MELANIN, BLOOD, RELIEF, HAIRS = range(4)
"""Channels of the marks: change of the logarithm of melanin and of blood, millimetres of relief, follicles."""

SUN = ((1, 34, 22, 0.9), (205, 24, 20, 1.0), (425, 24, 20, 1.0), (151, 45, 22, 0.55), (152, 40, 16, 0.25))
"""Where freckles gather: MediaPipe's vertex, spread in x and y in millimetres, density."""


def marks(atlas: Atlas, traits: Traits, rng: np.random.Generator) -> np.ndarray:
    """All marks of a person as texture: (size, size, 4) float32."""
    canvas = [blank() for _ in range(4)]
    cover = 1 - 0.6 * traits.foundation
    if traits.freckles:
        _freckles(canvas, atlas, traits, cover, rng)
    spots = int(rng.poisson(14 * traits.age_spots))
    for at in _anywhere(atlas, spots, rng):
        _ellipse(canvas[MELANIN], at, float(rng.uniform(0.9, 2.8)), float(rng.uniform(0.15, 0.45)) * cover, rng)
    canvas[MELANIN] = cv2.GaussianBlur(canvas[MELANIN], (0, 0), 0.32 * CANVAS_DENSITY)
    _moles(canvas, atlas, traits, cover, rng)
    _blemishes(canvas, atlas, traits, cover, rng)
    if traits.beard_shadow or traits.beard != "none":
        canvas[HAIRS] = _follicles(rng)
    return atlas.paint(np.dstack(canvas))


def _freckles(canvas: list[np.ndarray], atlas: Atlas, traits: Traits, cover: float, rng: np.random.Generator) -> None:
    for vertex, across, down, density in SUN:
        count = rng.poisson(230 * traits.freckles * density)
        places = atlas.landmarks[vertex] + rng.normal(size=(count, 2)) * (across, down)
        sizes = np.clip(rng.lognormal(-0.65, 0.4, count), 0.25, 1.6)
        for at, radius, dark in zip(places, sizes, rng.beta(2, 3, count), strict=True):
            _ellipse(canvas[MELANIN], at, float(radius), float(dark) * (0.7 + 1.0 * traits.freckles) * cover, rng)


def _moles(canvas: list[np.ndarray], atlas: Atlas, traits: Traits, cover: float, rng: np.random.Generator) -> None:
    drawn = blank()
    raised = blank()
    for at in _anywhere(atlas, traits.moles, rng):
        radius = float(np.clip(rng.lognormal(-0.35, 0.4), 0.35, 1.9))
        _ellipse(drawn, at, radius, float(rng.uniform(0.6, 2.2)) * (0.4 + 0.6 * cover), rng)
        _ellipse(raised, at, radius, 0.3 * radius * float(rng.random() < 0.4), rng)
    canvas[MELANIN] += cv2.GaussianBlur(drawn, (0, 0), 0.22 * CANVAS_DENSITY)
    canvas[RELIEF] += cv2.GaussianBlur(raised, (0, 0), 0.5 * CANVAS_DENSITY)


def _blemishes(canvas: list[np.ndarray], atlas: Atlas, traits: Traits, cover: float, rng: np.random.Generator) -> None:
    drawn = blank()
    for at in _anywhere(atlas, traits.blemishes, rng):
        _ellipse(drawn, at, float(rng.uniform(0.5, 1.5)), float(rng.uniform(0.3, 1.0)), rng)
    canvas[BLOOD] += cv2.GaussianBlur(drawn, (0, 0), 0.75 * CANVAS_DENSITY) * np.float32(1.1 * cover)
    canvas[RELIEF] += cv2.GaussianBlur(drawn, (0, 0), 0.6 * CANVAS_DENSITY) * np.float32(0.18)


def _anywhere(atlas: Atlas, count: int, rng: np.random.Generator) -> np.ndarray:
    """Places on face and neck, (count, 2) on the chart, not on lips or eyes."""
    places: list[np.ndarray] = []
    kept_clear = ((159, 9.0), (386, 9.0), (144, 9.0), (373, 9.0), (13, 15.0), (61, 11.0), (291, 11.0))
    while len(places) < count:
        at = rng.uniform((-78, -60), (78, 165))
        if all(np.linalg.norm(at - atlas.landmarks[vertex]) > radius for vertex, radius in kept_clear):
            places.append(at)
    return np.array(places).reshape(-1, 2)


def _follicles(rng: np.random.Generator) -> np.ndarray:
    """Hair roots all over the canvas, about 60 to a square centimetre, 1 at the mean."""
    canvas = blank()
    height, width = canvas.shape
    area = (CANVAS_MM[2] - CANVAS_MM[0]) * (CANVAS_MM[3] - CANVAS_MM[1]) / 100
    count = int(60 * area)
    y, x = rng.integers(0, height, count), rng.integers(0, width, count)
    np.add.at(canvas, (y, x), rng.uniform(0.4, 1.0, count).astype(np.float32))
    soft = cv2.GaussianBlur(canvas, (0, 0), 0.25 * CANVAS_DENSITY)
    return soft / np.float32(soft.mean())


def _ellipse(canvas: np.ndarray, at: np.ndarray, radius: float, strength: float, rng: np.random.Generator) -> None:
    """Adds one spot, its radius in millimetres; spots thinner than a pixel get fainter instead."""
    x, y = canvas_points(at)
    reach = int(radius * CANVAS_DENSITY * 1.5 + 2)
    left, top = int(x) - reach, int(y) - reach
    if left < 0 or top < 0 or left + 2 * reach >= canvas.shape[1] or top + 2 * reach >= canvas.shape[0]:
        return
    stretch, turn = rng.uniform(0.75, 1.3), rng.uniform(0, np.pi)
    stamp = np.zeros((2 * reach, 2 * reach), np.uint8)
    axes = np.round(np.array([radius * stretch, radius / stretch]) * CANVAS_DENSITY * 16).astype(int)
    centre = np.round((np.array([x, y]) - (left, top)) * 16).astype(int)
    around = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    outline = np.stack([np.cos(around), np.sin(around)], axis=1) * axes * rng.uniform(0.8, 1.2, (12, 1))
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    cv2.fillPoly(stamp, [np.round(outline @ spin + centre).astype(np.int32)], 255, cv2.LINE_AA, 4)
    canvas[top : top + 2 * reach, left : left + 2 * reach] += stamp * np.float32(strength / 255)
