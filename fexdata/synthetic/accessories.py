"""What a person wears: glasses, cap or beanie, ear studs, clothes. Fitted once (`dress`), put on each
picture's head (`worn`). Head space, millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fexdata.faces.models.face_model import FaceModel
from fexdata.render.photo.scene import Material, Part
from fexdata.synthetic.clothes import clothes
from fexdata.synthetic.glasses import Glasses, fit_glasses, put_on
from fexdata.synthetic.headwear import headwear
from fexdata.synthetic.sheets import ball, flat, part
from fexdata.synthetic.traits import Traits


@dataclass(frozen=True, slots=True, eq=False)
class Accessories:
    """A person's things, fitted to the face at rest."""

    fixed: list[Part]
    """What moves with the head alone: cap, beanie."""
    glasses: Glasses | None
    studs: list[tuple[int, Part]]
    """Ear studs, each with the vertex it hangs at; their vertices are relative to it."""
    clothes: list[Part]
    """What moves with the shoulders, not with the head."""


def dress(traits: Traits, model: FaceModel, neutral: np.ndarray, rng: np.random.Generator) -> Accessories:
    """Fits what `traits` name to a head at rest, neutral (V, 3) millimetres in head space."""
    worn_rng, seen_rng, stud_rng, cloth_rng = rng.spawn(4)
    return Accessories(
        fixed=headwear(traits, model, neutral, worn_rng),
        glasses=fit_glasses(traits, model, neutral, seen_rng),
        studs=_studs(traits, model, stud_rng),
        clothes=clothes(traits, model, neutral, cloth_rng),
    )


def worn(accessories: Accessories, vertices: np.ndarray) -> list[Part]:
    """What the head wears, on the same person's face with an expression: vertices (V, 3)."""
    parts = list(accessories.fixed)
    if accessories.glasses is not None:
        parts += put_on(accessories.glasses, vertices)
    for vertex, stud in accessories.studs:
        parts.append(replace(stud, vertices=(stud.vertices + vertices[vertex]).astype(np.float32)))
    return parts


def _studs(traits: Traits, model: FaceModel, rng: np.random.Generator) -> list[tuple[int, Part]]:
    """A small ball for each ear's lobe; none for a head without ears."""
    ears = model.regions["ears"] > 0.5
    if not traits.earrings or not ears.any():
        return []
    colour = (0.75, 0.62, 0.36) if rng.random() < 0.6 else (0.7, 0.7, 0.72)
    material = Material("plain", flat(colour), np.full((1, 1), 0.15, np.float32), specular=0.6)
    radius, found = float(rng.uniform(1.6, 2.6)), []
    for side in (-1.0, 1.0):
        ear = np.flatnonzero(ears & (model.mean[:, 0] * side > 0))
        rest = model.mean[ear]
        lobe = np.array([np.quantile(rest[:, 1], 0.95), np.quantile(rest[:, 2], 0.3)])
        at = ear[np.argmin(np.linalg.norm(rest[:, 1:] - lobe, axis=1) - 0.8 * rest[:, 0] * side)]
        found.append((int(at), part("stud", ball(np.array([side * 0.8, 0, 0]), radius, radius), material)))
    return found
