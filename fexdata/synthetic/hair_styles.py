"""Styles of scalp hair: how long it is, and which way it is combed.

A style is a function from roots to the numbers of `fexdata.synthetic.growth.Growth`, in head space.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from fexdata.synthetic.growth import Growth
from fexdata.synthetic.skull import BACK, TOP, Skull, row_of
from fexdata.synthetic.traits import HairStyle, Traits


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The roots that a style combs, N of them."""

    roots: np.ndarray
    """(N, 3) float32, head space of the person."""
    normals: np.ndarray
    """(N, 3) float32, outward."""
    depth: np.ndarray
    """(N,): millimetres behind the hairline."""
    skull: Skull


@dataclass(frozen=True, slots=True)
class Look:
    """What a style says beside the hairs' courses."""

    count: int = 9000
    points: int = 10
    width: float = 0.24
    """Millimetres, drawn; wider than a hair, because a drawn strand stands for several."""
    locks: int = 350
    strength: float = 0.45
    ruffle: float = 1.5
    curl: float = 0.0
    """Millimetres of the curls' radius."""
    wave: float = 30.0
    """Millimetres from one turn of a curl to the next."""
    together: float = 0.85
    """How far neighbours curl in step."""
    shade: float = 0.8
    """How dark the scalp is below."""
    over_ears: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Comb:
    """How a style combs each root; numbers stand for all roots."""

    direction: np.ndarray
    """(N, 3), need not be tangential or unit."""
    lift: np.ndarray | float
    """0 flat on the skin, 1 upright."""
    length: np.ndarray | float
    room: np.ndarray | float = 4.0
    rise: np.ndarray | float = 14.0
    weight: np.ndarray | float = 0.006
    hold: np.ndarray | float = 0.05
    floor: np.ndarray | float = 1e4
    aside: np.ndarray | float = 0.0
    goal: np.ndarray = field(default_factory=lambda: np.zeros(3))
    pull: np.ndarray | float = 0.0

    def growth(self, ground: Ground) -> Growth:
        """The same, for each root, with directions bent into the scalp's plane."""
        flat = _tangential(self.direction, ground.normals)
        lift = np.broadcast_to(np.asarray(self.lift, float), len(flat))[:, None]
        start = _unit(flat * np.sqrt(np.clip(1 - lift**2, 0, 1)) + ground.normals * lift)
        names = ("length", "room", "rise", "weight", "hold", "floor", "aside", "pull")
        numbers = {name: np.broadcast_to(np.asarray(getattr(self, name), float), len(flat)) for name in names}
        return Growth(roots=ground.roots, start=start, goal=self.goal, **numbers)


Style = Callable[[Ground, Traits, np.random.Generator], tuple[Comb, Look]]


def _short(ground: Ground, traits: Traits, rng: np.random.Generator) -> tuple[Comb, Look]:
    """Cropped sides, a few centimetres on top, combed forward, aside or up."""
    top = _topness(ground)
    ahead, aside, up = [(1, 0.15, 0.25), (0.6, 0.9, 0.3), (-0.5, 0.4, 0.75)][int(rng.integers(3))]
    side = rng.choice([-1, 1])
    front = np.array([aside * side, 0, -ahead])
    direction = _flow(ground, side) * (1.15 - top)[:, None] + front * (1.3 * top)[:, None]
    length = traits.hair_length * (9 + 30 * top**1.4) * _vary(rng, top, 0.14) * _finer(ground)
    length *= 1 - 0.45 * max(ahead, 0) * np.exp(-ground.depth / 18)
    lift = 0.35 + (up - 0.2) * top * np.exp(-ground.depth / 45) + 0.1
    room = 1.2 + (3 + 9 * up) * top * rng.random(len(top))
    return Comb(direction, np.clip(lift, 0, 0.95), length, room=room, rise=8.0, hold=0.06), Look(
        count=12500, points=7, width=0.26, locks=1500, strength=0.35, ruffle=1.2
    )


def _side_part(ground: Ground, traits: Traits, rng: np.random.Generator) -> tuple[Comb, Look]:
    """Short sides; the top combed away from a parting above one eye's outer corner."""
    top, side = _topness(ground, low=-50), rng.choice([-1, 1])
    across = np.clip((ground.roots[:, 0] * side - 30) / 5, -1, 1)
    over = np.stack([side * across * 1.0, 0.25 * np.ones_like(top), 0.25 - 0.3 * np.exp(-ground.depth / 25)], 1)
    direction = over * top[:, None] + _flow(ground, side) * (1.05 - top)[:, None]
    length = traits.hair_length * (12 + np.where(across < 0, 58, 30) * top**1.3) * _vary(rng, top, 0.2) * _finer(ground)
    room = 1.5 + top * (3 + 7 * rng.random(len(top))) * np.where(across < 0, 1, 0.4)
    lift = 0.3 + 0.4 * top * np.exp(-ground.depth / 40) * (across < 0)
    return Comb(direction, lift, length, room=room, rise=9.0, weight=0.004, hold=0.07), Look(
        count=10500, points=9, width=0.25, locks=500, strength=0.55, ruffle=1.2
    )


