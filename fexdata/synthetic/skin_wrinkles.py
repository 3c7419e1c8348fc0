"""Wrinkles that come with an expression, and stay with age.

Skin folds across the pull of the muscle below it, at places that are much the same in everyone (Ekman, Friesen and
Hager, Facial Action Coding System, 2002, describe them by action unit). Each fold here is a few lines on the skin's
chart, laid through MediaPipe's points and shaken by the person's seed, with the action units that deepen it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import PchipInterpolator

from fexdata.faces.landmarks import MIRROR_478
from fexdata.synthetic.skin_atlas import CANVAS_DENSITY, Atlas, blank, canvas_points

Point = tuple[int, float, float]
"""A place on the viewer's left half: MediaPipe's vertex, millimetres outwards and downwards from it."""


@dataclass(frozen=True, slots=True)
class Line:
    points: tuple[Point, ...]
    depth: float
    """Millimetres at full strength in very wrinkled skin."""
    width: float
    """Standard deviation of the groove, millimetres."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Lines that come and go together. Those of a `sided` fold exist on both halves, each for its own action units."""

    lines: tuple[Line, ...]
    drivers: dict[str, float]
    """Action unit -> how far its full strength forms the fold."""
    lasting: float
    """How much of it the oldest skin keeps at rest."""
    sided: bool = True
    pits: float = 0.0
    """Depth in millimetres of dimples instead of lines, about the first point."""


@dataclass(frozen=True, slots=True, eq=False)
class Wrinkle:
    """One fold of one person as relief on the texture."""

    name: str
    drivers: dict[str, float]
    """Coefficient's name (`AU12_left`) -> share."""
    rest: float
    """Strength without expression."""
    rows: slice
    columns: slice
    height: np.ndarray
    """(rows, columns) float32 millimetres at strength 1, negative in the groove."""

    def strength(self, intensities: dict[str, float]) -> float:
        """From 0 to 1.2 under these action units (0..1); `AU17` stands for both its sides."""
        moved = 0.0
        for name, share in self.drivers.items():
            both = name.removesuffix("_left").removesuffix("_right")
            moved += share * max(0.0, intensities.get(name, 0.0), intensities.get(both, 0.0))
        return min(1.2, self.rest + (1.0 - 0.5 * self.rest) * moved)


def _across(heights: tuple[float, ...], depth: float, reach: tuple[tuple[float, float], ...]) -> tuple[Line, ...]:
    """Lines along the forehead, `heights` above the brow's peak; `reach` lists (outwards, drop)."""
    return tuple(Line(tuple((9, out, -above + drop) for out, drop in reach), depth, 0.75) for above in heights)


