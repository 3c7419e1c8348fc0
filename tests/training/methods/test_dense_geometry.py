"""Dense geometry: each term of both stages by hand, stops, the confidence penalty, the schedule."""

from __future__ import annotations

import math
from typing import Any

import method_batches as made
import pytest
import torch
from torch import Tensor, nn

from fexdata.training.method import Batch, Draw, Phase
from fexdata.training.methods.dense_geometry import DenseGeometry, DenseGeometryConfig
from fexdata.training.networks.stargan import Verdict

SIZE = 16
STAGE_A, STAGE_B = Phase("depth", 10, 1), Phase("joint", 10, 1)
CLASSES = len(made.CLASSES)


def dense(judges: dict[str, nn.Module] | None = None, **settings: Any) -> DenseGeometry:
    torch.manual_seed(0)
    tiny = {"image_size": SIZE, "batch": 4, "width": 4, "blocks": 1, "critic_width": 4, "critic_layers": 3}
    config = DenseGeometryConfig(**{**tiny, "critic_steps": 1, **settings})
    return DenseGeometry(config, made.info(SIZE), judges or {})


class Painter(nn.Module):
    """Paints one value everywhere, and remembers what it was told."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value, self.told = nn.Parameter(torch.tensor(value)), list[Tensor]()

    def forward(self, picture: Tensor, condition: Tensor) -> Tensor:
        self.told.append(condition)
        return self.value.expand_as(picture) + 0 * picture


class Darker(nn.Module):
    """Gives back half of what it sees, whichever the domain; remembers the domains."""

    def __init__(self) -> None:
        super().__init__()
        self.told = list[Tensor]()

    def forward(self, picture: Tensor, condition: Tensor) -> Tensor:
        self.told.append(condition)
        return picture / 2


class MeanCritic(nn.Module):
    """Scores a picture's mean; its logits are 0 but for the first class, which is the mean."""

    def forward(self, picture: Tensor) -> Verdict:
        mean = picture.mean((1, 2, 3))
        logits = torch.nn.functional.pad(mean[:, None], (0, CLASSES - 1))
        return Verdict(mean[:, None, None, None], logits)


class Halves(nn.Module):
    """Two layers of features: the picture, and twice the picture."""

    def forward(self, picture: Tensor) -> list[Tensor]:
        return [picture, 2 * picture]


def by_hand(**settings: Any) -> DenseGeometry:
    """G_rgb paints 0.4, the geometry network halves, the critics know the mean."""
    method = dense(**settings)
    method.networks["generator"], method.networks["depth"] = Painter(0.4), Darker()
    method.networks["critic"], method.networks["depth_critic"] = MeanCritic(), MeanCritic()
    return method


def grey(count: int, image: float, depth: float) -> Batch:
    """Even pictures and depths, all of the first class."""
    batch = made.single(count, SIZE)
    batch["image"], batch["depth"] = torch.full_like(batch["image"], image), torch.full_like(batch["depth"], depth)
    return {**batch, "label": torch.zeros_like(batch["label"])}


def cross_entropy(logit: float) -> float:
    """Of the first class, the other two at 0."""
    return math.log(math.exp(logit) + 2) - logit


def entropy(logit: float) -> float:
    shares = [math.exp(logit) / (math.exp(logit) + 2), *([1 / (math.exp(logit) + 2)] * 2)]
    return -sum(share * math.log(share) for share in shares)


PENALTY = (768**-0.5 - 1) ** 2
"""Of a critic that scores the mean of 768 values: its gradient has norm 1 / sqrt(768)."""


def values(losses: dict[str, Tensor]) -> dict[str, float]:
    return {name: loss.item() for name, loss in losses.items()}


def test_stage_a_generator_by_hand() -> None:
    """Picture 0.8, so read depth 0.4 and guessed picture 0.2; true depth 0.1."""
    method = by_hand(judges={"perceptual": Halves()})
    losses = values(method.generator_step(grey(2, 0.8, 0.1), Draw(0, 0), STAGE_A))
    assert losses["depth_adversarial"] == pytest.approx(-0.4)
    assert losses["depth_class"] == pytest.approx(cross_entropy(0.4))
    assert losses["depth_reconstruction"] == pytest.approx(0.6)
    assert losses["pixel"] == pytest.approx(0.3)
    assert losses["perceptual"] == pytest.approx(0.3 + 0.6)
    expected = -0.4 + cross_entropy(0.4) + 10 * 0.6 + 10 * 0.3 + 0.9
    assert losses["total"] == pytest.approx(expected, rel=1e-5)
    assert method.depth.told[0][0].tolist() == [1, 0] and method.depth.told[1][0].tolist() == [0, 1]


