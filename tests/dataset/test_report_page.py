"""The report of a made dataset: read back as HTML, it says what the dataset says."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from dataset_made import Rows, make_dataset

from fexdata.cli.report import command
from fexdata.dataset.reader import open_dataset
from fexdata.dataset.report import sheets, write_report
from fexdata.dataset.report.facts import CODE_MEANINGS, margin, thresholds
from fexdata.dataset.report.facts import Rows as ManifestRows
from fexdata.errors import Code, FexdataError
from fexdata.storage import read_bytes

VOID = {"meta", "img", "br", "link", "input"}
HOSTILE = "x/<script>alert(1)</script>\"onload='x'/\u202egpj.exe & <b>.jpg"


class Page(HTMLParser):
    """Tags with their attributes, the text between them, and whether every tag was closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.words += " " * (tag in ("td", "th"))  # cells stand apart on the page

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.tags if t == tag and all(a.get(k) == v for k, v in attributes.items())]


def report(path: Path) -> str:
    out = path / "report.html"
    write_report(open_dataset(path), str(out))
    return out.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("report"), photographs=24)


@pytest.fixture(scope="module")
def page(made: Path) -> Page:
    return Page(report(made))


def test_page_closes_what_it_opens_and_names_the_dataset(page: Page) -> None:
    assert page.open == []
    for words in ("made", "folder", "CC0-1.0", "0123456789abcdef", "fexdata build made", 'fexdata.open("made")'):
        assert words in page.words


def test_columns_are_listed_with_what_their_fields_declare(page: Page) -> None:
    text = " ".join(page.words.split())
    for words in ("yaw float32 degrees Head rotation. manifest", "depth picture crop px Depth map. shards",
                  "vertices float32 478 × 3 crop px Mesh. Convention: mediapipe-478. side table"):  # fmt: skip
        assert words in text


def test_counts_are_those_of_the_manifest(made: Path, page: Page) -> None:
    counts = open_dataset(made).counts()
    numbers = re.findall(r"(Photographs|Rows|accepted|review|rejected|failed)\s+([\d,]+)", page.words)
    assert {name.lower(): int(count) for name, count in numbers[:6]} == counts
    (bar,) = page.all("svg", **{"class": "status-bar"})
    assert bar["aria-label"] == "Rows by status: 19 accepted, 2 review, 1 rejected, 2 failed"


def test_every_reason_and_failure_code_is_explained(page: Page) -> None:
    text = " ".join(page.words.split())
    for words in ("1 4.2 % too dark", "2 8.3 % blurred", "no face in detect The detector found no face.",
                  "poor fit in reconstruct", "no face was found", "the mesh is 9 px from the landmarks"):  # fmt: skip
        assert words in text


def test_every_failure_code_has_a_sentence() -> None:
    assert set(CODE_MEANINGS) == {str(code) for code in Code}


def test_every_picture_is_inside_and_has_words_in_its_place(page: Page) -> None:
    pictures = page.all("img")
    assert len([p for p in pictures if p["alt"] == "Its depth map"]) == 22  # all but no_face and poor_fit
    assert all((p["src"] or "").startswith("data:image/webp;base64,") and p["alt"] for p in pictures)
    assert all("aria-label" in svg or svg.get("aria-hidden") == "true" for svg in page.all("svg"))


def test_tables_have_headers_with_scope(page: Page) -> None:
    assert page.all("th") and all(th.get("scope") in ("col", "row") for th in page.all("th"))


def test_page_refers_to_nothing_outside(made: Path, page: Page) -> None:
    text = report(made)
    assert not re.search(r"https?:|@import|<script|<link|<iframe|\bon[a-z]+=", text, re.IGNORECASE)
    assert all((a.get("href") or "#").startswith("#") for _, a in page.tags)
    assert set(re.findall(r"url\(([^)]*)\)", text)) <= {"#p-review", "#p-rejected", "#p-failed"}


def test_links_within_the_page_have_targets(page: Page) -> None:
    ids = {a["id"] for _, a in page.tags if a.get("id")}
    assert {(a["href"] or "")[1:] for a in page.all("a")} <= ids


def test_same_dataset_gives_same_bytes(made: Path) -> None:
    assert report(made) == report(made)


def test_report_can_be_written_to_an_object_store(made: Path) -> None:
    write_report(open_dataset(made), "memory://reports/made.html")
    assert read_bytes("memory://reports/made.html").decode() == report(made)


