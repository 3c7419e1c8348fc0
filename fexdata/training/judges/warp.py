"""Bringing a face to where an identity network expects it, in a way that gradients pass.

One matrix per picture, found from its 68 landmarks (no gradient), one bilinear `grid_sample`.
Pixel centres are integers on both sides, as everywhere in fexdata.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

FIVE_OF_68 = ((36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47), (30,), (48,), (54,))
"""Left and right eye centre, nose tip, left and right mouth corner (as seen in the picture), each
the mean of these of the 68."""


@dataclass(frozen=True)
class Placement:
    """Where points of the face shall lie in a network's input."""

    size: int
    """Height and width of the input, pixels."""
    groups: tuple[tuple[int, ...], ...]
    """Each point is the mean of these of the 68 landmarks."""
    places: tuple[tuple[float, float], ...]
    """x and y of each point, pixels of the input."""
    kind: Literal["similarity", "affine"]

    def at(self, size: int) -> Placement:
        """The same at another size."""
        scale = size / self.size
        moved = tuple(((x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5) for x, y in self.places)
        return Placement(size, self.groups, moved, self.kind)


ARCFACE = Placement(
    112,
    FIVE_OF_68,
    ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)),
    "similarity",
)
"""Deng et al., ArcFace, CVPR 2019: the template of the released code, as SliderGAN's F takes it."""

OPENFACE = Placement(
    96,
    ((36,), (45,), (33,)),
    ((18.639, 16.250), (75.730, 15.185), (47.515, 49.386)),
    "affine",
)
"""Outer eye corners and nose, onto AlignDlib's places times 96. OpenFace's documentation names this
alignment for nn4.small2.v1; inner eyes and bottom lip belong to nn4.v1."""


def to_placement(image: Tensor, landmarks: Tensor, placement: Placement) -> Tensor:
    """The face as the network wants it: (B, 3, size, size) from pictures (B, 3, H, W) and their
    landmarks (B, 68, 2) in pixels. What lies outside the picture is 0."""
    with torch.no_grad():
        points = torch.stack([landmarks[:, list(group)].mean(1) for group in placement.groups], dim=1).double()
        places = torch.tensor(placement.places, dtype=torch.float64, device=image.device).expand_as(points)
        solve = _similarity if placement.kind == "similarity" else _affine
        matrix = solve(places, points)  # input pixel -> picture pixel
        grid = _grid(matrix, placement.size, image.shape[-2], image.shape[-1])
    return functional.grid_sample(image, grid.to(image.dtype), mode="bilinear", align_corners=False)


def _similarity(source: Tensor, target: Tensor) -> Tensor:
    """Least-squares similarities (B, 2, 3) of points (B, n, 2) onto others: Umeyama 1991 in the plane,
    where a rotation with scale is one complex number."""
    source_mean, target_mean = source.mean(1, keepdim=True), target.mean(1, keepdim=True)
    p, q = source - source_mean, target - target_mean
    spread = p.square().sum((1, 2)).clamp(min=1e-9)
    real = (p * q).sum((1, 2)) / spread
    imaginary = (p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]).sum(1) / spread
    linear = torch.stack([real, -imaginary, imaginary, real], dim=1).reshape(-1, 2, 2)
    return _with_shift(linear, source_mean, target_mean)


def _affine(source: Tensor, target: Tensor) -> Tensor:
    """Least-squares affine maps (B, 2, 3) of points (B, n, 2), n at least 3, onto others."""
    source_mean, target_mean = source.mean(1, keepdim=True), target.mean(1, keepdim=True)
    linear = torch.linalg.lstsq(source - source_mean, target - target_mean).solution.transpose(1, 2)
    return _with_shift(linear, source_mean, target_mean)


def _with_shift(linear: Tensor, source_mean: Tensor, target_mean: Tensor) -> Tensor:
    shift = target_mean.transpose(1, 2) - linear @ source_mean.transpose(1, 2)
    return torch.cat([linear, shift], dim=2)


def _grid(matrix: Tensor, size: int, height: int, width: int) -> Tensor:
    """(B, size, size, 2): where each input pixel lies in the picture, in grid_sample's units
    (align_corners=False: -1 and 1 are the picture's edges, half a pixel outside the outer centres)."""
    along = torch.arange(size, dtype=matrix.dtype, device=matrix.device)
    y, x = torch.meshgrid(along, along, indexing="ij")
    pixels = torch.stack([x, y, torch.ones_like(x)], dim=-1)
    places = torch.einsum("hwk,bjk->bhwj", pixels, matrix)
    extent = torch.tensor([width, height], dtype=matrix.dtype, device=matrix.device)
    return (2 * places + 1) / extent - 1
