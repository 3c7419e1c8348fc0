"""Pieces that several methods' networks are made of, and the few rules that all of them keep.

Padding is zero, never reflection: a condition tiled over the picture is a constant per channel,
which instance normalisation takes away again except where the zeros of the border let it be seen
(StarGAN's authors: with reflection padding, conditioning by tiled labels does not work at all).
Instance normalisation is affine and keeps no running statistics, so that training and inference
compute the same. A mask always comes with the word for what it selects.
"""

from __future__ import annotations

from typing import Final, Literal

import torch
from torch import Tensor, nn

MaskSelects = Literal["input", "generated"]
"""What a mask of 1 keeps: GANimation's keeps the input, SliderGAN's and DefGAN's the generated."""

INITIAL_STD: Final = 0.02


def instance_norm(channels: int) -> nn.InstanceNorm2d:
    """Affine, without running statistics. Needs more than one pixel."""
    return nn.InstanceNorm2d(channels, affine=True, track_running_stats=False)


def convolution(inputs: int, outputs: int, kernel: int, *, activation: nn.Module) -> nn.Sequential:
    """Convolution (size kept, odd kernel, no bias), instance norm, activation."""
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, instance_norm(outputs), activation)


def halving(inputs: int, outputs: int, *, activation: nn.Module) -> nn.Sequential:
    """4x4 convolution of stride 2 (no bias), instance norm, activation: (H, W) -> (H/2, W/2)."""
    conv = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(conv, instance_norm(outputs), activation)


def doubling(inputs: int, outputs: int, *, activation: nn.Module) -> nn.Sequential:
    """4x4 transposed convolution of stride 2 (no bias), instance norm, activation: (H, W) -> (2H, 2W)."""
    conv = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(conv, instance_norm(outputs), activation)


def relu() -> nn.ReLU:
    return nn.ReLU(inplace=True)


def leaky_relu() -> nn.LeakyReLU:
    return nn.LeakyReLU(0.01, inplace=True)


class ResidualBlock(nn.Module):
    """x + (3x3 conv, norm, ReLU, 3x3 conv, norm)(x)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            convolution(channels, channels, 3, activation=relu()),
            convolution(channels, channels, 3, activation=nn.Identity()),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.change(x)


def with_condition(features: Tensor, condition: Tensor) -> Tensor:
    """Features (B, C, H, W) and condition (B, K) -> (B, C + K, H, W), the condition repeated at every pixel."""
    tiled = condition[:, :, None, None].expand(-1, -1, *features.shape[-2:])
    return torch.cat([features, tiled.to(features.dtype)], dim=1)


def compose(generated: Tensor, given: Tensor, mask: Tensor, *, mask_selects: MaskSelects) -> Tensor:
    """The picture between `generated` and `given` that the mask (B, 1, H, W), 0 to 1, asks for.

    GANimation's code: m*x + (1 - m)*g (`input`). SliderGAN Eq. 4, DefGAN Eq. 6: m*g + (1 - m)*x
    (`generated`). A penalty on mean(m) therefore pushes the first towards generating everywhere
    and the others towards keeping the input.
    """
    if mask_selects == "input":
        return mask * given + (1 - mask) * generated
    return mask * generated + (1 - mask) * given


def draw_normal_weights(network: nn.Module, std: float = INITIAL_STD) -> None:
    """Convolutions' and linear layers' weights from N(0, std), biases 0 (std 0.02: released code of GANimation and
    fine-grained)."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(module.weight, 0.0, std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
