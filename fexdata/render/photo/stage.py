"""What every step of lighting needs to know of a scene: its casters as every light sees them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fexdata.render.photo.scene import Lighting, Strands
from fexdata.render.photo.shadow import Frame, frame, height_map
from fexdata.render.photo.volume import Sweep, Volume, coarser, fill, sweep

LAMP_TEXELS, CONE_TEXELS = 640, 160


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The scene from one light."""

    towards: np.ndarray
    """(3,) float32 unit."""
    radiance: np.ndarray
    """(3,) float32: irradiance on a surface that faces the light."""
    spread: float
    """Tangent of the light's angular radius; 0 for a cone of the surroundings."""
    frame: Frame
    heights: np.ndarray
    """`shadow.height_map` of the surfaces that cast shadows."""
    hair: Sweep | None
    """Hair in the way; None without hair."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """All lights of a scene, and its hair."""

    cones: list[View]
    lamps: list[View]
    hair: Volume | None
    """The coarser grid, which the cones' sweeps share."""


def set_stage(
    lighting: Lighting,
    vertices: np.ndarray,
    triangles: np.ndarray,
    strands: list[Strands],
    centre: np.ndarray,
    radius: float,
) -> Stage:
    """vertices (V, 3), triangles (T, 3): all that casts shadows; a sphere about all that receives light."""
    fine = fill(strands)
    coarse = coarser(fine) if fine is not None else None

    def view(towards: np.ndarray, radiance: np.ndarray, spread: float, texels: int, hair: Volume | None) -> View:
        seen_from = frame(towards, centre, radius, texels)
        return View(
            towards=seen_from.axes[2],
            radiance=radiance.astype(np.float32),
            spread=spread,
            frame=seen_from,
            heights=height_map(seen_from, vertices, triangles),
            hair=sweep(hair, towards) if hair is not None else None,
        )

    cones = zip(lighting.directions, lighting.radiance, strict=True)
    lamps = zip(lighting.lamps, lighting.lamp_radiance, lighting.lamp_size, strict=True)
    return Stage(
        cones=[view(way, radiance, 0.0, CONE_TEXELS, coarse) for way, radiance in cones],
        lamps=[view(way, radiance, math.tan(math.radians(size)), LAMP_TEXELS, fine) for way, radiance, size in lamps],
        hair=coarse,
    )
