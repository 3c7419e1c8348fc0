"""The networks of GC-GAN: landmark embedding, generator, critic.

Qiao et al., Geometry-Contrastive GAN for Facial Expression Transfer, 2018: section 3.1 and table 3
of its appendix. Layer sizes below are the paper's at `width` 64 and 64 pixels.

The paper's TensorFlow pads a stride-2 convolution of 5 with 1 pixel before and 2 after; here it is
2 and 2, which gives the same shapes and puts every output on an input pixel, on the way down as on
the way up.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

LANDMARKS = 68


class LandmarkEmbedding(nn.Module):
    """E: 68 points to a code of the expression, and back.

    The code follows a ReLU, so it is not negative.
    """

    def __init__(self, code: int = 32) -> None:
        super().__init__()
        points = 2 * LANDMARKS
        self.encoder = nn.Sequential(_full(points, 128), _full(128, 64), _full(64, code))
        self.decoder = nn.Sequential(_full(code, 64), _full(64, 128), nn.Linear(128, points), nn.Tanh())

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """points (B, 136): x, y, x, y ... in [-1, 1]. Returns the code (B, code) and the points
        decoded from it (B, 136)."""
        code = self.encoder(points)
        return code, self.decoder(code)


class TransferGenerator(nn.Module):
    """G: a picture and a code of the wanted expression to the edited picture.

    One skip, from the first convolution to the penultimate deconvolution. The paper says "similar
    to U-Net"; it is an addition (A-001-3), since concatenation would contradict table 3's channels.
    """

    def __init__(
        self,
        image_size: int = 64,
        *,
        expression: int = 32,
        person: int = 128,
        channels: int = 3,
        width: int = 64,
        out_bn: bool = False,
    ) -> None:
        """image_size: a multiple of 16. expression: length of the expression's code,
        0 for none. person: of z_i. channels: of the input; the output has 3. out_bn: batch norm before the tanh."""
        super().__init__()
        if image_size % 16:
            raise ValueError(f"image_size: expected a multiple of 16, got {image_size}")
        self.start = (4 * width, image_size // 16, image_size // 16)
        flat = 4 * width * (image_size // 8) ** 2
        self.first = _down(channels, width)
        self.encoder = nn.Sequential(
            _down(width, 2 * width),
            _down(2 * width, 4 * width),
            nn.Flatten(),
            _full(flat, 16 * width),
            _full(16 * width, person),
        )
        self.expand = _full(person + expression, 4 * width * (image_size // 16) ** 2)
        self.decoder = nn.Sequential(_up(4 * width, 4 * width), _up(4 * width, 2 * width), _up(2 * width, width))
        # A-001-4: table 3 has batch norm before the output's tanh, the released code has none; off by default.
        last = [nn.Conv2d(width, 3, 5, 1, 2), *([nn.BatchNorm2d(3)] if out_bn else []), nn.Tanh()]
        self.last = nn.Sequential(_up(width, width), *last)

    def forward(self, image: Tensor, code: Tensor | None = None) -> Tensor:
        """image (B, channels, H, W) in [-1, 1], code (B, code). Returns (B, 3, H, W) in [-1, 1]."""
        low = self.first(image)
        # A-001-5: "z_i ~ N(mu, sigma)", but the encoder is deterministic (and ends in a ReLU).
        latent = self.encoder(low)
        if code is not None:
            latent = torch.cat([latent, code], dim=1)
        features = self.expand(latent).reshape(-1, *self.start)
        return self.last(self.decoder(features) + low)


class LayerNormCritic(nn.Module):
    """D: a picture to a map of scores, 2 x 2 at 64 pixels, with layer normalisation."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        widths = [3, width, 2 * width, 4 * width, 8 * width]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            # One group over all channels is layer normalisation over C, H, W with a gain per channel.
            layers += [nn.Conv2d(before, after, 5, 2, 2), nn.GroupNorm(1, after), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 5, 2, 2))

    def forward(self, image: Tensor) -> Tensor:
        """image (B, 3, H, W). Returns (B, 1, H / 32, W / 32), rounded up."""
        return self.layers(image)


def _full(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.ReLU())


def _down(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 5, 2, 2, bias=False), nn.BatchNorm2d(after), nn.ReLU())


def _up(before: int, after: int) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(before, after, 5, 2, 2, output_padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())
