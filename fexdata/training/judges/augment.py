"""What a judge must not mind, shown to it in training: light, small shifts and turns, resolution.

A judge is asked about pictures of another network, often smaller than those it was trained on; one
that has never seen a soft picture takes softness for an expression.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from fexdata.training.method import Draw

BRIGHTNESS, CONTRAST, TINT = 0.25, 0.3, 0.08
"""Largest change of the mean (picture in [-1, 1]), of the spread (a factor 1 +-), of one channel."""
SHIFT, ZOOM, TURN = 0.06, 0.08, math.radians(8)
"""Largest shift (share of half the picture), change of size, and turn (radians)."""
COARSEST = 3
"""A softened picture is shrunk to at least one part in this of its side."""


def augmented(image: Tensor, draw: Draw) -> Tensor:
    """Pictures (B, 3, H, W) in [-1, 1], each changed in its own way."""
    return _softened(_moved(_lit(image, draw), draw), draw).clamp(-1, 1)


def _lit(image: Tensor, draw: Draw) -> Tensor:
    count = len(image)
    contrast = 1 + draw.uniform((count, 1, 1, 1), -CONTRAST, CONTRAST)
    shift = draw.uniform((count, 1, 1, 1), -BRIGHTNESS, BRIGHTNESS) + draw.uniform((count, 3, 1, 1), -TINT, TINT)
    mean = image.mean((1, 2, 3), keepdim=True)
    return (image - mean) * contrast + mean + shift


def _moved(image: Tensor, draw: Draw) -> Tensor:
    count = len(image)
    scale, angle = 1 + draw.uniform((count,), -ZOOM, ZOOM), draw.uniform((count,), -TURN, TURN)
    c, s, shift = scale * angle.cos(), scale * angle.sin(), draw.uniform((count, 2), -SHIFT, SHIFT)
    matrix = torch.stack([c, -s, shift[:, 0], s, c, shift[:, 1]], dim=1).reshape(count, 2, 3)
    grid = functional.affine_grid(matrix, list(image.shape), align_corners=False)
    return functional.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _softened(image: Tensor, draw: Draw) -> Tensor:
    """Half of the pictures, by one amount a batch: shrunk by averaging and enlarged again."""
    size = image.shape[-1]
    coarse = max(8, round(size * float(draw.uniform((1,), 1 / COARSEST, 1.0))))
    if coarse >= size:
        return image
    small = functional.interpolate(image, size=(coarse, coarse), mode="area")
    soft = functional.interpolate(small, size=image.shape[-2:], mode="bilinear", align_corners=False)
    chosen = draw.uniform((len(image), 1, 1, 1)) < 0.5
    return torch.where(chosen, soft, image)
