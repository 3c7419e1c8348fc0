"""GANimation: every term of its losses by hand, the mask's polarity, both conditions, and that it learns."""

from __future__ import annotations

import pyarrow as pa
import pytest
import torch
from gan_steps import AU_NAMES, BrightnessCritic, EchoCritic, FixedCritic, batch_of, bright_batch, info, train
from torch import Tensor, nn

from fexdata.dataset.mirror import mirror
from fexdata.dataset.schema import LABELS
from fexdata.stages.truth import TruthActionUnits
from fexdata.training.method import Draw, Phase
from fexdata.training.methods.ganimation import Ganimation, GanimationConfig

TINY = {"image_size": 16, "width": 4, "blocks": 1, "critic_width": 8, "critic_layers": 3}
PHASE = Phase("constant", 10)


def tiny(**settings: object) -> Ganimation:
    torch.manual_seed(0)
    return Ganimation(GanimationConfig.model_validate(TINY | settings), info(16), {})


class Painter(nn.Module):
    """Paints one colour behind one mask everywhere, and remembers what it was told."""

    def __init__(self, colour: float, mask: Tensor) -> None:
        super().__init__()
        self.colour, self.mask = colour, mask
        self.told: list[Tensor] = []

    def forward(self, picture: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        self.told.append(condition)
        mask = self.mask.expand(len(picture), 1, *picture.shape[-2:])
        return torch.full_like(picture, self.colour), mask


def even_batch() -> dict[str, Tensor]:
    return {"image": torch.ones(4, 3, 16, 16), "au": torch.full((4, 3), 0.25)}


def test_generator_loss_by_hand() -> None:
    """Half a mask over 0: 1 becomes 1/4, then 1/16. AUs read as 1/2 where 1/4 is wanted."""
    method = tiny(target_noise=0.0)
    mask = torch.full((1, 1, 16, 16), 0.25)
    mask[..., 0] = 0.5  # one step of 1/4 in each of 16 rows, in 4 pictures, both ways
    method.networks = nn.ModuleDict(
        {"generator": Painter(0.0, mask), "critic": FixedCritic(3, score=2.0, condition=0.5)}
    )
    losses = method.generator_step(even_batch(), Draw(0, 0), PHASE)
    mean = (15 * 0.25 + 0.5) / 16
    cycle = (15 * (1 - 0.0625) + (1 - 0.25)) / 16
    assert losses["adversarial"].item() == -2.0
    assert losses["au"].item() == 0.0625
    assert losses["cycle"].item() == pytest.approx(cycle)
    assert losses["mask"].item() == pytest.approx(2 * mean)
    assert losses["mask_tv"].item() == pytest.approx(2 * 4 * 16 * 0.25)
    total = -2 + 4000 / 25 * 0.0625 + 10 * cycle + 0.1 * 2 * mean + 1e-5 * 32
    assert losses["total"].item() == pytest.approx(total)


def test_critic_loss_by_hand() -> None:
    """A critic that says the same of all: nothing to gain, a penalty of 1, AUs off by 1/4."""
    method = tiny()
    painter = Painter(0.0, torch.full((1, 1, 16, 16), 0.25))
    method.networks = nn.ModuleDict({"generator": painter, "critic": FixedCritic(3, score=2.0, condition=0.5)})
    losses = method.critic_step(even_batch(), Draw(0, 0), PHASE)
    assert losses["adversarial"].item() == 0.0 and losses["penalty"].item() == 1.0
    assert losses["total"].item() == pytest.approx(160 * 0.0625 + 10)


def test_a_mask_of_one_keeps_the_input_and_the_penalty_asks_for_painting() -> None:
    method, batch = tiny(), batch_of(2, 16)
    method.networks["generator"] = Painter(0.5, torch.ones(1, 1, 1, 1))
    edited = method.edit(batch["image"], batch, batch)
    assert torch.equal(edited["image"], batch["image"])
    keep = method.generator_step(batch, Draw(0, 0), PHASE)["mask"]
    method.networks["generator"] = Painter(0.5, torch.zeros(1, 1, 1, 1))
    assert (method.edit(batch["image"], batch, batch)["image"] == 0.5).all()
    assert method.generator_step(batch, Draw(0, 0), PHASE)["mask"] < keep


@pytest.mark.parametrize("relative", [False, True])
def test_what_the_generator_is_told(relative: bool) -> None:
    method, batch = tiny(relative=relative, target_noise=0.0), batch_of(4, 16)
    painter = Painter(0.0, torch.zeros(1, 1, 1, 1))
    method.networks["generator"] = painter
    method.generator_step(batch, Draw(0, 5), PHASE)
    there, back = painter.told
    target = batch["au"][Draw(0, 5).permutation(4)]
    if relative:
        assert torch.equal(there, target - batch["au"]) and torch.equal(back, -there)
    else:
        assert torch.equal(there, target) and torch.equal(back, batch["au"])


def test_edited_pictures_are_to_show_the_target() -> None:
    method = tiny()
    painter = Painter(0.0, torch.zeros(1, 1, 1, 1))
    method.networks = nn.ModuleDict({"generator": painter, "critic": EchoCritic(painter)})
    assert method.generator_step(batch_of(4, 16), Draw(0, 0), PHASE)["au"].item() == 0.0


def test_targets_are_noisy_and_not_clipped() -> None:
    method = tiny()
    painter = Painter(0.0, torch.zeros(1, 1, 1, 1))
    method.networks["generator"] = painter
    batch = batch_of(16, 16) | {"au": torch.ones(16, 3)}
    method.generator_step(batch, Draw(0, 0), PHASE)
    noise = painter.told[0] - 1
    assert noise.abs().max() <= 0.1 and noise.max() > 0.08 and noise.min() < -0.08


def test_the_condition_loss_does_not_depend_on_the_batch() -> None:
    """The released code divides by the batch it runs with; here it is the paper's 25, always (A-003-5)."""
    method = tiny(target_noise=0.0, lambda_cycle=0.0, lambda_mask=0.0)
    method.networks = nn.ModuleDict(
        {"generator": Painter(0.0, torch.ones(1, 1, 1, 1)), "critic": FixedCritic(3, score=0.0, condition=0.5)}
    )
    four = even_batch()
    totals = [
        method.generator_step({name: x[:n] for name, x in four.items()}, Draw(0, 0), PHASE)["total"] for n in (1, 4)
    ]
    assert totals[0].item() == totals[1].item() == pytest.approx(10.0)


def test_confidence_weighs_the_losses_only_when_asked() -> None:
    batch = even_batch() | {"au_confidence": torch.tensor([1.0, 0.0, 0.0, 0.0])}
    for weighted, share in ((False, 1.0), (True, 0.25)):
        method = tiny(weight_by_confidence=weighted, target_noise=0.0)
        assert ("au_confidence" in method.needs(method.config).columns) is weighted
        method.networks["critic"] = FixedCritic(3, score=0.0, condition=0.5)
        assert method.critic_step(batch, Draw(0, 0), PHASE)["au"].item() == pytest.approx(share * 0.0625)
        assert method.generator_step(batch, Draw(0, 0), PHASE)["au"].item() == pytest.approx(share * 0.0625)


def test_the_schedule_counts_epochs_or_iterations() -> None:
    settings = {"width": 2, "critic_width": 1}
    method = Ganimation(GanimationConfig(**settings), info(128, rows=1000), {})
    constant, decay = method.phases()
    assert (constant.iterations, decay.iterations, constant.critic_steps) == (20 * 40, 10 * 40, 5)
    assert [method.learning_rate(step, decay) for step in (0, 200)] == pytest.approx([1, 0.5])
    assert method.learning_rate(399, decay) == pytest.approx(1 / 400)
    short = Ganimation(GanimationConfig(**settings, iterations=30), info(128), {})
    assert [phase.iterations for phase in short.phases()] == [20, 10]


def test_steps_run_at_batch_one_and_reach_all_parameters() -> None:
    method, batch = tiny(), batch_of(1, 16)
    method.critic_step(batch, Draw(0, 0), PHASE)["total"].backward()
    assert all(parameter.grad is None for parameter in method.generator.parameters())
    method.generator_step(batch, Draw(0, 0), PHASE)["total"].backward()
    gradients = [parameter.grad for parameter in method.networks.parameters()]
    assert all(gradient is not None and bool(gradient.isfinite().all()) for gradient in gradients)


def test_the_critic_learns_to_read_action_units() -> None:
    method, batch = tiny(), bright_batch(16, 16)
    history = train(method, lambda draw: method.critic_step(batch, draw, PHASE), optimiser="critic", steps=80, lr=3e-3)
    with torch.no_grad():
        read = method.critic(batch["image"]).condition
    assert history[-1]["au"] < 0.1 * history[0]["au"]
    assert (read - batch["au"]).square().mean() < 0.1 * batch["au"].var()


@pytest.mark.parametrize("relative", [False, True])
def test_the_generator_learns_what_a_fixed_critic_asks(relative: bool) -> None:
    method = tiny(width=8, relative=relative, lambda_cycle=0.0, lambda_mask=0.0)
    method.networks["critic"] = BrightnessCritic(3)
    batch = bright_batch(8, 16)
    history = train(
        method, lambda draw: method.generator_step(batch, draw, PHASE), optimiser="generator", steps=100, lr=5e-3
    )
    first, last = (torch.stack([losses["au"] for losses in part]).mean() for part in (history[:10], history[-10:]))
    assert last < 0.5 * first
    with torch.no_grad():
        dark, bright = (
            method.edit(batch["image"], batch, {"au": torch.full((8, 3), level)})["image"].mean()
            for level in (0.1, 0.9)
        )
    assert bright > dark + 0.2


def test_the_sheet_shows_input_edit_mask_painting_way_back_and_target() -> None:
    method, batch = tiny(), batch_of(3, 16)
    sheet = method.sample_sheet(batch, Draw(0, 0))
    assert sheet.shape == (3, 6, 3, 16, 16)
    assert torch.equal(sheet[:, 0], batch["image"])
    assert torch.equal(sheet[:, 5], batch["image"][Draw(0, 0).permutation(3)])
    mask = (sheet[:, 2] + 1) / 2
    assert torch.allclose(sheet[:, 1], mask * sheet[:, 0] + (1 - mask) * sheet[:, 3], atol=1e-6)


def test_a_flip_changes_the_picture_and_no_label_or_action_unit() -> None:
    """Why these methods may flip half of the rows: all action units are bilateral, classes have no side."""
    assert GanimationConfig().mirror == 0.5
    units = TruthActionUnits(TruthActionUnits.Config(names=AU_NAMES, scheme="test")).schema()
    schema = pa.schema([*LABELS, *units])
    row = {"expression": "happy", "au": {"AU04": 1.0, "AU12": 2.0, "AU26": 3.0}, "au_scheme": "truth:test"}
    assert mirror(row, schema) == row


@pytest.mark.parametrize("preset", ["paper", "small", "demo"])
def test_presets_are_valid_settings(preset: str) -> None:
    config = GanimationConfig.model_validate(GanimationConfig.PRESETS[preset])
    assert (preset == "paper") == (config == GanimationConfig())


def test_the_critic_may_have_a_rate_of_its_own() -> None:
    one, two = tiny(lr=1e-4), tiny(lr=1e-4, critic_lr=1e-3)
    assert [one.optimiser(name, PHASE).lr for name in ("critic", "generator")] == [1e-4, 1e-4]
    assert [two.optimiser(name, PHASE).lr for name in ("critic", "generator")] == [1e-3, 1e-4]


def test_wider_first_weights_make_a_narrow_critic_speak_up() -> None:
    """It has no norm, so its condition grows with the spread to the power of its layers, the head's included."""
    pictures = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        quiet, loud = (tiny(initial_std=std).critic(pictures).condition.std() for std in (0.02, 0.04))
    assert (loud / quiet).item() == pytest.approx(2**4, rel=1e-3)
