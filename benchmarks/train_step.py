"""What a training step costs: `python -m benchmarks.train_step`.

The trainer's own step (losses, backward passes, Adam, the moving average) of each method on made
batches, at a preset's sizes: in float32, in bfloat16, and compiled. The arms take turns; a turn is
one generator step and the critic steps that go before it. On a CPU processor time is counted, which
other work disturbs less; on a GPU the clock. `--released FOLDER` adds the StarGAN authors' own training
loop from a checkout of github.com/yunjey/stargan, on the same batches.

    python -m benchmarks.train_step --methods stargan --batch 2 --released ~/stargan
"""

from __future__ import annotations

import contextlib
import io
import statistics
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks.methods import METHODS, OFF
from fexdata.corpora.base import EXPRESSIONS
from fexdata.training.config import resolve
from fexdata.training.method import Batch, DataInfo, Draw, Phase
from fexdata.training.registry import method_class
from fexdata.training.run import Run
from fexdata.training.start import _fabric, build
from fexdata.training.trainer import Trainer

ARMS = {"fp32": (), "bf16": ("precision=bf16",), "compiled": ("compile=true",)}
UNITS, COEFFICIENTS = 17, 30
"""Action units as OpenFace has them, coefficients as SliderGAN has them."""


@click.command()
@click.option("--methods", default=",".join(METHODS), show_default=True)
@click.option("--arms", default=",".join(ARMS), show_default=True)
@click.option("--preset", default="paper", show_default=True)
@click.option("--batch", type=click.IntRange(1), help="Rows per batch, instead of the preset's.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--turns", default=5, show_default=True, help="How often each arm is timed, after one turn unseen.")
@click.option("--threads", default=1, show_default=True, help="Of torch, on a CPU.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="A setting of every method named.")
@click.option("--released", type=click.Path(path_type=Path, exists=True), help="The StarGAN authors' checkout.")
def main(
    methods: str,
    arms: str,
    preset: str,
    batch: int | None,
    device: str,
    turns: int,
    threads: int,
    sets: tuple[str, ...],
    released: Path | None,
) -> None:
    """Milliseconds of a critic step with its share of the generator's: medians, and rates beside the first arm's."""
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    for name in methods.split(","):
        made: dict[str, Callable[[], float]] = {
            arm: ours(name, device, preset, batch, (*ARMS[arm], *sets)) for arm in arms.split(",")
        }
        if released is not None and name == "stargan":
            made["released"] = stargan_released(released, device, batch or 16)
        click.echo(f"{name}, {preset}, {device}" + (f", batch {batch}" if batch else ""))
        times = timed(made, turns)
        for arm, found in times.items():
            ratios = [first / own for first, own in zip(times["fp32"], found, strict=True)] if "fp32" in times else []
            told = (
                f" {statistics.median(ratios):6.2f} x fp32 ({min(ratios):.2f} to {max(ratios):.2f})" if ratios else ""
            )
            click.echo(f"  {arm:<10} {1e3 * statistics.median(found):9.1f} ms a step{told}")


def timed(arms: dict[str, Callable[[], float]], turns: int) -> dict[str, list[float]]:
    """Seconds a step of each arm and turn; the arms alternate, and the first turn is thrown away."""
    times: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(turns + 1):
        for name, step in arms.items():
            seconds = step()
            if turn:
                times[name].append(seconds)
    return times


def ours(name: str, device: str, preset: str, batch: int | None, sets: tuple[str, ...]) -> Callable[[], float]:
    """One turn of a method's last phase, in the trainer's hands: returns seconds a batch."""
    fields = method_class(name).Config.model_fields
    off = tuple(f"{key}={value}" for key, value in OFF.items() if key in fields)
    size = (f"batch={batch}",) if batch else ()
    settings, config = resolve(name, data="made", preset=preset, sets=(f"device={device}", *off, *size, *sets))
    info = made_info(config.image_size)
    method = build(settings, config, info, {})
    folder = Run(Path(tempfile.gettempdir()) / "fexdata-train-step")
    trainer = Trainer(_fabric(settings), method, None, settings, folder)  # type: ignore[arg-type]
    phase = trainer.phases[-1]
    trainer.state.phase = len(trainer.phases) - 1
    rows = made_batch(info, phase.batch or config.batch, phase, torch.device(device))
    trainer._begin(phase)
    trainer._set_rates(phase)
    steps = max(phase.critic_steps, 1)

    def turn() -> float:
        with counted(device) as seconds:
            for _ in range(steps):
                trainer._iterate(rows, phase)
                trainer.state.step, trainer.state.iteration = trainer.state.step + 1, trainer.state.iteration + 1
        trainer._waiting.clear()
        return seconds[0] / steps

    return turn


def stargan_released(folder: Path, device: str, batch: int) -> Callable[[], float]:
    """A turn of the authors' `Solver.train`, with their defaults for RaFD, on made batches at 128 pixels."""
    if (device == "cuda") != torch.cuda.is_available():
        raise click.UsageError("the authors' code takes a GPU where there is one: time both on it")
    sys.path.insert(0, str(folder))
    from solver import Solver

    rows = made_batch(made_info(128), batch, Phase("made", 1), torch.device("cpu"))
    never = 10**9
    config = Namespace(
        c_dim=8, c2_dim=8, image_size=128, g_conv_dim=64, d_conv_dim=64, g_repeat_num=6, d_repeat_num=6,
        lambda_cls=1, lambda_rec=10, lambda_gp=10, dataset="RaFD", batch_size=batch, num_iters=5, num_iters_decay=0,
        g_lr=1e-4, d_lr=1e-4, n_critic=5, beta1=0.5, beta2=0.999, resume_iters=None, selected_attrs=[],
        test_iters=never, use_tensorboard=False, log_dir="", sample_dir="", model_save_dir="", result_dir="",
        log_step=10, sample_step=never, model_save_step=never, lr_update_step=never,
    )  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        solver: Any = Solver(None, [(rows["image"], rows["label"])], config)

    def turn() -> float:
        with contextlib.redirect_stdout(io.StringIO()), counted(device) as seconds:
            solver.train()
        return seconds[0] / config.num_iters

    return turn


def made_info(size: int) -> DataInfo:
    """What a dataset with every column would be."""
    return DataInfo(
        size,
        rows=100_000,
        pairs=100_000,
        expressions=EXPRESSIONS,
        au_names=tuple(f"AU{number}" for number in range(UNITS)),
        coefficient_names=tuple(f"c{number}" for number in range(COEFFICIENTS)),
        coefficient_signed=(True,) * COEFFICIENTS,
    )


def made_batch(info: DataInfo, count: int, phase: Phase, device: torch.device) -> Batch:
    """Noise under every name that a method asks for."""
    draw, picture = Draw(0, 0, "batch"), (count, 3, info.image_size, info.image_size)
    single = {
        "image": draw.uniform(picture, -1, 1),
        "label": draw.integers(len(info.expressions), (count,)),
        "au": draw.uniform((count, UNITS)),
        "au_confidence": draw.uniform((count,)),
        "params": draw.normal((count, COEFFICIENTS)),
        "landmarks_68": draw.uniform((count, 68, 2), 0, info.image_size - 1),
        "depth": draw.uniform((count, 1, *picture[2:]), -1, 1),
        "normal": draw.uniform(picture, -1, 1),
    }
    paired = {f"target_{name}": value.clone() for name, value in single.items()} if phase.pairs else {}
    return {name: value.to(device) for name, value in {**single, **paired}.items()}


@contextlib.contextmanager
def counted(device: str) -> Iterator[list[float]]:
    """Seconds of the block, in the list's one place afterwards."""
    clock = time.perf_counter if device == "cuda" else time.process_time
    seconds = [0.0]
    if device == "cuda":
        torch.cuda.synchronize()
    began = clock()
    yield seconds
    if device == "cuda":
        torch.cuda.synchronize()
    seconds[0] = clock() - began


if __name__ == "__main__":
    main()
