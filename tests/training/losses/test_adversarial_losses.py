"""Adversarial losses against numbers computed by hand, and which way each one pulls."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from fexdata.training.losses.adversarial import (
    gradient_penalty,
    logistic_critic,
    logistic_generator,
    relativistic_gap,
    relativistic_logistic_critic,
    wasserstein_critic,
    wasserstein_generator,
)
from fexdata.training.networks.stargan import PatchCritic

REAL, FAKE = torch.tensor([[[[2.0, 4.0]]]]), torch.tensor([[[[1.0, -2.0]]]])


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_wasserstein_by_hand() -> None:
    assert float(wasserstein_critic(REAL, FAKE)) == -0.5 - 3.0
    assert float(wasserstein_generator(FAKE)) == 0.5


def test_logistic_by_hand() -> None:
    critic = -(math.log(sigmoid(2)) + math.log(sigmoid(4))) / 2 - (math.log(sigmoid(-1)) + math.log(sigmoid(2))) / 2
    assert float(logistic_critic(REAL, FAKE)) == pytest.approx(critic)
    assert float(logistic_generator(FAKE)) == pytest.approx(-(math.log(sigmoid(1)) + math.log(sigmoid(-2))) / 2)


def test_relativistic_gap_by_hand() -> None:
    # f~ = -0.5, r~ = 3
    real, fake = (sigmoid(2.5) + sigmoid(4.5)) / 2, (sigmoid(-2) + sigmoid(-5)) / 2
    assert float(relativistic_gap(REAL, FAKE)) == pytest.approx(real - fake)


def test_relativistic_logistic_by_hand() -> None:
    real = -(math.log(sigmoid(2.5)) + math.log(sigmoid(4.5))) / 2
    fake = -(math.log(1 - sigmoid(-2)) + math.log(1 - sigmoid(-5))) / 2
    assert float(relativistic_logistic_critic(REAL, FAKE)) == pytest.approx((real + fake) / 2)


CRITICS = [wasserstein_critic, logistic_critic, lambda r, f: -relativistic_gap(r, f), relativistic_logistic_critic]
GENERATORS = [
    wasserstein_generator, logistic_generator, lambda f: relativistic_gap(REAL, f),
    lambda f: relativistic_logistic_critic(f, REAL),
]  # fmt: skip


@pytest.mark.parametrize("loss", CRITICS)
def test_a_critics_loss_falls_when_real_rises_and_fake_falls(loss: object) -> None:
    assert callable(loss)
    assert loss(REAL + 0.5, FAKE) < loss(REAL, FAKE) < loss(REAL, FAKE + 0.5)


@pytest.mark.parametrize("loss", GENERATORS)
def test_a_generators_loss_falls_when_its_score_rises(loss: object) -> None:
    assert callable(loss)
    assert loss(FAKE + 0.5) < loss(FAKE)


def test_the_gap_reaches_the_generator_through_the_mean_in_the_real_term() -> None:
    fake = FAKE.clone().requires_grad_(True)
    torch.sigmoid(REAL - fake.mean()).mean().backward()
    through_real = fake.grad.clone()  # type: ignore[union-attr]
    fake.grad = None
    relativistic_gap(REAL, fake).backward()
    alone = FAKE.clone().requires_grad_(True)
    (-torch.sigmoid(alone - REAL.mean()).mean()).backward()
    assert float(through_real.abs().min()) > 0
    assert torch.allclose(fake.grad, through_real + alone.grad)  # type: ignore[operator, arg-type]


@pytest.mark.parametrize("length", [0.5, 1.0, 3.0])
def test_the_penalty_of_a_linear_critic_is_its_closed_form(length: float) -> None:
    torch.manual_seed(0)
    weight = torch.randn(3, 4, 4)
    weight *= length / weight.norm()
    real, fake = torch.randn(5, 3, 4, 4), torch.randn(5, 3, 4, 4)
    penalty = gradient_penalty(lambda x: (x * weight).sum(dim=(1, 2, 3)), real, fake, torch.rand(5))
    assert float(penalty) == pytest.approx((length - 1) ** 2, abs=1e-5)


def test_the_penalty_sums_over_patches_and_takes_each_pictures_norm() -> None:
    # Score map: 3 x of one pixel and 4 x of another, so the gradient is (3, 4) and its norm 5.
    def score(x: Tensor) -> Tensor:
        return torch.stack([3 * x[:, 0, 0, 0], 4 * x[:, 0, 0, 1]], dim=1)

    assert float(gradient_penalty(score, torch.zeros(2, 1, 1, 2), torch.ones(2, 1, 1, 2), torch.rand(2))) == 16.0


def test_the_penalty_is_taken_between_real_and_fake_by_one_share_a_picture() -> None:
    seen: list[Tensor] = []

    def score(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.square().sum(dim=(1, 2, 3))

    gradient_penalty(score, torch.ones(2, 1, 2, 2), torch.zeros(2, 1, 2, 2), torch.tensor([0.25, 1.0]))
    assert (seen[0][0] == 0.25).all() and (seen[0][1] == 1.0).all()


def test_the_penalty_trains_the_critic_and_not_the_generator() -> None:
    torch.manual_seed(0)
    critic = PatchCritic(16, 2, width=4, layers=3)
    real, fake = torch.randn(3, 3, 16, 16), torch.randn(3, 3, 16, 16, requires_grad=True)
    adam = torch.optim.Adam(critic.parameters(), lr=1e-2)
    history = []
    for _ in range(30):
        penalty = gradient_penalty(lambda x: critic(x).score, real, fake, torch.full((3,), 0.5))
        adam.zero_grad()
        penalty.backward()
        adam.step()
        history.append(penalty.item())
    assert fake.grad is None
    assert history[-1] < 0.1 * history[0]


def test_a_flat_critics_penalty_is_one_and_its_gradient_finite() -> None:
    weight = torch.zeros(3, requires_grad=True)
    penalty = gradient_penalty(
        lambda x: x.mean(dim=(2, 3)) @ weight, torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2), torch.rand(1)
    )
    penalty.backward()
    assert penalty.item() == 1.0 and weight.grad is not None and bool(weight.grad.isfinite().all())
