"""How a hair answers light.

Each point of a strand is lit as a thin cylinder in the manner of Marschner et al., Light Scattering
from Human Hair Fibers (2003): a white highlight shifted towards the root (R), light that passes
through (TT), a coloured highlight shifted towards the tip (TRT), and a diffuse remainder that stands
for light scattered many times (Kajiya and Kay 1989). Lengthwise lobes are Gaussians; the azimuthal
ones are simple curves of the same shape. What other hair takes away comes from `volume`: it takes
less of the colours that hair lets through, and of light that has been turned many times, so fair hair
glows where dark hair turns black (a plain stand-in for Zinke et al., Dual Scattering, 2008).
"""

from __future__ import annotations

import numpy as np
from numba import float32, float64

from fexdata.faces.kernels import kernel, readonly
from fexdata.render.photo.shadow import free
from fexdata.render.photo.stage import Stage, View
from fexdata.render.photo.volume import Volume, depth_at

_BIAS = 0.8
"""Millimetres that skin may stand above a hair's point before it hides light: hairs rest on skin."""
_CLEARNESS = 0.85
"""How much less a hair of full colour takes from the light than a black one."""
_ROUNDABOUT = 0.3
"""Share of light that finds its way through hair by many turns, and so is taken four times more slowly."""
_STEP = 0.75
"""Cells towards the light at which hair in the way begins: a point is not in its own shadow."""


def lit(position: np.ndarray, tangent: np.ndarray, colour: np.ndarray, stage: Stage) -> np.ndarray:
    """(n, 3) float32 radiance of points of strands towards the camera at the origin; all (n, 3)."""
    light = _ambient(position, stage)
    fair = _CLEARNESS * np.sqrt(np.clip(colour, 0, 1))
    radiance = colour * (light[:, :3] + fair * (light[:, 3:] - light[:, :3]))
    for lamp in stage.lamps:
        shares = free(lamp.frame, lamp.heights, position, _BIAS)
        hair = _hair_before(position, lamp)
        _add_lamp(position, tangent, colour, shares, hair, lamp.towards, lamp.radiance, radiance)
    return radiance


def _hair_before(position: np.ndarray, view: View) -> np.ndarray:
    """(n,) float32 optical depth of the hair between points and a light."""
    if view.hair is None:
        return np.zeros(len(position), np.float32)
    return depth_at(view.hair, position + view.towards * np.float32(_STEP * view.hair.volume.cell))


def _ambient(position: np.ndarray, stage: Stage) -> np.ndarray:
    """(n, 6) mean light of the surroundings about each point, less what surfaces keep away and what
    black hair (first three) or perfectly clear hair (last three) does.

    It varies slowly, so one point in each cell of the hair's grid is lit, and the others lie between cells.
    """
    if stage.hair is None:
        return _from_surroundings(position, stage)
    cells = _cells(position, stage.hair)
    # Of each cell's points the last, which on the whole is the farthest from its root and so from the skin.
    chosen = np.full(stage.hair.density.size, -1)
    chosen[cells] = np.arange(len(cells))
    chosen = chosen[chosen >= 0]
    light = _from_surroundings(np.ascontiguousarray(position[chosen]), stage)
    grid = np.zeros((stage.hair.density.size, 7), np.float32)
    grid[cells[chosen]] = np.concatenate([light, np.ones((len(chosen), 1), np.float32)], axis=1)
    found = np.empty((len(position), 6), np.float32)
    _between(position, stage.hair.origin, stage.hair.cell, grid.reshape(*stage.hair.density.shape, 7), found)
    return found


def _cells(position: np.ndarray, volume: Volume) -> np.ndarray:
    """(n,) int64 number of the cell whose middle is nearest."""
    limits = np.array(volume.density.shape) - 1
    steps = np.clip(np.rint((position - volume.origin) / volume.cell).astype(np.int64), 0, limits)
    numbers: np.ndarray = (steps[:, 0] * volume.density.shape[1] + steps[:, 1]) * volume.density.shape[2] + steps[:, 2]
    return numbers


def _from_surroundings(position: np.ndarray, stage: Stage) -> np.ndarray:
    """(n, 6) as `_ambient`, at these very points."""
    light = np.zeros((len(position), 6), np.float32)
    for cone in stage.cones:
        shares = free(cone.frame, cone.heights, position, _BIAS + cone.frame.texel)
        # Half of what hair takes from a cone it sends on.
        through = np.exp(-0.5 * _hair_before(position, cone))
        # A quarter: L cones of irradiance 4 R / L are surroundings of radiance R.
        light[:, :3] += (shares * through)[:, None] * (cone.radiance / 4)
        light[:, 3:] += shares[:, None] * (cone.radiance / 4)
    return light


