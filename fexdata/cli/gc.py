"""`fexdata gc`."""

from __future__ import annotations

import click


@click.command()
@click.argument("dataset")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def command(dataset: str, dry_run: bool) -> int:
    """Remove layers, shards and unfinished files that no build refers to.

    \b
    fexdata gc photos --dry-run
    """
    from fexdata.pipeline.housekeeping import collect_garbage

    removed, size = collect_garbage(dataset, dry_run=dry_run)
    for name in removed:
        click.echo(name)
    click.echo(f"{'would remove' if dry_run else 'removed'} {len(removed):,} files, {size / 1e6:,.1f} MB", err=True)
    return 0
