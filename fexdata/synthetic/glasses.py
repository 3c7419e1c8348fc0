"""Spectacles: a frame fitted to a person's eyes, nose and ears. Head space, millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fexdata.faces.models.face_model import FaceModel
from fexdata.render.photo.scene import Material, Part
from fexdata.synthetic.sheets import Mesh, flat, joined, part, sheet, tube
from fexdata.synthetic.skull import Skull, skull
from fexdata.synthetic.traits import Colour, Traits

EYES = ((33, 133, 159, 145), (263, 362, 386, 374))
"""MediaPipe's vertices round the left and the right eye."""
WRAP = 0.0018
"""Curvature of the front to the temples, 1/mm."""
TILT = 0.13
"""Slope of the front: its lower rim is nearer to the cheeks."""
CLEAR = 1.3
"""Millimetres between the frame and the skin, at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Glasses:
    """Spectacles fitted to a person, but for how far before the face they sit."""

    frame: Material
    bar: tuple[float, float]
    """Half the thickness of the rims: towards the face, and in the front's plane."""
    centre: np.ndarray
    """(2,): x and y of a lens's middle."""
    outline: np.ndarray
    """(n, 2): its rim about the middle, x outwards."""
    ears: np.ndarray
    """(2, 3): where the temples lie on the left and the right ear."""
    head: Skull
    """Of the head without ears, which the temples keep clear of."""


def fit_glasses(traits: Traits, model: FaceModel, neutral: np.ndarray, rng: np.random.Generator) -> Glasses | None:
    """Spectacles of a size that suits the face at rest, neutral (V, 3); None for who wears none."""
    if traits.glasses == "none":
        return None
    thin = traits.glasses == "thin"
    middles = np.array([neutral[list(eye)].mean(axis=0) for eye in EYES])
    half = float(np.abs(middles[:, 0]).mean()) + 1.5
    width = min(half - (8.5 if thin else 9.5), float(rng.uniform(23.0, 26.5)))
    tall = width * float(rng.choice([0.96, 0.82, 0.74]) if thin else rng.choice([0.92, 0.82]))
    squareness = 2.0 if tall > 0.9 * width and thin else float(rng.uniform(2.5, 3.4))
    return Glasses(
        frame=_metal(traits.glasses_colour) if thin else _plastic(traits.glasses_colour),
        bar=(0.75, 0.75) if thin else (1.7, float(rng.uniform(1.7, 2.4))),
        centre=np.array([half, float(middles[:, 1].mean()) + 2.0]),
        outline=_outline(width, tall, squareness, float(rng.uniform(0.0, 0.1))),
        ears=np.stack([_ear_top(model, neutral, side) for side in (-1.0, 1.0)]),
        head=skull(neutral, model.triangles, model.regions["ears"] > 0.3),
    )


def put_on(glasses: Glasses, vertices: np.ndarray) -> list[Part]:
    """Frame and lenses before the same person's face with an expression, vertices (V, 3): raised cheeks push
    them forward."""
    centre, outline, bar = glasses.centre, glasses.outline, glasses.bar
    front = _front_depth(vertices, centre, outline, max(bar))
    rims = {side: _on_front(centre, outline, side, front) for side in (-1.0, 1.0)}
    meshes = [tube(rim, bar[1], bar[0], closed=True, up=(0.0, 0.0, 1.0)) for rim in rims.values()]
    meshes += [_temple(glasses, rim, side) for side, rim in rims.items()]
    meshes.append(_bridge(glasses, front, vertices))
    return [part("glasses_frame", joined(meshes), glasses.frame), *(_lens(rim) for rim in rims.values())]


def _outline(width: float, tall: float, squareness: float, brow: float) -> np.ndarray:
    """(40, 2): a lens's rim about its middle, x outwards; a superellipse, wider at its top by the share `brow`."""
    angle = np.linspace(0, 2 * np.pi, 41)[:-1]
    cos, sin = np.cos(angle), np.sin(angle)
    x = width * np.sign(cos) * np.abs(cos) ** (2 / squareness)
    y = tall * np.sign(sin) * np.abs(sin) ** (2 / squareness)
    return np.stack([x * (1 - brow * y / tall), y], axis=1)


def _plane(x: np.ndarray, y: np.ndarray, middle: float) -> np.ndarray:
    """z of the curved front, apart from its distance."""
    return WRAP * x**2 + TILT * (y - middle)


def _front_depth(vertices: np.ndarray, centre: np.ndarray, outline: np.ndarray, bar: float) -> float:
    """How far back the front can go without the frame or the lenses touching the face (V, 3)."""
    reach = np.abs(outline).max(axis=0) + bar + 1.0
    x, y, z = vertices.T
    under = (np.abs(np.abs(x) - centre[0]) < reach[0]) & (np.abs(y - centre[1]) < reach[1]) & (z < 0)
    shape = np.hypot((np.abs(x) - centre[0]) / reach[0], (y - centre[1]) / reach[1]) < 1.06
    use = under & shape
    return float((z[use] - _plane(x[use], y[use], centre[1])).min()) - CLEAR - bar


