"""`fexdata synth`."""

from __future__ import annotations

import dataclasses
import json

import click


@click.command()
@click.argument("layout")
@click.option("--people", type=int, required=True, help="How many people.")
@click.option("--images", type=int, required=True, help="How many pictures in all.")
@click.option("--out", help="Where the corpus goes. Default: synthetic-LAYOUT under $FEXDATA_HOME or ./data.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed gives other people.")
@click.option("--size", type=int, help="Side of the pictures in pixels. Default: 256; 224 for affectnet-2021.")
@click.option("--model", default="fexdata-head", show_default=True, help="The face model that people have.")
@click.option("--workers", type=click.IntRange(1), help="Worker processes. Default: one per usable core.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(layout: str, out: str | None, as_json: bool, **options: object) -> int:
    """Make a corpus of people who do not exist, with truth, in a real corpus's own layout.

    LAYOUT is folder, affectnet, affectnet-2021, rafd, ckplus, multipie or pairs (same person, camera
    and light, two expressions).

    \b
    fexdata synth affectnet --people 8 --images 64
    fexdata build affectnet-d --source data/synthetic-affectnet

    truth.parquet beside the pictures holds mesh, maps, landmarks, coefficients, action units, pose,
    camera and light of every picture; a build takes some of it with --set truth.use=[au,landmarks].
    The same command goes on where an interrupted one stopped.
    """
    from fexdata import storage
    from fexdata.dataset.names import home_folders
    from fexdata.pipeline.progress import Steps
    from fexdata.synthetic.corpus import synthesise
    from fexdata.synthetic.models import terms

    if options["model"] != "fexdata-head":
        click.echo(terms(str(options["model"])), err=True)
    with Steps() as steps:
        result = synthesise(
            layout,
            out or storage.join(home_folders()[0], f"synthetic-{layout.lower()}"),
            start=lambda total: steps.start("pictures", total),
            advance=steps.advance,
            **options,  # type: ignore[arg-type]
        )
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(result), sort_keys=True))
    else:
        made = f"{result.made:,} made now" if result.made else "all were there"
        click.echo(f"{result.path}: {result.people:,} people, {result.images:,} pictures ({made})")
    return 0
