"""IED: the image Euclidean distance, which forgives small shifts as a pixel-wise one does not.

Wang, Zhang and Feng, On the Euclidean Distance of Images, IEEE TPAMI 2005, eq. 4 with sigma 1:

    d^2 = 1/(2 pi) sum_i sum_j exp(-|P_i - P_j|^2 / 2) (x_i - y_i)(x_j - y_j)

P_i: the pixel's place. The differences are signed. SliderGAN's eq. 15 prints it with another sign
in the exponent and x_j - x_j, which is 0 (A-002-10). The Gaussian is a product of two, so the double
sum over N^2 pixels is <D, g D g^T> with g_ab = exp(-(a - b)^2 / 2) / sqrt(2 pi).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def ied(picture: Tensor, wanted: Tensor, mask: Tensor | None = None) -> Tensor:
    """d^2 summed over channels, divided by the number of pixels: (B,) of pictures (B, C, H, W) in [0, 1].

    Per pixel, because SliderGAN's values (about 1e-2) can only be that. mask: (B, 1, H, W), 1 where the
    pictures are compared; the divisor is then the mask's area.
    """
    difference = (picture - wanted).double()
    height, width = difference.shape[-2:]
    area = torch.full((len(difference),), float(height * width), dtype=torch.float64, device=difference.device)
    if mask is not None:
        difference = difference * mask
        area = mask.double().sum((1, 2, 3)).clamp(min=1)
    spread = _gaussian(height, difference.device) @ difference @ _gaussian(width, difference.device)
    return (difference * spread).sum((1, 2, 3)) / area


def _gaussian(extent: int, device: torch.device) -> Tensor:
    along = torch.arange(extent, dtype=torch.float64, device=device)
    return torch.exp(-(along[:, None] - along).square() / 2) / math.sqrt(2 * math.pi)
