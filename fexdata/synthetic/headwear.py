"""Caps and beanies, fitted over a person's scalp. Head space, millimetres."""

from __future__ import annotations

import cv2
import numpy as np

from fexdata.faces.models.face_model import FaceModel
from fexdata.render.photo.scene import Part
from fexdata.synthetic.fabrics import cloth, knit, panelled
from fexdata.synthetic.sheets import Mesh, ball, part, sheet
from fexdata.synthetic.skull import BACK, COLUMNS, STEP, TOP, TOP_ROWS, Skull, skull
from fexdata.synthetic.traits import Colour, Headwear, Traits

RIMS: dict[Headwear, tuple[tuple[float, float], ...]] = {
    "cap": ((0, -88), (30, -86), (60, -72), (85, -60), (110, -52), (140, -38), (180, -30)),
    "beanie": ((0, -80), (30, -77), (60, -62), (85, -50), (110, -42), (140, -22), (180, -6)),
}
"""Degrees from the middle of the face, and the height y of the rim on the mean head."""
MEAN_BROW = -51.0


def rim_height(worn: Headwear, angle: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    """y of the headwear's rim at angles (radians) about the head's axis, for the head `neutral` (V, 3)."""
    degrees, heights = np.array(RIMS[worn]).T
    brow = float(neutral[[105, 334], 1].mean())
    result: np.ndarray = np.interp(np.abs(np.degrees(angle)), degrees, heights) + 0.8 * (brow - MEAN_BROW)
    return result


def tucked_in(traits: Traits, courses: np.ndarray, head: Skull, neutral: np.ndarray) -> np.ndarray:
    """Hairs (N, K, 3) pressed to the skin under the person's cap or beanie; loosely again below its rim."""
    below = courses[..., 1] - rim_height(traits.headwear, np.arctan2(courses[..., 0], BACK - courses[..., 2]), neutral)
    return head.within(courses, 1.5 + 0.7 * np.maximum(below - 2.0, 0))


def hidden(traits: Traits, courses: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    """(N,) bool: which hairs (N, K, 3) lie wholly under the person's cap or beanie."""
    below = courses[..., 1] - rim_height(traits.headwear, np.arctan2(courses[..., 0], BACK - courses[..., 2]), neutral)
    result: np.ndarray = (below < -6.0).all(axis=1)
    return result


def headwear(traits: Traits, model: FaceModel, neutral: np.ndarray, rng: np.random.Generator) -> list[Part]:
    """A baseball cap or a knitted beanie over the scalp, or nothing."""
    if traits.headwear == "none":
        return []
    head = skull(neutral, model.triangles, model.regions["ears"] > 0.3)
    smooth = Skull(
        radius=np.maximum(cv2.GaussianBlur(head.radius, (0, 0), 4.0, borderType=cv2.BORDER_REPLICATE), head.radius)
    )
    angle = np.linspace(-np.pi, np.pi, 97)[:-1]
    rim = rim_height(traits.headwear, angle, neutral)
    if traits.headwear == "cap":
        return _cap(traits, smooth, angle, rim, rng)
    return _beanie(traits, smooth, angle, rim, rng)


def _cap(traits: Traits, head: Skull, angle: np.ndarray, rim: np.ndarray, rng: np.random.Generator) -> list[Part]:
    last = _rows(head, angle, rim)
    share = np.linspace(0.001, 1, 26)[:, None]
    room = (
        5.0
        + 9.0 * np.cos(np.clip(share * 1.15, 0, 1) * np.pi / 2)
        + 3.0 * np.maximum(np.cos(angle), 0) * share * (1 - share) * 4
    )
    dome = head.surface(angle, share * last, room)
    fabric = panelled(cloth(traits.headwear_colour, 512, rng, weave=0.05), panels=6)
    parts = [part("cap", sheet(dome, closed=True), fabric)]
    parts.append(_lining(dome[-1], head, angle, last, traits.headwear_colour, rng))
    parts.append(part("cap_brim", _brim(head, rim), cloth(traits.headwear_colour, 128, rng, weave=0.04)))
    button = dome[0].mean(axis=0)
    parts.append(part("cap_button", ball(button, 6.0, 2.5), cloth(traits.headwear_colour, 8, rng)))
    return parts


def _brim(head: Skull, rim: np.ndarray) -> Mesh:
    """A shade over the forehead: curved down at its sides, with a rounded edge and some thickness."""
    reach = np.radians(62)
    angle = np.linspace(-reach, reach, 33)
    line = np.interp(angle, np.linspace(-np.pi, np.pi, 97)[:-1], rim)
    edge = head.surface(angle, _rows(head, angle, line), 4.5)
    shape = np.sqrt(np.clip(1 - (angle / reach) ** 2, 0, 1)) ** 0.8
    way = np.linspace(0, 1, 12)[:, None, None]
    out = np.stack([0.12 * edge[:, 0] * shape, 16 * shape, -66 * shape], axis=1)
    top = edge + out * way + np.array([0, 9.0, 0]) * (np.abs(edge[:, 0:1]) / 60) ** 2 * way
    below = top[::-1] + np.array([0, 1.8, 0.4])
    return sheet(np.concatenate([top, below]))


def _beanie(traits: Traits, head: Skull, angle: np.ndarray, rim: np.ndarray, rng: np.random.Generator) -> list[Part]:
    last = _rows(head, angle, rim)
    share = np.linspace(0.001, 1, 30)[:, None]
    slack = 4.5 + (14 * rng.random() + 5) * np.cos(np.clip(share * 1.3, 0, 1) * np.pi / 2) ** 1.3
    crumple = 1.6 * np.sin(5 * angle + rng.uniform(0, 6)) * np.sin(np.pi * share) * np.sin(7 * share)
    dome = head.surface(angle, share * last, slack + crumple)
    parts = [part("beanie", sheet(dome, closed=True), knit(traits.headwear_colour, 768, rng, stitches=120))]
    # The cuff: turned up, thicker, from the rim upwards and back in.
    height = 13.0 if last.mean() > TOP_ROWS else 10.0
    up = np.array([0.0, 0.1, 0.3, 0.6, 0.85, 1.0, 1.02])[::-1, None]
    bulge = np.array([6.2, 8.2, 9.0, 9.2, 8.6, 7.2, 5.0])[::-1, None]
    cuff = head.surface(angle, last - height * up, bulge)
    parts.append(part("beanie_cuff", sheet(cuff, closed=True), knit(traits.headwear_colour, 256, rng, stitches=100)))
    parts.append(_lining(cuff[-1], head, angle, last, traits.headwear_colour, rng))
    return parts


def _lining(
    edge: np.ndarray, head: Skull, angle: np.ndarray, last: np.ndarray, colour: Colour, rng: np.random.Generator
) -> Part:
    """What closes the slit between the rim and the skin."""
    inner = head.surface(angle, last - 1.5, -1.0)
    dark = tuple(0.5 * value for value in colour)
    mesh = sheet(np.stack([edge, inner]), closed=True, outward=np.array([0.0, -400.0, BACK]))
    return part("lining", mesh, cloth((dark[0], dark[1], dark[2]), 8, rng))


def _rows(head: Skull, angle: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Rows of the skull's map at which its surface has the heights y at the angles."""
    columns = ((angle + np.pi) * COLUMNS / (2 * np.pi) - 0.5).round().astype(int) % COLUMNS
    polar = np.arange(TOP_ROWS) / TOP_ROWS * np.pi / 2
    found = TOP_ROWS + (heights - TOP) / STEP
    for at, column in enumerate(columns):
        if heights[at] < TOP:
            found[at] = np.interp(
                heights[at], TOP - np.cos(polar) * head.radius[:TOP_ROWS, column], np.arange(TOP_ROWS)
            )
    return found