FOLDS: dict[str, Fold] = {
    "forehead": Fold(
        _across((11, 18, 25, 32), 0.55, ((-28, -1.5), (-18, -1), (-9, 0.5), (0, 1.5), (9, 0.5), (18, -1), (28, -1.5))),
        {"AU1": 0.9, "AU2": 0.35},
        0.42,
        sided=False,
    ),
    "temple": Fold(
        _across((11.5, 18.5, 26), 0.5, ((18, -1), (27, -1.5), (36, -0.5), (44, 3), (50, 7))),
        {"AU2": 0.95, "AU1": 0.1},
        0.3,
    ),
    "glabella": Fold(
        (
            Line(((55, -2.0, 4), (55, -3.0, -3), (107, -5.0, -1), (107, -5.5, -8)), 0.9, 0.8),
            Line(((55, 3.0, 0), (107, 0.5, -1), (107, -0.5, -6)), 0.4, 0.7),
        ),
        {"AU4": 1.0, "AU9": 0.3},
        0.4,
    ),
    "nasion": Fold(
        (Line(((168, -8, -2.5), (168, 0, -2), (168, 8, -2.5)), 0.55, 0.8),), {"AU9": 0.9, "AU4": 0.25}, 0.25
    ),
    "bunny": Fold(
        (
            Line(((193, -2, 1), (193, 3, 6), (188, 0, 5)), 0.55, 0.7),
            Line(((122, -2, 2), (188, -2, 5), (114, 0, 8)), 0.5, 0.7),
            Line(((197, 2, 1), (196, 2, 4), (174, 2, 4)), 0.35, 0.7),
        ),
        {"AU9": 1.0},
        0.1,
    ),
    "crow": Fold(
        (
            Line(((130, 5, -5), (130, 11, -10), (130, 17, -14)), 0.45, 0.6),
            Line(((130, 6, -1), (130, 13, -3), (130, 21, -4)), 0.55, 0.6),
            Line(((130, 6, 3), (130, 13, 5), (130, 21, 8)), 0.55, 0.6),
            Line(((130, 5, 7), (130, 11, 12), (130, 17, 18)), 0.45, 0.65),
        ),
        {"AU6": 1.0, "AU12": 0.12},
        0.4,
    ),
    "under_eye": Fold(
        (
            Line(((243, 1, 4), (23, 0, 1.5), (110, 3, 3)), 0.35, 0.6),
            Line(((243, 0, 8), (230, 0, 0), (228, 0, 0), (31, 1, 2)), 0.45, 0.9),
            Line(((244, 1, 10), (121, 0, 4), (119, 0, -1)), 0.5, 1.2),
        ),
        {"AU6": 0.7, "AU7": 0.5, "AU9": 0.25},
        0.5,
    ),
    "nasolabial": Fold(
        (Line(((129, 0.5, -4), (203, 0, -1), (206, 0, 0), (216, -1, 0), (212, -1, 0), (212, -1, 6)), 1.5, 2.1),),
        {"AU12": 0.8, "AU10": 0.75, "AU9": 0.5, "AU6": 0.15, "AU20": 0.3},
        0.6,
    ),
    "cheek": Fold(
        (Line(((216, 7, -3), (212, 7, -6), (212, 8, 4), (202, 7, 2)), 0.55, 1.3),), {"AU12": 0.7, "AU14": 0.5}, 0.15
    ),
    "dimple": Fold((Line(((57, 2, -3), (57, 3, 1), (57, 2, 5)), 0.9, 1.3),), {"AU14": 1.0, "AU12": 0.2}, 0.0),
    "marionette": Fold((Line(((61, 2, 2), (43, 1, 0), (202, -2, 3), (210, -3, 3)), 0.8, 1.2),), {"AU15": 0.9}, 0.6),
    "mentolabial": Fold(
        (Line(((18, -13, 1), (18, -7, -0.5), (18, 0, -1), (18, 7, -0.5), (18, 13, 1)), 0.7, 1.4),),
        {"AU17": 0.8, "AU15": 0.15},
        0.25,
        sided=False,
    ),
    "chin": Fold((Line(((175, 0, -6),), 0.0, 1.0),), {"AU17": 1.0, "AU15": 0.2}, 0.06, sided=False, pits=0.34),
}


def wrinkles(atlas: Atlas, wrinkled: float, rng: np.random.Generator) -> list[Wrinkle]:
    """All folds of a person whose skin is this `wrinkled` (0 smooth, 1 very)."""
    made = []
    for name, fold in FOLDS.items():
        for side in ("left", "right") if fold.sided else ("",):
            canvas = _pits(atlas, fold, rng) if fold.pits else _grooves(atlas, fold, side == "right", rng)
            rows, columns = _place(atlas, name, side)
            part = cv2.remap(
                canvas, atlas.texel_of[0][rows, columns], atlas.texel_of[1][rows, columns], cv2.INTER_LINEAR
            )
            age = max(0.0, (wrinkled - 0.15) / 0.85)
            made.append(
                Wrinkle(
                    f"{name}_{side}" if side else name,
                    {f"{unit}_{side}" if side else unit: share for unit, share in _drivers(fold).items()},
                    fold.lasting * age * float(rng.uniform(0.6, 1.1)),
                    rows,
                    columns,
                    part * np.float32(0.5 + 0.5 * wrinkled),
                )
            )
    return made


def _drivers(fold: Fold) -> dict[str, float]:
    if fold.sided:
        return fold.drivers
    return {f"{unit}_{side}": share / 2 for unit, share in fold.drivers.items() for side in ("left", "right")}


