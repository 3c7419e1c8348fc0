"""The skin of a person as textures of the unrolled head, and how an expression wrinkles it.

Colour comes from two maps, of melanin and of blood (`skin_colour`), which vary over the face as in everyone
(`skin_regions`), from person to person (`traits`), and in small patterns (`skin_detail`, `skin_marks`); make-up and
beard lie on top (`skin_makeup`). What belongs to the person is made once by `skin_maps`; what belongs to one picture,
the wrinkles of its expression, is laid over it by `material`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from fexdata.faces.models.face_model import FaceModel
from fexdata.render.photo.scene import Material
from fexdata.synthetic.skin_atlas import Atlas, atlas_of
from fexdata.synthetic.skin_colour import colour_table
from fexdata.synthetic.skin_detail import CELLS, PORES, lip_lines, mottling, pores_and_cells
from fexdata.synthetic.skin_makeup import painted, shaded_by_beard
from fexdata.synthetic.skin_marks import BLOOD, MELANIN, RELIEF, marks
from fexdata.synthetic.skin_regions import lines, lip_area, mixed
from fexdata.synthetic.skin_wrinkles import Wrinkle, wrinkles
from fexdata.synthetic.traits import Traits

STREAM = 0x5C1
"""Keeps the skin's random numbers apart from those of the traits."""
CAVITY = (0.30, 0.37, 0.40)
"""How much darker a groove of one millimetre is, as exponents of red, green and blue: its blood glows."""


@dataclass(frozen=True, slots=True, eq=False)
class SkinMaps:
    """One person's skin; textures of the head's `uv`."""

    albedo: np.ndarray
    """(size, size, 3) float32 linear reflectance."""
    roughness: np.ndarray
    """(size, size) float32."""
    height: np.ndarray
    """(size, size) float32 millimetres, without wrinkles."""
    wrinkles: list[Wrinkle]


def skin_maps(traits: Traits, model: FaceModel, size: int = 1024) -> SkinMaps:
    """The skin of a person on a head whose first 468 vertices are MediaPipe's.

    `size` is the texture's side in texels, a multiple of 4. Equal traits give equal maps.
    """
    # Streams of their own, so that make-up or a beard changes nothing else about the person.
    own = [np.random.default_rng([STREAM, traits.seed, step]) for step in range(6)]
    atlas = atlas_of(model, size)
    spots = marks(atlas, traits, own[0])
    grain = pores_and_cells(atlas, own[1])
    soft = mottling(atlas, 0.9, 2, own[2])
    folds = wrinkles(atlas, traits.wrinkles, own[3])
    lined = lip_lines(atlas, own[4])
    lips = lip_area(atlas)
    melanin, blood = _pigments(atlas, traits, spots, soft, grain, own[5])
    _colour_lips(melanin, blood, atlas, traits, lined)
    albedo = colour_table(traits.eumelanin).colour(melanin, blood)
    albedo *= 1 + np.float32(0.04) * np.minimum(grain[..., PORES], 0)[..., None] * _pored(atlas, traits)[..., None]
    albedo *= 1 - lips[..., None] * np.array([0.03, 0.16, 0.22], np.float32)
    albedo = shaded_by_beard(albedo, atlas, traits, spots)
    albedo = painted(albedo, atlas, traits, lips)
    return SkinMaps(
        albedo=np.clip(albedo, 0.004, 0.95),
        roughness=_roughness(atlas, traits, soft[..., 0], lined),
        height=_relief(atlas, traits, spots, soft[..., 1], grain, lined),
        wrinkles=folds,
    )


def material(maps: SkinMaps, intensities: Mapping[str, float] | None = None) -> Material:
    """The skin under an expression.

    `intensities` are the model's expression coefficients by name (`AU12_left`; `AU12` for both sides), 0 to 1; units
    that wrinkle nothing are ignored. Without them only lasting wrinkles show.
    """
    moved = dict(intensities or {})
    albedo, height = maps.albedo.copy(), maps.height.copy()
    for wrinkle in maps.wrinkles:
        strength = wrinkle.strength(moved)
        if strength < 0.01:
            continue
        place = wrinkle.rows, wrinkle.columns
        relief = wrinkle.height * np.float32(strength)
        height[place] += relief
        albedo[place] *= cv2.exp(np.minimum(relief, 0)[..., None] * np.array(CAVITY, np.float32))
    return Material("skin", albedo, maps.roughness, height)


