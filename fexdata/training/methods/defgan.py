"""DefGAN: move first, paint afterwards.

Athar, Shu and Samaras, Self-supervised Deformation Modeling for Facial Expression Editing, FG 2020. A
motion network bends the picture by a grid; a texture network paints what bending cannot give (teeth,
wrinkles) into the bent picture, where its mask says so; the critic scores realism and reads the
action units.

Trunk, critic and texture network are GANimation's, as are the sizes the paper does not state
(image_size, lambda_gp, the initial weights). Departures from the printed equations: A-003-1 to 7, each at its line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from fexdata.training.losses.adversarial import wasserstein_critic, wasserstein_generator
from fexdata.training.losses.condition import regression_error
from fexdata.training.losses.picture import cosine_distance, l1_error, squared_variation
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
from fexdata.training.networks.deformation import GridGenerator, GridMode, composed_residual, identity_grid, warp
from fexdata.training.networks.stargan import AttentionGenerator, PatchCritic

CONDITION_DIVISOR: Final = 25
"""A-003-5: eqs. 9 and 10 print squared norms, but their weights are GANimation's, whose code divides the
mean over action units by its batch, 25. A constant here, not the live batch."""
MASK_SELECTS: Final[MaskSelects] = "generated"
"""Eq. 6, M * T + (1 - M) * I*: the penalty on M asks to keep the bent picture."""


class DefGANConfig(AuGanConfig):
    """Settings of `defgan`."""

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "small": {"width": 32, "critic_width": 32, "batch": 16, "iterations": 60_000},
        # Short runs on one CPU core: a faster critic (it must read action units before it can teach them), first
        # weights as strong as at width 64, the `residual` grid, four halvings in the critic (9 patches, each
        # counting a ninth) against weaker regularisers. At the paper's weights the texture paints dots that the
        # critic reads as action units; at these the dots cost more realism than they gain. What holds a small grid
        # together is its variation: at 3e-3 eyes come apart, since the critic reads the parts as well as the whole.
        "demo": {
            "image_size": 48, "batch": 4, "width": 12, "blocks": 3, "critic_width": 16, "critic_layers": 4,
            "initial_std": 0.04, "lr": 4e-4, "critic_lr": 1e-3, "critic_steps": 2, "iterations": 6_000,
            "grid_mode": "residual", "max_offset": 3.0, "lambda_exp_comp": 500.0, "lambda_exp_def": 500.0,
            "lambda_cyc": 7.0, "lambda_comp": 1.0,
            "lambda_eye_grid": 1.0, "lambda_tv_grid": 0.15, "lambda_eye_mask": 0.5,
        },
    }  # fmt: skip

    batch: int = Field(25, ge=1, description="Rows per batch and device.")
    blocks: int = Field(6, ge=0, description="Residual blocks of motion and texture network.")
    critic_steps: int = Field(10, ge=1, description="Critic steps per generator step.")
    decay_epochs: int = Field(20, ge=0, description="Passes over which the rate then falls to 0.")
    grid_mode: GridMode = Field(
        "differential",
        description="differential: the network gives steps that are summed up; residual: displacements (A-003-6).",
    )
    max_offset: float = Field(5.0, gt=2, description="The paper's maximum offset, pixels.")
    identity: str = Field("nn4", description="Network of the identity loss; `none` switches the loss off.")
    lambda_exp_comp: float = Field(4000.0, ge=0, description="Action units of the final picture, critic's too; / 25.")
    lambda_exp_def: float = Field(1000.0, ge=0, description="Action units of the bent picture; / 25.")
    lambda_cyc: float = Field(100.0, ge=0, description="Weight of the cycle loss.")
    lambda_id: float = Field(1.0, ge=0, description="Weight of the identity loss (not in the paper).")
    lambda_comp: float = Field(10.0, ge=0, description="Weight of the composition loss.")
    lambda_eye_grid: float = Field(0.1, ge=0, description="Weight of the grid's distance from the identity.")
    lambda_tv_grid: float = Field(1e-5, ge=0, description="Weight of the grid's squared variation.")
    lambda_eye_mask: float = Field(0.1, ge=0, description="Weight of the mask's square.")
    lambda_tv_mask: float = Field(1e-5, ge=0, description="Weight of the mask's squared variation.")

    def judges(self) -> dict[str, str]:
        return {} if self.identity == "none" else {"identity": self.identity}


class Edit(NamedTuple):
    """What one pass through both phases makes; pictures (B, 3, H, W)."""

    image: Tensor
    """I_y, the final picture."""
    warped: Tensor
    """I*_y, the input bent by the grid."""
    grid: Tensor
    """(B, 2, H, W)."""
    mask: Tensor
    """(B, 1, H, W): 1 where the texture replaces the bent picture."""
    texture: Tensor


class DefGAN(AuGanMethod):
    """G_Def bends, G_Texture paints; D gives a score per patch and reads the action units."""

    name = "defgan"
    paper = "Athar, Shu and Samaras, Self-supervised Deformation Modeling for Facial Expression Editing, FG 2020"
    Config = DefGANConfig
    config: DefGANConfig
    optimised: Mapping[str, tuple[str, ...]] = {"critic": ("critic",), "generator": ("motion", "texture")}
    averaged: tuple[str, ...] = ("motion", "texture")

    def __init__(self, config: DefGANConfig, info: DataInfo, judges: Judges) -> None:
        super().__init__(config, info, judges)
        units = len(info.au_names)
        motion = GridGenerator(
            3 + 2 * units,
            config.image_size,
            width=config.width,
            blocks=config.blocks,
            mode=config.grid_mode,
            offset=config.max_offset,
        )
        texture = AttentionGenerator(3 + units, width=config.width, blocks=config.blocks)
        critic = PatchCritic(config.image_size, units, width=config.critic_width, layers=config.critic_layers)
        self.networks = nn.ModuleDict({"motion": motion, "texture": texture, "critic": critic})
        draw_normal_weights(self.networks, config.initial_std)
        motion.reset_head()

    @property
    def motion(self) -> nn.Module:
        """G_Def: a picture and both expressions -> a grid."""
        return self.networks["motion"]

    @property
    def texture(self) -> nn.Module:
        """G_Texture: a bent picture and an expression -> a painting and a mask."""
        return self.networks["texture"]

    @classmethod
    def needs(cls, config: MethodConfig) -> Needs:
        assert isinstance(config, DefGANConfig)
        columns = au_columns(weighted=config.weight_by_confidence)
        return Needs((*columns, "landmarks_68") if config.judges() else columns, config.image_size)

    def apply(self, image: Tensor, source: Tensor, target: Tensor) -> Edit:
        """G_Comp, eqs. 3 to 6; source and target: action units (B, K)."""
        grid = self.motion(image, torch.cat([source, target], dim=1))
        warped = warp(grid, image)
        texture, mask = self.texture(warped, target)
        return Edit(compose(texture, warped, mask, mask_selects=MASK_SELECTS), warped, grid, mask, texture)

    def critic_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        """Eq. 18. The critic sees final pictures alone, not bent ones."""
        image = batch["image"]
        fake = self._fake(batch, draw)
        real = self.critic(image)
        confidence = batch["au_confidence"] if self.config.weight_by_confidence else None
        expression = regression_error(real.condition, batch["au"], confidence)  # eq. 10
        terms = {
            "adversarial": (1.0, wasserstein_critic(real.score, self.critic(fake).score)),  # eq. 7
            # A-003-5: eq. 18 adds it unweighted; without the generator's factor the regressor learns too slowly.
            "expression": (self.config.lambda_exp_comp / CONDITION_DIVISOR, expression),
        }
        if not self.config.gp_separate_step:
            terms["penalty"] = (self.config.lambda_gp, self.penalty(image, fake, draw))
        return weigh(terms)

    def penalty_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses | None:
        if not self.config.gp_separate_step:
            return None
        return weigh({"penalty": (self.config.lambda_gp, self.penalty(batch["image"], self._fake(batch, draw), draw))})

    def generator_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        """Eq. 16; A-003-3: it prints the grid's regularisation twice, and one of the two is the composition loss."""
        config, image, source = self.config, batch["image"], batch["au"]
        target, confidence = draw_au_targets(batch, draw, noise=0.0)
        if not config.weight_by_confidence:
            confidence = None
        made = self.apply(image, source, target)
        back = self.apply(made.image, target, source)
        judged = self.critic(made.image)
        # A-003-1: eq. 9 asks D for the expression of G_Def's grid; it means the bent picture.
        bent = self.critic(made.warped).condition
        residual = made.grid - identity_grid(image.shape[-1], made.grid)
        # A-003-4: (20) is lambda_exp of the composition; "eye" is the identity grid, not the eye.
        terms = {
            "adversarial": (1.0, wasserstein_generator(judged.score)),  # eq. 8
            "expression": (
                config.lambda_exp_comp / CONDITION_DIVISOR,
                regression_error(judged.condition, target, confidence),
            ),
            "expression_warped": (
                config.lambda_exp_def / CONDITION_DIVISOR,
                regression_error(bent, target, confidence),
            ),
            "cycle": (config.lambda_cyc, l1_error(back.image, image)),  # eq. 11
            "composition": (config.lambda_comp, composed_residual(made.grid, back.grid).square().mean()),  # eq. 13
            "grid": (config.lambda_eye_grid, residual.square().mean()),  # eq. 14
            # A-003-2: eqs. 14 and 15 subtract a value from itself; forward differences are meant, of the
            # residual: the identity grid itself has some, and penalising them would shrink the face.
            "grid_tv": (config.lambda_tv_grid, squared_variation(residual) / len(image)),
            "mask": (config.lambda_eye_mask, made.mask.square().mean()),  # eq. 15
            "mask_tv": (config.lambda_tv_mask, squared_variation(made.mask) / len(image)),
        }
        if "identity" in self.judges:
            terms["identity"] = (config.lambda_id, self._identity(made.warped, image, batch["landmarks_68"]))
        return weigh(terms)

    def edit(self, image: Tensor, source: Condition, target: Condition) -> dict[str, Tensor]:
        """source and target: `au`."""
        return self.apply(image, source["au"], target["au"])._asdict()

    @torch.no_grad()
    def sample_sheet(self, batch: Batch, draw: Draw) -> Tensor:
        """Input, bent, edited to another row's action units, mask (white: painted), edited back, that row."""
        image, source = batch["image"], batch["au"]
        order = draw.permutation(len(image))
        made = self.apply(image, source, source[order])
        back = self.apply(made.image, source[order], source)
        return torch.stack([image, made.warped, made.image, grey(made.mask), back.image, image[order]], dim=1)

    @torch.no_grad()
    def _fake(self, batch: Batch, draw: Draw) -> Tensor:
        target, _ = draw_au_targets(batch, draw, noise=0.0)
        return self.apply(batch["image"], batch["au"], target).image

    def _identity(self, warped: Tensor, image: Tensor, landmarks: Tensor) -> Tensor:
        """Eq. 12: of the bent picture; both pictures are aligned by the input's landmarks."""
        embed = self.judges["identity"]
        with torch.no_grad():
            own = embed(image, landmarks)
        return cosine_distance(embed(warped, landmarks), own)