@pytest.mark.parametrize("folder", ["shards", "layers"])
def test_missing_file_is_one_line_that_says_what_to_do(tmp_path: Path, folder: str) -> None:
    path = make_dataset(tmp_path, photographs=6, size=16)
    for file in (path / folder).rglob("*.parquet"):
        file.unlink()
    with pytest.raises(FexdataError, match=r"^a file of made is missing; run `fexdata validate .*$"):
        report(path)


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    def edit(rows: Rows) -> None:
        for row in rows:
            row |= {"source_path": HOSTILE, "expression": "<b>happy", "corpus_label": "<i>"}
            if row["status"] == "failed":
                row["failure_message"] = "<img src=x onerror=alert(1)>\x1b[31m"

    page = Page(report(make_dataset(tmp_path, name="<u>made & co", photographs=8, size=32, edit=edit)))
    assert page.open == []
    for part in ("<script>alert", "<u>made & co", "<b>happy", "\\u202egpj.exe", "<img src=x", "\\u001b[31m"):
        assert part in page.words
    assert not {"script", "u"} & {tag for tag, _ in page.tags}
    assert not {"onload", "onerror"} & {key for _, attributes in page.tags for key in attributes}


def test_dataset_of_failures_only_has_a_page(tmp_path: Path) -> None:
    def edit(rows: Rows) -> None:
        for row in rows:
            kept = {
                k: row[k] for k in ("sample_id", "order", "partition", "corpus", "source_path", "face_slot", "frame")
            }
            row.clear()
            row |= kept | {"status": "failed", "failure_stage": "detect", "failure_code": "empty_file",
                           "failure_message": "0 bytes", "reasons": ["failed"]}  # fmt: skip

    page = Page(report(make_dataset(tmp_path, photographs=6, size=32, edit=edit)))
    assert page.open == [] and not page.all("figure")
    assert "No row has a crop." in page.words and "0 bytes" in page.words


def test_dataset_without_rows_has_a_page(tmp_path: Path) -> None:
    page = Page(report(make_dataset(tmp_path, photographs=6, size=32, edit=lambda rows: rows.clear())))
    assert page.open == [] and "No row has a crop." in page.words


def test_class_accepted_too_rarely_is_pointed_out(tmp_path: Path) -> None:
    def edit(rows: Rows) -> None:
        for index, row in enumerate(sorted(rows, key=lambda row: row["source_path"])):
            row["expression"] = ("happy", "sad")[index % 2]
            row["status"] = "rejected" if index % 2 and index % 8 != 7 else "accepted"

    page = Page(report(make_dataset(tmp_path, photographs=100, size=16, edit=edit)))
    words = " ".join(page.words.split())
    assert "Expression: sad, 24.0 % of 50 rows: 0.39 × the overall rate, and the whole 95 % interval" in words
    assert "Expression: happy" not in words


def test_rules_become_thresholds_and_margins(tmp_path: Path) -> None:
    def rules(metadata: dict[str, Any]) -> None:
        metadata["recipe"]["rules"] = {"reject": {"score_sharpness": 0.1}, "review": {"score_sharpness": 0.4}}

    dataset = open_dataset(make_dataset(tmp_path, photographs=10, size=16, edit_metadata=rules))
    found = margin(ManifestRows(dataset), thresholds(dataset.metadata))
    sharpness = dataset.frame(["score_sharpness"])["score_sharpness"].to_numpy()
    assert found is not None
    np.testing.assert_allclose(found.least, sharpness - 0.4, rtol=1e-5)
    words = Page(report(Path(dataset.path))).words
    assert "review < 0.4" in words and "reject < 0.1" in words


def test_page_does_not_grow_with_the_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "ACCEPTED", 4)
    monkeypatch.setattr(sheets, "BORDERLINE", 3)
    small = report(make_dataset(tmp_path, name="small", photographs=16, size=16))
    large = report(make_dataset(tmp_path, name="large", photographs=160, size=16))
    assert large.count("<figure") == small.count("<figure")


def test_command_writes_the_page_and_prints_where(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    found = CliRunner().invoke(command, [str(made), "--out", str(out)], standalone_mode=False)
    assert (found.return_value, found.stdout) == (0, f"{out}\n")
    assert out.read_text(encoding="utf-8") == report(made)
    assert CliRunner().invoke(command, [str(made)]).stdout == f"{made}/report.html\n"
