"""`fexdata validate`."""

from __future__ import annotations

import dataclasses
import json

import click


@click.command()
@click.argument("dataset")
@click.option("--card", metavar="CARD", help="Card to check against, by name or path. Default: the recipe's own.")
@click.option("--sample", type=click.IntRange(min=0), metavar="N", help="Decode the pictures of N rows only.")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the problems as a JSON list.")
@click.pass_context
def command(
    ctx: click.Context, dataset: str, card: str | None, sample: int | None, strict: bool, as_json: bool
) -> None:
    """Check a finished dataset against its card, down to every picture.

    Prints one line per problem. Warnings say how the build differs from the paper's own, and which
    labels and annotations look wrong; only errors make the exit status 1, unless with --strict.

    \b
    fexdata validate photos
    fexdata validate affectnet-d --sample 1000
    """
    from fexdata.dataset.card import load_card
    from fexdata.dataset.reader import open_dataset
    from fexdata.dataset.validate import card_for, validate

    opened = open_dataset(dataset)
    held = load_card(card) if card else card_for(opened)
    problems = validate(opened, card=held, sample=sample)
    errors = sum(problem.severity == "error" for problem in problems)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(problem) for problem in problems]))
    else:
        for problem in problems:
            click.echo(str(problem))
    rows = f"{len(opened):,} rows against the card {held.name}"
    click.echo(f"{opened.name}: {rows}: {errors} errors, {len(problems) - errors} warnings", err=True)
    ctx.exit(1 if errors or (strict and problems) else 0)