def _pigments(
    atlas: Atlas, traits: Traits, spots: np.ndarray, soft: np.ndarray, grain: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Natural logarithms of the shares of melanin and of blood, (size, size) each."""
    wide = mottling(atlas, 7.0, 2, rng)
    middle = mottling(atlas, 1.9, 2, rng)
    even = (1 - 0.6 * traits.foundation) * (0.3 + 0.7 * traits.mottling)
    own = rng.normal(1, 0.3, 16)
    dark = (0.5 + traits.tone) * (1 - 0.4 * traits.foundation)
    red = 1 - 0.5 * traits.foundation
    melanin = mixed(
        atlas,
        {
            "forehead": 0.10 * dark * own[0],
            "temple": 0.08 * dark * own[1],
            "cheek": -0.08 * dark,
            "upper_lid": 0.22 * dark * own[2],
            "under_eye": (0.10 + 0.45 * traits.dark_circles) * dark * own[3],
            "perioral": 0.14 * dark * own[4],
            "nose": 0.05 * dark,
            "alar_crease": 0.10 * dark,
            "under_chin": -0.12 * dark,
        },
    )
    irritated = 0.55 * traits.redness
    blood = mixed(
        atlas,
        {
            "nose": red * (0.22 + irritated) * own[5],
            "nose_tip": red * (0.26 + 0.5 * irritated) * own[6],
            "alar_crease": red * 0.42 * own[7],
            "cheek": red * (0.20 + irritated) * own[8],
            "apple": 0.75 * traits.blush * red * own[9] + 0.9 * traits.rouge,
            "chin": red * (0.20 + 0.7 * irritated) * own[10],
            "forehead": -0.18 * own[11],
            "upper_lid": 0.22 * own[12],
            "under_eye": 0.10 + 0.38 * traits.dark_circles,
            "perioral": -0.10,
            "lip_corner": 0.18 * red,
            "ear_height": 0.30 * own[13],
            "under_chin": -0.10,
        },
    )
    calm = even * (1 - 0.65 * traits.tone)
    melanin += np.float32(0.05 * calm) * wide[..., 0] + np.float32(0.045 * calm) * middle[..., 0]
    calm = even * (1 - 0.65 * traits.tone)
    melanin += np.float32(0.05 * calm) * soft[..., 0] - np.float32(0.02) * grain[..., CELLS]
    blood += np.float32(0.09 * even) * wide[..., 1] + np.float32(0.11 * even) * middle[..., 1]
    blood += np.float32(0.10 * even) * soft[..., 1] + np.float32(0.25) * atlas.region("ears")
    melanin += spots[..., MELANIN] + np.float32(np.log(traits.melanin))
    blood += spots[..., BLOOD] + np.float32(np.log(traits.haemoglobin))
    return np.minimum(melanin, np.float32(np.log(0.5))), blood


def _colour_lips(melanin: np.ndarray, blood: np.ndarray, atlas: Atlas, traits: Traits, lined: np.ndarray) -> None:
    """Gives lips and the wet skin inside mouth and lids their own blood and pigment, in place."""
    lips, drawn = lip_area(atlas), lines(atlas)
    seam = drawn["seam"]
    base = np.log(max(0.028, 0.72 * traits.melanin))
    target = np.float32(base) + np.float32(0.30 * (0.4 + traits.tone)) * atlas.region("upper_lip")
    melanin += lips * (target + np.float32(0.5) * seam - melanin)
    full = np.float32(np.log(0.04 + 0.10 * traits.lip_redness)) - np.float32(0.10) * lined + np.float32(0.25) * seam
    blood += lips * (full - blood)
    wet = np.maximum(atlas.region("mouth_inside"), 0.8 * np.maximum(atlas.region("eyelid_rims"), drawn["wet_rim"]))
    melanin += wet * (np.float32(np.log(0.02)) - melanin)
    blood += wet * (np.float32(np.log(0.14)) - blood)


def _pored(atlas: Atlas, traits: Traits) -> np.ndarray:
    """How much pores show, about 1 on cheeks and nose of middling skin."""
    amount = mixed(
        atlas, {"nose": 0.9, "cheek": 0.6, "forehead": 0.3, "chin": 0.4, "under_eye": -0.5, "upper_lid": -0.5}
    )
    smooth = np.maximum(lip_area(atlas), np.maximum(atlas.region("mouth_inside"), atlas.region("eyelid_rims")))
    shown = np.clip(amount + np.float32(0.25), 0, 1.2) * (1 - smooth)
    return shown * np.float32((0.4 + 1.2 * traits.pores) * (1 - 0.5 * traits.foundation))


def _relief(
    atlas: Atlas, traits: Traits, spots: np.ndarray, soft: np.ndarray, grain: np.ndarray, lined: np.ndarray
) -> np.ndarray:
    lips = lip_area(atlas)
    old = np.float32(0.6 + 0.9 * traits.wrinkles)
    height = np.float32(0.026) * grain[..., PORES] * _pored(atlas, traits)
    height += (np.float32(0.012) * old * grain[..., CELLS] + np.float32(0.028) * old * soft) * (1 - lips)
    height += lips * lined * np.float32(0.07 + 0.06 * traits.wrinkles)
    return height + spots[..., RELIEF]


def _roughness(atlas: Atlas, traits: Traits, soft: np.ndarray, lined: np.ndarray) -> np.ndarray:
    """Oily where glands are many (nose, forehead, chin), wet on lips and rims, else matt."""
    shine = 0.5 + traits.oiliness
    rough = np.float32(0.52) - mixed(atlas, {"oily": 0.14 * shine, "nose_tip": 0.03 * shine})
    rough += np.float32(0.015) * soft
    lips = lip_area(atlas)
    glossy = 0.37 - 0.15 * traits.lip_gloss * (traits.lipstick > 0)
    rough += lips * (np.float32(glossy) - np.float32(0.03) * lined - rough)
    wet = np.maximum(atlas.region("mouth_inside"), atlas.region("eyelid_rims"))
    rough += wet * (np.float32(0.24) - rough)
    return np.clip(rough, 0.15, 0.8)
