"""What is behind a person, out of focus: rooms, walls, studio paper, foliage, streets, sky.

Everything is drawn, nothing is a photograph: shapes in linear light with highlights far above
white, then blurred by the shape of a lens's opening. Blurring such light, rather than a finished
picture, is what makes discs of highlights (bokeh) and soft bright windows. Level and colour come
from the picture's own light (`fexdata.synthetic.lighting`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import cv2
import numpy as np

from fexdata.render.photo.scene import Lighting
from fexdata.synthetic.lighting import LightKind, irradiance, seen_radiance, towards

Background = Literal["paper", "wall", "room", "foliage", "street", "sky", "dark"]
BACKGROUNDS: tuple[Background, ...] = get_args(Background)

_USUAL: dict[LightKind, dict[Background, float]] = {
    "studio": {"paper": 0.7, "wall": 0.2, "dark": 0.1},
    "window": {"room": 0.55, "wall": 0.45},
    "overcast": {"foliage": 0.35, "street": 0.35, "sky": 0.15, "wall": 0.15},
    "sun": {"foliage": 0.4, "street": 0.25, "sky": 0.25, "wall": 0.1},
    "indoor": {"room": 0.65, "wall": 0.35},
    "flash": {"room": 0.5, "wall": 0.3, "dark": 0.2},
    "low_key": {"dark": 0.7, "room": 0.3},
}
_FALLOFF: dict[LightKind, tuple[float, float]] = {
    "studio": (0.45, 1.25),
    "window": (0.3, 0.9),
    "overcast": (0.7, 1.2),
    "sun": (0.6, 1.3),
    "indoor": (0.35, 0.9),
    "flash": (0.08, 0.35),
    "low_key": (0.06, 0.25),
}
"""Light on what is behind the person, as shares of the light on the face."""

_DRAWN = 176
"""Side of the picture in which shapes are drawn and blurred; it is then enlarged."""


def draw_background(
    rng: np.random.Generator,
    size: tuple[int, int],
    lighting: Lighting,
    light: LightKind,
    kind: Background | None = None,
) -> np.ndarray:
    """A background for a picture of this light: (height, width, 3) float32 linear radiance.

    size: width, height. Without `kind`, one that goes with the kind of light is drawn.
    """
    usual = _USUAL[light]
    kind = kind or list(usual)[rng.choice(len(usual), p=list(usual.values()))]
    front = irradiance(lighting, np.array([[0.0, 0.0, -1.0]]))[0].clip(0.02)
    # The face's own exposure is normalised to 1, but light from behind leaves its front darker.
    level = (front * rng.uniform(*_FALLOFF[light])).astype(np.float32)
    width, height = size
    shorter = _DRAWN / min(size)
    shape = (max(16, round(height * shorter)), max(16, round(width * shorter)))
    drawn = _PLACES[kind](rng, shape, level, lighting)
    return cv2.resize(drawn.clip(0), size, interpolation=cv2.INTER_CUBIC).clip(0)


def aperture(radius: float, blades: int = 0, turn: float = 0.0) -> np.ndarray:
    """The lens's opening as a blur kernel of sum 1: a disc, or a polygon of `blades` sides; its rim
    a little brighter, as spherical aberration makes it. Radius in pixels."""
    reach = int(np.ceil(radius)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    distance = np.hypot(x, y)
    edge = np.full_like(distance, radius)
    if blades:
        sector = 2 * np.pi / blades
        angle = (np.arctan2(y, x) + turn) % sector - sector / 2
        edge = radius * (0.55 + 0.45 * np.cos(sector / 2) / np.cos(angle))
    kernel = (edge - distance + 0.5).clip(0, 1) * (1 + 0.35 * (distance / max(radius, 1e-3)) ** 2)
    return (kernel / kernel.sum()).astype(np.float32)


def noise(rng: np.random.Generator, shape: tuple[int, int], cells: int, octaves: int = 3) -> np.ndarray:
    """Smooth noise (h, w) float32 of mean about 0 and spread about 1; `cells` bumps across, then finer ones."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        count = cells * 2**octave
        coarse = rng.standard_normal((count + 2, count + 2), np.float32)
        total += cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC) * 0.55**octave
    return total