def _curly(ground: Ground, traits: Traits, rng: np.random.Generator) -> tuple[Comb, Look]:
    top = _topness(ground)
    length = (
        traits.hair_length * (26 + 34 * top + 14 * (1 - traits.masculinity)) * _vary(rng, top, 0.2) * _finer(ground)
    )
    room = (3 + 17 * rng.random(len(top))) * (0.45 + 0.55 * top)
    direction = _flow(ground, rng.choice([-1, 1])) + np.array([0, 0, -0.5]) * top[:, None]
    return Comb(
        direction, 0.62, length, room=room, rise=10.0, weight=0.008, hold=0.03, floor=_eyebrow_floor(ground)
    ), Look(count=7200, points=14, width=0.3, locks=900, strength=0.5, ruffle=2.5, curl=4.0, wave=19.0, together=0.9)


def _afro(ground: Ground, traits: Traits, rng: np.random.Generator) -> tuple[Comb, Look]:
    top = _topness(ground)
    length = traits.hair_length * (20 + 24 * top) * np.clip(1 - 0.75 * rng.random(len(top)) ** 3, 0.2, 1)
    return Comb(
        ground.normals + rng.normal(0, 0.5, ground.normals.shape), 0.86, length, room=0.5, weight=0.0, hold=0.0
    ), Look(
        count=12000,
        points=10,
        width=0.32,
        locks=2500,
        strength=0.3,
        ruffle=3.0,
        curl=2.6,
        wave=9.0,
        together=0.3,
        shade=0.9,
    )


def _falling(
    ground: Ground, traits: Traits, rng: np.random.Generator, *, floor: float, length: float, side: float, behind: bool
) -> Comb:
    """Hair that parts at x = `side` and falls past the cheeks (or `behind` the ears) down to y = `floor`."""
    x = ground.roots[:, 0]
    across = np.where(x > side, 1.0, -1.0) * np.clip(np.abs(x - side) / 4, 0.25, 1)
    back = np.clip((ground.roots[:, 2] - 40) / 40, 0, 1)
    front = np.exp(-ground.depth / 22)
    direction = np.stack(
        [across * (1 - 0.6 * back), 0.35 + 0.4 * back, 0.15 + 0.5 * back + (0.5 * front if behind else 0)], 1
    )
    count = len(x)
    layer = np.clip(0.25 + 0.75 * _topness(ground, low=-20) + 0.15 * rng.normal(size=count), 0.05, 1.2)
    body = 5 + 9 * traits.hair_density
    aside = np.radians((76 if behind else 60) + rng.normal(0, 5, count))
    return Comb(
        direction,
        0.3 + 0.25 * front,
        length * _vary(rng, x, 0.04),
        room=2 + body * layer,
        rise=26.0,
        weight=0.011,
        hold=np.where(ground.roots[:, 1] < 0, 0.022, 0.012),
        floor=floor + rng.normal(0, 3.5, count),
        aside=aside,
    )


def _bob(ground: Ground, traits: Traits, rng: np.random.Generator) -> tuple[Comb, Look]:
    floor = 92 + 26 * (traits.hair_length - 1) / 0.4
    side = rng.choice([-24, 0, 24]) + 3 * rng.normal()
    comb = _falling(ground, traits, rng, floor=floor, length=300, side=side, behind=False)
    return comb, _wavy(traits, shortest=66, count=7000, points=20, width=0.34, over_ears=True)


def _long(ground: Ground, traits: Traits, rng: np.random.Generator) -> tuple[Comb, Look]:
    behind = bool(rng.random() < 0.4)
    side = rng.choice([-22, 0, 0, 22]) + 3 * rng.normal()
    floor = 205 + 110 * (traits.hair_length - 0.8)
    comb = _falling(ground, traits, rng, floor=floor, length=430, side=side, behind=behind)
    return comb, _wavy(traits, shortest=95, count=6800, points=20, width=0.36, over_ears=not behind)


