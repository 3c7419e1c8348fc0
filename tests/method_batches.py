"""Tiny batches with every kind of label, paired and single, and judges whose answers are known."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fexdata.training.method import Batch, DataInfo, Draw, Losses, Method, Phase

CLASSES = ("neutral", "happy", "sad")
AU_NAMES = ("AU04", "AU12")
COEFFICIENTS = ("jawOpen", "smile", "browUp")
SPEECH = ("round", "wide")


def info(image_size: int, *, rows: int = 80, pairs: int = 40) -> DataInfo:
    return DataInfo(
        image_size,
        rows,
        pairs=pairs,
        expressions=CLASSES,
        au_names=AU_NAMES,
        coefficient_names=COEFFICIENTS,
        speech_names=SPEECH,
    )


def single(count: int, image_size: int, *, seed: int = 0) -> Batch:
    """Noise with labels that have nothing to do with it."""
    draw = Draw(seed, 0, "batch")
    picture = (count, 3, image_size, image_size)
    return {
        "image": draw.uniform(picture, -1, 1),
        "label": draw.integers(len(CLASSES), (count,)),
        "au": draw.uniform((count, len(AU_NAMES))),
        "au_confidence": draw.uniform((count,)),
        "params": draw.normal((count, len(COEFFICIENTS))),
        "speech": draw.normal((count, len(SPEECH))),
        "landmarks_68": draw.uniform((count, 68, 2), 0, image_size - 1),
        "depth": draw.uniform((count, 1, image_size, image_size), -1, 1),
        "normal": draw.uniform(picture, -1, 1),
    }


def paired(count: int, image_size: int, *, seed: int = 0) -> Batch:
    first, second = (single(count, image_size, seed=2 * seed + part) for part in (0, 1))
    return {**first, **{f"target_{name}": value for name, value in second.items()}}


def batch_for(phase: Phase, count: int, image_size: int, *, seed: int = 0) -> Batch:
    return (paired if phase.pairs else single)(count, image_size, seed=seed)


def train(
    method: Method, phase: Phase, batches: Sequence[Batch], *, steps: int, lr: float | None = None
) -> list[Losses]:
    """What the trainer does, bare: critic and generator steps in the phase's ratio over the batches in
    turn; the losses of every generator step."""
    method.begin(phase)
    settings = {name: method.optimiser(name, phase) for name in method.optimised}
    adams = {
        name: torch.optim.Adam(_parameters(method, name), lr, adam.betas)
        for name, adam in settings.items()
        if adam is not None
    }
    history = []
    for step in range(steps):
        batch, draw = batches[step % len(batches)], Draw(0, step)
        if phase.critic_steps:
            _update(method, ["critic"], adams, method.critic_step(batch, draw, phase))
        if not phase.critic_steps or (step + 1) % phase.critic_steps == 0:
            losses = method.generator_step(batch, draw, phase)
            _update(method, [name for name in adams if name != "critic"], adams, losses)
            history.append({name: loss.detach() for name, loss in losses.items()})
    return history


def gradient_of(loss: Tensor, network: nn.Module) -> Tensor:
    """The gradient by all of a network's parameters, in one row; 0 where there is none."""
    parameters = list(network.parameters())
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True, retain_graph=True)
    pairs = zip(gradients, parameters, strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for g, p in pairs])


def every_step_is_finite(method: Method, count: int, image_size: int) -> None:
    """All steps of all phases, an edit and a sheet, on a batch of that many."""
    for phase in method.phases():
        method.begin(phase)
        batch = batch_for(phase, count, image_size)
        steps = [method.generator_step, *([method.critic_step] if phase.critic_steps else [])]
        for step in steps:
            for name, loss in step(batch, Draw(0, 0), phase).items():
                assert loss.shape == (), name
                assert torch.isfinite(loss), name
        sheet = method.sample_sheet(batch, Draw(0, 0))
        assert sheet.ndim == 5
        assert torch.isfinite(sheet).all()
        assert torch.equal(sheet[0, 0], batch["image"][0])
        for name, made in method.edit(batch["image"], batch, batch).items():
            assert made.shape[0] == count and made.shape[-2:] == (image_size, image_size), name


class ChannelMeans(nn.Module):
    """An identity network that knows faces by their mean colour, and remembers the landmarks it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Tensor] = []

    def forward(self, picture: Tensor, landmarks: Tensor) -> Tensor:
        self.asked.append(landmarks)
        return picture.mean((2, 3)) + 2


def _parameters(method: Method, optimiser: str) -> list[nn.Parameter]:
    return [parameter for name in method.optimised[optimiser] for parameter in method.networks[name].parameters()]


def _update(method: Method, names: Sequence[str], adams: dict[str, torch.optim.Adam], losses: Losses) -> None:
    for name in names:
        adams[name].zero_grad()
    losses["total"].backward()
    for name in names:
        adams[name].step()
