"""What the judges that the toolkit trains itself have in common: one network, one phase, no critic."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from pydantic import Field
from torch import Tensor, nn

from fexdata.errors import FexdataError
from fexdata.training.method import Adam, Batch, Condition, Draw, Losses, Method, MethodConfig, Phase


class TrainedConfig(MethodConfig):
    """Settings of a judge's training."""

    batch: int = Field(64, ge=2, description="Rows per batch and device.")
    width: int = Field(64, ge=2, description="Channels of the first stage; 64 is ResNet-18's.")
    iterations: int = Field(60_000, ge=1, description="Batches in all.")
    lr: float = Field(1e-3, gt=0, description="Adam's rate at the start; it falls to 0 in a straight line.")
    weight_decay: float = Field(1e-4, ge=0, description="Adam's weight decay.")


class SingleNetwork(Method):
    """A judge in training. `networks["network"]` gives features, `networks["head"]` the answer."""

    config: TrainedConfig
    optimised: Mapping[str, tuple[str, ...]] = {"network": ("network", "head")}
    averaged: tuple[str, ...] = ("network", "head")

    @abstractmethod
    def judge(self) -> nn.Module:
        """What a loss or an evaluation asks, see `fexdata.training.judges.Judge`."""

    def phases(self) -> list[Phase]:
        return [Phase("learn", self.config.iterations, critic_steps=0)]

    def optimiser(self, name: str, phase: Phase) -> Adam | None:
        return Adam(self.config.lr, betas=(0.9, 0.999), weight_decay=self.config.weight_decay)

    def learning_rate(self, step: int, phase: Phase) -> float:
        return 1 - step / phase.iterations

    def critic_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        raise NotImplementedError("a judge has no critic: its phase has critic_steps=0")

    def edit(self, image: Tensor, source: Condition, target: Condition) -> dict[str, Tensor]:
        raise FexdataError(f"{self.name} judges faces, it does not edit them")