def _on_front(centre: np.ndarray, outline: np.ndarray, side: float, front: float) -> np.ndarray:
    x, y = side * (centre[0] + outline[:, 0]), centre[1] + outline[:, 1]
    return np.stack([x, y, front + _plane(x, y, centre[1])], axis=1)


def _bridge(glasses: Glasses, front: float, vertices: np.ndarray) -> Mesh:
    """Over the nose, from rim to rim, clear of the skin below."""
    thick, wide = glasses.bar
    inner = glasses.centre[0] - np.abs(glasses.outline[:, 0]).max() + 0.5
    middle = glasses.centre[1]
    x = np.linspace(-inner, inner, 13)
    y = middle - 6.5 - 2.5 * (1 - (x / inner) ** 2)
    nose = vertices[(np.abs(vertices[:, 0]) < inner + 6) & (vertices[:, 2] < 0)]
    near = np.linalg.norm(nose[None, :, :2] - np.stack([x, y], 1)[:, None], axis=-1) < 4.5
    skin = np.where(near, nose[None, :, 2], np.inf).min(axis=1)
    z = np.minimum(front + _plane(x, y, middle), skin - CLEAR - max(thick, wide))
    z = np.minimum(z, np.convolve(np.pad(z, 2, mode="edge"), np.ones(5) / 5, mode="valid"))
    return tube(np.stack([x, y, z], axis=1), thick, wide * 1.1, up=(0.0, 1.0, 0.0))


def _temple(glasses: Glasses, rim: np.ndarray, side: float) -> Mesh:
    """From the rim's outer end along the temple over the ear and down behind it."""
    ear = glasses.ears[int(side > 0)]
    high = np.abs(rim[:, 1] - (rim[:, 1].mean() - 9.0))
    hinge = rim[np.argmin(high - 0.5 * np.abs(rim[:, 0]))]
    corner = hinge + np.array([side * 3.5, 0.0, 2.0])
    back = np.array([side * max(abs(ear[0]), abs(corner[0]) - 4), ear[1], ear[2]])
    straight = corner + (back - corner) * np.linspace(0, 1, 12)[:, None]
    hook = np.array([[-1.0, 2.5, 6.0], [-2.5, 9.0, 11.0], [-4.5, 22.0, 15.0], [-6.0, 32.0, 17.0]]) * [side, 1, 1]
    path = np.concatenate([hinge[None], straight, back + hook])
    thick, tall = (0.6, 0.8) if glasses.bar[0] < 1 else (1.3, 2.6)
    path[3:] = glasses.head.outside(path[3:].astype(np.float32), CLEAR + thick)
    height = np.interp(np.arange(len(path)), [0, 2, 12, len(path) - 1], [tall * 1.4, tall * 1.4, tall, tall * 0.9])
    return tube(path, thick, height, up=(0.0, 1.0, 0.0))


def _ear_top(model: FaceModel, neutral: np.ndarray, side: float) -> np.ndarray:
    """Where the ear meets the head at its top: (3,)."""
    ears = (model.regions["ears"] > 0.5) & (model.mean[:, 0] * side > 0)
    if not ears.any():
        return np.array([side * 80.0, -40.0, 42.0])
    points = neutral[ears]
    top = points[points[:, 1] < np.quantile(points[:, 1], 0.25)]
    inner = float(np.quantile(np.abs(top[:, 0]), 0.1))
    return np.array([side * (inner + 1.5), float(np.quantile(points[:, 1], 0.05)) - 1.0, float(top[:, 2].mean())])


def _lens(rim: np.ndarray) -> Part:
    """A clear, slightly domed disc in the rim."""
    middle = rim.mean(axis=0)
    share = np.array([0.0, 0.5, 0.8, 0.97])[:, None, None]
    dome = middle + (rim - middle) * share
    dome[..., 2] -= 1.2 * (1 - share[..., 0] ** 2)
    clear = np.full((1, 1, 3), 0.965, np.float32)
    material = Material("glass", clear, np.full((1, 1), 0.03, np.float32), specular=0.028)
    mesh = sheet(dome, closed=True, outward=middle + np.array([0, 0, 50.0]))
    return part("lens", mesh, material, shadows=False)


def _metal(colour: Colour) -> Material:
    return Material("plain", flat(colour), np.full((1, 1), 0.28, np.float32), specular=0.45)


def _plastic(colour: Colour) -> Material:
    return Material("plain", flat(colour), np.full((1, 1), 0.22, np.float32), specular=0.045)
