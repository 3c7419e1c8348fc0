"""What cloth looks like: woven, knitted, sewn of panels. Pictures that tile over a part's texture coordinates."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from fexdata.render.photo.scene import Material
from fexdata.synthetic.traits import Colour


def cloth(colour: Colour, size: int, rng: np.random.Generator, *, weave: float = 0.03, repeat: int = 160) -> Material:
    """Woven or fine-knit cloth: `weave` millimetres of relief in `repeat` threads a side, slightly uneven in
    colour; (size, size) texels."""
    row, column = np.mgrid[:size, :size] / size
    threads = (
        np.sin(2 * np.pi * repeat * column) * np.sin(2 * np.pi * repeat * row) if size > 64 else np.zeros((size, size))
    )
    worn = 1 + 0.05 * _clouds(size, 5, rng) + 0.035 * _clouds(size, 60, rng) + 0.04 * threads
    albedo = np.asarray(colour) * worn[..., None] + 0.004
    rough = np.full((1, 1), 0.85, np.float32)
    height = (weave * (threads + 0.8 * _clouds(size, 90, rng))).astype(np.float32)
    return Material("cloth", np.clip(albedo, 0, 0.95).astype(np.float32), rough, height, specular=0.03)


def knit(colour: Colour, size: int, rng: np.random.Generator, *, stitches: int, relief: float = 0.7) -> Material:
    """Ribs of V-shaped stitches along v: `stitches` ribs round u, `relief` millimetres deep."""
    row, column = np.mgrid[:size, :size] / size
    rib = np.abs(np.sin(np.pi * stitches * column)) ** 0.8
    lean = np.abs(((stitches * column) % 1) - 0.5)
    stitch = 0.5 + 0.5 * np.cos(2 * np.pi * (row * stitches * 0.7 + lean))
    shape = rib * (0.65 + 0.35 * stitch)
    yarn = 1 + 0.05 * _clouds(size, 7, rng) + 0.06 * _clouds(size, 120, rng)
    albedo = np.asarray(colour) * (yarn * (0.5 + 0.6 * shape))[..., None] + 0.004
    rough = np.full((1, 1), 0.95, np.float32)
    height = (relief * shape).astype(np.float32)
    return Material("cloth", np.clip(albedo, 0, 0.95).astype(np.float32), rough, height, specular=0.02)


def panelled(material: Material, panels: int) -> Material:
    """The same cloth sewn of `panels` gores that meet on top (v = 0), with stitching beside each seam."""
    size = material.albedo.shape[0]
    column = (np.arange(size) + 0.5) / size * panels
    off = np.abs((column % 1) - 0.5) * 2 * (1.0 / panels)
    seam = np.exp(-(((1.0 / panels - off) / 0.0035) ** 2))
    stitch = np.exp(-(((1.0 / panels - off - 0.011) / 0.002) ** 2))
    dashes = (np.sin(np.arange(size) / size * 2 * np.pi * 60) > -0.3)[:, None]
    shade = 1 - 0.35 * seam[None] - 0.15 * stitch[None] * dashes
    relief = np.broadcast_to(-0.8 * seam[None], (size, size)) - 0.25 * stitch[None] * dashes
    height = relief if material.height is None else material.height + relief
    return replace(
        material, albedo=(material.albedo * shade[..., None]).astype(np.float32), height=height.astype(np.float32)
    )


def _clouds(size: int, cells: int, rng: np.random.Generator) -> np.ndarray:
    """(size, size) smooth noise of about unit spread, `cells` bumps along each side."""
    cells = min(cells, size)
    noise = rng.normal(size=(cells, cells)).astype(np.float32)
    return cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)
