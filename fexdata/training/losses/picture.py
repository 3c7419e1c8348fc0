"""Losses between pictures, and on the smoothness of pictures, masks and grids."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cosine_similarity


def l1_error(picture: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference over every element (reconstruction and cycle losses)."""
    return (picture - wanted).abs().mean()


def cosine_distance(embedding: Tensor, wanted: Tensor) -> Tensor:
    """E (1 - cos(e, e')), embeddings (B, N): 0 for one direction, 2 for opposite (identity losses).

    A-002-4: SliderGAN's Eq. 11 prints the inverse, norms over inner product; this is what its text means.
    """
    return (1 - cosine_similarity(embedding, wanted, dim=1)).mean()


def total_variation(maps: Tensor) -> Tensor:
    """Sum over batch, channels and pixels of |forward differences|, maps (B, C, H, W) (released code of
    GANimation and fine-grained: a sum, so it grows with batch and picture)."""
    across, down = _differences(maps)
    return across.abs().sum() + down.abs().sum()


def squared_variation(maps: Tensor) -> Tensor:
    """Sum over batch, channels and pixels of squared forward differences (DefGAN Eq. 14 and 15, A-003-2)."""
    across, down = _differences(maps)
    return across.square().sum() + down.square().sum()


def _differences(maps: Tensor) -> tuple[Tensor, Tensor]:
    return maps[..., :, 1:] - maps[..., :, :-1], maps[..., 1:, :] - maps[..., :-1, :]