@kernel(readonly(float32, 2), readonly(float32, 1), float64, readonly(float32, 4), float32[:, ::1])
def _between(position: np.ndarray, origin: np.ndarray, cell: float, grid: np.ndarray, found: np.ndarray) -> None:
    """Between the middles of the up to eight cells that hold a value (the seventh number is 1)."""
    nx, ny, nz = grid.shape[0], grid.shape[1], grid.shape[2]
    for i in range(position.shape[0]):
        x = min(max((position[i, 0] - origin[0]) / cell, 0.0), nx - 1.001)
        y = min(max((position[i, 1] - origin[1]) / cell, 0.0), ny - 1.001)
        z = min(max((position[i, 2] - origin[2]) / cell, 0.0), nz - 1.001)
        a, b, c = int(x), int(y), int(z)
        fx, fy, fz = x - a, y - b, z - c
        whole = 1e-9
        found[i] = 0.0
        for da in range(2):
            wa = fx if da == 1 else 1.0 - fx
            for db in range(2):
                wb = wa * (fy if db == 1 else 1.0 - fy)
                for dc in range(2):
                    weight = wb * (fz if dc == 1 else 1.0 - fz) * grid[a + da, b + db, c + dc, 6]
                    if weight > 0.0:
                        for channel in range(6):
                            found[i, channel] += weight * grid[a + da, b + db, c + dc, channel]
                        whole += weight
        found[i] /= whole


@kernel(float64, float64, returns=float64, inline=True)
def _lobe(angle: float, width: float) -> float:
    """A Gaussian of unit area over angles in radians."""
    return np.exp(-0.5 * (angle / width) ** 2) * 0.398942 / width


@kernel(
    readonly(float32, 2), readonly(float32, 2), readonly(float32, 2), readonly(float32, 1), readonly(float32, 1),
    readonly(float32, 1), readonly(float32, 1), float32[:, ::1],
)  # fmt: skip
def _add_lamp(
    position: np.ndarray, tangent: np.ndarray, colour: np.ndarray, shares: np.ndarray, hair: np.ndarray,
    lamp: np.ndarray, strength: np.ndarray, radiance: np.ndarray,
) -> None:  # fmt: skip
    for i in range(position.shape[0]):
        if shares[i] <= 0.0:
            continue
        px, py, pz = position[i, 0], position[i, 1], position[i, 2]
        away = np.sqrt(px * px + py * py + pz * pz)
        vx, vy, vz = -px / away, -py / away, -pz / away
        tx, ty, tz = tangent[i, 0], tangent[i, 1], tangent[i, 2]
        sine_l = min(max(tx * lamp[0] + ty * lamp[1] + tz * lamp[2], -0.999), 0.999)
        sine_v = min(max(tx * vx + ty * vy + tz * vz, -0.999), 0.999)
        cosine_l, cosine_v = np.sqrt(1.0 - sine_l * sine_l), np.sqrt(1.0 - sine_v * sine_v)
        between = lamp[0] * vx + lamp[1] * vy + lamp[2] * vz
        azimuth = min(max((between - sine_l * sine_v) / (cosine_l * cosine_v), -1.0), 1.0)
        half = 0.5 * (np.arcsin(sine_l) + np.arcsin(sine_v))
        # Scales tilt by some 5 to 10 degrees towards the root: R moves there, TRT to the tip. Hairs differ a little.
        differs = 0.06 * np.sin(1.7e3 * colour[i, 0] + 2.3e3 * colour[i, 1] + 0.9 * px)
        white = 0.035 * _lobe(half + 0.12 + differs, 0.13) * np.sqrt(0.5 + 0.5 * azimuth)
        back = 0.10 * _lobe(half - 0.16 + differs, 0.22) * max(azimuth, 0.0) ** 2
        behind = 0.5 * (1.0 - azimuth)
        through = 0.25 * _lobe(half - 0.04, 0.20) * behind**6
        for c in range(3):
            own = min(max(colour[i, c], np.float32(0.0)), np.float32(0.95))
            deep = np.sqrt(own)
            taken = hair[i] * (1.0 - _CLEARNESS * deep)
            passes = (1.0 - _ROUNDABOUT) * np.exp(-taken) + _ROUNDABOUT * np.exp(-0.25 * taken)
            answer = 0.75 * own + white * np.exp(-0.3 * hair[i]) + back * own * deep + through * deep * own
            radiance[i, c] += answer * cosine_l * passes * shares[i] * strength[c]
