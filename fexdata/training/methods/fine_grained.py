"""Fine-grained expression editing: the change of action units as condition, skips that fuse scales.

J. Ling et al., Toward Fine-grained Facial Expression Manipulation, ECCV 2020; where the paper is
silent, as in the authors' released code. The ablations are `relative: false` and `msf_modules: 0`,
`1`, `2`.

Departures: the penalty is part of the critic's loss, not a step of its own (`gp_separate_step`);
the critic's first kernel is 4x4 as in the paper ("the same as which in [26]"), not the code's 5x5;
targets are the batch's own action units, permuted, where the code draws other training rows. Where
paper and code disagree on a number the paper's is the default: lambda_tv 5e-6, not the script's
1e-5 (A-004-1). The number of action units is the dataset's; the paper's is 17 (A-004-3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import pad

from fexdata.training.losses.adversarial import wasserstein_critic, wasserstein_generator
from fexdata.training.losses.condition import regression_error
from fexdata.training.losses.picture import l1_error, total_variation
from fexdata.training.method import Batch, Condition, DataInfo, Draw, Judges, Losses, MethodConfig, Needs, Phase
from fexdata.training.methods.shared import (
    CONSTANT,
    DECAY,
    AuGanConfig,
    AuGanMethod,
    au_columns,
    draw_au_targets,
    weigh,
)
from fexdata.training.networks.blocks import draw_normal_weights
from fexdata.training.networks.msf import MSF_MODULES, MsfGenerator
from fexdata.training.networks.stargan import PatchCritic

BLACK: Final = -1.0
INTENSITIES: Final = (0.0, 0.5, 0.75, 1.0, 1.25)
"""Of an edit, in the paper's figures 1 and 5 and in the sample sheet."""


class FineGrainedConfig(AuGanConfig):
    """Settings of fine-grained editing; the defaults are the paper's, then the released code's."""

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "small": {"width": 32, "critic_width": 32, "iterations": 60_000},
        # Short runs on one CPU core. As in DefGAN's: stronger first weights, a critic of four halvings. It must learn
        # to copy first, which takes many generator steps (one for each of the critic's), a high rate and one MSF module
        # (the paper's ablation k_MSF = 1, about half the time of three). At the papers' weights beside a young critic,
        # action units and copying outweigh realism: dots please the first, a change of colour does not harm the second.
        "demo": {
            "image_size": 48, "batch": 8, "width": 12, "critic_width": 16, "critic_layers": 4, "msf_modules": 1,
            "initial_std": 0.04, "lr": 2e-3, "critic_lr": 2e-3, "critic_steps": 1, "decay_critic_steps": 1,
            "iterations": 6_000, "lambda_au_critic": 60.0, "lambda_au": 15.0, "lambda_rec": 15.0,
        },
    }  # fmt: skip

    image_size: int = Field(128, ge=32, multiple_of=16, description="Height and width of the pictures, pixels.")
    msf_modules: int = Field(3, ge=0, le=MSF_MODULES, description="k_MSF: fusing skips, from the deepest up.")
    relative: bool = Field(True, description="Tell the generator v_target - v_source; else v_target.")
    epochs: int = Field(30, ge=1, description="Passes over the rows at a constant rate.")
    decay_epochs: int = Field(20, ge=0, description="Passes over which the rate then falls (the code's number).")
    final_lr: float = Field(1e-5, ge=0, description="What it falls to (the paper's; the code's goes to 0: A-004-2).")
    critic_steps: int = Field(4, ge=1, description="Critic steps per generator step.")
    decay_critic_steps: int = Field(3, ge=1, description="The same while the rate falls (the code; the paper says 4).")
    shift: float = Field(1 / 16, ge=0, le=0.5, description="Largest shift of a picture, share of its size.")
    source_noise: float = Field(0.02, ge=0, description="Units of the input get noise, uniform up to this, either way.")
    target_noise: float = Field(0.1, ge=0, description="Wanted units get noise, uniform up to this, either way.")
    lambda_au_critic: float = Field(150.0, ge=0, description="lambda_1: weight of the critic's action-unit loss.")
    lambda_au: float = Field(150.0, ge=0, description="lambda_2: weight of the generator's action-unit loss.")
    lambda_rec: float = Field(30.0, ge=0, description="lambda_3: weight of both reconstructions.")
    lambda_tv: float = Field(5e-6, ge=0, description="lambda_4: weight of the edited pictures' total variation.")


