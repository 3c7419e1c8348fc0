"""Who a person is, apart from the shape of the head: skin, hair, eyes, beard, make-up, clothes.

A person is drawn from a seed. What goes together in the world goes together here, as
probabilities only: dark skin with dark eyes and hair, age with grey hair and wrinkles, a masculine
look with beards. Every group of traits has its own stream of random numbers, so that a new trait
in one group changes no other.

Colours are linear (not sRGB) reflectance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

Colour = tuple[float, float, float]
HairStyle = Literal[
    "short", "side_part", "curly", "afro", "bob", "long", "ponytail", "buzz", "receding", "bald", "fringe", "bun"
]
HairColour = Literal["black", "dark_brown", "brown", "light_brown", "blond", "red", "grey", "white"]
EyeColour = Literal["dark_brown", "brown", "hazel", "green", "grey", "blue"]
Beard = Literal["none", "stubble", "moustache", "goatee", "short_beard", "full_beard"]
Headwear = Literal["none", "cap", "beanie"]
Glasses = Literal["none", "thin", "thick"]
Clothes = Literal["t_shirt", "shirt", "sweater", "hoodie", "jacket"]

Choice = TypeVar("Choice", bound=str)

MELANIN = (0.011, 0.28)
"""Share of melanosomes in the epidermis, lightest to darkest; within the 1.3 % to 43 % of Jacques 1998, nearly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """A person without the geometry. Unless it says otherwise, a float is a strength in 0..1."""

    seed: int
    age: float
    """Years, 18 to 75."""
    masculinity: float
    """0 feminine, 1 masculine; decides nothing, shifts the odds of beard, make-up and hair."""

    tone: float
    """Lightest 0 to darkest 1; `melanin` in even steps."""
    melanin: float
    """Share of the epidermis filled by melanosomes, 0.011 to 0.28."""
    eumelanin: float
    """Share of brown-black eumelanin, the rest being red-yellow pheomelanin; the undertone."""
    haemoglobin: float
    """Share of blood in the dermis, 0.008 to 0.05."""
    oiliness: float
    mottling: float
    pores: float
    freckles: float
    """0 for most people."""
    moles: int
    age_spots: float
    blush: float
    """Blood in the cheeks."""
    redness: float
    """Irritated nose, cheeks and chin."""
    blemishes: int
    dark_circles: float
    wrinkles: float
    """Depth of lasting wrinkles and of those that expressions make."""

    lip_redness: float
    lipstick: float
    """Opacity; 0 for none."""
    lipstick_colour: Colour
    lip_gloss: float
    foundation: float
    """How far make-up evens the skin out."""
    rouge: float
    eyeshadow: float
    eyeshadow_colour: Colour
    eyeliner: float
    mascara: float

    brow_thickness: float
    """Times the usual height of a brow, 0.6 to 1.5."""
    brow_density: float
    brow_arch: float
    """-1 flat to 1 strongly arched."""
    brow_colour: Colour

    beard: Beard
    beard_density: float
    """Also of what shows below the shaved skin (`beard_shadow`)."""
    beard_colour: Colour
    beard_shadow: float
    """Bluish shade of a shaved beard in the skin."""

    eye_colour: EyeColour
    iris_colour: Colour
    """Of the iris's middle ring."""
    pupil: float
    """Diameter in millimetres, 2.5 to 6."""
    eye_redness: float

    hair_style: HairStyle
    hair_colour_name: HairColour
    hair_colour: Colour
    """Of the hairs that are not grey."""
    hair_grey: float
    """Share of grey and white hairs."""
    hair_curl: float
    """0 straight, 0.5 wavy, 1 tightly curled."""
    hair_length: float
    """Times the style's usual length, 0.7 to 1.4."""
    hair_density: float

    headwear: Headwear
    headwear_colour: Colour
    glasses: Glasses
    glasses_colour: Colour
    earrings: bool
    clothes: Clothes
    clothes_colour: Colour
    clothes_second_colour: Colour
    """Of collars, prints, what shows below a jacket."""
    teeth_yellowness: float


