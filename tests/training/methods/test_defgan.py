"""DefGAN: each term by hand, polarity, what starts as the identity, and that grids learn to move."""

from __future__ import annotations

from typing import Any

import method_batches as made
import pytest
import torch
from torch import Tensor, nn

from fexdata.training.method import Batch, Draw, Phase
from fexdata.training.methods.defgan import DefGAN, DefGANConfig
from fexdata.training.networks.deformation import GridMode, identity_grid
from fexdata.training.networks.stargan import Verdict

SIZE = 16
PHASE = Phase("constant", 10, 1)
UNITS = len(made.AU_NAMES)


def defgan(judges: dict[str, nn.Module] | None = None, **settings: Any) -> DefGAN:
    torch.manual_seed(0)
    tiny = {"image_size": SIZE, "batch": 4, "width": 4, "blocks": 1, "critic_width": 4, "critic_layers": 3}
    config = DefGANConfig(**{**tiny, "critic_steps": 1, **settings})
    return DefGAN(config, made.info(SIZE), judges or {})


class FixedGrids(nn.Module):
    """The identity moved by the first of two residuals, then by the second; remembers the conditions."""

    def __init__(self, *residuals: Tensor) -> None:
        super().__init__()
        self.residuals, self.told = residuals, list[Tensor]()

    def forward(self, picture: Tensor, condition: Tensor) -> Tensor:
        residual = self.residuals[len(self.told) % len(self.residuals)]
        self.told.append(condition)
        return identity_grid(SIZE, picture) + residual.expand(len(picture), -1, -1, -1)