def _blur(rng: np.random.Generator, picture: np.ndarray, radius: float) -> np.ndarray:
    blades = int(rng.choice([0, 0, 6, 7]))
    return cv2.filter2D(picture, -1, aperture(radius, blades, rng.uniform(0, np.pi)), borderType=cv2.BORDER_REFLECT)


def _ramp(shape: tuple[int, int], direction: float, strength: float) -> np.ndarray:
    # 1 in the middle, growing by `strength` from edge to edge towards an angle in radians.
    y, x = np.mgrid[-0.5 : 0.5 : shape[0] * 1j, -0.5 : 0.5 : shape[1] * 1j].astype(np.float32)
    return np.exp(strength * (x * np.cos(direction) + y * np.sin(direction)))[..., None]


def _towards_light(lighting: Lighting) -> float:
    # The angle in the picture (x right, y down) from which most light comes.
    sums = lighting.directions.T @ lighting.radiance.mean(axis=1)
    sums = sums + lighting.lamps.T @ lighting.lamp_radiance.mean(axis=1)
    return float(np.arctan2(sums[1], sums[0]))


def _paint(
    rng: np.random.Generator, saturation: float = 0.25, brightness: tuple[float, float] = (0.15, 0.7)
) -> np.ndarray:
    """The reflectance of a painted or dyed thing: mostly subdued; browns most often, then blues, greens and reds."""
    hue = rng.normal(rng.choice([0.08, 0.58, 0.35, 0.0], p=[0.6, 0.25, 0.1, 0.05]), 0.05)
    full = 0.5 + 0.5 * np.cos(2 * np.pi * (hue - np.array([0, 1 / 3, 2 / 3])))
    strength = min(0.7, rng.exponential(0.6 * saturation))
    return (rng.uniform(*brightness) * (1 - strength + strength * full)).astype(np.float32)


def _paper(rng: np.random.Generator, shape: tuple[int, int], level: np.ndarray, lighting: Lighting) -> np.ndarray:
    """A studio's roll of paper or cloth: white, grey, now and then coloured; a soft pool of light."""
    reflectance = (
        _paint(rng, 0.4, (0.1, 0.4)) if rng.random() < 0.25 else np.float32(rng.uniform(0.12, 0.85)) * np.ones(3)
    )
    y, x = np.mgrid[-0.5 : 0.5 : shape[0] * 1j, -0.5 : 0.5 : shape[1] * 1j]
    cx, cy, width = rng.normal(0, 0.2), rng.normal(0, 0.2), rng.uniform(0.35, 0.9)
    pool = 1 + rng.uniform(-0.1, 0.5) * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * width**2))
    cloth = 1 + rng.uniform(0, 0.07) * noise(rng, shape, 2, 4)
    picture = (
        reflectance * level * (pool * cloth)[..., None] * _ramp(shape, _towards_light(lighting), rng.uniform(0, 0.5))
    )
    return picture.astype(np.float32)


def _wall(rng: np.random.Generator, shape: tuple[int, int], level: np.ndarray, lighting: Lighting) -> np.ndarray:
    """A wall near the person: paint or plaster, brighter towards the light; perhaps a frame, a door, a skirting."""
    height, width = shape
    picture = np.full((height, width, 3), _paint(rng, 0.15, (0.2, 0.75)), np.float32)
    rough = rng.uniform(0.01, 0.06)
    picture *= 1 + rough * noise(rng, shape, 24, 2)[..., None] + 0.05 * noise(rng, shape, 2, 3)[..., None]
    for _ in range(int(rng.integers(0, 3))):
        left, top = rng.uniform(-0.2, 0.9) * width, rng.uniform(-0.3, 0.5) * height
        w, h = rng.uniform(0.2, 0.6) * width, rng.uniform(0.25, 1.2) * height
        frame, inside = _paint(rng, 0.2, (0.05, 0.6)), _paint(rng, 0.3, (0.1, 0.7))
        _box(picture, left + 3, top + 4, w, h, picture.mean(axis=(0, 1)) * 0.65)
        _box(picture, left, top, w, h, frame)
        _box(picture, left + 4, top + 4, w - 8, h - 8, inside)
    if rng.random() < 0.25:
        step = rng.uniform(0.1, 0.22) * width
        for x in np.arange(rng.uniform(0, step), width, step):
            _box(picture, x, 0, 1.5, height, picture.mean(axis=(0, 1)) * 0.7)
    picture *= _ramp(shape, _towards_light(lighting) + rng.normal(0, 0.3), rng.uniform(0.2, 1.0)) * level
    return _blur(rng, picture, float(np.exp(rng.uniform(np.log(1.5), np.log(7)))))


