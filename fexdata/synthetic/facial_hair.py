"""Brows, lashes and beards: hairs that turn with the skin or the lid they grow from.

Left and right are the picture's sides; the left side is built on MediaPipe's vertices and the right
one on their mirror.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from fexdata.faces.landmarks import MIRROR_478
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.models.regions import signed_distance
from fexdata.synthetic.hair import Tuft, hair_colours, local
from fexdata.synthetic.hairline import CHART
from fexdata.synthetic.roots import nearest, scatter
from fexdata.synthetic.skull import BACK, skull
from fexdata.synthetic.traits import Beard, Traits

BROW_TOP = (107, 66, 105, 63, 70)
BROW_BOTTOM = (55, 65, 52, 53, 46)
"""The left brow's borders, from the nose outwards."""
UPPER_RIM = (133, 173, 157, 158, 159, 160, 161, 246, 33)
LOWER_RIM = (133, 155, 154, 153, 145, 144, 163, 7, 33)
"""The left eye's lid rims, from the nose outwards."""
SIDES = ("left", "right")
LASH = np.array([0.022, 0.013, 0.009])
"""The lightest lashes, linear."""


def _of_side(vertices: tuple[int, ...], side: str) -> list[int]:
    return [int(vertex if side == "left" else MIRROR_478[vertex]) for vertex in vertices]


def brows(traits: Traits, model: FaceModel, neutral: np.ndarray, rng: np.random.Generator) -> list[Tuft]:
    """Both brows. Hairs of the inner end stand up, those further out lie along the arch, the upper row
    leaning down and the lower row up, so that they meet on the crest."""
    return [_brow(traits, model, neutral, side, rng) for side in SIDES]


def _brow(traits: Traits, model: FaceModel, neutral: np.ndarray, side: str, rng: np.random.Generator) -> Tuft:
    count = int(480 * (0.55 + 0.6 * traits.brow_density) * traits.brow_thickness)
    along = 1.07 * rng.beta(1.35, 1.2, count) - 0.07
    across = np.clip(rng.normal(0, 0.5, count), -1.2, 1.2)
    roots = nearest(model.mean, model.triangles, _brow_place(model.mean, side, along, across, traits))
    step = 0.03
    outward = _unit(_crest(neutral, side, along + step, traits) - _crest(neutral, side, along - step, traits))
    axes = roots.frames(neutral)
    normal = axes[:, 2]
    upward = _unit(np.cross(normal, outward) * (1 if side == "right" else -1))
    upward *= np.sign(-upward[:, 1:2])
    # Angle from the arch's direction towards up, in radians: the inner end stands up.
    rise = np.interp(along, [0, 0.12, 0.3, 0.6, 1], [1.25, 0.95, 0.5, 0.22, 0.02]) - across * np.interp(
        along, [0, 0.25, 0.5, 1], [0.1, 0.42, 0.55, 0.4]
    )
    rise += rng.normal(0, 0.16, count)
    flat = np.cos(rise)[:, None] * outward + np.sin(rise)[:, None] * upward
    length = np.interp(along, [0, 0.15, 0.5, 0.8, 1], [4.5, 6.2, 7.5, 6.5, 4.5]) * np.exp(0.15 * rng.normal(size=count))
    length *= 0.72 + 0.28 * traits.brow_thickness
    way = np.linspace(0, 1, 5)
    lift = 0.12 + 0.1 * rng.random(count)
    bend = (rng.normal(-0.12, 0.1, count) * np.sign(across + 1e-9))[:, None, None] * upward[:, None]
    reach = (length[:, None] * way)[..., None]
    height = (length * lift)[:, None] * (way - 0.75 * way**2)
    offsets = reach * (flat[:, None] + bend * way[None, :, None]) + height[..., None] * normal[:, None]
    offsets += 0.12 * normal[:, None] * way[None, :, None]
    colour = hair_colours(traits.brow_colour, 0.35 * traits.hair_grey**2, count, rng)
    width = 0.14 * (0.85 + 0.3 * rng.random(count)) * (0.75 + 0.25 * np.sin(np.pi * np.clip(along + 0.25, 0, 1)))
    width *= np.exp(-0.35 * across**2)
    return Tuft(f"brow_{side}", roots, local(axes, offsets), "turns with the skin", colour, width.astype(np.float32))


