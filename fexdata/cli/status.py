"""`fexdata status`."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("dataset")
@click.option("--json", "as_json", is_flag=True, help="Print the status as JSON.")
def command(dataset: str, as_json: bool) -> int:
    """How far a build is and what it found.

    \b
    fexdata status photos
    """
    from fexdata.dataset.schema import STATUSES
    from fexdata.pipeline.housekeeping import status

    found = status(dataset)
    if as_json:
        click.echo(json.dumps(found, sort_keys=True))
        return 0
    done, planned = found["files_present"], found["files_planned"]
    click.echo(
        f"{found['path']}: recipe {found['recipe']}, {'being built now' if found['running'] else 'no build runs'}"
    )
    click.echo(f"  layers and shards  {done:,} of {planned:,} present")
    for stage, (have, want) in found["stages"].items():
        click.echo(f"    {stage:<18} {have:,} of {want:,}")
    if found["counts"] is not None:
        if done < planned:
            click.echo("  of the last finished build:")
        for name in ("photographs", "rows", *STATUSES):
            click.echo(f"  {name:<18} {found['counts'][name]:,}")
    if done < planned and not found["running"]:
        click.echo("  not finished: run the same `fexdata build` again, it goes on where it stopped")
    return 0