class FineGrained(AuGanMethod):
    """G(x, v_rel), a U-Net with MSF skips; D gives a score per patch and reads the action units."""

    name = "fine-grained"
    paper = "Ling et al., Toward Fine-grained Facial Expression Manipulation, ECCV 2020"
    Config = FineGrainedConfig
    config: FineGrainedConfig

    def __init__(self, config: FineGrainedConfig, info: DataInfo, judges: Judges) -> None:
        super().__init__(config, info, judges)
        units = len(info.au_names)
        generator = MsfGenerator(units, width=config.width, msf_modules=config.msf_modules)
        critic = PatchCritic(
            config.image_size, units, width=config.critic_width, layers=config.critic_layers, bias=False
        )
        self.networks = nn.ModuleDict({"generator": generator, "critic": critic})
        draw_normal_weights(self.networks, config.initial_std)

    @classmethod
    def needs(cls, config: MethodConfig) -> Needs:
        assert isinstance(config, FineGrainedConfig)
        return Needs(au_columns(weighted=config.weight_by_confidence), config.image_size)

    def phases(self) -> list[Phase]:
        constant, decay = self.lengths()
        return [
            Phase(CONSTANT, constant, critic_steps=self.config.critic_steps),
            Phase(DECAY, decay, critic_steps=self.config.decay_critic_steps),
        ]

    def final_rate(self) -> float:
        return min(1.0, self.config.final_lr / self.config.lr)

    def condition(self, source: Tensor, target: Tensor) -> Tensor:
        """Eq. 1: what the generator is told of the way from source to target, all (B, K)."""
        return target - source if self.config.relative else target

    def critic_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        """Eq. 8: L_D = -L_adv (Eq. 3) + lambda_1 * L_cond (Eq. 5)."""
        config = self.config
        image, source, target, _ = self._drawn(batch, draw)
        fake = self._fake(image, source, target)
        real, fake_score = self.judged(image, fake)
        terms = {
            "adversarial": (1.0, wasserstein_critic(real.score, fake_score)),
            "au": (config.lambda_au_critic, regression_error(real.condition, source, self._confidence(batch))),
        }
        if not config.gp_separate_step:
            terms["penalty"] = (config.lambda_gp, self.penalty(image, fake, draw))
        return weigh(terms)

    def penalty_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses | None:
        if not self.config.gp_separate_step:
            return None
        image, source, target, _ = self._drawn(batch, draw)
        penalty = self.penalty(image, self._fake(image, source, target), draw)
        return weigh({"penalty": (self.config.lambda_gp, penalty)})

    def generator_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        """Eq. 9: L_G = -L_adv (Eq. 4) + lambda_2 * L_cond (Eq. 6) + lambda_3 * L_rec (Eq. 7) + lambda_4 * L_tv.

        The way back is -v_rel, not action units read from the edited picture (A-004-6).
        """
        config = self.config
        image, source, target, confidence = self._drawn(batch, draw)
        there, nowhere = self.condition(source, target), self.condition(source, source)
        fake, same = self.generator(image, torch.cat([there, nowhere])).chunk(2)
        judged = self.critic(fake)
        again = self.generator(fake, self.condition(target, source))
        return weigh(
            {
                "adversarial": (1.0, wasserstein_generator(judged.score)),
                "au": (config.lambda_au, regression_error(judged.condition, target, confidence)),
                "self": (config.lambda_rec, l1_error(same, image)),
                "cycle": (config.lambda_rec, l1_error(again, image)),
                "tv": (config.lambda_tv, total_variation(fake)),
            }
        )

    def edit(self, image: Tensor, source: Condition, target: Condition) -> dict[str, Tensor]:
        """target: `au`, and with `relative` source: `au`. Only their difference counts then: zeros
        and the wanted change do where the input's action units are unknown."""
        wanted = target["au"]
        return {
            "image": self.generator(image, self.condition(source["au"], wanted) if self.config.relative else wanted)
        }

    @torch.no_grad()
    def sample_sheet(self, batch: Batch, draw: Draw) -> Tensor:
        """Input, edited towards another row's action units by 0, 0.5, 0.75, 1 and 1.25 of the way (Eq. 2), that row."""
        image, source = batch["image"], batch["au"]
        order = draw.permutation(len(image))
        way = source[order] - source
        edited = [self.generator(image, self.condition(source, source + share * way)) for share in INTENSITIES]
        return torch.stack([image, *edited, image[order]], dim=1)

    def _drawn(self, batch: Batch, draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Shifted pictures, noisy source and target units (B, K), and the target's confidence if it counts."""
        config = self.config
        image = shifted(batch["image"], draw, margin=int(config.shift * config.image_size))
        noise = draw.uniform(batch["au"].shape, -config.source_noise, config.source_noise)
        target, confidence = draw_au_targets(batch, draw, noise=config.target_noise)
        return image, batch["au"] + noise, target, confidence if config.weight_by_confidence else None

    def _confidence(self, batch: Batch) -> Tensor | None:
        return batch["au_confidence"] if self.config.weight_by_confidence else None

    @torch.no_grad()
    def _fake(self, image: Tensor, source: Tensor, target: Tensor) -> Tensor:
        return self.generator(image, self.condition(source, target))


def shifted(image: Tensor, draw: Draw, *, margin: int) -> Tensor:
    """Pictures (B, C, H, W), each moved by up to `margin` pixels each way, black where nothing was (released code:
    padding by a sixteenth, then a random crop)."""
    if margin == 0:
        return image
    count, _, height, width = image.shape
    start = draw.integers(2 * margin + 1, (2, count, 1))
    rows = start[0] + torch.arange(height, device=image.device)
    columns = start[1] + torch.arange(width, device=image.device)
    padded = pad(image, (margin, margin, margin, margin), value=BLACK).permute(0, 2, 3, 1)
    which = torch.arange(count, device=image.device)[:, None, None]
    return padded[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()
