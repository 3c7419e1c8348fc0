"""`fexdata train`."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fexdata.training.config import TrainConfig
    from fexdata.training.method import MethodConfig

WARPS, DEMO_WARPS = (500, 20), (40, 8)
"""Photographs, and pictures of each, that are warped where a dataset has no pairs."""


@click.command()
@click.argument("method")
@click.option("--data", metavar="DATASET", help="What to train on: a dataset's name or path.")
@click.option("--pairs", metavar="DATASET",
              help="Where pairs come from. Default: the dataset itself, if it has them; else, for slidergan, warps of "
              "its photographs, which are made.")  # fmt: skip
@click.option("--preset", metavar="NAME",
              help="paper: the paper's sizes and schedule; small: one modest GPU, hours; demo: two CPU cores, minutes. "
              "Default: paper.")  # fmt: skip
@click.option("--steps", type=click.IntRange(1), help="Batches in all. Default: the method's own schedule.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change one setting; may be given again.")
@click.option("--out", help="The run's folder. Default: runs/METHOD-DATASET-N.")
@click.option(
    "--resume", is_flag=True, help="Go on with the newest run of this method on this dataset, or that of --out."
)
@click.option("--settings", "show", is_flag=True, help="List the method's settings, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the run's record as JSON.")
def command(
    method: str,
    data: str | None,
    pairs: str | None,
    preset: str | None,
    steps: int | None,
    sets: tuple[str, ...],
    out: str | None,
    resume: bool,
    show: bool,
    as_json: bool,
) -> int:
    """Train a method on a built dataset.

    METHOD is slidergan, gcgan, defgan, dense-geometry, fine-grained, or one of the baselines stargan,
    ganimation, cdaae, spg; embedder and classifier are networks that judge. Case and hyphens do not
    matter.

    \b
    fexdata train stargan --data affectnet-d --preset small
    fexdata train sliderGAN --data affectnet-d --pairs pairs --preset demo --set seed=3

    The same command with --resume goes on where an interrupted one stopped.
    """
    from fexdata.training.config import describe, resolve
    from fexdata.training.registry import method_class

    if show:
        for name, default, sentence in describe(method_class(method)):
            click.echo(f"{name:<22} {default:<12} {sentence}")
        return 0
    if data is None:
        raise click.UsageError("--data DATASET is missing")
    from fexdata.training.start import resumed, train

    if resume:
        settings, config = resumed(method, data=data, out=out, preset=preset, pairs=pairs, steps=steps, sets=sets)
    else:
        settings, config = resolve(method, data=data, preset=preset, pairs=pairs, steps=steps, sets=sets)
        settings = with_pairs(settings, config)
    run = train(settings, config, out=out, resume=resume)
    if os.environ.get("LOCAL_RANK", "0") == "0":  # with several devices there are several of us
        click.echo(json.dumps(run.read(), sort_keys=True) if as_json else str(run.folder))
    return 0


def with_pairs(settings: TrainConfig, config: MethodConfig) -> TrainConfig:
    """With pairs made from the dataset's own photographs, where coefficients need pairs and there are none
    (SliderGAN, section 4.1)."""
    from fexdata.dataset.reader import open_dataset
    from fexdata.training.pairs import has_pairs
    from fexdata.training.registry import method_class

    needs = method_class(settings.method).needs(config)
    if settings.pairs is not None or not needs.pairs or "expression_params" not in needs.columns:
        return settings
    dataset = open_dataset(settings.data)
    if has_pairs(dataset):
        return settings
    from fexdata.pipeline.progress import Steps
    from fexdata.synthetic.warps.dataset import default_out, warp_dataset

    people, variants = DEMO_WARPS if settings.preset == "demo" else WARPS
    out = default_out(dataset)
    click.echo(f"no pairs in {dataset.name}: warping its photographs, into {out}", err=True)
    with Steps() as progress:
        warp_dataset(
            dataset,
            out,
            people=people,
            variants=variants,
            start=lambda rows: progress.start("warps", rows),
            advance=progress.advance,
        )
    return settings.model_copy(update={"pairs": str(out)})
