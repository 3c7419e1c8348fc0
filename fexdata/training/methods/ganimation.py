"""GANimation: action units as a continuous condition, and a mask that says where to paint.

A. Pumarola et al., GANimation: Anatomically-aware Facial Animation from a Single Image, ECCV 2018;
coefficients and schedule of the authors' released code. `relative` is the ablation of fine-grained
(Ling et al., ECCV 2020, table 1, "GANimation w/ v_rel"): G is told the change of each unit.

Departures: the penalty is part of the critic's loss, not a step of its own (`gp_separate_step`);
targets are the batch's own action units, permuted, where the code draws other training rows, which
is the same up to the seam of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import torch
from pydantic import Field
from torch import Tensor, nn

from fexdata.training.losses.adversarial import wasserstein_critic, wasserstein_generator
from fexdata.training.losses.condition import regression_error
from fexdata.training.losses.picture import l1_error, total_variation
from fexdata.training.method import Batch, Condition, DataInfo, Draw, Judges, Losses, MethodConfig, Needs, Phase
from fexdata.training.methods.shared import (
    AuGanConfig,
    AuGanMethod,
    au_columns,
    draw_au_targets,
    grey,
    weigh,
)
from fexdata.training.networks.blocks import MaskSelects, compose, draw_normal_weights
from fexdata.training.networks.stargan import AttentionGenerator, PatchCritic

CONDITION_DIVISOR: Final = 25
"""The code divides the mean squared error of the action units by its batch, 25; a constant here (A-003-5)."""
MASK_SELECTS: Final[MaskSelects] = "input"
"""m * x + (1 - m) * g, as in the code: the penalty on m asks for painting everywhere."""


class GanimationConfig(AuGanConfig):
    """Settings of GANimation; the defaults are the released code's."""

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "small": {"width": 32, "critic_width": 32, "batch": 16, "iterations": 60_000},
        # Short runs on one CPU core. As in DefGAN's: rates by network, stronger first weights, a critic of four
        # halvings, and action units weak enough that patterns of dots are not worth their price to realism. The mask
        # first shuts (the cycle outweighs lambda_mask), so that the face stays whole, and opens where the critic has
        # learned to ask; lambda_tv is for patches there instead of dashes.
        # `relative` is the ablation of fine-grained (table 1).
        "demo": {
            "image_size": 48, "batch": 4, "width": 16, "blocks": 3, "critic_width": 16, "critic_layers": 4,
            "initial_std": 0.04, "lr": 4e-4, "critic_lr": 1e-3, "critic_steps": 2, "iterations": 10_000,
            "relative": True, "lambda_au": 400.0, "lambda_cycle": 5.0, "lambda_mask": 0.05, "lambda_tv": 1e-4,
        },
    }  # fmt: skip

    batch: int = Field(25, ge=1, description="Rows per batch and device.")
    blocks: int = Field(6, ge=0, description="Residual blocks of the generator.")
    relative: bool = Field(False, description="Tell the generator v_target - v_source instead of v_target.")
    target_noise: float = Field(0.1, ge=0, description="Wanted units get noise, uniform up to this, either way.")
    lambda_au: float = Field(4000.0, ge=0, description="Weight of the action-unit losses, which are divided by 25.")
    lambda_cycle: float = Field(10.0, ge=0, description="Weight of the cycle loss.")
    lambda_mask: float = Field(0.1, ge=0, description="Weight of the masks' means.")
    lambda_tv: float = Field(1e-5, ge=0, description="Weight of the masks' total variation.")


class Ganimation(AuGanMethod):
    """G(x, v) paints a picture and a mask; D gives a score per patch and reads the action units."""

    name = "ganimation"
    paper = "Pumarola et al., GANimation, ECCV 2018"
    Config = GanimationConfig
    config: GanimationConfig

    def __init__(self, config: GanimationConfig, info: DataInfo, judges: Judges) -> None:
        super().__init__(config, info, judges)
        units = len(info.au_names)
        generator = AttentionGenerator(3 + units, width=config.width, blocks=config.blocks)
        critic = PatchCritic(config.image_size, units, width=config.critic_width, layers=config.critic_layers)
        self.networks = nn.ModuleDict({"generator": generator, "critic": critic})
        draw_normal_weights(self.networks, config.initial_std)

    @classmethod
    def needs(cls, config: MethodConfig) -> Needs:
        assert isinstance(config, GanimationConfig)
        return Needs(au_columns(weighted=config.weight_by_confidence), config.image_size)

    def paint(self, image: Tensor, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Edited picture, mask, and the picture before it was masked; source and target (B, K)."""
        picture, mask = self.generator(image, target - source if self.config.relative else target)
        return compose(picture, image, mask, mask_selects=MASK_SELECTS), mask, picture

    def critic_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        image, source = batch["image"], batch["au"]
        fake = self._fake(batch, draw)
        real, fake_score = self.judged(image, fake)
        confidence = batch["au_confidence"] if self.config.weight_by_confidence else None
        terms = {
            "adversarial": (1.0, wasserstein_critic(real.score, fake_score)),
            "au": (self._lambda_au(), regression_error(real.condition, source, confidence)),
        }
        if not self.config.gp_separate_step:
            terms["penalty"] = (self.config.lambda_gp, self.penalty(image, fake, draw))
        return weigh(terms)

    def penalty_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses | None:
        if not self.config.gp_separate_step:
            return None
        penalty = self.penalty(batch["image"], self._fake(batch, draw), draw)
        return weigh({"penalty": (self.config.lambda_gp, penalty)})

    def generator_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        config, image, source = self.config, batch["image"], batch["au"]
        target, confidence = draw_au_targets(batch, draw, noise=config.target_noise)
        fake, mask, _ = self.paint(image, source, target)
        again, mask_again, _ = self.paint(fake, target, source)
        judged = self.critic(fake)
        if not config.weight_by_confidence:
            confidence = None
        return weigh(
            {
                "adversarial": (1.0, wasserstein_generator(judged.score)),
                "au": (self._lambda_au(), regression_error(judged.condition, target, confidence)),
                "cycle": (config.lambda_cycle, l1_error(again, image)),
                "mask": (config.lambda_mask, mask.mean() + mask_again.mean()),
                "mask_tv": (config.lambda_tv, total_variation(mask) + total_variation(mask_again)),
            }
        )

    def edit(self, image: Tensor, source: Condition, target: Condition) -> dict[str, Tensor]:
        """target: `au`; source: `au`, used only when `relative`."""
        wanted = target["au"]
        edited, mask, picture = self.paint(image, source["au"] if self.config.relative else wanted, wanted)
        return {"image": edited, "mask": mask, "picture": picture}

    @torch.no_grad()
    def sample_sheet(self, batch: Batch, draw: Draw) -> Tensor:
        """Input, edited to another row's action units, mask, the picture before masking, edited back, that row."""
        image, source = batch["image"], batch["au"]
        order = draw.permutation(len(image))
        edited, mask, picture = self.paint(image, source, source[order])
        back, _, _ = self.paint(edited, source[order], source)
        return torch.stack([image, edited, grey(mask), picture, back, image[order]], dim=1)

    def _lambda_au(self) -> float:
        return self.config.lambda_au / CONDITION_DIVISOR

    @torch.no_grad()
    def _fake(self, batch: Batch, draw: Draw) -> Tensor:
        target, _ = draw_au_targets(batch, draw, noise=self.config.target_noise)
        return self.paint(batch["image"], batch["au"], target)[0]
