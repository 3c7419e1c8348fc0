"""Losses between a generator and its critic.

Every critic's score is a map (B, 1, h, w), higher where a patch looks more real. Each pair of
functions gives what the critic minimises and what the generator minimises.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus


def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """-E D(x) + E D(x'): falls as the critic tells them apart (Gulrajani et al. 2017; fine-grained Eq. 3)."""
    return fake.mean() - real.mean()


def wasserstein_generator(fake: Tensor) -> Tensor:
    """-E D(x'): falls as the critic takes the generated for real."""
    return -fake.mean()


def gradient_penalty(score: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """mean over b of (||grad_x D(x)||_2 - 1)^2 at x = a x_real + (1 - a) x_fake (Gulrajani et al. 2017).

    score: the critic's score alone, (B, C, H, W) -> (B, ...); the gradient is of the sum over its
    patches, the norm over all of C, H, W. mix: a (B,), 0 to 1, one a picture. real and fake: their
    own graphs are left alone.
    """
    share = mix.reshape(-1, 1, 1, 1)
    between = (share * real.detach() + (1 - share) * fake.detach()).requires_grad_(True)
    (gradient,) = torch.autograd.grad(score(between).sum(), between, create_graph=True)
    norm = torch.linalg.vector_norm(gradient.float().flatten(1), dim=1)
    return (norm - 1).square().mean()


def logistic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """-E log s(D(x)) - E log(1 - s(D(x'))), s the sigmoid (Goodfellow et al. 2014; dense-geometry Eq. 1)."""
    return softplus(-real).mean() + softplus(fake).mean()


def logistic_generator(fake: Tensor) -> Tensor:
    """-E log s(D(x')): the non-saturating form."""
    return softplus(-fake).mean()


def relativistic_gap(real: Tensor, fake: Tensor) -> Tensor:
    """E s(r - f~) - E s(f - r~), s the sigmoid, ~ the mean over batch and patches (SliderGAN Eq. 5).

    1 when the real all beat the average generated picture, -1 when it is the other way round: the
    generator minimises it, the critic its negative. Gradients flow through both means, so a
    generator's step must compute `real` anew, with the graph that f~ gives it.
    """
    return torch.sigmoid(real - fake.mean()).mean() - torch.sigmoid(fake - real.mean()).mean()


def relativistic_logistic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """1/2 [BCE(r - f~, 1) + BCE(f - r~, 0)]: RaSGAN (Jolicoeur-Martineau 2018), the option `rasgan`.

    The generator's loss is the same with the two swapped: `relativistic_logistic_critic(fake, real)`.
    """
    real_wins, fake_wins = real - fake.mean(), fake - real.mean()
    return 0.5 * (
        binary_cross_entropy_with_logits(real_wins, torch.ones_like(real_wins))
        + binary_cross_entropy_with_logits(fake_wins, torch.zeros_like(fake_wins))
    )
