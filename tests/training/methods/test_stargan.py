"""StarGAN: every term of its losses by hand, its schedule, and that critic and generator learn."""

from __future__ import annotations

import pytest
import torch
from gan_steps import BrightnessCritic, EchoCritic, FixedCritic, Recorder, batch_of, bright_batch, info, train
from torch import nn

from fexdata.errors import FexdataError
from fexdata.training.method import DataInfo, Draw, Phase
from fexdata.training.methods.stargan import StarGan, StarGanConfig

TINY = {"image_size": 16, "width": 4, "blocks": 1, "critic_width": 8, "critic_layers": 3}
PHASE = Phase("constant", 10)


def tiny(**settings: object) -> StarGan:
    torch.manual_seed(0)
    return StarGan(StarGanConfig.model_validate(TINY | settings), info(16), {})


def test_generator_loss_by_hand() -> None:
    """Halving pictures of 1: cycle |1/4 - 1|; logits alike: class log 2; score 2."""
    method = tiny(lambda_class=3.0, lambda_cycle=7.0)
    method.networks = nn.ModuleDict(
        {"generator": Recorder(lambda x: x / 2), "critic": FixedCritic(2, score=2.0, condition=0.5)}
    )
    batch = {"image": torch.ones(4, 3, 16, 16), "label": torch.tensor([0, 1, 1, 0])}
    losses = method.generator_step(batch, Draw(0, 0), PHASE)
    assert losses["adversarial"].item() == -2.0
    assert losses["class"].item() == pytest.approx(0.693147, abs=1e-5)
    assert losses["cycle"].item() == 0.75
    assert losses["total"].item() == pytest.approx(-2 + 3 * 0.693147 + 7 * 0.75, abs=1e-5)


def test_critic_loss_by_hand() -> None:
    """A critic that scores brightness: real pictures of 1, generated of 1/2; a gradient of 1/n at n numbers."""

    class Bright(BrightnessCritic):
        def forward(self, picture: torch.Tensor):  # type: ignore[no-untyped-def]
            return super().forward(picture)._replace(score=picture.mean(dim=(1, 2, 3)).reshape(-1, 1, 1, 1))

    method = tiny(lambda_class=3.0)
    method.networks = nn.ModuleDict({"generator": Recorder(lambda x: x / 2), "critic": Bright(2)})
    losses = method.critic_step(
        {"image": torch.ones(4, 3, 16, 16), "label": torch.tensor([0, 1, 1, 0])}, Draw(0, 0), PHASE
    )
    penalty = (768**-0.5 - 1) ** 2  # 768 = 3 * 16 * 16 numbers
    assert losses["adversarial"].item() == pytest.approx(0.5 - 1.0)
    assert losses["penalty"].item() == pytest.approx(penalty, abs=1e-6)
    assert losses["total"].item() == pytest.approx(-0.5 + 3 * 0.693147 + 10 * penalty, abs=1e-5)


def test_targets_are_the_batchs_own_classes_and_the_way_back_asks_for_the_source() -> None:
    method = tiny()
    recorder = Recorder(lambda x: x)
    method.networks["generator"] = recorder
    batch = batch_of(8, 16)
    method.generator_step(batch, Draw(0, 0), PHASE)
    there, back = recorder.told
    assert torch.equal(there.sum(dim=0), back.sum(dim=0)) and not torch.equal(there, back)
    assert torch.equal(back.argmax(dim=1), batch["label"])


def test_edited_pictures_are_to_be_taken_for_the_wanted_class() -> None:
    method = tiny()
    recorder = Recorder(lambda x: x)
    method.networks = nn.ModuleDict({"generator": recorder, "critic": EchoCritic(recorder, scale=50.0)})
    assert method.generator_step(batch_of(8, 16), Draw(0, 0), PHASE)["class"].item() < 1e-6


def test_the_penalty_can_be_a_step_of_its_own() -> None:
    batch = batch_of(2, 16)
    together, apart = tiny(), tiny(gp_separate_step=True)
    assert together.penalty_step(batch, Draw(0, 0), PHASE) is None
    assert "penalty" not in apart.critic_step(batch, Draw(0, 0), PHASE)
    alone = apart.penalty_step(batch, Draw(0, 0), PHASE)
    assert alone is not None and alone["total"].item() == pytest.approx(10 * alone["penalty"].item())


