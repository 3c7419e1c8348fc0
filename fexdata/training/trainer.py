"""The loop: phases, critic and generator steps in their ratio, averages, checkpoints, logs.

The promise: a run that is killed and resumed equals one that was not, parameter by parameter, bit by
bit on a CPU. Order, flips, partners and random draws are functions of seed and step; torch's own
generators are seeded anew at every step; everything else is in the checkpoint.

Several devices: each has a replica and its share of every batch of the order; gradients are averaged
after each backward pass. (DistributedDataParallel is not used: it does not allow the inner gradients
that gradient penalties take.) Means over a batch inside a loss are over the device's own share.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from fexdata.errors import FexdataError
from fexdata.training import checkpoint
from fexdata.training.checkpoint import State
from fexdata.training.config import TrainConfig
from fexdata.training.data import TrainingData
from fexdata.training.loader import Faces, loader, prepare
from fexdata.training.logs import Bar, LossLog, write_sheet
from fexdata.training.method import Batch, Draw, Losses, Method, Phase
from fexdata.training.run import Run
from fexdata.training.sampler import BatchOrder

if TYPE_CHECKING:
    from lightning.fabric import Fabric

CRITIC = "critic"
DIVERGED = 1e9
"""A loss beyond this has diverged: no method's comes near it."""
SHEET_ROWS = 6


@dataclass(frozen=True)
class Sources:
    """The rows that a run reads: single ones, and those with partners where some phase wants pairs."""

    single: TrainingData
    paired: TrainingData | None
    held_out: TrainingData
    """For the sheets: validation rows of the last phase's kind, or training rows where there are none."""

    def of(self, phase: Phase) -> TrainingData:
        if not phase.pairs:
            return self.single
        if self.paired is None:
            raise FexdataError(f"phase {phase.name} reads pairs, but the method's `needs` does not ask for them")
        return self.paired


def scheduled(phases: list[Phase], steps: int | None) -> list[Phase]:
    """The phases at a given number of batches in all, each shortened in proportion but to no less
    than one; as they are for None. Phases without iterations are left out."""
    phases = [phase for phase in phases if phase.iterations > 0]
    total = sum(phase.iterations for phase in phases)
    if steps is None or steps == total:
        return phases
    if steps < len(phases):
        raise FexdataError(f"--steps {steps}: the method has {len(phases)} phases, each needs at least one step")
    lengths, done, planned = [], 0, 0
    for number, phase in enumerate(phases):
        planned += phase.iterations
        after = len(phases) - number - 1
        end = min(max(round(steps * planned / total), done + 1), steps - after)
        lengths.append(end - done)
        done = end
    return [replace(phase, iterations=length) for phase, length in zip(phases, lengths, strict=True)]