def _brow_place(vertices: np.ndarray, side: str, along: np.ndarray, across: np.ndarray, traits: Traits) -> np.ndarray:
    """Points (N, 3) near the skin: `along` 0 at the nose to 1 at the temple, `across` -1 lower to 1 upper border."""
    top, bottom = (vertices[_of_side(rim, side)].astype(float) for rim in (BROW_TOP, BROW_BOTTOM))
    knots = np.array([0.0, 0.25, 0.5, 0.76, 1.0])
    crest = CubicSpline(knots, 0.45 * top + 0.55 * bottom)(along)
    half = CubicSpline(knots, (top - bottom) / 2)(np.clip(along, 0, 1))
    # Thickest a third along, running out into a fine tail.
    thick = np.interp(along, [0, 0.08, 0.35, 0.65, 1.0], [0.6, 0.88, 1.0, 0.82, 0.3]) * traits.brow_thickness
    arch = traits.brow_arch * (1.6 * np.exp(-(((along - 0.68) / 0.2) ** 2)) - 0.4 * along)
    drawn = crest + half * (across * thick * 0.72)[:, None]
    drawn[:, 1] -= arch
    return drawn


def _crest(vertices: np.ndarray, side: str, along: np.ndarray, traits: Traits) -> np.ndarray:
    """Points (N, 3) of the brow's crest."""
    return _brow_place(vertices, side, along, np.zeros_like(along), traits)


def lashes(traits: Traits, model: FaceModel, neutral: np.ndarray, rng: np.random.Generator) -> list[Tuft]:
    """Upper and lower lashes of both eyes: rooted on the rims, curved away from the eyeball, in small groups
    whose tips meet."""
    found = []
    for side in SIDES:
        for name, rim, count in (("upper", UPPER_RIM, 120), ("lower", LOWER_RIM, 50)):
            found.append(_lash_row(traits, model, neutral, side, name, rim, count, rng))
    return found


def _lash_row(
    traits: Traits,
    model: FaceModel,
    neutral: np.ndarray,
    side: str,
    name: str,
    rim: tuple[int, ...],
    count: int,
    rng: np.random.Generator,
) -> Tuft:
    upper = name == "upper"
    along = np.sort(rng.uniform(0.1 if upper else 0.18, 0.985, count))
    curve = CubicSpline(np.linspace(0, 1, len(rim)), model.mean[_of_side(rim, side)].astype(float))
    roots = nearest(model.mean, model.triangles, curve(along))
    corners = _of_side((33, 133), side)
    left, right = sorted(corners, key=lambda vertex: float(neutral[vertex, 0]))
    eye = (left, right)
    # Own axes: x along the eye to the picture's right, y down across it, z away from the eyeball.
    outer = -1.0 if side == "left" else 1.0
    fan = outer * np.interp(along, [0, 0.3, 0.7, 1], [-0.45, -0.12, 0.4, 0.8]) + rng.normal(0, 0.07, count)
    groups = np.round(along * count / 4.0)
    towards = np.array([along[groups == group].mean() for group in groups]) - along
    size = np.interp(along, [0, 0.25, 0.7, 1], [0.55, 0.85, 1.0, 0.85]) * np.exp(0.1 * rng.normal(size=count))
    size *= (9.4 if upper else 5.2) * (0.85 + 0.3 * traits.mascara)
    way = np.linspace(0, 1, 6)
    sign = -1.0 if upper else 1.0
    turn = sign * (np.interp(way, [0, 1], [-0.4, 1.05]) if upper else np.interp(way, [0, 1], [0.35, 0.95]))
    ahead, up = np.cos(turn), np.sin(turn)
    steps = np.stack(
        [np.broadcast_to(fan[:, None], (count, 6)), np.tile(up, (count, 1)), np.tile(ahead, (count, 1))], -1
    )
    steps = steps / np.linalg.norm(steps, axis=-1, keepdims=True)
    offsets = np.cumsum(steps, axis=1) - steps[:, :1]
    offsets *= (size / (len(way) - 1))[:, None, None]
    eye_width = np.linalg.norm(neutral[left] - neutral[right])
    offsets[..., 0] += (-outer * -1.0 * towards * eye_width * 0.8)[:, None] * way**2
    # Lashes stay dark when brows grey.
    dark = np.minimum(0.3 * np.asarray(traits.hair_colour), LASH)
    colour = hair_colours((float(dark[0]), float(dark[1]), float(dark[2])), 0.0, count, rng) * (
        1 - 0.8 * traits.mascara
    )
    width = (0.15 if upper else 0.08) * (1 + 0.5 * traits.mascara) * (0.85 + 0.3 * rng.random(count))
    return Tuft(
        f"lashes_{name}_{side}", roots, offsets.astype(np.float32), "turns with the lid",
        np.maximum(colour, 0.002).astype(np.float32), width.astype(np.float32), eye,
    )  # fmt: skip


