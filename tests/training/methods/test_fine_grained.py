"""Fine-grained editing: every term of its losses by hand, the relative condition, shifts, and that it learns."""

from __future__ import annotations

import pytest
import torch
from gan_steps import BrightnessCritic, EchoCritic, FixedCritic, Recorder, batch_of, bright_batch, info, train
from pydantic import ValidationError
from torch import nn

from fexdata.training.method import Draw, Losses, Phase
from fexdata.training.methods.fine_grained import FineGrained, FineGrainedConfig, shifted

TINY = {"image_size": 32, "width": 4, "critic_width": 8, "critic_layers": 4}
EXACT = {"shift": 0.0, "source_noise": 0.0, "target_noise": 0.0}
PHASE = Phase("constant", 10)


def tiny(**settings: object) -> FineGrained:
    torch.manual_seed(0)
    return FineGrained(FineGrainedConfig.model_validate(TINY | settings), info(32), {})


def test_generator_loss_by_hand() -> None:
    """Halving pictures of 1 whose first column is 0: self |1/2 - 1|, cycle |1/4 - 1| in 31 of 32 columns."""
    method = tiny(**EXACT)
    method.networks = nn.ModuleDict(
        {"generator": Recorder(lambda x: x / 2), "critic": FixedCritic(3, score=2.0, condition=0.5)}
    )
    image = torch.ones(4, 3, 32, 32)
    image[..., 0] = 0
    losses = method.generator_step({"image": image, "au": torch.full((4, 3), 0.25)}, Draw(0, 0), PHASE)
    rec, tv = 31 / 32 * (0.5 + 0.75), 4 * 3 * 32 * 0.5
    assert losses["adversarial"].item() == -2.0 and losses["au"].item() == 0.0625
    assert losses["self"].item() + losses["cycle"].item() == pytest.approx(rec)
    assert losses["tv"].item() == pytest.approx(tv)
    assert losses["total"].item() == pytest.approx(-2 + 150 * 0.0625 + 30 * rec + 5e-6 * tv, abs=1e-5)


def test_critic_loss_by_hand() -> None:
    method = tiny(**EXACT, lambda_au_critic=100.0)
    method.networks["critic"] = FixedCritic(3, score=2.0, condition=0.5)
    losses = method.critic_step({"image": torch.ones(4, 3, 32, 32), "au": torch.full((4, 3), 0.25)}, Draw(0, 0), PHASE)
    assert losses["adversarial"].item() == 0.0 and losses["penalty"].item() == 1.0
    assert losses["total"].item() == pytest.approx(100 * 0.0625 + 10)


@pytest.mark.parametrize("relative", [True, False])
def test_what_the_generator_is_told(relative: bool) -> None:
    method, batch = tiny(**EXACT, relative=relative), batch_of(4, 32)
    recorder = Recorder(lambda x: x)
    method.networks["generator"] = recorder
    method.generator_step(batch, Draw(0, 0), PHASE)
    (both, back), source = recorder.told, batch["au"]
    there, nowhere = both.chunk(2)
    if relative:
        assert (nowhere == 0).all() and torch.equal(back, -there)
        assert torch.allclose((there + source).sum(dim=0), source.sum(dim=0), atol=1e-5)
    else:
        assert torch.equal(nowhere, source) and torch.equal(back, source)
        assert torch.allclose(there.sum(dim=0), source.sum(dim=0), atol=1e-5)


def test_edited_pictures_are_to_show_the_target() -> None:
    method = tiny(relative=False)
    recorder = Recorder(lambda x: x)
    method.networks = nn.ModuleDict({"generator": recorder, "critic": EchoCritic(recorder)})
    assert method.generator_step(batch_of(4, 32), Draw(0, 0), PHASE)["au"].item() == 0.0


def test_the_noise_on_the_source_is_also_in_its_label() -> None:
    """With a critic that reads 0, the loss is the mean square of what it should have read: 1 and noise."""
    method = tiny(shift=0.0, source_noise=0.5)
    recorder = Recorder(lambda x: x)
    method.networks = nn.ModuleDict({"generator": recorder, "critic": FixedCritic(3, score=0.0, condition=0.0)})
    batch = {"image": torch.ones(4, 3, 32, 32), "au": torch.ones(4, 3)}
    losses = method.critic_step(batch, Draw(0, 0), PHASE)
    label = 1 + Draw(0, 0).uniform((4, 3), -0.5, 0.5)  # with no shift, the first numbers drawn
    assert losses["au"].item() == pytest.approx(label.square().mean().item())
    assert (recorder.told[0] + label - 1).abs().max() <= 0.1 + 1e-6


def test_zeros_and_the_wanted_change_do_where_the_inputs_units_are_unknown() -> None:
    method, batch = tiny(), batch_of(2, 32)
    change = torch.tensor([[0.0, 0.5, 0.0], [0.2, 0.0, -0.3]])
    known = method.edit(batch["image"], {"au": batch["au"]}, {"au": batch["au"] + change})["image"]
    unknown = method.edit(batch["image"], {"au": torch.zeros(2, 3)}, {"au": change})["image"]
    assert torch.allclose(known, unknown, atol=1e-5)


