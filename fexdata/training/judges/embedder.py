"""`fexdata train embedder`: who somebody is, learnt from the dataset's own subjects.

Additive angular margin: Deng et al., ArcFace: Additive Angular Margin Loss for Deep Face
Recognition, CVPR 2019, eq. 3. Every picture is aligned by its landmarks to that paper's template,
so that it can be asked about crops of any template. A person shown with many expressions teaches
it not to mind them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from fexdata.errors import FexdataError
from fexdata.training.judges.augment import augmented
from fexdata.training.judges.kinds import IdentityNetwork
from fexdata.training.judges.resnet import ResidualNetwork
from fexdata.training.judges.trained import SingleNetwork, TrainedConfig
from fexdata.training.judges.warp import ARCFACE, to_placement
from fexdata.training.method import Batch, DataInfo, Draw, Judges, Losses, MethodConfig, Needs, Phase
from fexdata.training.methods.shared import weigh


class EmbedderConfig(TrainedConfig):
    """Settings of `embedder`."""

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "small": {"width": 32, "iterations": 20_000},
        "demo": {"image_size": 64, "face": 64, "width": 16, "numbers": 64, "batch": 32, "iterations": 600},
    }

    face: int = Field(112, ge=16, description="Height and width of the aligned face, pixels.")
    numbers: int = Field(256, ge=2, description="Length of an embedding.")
    scale: float = Field(30.0, gt=0, description="s of eq. 3: what cosines are multiplied by.")
    margin: float = Field(0.3, ge=0, lt=1.5, description="m of eq. 3, radians (the paper's 0.5 is for millions).")


class Embedder(SingleNetwork):
    """Maps a face to a direction; one direction per subject while it learns."""

    name = "embedder"
    paper = "Deng et al., ArcFace, CVPR 2019"
    Config = EmbedderConfig
    config: EmbedderConfig

    def __init__(self, config: EmbedderConfig, info: DataInfo, judges: Judges) -> None:
        super().__init__(config, info, judges)
        if info.subjects < 2:
            raise FexdataError("embedder needs rows of at least two subjects; the dataset does not tell who is who")
        self.networks = nn.ModuleDict(
            {
                "network": EmbeddingNetwork(config.face, width=config.width, numbers=config.numbers),
                "head": SubjectDirections(config.numbers, info.subjects),
            }
        )

    @classmethod
    def needs(cls, config: MethodConfig) -> Needs:
        return Needs(("image", "subject", "landmarks_68"), config.image_size)

    def generator_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        """Eq. 3 on augmented pictures."""
        embedding = self.networks["network"](augmented(self._aligned(batch), draw))
        cosines = self.networks["head"](embedding)
        loss = angular_margin_loss(cosines, batch["subject"], scale=self.config.scale, margin=self.config.margin)
        right = (cosines.argmax(1) == batch["subject"]).float().mean()
        return {**weigh({"margin": (1.0, loss)}), "accuracy": right.detach()}

    def judge(self) -> nn.Module:
        return IdentityNetwork(self.networks["network"], ARCFACE.at(self.config.face), unit=True)

    @torch.no_grad()
    def sample_sheet(self, batch: Batch, draw: Draw) -> Tensor:
        """Each face, then the others of the batch, the most alike first."""
        faces = self._aligned(batch)
        embedding = functional.normalize(self.networks["network"](faces), dim=1)
        order = (embedding @ embedding.T).fill_diagonal_(2).argsort(1, descending=True)
        return faces[order]

    def _aligned(self, batch: Batch) -> Tensor:
        return to_placement(batch["image"], batch["landmarks_68"], ARCFACE.at(self.config.face))


class EmbeddingNetwork(nn.Module):
    """Aligned faces (B, 3, face, face) in [-1, 1] -> (B, numbers)."""

    def __init__(self, face: int, *, width: int, numbers: int) -> None:
        super().__init__()
        self.body = ResidualNetwork(face, width=width)
        self.last = nn.Linear(self.body.features, numbers)

    def forward(self, face: Tensor) -> Tensor:
        return self.last(self.body(face).mean((2, 3)))


class SubjectDirections(nn.Module):
    """cos of the angle between an embedding and each subject's direction: (B, numbers) -> (B, subjects)."""

    def __init__(self, numbers: int, subjects: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(subjects, numbers) * 0.05)

    def forward(self, embedding: Tensor) -> Tensor:
        return functional.normalize(embedding, dim=1) @ functional.normalize(self.weight, dim=1).T


def angular_margin_loss(cosines: Tensor, label: Tensor, *, scale: float, margin: float) -> Tensor:
    """-E log of e^{s cos(t_y + m)} over itself and all e^{s cos t_j}, j not y (ArcFace, eq. 3).

    cosines: (B, subjects). Where t_y + m exceeds half a turn the cosine would rise again; there, as
    in the paper's code, the penalty goes on in a straight line: cos t_y - m sin(pi - m).
    """
    own = cosines.gather(1, label[:, None])
    angle = torch.acos(own.clamp(-1 + 1e-6, 1 - 1e-6))
    moved = torch.where(angle + margin < math.pi, torch.cos(angle + margin), own - margin * math.sin(margin))
    return functional.cross_entropy(scale * cosines.scatter(1, label[:, None], moved), label)
