"""Losses that ask whether a picture shows the wanted expression: classes, action units, coefficients."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax


def class_error(logits: Tensor, label: Tensor) -> Tensor:
    """-E log p(y | x): cross-entropy of logits (B, C) and classes (B,) (StarGAN Eq. 2 and 3)."""
    return cross_entropy(logits, label)


def class_entropy(logits: Tensor) -> Tensor:
    """H = -E sum_c p_c log p_c, nats: highest where the classifier is least sure (Pereyra et al. 2017).

    A confidence penalty is `class_error(...) - beta * class_entropy(...)`.
    """
    logarithm = log_softmax(logits, dim=1)
    return -(logarithm.exp() * logarithm).sum(dim=1).mean()


def regression_error(predicted: Tensor, wanted: Tensor, confidence: Tensor | None = None) -> Tensor:
    """E (v^ - v)^2: mean over batch and entries, both (B, K) (fine-grained Eq. 5 and 6, SliderGAN Eq. 7).

    confidence: (B,) or (B, K), 0 to 1; each square counts as much as its annotation is trusted, so
    that 1 everywhere is the plain mean and a row of zeros teaches nothing.
    """
    squared = (predicted - wanted).square()
    if confidence is None:
        return squared.mean()
    weight = confidence if confidence.ndim == 2 else confidence[:, None]
    return (weight * squared).mean()