class Painter(nn.Module):
    """Paints one value everywhere through one mask."""

    def __init__(self, value: float, mask: Tensor) -> None:
        super().__init__()
        self.value, self.mask, self.told = value, mask, list[Tensor]()

    def forward(self, picture: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        self.told.append(condition)
        return torch.full_like(picture, self.value), self.mask.expand(len(picture), 1, SIZE, SIZE)


class MeanCritic(nn.Module):
    """Scores a picture's mean, and reads it as every action unit."""

    def forward(self, picture: Tensor) -> Verdict:
        mean = picture.mean((1, 2, 3))
        return Verdict(mean[:, None, None, None], mean[:, None].expand(-1, UNITS))


def by_hand(
    *, mask: Tensor | float = 1.0, residuals: tuple[Tensor, ...] = (torch.zeros(1, 2, SIZE, SIZE),), **settings: Any
) -> DefGAN:
    """With networks whose answers are known: painted 0.5, by default all over and with nothing moved."""
    method = defgan(**settings)
    method.networks["motion"] = FixedGrids(*residuals)
    method.networks["texture"] = Painter(0.5, torch.as_tensor(mask))
    method.networks["critic"] = MeanCritic()
    return method


def grey(count: int, value: float) -> Batch:
    """Even pictures, all action units 0.2."""
    batch = made.single(count, SIZE)
    return {**batch, "image": torch.full_like(batch["image"], value), "au": torch.full_like(batch["au"], 0.2)}


@pytest.mark.parametrize("mode", ["differential", "residual"])
def test_at_step_0_nothing_moves(mode: GridMode) -> None:
    method, batch = defgan(grid_mode=mode), made.single(2, SIZE)
    shown = method.edit(batch["image"], batch, {"au": batch["au"].flip(0)})
    assert torch.allclose(shown["grid"], identity_grid(SIZE, batch["image"]).expand(2, -1, -1, -1), atol=2e-6)
    assert torch.allclose(shown["warped"], batch["image"], atol=1e-4)


def test_a_mask_of_one_is_texture_and_of_zero_is_the_bent_picture() -> None:
    moved = torch.zeros(1, 2, SIZE, SIZE)
    moved[:, 0] = 2 / (SIZE - 1)
    batch = made.single(2, SIZE)
    painted = by_hand(mask=1.0, residuals=(moved,)).edit(batch["image"], batch, batch)
    assert torch.all(painted["image"] == 0.5)
    kept = by_hand(mask=0.0, residuals=(moved,)).edit(batch["image"], batch, batch)
    assert torch.equal(kept["image"], kept["warped"])
    assert torch.allclose(kept["image"][..., :-1], batch["image"][..., 1:], atol=1e-4)


def test_the_motion_is_told_both_expressions_and_the_texture_the_wanted_one() -> None:
    method, batch = by_hand(), made.single(4, SIZE)
    method.generator_step(batch, Draw(0, 7), PHASE)
    own, wanted = batch["au"], batch["au"][Draw(0, 7).permutation(4)]
    assert torch.equal(method.motion.told[0], torch.cat([own, wanted], dim=1))
    assert torch.equal(method.motion.told[1], torch.cat([wanted, own], dim=1))
    assert torch.equal(method.texture.told[0], wanted) and torch.equal(method.texture.told[1], own)


def test_every_generator_term_by_hand() -> None:
    """Input 0.1, painted 0.5 all over, both grids moved right by 0.1 of the half width; units 0.2."""
    bump = torch.zeros(1, 2, SIZE, SIZE)
    bump[:, 0] = 0.1
    losses = by_hand(residuals=(bump,)).generator_step(grey(3, 0.1), Draw(0, 0), PHASE)
    values = {name: loss.item() for name, loss in losses.items()}
    assert values["adversarial"] == pytest.approx(-0.5)
    assert values["expression"] == pytest.approx(0.3**2)
    assert values["expression_warped"] == pytest.approx(0.1**2)
    assert values["cycle"] == pytest.approx(0.4)
    assert values["composition"] == pytest.approx(0.2**2 / 2)  # x moves twice, y never
    assert values["grid"] == pytest.approx(0.1**2 / 2)
    assert values["grid_tv"] == pytest.approx(0, abs=1e-9)  # moved alike: no variation, unlike the grid itself
    assert values["mask"] == pytest.approx(1) and values["mask_tv"] == pytest.approx(0)
    expected = -0.5 + 160 * 0.09 + 40 * 0.01 + 100 * 0.4 + 10 * 0.02 + 0.1 * 0.005 + 0.1 * 1
    assert values["total"] == pytest.approx(expected, rel=1e-4)


def test_variation_is_of_squares_summed_over_pixels_and_averaged_over_the_batch() -> None:
    step = torch.zeros(1, 2, SIZE, SIZE)
    step[:, 0, :, SIZE // 2 :] = 0.1  # one jump in every one of 16 rows
    mask = torch.zeros(1, 1, SIZE, SIZE)
    mask[..., :4, :] = 0.5  # one jump in every one of 16 columns
    for count in (1, 3):
        losses = by_hand(mask=mask, residuals=(step,)).generator_step(grey(count, 0.1), Draw(0, 0), PHASE)
        assert losses["grid_tv"].item() == pytest.approx(16 * 0.01, rel=1e-4)
        assert losses["mask_tv"].item() == pytest.approx(16 * 0.25)
        assert losses["mask"].item() == pytest.approx(0.25 / 4)


def test_the_composition_loss_falls_when_the_way_back_undoes_the_way_there() -> None:
    bump = torch.zeros(1, 2, SIZE, SIZE)
    bump[:, 1] = 0.1
    there_and_back, twice = (
        by_hand(residuals=pair).generator_step(grey(2, 0.0), Draw(0, 0), PHASE)["composition"].item()
        for pair in ((bump, -bump), (bump, bump))
    )
    assert there_and_back == pytest.approx(0, abs=1e-9) and twice > 0.01


def test_every_critic_term_by_hand() -> None:
    losses = by_hand().critic_step(grey(2, 0.1), Draw(0, 0), PHASE)
    assert losses["adversarial"].item() == pytest.approx(0.5 - 0.1)
    assert losses["expression"].item() == pytest.approx(0.1**2)
    penalty = (768**-0.5 - 1) ** 2
    assert losses["penalty"].item() == pytest.approx(penalty, rel=1e-4)
    assert losses["total"].item() == pytest.approx(0.4 + 160 * 0.01 + 10 * penalty, rel=1e-5)


def test_the_expression_weight_does_not_follow_the_batch() -> None:
    """The released code's 1/25 is a constant here."""
    totals = [by_hand().critic_step(grey(count, 0.1), Draw(0, 0), PHASE)["total"].item() for count in (2, 5)]
    assert totals[0] == pytest.approx(totals[1])


def test_the_identity_loss_compares_the_bent_picture_by_the_inputs_landmarks() -> None:
    judge, batch = made.ChannelMeans(), grey(2, 0.1)
    losses = by_hand(judges={"identity": judge}).generator_step(batch, Draw(0, 0), PHASE)
    assert losses["identity"].item() == pytest.approx(0, abs=1e-6)  # nothing moved, though all is painted over
    assert all(torch.equal(asked, batch["landmarks_68"]) for asked in judge.asked)
    assert "identity" not in by_hand().generator_step(batch, Draw(0, 0), PHASE)


def test_the_identity_loss_does_not_train_the_texture() -> None:
    method = defgan({"identity": made.ChannelMeans()})
    batch = made.single(2, SIZE)
    made_of = method.apply(batch["image"], batch["au"], batch["au"].flip(0))
    loss = method._identity(made_of.warped, batch["image"], batch["landmarks_68"])
    assert made.gradient_of(loss, method.texture).abs().max() == 0
    assert made.gradient_of(loss, method.motion).abs().max() > 0


def test_needs_follow_the_settings() -> None:
    assert DefGAN.needs(DefGANConfig()).columns == ("image", "au", "landmarks_68")
    off = DefGANConfig(identity="none", weight_by_confidence=True)
    assert off.judges() == {} and DefGAN.needs(off).columns == ("image", "au", "au_confidence")


def test_confidence_weighs_the_action_units() -> None:
    batch = {**grey(2, 0.1), "au_confidence": torch.zeros(2)}
    assert by_hand(weight_by_confidence=True).critic_step(batch, Draw(0, 0), PHASE)["expression"] == 0


def test_the_papers_settings_are_the_defaults() -> None:
    config = DefGANConfig()
    assert (config.batch, config.critic_steps, config.epochs, config.decay_epochs) == (25, 10, 20, 20)
    assert (config.lambda_exp_comp, config.lambda_exp_def, config.lambda_cyc, config.lambda_comp) == (4e3, 1e3, 100, 10)
    assert (config.grid_mode, config.max_offset, config.lambda_gp) == ("differential", 5, 10)


@pytest.mark.parametrize("mode", ["differential", "residual"])
def test_every_step_is_finite_at_a_batch_of_one(mode: GridMode) -> None:
    method = defgan({"identity": made.ChannelMeans()}, grid_mode=mode, gp_separate_step=True)
    made.every_step_is_finite(method, 1, SIZE)
    penalty = method.penalty_step(made.single(1, SIZE), Draw(0, 0), PHASE)
    assert penalty is not None and "penalty" not in method.critic_step(made.single(1, SIZE), Draw(0, 0), PHASE)


@pytest.mark.parametrize("mode", ["differential", "residual"])
def test_the_grid_learns_a_shift(mode: GridMode) -> None:
    method = defgan(grid_mode=mode)
    image = torch.nn.functional.avg_pool2d(made.single(4, SIZE)["image"], 5, 1, 2)
    wanted = torch.roll(image, 1, 3)
    adam = torch.optim.Adam(method.motion.parameters(), 5e-3)
    errors = []
    for _ in range(30):
        warped = method.apply(image, torch.zeros(4, UNITS), torch.ones(4, UNITS)).warped
        error = (warped - wanted)[..., 2:-2, 2:-2].abs().mean()
        adam.zero_grad()
        error.backward()
        adam.step()
        errors.append(error.item())
    assert errors[-1] < 0.6 * errors[0]