def test_stage_a_critic_by_hand() -> None:
    losses = values(by_hand().critic_step(grey(2, 0.8, 0.1), Draw(0, 0), STAGE_A))
    assert losses["depth_adversarial"] == pytest.approx(0.4 - 0.1)
    assert losses["depth_class"] == pytest.approx(cross_entropy(0.1))
    assert losses["depth_entropy"] == pytest.approx(entropy(0.1))
    expected = 0.3 + cross_entropy(0.1) - 0.1 * entropy(0.1) + 10 * PENALTY
    assert losses["total"] == pytest.approx(expected, rel=1e-5)
    assert set(losses) == {"total", "depth_adversarial", "depth_class", "depth_entropy", "depth_penalty"}


def test_stage_b_generators_by_hand() -> None:
    """Picture 0.8, painted 0.4, geometry of it 0.2, guessed back 0.1."""
    losses = values(by_hand().generator_step(grey(2, 0.8, 0.1), Draw(0, 0), STAGE_B))
    rgb = -0.4 + cross_entropy(0.4) + 10 * 0.4
    geometry = -0.2 + cross_entropy(0.2) + 10 * 0.3
    assert losses["depth_reconstruction"] == pytest.approx(0.3)
    assert losses["total"] == pytest.approx(rgb + 0.3 * geometry, rel=1e-5)
    alone = values(by_hand(depth_weight=0.0).generator_step(grey(2, 0.8, 0.1), Draw(0, 0), STAGE_B))
    assert alone["total"] == pytest.approx(rgb, rel=1e-5)  # StarGAN


def test_stage_b_critics_by_hand() -> None:
    losses = values(by_hand().critic_step(grey(2, 0.8, 0.1), Draw(0, 0), STAGE_B))
    assert losses["adversarial"] == pytest.approx(0.4 - 0.8)
    assert losses["depth_adversarial"] == pytest.approx(0.2 - 0.1)
    expected = -0.4 + cross_entropy(0.8) + 0.1 + cross_entropy(0.1) - 0.1 * entropy(0.1) + 20 * PENALTY
    assert losses["total"] == pytest.approx(expected, rel=1e-5)
    assert "entropy" not in losses  # of geometry alone


@pytest.mark.parametrize(("on", "logits"), [("real", [0.1]), ("generated", [0.2]), ("both", [0.1, 0.2])])
def test_the_confidence_penalty_is_where_it_is_asked_for(on: str, logits: list[float]) -> None:
    method = by_hand(penalty_on=on)
    losses = method.critic_step(grey(2, 0.8, 0.1), Draw(0, 0), STAGE_B)
    assert losses["depth_entropy"].item() == pytest.approx(sum(entropy(logit) for logit in logits))
    for phase in (STAGE_A, STAGE_B):
        assert not any("entropy" in name for name in method.generator_step(grey(2, 0.8, 0.1), Draw(0, 0), phase))


def test_an_unsure_critic_pays_less_and_beta_0_switches_it_off() -> None:
    batch = grey(2, 0.8, 0.1)
    sure, unsure = (by_hand().critic_step(grey(2, 0.8, depth), Draw(0, 0), STAGE_A) for depth in (0.9, 0.0))
    assert unsure["depth_entropy"] > sure["depth_entropy"]
    plain, penalised = (by_hand(conf_beta=b).critic_step(batch, Draw(0, 0), STAGE_A)["total"] for b in (0.0, 0.5))
    assert penalised < plain


def test_the_vanilla_loss_is_logistic_and_has_no_penalty() -> None:
    losses = values(by_hand(adversarial="vanilla").critic_step(grey(2, 0.8, 0.1), Draw(0, 0), STAGE_A))
    assert losses["depth_adversarial"] == pytest.approx(math.log1p(math.exp(-0.1)) + math.log1p(math.exp(0.4)))
    assert "depth_penalty" not in losses
    losses = values(by_hand(adversarial="vanilla").generator_step(grey(2, 0.8, 0.1), Draw(0, 0), STAGE_A))
    assert losses["depth_adversarial"] == pytest.approx(math.log1p(math.exp(-0.4)))


def test_the_picture_to_be_guessed_back_is_a_given() -> None:
    """Painted p, geometry p/2, guess p/4: the error is p - p/4 with p's own share stopped."""
    off = {"lambda_class": 0.0, "depth_weight": 1.0}
    gradients = []
    for rec in (0.0, 10.0):
        method = by_hand(**off, lambda_rec=rec)
        total = method.generator_step(grey(2, 0.4, 0.1), Draw(0, 0), STAGE_B)["total"]
        gradients.append(made.gradient_of(total, method.generator).item())
    # The cycle's error is 0.4 - 0.4 = 0, where the absolute value has no slope; without the stop it were +7.5.
    assert gradients[1] - gradients[0] == pytest.approx(-10 * 0.25)


def test_geometry_teaches_the_rgb_generator_and_only_its_weight_gates_it() -> None:
    batch = made.single(3, SIZE)
    off = {"lambda_class": 0.0, "lambda_rec": 0.0}
    gradients = []
    for weight in (0.0, 0.3):
        method = dense(**off, depth_weight=weight)
        total = method.generator_step(batch, Draw(0, 0), STAGE_B)["total"]
        gradients.append([made.gradient_of(total, method.networks[name]) for name in ("generator", "depth")])
    assert (gradients[0][0] - gradients[1][0]).abs().max() > 0
    assert gradients[0][1].abs().max() == 0 and gradients[1][1].abs().max() > 0


