"""StarGAN's generator and critic, and GANimation's head: what most of the methods are built from.

Y. Choi et al., StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image
Translation, CVPR 2018; A. Pumarola et al., GANimation, ECCV 2018. Layers as in the authors'
released code (the two agree), save that no layer keeps running statistics.

| at width d, picture H x W | channels | size |
|---|---|---|
| conv 7, norm, ReLU | d | H |
| 2 x (conv 4 stride 2, norm, ReLU) | 2d, 4d | H/2, H/4 |
| `blocks` x residual block | 4d | H/4 |
| 2 x (transposed conv 4 stride 2, norm, ReLU) | 2d, d | H/2, H |
| head: conv 7, tanh (and conv 7, sigmoid) | 3 (and 1) | H |
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from fexdata.training.networks.blocks import ResidualBlock, convolution, doubling, halving, relu, with_condition


class StarGanTrunk(nn.Sequential):
    """Everything up to the last residual block: (B, in_channels, H, W) -> (B, 4 * width, H/4, W/4)."""

    def __init__(self, in_channels: int, *, width: int = 64, blocks: int = 6) -> None:
        super().__init__(
            convolution(in_channels, width, 7, activation=relu()),
            halving(width, 2 * width, activation=relu()),
            halving(2 * width, 4 * width, activation=relu()),
            *(ResidualBlock(4 * width) for _ in range(blocks)),
        )


class StarGanGenerator(nn.Module):
    """A picture (B, 3, H, W) and a condition (B, K) -> a picture (B, out_channels, H, W) in [-1, 1].

    in_channels counts both: 3 + K. H and W are multiples of 4.
    """

    def __init__(self, in_channels: int, out_channels: int = 3, *, width: int = 64, blocks: int = 6) -> None:
        super().__init__()
        self.trunk = StarGanTrunk(in_channels, width=width, blocks=blocks)
        self.up = nn.Sequential(
            doubling(4 * width, 2 * width, activation=relu()),
            doubling(2 * width, width, activation=relu()),
        )
        self.picture = nn.Sequential(nn.Conv2d(width, out_channels, 7, padding=3, bias=False), nn.Tanh())

    def features(self, picture: Tensor, condition: Tensor) -> Tensor:
        """(B, width, H, W): what the heads read."""
        return self.up(self.trunk(with_condition(picture, condition)))

    def forward(self, picture: Tensor, condition: Tensor) -> Tensor:
        return self.picture(self.features(picture, condition))


class AttentionGenerator(StarGanGenerator):
    """StarGAN's generator with a second head: gives the picture and a mask (B, 1, H, W) in (0, 1).

    What the mask selects is the method's to say (`fexdata.training.networks.blocks.compose`).
    """

    def __init__(self, in_channels: int, out_channels: int = 3, *, width: int = 64, blocks: int = 6) -> None:
        super().__init__(in_channels, out_channels, width=width, blocks=blocks)
        self.mask = nn.Sequential(nn.Conv2d(width, 1, 7, padding=3, bias=False), nn.Sigmoid())

    def forward(self, picture: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        features = self.features(picture, condition)
        return self.picture(features), self.mask(features)


class Verdict(NamedTuple):
    """What a critic says of pictures."""

    score: Tensor
    """(B, 1, h, w): higher is more real, one number a patch."""
    condition: Tensor
    """(B, outputs): logits of the classes, or the condition read from the picture."""


class PatchCritic(nn.Module):
    """StarGAN's and GANimation's discriminator: a picture (B, channels, H, H) -> `Verdict`.

    `layers` halvings, channels width, 2 width, 4 width ..., leaky ReLU 0.01, no normalisation (the
    gradient penalty wants each picture judged by itself); then a 3x3 convolution for the score and
    one as large as what is left for the condition. bias: of the halvings.
    """

    def __init__(
        self, image_size: int, outputs: int, *, channels: int = 3, width: int = 64, layers: int = 6, bias: bool = True
    ) -> None:
        super().__init__()
        left = image_size // 2**layers
        if left < 1:
            raise ValueError(f"{layers} halvings leave nothing of {image_size} pixels")
        steps: list[nn.Module] = []
        inputs, wide = channels, width
        for _ in range(layers):
            steps += [nn.Conv2d(inputs, wide, 4, stride=2, padding=1, bias=bias), nn.LeakyReLU(0.01, inplace=True)]
            inputs, wide = wide, 2 * wide
        self.trunk = nn.Sequential(*steps)
        self.score = nn.Conv2d(inputs, 1, 3, padding=1, bias=False)
        self.condition = nn.Conv2d(inputs, outputs, left, bias=False)

    def forward(self, picture: Tensor) -> Verdict:
        features = self.trunk(picture)
        # Not squeeze(): a batch of one keeps its axis.
        return Verdict(self.score(features), self.condition(features).flatten(1))