def _grooves(atlas: Atlas, fold: Fold, mirrored: bool, rng: np.random.Generator) -> np.ndarray:
    """The fold's lines as relief on a canvas: a groove between two faint ridges."""
    canvas = blank()
    for line in fold.lines:
        drawn = np.zeros(canvas.shape, np.uint8)
        along, strength = _path(atlas, line, mirrored, rng)
        pixels = np.round(canvas_points(along) * 16).astype(np.int32)
        for start, end, value in zip(pixels[:-1], pixels[1:], strength, strict=False):
            cv2.line(drawn, tuple(start), tuple(end), int(255 * value), 1, cv2.LINE_AA, 4)
        left, top = np.maximum(pixels.min(axis=0) // 16 - 30, 0)
        right, bottom = pixels.max(axis=0) // 16 + 30
        window = drawn[top:bottom, left:right].astype(np.float32) / 255
        sigma = line.width * CANVAS_DENSITY
        groove, ridge = (cv2.GaussianBlur(window, (0, 0), s) * (s * np.sqrt(2 * np.pi)) for s in (sigma, 2.4 * sigma))
        canvas[top:bottom, left:right] += (line.depth * (0.4 * ridge - 1.2 * groove)).astype(np.float32)
    return canvas


def _path(atlas: Atlas, line: Line, mirrored: bool, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The line's course (n, 2) on the chart and its strength along it (n,), both shaken."""
    ids = [MIRROR_478[vertex] if mirrored else vertex for vertex, _, _ in line.points]
    outwards = 1.0 if mirrored else -1.0
    offsets = np.array([(outwards * out, down) for _, out, down in line.points])
    points = atlas.landmarks[ids] + offsets + rng.normal(0, 0.7, offsets.shape) + rng.normal(0, 0.8, 2)
    lengths = np.r_[0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
    count = max(8, int(lengths[-1] / 0.6))
    t = np.linspace(0, 1, count)
    course = PchipInterpolator(lengths / lengths[-1], points)(t)
    wobble = np.interp(t, np.linspace(0, 1, 7), rng.uniform(0.55, 1.0, 7))
    taper = np.minimum(1, np.minimum(t, 1 - t) / 0.28) ** 0.8
    return course, rng.uniform(0.6, 1.0) * taper * wobble


def _pits(atlas: Atlas, fold: Fold, rng: np.random.Generator) -> np.ndarray:
    """The orange-peel dimples of a bunched chin."""
    canvas = blank()
    vertex, _, down = fold.lines[0].points[0]
    middle = atlas.landmarks[vertex] + np.array([0, down])
    for x in np.arange(-14, 14.1, 3.6):
        for y in np.arange(-10, 10.1, 3.2):
            if (x / 15) ** 2 + (y / 11) ** 2 < 1:
                at = canvas_points(middle + np.array([x, y]) + rng.normal(0, 0.9, 2))
                cv2.circle(canvas, tuple(np.round(at).astype(int)), 2, float(rng.uniform(0.4, 1)), -1)
    pits = cv2.GaussianBlur(canvas, (0, 0), 1.1 * CANVAS_DENSITY)
    relief: np.ndarray = (cv2.GaussianBlur(pits, (0, 0), 2.2 * CANVAS_DENSITY) - pits) * np.float32(fold.pits / 0.12)
    return relief


@functools.lru_cache(maxsize=128)
def _place(atlas: Atlas, name: str, side: str) -> tuple[slice, slice]:
    """Rows and columns of the texture that a fold can reach."""
    fold = FOLDS[name]
    ids = [vertex for line in fold.lines for vertex, _, _ in line.points]
    offsets = np.array([(out, down) for line in fold.lines for _, out, down in line.points])
    points = atlas.landmarks[[MIRROR_478[i] for i in ids] if side == "right" else ids]
    points = points + offsets * ((1, 1) if side == "right" else (-1, 1))
    margin = 18.0 if fold.pits else 9.0
    low, high = canvas_points(points.min(axis=0) - margin), canvas_points(points.max(axis=0) + margin)
    x, y = atlas.texel_of
    rows, columns = np.nonzero((x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1]))
    return slice(int(rows.min()), int(rows.max()) + 1), slice(int(columns.min()), int(columns.max()) + 1)
