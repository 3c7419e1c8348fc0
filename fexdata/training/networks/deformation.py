"""DefGAN's motion network: a picture and two expressions to a grid that says where each pixel comes from.

Athar, Shu and Samaras, Self-supervised Deformation Modeling for Facial Expression Editing, FG 2020,
section 3.1.1 and appendix D.1. A grid (B, 2, H, W) holds sampling places in [-1, 1], x then y, with
-1 and 1 on the centres of the first and last pixel (align_corners).
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from fexdata.training.networks.blocks import convolution, relu, with_condition
from fexdata.training.networks.stargan import StarGanTrunk

GridMode = Literal["differential", "residual"]


class GridGenerator(nn.Module):
    """StarGAN's trunk, bilinear upsampling, and a head of 2 channels, read as a grid.

    The head starts at zero weights, with a bias that makes the first grid the identity.
    """

    def __init__(
        self,
        in_channels: int,
        image_size: int,
        *,
        width: int = 64,
        blocks: int = 6,
        mode: GridMode = "differential",
        offset: float = 5.0,
    ) -> None:
        """in_channels: picture and conditions together. offset: the largest, in pixels, of what `mode` adds."""
        super().__init__()
        self.image_size, self.mode, self.offset = image_size, mode, offset
        self.trunk = StarGanTrunk(in_channels, width=width, blocks=blocks)
        # A-003-7: "the last three convolutional layers" are two transposed convolutions and one head;
        # the two become bilinear upsampling with a convolution, the head stays.
        self.up = nn.Sequential(_enlarging(4 * width, 2 * width), _enlarging(2 * width, width))
        self.head = nn.Conv2d(width, 2, 7, padding=3)
        self.reset_head()

    def reset_head(self) -> None:
        """Back to the identity grid, whatever the picture."""
        nn.init.zeros_(self.head.weight)
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias, identity_bias(self.image_size, self.mode, self.offset))

    def forward(self, picture: Tensor, condition: Tensor) -> Tensor:
        """picture (B, 3, H, H), condition (B, K): both expressions. Returns a grid (B, 2, H, H) in [-1, 1]."""
        raw = self.head(self.up(self.trunk(with_condition(picture, condition))))
        if self.mode == "differential":
            return differential_grid(raw, self.offset)
        return residual_grid(raw, self.offset)


def differential_grid(raw: Tensor, offset: float) -> Tensor:
    """raw (B, 2, N, N): distances between neighbouring samples, summed up along x and along y.

    A-003-6: "offset based deformation grid as proposed in [26] with a maximum offset of 5 pixels":
    in the released code of [26] (Deforming Autoencoders) an offset is one step of the sum,
    sigmoid(raw) * 5 / N in coordinates that span 2, so at most half as many pixels.
    """
    size = raw.shape[-1]
    step = torch.sigmoid(raw.float()) * offset / size
    # The sum starts one regular step before -1, so that regular steps give the identity.
    start = -1 - 2 / (size - 1)
    x = start + step[:, :1].cumsum(3)
    y = start + step[:, 1:].cumsum(2)
    return torch.cat([x, y], dim=1).clamp(-1, 1)


def residual_grid(raw: Tensor, offset: float) -> Tensor:
    """raw (B, 2, N, N): A-003-6's other reading, each sample moved by at most `offset` pixels."""
    size = raw.shape[-1]
    moved = torch.tanh(raw.float()) * offset * (2 / (size - 1))
    return (identity_grid(size, moved) + moved).clamp(-1, 1)


def identity_bias(size: int, mode: GridMode, offset: float) -> float:
    """The head's bias at which the grid is the identity."""
    if mode == "residual":
        return 0.0
    regular = 2 * size / (offset * (size - 1))  # the sigmoid's value that makes a step of one pixel
    if regular >= 1:
        raise ValueError(f"offset: {offset} allows no step of one pixel at {size} pixels; it must be above 2")
    return math.log(regular / (1 - regular))


def identity_grid(size: int, like: Tensor) -> Tensor:
    """(1, 2, size, size) of `like`'s type and device: every pixel comes from where it is."""
    line = torch.linspace(-1, 1, size, dtype=like.dtype, device=like.device)
    return torch.stack(torch.meshgrid(line, line, indexing="xy"))[None]


def warp(grid: Tensor, picture: Tensor) -> Tensor:
    """Warp(G, I), eq. 4: picture (B, C, H, W) sampled at grid (B, 2, h, w). Returns (B, C, h, w)."""
    picture = picture.to(grid.dtype)  # a grid in bfloat16 would be wrong by pixels
    places = grid.permute(0, 2, 3, 1)
    return functional.grid_sample(picture, places, mode="bilinear", padding_mode="border", align_corners=True)


def composed_residual(first: Tensor, second: Tensor) -> Tensor:
    """Warp(second, first) - identity, the bracket of eq. 13: what both moves together change.

    Grids (B, 2, N, N). I*(p) = I(first(p)) and back(p) = I*(second(p)) give first(second(p)), so the
    order is as printed. The first grid's departure from the identity is sampled instead of the
    grid itself: it is nearly 0 at the border, where sampling outside repeats the edge.
    """
    identity = identity_grid(first.shape[-1], first)
    return second + warp(second, first - identity) - identity


def _enlarging(before: int, after: int) -> nn.Sequential:
    double = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    return nn.Sequential(double, convolution(before, after, 3, activation=relu()))
