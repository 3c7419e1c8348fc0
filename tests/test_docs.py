"""The documentation keeps up with the code: what it names is there, and its pictures are small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text())
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_name_of_fexdata_exists(page: Path) -> None:
    import pydoc

    names = {match.rstrip(".") for match in re.findall(r"`(fexdata(?:\.\w+)+)", page.read_text())}
    groups = {"fexdata.corpora", "fexdata.stages"}  # of entry points, and packages, too
    missing = [name for name in sorted(names - groups) if pydoc.locate(name) is None]
    assert missing == []


def test_every_column_of_the_conventions_is_written_by_a_stage() -> None:
    from fexdata.stages.registry import known, stage

    text = (ROOT / "docs" / "conventions.md").read_text()
    cells = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", text, re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"\w+", cell)}
    shipped = {"detect", "align", "reconstruct", "rasterize"} & set(known())
    written = {name for one in shipped for name in stage(one, {}).schema().names}
    assert len(named) >= 8 and named <= written


@pytest.mark.parametrize(("name", "limit"), [("angles.png", 100_000), ("example.jpg", 150_000)])
def test_the_pictures_are_small(name: str, limit: int) -> None:
    assert 10_000 < (ROOT / "docs" / name).stat().st_size < limit


def test_the_picture_of_the_angles_is_drawn_with_the_signs_of_the_table() -> None:
    from fexdata.faces.canonical import canonical_vertices
    from fexdata.faces.pose import rotation

    nose, eyes = canonical_vertices()[4].astype(float), canonical_vertices()[[33, 263]].astype(float)
    assert (rotation(30, 0, 0) @ nose)[0] < -1  # the nose points to the left of the picture
    assert (rotation(0, 30, 0) @ nose)[1] > nose[1] + 1  # down
    left, right = eyes @ rotation(0, 0, 30).T
    assert left[0] < right[0] and right[1] > left[1] + 1  # the eye on the right is lower
