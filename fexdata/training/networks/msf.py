"""The generator of fine-grained expression editing: a U-Net whose skips fuse two scales.

J. Ling et al., Toward Fine-grained Facial Expression Manipulation, ECCV 2020, section 3.2-3.3 and
Fig. 3; kernel sizes and channels as in the authors' released code (A-004-4: the paper says 5x5 for
all convolutions that keep the size, the code has 7, 5 and 3).

| at width d, picture H | channels | size |
|---|---|---|
| first: conv 7 | d | H |
| down 1 to 4: conv 4 stride 2 | 2d, 4d, 8d, 8d | H/2, H/4, H/8, H/16 |
| bottleneck: conv 3 of features and condition | 8d | H/16 |
| up 4 to 1: transposed conv 4 stride 2, all but the first also of a skip | 8d, 4d, 2d, d | H/8 to H |
| picture: conv 7, tanh | 3 | H |

The condition enters at the bottleneck and in every MSF module, never at the first layer, so that a
picture is encoded once however many conditions it is decoded with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from fexdata.training.networks.blocks import convolution, doubling, halving, leaky_relu, relu, with_condition

MSF_MODULES: Final = 3


class FusionBlock(nn.Module):
    """Two scales exchange what they know: fine (B, f, 2h, 2w), coarse (B, c, h, w) -> the same shapes.

    Half of each output's channels comes from its own scale, half from the other.
    """

    def __init__(self, fine: int, coarse: int) -> None:
        super().__init__()
        self.fine_to_fine = convolution(fine, fine // 2, 3, activation=relu())
        self.coarse_to_fine = doubling(coarse, fine - fine // 2, activation=leaky_relu())
        self.fine_to_coarse = halving(fine, coarse // 2, activation=leaky_relu())
        self.coarse_to_coarse = convolution(coarse, coarse - coarse // 2, 3, activation=relu())

    def forward(self, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        return (
            torch.cat([self.fine_to_fine(fine), self.coarse_to_fine(coarse)], dim=1),
            torch.cat([self.fine_to_coarse(fine), self.coarse_to_coarse(coarse)], dim=1),
        )


class MultiScaleFusion(nn.Module):
    """MSF: encoder features f_i (B, fine, 2h, 2w), deeper fusion f'_(i+1) (B, coarse, h, w) and the
    condition (B, K) -> f'_i, shaped as f_i."""

    def __init__(self, fine: int, coarse: int, conditions: int) -> None:
        super().__init__()
        raised = min(coarse, fine)
        self.enter = convolution(fine + conditions, fine, 5, activation=relu())
        self.fuse = FusionBlock(fine, coarse)
        self.rise = doubling(coarse, raised, activation=leaky_relu())
        self.narrow = convolution(fine + raised, fine // 2, 3, activation=relu())
        self.broad = convolution(fine + raised, fine - fine // 2, 5, activation=relu())

    def forward(self, fine: Tensor, coarse: Tensor, condition: Tensor) -> Tensor:
        fine, coarse = self.fuse(self.enter(with_condition(fine, condition)), coarse)
        both = torch.cat([fine, self.rise(coarse)], dim=1)
        return torch.cat([self.narrow(both), self.broad(both)], dim=1)


class MsfGenerator(nn.Module):
    """Pictures (B, 3, H, W) and conditions (n * B, K) -> pictures (n * B, 3, H, W) in [-1, 1].

    n is 1 or more; condition i is for picture i % B. H and W are multiples of 16, at least 32.
    msf_modules: 0 to 3 skips that are MSF modules. A-004-5: where they sit in the ablations is
    unstated; they are added from the deepest up, and the other skips hand the encoder's features
    on as they are.
    """

    def __init__(self, conditions: int, *, width: int = 64, msf_modules: int = MSF_MODULES) -> None:
        super().__init__()
        if not 0 <= msf_modules <= MSF_MODULES:
            raise ValueError(f"msf_modules is 0 to {MSF_MODULES}, not {msf_modules}")
        d = width
        self.first = convolution(3, d, 7, activation=leaky_relu())
        encoder = [(d, 2 * d), (2 * d, 4 * d), (4 * d, 8 * d), (8 * d, 8 * d)]
        self.down = nn.ModuleList(halving(*channels, activation=leaky_relu()) for channels in encoder)
        self.bottleneck = convolution(8 * d + conditions, 8 * d, 3, activation=relu())
        # Deepest first, as in everything below: the skips at H/8, H/4, H/2.
        skips = [(8 * d, 8 * d), (4 * d, 8 * d), (2 * d, 4 * d)]
        self.msf = nn.ModuleList(MultiScaleFusion(*channels, conditions) for channels in skips[:msf_modules])
        decoder = [(8 * d, 8 * d), (16 * d, 4 * d), (8 * d, 2 * d), (4 * d, d)]
        self.up = nn.ModuleList(doubling(*channels, activation=relu()) for channels in decoder)
        self.picture = nn.Sequential(nn.Conv2d(d, 3, 7, padding=3, bias=False), nn.Tanh())

    def forward(self, picture: Tensor, condition: Tensor) -> Tensor:
        levels = self._encode(picture)
        repeats = len(condition) // len(picture)
        if repeats > 1:
            levels = [level.repeat(repeats, 1, 1, 1) for level in levels]
        return self._decode(levels, condition)

    def _encode(self, picture: Tensor) -> list[Tensor]:
        """Features at H/16, H/8, H/4, H/2: all that the decoder needs of a picture."""
        features = self.first(picture)
        levels = []
        for down in self.down:
            features = down(features)
            levels.append(features)
        return levels[::-1]

    def _decode(self, levels: Sequence[Tensor], condition: Tensor) -> Tensor:
        deepest, *skips = levels
        fused = self.bottleneck(with_condition(deepest, condition))
        out = self.up[0](fused)
        for index, skip in enumerate(skips):
            fused = self.msf[index](skip, fused, condition) if index < len(self.msf) else skip
            out = self.up[index + 1](torch.cat([out, fused], dim=1))
        return self.picture(out)