COUNTS: dict[Beard, int] = {
    "none": 0, "stubble": 4500, "moustache": 1300, "goatee": 2300, "short_beard": 5200, "full_beard": 5600,
}  # fmt: skip
LENGTHS: dict[Beard, float] = {
    "none": 0, "stubble": 1.3, "moustache": 8.0, "goatee": 9.0, "short_beard": 6.0, "full_beard": 17.0,
}  # fmt: skip
"""Millimetres on the chin; shorter towards the cheeks."""


def beard(traits: Traits, model: FaceModel, neutral: np.ndarray, rng: np.random.Generator) -> list[Tuft]:
    """Beard and moustache, or nothing."""
    count = int(COUNTS[traits.beard] * (0.7 + 0.45 * traits.beard_density))
    if count == 0:
        return []
    roots = scatter(neutral, model.triangles, _beard_density(traits, model), count, rng)
    roots = roots.take(roots.of(_hairless(model)) < HAIRLESS)
    rest = roots.of(model.mean)
    axes = roots.frames(neutral)
    length = _beard_length(traits, rest, rng)
    points = 3 if traits.beard == "stubble" else 6
    offsets = _beard_courses(traits, rest, axes[:, 2], length, points, rng)
    if points > 3:
        head = skull(neutral, model.triangles)
        start = roots.of(neutral)[:, None]
        offsets[:, 1:] = head.outside(start + offsets[:, 1:], 0.15) - start
    colour = hair_colours(traits.beard_colour, 0.0, len(length), rng, spread=0.22)
    width = (0.18 if points > 3 else 0.12) * np.exp(0.15 * rng.normal(size=len(length)))
    return [Tuft("beard", roots, local(axes, offsets), "turns with the skin", colour, width.astype(np.float32))]


BEARD = (
    (0, 34), (14, 35), (24, 40), (34, 46), (46, 42), (56, 26), (63, 4), (68, -14), (79, -14), (80, 10), (86, 40),
    (84, 62), (70, 84), (45, 104), (20, 116), (0, 119),
)  # fmt: skip
"""The mean head's beard, right half: degrees about the head's axis and height y in millimetres. From below the
lip's middle past the mouth's corner, along the cheek up to the sideburn, down before the ear, round the jaw's angle
and along the throat."""


