"""`fexdata report`."""

from __future__ import annotations

import json

import click

PRECISION = 0.9
"""For which thresholds are suggested, as `fexdata review stats` does by default."""


@click.command()
@click.argument("dataset")
@click.option("--out", metavar="FILE", help="Where to write it, a path or URL. Default: report.html in the dataset.")
@click.option("--json", "as_json", is_flag=True, help="Print the path as JSON.")
def command(dataset: str, out: str | None, as_json: bool) -> int:
    """One HTML page about a dataset: counts, acceptance, measurements, faces.

    The page is one file that needs nothing else: no network, no script. Its size does not grow
    with the dataset.

    \b
    fexdata report photos
    fexdata report affectnet-d --out affectnet-d.html
    """
    from fexdata import storage
    from fexdata.dataset.reader import open_dataset
    from fexdata.dataset.report import write_report
    from fexdata.errors import FexdataError

    opened = open_dataset(dataset)
    path = out or storage.join(opened.path, "report.html")
    try:
        write_report(opened, path, review=_review(opened.path))
    except OSError as error:
        raise FexdataError(f"cannot write {path}: {error.strerror or error}; choose another --out") from None
    click.echo(json.dumps({"path": path}) if as_json else path)
    return 0


def _review(dataset: str) -> list[str]:
    """What `fexdata review stats` says, where somebody has reviewed."""
    from fexdata.review.place import has_decisions

    if not has_decisions(dataset):
        return []
    from fexdata.review.desk import Desk
    from fexdata.review.stats import statistics
    from fexdata.review.told import summary

    desk = Desk(dataset)
    return summary(statistics(desk.catalog, desk.orders, desk.state, wanted=PRECISION)).splitlines()
