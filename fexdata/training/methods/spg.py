"""SPG: landmarks as an extra channel, the baseline of GC-GAN's table 2.

Song et al., Geometry Guided Adversarial Facial Expression Synthesis, 2018, as GC-GAN's authors compare with it: the
wanted landmarks are drawn into a map that the generator sees beside the picture, and nothing is
embedded. Re-implementation on GC-GAN's backbone, its losses and its data, so that a comparison
isolates how the landmarks enter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from fexdata.training.method import Condition
from fexdata.training.methods.gcgan import PairedTransfer, TransferConfig, landmark_map


class SPGConfig(TransferConfig):
    """Settings of `spg`."""

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **TransferConfig.PRESETS,
        # As GC-GAN's, half the paper's picture for twice the steps. Finding points in a map takes longer than being
        # told them, so the rate stays high for longer.
        "demo": {**TransferConfig.PRESETS["demo"], "image_size": 32, "lr_every": 2_000, "iterations": 12_000},
    }


class SPG(PairedTransfer):
    """GC-GAN's generator with a fourth input channel and no z_g: z = z_i."""

    name = "spg"
    paper = (
        "Song et al., Geometry Guided Adversarial Facial Expression Synthesis, arXiv:1712.03474; "
        "re-implementation on GC-GAN's backbone"
    )
    Config = SPGConfig
    column = "landmarks_68"
    channels = 4

    def code_length(self) -> int:
        return 0

    def generate(self, image: Tensor, condition: Condition) -> Tensor:
        drawn = landmark_map(condition["landmarks_68"], self.config.image_size)
        return self.generator(torch.cat([image, drawn], dim=1))
