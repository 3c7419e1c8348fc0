"""SSIM: Wang et al., Image Quality Assessment, IEEE TIP 2004, on 8-bit values, Gaussian window of 11
pixels and sigma 1.5, mean over the picture and its channels."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from fexdata.evaluation.pixels import eight_bit


def ssim(picture: Tensor, wanted: Tensor) -> Tensor:
    """For each of (B, 3, H, W) in [0, 1], H and W at least 11: (B,), 1 for equal pictures."""
    values = structural_similarity_index_measure(
        eight_bit(picture), eight_bit(wanted), gaussian_kernel=True, sigma=1.5, kernel_size=11, data_range=255.0,
        reduction="none",
    )  # fmt: skip
    return torch.as_tensor(values).reshape(len(picture))
