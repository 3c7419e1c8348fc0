"""The light in which a picture is taken: surroundings and lamps, as in the places where people take pictures.

Every kind is a small smooth model of a place (sky, walls, floor, windows), looked up in 32
directions, and the lamps that cast shadows with edges. Frame and units are the scene's
(`fexdata.render.photo.scene`): camera frame, so `up` is -y and a lamp beside the camera has z < 0;
a surface of reflectance a that faces an irradiance of 1 has radiance a.

A kind is drawn once, coloured by the temperatures of its sources, corrected for white as a camera
does (in part: evening light stays warm), and scaled so that the face is well exposed. So the
skin's own reflectance is about what the camera sees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from fexdata.render.photo.scene import Lighting

LightKind = Literal["studio", "window", "overcast", "sun", "indoor", "flash", "low_key"]
LIGHT_KINDS: tuple[LightKind, ...] = get_args(LightKind)
_SHARES = (0.18, 0.2, 0.17, 0.15, 0.16, 0.08, 0.06)

CONES = 32
LUMA = np.array([0.2126, 0.7152, 0.0722])

_FACE_NORMALS = np.array(
    [
        [0, 0, -1],
        [0.6, 0, -0.8],
        [-0.6, 0, -0.8],
        [0, -0.5, -0.87],
        [0, 0.4, -0.92],
        [0.5, -0.4, -0.77],
        [-0.5, -0.4, -0.77],
    ]
)
"""Where a face in the middle of the picture looks: exposure and white are measured on these."""


@dataclass
class _Place:
    """Radiance of a place: three heights of surroundings, soft bright patches, lamps."""

    top: np.ndarray
    horizon: np.ndarray
    bottom: np.ndarray
    patches: list[tuple[np.ndarray, np.ndarray, float]] = field(default_factory=list)
    """Direction, radiance at its middle, concentration (von Mises and Fisher)."""
    lamps: list[tuple[np.ndarray, np.ndarray, float]] = field(default_factory=list)
    """Direction, irradiance, angular radius in degrees."""


def draw_kind(rng: np.random.Generator) -> LightKind:
    """A kind of light, as often as photographs of people show it."""
    return LIGHT_KINDS[rng.choice(len(LIGHT_KINDS), p=_SHARES)]


def draw_lighting(rng: np.random.Generator, kind: LightKind | None = None) -> Lighting:
    """The light of one picture. Without `kind` one is drawn (`draw_kind`)."""
    place = _PLACES[kind or draw_kind(rng)](rng)
    lighting = _measure(place)
    front = irradiance(lighting, _FACE_NORMALS)
    mean = np.sqrt((front**2).mean(axis=0))
    luminance = float(mean @ LUMA)
    gains = (luminance / mean) ** rng.uniform(0.82, 1.0) / luminance
    return Lighting(
        directions=lighting.directions,
        radiance=(lighting.radiance * gains).astype(np.float32),
        lamps=lighting.lamps,
        lamp_radiance=(lighting.lamp_radiance * gains).astype(np.float32),
        lamp_size=lighting.lamp_size,
    )


def irradiance(lighting: Lighting, normals: np.ndarray) -> np.ndarray:
    """Irradiance (N, 3) on unshadowed surfaces with these unit normals (N, 3)."""
    around = (normals @ lighting.directions.T).clip(0) @ lighting.radiance
    return around + (normals @ lighting.lamps.T).clip(0) @ lighting.lamp_radiance


def seen_radiance(lighting: Lighting, directions: np.ndarray) -> np.ndarray:
    """Radiance (N, 3) of the surroundings in these unit directions (N, 3), lamps left out."""
    nearness = np.exp(8 * (directions @ lighting.directions.T - 1))
    nearness /= nearness.sum(axis=1, keepdims=True)
    return nearness @ lighting.radiance * (len(lighting.directions) / 4)


def cone_directions(count: int = CONES) -> np.ndarray:
    """(count, 3) unit vectors spread evenly over the sphere: a Fibonacci lattice about y."""
    index = np.arange(count) + 0.5
    y = 1 - 2 * index / count
    turn = np.pi * (1 + 5**0.5) * index
    across = np.sqrt(1 - y * y)
    return np.stack([across * np.cos(turn), y, across * np.sin(turn)], axis=1)


def colour_temperature(kelvin: float) -> np.ndarray:
    """Linear sRGB (3,) of luminance 1 of a black body, 1667 to 25000 K.

    Chromaticity by the cubic approximations of Kim et al., US patent 7024034 (2002).
    """
    t = 1000 / kelvin
    if kelvin < 4000:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
    if kelvin < 2222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif kelvin < 4000:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    xyz = np.array([x / y, 1.0, (1 - x - y) / y])
    rgb = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]) @ xyz
    return (rgb / (rgb @ LUMA)).clip(0.02)


def towards(azimuth: float, elevation: float) -> np.ndarray:
    """Unit vector (3,) in degrees: azimuth 0 is the camera's side, 90 the picture's right, 180 behind the head."""
    a, e = np.radians([azimuth, elevation])
    return np.array([np.sin(a) * np.cos(e), -np.sin(e), -np.cos(a) * np.cos(e)])


def _measure(place: _Place) -> Lighting:
    # Each cone gathers the smooth model over the directions that are nearest to its axis.
    directions = cone_directions()
    fine = cone_directions(1024)
    height = -fine[:, 1:2]
    radiance = np.where(
        height > 0,
        place.horizon + (place.top - place.horizon) * height.clip(0) ** 0.7,
        place.horizon + (place.bottom - place.horizon) * (-height).clip(0) ** 0.5,
    )
    for direction, colour, concentration in place.patches:
        radiance = radiance + colour * np.exp(concentration * (fine @ direction - 1))[:, None]
    nearest = (fine @ directions.T).argmax(axis=1)
    share = np.zeros((CONES, 3))
    np.add.at(share, nearest, radiance.clip(0.004))
    lamps = [lamp for lamp, _, _ in place.lamps]
    return Lighting(
        directions=directions.astype(np.float32),
        radiance=(share * (4 / len(fine))).astype(np.float32),
        lamps=np.array(lamps, np.float32).reshape(-1, 3),
        lamp_radiance=np.array([colour for _, colour, _ in place.lamps], np.float32).reshape(-1, 3),
        lamp_size=np.array([size for _, _, size in place.lamps], np.float32),
    )


def _side(rng: np.random.Generator) -> float:
    return 1.0 if rng.random() < 0.5 else -1.0


def _studio(rng: np.random.Generator) -> _Place:
    """Key, fill and often a rim light, in a grey room with a bright floor or reflector below."""
    side, white = _side(rng), colour_temperature(rng.uniform(5000, 6000))
    ambient = white * rng.uniform(0.12, 0.35)
    place = _Place(top=ambient, horizon=ambient * 0.9, bottom=ambient * rng.uniform(0.5, 1.3))
    key = towards(side * rng.uniform(10, 55), rng.uniform(18, 48))
    place.lamps.append((key, white, rng.uniform(7, 15)))
    place.patches.append((key, white * 0.5, 6.0))
    fill = rng.uniform(0.2, 0.7)
    place.patches.append((towards(-side * rng.uniform(30, 70), rng.uniform(0, 25)), white * fill, 3.0))
    if rng.random() < 0.35:
        place.lamps.append((towards(-side * rng.uniform(5, 45), rng.uniform(0, 25)), white * fill * 0.5, 12.0))
    if rng.random() < 0.55:
        rim = towards(-side * rng.uniform(130, 165), rng.uniform(15, 45))
        place.lamps.append((rim, white * rng.uniform(0.4, 1.3), 6.0))
    return place


def _window(rng: np.random.Generator) -> _Place:
    """Daylight from one side, a warmer room that gives some of it back."""
    side = _side(rng)
    day, room = colour_temperature(rng.uniform(6000, 8500)), colour_temperature(rng.uniform(3600, 5200))
    ambient = room * rng.uniform(0.14, 0.38)
    place = _Place(top=ambient * 1.2, horizon=ambient, bottom=ambient * rng.uniform(0.4, 0.9))
    azimuth, elevation = side * rng.uniform(15, 95), rng.uniform(3, 28)
    place.patches.append((towards(azimuth, elevation), day * rng.uniform(1.0, 2.0), 3.5))
    place.lamps.append((towards(azimuth, elevation), day * rng.uniform(0.5, 1.0), rng.uniform(13, 20)))
    place.patches.append((towards(azimuth + side * 180, 0), room * rng.uniform(0.05, 0.3), 2.0))
    return place


def _overcast(rng: np.random.Generator) -> _Place:
    """The standard overcast sky of the CIE (a zenith three times as bright as the horizon) over dull ground."""
    sky = colour_temperature(rng.uniform(6000, 7500))
    ground = np.array([1.05, 1.0, 0.85]) * rng.uniform(0.1, 0.35)
    place = _Place(top=sky * 1.5, horizon=sky * rng.uniform(0.45, 0.7), bottom=ground)
    bright = towards(rng.uniform(-110, 110), rng.uniform(30, 60))
    place.patches.append((bright, sky * rng.uniform(0.5, 1.3), 3.0))
    # The bright patch of cloud that eyes mirror.
    place.lamps.append((bright, sky * rng.uniform(0.1, 0.3), 20.0))
    if rng.random() < 0.5:
        # Buildings or trees keep one side dark.
        place.patches.append((towards(rng.uniform(-180, 180), 0), -sky * 0.35, 2.5))
    return place


def _sun(rng: np.random.Generator) -> _Place:
    """Sun and blue sky, light thrown back by the ground; photographers avoid a sun straight from above."""
    elevation = rng.uniform(15, 58)
    azimuth = _side(rng) * rng.uniform(15, 150)
    sun = colour_temperature(3300 + 2300 * min(1.0, elevation / 45))
    sky = colour_temperature(rng.uniform(9000, 14000))
    ratio = rng.uniform(1.0, 2.6)
    ground = sun * np.array([1.05, 1.0, 0.85]) * rng.uniform(0.25, 0.55)
    place = _Place(top=sky * 0.45, horizon=sky * 0.35 + sun * 0.3, bottom=ground)
    direction = towards(azimuth, elevation)
    place.patches.append((direction, sun * 0.6, 5.0))
    place.lamps.append((direction, sun * ratio, rng.uniform(0.5, 1.2)))
    return place


def _indoor(rng: np.random.Generator) -> _Place:
    """Ceiling lamps in a room, warm at home, neutral in an office; walls give back most of their light."""
    warm = colour_temperature(rng.uniform(2500, 4200))
    walls = warm * np.array([1.04, 1.0, 0.93])
    place = _Place(top=walls * rng.uniform(0.35, 0.8), horizon=walls * rng.uniform(0.25, 0.5), bottom=walls * 0.22)
    for _ in range(int(rng.integers(1, 4))):
        lamp = towards(rng.uniform(-120, 120), rng.uniform(32, 68))
        place.lamps.append((lamp, warm * rng.uniform(0.25, 0.8), rng.uniform(3, 10)))
        place.patches.append((lamp, warm * 0.3, 5.0))
    place.patches.append((towards(rng.uniform(-70, 70), 5), walls * rng.uniform(0.1, 0.6), 2.5))
    return place


def _flash(rng: np.random.Generator) -> _Place:
    """A small flash beside the lens, in a dim room."""
    white, room = colour_temperature(5500), colour_temperature(rng.uniform(2900, 4500))
    ambient = room * rng.uniform(0.07, 0.25)
    place = _Place(top=ambient * 1.5, horizon=ambient, bottom=ambient * 0.6)
    place.lamps.append((towards(rng.uniform(-8, 8), rng.uniform(2, 14)), white, rng.uniform(0.8, 2.5)))
    place.patches.append((towards(rng.uniform(-40, 40), 70), white * rng.uniform(0.05, 0.4), 3.0))
    return place


def _low_key(rng: np.random.Generator) -> _Place:
    """One lamp from the side, little else."""
    lamp = colour_temperature(rng.uniform(3200, 6000))
    ambient = colour_temperature(rng.uniform(3500, 8000)) * rng.uniform(0.05, 0.12)
    place = _Place(top=ambient, horizon=ambient, bottom=ambient)
    direction = towards(_side(rng) * rng.uniform(35, 80), rng.uniform(10, 40))
    place.lamps.append((direction, lamp, rng.uniform(5, 14)))
    place.patches.append((direction, lamp * 0.35, 4.0))
    return place


_PLACES: dict[LightKind, Callable[[np.random.Generator], _Place]] = {
    "studio": _studio,
    "window": _window,
    "overcast": _overcast,
    "sun": _sun,
    "indoor": _indoor,
    "flash": _flash,
    "low_key": _low_key,
}