def _beard_density(traits: Traits, model: FaceModel) -> np.ndarray:
    """(V,): where the beard grows, with borders that thin out."""
    x, y, z = model.mean.T
    regions = model.regions
    angle = np.degrees(np.arctan2(np.abs(x), BACK - z))
    outline = np.concatenate([np.array(BEARD, float), np.array([[-30.0, 119.0], [-30.0, 34.0]])]) * [CHART, 1]
    inside = signed_distance(np.stack([angle * CHART, y], 1), outline)
    soft = np.interp(y, [0, 50, 90, 120], [5, 9, 8, 14])
    whole = _ramp(inside / soft * 6 - 1.5, 6) * (1 - regions["lips"])
    upper = regions["moustache"]
    chin = _ramp(26 - np.abs(x), 8) * _ramp(y - 46, 6) * _ramp(112 - y, 10) * whole
    corner = _ramp(31 - np.abs(x), 5) * _ramp(np.abs(x) - 20, 4) * _ramp(y - 34, 6) * _ramp(60 - y, 8)
    by_style = {
        "stubble": np.maximum(whole, upper),
        "moustache": upper,
        "goatee": np.maximum.reduce([chin, upper * _ramp(31 - np.abs(x), 5), corner]),
        "short_beard": np.maximum(whole, upper),
        "full_beard": np.maximum(whole, upper),
    }
    grown: np.ndarray = by_style[traits.beard]
    # Thinner under the nose's middle, below the lip's corners and high on the cheek.
    thin = 1 - 0.45 * np.exp(-((x / 3.5) ** 2)) * _ramp(40 - y, 4)
    thin = thin * (1 - 0.6 * (1 - traits.beard_density) * _ramp(50 - y, 30) * (np.abs(x) > 35))
    thin = thin * (1 - 0.5 * np.exp(-(((np.abs(x) - 13) / 5) ** 2 + ((y - 62) / 5) ** 2)))
    return (grown**1.3 * thin * (_hairless(model) < HAIRLESS)).astype(np.float32)


HAIRLESS = 0.07


def _hairless(model: FaceModel) -> np.ndarray:
    """(V,) from 0 to 1: where no beard grows."""
    names = ("lips", "mouth_inside", "nostrils", "ears")
    result: np.ndarray = np.maximum.reduce([model.regions[name] for name in names])
    return result


def _beard_length(traits: Traits, rest: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    x, y = np.abs(rest[:, 0]), rest[:, 1]
    long = LENGTHS[traits.beard]
    cheek = np.interp(y, [-20, 30, 70, 95], [0.3, 0.5, 0.9, 1.0]) if traits.beard == "full_beard" else 1.0
    length = long * cheek * np.exp(0.22 * rng.normal(size=len(rest)))
    lip = (y < 42) & (x < 34)
    # A moustache is trimmed where the lip begins: its hairs reach about down to it.
    return np.where(lip, np.minimum(length, np.maximum(37.5 - y, 1.2) * 1.15 + 0.07 * x), length)


def _beard_courses(
    traits: Traits, rest: np.ndarray, normals: np.ndarray, length: np.ndarray, points: int, rng: np.random.Generator
) -> np.ndarray:
    """(N, points, 3) millimetres from the root: down and a little back along the jaw; the moustache outwards."""
    count = len(rest)
    side = np.sign(rest[:, 0]) * np.minimum(np.abs(rest[:, 0]) / 8, 1)
    lip = (rest[:, 1] < 42) & (np.abs(rest[:, 0]) < 34)
    down = np.stack([np.where(lip, 0.75 * side, 0.12 * side), np.full(count, 1.0), np.where(lip, -0.1, 0.22)], axis=1)
    down += rng.normal(0, 0.22, (count, 3))
    flat = _unit(down - (down * normals).sum(axis=1, keepdims=True) * normals)
    lift = np.clip(rng.normal(0.45 if traits.beard == "stubble" else 0.5, 0.12, count), 0.15, 0.9)[:, None]
    lift = np.where(lip[:, None], 0.3, lift)
    start = _unit(flat * np.sqrt(1 - lift**2) + normals * lift)
    way = np.linspace(0, 1, points)[None, :, None]
    fall = np.array([0.0, 0.55, 0.0]) * np.minimum(length, 26)[:, None, None] / 26
    wind = rng.normal(0, 0.09 + 0.1 * traits.hair_curl, (count, 1, 3)) * np.sin(
        way * np.pi * (1 + 1.5 * traits.hair_curl) + rng.uniform(0, 6, (count, 1, 1))
    )
    result: np.ndarray = (
        length[:, None, None]
        * way
        * (start[:, None] + fall * way + (flat[:, None] - start[:, None]) * 0.6 * way + wind * way)
    )
    return result


def _ramp(values: np.ndarray, softness: float) -> np.ndarray:
    share = np.clip(values / softness + 0.5, 0, 1)
    return share * share * (3 - 2 * share)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
