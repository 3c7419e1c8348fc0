"""`fexdata diff`."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fexdata.dataset.diff import Diff


@click.command()
@click.argument("old")
@click.argument("new")
@click.option("--html", metavar="FILE", help="Also write a page with pictures of the rows that changed status.")
@click.option("--sample", type=click.IntRange(min=1), default=200, show_default=True, metavar="N",
              help="Rows whose pictures and meshes are compared.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the difference as JSON.")
@click.pass_context
def command(ctx: click.Context, old: str, new: str, html: str | None, sample: int, as_json: bool) -> None:
    """What changed between two builds, column by column.

    Exit status 1 when anything differs, 0 when nothing does.

    \b
    fexdata diff data/photos-before photos --html changes.html
    """
    from fexdata.dataset.diff import diff
    from fexdata.dataset.diff_page import write_diff_html
    from fexdata.dataset.reader import open_dataset
    from fexdata.errors import FexdataError

    found = diff(open_dataset(old), open_dataset(new), sample=sample)
    if html is not None:
        try:
            write_diff_html(found, html)
        except OSError as error:
            raise FexdataError(f"cannot write {html}: {error.strerror or error}; choose another --html") from None
    click.echo(json.dumps(_plain(found)) if as_json else str(found))
    ctx.exit(0 if found.is_empty else 1)


def _plain(found: Diff) -> dict[str, Any]:
    return {
        "rows": {"old": len(found.old), "new": len(found.new), "both": found.common},
        "settings": {name: {"old": old, "new": new} for name, (old, new) in found.settings.items()},
        "added": found.added,
        "removed": found.removed,
        "columns": {
            "added": found.columns_added,
            "removed": found.columns_removed,
            "retyped": found.columns_retyped,
            "changed": [
                dataclasses.asdict(change)
                | {"confusion": [{"old": k[0], "new": k[1], "rows": n} for k, n in change.confusion.items()]}
                for change in found.changes
            ],
        },
        "status": [dataclasses.asdict(flip) for flip in found.flips],
    }
