"""L1: mean absolute difference of two pictures in [0, 1] (fine-grained, table 3)."""

from __future__ import annotations

from torch import Tensor


def l1(picture: Tensor, wanted: Tensor) -> Tensor:
    """1 / (3 H W) sum |x - y| for each of (B, 3, H, W): (B,)."""
    return (picture - wanted).abs().mean((1, 2, 3))
