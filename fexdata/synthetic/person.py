"""A person who does not exist: everything of them that no picture changes.

Made from a seed, once, and used by all pictures of the person: the shape of the head, the eyes in
it, skin, hair.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from fexdata.faces.models.default import default_model, measurement_directions
from fexdata.faces.models.face_model import FaceModel
from fexdata.synthetic.accessories import Accessories, dress
from fexdata.synthetic.eyes import Eyeball, fit_eyeballs
from fexdata.synthetic.hair import Hair, grow_hair
from fexdata.synthetic.models import shape_model
from fexdata.synthetic.skin import SkinMaps, skin_maps
from fexdata.synthetic.traits import Traits, draw_traits

FARTHEST = 2.2
"""Standard deviations beyond which no coefficient of identity is drawn."""
MASCULINE, JAW = 1.0, -0.8
KEPT = 0.6
"""Standard deviations by which looks shift the shape's masculinity, and all jaws are narrower; the share of what
was drawn that is kept in both."""
TEXTURE = 1024
"""Side of the unrolled skin, in texels."""


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One person, in head space (x right in the picture, y down, z away, millimetres)."""

    seed: int
    model: FaceModel
    traits: Traits
    identity: np.ndarray
    """(K,) float32 coefficients."""
    neutral: np.ndarray
    """(V, 3) float32: the head without expression."""
    balls: tuple[Eyeball, Eyeball]
    skin: SkinMaps
    hair: Hair
    accessories: Accessories


@functools.lru_cache(maxsize=2)
def make_person(seed: int, model_name: str) -> Person:
    """The person of a seed. Raises `FexdataError` for a model that is not there."""
    model = shape_model(model_name)
    traits = draw_traits(seed)
    shape_rng, hair_rng, dress_rng = np.random.default_rng([seed, 1]).spawn(3)
    identity = draw_identity(shape_rng, len(model.identity_names))
    if model.identity_names == default_model().identity_names:
        identity = _in_keeping(identity, traits)
    neutral = model.shape(identity)
    return Person(
        seed=seed,
        model=model,
        traits=traits,
        identity=identity,
        neutral=neutral,
        balls=fit_eyeballs(model, neutral),
        skin=skin_maps(traits, model, TEXTURE),
        hair=grow_hair(traits, model, neutral, hair_rng),
        accessories=dress(traits, model, neutral, dress_rng),
    )


def draw_identity(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count,) float32 coefficients from the standard normal, cut off at `FARTHEST`."""
    drawn = rng.standard_normal(count)
    while (np.abs(drawn) > FARTHEST).any():
        beyond = np.abs(drawn) > FARTHEST
        drawn[beyond] = rng.standard_normal(int(beyond.sum()))
    return drawn.astype(np.float32)


def _in_keeping(identity: np.ndarray, traits: Traits) -> np.ndarray:
    """The coefficients with a shape that goes with the traits, and a jaw as people have.

    MediaPipe's canonical face, the model's mean, is nearly as broad at the jaw as at the cheeks.
    """
    directions = measurement_directions()
    shifts = {"masculinity": MASCULINE * (2 * traits.masculinity - 1), "jaw_breadth": JAW}
    result = identity.astype(np.float64)
    for name, shift in shifts.items():
        direction = directions[name]
        result += (shift - (1 - KEPT) * float(result @ direction)) * direction
    return result.astype(np.float32)