def test_the_schedule_is_the_released_codes() -> None:
    method = StarGan(StarGanConfig(width=2, critic_width=1), info(128), {})
    constant, decay = method.phases()
    assert (constant.iterations, decay.iterations, constant.critic_steps) == (100_000, 100_000, 5)
    adam = method.optimiser("generator", constant)
    assert (adam.lr, adam.betas) == (1e-4, (0.5, 0.999))
    assert method.learning_rate(99_999, constant) == 1.0
    assert [method.learning_rate(step, decay) for step in (0, 999, 1_000, 99_999)] == pytest.approx([1, 1, 0.99, 0.01])
    assert method.learning_rate(50, Phase("decay", 100)) == pytest.approx(0.5)


def test_steps_repeat_for_the_same_draw_and_run_at_batch_one() -> None:
    method, batch = tiny(), batch_of(1, 16)
    for step in (method.critic_step, method.generator_step):
        first, second = step(batch, Draw(3, 7), PHASE), step(batch, Draw(3, 7), PHASE)
        assert all(torch.equal(first[name], second[name]) and bool(first[name].isfinite()) for name in first)


def test_each_step_reaches_all_of_its_networks_parameters() -> None:
    method, batch = tiny(), batch_of(4, 16)
    method.critic_step(batch, Draw(0, 0), PHASE)["total"].backward()
    assert all(parameter.grad is not None for parameter in method.critic.parameters())
    assert all(parameter.grad is None for parameter in method.generator.parameters())
    method.generator_step(batch, Draw(0, 0), PHASE)["total"].backward()
    assert all(parameter.grad is not None for parameter in method.generator.parameters())


def test_the_critic_learns_to_tell_real_from_generated_and_the_classes() -> None:
    method, batch = tiny(), bright_batch(16, 16)
    history = train(method, lambda draw: method.critic_step(batch, draw, PHASE), optimiser="critic", steps=60, lr=3e-3)
    with torch.no_grad():
        verdict = method.critic(batch["image"])
        fake = method.critic(method.edit(batch["image"], {}, {"label": batch["label"].flip(0)})["image"])
    assert history[-1]["adversarial"] < history[0]["adversarial"] - 0.5
    assert verdict.score.mean() > fake.score.mean() + 0.5
    assert (verdict.condition.argmax(dim=1) == batch["label"]).float().mean() > 0.9


def test_the_generator_learns_what_a_fixed_critic_asks() -> None:
    """A critic that takes bright for happy: asked for happy, pictures get brighter than asked for neutral."""

    class Happy(BrightnessCritic):
        def forward(self, picture: torch.Tensor):  # type: ignore[no-untyped-def]
            level = picture.mean(dim=(1, 2, 3))
            return super().forward(picture)._replace(condition=10 * torch.stack([-level, level], dim=1))

    method = tiny(width=8, lambda_cycle=0.0)
    method.networks["critic"] = Happy(2)
    batch = batch_of(8, 16)
    history = train(
        method, lambda draw: method.generator_step(batch, draw, PHASE), optimiser="generator", steps=80, lr=5e-3
    )
    with torch.no_grad():
        neutral, happy = (
            method.edit(batch["image"], {}, {"label": torch.full((8,), k)})["image"].mean() for k in (0, 1)
        )
    assert happy > neutral + 0.2
    assert history[-1]["class"] < 0.5 * history[0]["class"]


def test_the_sheet_shows_the_input_and_every_class() -> None:
    method, batch = tiny(), batch_of(3, 16)
    sheet = method.sample_sheet(batch, Draw(0, 0))
    assert sheet.shape == (3, 3, 3, 16, 16)
    assert torch.equal(sheet[:, 0], batch["image"])
    assert torch.equal(
        sheet[:, 2], method.edit(batch["image"], {}, {"label": torch.ones(3, dtype=torch.int64)})["image"]
    )


@pytest.mark.parametrize("preset", ["paper", "small", "demo"])
def test_presets_are_valid_settings(preset: str) -> None:
    config = StarGanConfig.model_validate(StarGanConfig.PRESETS[preset])
    assert (preset == "paper") == (config == StarGanConfig())


def test_one_expression_is_not_enough() -> None:
    with pytest.raises(FexdataError, match="at least two expressions"):
        StarGan(StarGanConfig(), DataInfo(128, 10, expressions=("happy",)), {})
