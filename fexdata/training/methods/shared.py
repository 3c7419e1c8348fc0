"""What the methods with one generator and one Wasserstein critic have in common.

Their schedule (a constant rate, then a linear fall), their optimisers, how targets are drawn, how
named terms become a total.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from fexdata.training.losses.adversarial import gradient_penalty
from fexdata.training.method import Adam, Batch, Draw, Losses, Method, MethodConfig, Phase
from fexdata.training.networks.blocks import INITIAL_STD
from fexdata.training.networks.stargan import Verdict

CONSTANT, DECAY = "constant", "decay"


class GanConfig(MethodConfig):
    """Settings of networks, optimisers and critic; the defaults are StarGAN's and GANimation's."""

    image_size: int = Field(128, ge=8, multiple_of=4, description="Height and width of the pictures, pixels.")
    width: int = Field(64, ge=2, multiple_of=2, description="Channels of the generator's first layer.")
    critic_width: int = Field(64, ge=1, description="Channels of the critic's first layer.")
    critic_layers: int = Field(6, ge=1, description="Halvings in the critic; at most log2 of image_size.")
    lr: float = Field(1e-4, gt=0, description="Adam's rate, of generator and critic, before it falls.")
    critic_lr: float | None = Field(None, gt=0, description="Adam's rate of the critic where it is not `lr`.")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first beta.")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second beta.")
    critic_steps: int = Field(5, ge=1, description="Critic steps per generator step.")
    lambda_gp: float = Field(10.0, ge=0, description="Weight of the gradient penalty.")
    gp_separate_step: bool = Field(
        False, description="Take the penalty as a second step of the critic's Adam (released code of GANimation "
        "and fine-grained) instead of adding it to the critic's loss."
    )  # fmt: skip

    @model_validator(mode="after")
    def _critic_fits(self) -> Self:
        if 2**self.critic_layers > self.image_size:
            raise ValueError(f"critic_layers: {self.critic_layers} halvings leave nothing of {self.image_size} pixels")
        return self

    def rate_of(self, optimiser: str) -> float:
        """Adam's rate of an optimiser by its name."""
        return self.critic_lr if optimiser == "critic" and self.critic_lr is not None else self.lr


class WassersteinMethod(Method):
    """Base of a method with the networks `generator` and `critic` and the phases `constant` and `decay`."""

    config: GanConfig

    @abstractmethod
    def lengths(self) -> tuple[int, int]:
        """Iterations of the constant rate and of its fall."""

    def final_rate(self) -> float:
        """What the rate falls to, as a share of `lr`."""
        return 0.0

    def phases(self) -> list[Phase]:
        constant, decay = self.lengths()
        steps = self.config.critic_steps
        return [Phase(CONSTANT, constant, critic_steps=steps), Phase(DECAY, decay, critic_steps=steps)]

    def optimiser(self, name: str, phase: Phase) -> Adam:
        config = self.config
        return Adam(config.rate_of(name), betas=(config.beta1, config.beta2))

    def learning_rate(self, step: int, phase: Phase) -> float:
        if phase.name == CONSTANT:
            return 1.0
        return 1 - (1 - self.final_rate()) * step / phase.iterations

    def judged(self, real: Tensor, fake: Tensor) -> tuple[Verdict, Tensor]:
        """What the critic says of real pictures, and its score of generated ones.

        One pass over both, since the gradients of the critic's many weights are then summed once.
        """
        both: Verdict = self.critic(torch.cat([real, fake]))
        count = len(real)
        return Verdict(both.score[:count], both.condition[:count]), both.score[count:]

    def penalty(self, real: Tensor, fake: Tensor, draw: Draw) -> Tensor:
        """The critic's gradient penalty at random points between real and fake (B, 3, H, W)."""
        return gradient_penalty(lambda x: self.critic(x).score, real, fake, draw.uniform((len(real),)))


class AuGanConfig(GanConfig):
    """Settings of the methods that are told action units."""

    epochs: int = Field(20, ge=1, description="Passes over the rows at a constant rate.")
    decay_epochs: int = Field(10, ge=0, description="Passes over which the rate then falls to 0.")
    iterations: int | None = Field(None, ge=1, description="Critic steps in all, instead of epochs.")
    weight_by_confidence: bool = Field(False, description="Weigh action-unit losses by au_confidence.")
    initial_std: float = Field(
        INITIAL_STD, gt=0, description="Spread of the first weights. The critic has no norm: at width w it takes "
        "0.02 * sqrt(64 / w) for signals to leave it as strong as at width 64."
    )  # fmt: skip


class AuGanMethod(WassersteinMethod):
    """Base of the methods that are told action units."""

    config: AuGanConfig

    def lengths(self) -> tuple[int, int]:
        counts = (self.config.epochs, self.config.decay_epochs)
        return split_epochs(self.config.iterations, counts, rows=self.info.rows, batch=self.config.batch)


def epochs(count: float, *, rows: int, batch: int) -> int:
    """Iterations of that many passes over the rows, at least 1 unless count is 0."""
    return max(1, round(count * rows / batch)) if count else 0


def split_epochs(iterations: int | None, counts: tuple[int, int], *, rows: int, batch: int) -> tuple[int, int]:
    """Two counts of epochs as iterations; where `iterations` is given, that many in the same proportion."""
    if iterations is None:
        return epochs(counts[0], rows=rows, batch=batch), epochs(counts[1], rows=rows, batch=batch)
    first = round(iterations * counts[0] / sum(counts))
    return first, iterations - first


def weigh(terms: Mapping[str, tuple[float, Tensor]]) -> Losses:
    """name -> (weight, term) as `Losses`: the terms unweighted, for the log, and their weighted sum `total`."""
    total = torch.stack([weight * term.float() for weight, term in terms.values()]).sum()
    return {"total": total, **{name: term.detach() for name, (_, term) in terms.items()}}


def au_columns(*, weighted: bool) -> tuple[str, ...]:
    """Columns that a method of action units reads."""
    return ("image", "au", "au_confidence") if weighted else ("image", "au")


def draw_au_targets(batch: Batch, draw: Draw, *, noise: float) -> tuple[Tensor, Tensor | None]:
    """Action units to ask for (B, K), and the confidence (B,) or (B, K) they were measured with, if known.

    Those of the batch, permuted, plus noise uniform in [-noise, noise). Not clipped to 0 and 1 (A-004-6).
    """
    order = draw.permutation(len(batch["au"]))
    target = batch["au"][order]
    confidence = batch["au_confidence"][order] if "au_confidence" in batch else None
    return target + draw.uniform(target.shape, -noise, noise), confidence


def grey(mask: Tensor) -> Tensor:
    """A mask (B, 1, H, W), 0 to 1, as a picture (B, 3, H, W) in [-1, 1]."""
    return (2 * mask - 1).expand(-1, 3, -1, -1)
