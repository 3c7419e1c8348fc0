"""PSNR: 10 log10(255^2 / MSE), pictures as they would be stored, in 8 bits."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio

from fexdata.evaluation.pixels import eight_bit

CEILING = 100.0
"""dB given for equal pictures, where the formula has no value."""


def psnr(picture: Tensor, wanted: Tensor) -> Tensor:
    """dB for each of (B, 3, H, W) in [0, 1]: (B,)."""
    ratios = peak_signal_noise_ratio(
        eight_bit(picture), eight_bit(wanted), data_range=255.0, reduction="none", dim=(1, 2, 3)
    )
    return torch.as_tensor(ratios).clamp(max=CEILING)
