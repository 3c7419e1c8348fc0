"""Patterns of skin without a place of their own: mottling, pores, the fine lines between them, the lines of lips."""

from __future__ import annotations

import functools

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from fexdata.synthetic.skin_atlas import Atlas

GRAIN_MM = 0.4
"""Millimetres to a pixel of `grain`."""
PORES, CELLS = range(2)
"""Channels of `grain`."""


def mottling(atlas: Atlas, mm: float | tuple[float, float], channels: int, rng: np.random.Generator) -> np.ndarray:
    """Soft spots about 4 * `mm` millimetres apart: (size, size, channels) float32, mean 0 and variance 1."""
    count = 96
    noise = rng.standard_normal((count, count, channels)).astype(np.float32)
    soft = gaussian_filter(noise, (1.3, 1.3, 0), mode="wrap")
    return atlas.tile(soft / np.float32(soft.std()), mm, rng.uniform(0, count, 2))


def pores_and_cells(atlas: Atlas, rng: np.random.Generator) -> np.ndarray:
    """The skin's grain laid out from a place of the person's own: (size, size, 2) float32, see `grain`."""
    return atlas.tile(grain(), GRAIN_MM, rng.uniform(0, 256, 2))


@functools.cache
def grain() -> np.ndarray:
    """A patch of skin that continues itself: (256, 256, 2) float32, mean 0 and variance 1 in each channel.

    Pores are dots about 1.2 mm apart, negative where they are; cells are plateaus between fine lines about 1 mm apart
    and longer than wide (Cula et al. 2005 show both on cheek and forehead).
    """
    rng = np.random.default_rng(0)
    size = 256
    pores = np.zeros((size, size), np.float32)
    spacing = 3.0
    grid = np.stack(np.meshgrid(*[np.arange(0, size, spacing)] * 2), axis=-1).reshape(-1, 2)
    at = np.floor(grid + rng.normal(0, 0.9, grid.shape)).astype(int) % size
    np.add.at(pores, (at[:, 1], at[:, 0]), -rng.lognormal(0, 0.6, len(at)).astype(np.float32))
    pores = gaussian_filter(pores, 0.6, mode="wrap")
    seeds = rng.uniform(0, (size, size / 1.6), (int((size / 2.4) ** 2 / 1.6), 2))
    y, x = np.mgrid[:size, :size]
    tree = cKDTree(seeds, boxsize=(size, size / 1.6))
    distances, _ = tree.query(np.stack([x.ravel() + 0.5, (y.ravel() + 0.5) / 1.6], axis=1), k=2)
    cells = np.minimum(distances[:, 1] - distances[:, 0], 1.0).reshape(size, size)
    cells = gaussian_filter(cells, 0.5, mode="wrap")
    layers = [(layer - layer.mean()) / layer.std() for layer in (pores, cells)]
    made: np.ndarray = np.dstack(layers).astype(np.float32)
    made.setflags(write=False)
    return made


def lip_lines(atlas: Atlas, rng: np.random.Generator) -> np.ndarray:
    """Lines that run up and down the lips: (size, size) float32, 0.8 at most, mean 0, negative in a line."""
    noise = mottling(atlas, (0.42, 3.2), 1, rng)
    drawn: np.ndarray = np.float32(0.8) - np.abs(noise)
    return drawn
