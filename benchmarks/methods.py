"""All methods on the same held-out people, with an equal budget: `python -m benchmarks.methods`.

Makes (once) a dataset of people who do not exist, trains each method for so many minutes of
processor time with one preset, and has one judge look at all (`methods_judge`). Writes a table,
`methods.json`, `methods.md`, and sample pictures: the first held-out pairs in a fixed order.

    python -m benchmarks.methods --methods stargan,slidergan --minutes 10 --out methods
    python -m benchmarks.methods --judge methods/stargan --out methods
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import torch

METHODS = (
    *("stargan", "ganimation", "cdaae", "spg"),
    *("dense-geometry", "gcgan", "slidergan", "defgan", "fine-grained"),
)
OFF = {"identity": "none", "perceptual": "none"}
"""Losses that ask a network whose weights nobody may hand on are switched off unless `--set` names one."""
CALIBRATION = (10, 20, 120)
"""Steps of the short runs that tell what a step costs: one to warm up, two to compare."""
BUDGET = "budget.json"


@click.command()
@click.option("--data", help="What single rows are read from. Default: the pairs' own.")
@click.option("--pairs", help="Pairs, and the held-out (test) people who are judged. Default: made.")
@click.option("--methods", default=",".join(METHODS), show_default=True, help="Which, with commas between.")
@click.option("--minutes", default=10.0, show_default=True, help="Processor time for each method.")
@click.option("--steps", type=click.IntRange(1), help="Batches for each method, instead of --minutes.")
@click.option("--threads", default=1, show_default=True, help="Of torch.")
@click.option("--preset", default="demo", show_default=True)
@click.option("--seed", default=0, show_default=True, help="Of the training and of the choice of pairs.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="A setting of every method named.")
@click.option("--out", type=click.Path(path_type=Path), default="methods", show_default=True, help="Runs and table.")
@click.option("--work", type=click.Path(path_type=Path), help="Where what is made lies; found there, it is used.")
@click.option("--judge", "judged", multiple=True, metavar="RUN", help="Judge these runs, train nothing.")
def main(
    data: str | None,
    pairs: str | None,
    methods: str,
    minutes: float,
    steps: int | None,
    threads: int,
    preset: str,
    seed: int,
    sets: tuple[str, ...],
    out: Path,
    work: Path | None,
    judged: tuple[str, ...],
) -> None:
    """Train, judge, and lay out the table."""
    from benchmarks.methods_data import make_dataset
    from benchmarks.methods_judge import MethodJudge
    from benchmarks.methods_table import write
    from fexdata.errors import FexdataError

    torch.set_num_threads(threads)
    work = work or Path(tempfile.gettempdir()) / "fexdata-benchmark-methods"
    pairs = pairs or make_dataset(work)
    data = data or pairs
    try:
        judge = MethodJudge(data, pairs, seed=seed, cache=work)
        found = []
        for run in judged or [str(out / name) for name in methods.split(",")]:
            if not judged:
                name = Path(run).name
                click.echo(f"{name}: training", err=True)
                train_within(name, data, pairs, run, minutes=minutes, steps=steps, preset=preset, seed=seed, sets=sets)
            found.append(judge.judge(run))
            write(out, found, judge)
    except FexdataError as error:
        raise click.ClickException(str(error)) from None
    click.echo((out / "methods.md").read_text())


def train_within(
    method: str,
    data: str,
    pairs: str,
    out: str,
    *,
    minutes: float,
    steps: int | None,
    preset: str,
    seed: int,
    sets: tuple[str, ...],
) -> None:
    """Trains a run below `out` for so many minutes of processor time, its readers' included.

    Two short runs tell the cost of a step; the schedule is then laid over as many steps as the
    budget holds. What was really spent stands in `budget.json` beside the run.
    """
    from fexdata.training.config import resolve
    from fexdata.training.registry import method_class
    from fexdata.training.start import train

    fields, given = method_class(method).Config.model_fields, {text.partition("=")[0] for text in sets}
    off = tuple(f"{key}={value}" for key, value in OFF.items() if key in fields and key not in given)
    settings = ("workers=0", "device=cpu", f"seed={seed}", *off, *sets)

    def run(count: int, folder: str, *quiet: str) -> float:
        both = resolve(method, data=data, preset=preset, steps=count, sets=(*settings, *quiet))
        if method_class(method).needs(both[1]).pairs:
            both = (both[0].model_copy(update={"pairs": pairs}), both[1])
        if both[0].device != "cpu" and steps is None:
            raise click.UsageError("processor time says nothing of another device: give --steps")
        began = processor_seconds()
        train(*both, out=folder, quiet=True)
        return processor_seconds() - began

    began, wall = processor_seconds(), time.monotonic()
    if steps is None:
        rare = ("checkpoint_every=100000", "sheet_every=100000")
        with tempfile.TemporaryDirectory() as scratch:
            # The first of all runs pays imports and warm-up, which would make a step look free, or less than free.
            _, first, second = (run(count, f"{scratch}/{number}", *rare) for number, count in enumerate(CALIBRATION))
        steps = affordable(60 * minutes - (processor_seconds() - began), first, second)
    run(steps, out)
    spent = {"cpu_seconds": processor_seconds() - began, "seconds": time.monotonic() - wall, "steps": steps}
    (Path(out) / BUDGET).write_text(json.dumps({**spent, "minutes": minutes, "threads": torch.get_num_threads()}))


def affordable(seconds: float, first: float, second: float) -> int:
    """Steps that fit, if the last two runs of `CALIBRATION` took so many seconds.

    A difference that noise has eaten does not count: a step costs no less than half its share of the longer run.
    """
    _, few, many = CALIBRATION
    each = max((second - first) / (many - few), 0.5 * second / many)
    return max(int(seconds / each), many)


def processor_seconds() -> float:
    """Of this process and of its ended children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def read_budget(run: str) -> dict[str, Any]:
    """What a run cost; empty where nobody counted."""
    path = Path(run) / BUDGET
    return json.loads(path.read_text()) if path.exists() else {}


if __name__ == "__main__":
    main()
