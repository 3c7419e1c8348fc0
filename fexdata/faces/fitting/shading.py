"""What a photograph shows of a face: its values about the face, and the light and albedo that explain them.

    symbol  shape    meaning
    I       (S,)     a channel's values at S places of the face, 0 to 1
    Y       (S, 9)   spherical harmonics up to the second order, at the normals there
    psi     (S, R)   how albedo may differ
    l, d    (9), (R) light and albedo of the channel

Under distant light a matt surface of one colour shows Y l (Ramamoorthi and Hanrahan, An efficient representation for
irradiance environment maps, SIGGRAPH 2001); with albedo, Y l (1 + psi d). `explained` finds the most likely l and d,
and how far to trust every place: hair, shadows and highlights are no such colours, and count by the weight of Geman
and McClure's loss (`robust`), whose width is that of the residuals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

SIDE = 160
"""Pixels to which a face's surroundings are brought: its size in a photograph is no part of the fit."""
MARGIN = 1.15
"""Side of those surroundings over the larger extent of the face's points."""
BLURS = (2.0, 1.0)
"""Standard deviations in those pixels, coarse to fine; each serves as many steps."""
BRIGHTNESS, LIGHT = 30.0, 1.0
"""Standard deviations about 0, over the channel's mean: of l's first number, and of its others."""
ROUNDS = 5
"""Of light, albedo and weights in turn."""
WIDTH = 2.0
"""Of the loss, in the standard deviation that the median residual tells ..."""
LEAST_NOISE = 0.01
"""... which is at least this: a flat picture is not exact."""


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """B photographs about their faces."""

    levels: list[torch.Tensor]
    """(B, 9, SIDE, SIDE) of each blur: the three channels, their slopes to the right, and down."""
    zoom: np.ndarray
    """(B,) of these pixels to a photograph's."""
    corner: np.ndarray
    """(B, 2) where their (0, 0) lies in the photograph."""
    shown: torch.Tensor
    """(B, 2, 2): least and largest x and y that the photograph has, in these pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Colours:
    """Light and albedo of B photographs, C channels, as derivatives have need of them."""

    columns: torch.Tensor
    """(B, C, S, 9 + R): derivatives of colours by l and d."""
    tightness: torch.Tensor
    """(B, C, 9 + R)."""
    slopes: torch.Tensor
    """(B, C, S, 9): of colours by Y."""
    residual: torch.Tensor
    """(B, C, S): picture less colour."""
    weight: torch.Tensor
    """(B, C, S): what a squared residual counts, 1 / variance."""


def views_of(pictures: np.ndarray, points: np.ndarray, target: torch.device) -> Views:
    """The surroundings of faces with points (B, N, 2 or 3) in pictures (B, H, W, 3) uint8."""
    height, width = pictures.shape[1:3]
    low, high = points[..., :2].min(axis=1), points[..., :2].max(axis=1)
    side = np.maximum(np.round(MARGIN * (high - low).max(axis=1)), 2).astype(np.int64)
    first = np.round((low + high - side[:, None]) / 2).astype(np.int64)
    crops = []
    for picture, (x, y), length in zip(pictures, first, side, strict=True):
        # Beyond the picture its edge goes on; nothing there counts (`shown`).
        rows, columns = np.clip(y + np.arange(length), 0, height - 1), np.clip(x + np.arange(length), 0, width - 1)
        crop = torch.tensor(picture[rows[:, None], columns], device=target).permute(2, 0, 1)[None].float() / 255
        crops.append(functional.interpolate(crop, (SIDE, SIDE), mode="bilinear", antialias=True))
    zoom = SIDE / side
    corner = first - 0.5 + 0.5 / zoom[:, None]
    ends = (np.array([[0, 0], [width - 1, height - 1]]) - corner[:, None]) * zoom[:, None, None]
    shown = torch.tensor(np.clip(ends, 0, SIDE - 1), dtype=torch.float32, device=target)
    return Views([_with_slopes(torch.cat(crops), blur) for blur in BLURS], zoom, corner, shown)


def _with_slopes(crops: torch.Tensor, blur: float) -> torch.Tensor:
    """(B, 9, SIDE, SIDE) of (B, 3, SIDE, SIDE): blurred, and the differences to the right and down."""
    reach = int(np.ceil(3 * blur))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=crops.device, dtype=crops.dtype) / blur).square())
    kernel = kernel / kernel.sum()
    flat = functional.pad(crops.reshape(-1, 1, SIDE, SIDE), (reach + 1,) * 4, mode="replicate")
    wide = functional.conv2d(functional.conv2d(flat, kernel.reshape(1, 1, 1, -1)), kernel.reshape(1, 1, -1, 1))
    right = (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]) / 2
    down = (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]) / 2
    return torch.cat([one.reshape(crops.shape) for one in (wide[..., 1:-1, 1:-1], right, down)], dim=1)


def harmonics(normal: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Y (..., 9) of unit normals (..., 3), without the usual factors, and its derivatives (..., 9, 3)."""
    x, y, z = normal.unbind(-1)
    no, one = torch.zeros_like(x), torch.ones_like(x)
    value = [one, x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1]
    by_x = [no, one, no, no, y, z, no, 2 * x, no]
    by_y = [no, no, one, no, x, no, z, -2 * y, no]
    by_z = [no, no, no, one, no, x, y, no, 6 * z]
    return torch.stack(value, -1), torch.stack([torch.stack(by, -1) for by in (by_x, by_y, by_z)], -1)


