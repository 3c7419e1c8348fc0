"""`fexdata review`."""

from __future__ import annotations

import getpass
import json
from typing import Any

import click


class _DatasetFirst(click.Group):
    """`fexdata review DATASET` serves; `export`, `import` and `stats` are words of their own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = next((one for one in args if not one.startswith("-")), None)
        if first is not None and first not in self.commands:
            args = ["serve", *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "DATASET [OPTIONS] | export | import | stats")


DATABASE = click.option(
    "--database",
    metavar="URL",
    envvar="FEXDATA_REVIEW_DATABASE",
    help="Where the decisions are, for SQLAlchemy; `build` looks into $FEXDATA_REVIEW_DATABASE too. "
    "Default: review/decisions.sqlite beside the dataset.",
)


@click.group(cls=_DatasetFirst)
def command() -> None:
    """Look at rejected and doubtful faces in the browser, and decide.

    \b
    fexdata review photos
    fexdata review photos --reviewer anna --reviewer ben --double 0.1
    fexdata review stats photos
    fexdata review export photos anna.parquet
    fexdata review import photos anna.parquet

    Decisions are kept beside the dataset; the next `fexdata build` applies them.
    `fexdata review serve --help` lists the options.
    """


@command.command()
@click.argument("dataset")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Default: the dataset's own, or any free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Another address opens the page to the network.")
@click.option("--reviewer", "reviewers", multiple=True, metavar="NAME",
              help="Who reviews; may be given again, each gets an address of their own. Default: you.")  # fmt: skip
@click.option("--double", type=click.FloatRange(0, 1), default=0.1, show_default=True,
              help="Share of the faces that a second reviewer judges blind, where there are two.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of random orders and audits.")
@click.option("--checks", type=click.FloatRange(0, 1), default=0.02, show_default=True,
              help="Planted faces with a known answer, per face.")  # fmt: skip
@click.option("--source", metavar="DIR", help="The corpus, to show photographs, where the build does not know it.")
@DATABASE
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def serve(dataset: str, port: int, host: str, reviewers: tuple[str, ...], no_browser: bool, **options: Any) -> None:
    """Serve the review page of DATASET and open it."""
    from fexdata.review.desk import Desk
    from fexdata.review.server import serve as run

    names = tuple(dict.fromkeys(reviewers)) or (getpass.getuser(),)
    desk = Desk(
        dataset,
        reviewers=names,
        database=options["database"],
        double=options["double"],
        seed=options["seed"],
        check_share=options["checks"],
        source=options["source"],
    )
    click.echo(f"{desk.catalog.dataset.name}: {len(desk.catalog):,} rows; Ctrl-C ends, nothing is lost", err=True)
    run(desk, host=host, port=port, browser=not no_browser, say=click.echo)


@command.command("export")
@click.argument("dataset")
@click.argument("file")
@DATABASE
def export(dataset: str, file: str, database: str | None) -> None:
    """Write all decisions on DATASET to a Parquet FILE."""
    from fexdata.review.exchange import export_log

    click.echo(f"{file}: {export_log(_log(dataset, database), file):,} rows")


@command.command("import")
@click.argument("dataset")
@click.argument("file")
@DATABASE
def import_(dataset: str, file: str, database: str | None) -> None:
    """Add the decisions of a Parquet FILE to those on DATASET; what is there already is left alone."""
    from fexdata.review.exchange import import_log

    added, known = import_log(_log(dataset, database), file)
    click.echo(f"{added:,} rows added, {known:,} were there already")


@command.command()
@click.argument("dataset")
@click.option("--precision", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.9, show_default=True,
              help="For which thresholds are suggested.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="That of the review.")
@DATABASE
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def stats(dataset: str, precision: float, seed: int, database: str | None, as_json: bool) -> None:
    """What the decisions on DATASET say about the rules, the reviewers, and the rows nobody saw."""
    from fexdata.review.desk import Desk
    from fexdata.review.stats import statistics
    from fexdata.review.told import summary

    desk = Desk(dataset, database=database, seed=seed)
    found = statistics(desk.catalog, desk.orders, desk.state, wanted=precision)
    click.echo(json.dumps(found) if as_json else summary(found))


def _log(dataset: str, database: str | None) -> Any:
    from fexdata.dataset.reader import open_dataset
    from fexdata.review.decisions import Log
    from fexdata.review.place import database_url

    opened = open_dataset(dataset)
    return Log(database_url(opened.path, database), opened.name)