def _room(rng: np.random.Generator, shape: tuple[int, int], level: np.ndarray, lighting: Lighting) -> np.ndarray:
    """A lived-in room: wall, window or lamps far above white, shelves, pictures, furniture nearer by."""
    height, width = shape
    picture = np.full((height, width, 3), _paint(rng, 0.15, (0.25, 0.65)), np.float32)
    picture *= _ramp(shape, rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.9))
    corner = rng.uniform(0.1, 0.9) * width
    if rng.random() < 0.6:
        picture[:, : int(corner)] *= rng.uniform(0.5, 0.85)
    if rng.random() < 0.5:
        _window_pane(rng, picture, lighting, level)
    for _ in range(int(rng.integers(0, 3))):
        _shelf(rng, picture)
    for _ in range(int(rng.integers(0, 4))):
        left, top, w, h = rng.uniform(0, 1) * width, rng.uniform(0, 0.5) * height, *rng.uniform(15, 50, 2)
        _box(picture, left, top, w, h, _paint(rng, 0.2, (0.02, 0.5)))
        _box(picture, left + 3, top + 3, w - 6, h - 6, _paint(rng, 0.4, (0.1, 0.8)))
    for _ in range(int(rng.integers(0, 3))):
        centre = (int(rng.uniform(0, width)), int(rng.uniform(0, 0.6) * height))
        glow = np.array([1.25, 1.0, 0.65]) * rng.uniform(2, 9)
        cv2.circle(picture, centre, int(rng.integers(2, 8)), glow.tolist(), -1, cv2.LINE_AA)
    picture = _blur(rng, picture * level, rng.uniform(6, 14))
    near = np.zeros((height, width, 4), np.float32)
    for _ in range(int(rng.integers(0, 4))):
        _furniture(rng, near, level)
    near = _blur(rng, cv2.blur(near, (11, 11)), rng.uniform(3, 7))
    return picture * (1 - near[..., 3:]) + near[..., :3]


def _foliage(rng: np.random.Generator, shape: tuple[int, int], level: np.ndarray, lighting: Lighting) -> np.ndarray:
    """Trees and bushes: leaves from dark to sunlit, gaps of sky, grass or a path below."""
    height, width = shape
    hue = rng.normal(0, 0.05)
    green = np.array([0.1 + hue + 0.08 * rng.random(), 0.17, 0.035]).clip(0.02)
    clumps = noise(rng, shape, 3, 4)
    picture = (green * np.exp(0.75 * clumps[..., None] - 0.5)).astype(np.float32)
    sky = seen_radiance(lighting, np.array([towards(180, 25)]))[0]
    gaps = noise(rng, shape, 5, 3) - np.linspace(0.6, 3.5, height, dtype=np.float32)[:, None] * rng.uniform(0.6, 1.6)
    through = (gaps * 2).clip(0, 1)[..., None]
    picture = picture * level * (1 - through) + np.minimum(sky * 1.6, 3.5) * through
    ground = rng.uniform(0.65, 1.1) * height
    blend = ((np.arange(height, dtype=np.float32)[:, None, None] - ground) / 10).clip(0, 1)
    path = _paint(rng, 0.15, (0.15, 0.35)) if rng.random() < 0.4 else green * 1.4
    picture = picture * (1 - blend) + blend * path * level * (1 + 0.15 * noise(rng, shape, 6, 2))[..., None]
    for _ in range(int(rng.integers(0, 4))):
        x, thick = rng.uniform(0, width), rng.uniform(3, 16)
        _box(picture, x, 0, thick, ground, np.array([0.07, 0.055, 0.04]) * level * rng.uniform(0.4, 1.6))
    glints = int(rng.integers(20, 140))
    spots = np.stack([rng.integers(0, width, glints), rng.integers(0, max(2, int(ground)), glints)], axis=1)
    for x, y in spots:
        tone = level * np.array([1.0, 1.1, 0.7]) * rng.exponential(1.5)
        cv2.circle(picture, (int(x), int(y)), int(rng.integers(1, 3)), tone.tolist(), -1)
    return _blur(rng, picture.astype(np.float32), rng.uniform(6, 13))


