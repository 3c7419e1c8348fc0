"""`fexdata build`."""

from __future__ import annotations

import dataclasses
import json

import click


@click.command()
@click.argument("recipe")
@click.option("--source", required=True, help="The corpus: a directory or a URL such as s3://bucket/AffectNet.")
@click.option("--out", help="Where the dataset goes. Default: its name under $FEXDATA_HOME or ./data.")
@click.option("--workers", type=click.IntRange(1), help="Worker processes. Default: one per usable core.")
@click.option("--scheduler", metavar="ADDRESS", help="Use a running Dask cluster instead of a local one.")
@click.option("--set", "sets", multiple=True, metavar="STAGE.KEY=VALUE",
              help="Change one setting of the recipe; may be given again. Also rules.review.quality=0.6.")  # fmt: skip
@click.option("--without", multiple=True, metavar="STAGE", help="Leave a stage out; may be given again.")
@click.option("--limit", type=click.IntRange(1), help="Only so many photographs, chosen by hash.")
@click.option("--retry-failed", is_flag=True, help="Try again what failed before.")
@click.option("--verify", is_flag=True, help="Hash every file again, even where size and date are unchanged.")
@click.option("--dry-run", is_flag=True, help="Say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(recipe: str, source: str, as_json: bool, **options: object) -> int:
    """Make a dataset from a corpus of photographs, or bring one up to date.

    RECIPE is photos, affectnet-d, rafd-d, ckplus, multipie, pairs, or the path of a recipe's YAML file;
    emotionet-warped makes pairs of a dataset that is built, which is then the --source; rendered-4dfab
    makes them of a folder of people's meshes and textures.

    \b
    fexdata build photos --source ~/Pictures
    fexdata build affectnet-d --source /data/AffectNet --set align.size=128

    The same command goes on where an interrupted one stopped. Exit status: 0 every photograph
    became a row with a face, 1 done but some rows failed, 2 wrong usage.
    """
    from fexdata.pipeline.build import build

    result = build(recipe, source, quiet=False, **options)  # type: ignore[arg-type]
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(result), sort_keys=True))
    elif not result.committed:
        _say_plan(result.todo, result.counts["photographs"])
    else:
        counts = result.counts
        click.echo(
            f"{result.path}: {counts['photographs']:,} photographs, {counts['rows']:,} rows: "
            + ", ".join(f"{counts[status]:,} {status}" for status in ("accepted", "review", "rejected", "failed"))
        )
        click.echo(f"layers: {result.made_layers:,} made, {result.reused_layers:,} reused", err=True)
        if counts["failed"]:
            _say_failures(result.path)
    return 1 if result.counts.get("failed") else 0


def _say_plan(todo: dict[str, int], photographs: int) -> None:
    missing = {stage: partitions for stage, partitions in todo.items() if partitions}
    click.echo(f"{photographs:,} photographs" + ("" if missing else ", every layer is there: nothing to compute"))
    for stage, partitions in missing.items():
        click.echo(f"  {stage:<18} {partitions:,} partitions to make")


def _say_failures(path: str) -> None:
    from fexdata.dataset.reader import open_dataset

    codes = open_dataset(path).frame(["failure_code"], status="failed")["failure_code"].value_counts()
    told = ", ".join(f"{count:,} {code}" for code, count in codes.items())
    click.echo(f"failed: {told} (`fexdata report {path}` shows which)", err=True)