class Trainer:
    """One run in progress."""

    def __init__(self, fabric: Fabric, method: Method, sources: Sources, settings: TrainConfig, run: Run) -> None:
        self.fabric, self.method, self.sources, self.settings, self.run = fabric, method, sources, settings, run
        self.phases = scheduled(method.phases(), settings.steps)
        self.total = sum(phase.iterations for phase in self.phases)
        layout = torch.channels_last if settings.channels_last else torch.contiguous_format
        method.networks.to(device=fabric.device, memory_format=layout)  # type: ignore[call-overload]
        for judge in method.judges.values():
            judge.to(fabric.device).eval().requires_grad_(False)
        optimisers = {name: _adam(method, name, self.phases) for name in method.optimised}
        averages = {
            name: AveragedModel(method.networks[name], multi_avg_fn=_warmed(settings.ema))
            for name in method.averaged
            if name in method.networks
        }
        self.state = State(method.networks, optimisers, averages)
        if settings.compile:
            critics = method.optimised.get(CRITIC, ())
            for name, network in method.networks.items():
                if name not in critics:
                    network.compile()
        self._waiting: list[tuple[int, str, tuple[str, ...], Tensor]] = []
        """Losses not looked at yet: a GPU is asked for them only every `log_every` steps."""

    def resume(self) -> None:
        """Goes on from the newest checkpoint; from the beginning where there is none."""
        path = checkpoint.latest(self.run.checkpoints)
        if path is not None:
            checkpoint.restore(path, self.state)

    def train(self, *, quiet: bool = False) -> None:
        """Runs to the end. Raises `FexdataError` naming step, loss and last good checkpoint when a
        loss is no finite number, or one without bounds."""
        state = self.state
        first = self.fabric.is_global_zero
        log = LossLog(self.run.logs, state.step) if first else None
        with Bar(self.total, state.step, quiet=quiet or not first) as bar:
            while state.phase < len(self.phases):
                self._train_phase(self.phases[state.phase], bar, log)
                state.phase, state.iteration = state.phase + 1, 0
            if log is not None:
                log.close()

    def _train_phase(self, phase: Phase, bar: Bar, log: LossLog | None) -> None:
        state, settings = self.state, self.settings
        self._begin(phase)
        began, since = time.monotonic(), state.step
        for raw in self._batches(phase):
            batch = prepare(raw, self.fabric.device, channels_last=settings.channels_last)
            rates = self._set_rates(phase)
            self._iterate(batch, phase)
            state.step, state.iteration = state.step + 1, state.iteration + 1
            bar.step(phase.name)
            last = state.step == self.total
            saving = last or state.step % settings.checkpoint_every == 0
            if saving or last or state.step % settings.log_every == 0:
                means = self._look(self._waiting)
                if log is not None and means:
                    speed = (state.step - since) / max(time.monotonic() - began, 1e-9)
                    log.write(state.step, f"{state.phase}-{phase.name}", means, {**rates, "steps_per_second": speed})
                    bar.losses(means)
                began, since = time.monotonic(), state.step
            if saving:
                self._save(phase)
            if last or state.step % settings.sheet_every == 0:
                self._write_sheet(phase)

    def _iterate(self, batch: Batch, phase: Phase) -> None:
        """One batch: the critic's step, and the others' where it is their turn."""
        step, method = self.state.step, self.method
        torch.manual_seed(self._draw(step, "global").seed)
        critic = phase.critic_steps > 0
        if critic:
            self._step(CRITIC, method.critic_step, batch, phase, [CRITIC])
            self._step("penalty", method.penalty_step, batch, phase, [CRITIC])
        if not critic or (self.state.iteration + 1) % phase.critic_steps == 0:
            others = [name for name in self.state.optimisers if name != CRITIC]
            self._step("generator", method.generator_step, batch, phase, others)
            trained = self._trained(others, phase)
            for name, average in self.state.averages.items():
                if name in trained:  # a network that rests would use up the average's warm-up
                    average.update_parameters(method.networks[name])

    def _trained(self, optimisers: list[str], phase: Phase) -> set[str]:
        """Networks that the optimisers move in a phase."""
        active = [name for name in optimisers if self.method.optimiser(name, phase) is not None]
        return {network for name in active for network in self.method.optimised[name]}

    def _step(
        self,
        kind: str,
        losses_of: Callable[[Batch, Draw, Phase], Losses | None],
        batch: Batch,
        phase: Phase,
        optimisers: list[str],
    ) -> None:
        active = [name for name in optimisers if self.method.optimiser(name, phase) is not None]
        trained = self._trained(optimisers, phase)
        for name, network in self.method.networks.items():
            network.requires_grad_(name in trained)
        step = self.state.step
        with self.fabric.autocast():
            losses = losses_of(batch, self._draw(step, kind), phase)
        if losses is None:
            return
        for name in active:
            self.state.optimisers[name].zero_grad(set_to_none=True)
        self.fabric.backward(losses["total"])
        self._average_over_devices(trained)
        for name in active:
            self.state.optimisers[name].step()
        names = tuple(f"{kind}/{name}" for name in losses)
        self._waiting.append((step + 1, phase.name, names, torch.stack([x.detach().float() for x in losses.values()])))

    def _look(self, waiting: list[tuple[int, str, tuple[str, ...], Tensor]]) -> dict[str, float]:
        """The mean of each loss since the last look. Raises where one is beyond all bounds."""
        sums: dict[str, list[float]] = {}
        bad: tuple[int, str] | None = None
        for step, _, names, values in waiting:
            for name, value in zip(names, values.tolist(), strict=True):
                sums.setdefault(name, []).append(value)
                if bad is None and not abs(value) < DIVERGED:  # NaN compares false
                    bad = (step, f"{name} is {value:g}")
        waiting.clear()
        if self.fabric.world_size > 1 and bool(self._any(bad is not None)):
            bad = bad or (self.state.step, "a loss on another device is no number")  # all stop together
        if bad is not None:
            raise self._diverged(*bad)
        return {name: sum(values) / len(values) for name, values in sums.items()}

    def _any(self, one: bool) -> bool:
        """Whether it is so on any device."""
        found = self.fabric.all_reduce(torch.tensor(float(one), device=self.fabric.device), reduce_op="max")
        return bool(found)

    def _save(self, phase: Phase) -> None:
        for name, parameter in self.method.networks.named_parameters():
            if not bool(torch.isfinite(parameter).all()):
                raise self._diverged(self.state.step, f"weights of {name} are no numbers")
        if self.fabric.is_global_zero:
            facts = {"phase_name": phase.name, "seed": self.settings.seed, "iterations": phase.iterations}
            checkpoint.save(self.run.checkpoints, self.state, facts)
        self.fabric.barrier()

    def _diverged(self, step: int, what: str) -> FexdataError:
        good = checkpoint.latest(self.run.checkpoints)
        kept = f"the last good checkpoint is {good.with_suffix('')}" if good else "there is no checkpoint yet"
        return FexdataError(
            f"{self.method.name} diverged at step {step}: {what}; {kept}; a lower learning rate may help"
        )

    def _begin(self, phase: Phase) -> None:
        self.method.begin(phase)
        for name, optimiser in self.state.optimisers.items():
            adam = self.method.optimiser(name, phase)
            for group in optimiser.param_groups:
                if adam is not None:
                    group.update(lr=adam.lr, betas=adam.betas, weight_decay=adam.weight_decay)

    def _set_rates(self, phase: Phase) -> dict[str, float]:
        """Sets each optimiser's learning rate for this iteration; name -> rate, for the log."""
        factor = self.method.learning_rate(self.state.iteration, phase)
        rates = {}
        for name, optimiser in self.state.optimisers.items():
            adam = self.method.optimiser(name, phase)
            if adam is not None:
                for group in optimiser.param_groups:
                    group["lr"] = adam.lr * factor
                rates[f"{name}/lr"] = adam.lr * factor
        return rates

    def _batches(self, phase: Phase) -> Iterator[Batch]:
        data, settings, fabric = self.sources.of(phase), self.settings, self.fabric
        order = data.order((settings.seed, self.state.phase), self.method.config.mirror)
        batches = BatchOrder(
            order,
            batch=phase.batch or self.method.config.batch,
            first=self.state.iteration,
            last=phase.iterations,
            rank=fabric.global_rank,
            world=fabric.world_size,
        )
        return iter(loader(data, batches, workers=settings.workers, pin=fabric.device.type == "cuda"))

    def _write_sheet(self, phase: Phase) -> None:
        """Edits of the same held-out faces, by the averaged networks."""
        if not self.fabric.is_global_zero:
            return
        data = self.sources.held_out
        count = min(SHEET_ROWS, len(data))
        items = data.order((self.settings.seed, 0), 0.0).items(0, count)
        batch = prepare(Faces(data)[items], self.fabric.device, channels_last=self.settings.channels_last)
        with self._averaged(), torch.no_grad():
            self.method.networks.eval()
            sheet = self.method.sample_sheet(batch, self._draw(0, "sheet"))
        self.method.begin(phase)
        write_sheet(self.run.sheets / f"{self.state.step:08d}.png", sheet)

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """The moving averages in the networks' place, and back."""
        networks = self.method.networks
        kept = {name: _copied(networks[name]) for name in self.state.averages}
        try:
            for name, average in self.state.averages.items():
                networks[name].load_state_dict(average.module.state_dict())
            yield
        finally:
            for name, weights in kept.items():
                networks[name].load_state_dict(weights)

    def _draw(self, step: int, stream: str) -> Draw:
        return Draw(self.settings.seed, step, f"{stream}/{self.fabric.global_rank}", self.fabric.device)

    def _average_over_devices(self, trained: set[str]) -> None:
        if self.fabric.world_size == 1:
            return
        networks = [self.method.networks[name] for name in sorted(trained)]
        grads = [
            parameter.grad for network in networks for parameter in network.parameters() if parameter.grad is not None
        ]
        running = [buffer for network in networks for buffer in network.buffers() if buffer.is_floating_point()]
        tensors = [*grads, *running]
        whole: Tensor = self.fabric.all_reduce(torch.cat([tensor.reshape(-1) for tensor in tensors]), reduce_op="mean")  # type: ignore[assignment]
        parts = torch.split(whole, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))


def _adam(method: Method, name: str, phases: list[Phase]) -> torch.optim.Adam:
    """The optimiser with the settings of the first phase in which it works."""
    settings = [adam for phase in phases if (adam := method.optimiser(name, phase)) is not None]
    if not settings:
        raise ValueError(f"{method.name}: the optimiser {name!r} rests in every phase")
    parameters = [
        parameter for network in method.optimised[name] for parameter in method.networks[network].parameters()
    ]
    return torch.optim.Adam(parameters, settings[0].lr, settings[0].betas, weight_decay=settings[0].weight_decay)


def _warmed(decay: float) -> Callable[[Any, Any, Tensor | int], None]:
    """A moving average that begins short, min(decay, (1 + n) / (10 + n)) at update n, so that the
    networks' first values are soon forgotten in a short run."""

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor | int) -> None:
        n = int(count)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + n) / (10 + n)))

    return update


def _copied(network: nn.Module) -> Mapping[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}
