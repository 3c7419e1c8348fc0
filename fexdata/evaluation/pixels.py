"""Pictures between the networks' [-1, 1], the metrics' [0, 1], and bytes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def unit(image: Tensor) -> Tensor:
    """[-1, 1] to [0, 1], clipped."""
    return ((image.float() + 1) / 2).clamp(0, 1)


def eight_bit(picture: Tensor) -> Tensor:
    """[0, 1] to the whole numbers 0 to 255, still float."""
    return (picture * 255).round()


def to_bytes(image: Tensor) -> np.ndarray:
    """(3, H, W) in [-1, 1] as (H, W, 3) uint8."""
    pixels: np.ndarray = eight_bit(unit(image)).byte().permute(1, 2, 0).cpu().numpy()
    return np.ascontiguousarray(pixels)


def from_bytes(pixels: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 as (3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).float() / 127.5 - 1
