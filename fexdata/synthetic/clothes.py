"""Neck, shoulders and chest in a T-shirt, shirt, sweater, hoodie or jacket. Head space, millimetres.

A garment is rings of points: the first lies on the person's neck, the others on shoulders and chest of a mean
adult (shoulder breadth 400 to 480 mm over the deltoids; Gordon et al., 2012 Anthropometric Survey of U.S. Army
Personnel, rounded).
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from scipy.interpolate import PchipInterpolator

from fexdata.faces.models.face_model import FaceModel
from fexdata.render.photo.scene import Material, Part
from fexdata.synthetic.fabrics import cloth, knit
from fexdata.synthetic.sheets import Mesh, ball, flat, part, sheet, tube
from fexdata.synthetic.skull import Skull, row_of, skull
from fexdata.synthetic.traits import Traits

COLLAR = (164.0, 147.0, 118.0)
"""y of a round collar at the throat, at the sides and at the nape."""
RINGS = np.array([
    # half the breadth, z in front and at the back, y in front, at the sides and at the back
    (92, 2, 124, 180, 157, 136),
    (136, -12, 138, 200, 168, 156),
    (176, -26, 148, 228, 180, 186),
    (208, -36, 154, 262, 201, 226),
    (224, -42, 158, 310, 245, 276),
    (230, -46, 158, 380, 330, 350),
    (234, -48, 156, 520, 500, 500),
], float)  # fmt: skip
"""The body, from the neck down."""
PIVOT = np.array([0.0, 150.0, 62.0])
"""The middle of the neck's base."""
COLUMNS = 72
BODY_ROWS = 30


def clothes(traits: Traits, model: FaceModel, neutral: np.ndarray, rng: np.random.Generator) -> list[Part]:
    """The garment that `traits` name, fitted to a neck: neutral (V, 3), the head at rest."""
    neck = skull(neutral, model.triangles, model.regions["ears"] > 0.3)
    body = _body(neck, traits, rng)
    make = {"t_shirt": _t_shirt, "sweater": _sweater, "hoodie": _hoodie, "shirt": _shirt, "jacket": _jacket}
    return make[traits.clothes](traits, neck, body, rng)


ANGLE = np.linspace(-np.pi, np.pi, COLUMNS + 1)[:-1]
"""Of the columns: 0 is the throat; the seam is at the nape."""


