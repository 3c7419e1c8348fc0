"""Paint on the skin: lipstick, eye shadow, eyeliner, and the shade of hairs below or on the skin."""

from __future__ import annotations

import numpy as np

from fexdata.synthetic.skin_atlas import Atlas
from fexdata.synthetic.skin_marks import HAIRS
from fexdata.synthetic.skin_regions import beard_area, lines, lip_area, mixed
from fexdata.synthetic.traits import Colour, Traits

EYELINER: Colour = (0.012, 0.010, 0.010)


def painted(albedo: np.ndarray, atlas: Atlas, traits: Traits, lips: np.ndarray) -> np.ndarray:
    """The albedo (h, w, 3) with make-up on; `lips` (h, w) is where the lips are."""
    if traits.eyeshadow:
        shade = mixed(atlas, {"upper_lid": 0.6 * traits.eyeshadow})
        albedo = _covered(albedo, traits.eyeshadow_colour, shade)
    if traits.eyeliner:
        rims = lines(atlas)
        line = np.minimum(1.2 * rims["upper_lashes"] + 0.4 * rims["lower_lashes"], 1)
        albedo = _covered(albedo, EYELINER, 0.85 * traits.eyeliner * line)
    if traits.lipstick:
        # Lipstick keeps some of the light and shade of the lip below it.
        below = albedo.mean(axis=2, keepdims=True)
        tone = below / max(1e-6, float(np.average(below[..., 0], weights=lips + 1e-6)))
        albedo = _covered(albedo, np.array(traits.lipstick_colour, np.float32) * tone, 0.85 * traits.lipstick * lips)
    return albedo


def shaded_by_beard(albedo: np.ndarray, atlas: Atlas, traits: Traits, marks: np.ndarray) -> np.ndarray:
    """The albedo with the roots of a beard showing through shaved skin, as stubble, or below longer hairs."""
    where, covering = _beard(atlas, traits)
    if where is None:
        return albedo
    hair = np.array(traits.beard_colour, np.float32)
    contrast = float(np.clip(1.25 * albedo.mean() - hair.mean(), 0, 0.3) / 0.3)
    roots = np.minimum(marks[..., HAIRS], 2.0)
    below = 0.5 * traits.beard_shadow * contrast * (0.75 + 0.25 * roots)
    # Pigment deep in the skin looks blue: the skin above it scatters the short waves back.
    albedo = albedo * (1 - (where * below)[..., None] * np.array([0.62, 0.50, 0.40], np.float32))
    if covering:
        on_top = covering * (0.35 + 0.65 * traits.beard_density) * where * (0.6 + 0.4 * roots)
        albedo = _covered(albedo, 0.5 * hair + 0.01, np.minimum(on_top, 0.9))
    return albedo


def _beard(atlas: Atlas, traits: Traits) -> tuple[np.ndarray | None, float]:
    """Where hairs grow, and how far they hide the skin."""
    if traits.beard == "none" and not traits.beard_shadow:
        return None, 0.0
    lip, chin = atlas.region("moustache"), atlas.region("chin")
    everywhere = np.maximum(beard_area(atlas), lip) * (1 - lip_area(atlas))
    covering = {"none": 0.0, "stubble": 0.25, "moustache": 0.4, "goatee": 0.4, "short_beard": 0.5, "full_beard": 0.55}
    if traits.beard == "moustache":
        everywhere = np.maximum(0.35 * everywhere, lip)
    elif traits.beard == "goatee":
        everywhere = np.maximum(0.35 * everywhere, np.maximum(lip, chin))
    return everywhere, covering[traits.beard]


def _covered(albedo: np.ndarray, colour: Colour | np.ndarray, amount: np.ndarray) -> np.ndarray:
    mixed_in: np.ndarray = albedo + (np.asarray(colour, np.float32) - albedo) * amount[..., None].astype(np.float32)
    return mixed_in
