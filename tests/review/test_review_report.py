"""The report tells what reviewers found, where there are any."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner
from shorthand import accept, decide, names, reject, wish

from fexdata.cli.report import command
from fexdata.review.desk import Desk


def page_of(dataset: Path) -> str:
    result = CliRunner().invoke(command, [str(dataset)], standalone_mode=False)
    assert result.exception is None
    return (dataset / "report.html").read_text()


def test_a_dataset_that_nobody_reviewed_has_no_such_section(dataset: Path) -> None:
    assert 'id="review"' not in page_of(dataset)


def test_agreement_and_rules_are_on_the_page(open_desk: Callable[..., Desk], dataset: Path) -> None:
    desk = open_desk(double=1.0)
    both = names(desk.next("anna", wish(count=4)))
    decide(desk, "anna", *(reject(name) for name in both))
    found = names(desk.next("ben", wish(count=4)))
    decide(desk, "ben", reject(found[0]), *(accept(name) for name in found[1:]))
    page = page_of(dataset)
    shared = len(set(both) & set(found))
    agreed = int(found[0] in both)
    assert shared > 1
    assert f"agreement anna and ben: {agreed} of {shared}" in page
    assert "reviewer anna: 4 decisions (0 accept, 4 reject, 0 unsure)" in page
    assert "rule low_sharpness (rejected)" in page