def _fringe(ground: Ground, traits: Traits, rng: np.random.Generator) -> tuple[Comb, Look]:
    """Short hair, a bob or long hair whose front is combed forward and cut above the eyes."""
    if traits.masculinity > 0.5:
        comb, look = _short(ground, traits, rng)
        look = replace(look, points=9, count=10500)
    else:
        floor = float(rng.choice([88, 105, 240]))
        comb = _falling(ground, traits, rng, floor=floor, length=420 if floor > 200 else 280, side=0.0, behind=False)
        look = _wavy(
            traits, shortest=105 if floor > 200 else 75, count=7000, points=20, width=0.34, over_ears=True, strength=0.5
        )
    count, x = len(ground.depth), ground.roots[:, 0]
    angle = np.degrees(np.arctan2(x, BACK - ground.roots[:, 2]))
    cut = (np.abs(angle) < 46 + 6 * rng.normal(size=count)) & (ground.depth < 34 + 8 * rng.normal(size=count))
    forward = np.stack([(0.8 * x / 40 + rng.normal(0, 0.25)), np.full(count, 0.5), np.full(count, -1.0)], 1)
    # Longer towards the temples, where it runs into the rest; every hair ends where it likes.
    brow = -66 + 9 * rng.random() + 0.011 * np.maximum(np.abs(x) - 10, 0) ** 2
    fringe = {
        "direction": forward,
        "lift": 0.35,
        "length": 120.0,
        "room": 1 + 3.5 * rng.random(count),
        "rise": 16.0,
        "weight": 0.02,
        "hold": 0.11,
        "floor": brow - 9 * rng.random(count) ** 2 + rng.normal(0, 2.0, count),
        "aside": 0.0,
    }
    mixed = {
        name: np.where(cut[:, None] if name == "direction" else cut, value, getattr(comb, name))
        for name, value in fringe.items()
    }
    return replace(comb, **mixed), look


def _tied(ground: Ground, traits: Traits, rng: np.random.Generator, goal: np.ndarray, tail: float) -> Comb:
    """Hair combed tight to a tie at `goal`; `tail` millimetres of it go on from there."""
    way = goal - ground.roots
    far = np.linalg.norm(way, axis=1)
    # Around the skull the way is longer than the chord.
    length = far * 1.16 + 4 + tail * _vary(rng, far, 0.12)
    loose = (ground.depth < 6) & (rng.random(len(far)) < 0.05)
    return Comb(
        way + np.array([0, -25.0, 0]) * np.clip(1 - ground.depth / 60, 0, 1)[:, None],
        0.18 + 0.2 * rng.random(len(far)) ** 2,
        np.where(loose, 30 + 50 * rng.random(len(far)), length),
        room=1.2 + 3.5 * rng.random(len(far)) * _topness(ground, low=-60),
        rise=18.0,
        weight=np.where(loose, 0.02, 0.003),
        hold=np.where(loose, 0.01, 0.05),
        aside=np.where(loose, 1.05, 0.0),
        goal=goal,
        pull=np.where(loose, 0.0, 0.09),
    )


def _ponytail(ground: Ground, traits: Traits, rng: np.random.Generator) -> tuple[Comb, Look]:
    goal = ground.skull.surface(np.array(np.pi), np.array(row_of(rng.uniform(-70, -10))), 13.0)
    comb = _tied(ground, traits, rng, goal, tail=170 * traits.hair_length)
    return comb, _wavy(
        traits,
        shortest=90,
        count=8800,
        points=16,
        width=0.25,
        strength=0.35,
        locks=500,
        shade=0.9,
        ruffle=1.2,
        curl=1.5,
    )


def _bun(ground: Ground, traits: Traits, rng: np.random.Generator) -> tuple[Comb, Look]:
    goal = ground.skull.surface(np.array(np.pi), np.array(rng.uniform(22, 36)), 16.0)
    comb = _tied(ground, traits, rng, goal, tail=0)
    return comb, Look(count=7500, points=13, width=0.24, locks=500, strength=0.3, ruffle=1.0, shade=0.9)