def explained(
    value: torch.Tensor, harmonic: torch.Tensor, albedo: torch.Tensor, spread: torch.Tensor, seen: torch.Tensor,
    evidence: float,
) -> Colours:  # fmt: skip
    """The most likely light and albedo. value: (B, C, S); harmonic: Y (B, S, 9); albedo: psi (S, R); spread: (R,)
    standard deviations of d; seen: (B, S) 1 for what counts, else 0; evidence: what all S places together count,
    were all seen."""
    batch, channels, samples = value.shape
    mean = (value * seen[:, None]).sum(2) / seen.sum(1).clamp(min=1)[:, None]
    light = torch.cat([mean[..., None], mean.new_zeros(batch, channels, 8)], dim=2)
    light_spread = value.new_tensor([BRIGHTNESS, *[LIGHT] * 8]) * mean.clamp(min=LEAST_NOISE)[..., None]
    tightness = torch.cat([light_spread, spread.expand(batch, channels, -1)], dim=2) ** -2
    noise, trust = 0.25 * mean.clamp(min=LEAST_NOISE), seen
    everywhere = harmonic[:, None].expand(-1, channels, -1, -1)
    for _ in range(ROUNDS):
        # The product of light and albedo, linear about the round's first light.
        shade = (harmonic @ light.mT).mT
        columns = torch.cat([everywhere, albedo * shade[..., None]], dim=-1)
        weight = trust[:, None] * (evidence / (samples * channels)) / noise.square()[..., None]
        weighted = columns * weight[..., None]
        aim = (weighted * value[..., None]).sum(2)
        known = torch.linalg.solve(weighted.mT @ columns + torch.diag_embed(tightness), aim)
        residual = value - (columns @ known[..., None])[..., 0]
        tone = (albedo @ known[..., 9:].mT).mT
        slopes = known[..., None, :9] + tone[..., None] * light[..., None, :]
        far = torch.where(seen[:, None] > 0, residual.abs(), torch.nan).nanmedian(dim=2).values
        noise = (1.4826 * far).nan_to_num(1.0).clamp(min=LEAST_NOISE)
        squared = (residual / noise[..., None]).square().mean(1)
        trust = seen / (1 + squared / WIDTH**2).square()
        light = known[..., :9]
    return Colours(columns, tightness, slopes, residual, weight)