def _street(rng: np.random.Generator, shape: tuple[int, int], level: np.ndarray, lighting: Lighting) -> np.ndarray:
    """Houses with rows of windows, sky above, street, cars and people as blots, lights."""
    height, width = shape
    picture = _sky_gradient(rng, shape, lighting)
    horizon = int(rng.uniform(0.55, 0.85) * height)
    x = -rng.uniform(0, 40)
    while x < width:
        w, top = rng.uniform(25, 90), horizon - rng.uniform(0.25, 1.1) * height
        house = _paint(rng, 0.25, (0.1, 0.5)) * rng.uniform(0.45, 1.1)
        _box(picture, x, top, w, horizon - top, house * level)
        pane = np.array([0.05, 0.06, 0.08]) * level + seen_radiance(lighting, np.array([towards(20, 10)]))[0] * 0.06
        step = rng.uniform(9, 18)
        for wx in np.arange(x + 4, x + w - 6, step):
            for wy in np.arange(top + 5, horizon - 8, step * 1.4):
                _box(picture, wx, wy, step * 0.5, step * 0.75, pane * rng.uniform(0.6, 1.8))
        x += w
    _box(picture, 0, horizon, width, height, np.array([0.19, 0.19, 0.19]) * level)
    for _ in range(int(rng.integers(2, 9))):
        x, tall = rng.uniform(0, width), rng.uniform(10, 34)
        wide = tall * (0.35 if rng.random() < 0.6 else 2.0)
        _box(picture, x, horizon - tall * 0.6, wide, tall, _paint(rng, 0.5, (0.03, 0.5)) * level)
    for _ in range(int(rng.integers(0, 25))):
        light = np.array([[1.3, 1.0, 0.6], [1.3, 0.25, 0.15], [1.0, 1.0, 1.0], [0.4, 1.1, 0.5]])[rng.integers(4)]
        centre = (int(rng.uniform(0, width)), int(horizon + rng.normal(-10, 22)))
        cv2.circle(picture, centre, 1, (light * rng.exponential(5.0)).tolist(), -1)
    return _blur(rng, picture, rng.uniform(6, 12))


def _sky(rng: np.random.Generator, shape: tuple[int, int], level: np.ndarray, lighting: Lighting) -> np.ndarray:
    """Open sky with clouds over a far tree line, hills or water."""
    height, width = shape
    picture = _sky_gradient(rng, shape, lighting)
    cloud = (noise(rng, shape, 3, 4) * 0.6 + rng.uniform(-0.6, 0.4)).clip(0, 1)[..., None]
    picture = picture * (1 - 0.7 * cloud) + cloud * 0.7 * picture.max() * np.array([1.0, 1.0, 1.0])
    line = (
        height * rng.uniform(0.55, 1.1) + 5 * np.cumsum(rng.normal(0, 0.12, width)) + 3 * noise(rng, (1, width), 12)[0]
    )
    far = np.array([0.1, 0.13, 0.08]) if rng.random() < 0.6 else np.array([0.12, 0.17, 0.2])
    below = ((np.arange(height)[:, None] - line[None]) / 4).clip(0, 1)[..., None]
    shade = np.exp(0.25 * noise(rng, shape, 5, 3))[..., None]
    picture = picture * (1 - below) + below * far * level * shade
    return _blur(rng, picture.astype(np.float32), rng.uniform(2.5, 8))


def _dark(rng: np.random.Generator, shape: tuple[int, int], level: np.ndarray, lighting: Lighting) -> np.ndarray:
    """Nearly black cloth or an unlit room with a faint glow."""
    y, x = np.mgrid[-0.5 : 0.5 : shape[0] * 1j, -0.5 : 0.5 : shape[1] * 1j]
    glow = np.exp(-((x - rng.normal(0, 0.4)) ** 2 + (y - rng.normal(0, 0.3)) ** 2) / rng.uniform(0.1, 0.5))
    base = _paint(rng, 0.25, (0.02, 0.07))
    folds = 1 + rng.uniform(0, 0.2) * noise(rng, shape, 3, 2)
    lit = 0.5 + glow * rng.uniform(0, 2.5)
    return (base * level * (lit * folds)[..., None]).astype(np.float32)