def _around(values: tuple[float, float, float] | np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Values in front, at the sides and at the back, smoothly round."""
    front, side, back = values
    share = np.cos(angle)
    return side + np.where(share > 0, (front - side), (back - side)) * np.abs(share) ** 1.5


def _on_neck(neck: Skull, angle: np.ndarray, height: np.ndarray, room: float | np.ndarray) -> np.ndarray:
    """Points off the neck's skin at the heights y."""
    return neck.surface(angle, TOP_ROW + height / ROW_STEP, room)


TOP_ROW = row_of(0.0)
ROW_STEP = 1.0 / (row_of(1.0) - row_of(0.0))


def _body(neck: Skull, traits: Traits, rng: np.random.Generator) -> np.ndarray:
    """(BODY_ROWS, COLUMNS, 3): from the collar over the shoulders to below any picture, with folds."""
    size = 0.9 + 0.14 * traits.masculinity + 0.02 * rng.normal()
    rings = [_on_neck(neck, ANGLE, _around(COLLAR, ANGLE), 1.5)]
    sine, cosine = np.sin(ANGLE), np.cos(ANGLE)
    for at, (breadth, front, back, *heights) in enumerate(RINGS):
        roundness = np.interp(at, [0, 3, 6], [2.0, 2.5, 2.7])
        scale = 1 + (size - 1) * min(1.0, at / 3)
        x = breadth * scale * np.sign(sine) * np.abs(sine) ** (2 / roundness)
        middle = PIVOT[2]
        z = middle + np.where(cosine > 0, front - middle, back - middle) * np.abs(cosine) ** (2 / roundness)
        rings.append(np.stack([x, _around(np.array(heights), ANGLE), z], axis=1))
    knots = np.linspace(0, 1, len(rings)) ** 1.25
    body: np.ndarray = PchipInterpolator(knots, np.stack(rings), axis=0)(np.linspace(0, 1, BODY_ROWS))
    return body + _folds(body, rng)


def _folds(body: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Soft folds that run down and outwards from the collar; none at the collar itself."""
    rows, columns = body.shape[:2]
    wide = [cv2.resize(rng.normal(size=shape).astype(np.float32), (columns, rows), interpolation=cv2.INTER_CUBIC)
            for shape in ((4, 9), (6, 20))]  # fmt: skip
    fold = (2.2 * wide[0] + 1.3 * wide[1]) * np.clip(np.linspace(-0.1, 2.2, rows), 0, 1)[:, None]
    fold[:, :3] *= np.linspace(0, 1, 3)
    fold[:, -3:] *= np.linspace(1, 0, 3)
    outward = body - PIVOT
    outward = outward / np.linalg.norm(outward, axis=-1, keepdims=True)
    result: np.ndarray = fold[..., None] * (0.6 * outward + np.array([0, -0.4, 0]))
    return result


def _torso(body: np.ndarray, material: Material) -> Part:
    return part("torso", sheet(body, closed=True, outward=np.array([0.0, 300.0, 55.0])), material)


def _band(neck: Skull, room: float, thick: float, tall: float, drop: float, material: Material) -> Part:
    """A ribbed band round the collar."""
    path = _on_neck(neck, ANGLE, _around(COLLAR, ANGLE) + drop, room)
    return part("collar", tube(path, thick, tall, closed=True, sides=10), material)


def _t_shirt(traits: Traits, neck: Skull, body: np.ndarray, rng: np.random.Generator) -> list[Part]:
    fabric = cloth(traits.clothes_colour, 512, rng, weave=0.04)
    return [
        _torso(body, fabric),
        _band(neck, 2.2, 1.5, 7.0, 4.0, knit(traits.clothes_colour, 256, rng, stitches=110, relief=0.25)),
    ]


def _sweater(traits: Traits, neck: Skull, body: np.ndarray, rng: np.random.Generator) -> list[Part]:
    wool = knit(traits.clothes_colour, 1024, rng, stitches=150, relief=0.8)
    band = knit(traits.clothes_colour, 256, rng, stitches=70, relief=0.8)
    return [_torso(body, wool), _band(neck, 3.2, 2.6, 9.0, 2.0, band)]


def _hoodie(traits: Traits, neck: Skull, body: np.ndarray, rng: np.random.Generator) -> list[Part]:
    fabric = cloth(traits.clothes_colour, 512, rng, weave=0.08, repeat=110)
    height = _around((172.0, 150.0, 132.0), ANGLE)
    out = _around((7.0, 15.0, 30.0), ANGLE)
    path = _on_neck(neck, ANGLE, height, 2.0 + out)
    path = path + cv2.GaussianBlur(rng.normal(0, 3.0, path.shape), (0, 0), 3.0, borderType=cv2.BORDER_REFLECT)
    hood = tube(path, 0.95 * out, _around((9.0, 18.0, 26.0), ANGLE), closed=True, sides=16)
    parts = [_torso(body, fabric), part("hood", hood, fabric)]
    cord = cloth(traits.clothes_second_colour, 64, rng)
    for side in (-1.0, 1.0):
        (top,) = _on_neck(neck, np.array([side * 0.33]), np.array([184.0]), 13.0)
        fall = np.linspace(0, 1, 12)[:, None]
        path = top + fall * np.array([side * 6.0, 125.0, -42.0]) + np.array([side * 3.0, 0, -3.0]) * np.sin(3 * fall)
        parts.append(part("cord", tube(path, 2.0, 2.0, up=(0.0, 0.0, 1.0)), cord))
    return parts


def _leaf(
    neck: Skull, body: np.ndarray, *, stand: float, fall: float, point: float, gap: float, room: float, off: float
) -> Mesh:
    """A turned-down collar: up along the neck by `stand` millimetres, then over and down on the body to `fall`
    millimetres from the neck, at its ends by `point` more.

    `gap`: radians left open on either side of the throat; `room`, `off`: how far it is off the skin and the body.
    """
    angle = np.linspace(gap, 2 * np.pi - gap, 72)
    turned = np.where(angle > np.pi, angle - 2 * np.pi, angle)
    base = _around(COLLAR, turned)
    foot = _on_neck(neck, turned, base + 5.0, room)
    fold = _on_neck(neck, turned, base - stand, room + 1.0)
    tip = np.exp(-(((np.abs(turned) - gap) / 0.3) ** 2))
    edge = _on_body(body, turned, fall + point * tip, off)
    over = fold + (edge - fold) * 0.3 + np.array([0.0, -0.3 * stand, 0.0])
    way = np.linspace(0, 1, 12)[:, None, None]
    rows = [foot[None], (foot + fold)[None] / 2, (1 - way) ** 2 * fold + 2 * way * (1 - way) * over + way**2 * edge]
    return sheet(np.concatenate(rows), outward=PIVOT - np.array([0.0, 10.0, 0.0]))


def _on_body(body: np.ndarray, angle: np.ndarray, distance: np.ndarray, off: float) -> np.ndarray:
    """Points (n, 3) at angles and distances (n,) along the body from the collar, `off` millimetres above it."""
    columns = (angle + np.pi) / (2 * np.pi) * COLUMNS % COLUMNS
    at = np.round(columns).astype(int) % COLUMNS
    course = body[:, at]
    length = np.concatenate(
        [np.zeros((1, len(at))), np.cumsum(np.linalg.norm(np.diff(course, axis=0), axis=-1), axis=0)]
    )
    rows = np.array([np.interp(far, length[:, i], np.arange(len(body))) for i, far in enumerate(distance)])
    wrapped = np.concatenate([body, body[:, :1]], axis=1).astype(np.float32)
    found = cv2.remap(wrapped, columns.astype(np.float32)[None], rows.astype(np.float32)[None], cv2.INTER_LINEAR)[0]
    outward = found - (PIVOT + np.array([0.0, 60.0, 0.0]))
    result: np.ndarray = found + off * outward / np.linalg.norm(outward, axis=1, keepdims=True)
    return result


def _shirt(traits: Traits, neck: Skull, body: np.ndarray, rng: np.random.Generator) -> list[Part]:
    fabric = _buttoned(cloth(traits.clothes_colour, 512, rng, weave=0.02, repeat=230))
    collar = cloth(traits.clothes_colour, 128, rng, weave=0.02)
    leaf = _leaf(neck, body, stand=15, fall=25, point=24, gap=0.07, room=3.0, off=3.0)
    parts = [_torso(body, fabric), part("collar", leaf, collar)]
    button = Material("plain", flat((0.75, 0.73, 0.68)), np.full((1, 1), 0.3, np.float32), specular=0.04)
    middle = COLUMNS // 2
    for row in range(4, BODY_ROWS, 6):
        parts.append(part("button", ball(body[row, middle] + np.array([0, 0, -0.8]), 4.5, 4.5), button))
    return parts


def _buttoned(fabric: Material) -> Material:
    """The cloth with the edges and seams of a button placket down its middle."""
    size = fabric.albedo.shape[1]
    across = np.abs(np.arange(size) + 0.5 - size / 2) / size * 900
    shade = 1 - 0.3 * np.exp(-(((across - 15) / 1.4) ** 2)) - 0.12 * np.exp(-(((across - 10) / 1.0) ** 2))
    return replace(fabric, albedo=(fabric.albedo * shade[None, :, None]).astype(np.float32))


def _jacket(traits: Traits, neck: Skull, body: np.ndarray, rng: np.random.Generator) -> list[Part]:
    """An open jacket with a turned-down collar over a T-shirt of the second colour."""
    parts = _t_shirt(replace(traits, clothes_colour=traits.clothes_second_colour), neck, body, rng)
    fabric = cloth(traits.clothes_colour, 512, rng, weave=0.07, repeat=140)
    rows = np.linspace(0, 1, BODY_ROWS)
    gap = np.interp(rows, [0, 0.2, 0.5, 1.0], [0.85, 0.5, 0.26, 0.16])[:, None]
    share = np.linspace(0, 1, 100)
    columns = (gap + share * (2 * np.pi - 2 * gap) + np.pi) % (2 * np.pi) / (2 * np.pi) * COLUMNS
    wrapped = np.concatenate([body, body[:, :1]], axis=1).astype(np.float32)
    across, down = columns.astype(np.float32), np.tile(np.arange(BODY_ROWS)[:, None], (1, 100)).astype(np.float32)
    shell = cv2.remap(wrapped, across, down, cv2.INTER_LINEAR)
    outward = shell - (PIVOT + np.array([0.0, 60.0, 0.0]))
    outward = outward / np.linalg.norm(outward, axis=-1, keepdims=True)
    # Its front edges are turned in, so that they show their thickness.
    edge = np.clip(np.minimum(share, 1 - share) / 0.012, 0, 1)[None, :, None]
    shell = shell + outward * 7.0 * (0.1 + 0.9 * edge)
    parts.append(part("jacket", sheet(shell, outward=np.array([0.0, 300.0, 55.0])), fabric))
    collar = _leaf(neck, body, stand=10, fall=46, point=48, gap=0.6, room=7.0, off=11.0)
    parts.append(part("lapel", collar, fabric))
    return parts
