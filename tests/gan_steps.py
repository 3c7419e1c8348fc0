"""Tiny batches, stand-in networks and a bare training loop, for tests of methods."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from fexdata.training.method import Batch, DataInfo, Draw, Losses, Method
from fexdata.training.networks.stargan import Verdict

AU_NAMES = ("AU04", "AU12", "AU26")
CLASSES = ("neutral", "happy")


def info(image_size: int, *, rows: int = 100) -> DataInfo:
    return DataInfo(image_size, rows, expressions=CLASSES, au_names=AU_NAMES, au_scheme="test")


def batch_of(count: int, image_size: int, *, seed: int = 0) -> Batch:
    """Noise with labels that have nothing to do with it."""
    draw = Draw(seed, 0, "batch")
    return {
        "image": draw.uniform((count, 3, image_size, image_size), -1, 1),
        "label": draw.integers(len(CLASSES), (count,)),
        "au": draw.uniform((count, len(AU_NAMES))),
        "au_confidence": draw.uniform((count,)),
    }


def bright_batch(count: int, image_size: int) -> Batch:
    """Pictures as bright as their first action unit, 0 to 1; those above the middle are `happy`."""
    level = torch.linspace(0, 1, count)
    image = (2 * level - 1)[:, None, None, None].expand(-1, 3, image_size, image_size)
    noise = Draw(0, 0, "noise").uniform(image.shape, -0.1, 0.1)
    au = level[:, None].repeat(1, len(AU_NAMES))
    return {"image": (image + noise).clamp(-1, 1), "label": (level > 0.5).long(), "au": au}


def train(method: Method, step: Callable[[Draw], Losses], *, optimiser: str, steps: int, lr: float) -> list[Losses]:
    """Adam on one optimiser's networks; the losses of every step."""
    parameters = [p for name in method.optimised[optimiser] for p in method.networks[name].parameters()]
    adam = torch.optim.Adam(parameters, lr=lr, betas=(0.5, 0.999))
    history = []
    for number in range(steps):
        losses = step(Draw(0, number))
        adam.zero_grad()
        losses["total"].backward()
        adam.step()
        history.append(losses)
    return history


class FixedCritic(nn.Module):
    """Says the same of every picture: one score, one value for every entry of the condition."""

    def __init__(self, outputs: int, *, score: float, condition: float) -> None:
        super().__init__()
        self.outputs, self.score, self.condition = outputs, score, condition

    def forward(self, picture: Tensor) -> Verdict:
        count, zero = len(picture), 0 * picture.mean()
        return Verdict(
            zero + torch.full((count, 1, 2, 2), self.score), zero + torch.full((count, self.outputs), self.condition)
        )


class BrightnessCritic(nn.Module):
    """Reads every entry of the condition from how bright the picture is, 0 to 1; finds all equally real."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, picture: Tensor) -> Verdict:
        level = (picture.mean(dim=(1, 2, 3)) + 1) / 2
        return Verdict(0 * picture[:, :1, :2, :2], level[:, None].expand(-1, self.outputs))


class Recorder(nn.Module):
    """A generator that remembers the conditions it was told and gives `answer(pictures)`, as often as asked."""

    def __init__(self, answer: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.answer = answer
        self.told: list[Tensor] = []

    def forward(self, picture: Tensor, condition: Tensor) -> Tensor:
        self.told.append(condition)
        return self.answer(picture.repeat(len(condition) // len(picture), 1, 1, 1))


class EchoCritic(nn.Module):
    """Reads from any pictures the first condition that a recorder was told, times `scale`."""

    def __init__(self, recorder: nn.Module, *, scale: float = 1.0) -> None:
        super().__init__()
        self.told: list[Tensor] = recorder.told  # type: ignore[assignment]
        self.scale = scale

    def forward(self, picture: Tensor) -> Verdict:
        return Verdict(0 * picture[:, :1, :2, :2], self.scale * self.told[0][: len(picture)])