def _sky_gradient(rng: np.random.Generator, shape: tuple[int, int], lighting: Lighting) -> np.ndarray:
    heights = np.linspace(50, -5, shape[0])
    rows = seen_radiance(lighting, np.array([towards(180, h) for h in heights]))
    # A camera exposed for the face shows most skies near white.
    rows = np.minimum(rows * rng.uniform(0.8, 1.8), 3.0)
    return np.repeat(rows[:, None], shape[1], axis=1).astype(np.float32)


def _window_pane(rng: np.random.Generator, picture: np.ndarray, lighting: Lighting, level: np.ndarray) -> None:
    # `picture` is reflectance, later multiplied by the level: outside light is given relative to it.
    height, width = picture.shape[:2]
    bright = rng.uniform(2.0, 7.0) * np.array([0.92, 1.0, 1.12])
    left, top = rng.uniform(-0.2, 0.8) * width, rng.uniform(-0.3, 0.15) * height
    w, h = rng.uniform(0.25, 0.6) * width, rng.uniform(0.4, 0.8) * height
    _box(picture, left - 4, top - 4, w + 8, h + 8, np.array([0.6, 0.58, 0.55]))
    _box(picture, left, top, w, h, bright)
    _box(picture, left, top + h * rng.uniform(0.4, 0.7), w, h * 0.6, bright * np.array([0.42, 0.46, 0.38]))
    for share in np.arange(1, rng.integers(1, 4)) / 3:
        _box(picture, left + share * w, top, 4, h, np.array([0.5, 0.48, 0.45]))
    if rng.random() < 0.5:
        _box(picture, left - 0.2 * w, top - 5, 0.3 * w, h * 1.3, _paint(rng, 0.25, (0.3, 0.7)) * 1.5)


def _furniture(rng: np.random.Generator, near: np.ndarray, level: np.ndarray) -> None:
    # Premultiplied colour and coverage: the back of a sofa or chair, a table, a plant's leaves.
    height, width = near.shape[:2]
    colour = _paint(rng, 0.25, (0.04, 0.4)) * level * rng.uniform(0.5, 1.0)
    left, top = rng.uniform(-0.3, 0.9) * width, rng.uniform(0.68, 1.0) * height
    w = rng.uniform(0.25, 0.9) * width
    if rng.random() < 0.7:
        for part in np.arange(0, w, w / rng.integers(1, 4) + 1):
            shade = (*(colour * rng.uniform(0.85, 1.15)).tolist(), 1.0)
            cv2.rectangle(near, (round(left + part), round(top)), (round(left + part + w / 3), height), shade, -1)
        return
    for _ in range(40):
        leaf = np.array([0.06, 0.1, 0.03]) * level * rng.exponential(1.0)
        place = (int(left + rng.normal(0, 0.1) * width), int(top + rng.normal(0, 0.12) * height))
        axes = (int(rng.uniform(2, 5)), int(rng.uniform(8, 18)))
        cv2.ellipse(near, place, axes, rng.uniform(-60, 60), 0, 360, (*leaf.tolist(), 1.0), -1, cv2.LINE_AA)


def _shelf(rng: np.random.Generator, picture: np.ndarray) -> None:
    height, width = picture.shape[:2]
    left, right = sorted(rng.uniform(-0.2, 1.2, 2) * width)
    wood = _paint(rng, 0.3, (0.06, 0.4))
    for row in np.arange(rng.uniform(0, 0.3), 0.9, rng.uniform(0.18, 0.3)):
        base, x = (row + 0.2) * height, left
        _box(picture, left, base - 36, right - left, 36, wood * 0.35)
        while x < right - 6:
            w, tall = rng.uniform(3, 9), rng.uniform(18, 34)
            if rng.random() < 0.85:
                _box(picture, x, base - tall, w, tall, _paint(rng, 0.5, (0.05, 0.5)))
            x += w
        _box(picture, left, base, right - left, 3, wood)


def _box(picture: np.ndarray, left: float, top: float, width: float, height: float, colour: np.ndarray) -> None:
    corner, far = (round(left), round(top)), (round(left + width), round(top + height))
    cv2.rectangle(picture, corner, far, np.asarray(colour, np.float64).tolist(), -1)


_PLACES: dict[Background, Callable[[np.random.Generator, tuple[int, int], np.ndarray, Lighting], np.ndarray]] = {
    "paper": _paper,
    "wall": _wall,
    "room": _room,
    "foliage": _foliage,
    "street": _street,
    "sky": _sky,
    "dark": _dark,
}
