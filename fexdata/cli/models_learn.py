"""`fexdata models learn`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress

    from fexdata.faces.blendshapes.gather import Gathered


@click.command()
@click.argument("source", metavar="DATASET|FOLDER")
@click.option("--components", required=True, type=click.IntRange(1), help="How many to learn.")
@click.option("--signed/--non-negative", default=True, show_default=True,
              help="Whether a coefficient may be negative, or runs from 0 to 1 as a muscle pulls.")  # fmt: skip
@click.option("--name", default="learned", show_default=True, help="What to call the model.")
def learn(source: str, components: int, signed: bool, name: str) -> int:
    """Learn sparse localised components: blendshapes of what people's faces do.

    From the differences between expressive and neutral meshes of the same person, those of a built
    DATASET with subjects (the model is then the embedded head with the components for expressions),
    or of a FOLDER of registered meshes, SUBJECT/neutral.obj with others beside it (the model then has
    their topology; docs/models/formats.md). Components are sorted by how much they explain. They know no left
    and right: train on them with --set mirror=0.

    \b
    fexdata models learn rafd-d --components 30 --name rafd-30
    fexdata models learn /data/scans --components 30 --non-negative --name scans-30
    """
    from fexdata.faces.blendshapes.gather import gather_folder, model_of_folder, model_of_rows
    from fexdata.faces.blendshapes.learn import ROUNDS, learn_blendshapes
    from fexdata.faces.models import registry

    registry.checked_name(name)  # before the hours, not after them
    meshes = _is_folder_of_meshes(source)
    with _bars() as bars:
        if meshes:
            reading = bars.add_task("reading", total=None)
            gathered = gather_folder(
                source,
                start=lambda count: bars.update(reading, total=count),
                advance=lambda count: bars.advance(reading, count),
            )
        else:
            gathered, licence = _of_dataset(source)
        learning = bars.add_task("learning", total=ROUNDS)
        found = learn_blendshapes(gathered.neutral, gathered.expressive, gathered.triangles, components, signed=signed,
                                  advance=lambda count: bars.advance(learning, count))  # fmt: skip
    model = model_of_folder(source, gathered, found, name) if meshes else model_of_rows(gathered, found, name, licence)
    moved = gathered.expressive - gathered.neutral
    left = float(((found.reconstructed(moved, components) - moved) ** 2).sum() / (moved**2).sum())
    click.echo(
        f"{name}: {components} components on {len(model.mean):,} vertices, learned from {len(moved):,} meshes of "
        f"{gathered.subjects:,} people; they explain {100 * (1 - left):.1f} % of what moves",
        err=True,
    )
    click.echo(registry.keep(model))
    return 0


def _bars() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<8}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())


def _is_folder_of_meshes(source: str) -> bool:
    """A folder that is neither a dataset nor called as one."""
    from fexdata.dataset.names import found_datasets
    from fexdata.storage import exists, is_remote, join

    if is_remote(source) or source in found_datasets() or not Path(source).is_dir():
        return False
    return not any(exists(join(source, part)) for part in ("manifest.parquet", "layers"))


def _of_dataset(source: str) -> tuple[Gathered, str]:
    """The pairs of a dataset's accepted rows, and its licence."""
    from fexdata.dataset.reader import open_dataset
    from fexdata.errors import FexdataError
    from fexdata.faces.blendshapes.gather import gather_rows

    dataset = open_dataset(source)
    needed = ["sample_id", "subject", "expression", "geometry", "yaw"]
    if "vertices" not in dataset.metadata["side"] or "geometry" not in dataset.schema.names:
        raise FexdataError(f"{dataset.name} has no vertices to learn from; build it with the stage reconstruct")
    rows = dataset.frame(needed, status="accepted")
    # Only meshes of one topology can be compared; all of fexdata's own have this one.
    rows = rows[rows["geometry"] == "coarse-478"]
    vertices = dataset.side("vertices", rows["sample_id"])
    yaw = rows["yaw"].fillna(0.0).to_numpy(float)
    try:
        gathered = gather_rows(vertices, rows["subject"].tolist(), rows["expression"].tolist(), yaw)
    except FexdataError as error:
        raise FexdataError(f"{dataset.name}: {error}") from None
    return gathered, ", ".join(dataset.metadata["licences"])
