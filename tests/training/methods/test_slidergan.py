"""SliderGAN: each term by hand, the mask's polarity, where gradients go, the two phases."""

from __future__ import annotations

from typing import Any

import method_batches as made
import pytest
import torch
from torch import Tensor, nn

from fexdata.training.method import Batch, Draw, Losses, Phase
from fexdata.training.methods.slidergan import SliderGAN, SliderGANConfig
from fexdata.training.networks.stargan import Verdict

SIZE = 16
PAIRED, UNPAIRED = Phase("paired", 10, 1, pairs=True), Phase("unpaired", 10, 1)


def slidergan(judges: dict[str, nn.Module] | None = None, **settings: Any) -> SliderGAN:
    torch.manual_seed(0)
    tiny = {"image_size": SIZE, "batch": 4, "width": 4, "blocks": 1, "critic_width": 4, "critic_layers": 3}
    config = SliderGANConfig(**{**tiny, "critic_steps": 1, **settings})
    return SliderGAN(config, made.info(SIZE), judges or {})


class Painter(nn.Module):
    """Paints one value everywhere, with one mask everywhere, and remembers the coefficients."""

    def __init__(self, value: float, mask: float) -> None:
        super().__init__()
        self.value, self.mask = nn.Parameter(torch.tensor(value)), mask
        self.told: list[Tensor] = []

    def forward(self, picture: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        self.told.append(condition)
        return self.value.expand_as(picture), torch.full_like(picture[:, :1], self.mask)


class MeanCritic(nn.Module):
    """Scores a picture's mean, and reads it as every coefficient."""

    def forward(self, picture: Tensor) -> Verdict:
        mean = picture.mean((1, 2, 3))
        return Verdict(mean[:, None, None, None], mean[:, None].expand(-1, len(made.COEFFICIENTS)))


def by_hand(*, value: float = 0.5, mask: float = 1.0, **settings: Any) -> SliderGAN:
    """With networks whose answers are known."""
    method = slidergan(**settings)
    method.networks["generator"], method.networks["critic"] = Painter(value, mask), MeanCritic()
    return method


def grey(count: int, value: float) -> Batch:
    """Even pictures, all coefficients 1, pairs of the opposite value with coefficients 2."""
    batch = made.paired(count, SIZE)
    batch["image"], batch["target_image"] = (torch.full_like(batch["image"], v) for v in (value, -value))
    batch["params"], batch["target_params"] = (torch.full_like(batch["params"], v) for v in (1.0, 2.0))
    return batch


def weighted(losses: Losses, **weights: float) -> float:
    return sum(weight * losses[name].item() for name, weight in weights.items())


def test_a_mask_of_one_is_generated_and_of_zero_is_the_input() -> None:
    batch = grey(2, -0.25)
    assert torch.all(by_hand(mask=1.0).edit(batch["image"], {}, batch)["image"] == 0.5)
    assert torch.all(by_hand(mask=0.0).edit(batch["image"], {}, batch)["image"] == -0.25)


def test_the_attention_loss_falls_as_the_input_is_kept() -> None:
    losses = [by_hand(mask=mask).generator_step(grey(2, 0.0), Draw(0, 0), UNPAIRED) for mask in (0.25, 0.75)]
    # Both passes' masks, means over pixels.
    assert [loss["attention"].item() for loss in losses] == pytest.approx([0.5, 1.5])


def test_every_generator_term_by_hand() -> None:
    """Painted 0.5 everywhere, input 0.1, the pair's picture -0.1, wanted coefficients 2."""
    losses = by_hand().generator_step(grey(2, 0.1), Draw(0, 0), PAIRED)
    lead = torch.sigmoid(torch.tensor(0.1 - 0.5)) - torch.sigmoid(torch.tensor(0.5 - 0.1))
    assert losses["adversarial"].item() == pytest.approx(lead.item())
    assert losses["expression"].item() == pytest.approx((0.5 - 2) ** 2)
    assert losses["reconstruction"].item() == pytest.approx(0.4)
    assert losses["generation"].item() == pytest.approx(0.6)
    weights = {"adversarial": 30, "expression": 1000, "reconstruction": 10, "generation": 10, "attention": 0.3}
    assert losses["total"].item() == pytest.approx(weighted(losses, **weights), rel=1e-5)


def test_every_critic_term_by_hand() -> None:
    losses = by_hand().critic_step(grey(2, 0.1), Draw(0, 0), PAIRED)
    lead = torch.sigmoid(torch.tensor(0.1 - 0.5)) - torch.sigmoid(torch.tensor(0.5 - 0.1))
    assert losses["adversarial"].item() == pytest.approx(-lead.item())
    assert losses["expression"].item() == pytest.approx((0.1 - 1) ** 2)
    # The score is the mean of 3 * 16 * 16 values: its gradient has norm 1 / sqrt(768).
    assert losses["penalty"].item() == pytest.approx((768**-0.5 - 1) ** 2, rel=1e-4)
    assert losses["total"].item() == pytest.approx(
        weighted(losses, adversarial=30, penalty=300, expression=1000), rel=1e-5
    )


def test_generator_and_critic_want_the_opposite() -> None:
    """A picture that scores more real costs the generator less and the critic more."""
    for adversarial in ("relativistic", "rasgan", "wgan-gp"):
        costs = []
        for value in (-0.5, 0.5):
            method = by_hand(value=value, adversarial=adversarial)
            step = (method.generator_step, method.critic_step)
            costs.append([s(grey(2, 0.0), Draw(0, 0), UNPAIRED)["adversarial"].item() for s in step])
        assert costs[1][0] < costs[0][0], adversarial
        assert costs[1][1] > costs[0][1], adversarial


def test_wgan_gp_weighs_the_scores_themselves_by_one() -> None:
    losses = by_hand(adversarial="wgan-gp").critic_step(grey(2, 0.1), Draw(0, 0), UNPAIRED)
    assert losses["adversarial"].item() == pytest.approx(0.5 - 0.1)
    assert losses["total"].item() == pytest.approx(weighted(losses, adversarial=1, penalty=10, expression=1000))
    assert by_hand(adversarial="rasgan").lambda_adv == 30
    assert by_hand(lambda_adv=7.0).lambda_adv == 7


def test_rasgan_is_the_mean_of_two_logistic_losses() -> None:
    losses = by_hand(adversarial="rasgan").generator_step(grey(2, 0.1), Draw(0, 0), UNPAIRED)
    # Labels swapped: the real should look less real than the average fake (0.1 - 0.5), the fake more.
    expected = nn.functional.softplus(torch.tensor(0.1 - 0.5))
    assert losses["adversarial"].item() == pytest.approx(expected.item())


def test_the_generators_gradient_also_runs_through_the_real_term() -> None:
    """E s(r - f~) depends on the generator by f~ alone; without it the gradient would be another."""
    method = by_hand(lambda_exp=0.0, lambda_rec=0.0, lambda_att=0.0)
    batch = grey(2, 0.1)
    total = method.generator_step(batch, Draw(0, 0), UNPAIRED)["total"]
    gradient = made.gradient_of(total, method.generator)
    value = torch.tensor(0.5, requires_grad=True)
    real = torch.sigmoid(0.1 - value)
    fake = torch.sigmoid(value - 0.1)
    (whole,) = torch.autograd.grad(30 * (real - fake), value, retain_graph=True)
    (half,) = torch.autograd.grad(-30 * fake, value)
    assert gradient.item() == pytest.approx(whole.item())
    assert gradient.item() == pytest.approx(2 * half.item())


def test_the_wanted_coefficients_are_the_pairs_and_otherwise_another_rows() -> None:
    method, batch = by_hand(), made.paired(5, SIZE)
    method.generator_step(batch, Draw(0, 3), PAIRED)
    single = made.single(5, SIZE)
    method.generator_step(single, Draw(0, 3), UNPAIRED)
    told = method.generator.told
    assert torch.equal(told[0], batch["target_params"]) and torch.equal(told[1], batch["params"])
    assert torch.equal(told[2], single["params"][Draw(0, 3).permutation(5)]) and torch.equal(told[3], single["params"])


def test_the_generation_loss_is_for_pairs_alone() -> None:
    assert "generation" not in by_hand().generator_step(made.single(2, SIZE), Draw(0, 0), UNPAIRED)


def test_the_identity_loss_aligns_both_pictures_by_the_inputs_landmarks() -> None:
    judge = made.ChannelMeans()
    batch = grey(2, 0.1)
    method = by_hand(judges={"identity": judge})
    batch["image"][:, 0] = -1.0
    losses = method.generator_step(batch, Draw(0, 0), UNPAIRED)
    own, made_of = torch.tensor([1.0, 2.1, 2.1]), torch.tensor([2.5, 2.5, 2.5])
    expected = 1 - (own @ made_of / own.norm() / made_of.norm())
    assert losses["identity"].item() == pytest.approx(expected.item(), rel=1e-4)
    assert losses["total"].item() == pytest.approx(
        weighted(losses, adversarial=30, expression=1000, reconstruction=10, attention=0.3, identity=4), rel=1e-5
    )
    assert all(torch.equal(asked, batch["landmarks_68"]) for asked in judge.asked)


def test_identity_none_is_asked_of_nobody() -> None:
    off = SliderGANConfig(identity="none")
    assert off.judges() == {} and SliderGANConfig().judges() == {"identity": "arcface"}
    assert "landmarks_68" not in SliderGAN.needs(off).columns
    assert "landmarks_68" in SliderGAN.needs(SliderGANConfig()).columns


def test_the_literal_l1_is_three_times_the_mean() -> None:
    plain, literal = (by_hand(literal_l1=on).generator_step(grey(2, 0.1), Draw(0, 0), PAIRED) for on in (False, True))
    for name in ("reconstruction", "generation"):
        assert literal[name].item() == pytest.approx(3 * plain[name].item())


def test_speech_follows_the_expression_in_the_condition() -> None:
    method = slidergan(speech=True)
    batch = made.paired(2, SIZE)
    assert torch.equal(method.vector(batch), torch.cat([batch["params"], batch["speech"]], dim=1))
    read = method.read(batch["image"])
    assert read["params"].shape == (2, 3) and read["speech"].shape == (2, 2)
    assert "speech_params" in SliderGAN.needs(SliderGANConfig(speech=True)).columns


def test_the_phases_are_paired_then_unpaired() -> None:
    method = slidergan(batch=4, paired_epochs=20, unpaired_epochs=40)
    assert [(p.name, p.pairs, p.iterations) for p in method.phases()] == [
        ("paired", True, 20 * 40 // 4),
        ("unpaired", False, 40 * 80 // 4),
    ]
    assert [p.iterations for p in slidergan(iterations=30).phases()] == [10, 20]
    alone = slidergan(paired_epochs=0)
    assert [p.name for p in alone.phases()] == ["unpaired"]
    assert not SliderGAN.needs(alone.config).pairs


def test_the_papers_settings_are_the_defaults() -> None:
    config = SliderGANConfig()
    assert (config.lambda_exp, config.lambda_rec, config.lambda_gen, config.lambda_id, config.lambda_att) == (
        1000, 10, 10, 4, 0.3,
    )  # fmt: skip
    assert (config.image_size, config.batch, config.paired_epochs, config.unpaired_epochs) == (128, 16, 20, 40)


@pytest.mark.parametrize("adversarial", ["relativistic", "rasgan", "wgan-gp"])
def test_every_step_is_finite_at_a_batch_of_one(adversarial: str) -> None:
    method = slidergan({"identity": made.ChannelMeans()}, adversarial=adversarial, speech=True, gp_separate_step=True)
    made.every_step_is_finite(method, 1, SIZE)
    penalty = method.penalty_step(made.paired(1, SIZE), Draw(0, 0), PAIRED)
    assert penalty is not None and "penalty" not in method.critic_step(made.paired(1, SIZE), Draw(0, 0), PAIRED)


def test_the_critic_learns_to_read_coefficients() -> None:
    method = slidergan(lambda_adv=0.0)
    batch = made.single(6, SIZE)
    batch["params"] = batch["image"].mean((2, 3)) * 20
    made.train(method, UNPAIRED, [batch], steps=40, lr=5e-3)
    error = (method.read(batch["image"])["params"] - batch["params"]).square().mean()
    assert error < 0.1 * batch["params"].square().mean()


def test_the_generator_learns_to_paint_what_the_pair_shows() -> None:
    method = slidergan(lambda_adv=0.0, lambda_exp=0.0, lambda_rec=0.0)
    batch = made.paired(4, SIZE)
    batch["target_image"] = torch.full_like(batch["image"], 0.5)
    history = made.train(method, PAIRED, [batch], steps=30, lr=5e-3)
    assert history[-1]["generation"] < 0.3 * history[0]["generation"]


def test_the_critic_may_have_a_rate_of_its_own() -> None:
    method = slidergan(lr=1e-4, critic_lr=1e-3)
    assert [method.optimiser(name, PAIRED).lr for name in ("critic", "generator")] == [1e-3, 1e-4]