def test_targets_are_the_batchs_labels_in_the_drawn_order() -> None:
    method, batch = by_hand(), made.single(5, SIZE)
    method.generator_step(batch, Draw(0, 2), STAGE_B)
    wanted = batch["label"][Draw(0, 2).permutation(5)]
    assert torch.equal(method.generator.told[0].argmax(1), wanted)
    assert torch.equal(method.generator.told[1].argmax(1), batch["label"])


def test_depth_is_the_mean_channel_and_normals_have_length_one() -> None:
    image = torch.stack([torch.full((SIZE, SIZE), value) for value in (1.0, 0.6, 0.2)])[None]
    assert torch.allclose(by_hand().predict_geometry(image), torch.full((1, 1, SIZE, SIZE), 0.3))
    normals = by_hand(geometry="normal").predict_geometry(torch.cat([image, image / 9]))
    assert torch.allclose(torch.linalg.vector_norm(normals[0], dim=0), torch.ones(SIZE, SIZE), atol=1e-6)
    assert torch.all(normals[1] == 0)


def test_normals_are_taken_where_they_are_asked_for() -> None:
    config = DenseGeometryConfig(geometry="normal")
    assert DenseGeometry.needs(config).columns == ("image", "expression", "normal")
    batch = {**grey(2, 0.8, 0.1), "normal": torch.full((2, 3, SIZE, SIZE), -0.3)}
    losses = by_hand(geometry="normal").generator_step(batch, Draw(0, 0), STAGE_A)
    assert losses["pixel"].item() == pytest.approx(0.7)


def test_each_stage_trains_its_own() -> None:
    def trained(method: DenseGeometry, phase: Phase) -> set[str]:
        return {name for name in method.optimised if method.optimiser(name, phase)}

    assert trained(dense(), STAGE_A) == {"critic", "depth"}
    assert trained(dense(), STAGE_B) == {"critic", "depth", "generator"}
    assert trained(dense(freeze_depth=True), STAGE_B) == {"critic", "generator"}


def test_the_rate_falls_in_stairs_over_the_last_iterations_of_each_stage() -> None:
    method = dense(pretrain_iterations=200_000, iterations=300_000)
    for name, length in (("depth", 200_000), ("joint", 300_000)):
        phase = Phase(name, length)
        assert method.learning_rate(length - 100_000, phase) == 1
        assert method.learning_rate(length - 99_001, phase) == 1
        assert method.learning_rate(length - 99_000, phase) == pytest.approx(0.99)
        assert method.learning_rate(length - 1, phase) == pytest.approx(0.01)
    assert method.learning_rate(29, Phase("joint", 30)) == pytest.approx(0.1)  # shortened: 10 steps of fall


def test_presets_and_phases() -> None:
    assert DenseGeometryConfig().depth_weight == 0.3
    assert DenseGeometryConfig(**DenseGeometryConfig.PRESETS["table1"]).depth_weight == 0.1
    assert [(p.name, p.iterations) for p in dense().phases()] == [("depth", 200_000), ("joint", 300_000)]
    alone = dense(pretrain_iterations=0)
    assert [p.name for p in alone.phases()] == ["joint"] and alone.config.judges() == {}
    assert DenseGeometryConfig().judges() == {"perceptual": "vgg19"}
    assert DenseGeometryConfig(perceptual="none").judges() == {}


@pytest.mark.parametrize("geometry", ["depth", "normal"])
def test_every_step_is_finite_at_a_batch_of_one(geometry: str) -> None:
    method = dense({"perceptual": Halves()}, geometry=geometry, gp_separate_step=True)
    made.every_step_is_finite(method, 1, SIZE)
    penalty = method.penalty_step(made.single(1, SIZE), Draw(0, 0), STAGE_B)
    assert penalty is not None and {"penalty", "depth_penalty"} < set(penalty)
    assert not any("penalty" in n for n in method.critic_step(made.single(1, SIZE), Draw(0, 0), STAGE_B))


def test_stage_a_learns_to_read_depth() -> None:
    method = dense()
    batch = made.single(4, SIZE)
    batch["depth"] = -batch["image"].mean(1, keepdim=True)
    history = made.train(method, STAGE_A, [batch], steps=30, lr=5e-3)
    assert history[-1]["pixel"] < 0.7 * history[0]["pixel"]


def test_the_critics_may_have_a_rate_of_their_own() -> None:
    adams = [dense(lr=1e-4, critic_lr=1e-3).optimiser(name, STAGE_B) for name in ("critic", "generator", "depth")]
    assert [adam.lr for adam in adams if adam is not None] == [1e-3, 1e-4, 1e-4]
