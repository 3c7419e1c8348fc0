"""The network that the toolkit trains when it needs a judge of its own: a residual network of 18
layers (He et al., Deep Residual Learning, CVPR 2016) for small pictures, as wide as one likes.

Convolutions halve the picture until it is at most 64 pixels, then come four stages of two blocks.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional

FIRST_STAGE = 64
"""Height and width, at most, at which the first stage works."""


class ResidualNetwork(nn.Module):
    """(B, 3, size, size) in [-1, 1] -> maps (B, 8 width, size / 8 or less)."""

    def __init__(self, size: int, *, width: int) -> None:
        super().__init__()
        halvings = max(0, math.ceil(math.log2(size / FIRST_STAGE)))
        stem = [_layer(3, width, stride=2 if halvings else 1)]
        stem += [_layer(width, width, stride=2) for _ in range(halvings - 1)]
        stages = [_Block(width, width, 1), _Block(width, width, 1)]
        for stage in range(3):
            channels = width * 2**stage
            stages += [_Block(channels, 2 * channels, 2), _Block(2 * channels, 2 * channels, 1)]
        self.layers = nn.Sequential(*stem, *stages)
        self.features = 8 * width
        """Channels of the maps."""

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image)


class _Block(nn.Module):
    def __init__(self, channels: int, wanted: int, stride: int) -> None:
        super().__init__()
        self.first = _layer(channels, wanted, stride=stride)
        self.second = nn.Sequential(nn.Conv2d(wanted, wanted, 3, padding=1, bias=False), nn.BatchNorm2d(wanted))
        same = stride == 1 and channels == wanted
        self.short = nn.Identity() if same else nn.Sequential(
            nn.Conv2d(channels, wanted, 1, stride, bias=False), nn.BatchNorm2d(wanted)
        )  # fmt: skip

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(self.second(self.first(maps)) + self.short(maps))


def _layer(channels: int, wanted: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, wanted, 3, stride, 1, bias=False), nn.BatchNorm2d(wanted), nn.ReLU())