def test_shifted_pictures_are_crops_of_the_padded_ones() -> None:
    image = torch.rand(64, 3, 16, 16)
    moved = shifted(image, Draw(0, 0), margin=2)
    padded = torch.nn.functional.pad(image, (2, 2, 2, 2), value=-1.0)
    starts = []
    for index in range(64):
        crops = {(y, x): padded[index, :, y : y + 16, x : x + 16] for y in range(5) for x in range(5)}
        starts += [start for start, crop in crops.items() if torch.equal(crop, moved[index])]
    assert len(starts) == 64 and len(set(starts)) > 15
    assert shifted(image, Draw(0, 0), margin=0) is image


def test_the_schedule_is_the_papers_with_the_codes_decay() -> None:
    method = FineGrained(FineGrainedConfig(width=2, critic_width=1), info(128, rows=1600), {})
    constant, decay = method.phases()
    assert (constant.iterations, constant.critic_steps) == (30 * 100, 4)
    assert (decay.iterations, decay.critic_steps) == (20 * 100, 3)
    assert method.learning_rate(2999, constant) == 1.0
    assert [method.learning_rate(step, decay) for step in (0, 1000, 2000)] == pytest.approx([1, 0.55, 0.1])


@pytest.mark.parametrize("modules", [0, 3])
def test_steps_run_at_batch_one_and_reach_all_parameters(modules: int) -> None:
    method, batch = tiny(msf_modules=modules), batch_of(1, 32)
    method.critic_step(batch, Draw(0, 0), PHASE)["total"].backward()
    assert all(parameter.grad is None for parameter in method.generator.parameters())
    method.generator_step(batch, Draw(0, 0), PHASE)["total"].backward()
    gradients = [parameter.grad for parameter in method.networks.parameters()]
    assert all(gradient is not None and bool(gradient.isfinite().all()) for gradient in gradients)


def test_confidence_weighs_the_losses_only_when_asked() -> None:
    batch = {"image": torch.ones(4, 3, 32, 32), "au": torch.full((4, 3), 0.25), "au_confidence": torch.eye(4)[0]}
    for weighted, share in ((False, 1.0), (True, 0.25)):
        method = tiny(**EXACT, weight_by_confidence=weighted)
        assert ("au_confidence" in method.needs(method.config).columns) is weighted
        method.networks["critic"] = FixedCritic(3, score=0.0, condition=0.5)
        assert method.critic_step(batch, Draw(0, 0), PHASE)["au"].item() == pytest.approx(share * 0.0625)
        assert method.generator_step(batch, Draw(0, 0), PHASE)["au"].item() == pytest.approx(share * 0.0625)


def test_the_critic_has_no_biases_and_first_weights_are_small() -> None:
    method = tiny(width=16, critic_width=16)
    assert all(name.endswith("weight") for name, _ in method.critic.named_parameters())
    for network in (method.generator, method.critic):
        first = next(network.parameters()).detach()
        assert first.std().item() == pytest.approx(0.02, rel=0.1)


def test_the_critic_learns_to_read_action_units() -> None:
    """Of pictures, bright above and dark below, as strong as their units (a critic without biases reads 0 from 0)."""
    method = tiny()
    level = torch.linspace(0, 1, 16)
    half = torch.ones(32, 32)
    half[16:] = -1
    batch = {"image": (level[:, None, None, None] * half).expand(-1, 3, -1, -1), "au": level[:, None].repeat(1, 3)}
    train(method, lambda draw: method.critic_step(batch, draw, PHASE), optimiser="critic", steps=75, lr=1e-3)
    with torch.no_grad():
        read = method.critic(batch["image"]).condition
    assert (read - batch["au"]).square().mean() < 0.2 * batch["au"].var()


def test_the_generator_learns_what_a_fixed_critic_asks_and_to_do_nothing() -> None:
    method = tiny(**EXACT, lambda_rec=3.0)
    method.networks["critic"] = BrightnessCritic(3)
    batch = bright_batch(8, 32)
    history = train(
        method, lambda draw: method.generator_step(batch, draw, PHASE), optimiser="generator", steps=50, lr=2e-3
    )
    first, last = _means(history[:5]), _means(history[-10:])
    assert last["au"] < 0.6 * first["au"]
    assert last["self"] < 0.8 * first["self"]


def _means(history: list[Losses]) -> Losses:
    return {name: torch.stack([losses[name] for losses in history]).mean() for name in history[0]}


def test_the_sheet_shows_the_input_five_intensities_and_the_target() -> None:
    method, batch = tiny(), batch_of(3, 32)
    sheet = method.sample_sheet(batch, Draw(0, 0))
    assert sheet.shape == (3, 7, 3, 32, 32)
    assert torch.equal(sheet[:, 0], batch["image"])
    same = method.edit(batch["image"], batch, batch)["image"]
    order = Draw(0, 0).permutation(3)
    whole = method.edit(batch["image"], batch, {"au": batch["au"][order]})["image"]
    assert torch.allclose(sheet[:, 1], same, atol=1e-6) and torch.allclose(sheet[:, 4], whole, atol=1e-5)
    assert torch.equal(sheet[:, 6], batch["image"][order])


@pytest.mark.parametrize("preset", ["paper", "small", "demo"])
def test_presets_are_valid_settings(preset: str) -> None:
    config = FineGrainedConfig.model_validate(FineGrainedConfig.PRESETS[preset])
    assert (preset == "paper") == (config == FineGrainedConfig())


@pytest.mark.parametrize("settings", [{"image_size": 40}, {"msf_modules": 4}, {"image_size": 32, "critic_layers": 6}])
def test_sizes_that_cannot_work_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        FineGrainedConfig.model_validate(settings)
