"""SliderGAN: blendshape coefficients as sliders for the expression in a photograph.

The generator paints a picture and a mask that says where the painting replaces the input; the
critic scores realism relative to the other side's average (RaD) and reads the coefficients, so
that it can also tell the expression of a new photograph. Two phases: pairs with the known answer,
then photographs alone.

Departures from the printed equations, each at its line: A-002-1 to 4, 6, 8, 9, 12, 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from fexdata.training.losses.adversarial import (
    gradient_penalty,
    relativistic_gap,
    relativistic_logistic_critic,
    wasserstein_critic,
    wasserstein_generator,
)
from fexdata.training.losses.condition import regression_error
from fexdata.training.losses.picture import cosine_distance, l1_error
from fexdata.training.method import (
    Adam,
    Batch,
    Condition,
    DataInfo,
    Draw,
    Judges,
    Losses,
    Method,
    MethodConfig,
    Needs,
    Phase,
)
from fexdata.training.methods.shared import GanConfig, epochs, grey, split_epochs, weigh
from fexdata.training.networks.blocks import MaskSelects, compose
from fexdata.training.networks.stargan import AttentionGenerator, PatchCritic

RGB: Final = 3
MASK_SELECTS: Final[MaskSelects] = "generated"
"""Eq. 4, m * g + (1 - m) * x: the penalty on m asks to keep the input."""


class SliderGANConfig(GanConfig):
    """Settings of `slidergan`. The paper's ablations: `identity: none`, and `lambda_gen` at 0.

    The paper does not state `lr`, `lambda_gp` and `critic_steps`; they are StarGAN's and GANimation's.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "small": {"width": 32, "critic_width": 32, "iterations": 60_000},
        # For minutes on one core. lambda_gen leads: at the paper's weights the pair's picture says too little in so
        # few steps, the mask shuts (lambda_att, lambda_rec) and textures please D_p (lambda_exp). Stage 1 alone.
        "demo": {
            "image_size": 48, "batch": 4, "width": 16, "blocks": 6, "critic_width": 16, "critic_layers": 4,
            "lr": 2e-3, "critic_steps": 1, "iterations": 4_000, "paired_epochs": 20, "unpaired_epochs": 0,
            "lambda_adv": 1.0, "lambda_exp": 0.5, "lambda_rec": 2.0, "lambda_gen": 100.0, "lambda_att": 0.02,
        },
    }  # fmt: skip

    blocks: int = Field(6, ge=0, description="Residual blocks of the generator.")
    speech: bool = Field(False, description="Condition on speech coefficients, too (the paper's 30 + 10).")
    adversarial: Literal["relativistic", "rasgan", "wgan-gp"] = Field(
        "relativistic",
        description="relativistic: SliderGAN-RaD as printed; rasgan: RaD with a logistic loss; wgan-gp: SliderGAN-WGP.",
    )
    lambda_adv: float | None = Field(
        None, ge=0, description="Weight of the adversarial loss; null: 30, and 1 for wgan-gp (A-002-13)."
    )
    lambda_gp: float = Field(10.0, ge=0, description="Weight of the gradient penalty within the adversarial loss.")
    lambda_exp: float = Field(1000.0, ge=0, description="Weight of the coefficients' error, generator and critic.")
    lambda_rec: float = Field(10.0, ge=0, description="Weight of the cycle's error.")
    lambda_gen: float = Field(10.0, ge=0, description="Weight of the error to the pair's picture; paired phase only.")
    lambda_id: float = Field(4.0, ge=0, description="Weight of the identity loss.")
    lambda_att: float = Field(0.3, ge=0, description="Weight of the masks' means.")
    literal_l1: bool = Field(
        False, description="Read 1/(W H) in eqs. 9 and 10 literally: 3 times the mean over elements (A-002-12)."
    )
    identity: str = Field("arcface", description="Network of the identity loss; `none` switches the loss off.")
    paired_epochs: int = Field(20, ge=0, description="Passes over the pairs; 0: no paired phase.")
    unpaired_epochs: int = Field(40, ge=0, description="Passes over the photographs after that.")
    iterations: int | None = Field(None, ge=2, description="Critic steps in all, in the proportion of the epochs.")

    def judges(self) -> dict[str, str]:
        return {} if self.identity == "none" else {"identity": self.identity}


