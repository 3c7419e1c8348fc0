"""StarGAN: one generator for all classes of expression.

Y. Choi et al., StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image
Translation, CVPR 2018. The equations are that paper's, the coefficients and the schedule those of
the authors' released code. Departures: no normalisation layer keeps running statistics (in the
released code pictures made in evaluation mode differ from those of training).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import one_hot

from fexdata.errors import FexdataError
from fexdata.training.losses.adversarial import wasserstein_critic, wasserstein_generator
from fexdata.training.losses.condition import class_error
from fexdata.training.losses.picture import l1_error
from fexdata.training.method import Batch, Condition, DataInfo, Draw, Judges, Losses, MethodConfig, Needs, Phase
from fexdata.training.methods.shared import CONSTANT, GanConfig, WassersteinMethod, weigh
from fexdata.training.networks.stargan import PatchCritic, StarGanGenerator


class StarGanConfig(GanConfig):
    """Settings of StarGAN; the defaults are the released code's."""

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "small": {"width": 32, "critic_width": 32, "iterations": 60_000, "decay_iterations": 30_000},
        # For minutes on one core. Without a mask the generator must first learn to copy, through instance norms, and
        # until it does its faces dissolve: small pictures, a low rate and a strong cycle get there soonest. (With three
        # blocks it turned dark faces light and back, which the cycle allows.)
        "demo": {
            "image_size": 32, "batch": 8, "width": 16, "blocks": 6, "critic_width": 16, "critic_layers": 4,
            "lr": 7e-4, "critic_lr": 6e-4, "critic_steps": 2, "iterations": 6_000, "decay_iterations": 2_000,
            "lambda_cycle": 100.0,
        },
    }  # fmt: skip

    blocks: int = Field(6, ge=0, description="Residual blocks of the generator.")
    iterations: int = Field(200_000, ge=1, description="Critic steps in all.")
    decay_iterations: int = Field(100_000, ge=0, description="The last of them, over which the rate falls to 0.")
    decay_stairs: int = Field(100, ge=1, description="Stairs in which it falls: every 1,000 of 100,000 iterations.")
    lambda_class: float = Field(1.0, ge=0, description="Weight of the classification losses.")
    lambda_cycle: float = Field(10.0, ge=0, description="Weight of the reconstruction loss.")


class StarGan(WassersteinMethod):
    """G(x, c), c one-hot; D gives a score per patch and logits of the classes."""

    name = "stargan"
    paper = "Choi et al., StarGAN, CVPR 2018"
    Config = StarGanConfig
    config: StarGanConfig

    def __init__(self, config: StarGanConfig, info: DataInfo, judges: Judges) -> None:
        super().__init__(config, info, judges)
        self.classes = len(info.expressions)
        if self.classes < 2:
            raise FexdataError("stargan needs rows of at least two expressions; label the dataset or choose another")
        generator = StarGanGenerator(3 + self.classes, width=config.width, blocks=config.blocks)
        critic = PatchCritic(config.image_size, self.classes, width=config.critic_width, layers=config.critic_layers)
        self.networks = nn.ModuleDict({"generator": generator, "critic": critic})

    @classmethod
    def needs(cls, config: MethodConfig) -> Needs:
        return Needs(("image", "expression"), config.image_size)

    def lengths(self) -> tuple[int, int]:
        decay = min(self.config.decay_iterations, self.config.iterations)
        return self.config.iterations - decay, decay

    def learning_rate(self, step: int, phase: Phase) -> float:
        if phase.name == CONSTANT:
            return 1.0
        return 1 - (step * self.config.decay_stairs // phase.iterations) / self.config.decay_stairs

    def critic_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        """Eq. 5: L_D = -L_adv + lambda_class * L_class of real pictures, with Eq. 8's penalty."""
        image, label = batch["image"], batch["label"]
        with torch.no_grad():
            fake = self.generator(image, self._one_hot(self._targets(label, draw)))
        real, fake_score = self.judged(image, fake)
        terms = {
            "adversarial": (1.0, wasserstein_critic(real.score, fake_score)),
            "class": (self.config.lambda_class, class_error(real.condition, label)),
        }
        if not self.config.gp_separate_step:
            terms["penalty"] = (self.config.lambda_gp, self.penalty(image, fake, draw))
        return weigh(terms)

    def penalty_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses | None:
        if not self.config.gp_separate_step:
            return None
        image = batch["image"]
        with torch.no_grad():
            fake = self.generator(image, self._one_hot(self._targets(batch["label"], draw)))
        return weigh({"penalty": (self.config.lambda_gp, self.penalty(image, fake, draw))})

    def generator_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        """Eq. 6: L_G = L_adv + lambda_class * L_class of generated pictures + lambda_cycle * L_rec (Eq. 4)."""
        image, label = batch["image"], batch["label"]
        target = self._targets(label, draw)
        fake = self.generator(image, self._one_hot(target))
        judged = self.critic(fake)
        again = self.generator(fake, self._one_hot(label))
        return weigh(
            {
                "adversarial": (1.0, wasserstein_generator(judged.score)),
                "class": (self.config.lambda_class, class_error(judged.condition, target)),
                "cycle": (self.config.lambda_cycle, l1_error(again, image)),
            }
        )

    def edit(self, image: Tensor, source: Condition, target: Condition) -> dict[str, Tensor]:
        """target: `label`. The source's label is not used."""
        return {"image": self.generator(image, self._one_hot(target["label"]))}

    @torch.no_grad()
    def sample_sheet(self, batch: Batch, draw: Draw) -> Tensor:
        """Input, then every class in order."""
        image = batch["image"]
        labels = [torch.full_like(batch["label"], index) for index in range(self.classes)]
        return torch.stack([image, *(self.generator(image, self._one_hot(label)) for label in labels)], dim=1)

    def _one_hot(self, label: Tensor) -> Tensor:
        return one_hot(label, self.classes).float()

    def _targets(self, label: Tensor, draw: Draw) -> Tensor:
        """Wanted classes: the batch's own, permuted."""
        return label[draw.permutation(len(label))]