def coiled(goal: np.ndarray, head: Skull, traits: Traits, rng: np.random.Generator) -> np.ndarray:
    """A bun's hairs: (N, K, 3), wound in a ball that sits on the skull at `goal`."""
    count, points = 1300, 14
    outward = _unit(goal - head.surface(np.array(np.pi), np.array(row_of(TOP)), -60.0))
    first = _unit(np.cross(outward, np.array([1.0, 0.2, 0.0])))
    second = np.cross(outward, first)
    size = 23.0 * traits.hair_length**0.5
    latitude = np.arcsin(rng.uniform(-0.7, 0.98, count))[:, None] + 0.25 * np.linspace(-1, 1, points)
    turn = rng.uniform(0, 2 * np.pi, count)[:, None] + np.linspace(0, 2.3, points)
    strip = 1 + 0.07 * np.sin(5 * latitude + turn * 1.5) + 0.05 * rng.normal(size=(count, 1))
    around = np.cos(turn)[..., None] * first + np.sin(turn)[..., None] * second
    ball = 1.15 * np.cos(latitude)[..., None] * around + 0.85 * np.sin(latitude)[..., None] * outward
    stray = 1 + (rng.random((count, 1, 1)) < 0.05) * 0.3 * np.linspace(0, 1, points)[None, :, None] ** 2
    result: np.ndarray = (goal + 0.35 * size * outward + size * strip[..., None] * ball * stray).astype(np.float32)
    return result


def _buzz(ground: Ground, traits: Traits, rng: np.random.Generator) -> tuple[Comb, Look]:
    top = _topness(ground)
    length = traits.hair_length * (3.0 + 3.5 * top) * _vary(rng, top, 0.15)
    direction = _flow(ground, 1) + np.array([0, 0, -1.0]) * top[:, None]
    return Comb(direction, 0.6, length, room=5.0, hold=0.0), Look(
        count=15000, points=3, width=0.24, strength=0.0, ruffle=0.3, shade=0.62
    )


def _receding(ground: Ground, traits: Traits, rng: np.random.Generator) -> tuple[Comb, Look]:
    top = _topness(ground)
    length = traits.hair_length * (9 + 11 * top) * _vary(rng, top, 0.2)
    direction = _flow(ground, 1) + np.array([0, 0, 0.5 * rng.normal()]) * top[:, None]
    return Comb(direction, 0.35, length, room=1 + 3 * rng.random(len(top)), rise=8.0, hold=0.06), Look(
        count=8500, points=6, width=0.22, locks=500, strength=0.4, ruffle=0.9, shade=0.6
    )


STYLES: dict[HairStyle, Style] = {
    "short": _short,
    "side_part": _side_part,
    "curly": _curly,
    "afro": _afro,
    "bob": _bob,
    "long": _long,
    "ponytail": _ponytail,
    "buzz": _buzz,
    "receding": _receding,
    "fringe": _fringe,
    "bun": _bun,
}
"""Every style with hair; `bald` has none."""


def _wavy(traits: Traits, *, shortest: float, **look: float | bool) -> Look:
    """A look whose waves follow how curly the person's hair is, none shorter than `shortest` millimetres."""
    amount = float(np.clip(traits.hair_curl, 0, 1))
    wave = max(110 - 75 * amount, shortest)
    wound = {"curl": min(0.085 * wave, 5.5) * amount**1.3, "wave": wave, "ruffle": 2.0 + 0.6 * amount}
    defaults = {"locks": 300, "strength": 0.6, "together": 0.85}
    return Look(**{**defaults, **wound, **look})


def _flow(ground: Ground, side: float) -> np.ndarray:
    """How hair grows of itself: away from the whorl on the crown, down and a little back at the sides."""
    whorl = ground.skull.surface(np.array(np.pi - 0.2 * side), np.array(15.0))
    away = _unit(ground.roots - whorl)
    down = np.clip((ground.roots[:, 1] + 70) / 40, 0, 1)[:, None]
    return away * (1 - 0.6 * down) + np.array([0, 1.0, 0.25]) * down


def _topness(ground: Ground, low: float = -58.0) -> np.ndarray:
    """0 at the sides to 1 on top of the head."""
    ramp = np.clip((low - ground.roots[:, 1]) / 48, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def _finer(ground: Ground) -> np.ndarray:
    """Hairs at the very hairline are shorter: a share of the others' length."""
    return np.clip(0.45 + ground.depth / 18, 0.4, 1)


def _eyebrow_floor(ground: Ground) -> np.ndarray:
    """Hair of the forehead ends above the brows."""
    before = (np.abs(ground.roots[:, 0]) < 55) & (ground.roots[:, 2] < 15)
    return np.where(before, -70.0, 1e4)


def _vary(rng: np.random.Generator, like: np.ndarray, spread: float) -> np.ndarray:
    return np.exp(spread * rng.normal(size=len(like)))


def _tangential(vectors: np.ndarray, normals: np.ndarray) -> np.ndarray:
    return _unit(vectors - (vectors * normals).sum(axis=1, keepdims=True) * normals)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