class SliderGAN(Method):
    """G(x, p) paints a picture and a mask; D gives a score per patch and reads the coefficients."""

    name = "slidergan"
    paper = "Ververas and Zafeiriou, SliderGAN, IJCV 2020"
    Config = SliderGANConfig
    config: SliderGANConfig

    def __init__(self, config: SliderGANConfig, info: DataInfo, judges: Judges) -> None:
        super().__init__(config, info, judges)
        # A-002-6: coefficients come divided by their standard deviation and are not clipped.
        count = len(info.coefficient_names) + (len(info.speech_names) if config.speech else 0)
        generator = AttentionGenerator(RGB + count, width=config.width, blocks=config.blocks)
        critic = PatchCritic(config.image_size, count, width=config.critic_width, layers=config.critic_layers)
        self.networks = nn.ModuleDict({"generator": generator, "critic": critic})

    @classmethod
    def needs(cls, config: MethodConfig) -> Needs:
        assert isinstance(config, SliderGANConfig)
        columns = ["image", "expression_params"]
        columns += ["speech_params"] if config.speech else []
        columns += ["landmarks_68"] if config.judges() else []
        return Needs(tuple(columns), config.image_size, pairs=config.paired_epochs > 0)

    def phases(self) -> list[Phase]:
        # A-002-8: "semi-supervised mixture" in eq. 13, "20 then 40 epochs" in section 3.2: one after the other.
        # A-002-9: a pair is two pictures of one base, with the coefficients of both known.
        config, info = self.config, self.info
        counts = (config.paired_epochs, config.unpaired_epochs)
        if config.iterations is not None:
            paired, unpaired = split_epochs(config.iterations, counts, rows=info.rows, batch=config.batch)
        else:
            paired = epochs(counts[0], rows=info.pairs, batch=config.batch)
            unpaired = epochs(counts[1], rows=info.rows, batch=config.batch)
        phases = [
            Phase("paired", paired, critic_steps=config.critic_steps, pairs=True),
            Phase("unpaired", unpaired, critic_steps=config.critic_steps),
        ]
        return [phase for phase in phases if phase.iterations > 0]

    def optimiser(self, name: str, phase: Phase) -> Adam:
        return Adam(self.config.rate_of(name), betas=(self.config.beta1, self.config.beta2))

    def critic_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        """L_D, eq. 14."""
        image = batch["image"]
        fake = self._fake(batch, draw)
        real = self.critic(image)
        terms = {
            "adversarial": (self.lambda_adv, self._critic_loss(real.score, self.critic(fake).score)),
            "expression": (self.config.lambda_exp, regression_error(real.condition, self.vector(batch))),  # eq. 7
        }
        if not self.config.gp_separate_step:
            terms["penalty"] = self._penalty(image, fake, draw)
        return weigh(terms)

    def penalty_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses | None:
        if not self.config.gp_separate_step:
            return None
        return weigh({"penalty": self._penalty(batch["image"], self._fake(batch, draw), draw)})

    def generator_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        """L_G, eq. 13: with L_gen where the phase is of pairs."""
        config, image = self.config, batch["image"]
        own, wanted = self.vector(batch), self._wanted(batch, draw)
        fake, mask, _ = self.paint(image, wanted)
        again, mask_again, _ = self.paint(fake, own)
        judged = self.critic(fake)
        # The real scores are computed anew: the generator's gradient also runs through their lead over f~.
        adversarial = self._generator_loss(self.critic(image).score, judged.score)
        terms = {
            "adversarial": (self.lambda_adv, adversarial),
            "expression": (config.lambda_exp, regression_error(judged.condition, wanted)),  # eq. 8
            "reconstruction": (config.lambda_rec, self._l1(again, image)),  # eq. 9
            "attention": (config.lambda_att, mask.mean() + mask_again.mean()),  # eq. 12
        }
        if phase.pairs:
            terms["generation"] = (config.lambda_gen, self._l1(fake, batch["target_image"]))  # eq. 10
        if "identity" in self.judges:
            terms["identity"] = (config.lambda_id, self._identity(fake, image, batch["landmarks_68"]))
        return weigh(terms)

    def edit(self, image: Tensor, source: Condition, target: Condition) -> dict[str, Tensor]:
        """target: `params` (and `speech`). The source's are not used."""
        edited, mask, picture = self.paint(image, self.vector(target))
        return {"image": edited, "mask": mask, "picture": picture}

    def read(self, image: Tensor) -> dict[str, Tensor]:
        """D_p: the coefficients that pictures show, `params` (and `speech`), for transfer without a fit."""
        vector = self.critic(image).condition
        count = len(self.info.coefficient_names)
        return {"params": vector[:, :count], "speech": vector[:, count:]} if self.config.speech else {"params": vector}

    @torch.no_grad()
    def sample_sheet(self, batch: Batch, draw: Draw) -> Tensor:
        """Input, edited, mask (white: painted), the painting, edited back, the picture whose expression was wanted."""
        image = batch["image"]
        order = draw.permutation(len(image))
        paired = "target_image" in batch
        wanted = self._prefixed(batch, "target_") if paired else self.vector(batch)[order]
        edited, mask, picture = self.paint(image, wanted)
        again, _, _ = self.paint(edited, self.vector(batch))
        model = batch["target_image"] if paired else image[order]
        return torch.stack([image, edited, grey(mask), picture, again, model], dim=1)

    def paint(self, image: Tensor, vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Eq. 4: edited picture, mask, and the painting before it was masked; vector (B, coefficients)."""
        picture, mask = self.generator(image, vector)
        return compose(picture, image, mask, mask_selects=MASK_SELECTS), mask, picture

    def vector(self, condition: Condition) -> Tensor:
        """(B, coefficients): expression, then speech."""
        return self._prefixed(condition, "")

    @property
    def lambda_adv(self) -> float:
        """A-002-3: eqs. 13 and 14 leave out the weight that section 3.2 gives; it is on both. A-002-13:
        30 suits the bounded forms; for wgan-gp the paper gives none."""
        if self.config.lambda_adv is not None:
            return self.config.lambda_adv
        return 1.0 if self.config.adversarial == "wgan-gp" else 30.0

    def _prefixed(self, condition: Condition, prefix: str) -> Tensor:
        names = ("params", "speech") if self.config.speech else ("params",)
        return torch.cat([condition[prefix + name] for name in names], dim=1)

    def _wanted(self, batch: Batch, draw: Draw) -> Tensor:
        """p_trg: the pair's in a paired batch, another photograph's otherwise."""
        if "target_params" in batch:
            return self._prefixed(batch, "target_")
        return self.vector(batch)[draw.permutation(len(batch["image"]))]

    @torch.no_grad()
    def _fake(self, batch: Batch, draw: Draw) -> Tensor:
        return self.paint(batch["image"], self._wanted(batch, draw))[0]

    def _penalty(self, image: Tensor, fake: Tensor, draw: Draw) -> tuple[float, Tensor]:
        """A-002-2: eq. 6 differentiates D(I_gen) by I_org; this is WGAN-GP's penalty, of the raw score between
        the two pictures. It stays inside the bracket that lambda_adv weighs, and out of L_G."""
        penalty = gradient_penalty(lambda x: self.critic(x).score, image, fake, draw.uniform((len(image),)))
        return self.lambda_adv * self.config.lambda_gp, penalty

    def _critic_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        if self.config.adversarial == "wgan-gp":
            return wasserstein_critic(real, fake)
        if self.config.adversarial == "rasgan":
            return relativistic_logistic_critic(real, fake)
        # A-002-1: the sigmoid inside a linear objective is odd, but without it RaD is 2 (E r - E f), plain WGAN.
        # A-002-3: the prose of section 3.1 has the roles the wrong way round; D maximises L_adv.
        return -relativistic_gap(real, fake)

    def _generator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        if self.config.adversarial == "wgan-gp":
            return wasserstein_generator(fake)
        if self.config.adversarial == "rasgan":
            return relativistic_logistic_critic(fake, real)
        return relativistic_gap(real, fake)

    def _l1(self, picture: Tensor, wanted: Tensor) -> Tensor:
        # A-002-12: 1/(W H) over three channels is three times the mean over elements.
        return l1_error(picture, wanted) * (RGB if self.config.literal_l1 else 1)

    def _identity(self, fake: Tensor, image: Tensor, landmarks: Tensor) -> Tensor:
        """Eq. 11, the right way up (A-002-4). Both pictures are aligned by the input's landmarks."""
        embed = self.judges["identity"]
        with torch.no_grad():
            own = embed(image, landmarks)
        return cosine_distance(embed(fake, landmarks), own)