def draw_traits(seed: int) -> Traits:
    """The person of a seed: equal seeds give equal people."""
    who = _stream(seed, "who")
    age = 18 + 57 * float(who.beta(1.25, 1.9))
    side = who.random() < 0.5
    masculinity = float(np.clip(who.beta(7, 1.6) if side else who.beta(1.6, 7), 0, 1))
    tone = float(np.clip(who.beta(1.15, 1.25), 0, 1))
    hair = _hair(seed, age, masculinity, tone)
    return Traits(
        seed=seed,
        age=age,
        masculinity=masculinity,
        tone=tone,
        **_skin(seed, age, masculinity, tone),
        **_make_up(seed, age, masculinity, tone),
        **hair,
        **_facial_hair(seed, age, masculinity, hair),
        **_eyes(seed, tone, hair["hair_colour_name"]),
        **_things(seed, age, masculinity),
    )


def linear_colour(srgb: str) -> Colour:
    """The linear colour of an sRGB hex code such as `#8a5a3c` (IEC 61966-2-1)."""
    encoded = np.array([int(srgb[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return _colour(linear)


IRIS: dict[EyeColour, str] = {
    "dark_brown": "#3a2114",
    "brown": "#5e391e",
    "hazel": "#7a5c30",
    "green": "#6f7a52",
    "grey": "#7f8b92",
    "blue": "#6a8fb0",
}
HAIR: dict[HairColour, str] = {
    "black": "#17130f",
    "dark_brown": "#2c1e15",
    "brown": "#4a3222",
    "light_brown": "#73543a",
    "blond": "#b08f5f",
    "red": "#8a4525",
    "grey": "#8e8a84",
    "white": "#cfcbc4",
}
CLOTHES = [
    "#1c1d20",
    "#2b2f38",
    "#20304d",
    "#3d4a5c",
    "#53626e",
    "#7d8388",
    "#a9a9a6",
    "#d9d7d1",
    "#efece6",
    "#5a1f24",
    "#8c2f2b",
    "#b5583c",
    "#c9a24a",
    "#3f4a33",
    "#5d6b4a",
    "#2f5a52",
    "#4c7f8e",
    "#7da3bd",
    "#6a4a6e",
    "#b98a93",
    "#8a6a4c",
    "#c7b299",
]
LIPSTICK = ["#a8383f", "#b9444d", "#8f2f3c", "#c46a66", "#b8645c", "#7a2533", "#c5545f", "#a65a52", "#93505a"]
EYESHADOW = ["#6b4a3c", "#8c6650", "#4a4042", "#5c4a5e", "#7a5a62", "#4f5a63", "#99704f", "#3a3436"]
FRAMES = ["#121212", "#2a211b", "#4b3220", "#6b6b6b", "#8f7a55", "#2a3350", "#5a1f24", "#b0b0b0"]


def _skin(seed: int, age: float, masculinity: float, tone: float) -> dict:
    draw = _stream(seed, "skin")
    old = (age - 18) / 57
    freckled = draw.random() < (0.28 if tone < 0.35 else 0.08 if tone < 0.6 else 0.02)
    return {
        "melanin": MELANIN[0] * (MELANIN[1] / MELANIN[0]) ** tone,
        "eumelanin": float(np.clip(0.48 + 0.42 * tone + 0.10 * draw.normal(), 0.25, 0.97)),
        "haemoglobin": float(np.clip(0.022 * np.exp(0.32 * draw.normal()), 0.008, 0.05)),
        "oiliness": _unit(draw, 0.45 - 0.15 * old, 0.2),
        "mottling": _unit(draw, 0.4 + 0.25 * old, 0.18),
        "pores": _unit(draw, 0.4 + 0.2 * masculinity + 0.1 * old, 0.18),
        "freckles": float(draw.uniform(0.25, 1)) if freckled else 0.0,
        "moles": int(draw.poisson(3.0)),
        "age_spots": float(np.clip((age - 42) / 40 + 0.15 * draw.normal(), 0, 1)),
        "blush": _unit(draw, 0.4, 0.22),
        "redness": _unit(draw, 0.25, 0.2),
        "blemishes": int(draw.poisson(5.0 * max(0.0, 1 - (age - 18) / 22) + 0.4)),
        "dark_circles": _unit(draw, 0.35 + 0.2 * old, 0.2),
        "wrinkles": float(np.clip(0.12 + 0.85 * max(0.0, (age - 22) / 53) ** 1.3 + 0.08 * draw.normal(), 0.05, 1)),
        "lip_redness": _unit(draw, 0.5, 0.2),
    }


def _make_up(seed: int, age: float, masculinity: float, tone: float) -> dict:
    draw = _stream(seed, "make-up")
    painted = draw.random() < 0.62 * (1 - masculinity) ** 1.5
    strength = float(draw.beta(2, 2.2)) if painted else 0.0
    lips = draw.random() < 0.7
    eyes = draw.random() < 0.75
    lipstick, eyeshadow = str(draw.choice(LIPSTICK)), str(draw.choice(EYESHADOW))
    deep = 1 - 0.45 * tone
    return {
        "lipstick": (0.25 + 0.65 * strength) * painted * lips,
        "lipstick_colour": _colour(np.array(linear_colour(lipstick)) * deep),
        "lip_gloss": float(draw.uniform(0.2, 1)) * painted * lips,
        "foundation": 0.75 * strength,
        "rouge": 0.7 * strength * float(draw.random()),
        "eyeshadow": 0.7 * strength * eyes * float(draw.random()),
        "eyeshadow_colour": _colour(np.array(linear_colour(eyeshadow)) * deep),
        "eyeliner": strength * eyes * float(draw.uniform(0.2, 1)),
        "mascara": (0.3 + 0.7 * strength) * painted * eyes,
    }


def _hair(seed: int, age: float, masculinity: float, tone: float) -> dict:
    draw = _stream(seed, "hair")
    light = np.clip(1 - tone / 0.5, 0, 1)
    odds: dict[HairColour, float] = {
        "black": 0.06 + 2.6 * tone,
        "dark_brown": 0.5 + 0.6 * tone,
        "brown": 0.15 + 0.75 * light,
        "light_brown": 0.03 + 0.6 * light,
        "blond": 0.02 + 0.75 * light,
        "red": 0.01 + 0.18 * light,
    }
    name = _pick(draw, odds)
    grey = float(np.clip((age - 30) / 45 + 0.22 * draw.normal() - 0.12, 0, 1))
    dyed = draw.random() < 0.5 * (1 - masculinity)
    grey = grey * (0.1 if dyed else 1.0)
    colour = np.array(linear_colour(HAIR[name])) * np.exp(0.18 * draw.normal())
    if grey > 0.6:
        name = "white" if grey > 0.9 else "grey"
    curl = float(np.clip(draw.beta(1.2, 3.2) + max(0.0, tone - 0.5) * 1.5, 0, 1))
    style = _hair_style(draw, age, masculinity, curl)
    return {
        "hair_style": style,
        "hair_colour_name": name,
        "hair_colour": _colour(colour),
        "hair_grey": grey,
        "hair_curl": max(curl, {"afro": 0.9, "curly": 0.6}.get(style, 0.0)),
        "hair_length": float(np.clip(np.exp(0.18 * draw.normal()), 0.7, 1.4)),
        "hair_density": _unit(draw, 0.8 - 0.3 * masculinity * max(0.0, age - 35) / 40, 0.1),
    }


def _hair_style(draw: np.random.Generator, age: float, masculinity: float, curl: float) -> HairStyle:
    """Long styles lean feminine, thinning ones masculine and old, an afro needs tight curls."""
    man, woman = masculinity, 1 - masculinity
    thinning = man * np.clip((age - 25) / 40, 0, 1)
    odds: dict[HairStyle, float] = {
        "short": 1.3 * man + 0.35 * woman,
        "side_part": (1.0 * man + 0.3 * woman) * (curl < 0.6),
        "curly": 0.5 * man + 0.7 * woman if curl > 0.3 else 0.0,
        "afro": 1.2 if curl > 0.7 else 0.0,
        "bob": 1.1 * woman * (curl < 0.8),
        "long": 1.9 * woman * (curl < 0.85) + 0.06 * man,
        "ponytail": 0.9 * woman,
        "buzz": 0.45 * man + 0.5 * man * (curl > 0.7) + 0.03 * woman,
        "receding": 1.3 * thinning,
        "bald": 0.7 * thinning + 0.06 * man,
        "fringe": (0.8 * woman + 0.25 * man) * (curl < 0.6),
        "bun": 0.7 * woman,
    }
    return _pick(draw, odds)


def _facial_hair(seed: int, age: float, masculinity: float, hair: dict) -> dict:
    draw = _stream(seed, "facial hair")
    grows = max(0.0, (masculinity - 0.4) / 0.6)
    bearded = draw.random() < 0.62 * grows
    odds: dict[Beard, float] = {
        "stubble": 1.3,
        "moustache": 0.25,
        "goatee": 0.4,
        "short_beard": 0.9,
        "full_beard": 0.5,
    }
    beard: Beard = _pick(draw, odds) if bearded else "none"
    grey = np.array(linear_colour(HAIR["grey"]))
    base = np.array(hair["hair_colour"])
    brow_grey, beard_grey = 0.5 * hair["hair_grey"], min(1.0, 1.1 * hair["hair_grey"])
    darker = 0.55 if base.mean() > 0.12 else 0.9
    return {
        "brow_thickness": float(np.clip(0.88 + 0.22 * masculinity + 0.16 * draw.normal(), 0.6, 1.5)),
        "brow_density": _unit(draw, 0.62 + 0.15 * masculinity, 0.14),
        "brow_arch": float(np.clip(0.35 - 0.7 * masculinity + 0.35 * draw.normal(), -1, 1)),
        "brow_colour": _colour(base * darker * (1 - brow_grey) + grey * brow_grey),
        "beard": beard,
        "beard_density": _unit(draw, 0.35 + 0.35 * grows, 0.16),
        "beard_colour": _colour(base * (1 - beard_grey) + grey * beard_grey),
        "beard_shadow": float(grows * np.clip(0.45 + 0.2 * draw.normal(), 0, 1)),
    }


def _eyes(seed: int, tone: float, hair: HairColour) -> dict:
    draw = _stream(seed, "eyes")
    light = float(np.clip(1 - tone / 0.42, 0, 1)) * (0.4 if hair == "black" else 1.0)
    odds: dict[EyeColour, float] = {
        "dark_brown": 0.05 + 1.9 * tone,
        "brown": 0.35 + 0.4 * tone,
        "hazel": 0.06 + 0.3 * light,
        "green": 0.01 + 0.25 * light,
        "grey": 0.005 + 0.2 * light,
        "blue": 0.005 + 0.75 * light,
    }
    name = _pick(draw, odds)
    varied = np.array(linear_colour(IRIS[name])) * np.exp(0.12 * draw.normal() + 0.06 * draw.normal(size=3))
    return {
        "eye_colour": name,
        "iris_colour": _colour(varied),
        "pupil": float(draw.uniform(2.5, 5.0)),
        "eye_redness": _unit(draw, 0.3, 0.18),
    }


def _things(seed: int, age: float, masculinity: float) -> dict:
    draw = _stream(seed, "things")
    headwear: dict[Headwear, float] = {"none": 0.9, "cap": 0.03 + 0.035 * masculinity, "beanie": 0.04}
    spectacles = 0.12 + 0.18 * max(0.0, (age - 35) / 40)
    glasses: dict[Glasses, float] = {"none": 1 - spectacles, "thin": 0.55 * spectacles, "thick": 0.45 * spectacles}
    clothes: dict[Clothes, float] = {
        "t_shirt": 1.0,
        "shirt": 0.7 + 0.3 * masculinity,
        "sweater": 0.7,
        "hoodie": 0.35 * (age < 50),
        "jacket": 0.4 + 0.2 * masculinity,
    }
    head, frame, first, second = (
        linear_colour(str(draw.choice(palette))) for palette in (CLOTHES, FRAMES, CLOTHES, CLOTHES)
    )
    return {
        "headwear": _pick(draw, headwear),
        "headwear_colour": head,
        "glasses": _pick(draw, glasses),
        "glasses_colour": frame,
        "earrings": bool(draw.random() < 0.45 * (1 - masculinity)),
        "clothes": _pick(draw, clothes),
        "clothes_colour": first,
        "clothes_second_colour": second,
        "teeth_yellowness": _unit(draw, 0.25 + 0.3 * (age - 18) / 57, 0.15),
    }


def _stream(seed: int, group: str) -> np.random.Generator:
    return np.random.default_rng([seed, *group.encode()])


def _unit(draw: np.random.Generator, mean: float, spread: float) -> float:
    return float(np.clip(mean + spread * draw.normal(), 0, 1))


def _pick(draw: np.random.Generator, odds: dict[Choice, float]) -> Choice:
    weights = np.array(list(odds.values()), float)
    return list(odds)[int(draw.choice(len(weights), p=weights / weights.sum()))]


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = (float(value) for value in np.clip(values, 0, 1))
    return red, green, blue
