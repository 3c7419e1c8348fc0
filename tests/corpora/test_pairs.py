"""Pairs: the list says what belongs together, and mistakes in it are named by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fexdata.corpora.pairs import Pairs
from fexdata.errors import FexdataError

HEADER = "file,group,subject,expression,role\n"


def _read(root: Path, *lines: str, header: str = HEADER) -> list[dict[str, object]]:
    (root / "pairs.csv").write_text(header + "".join(f"{line}\n" for line in lines))
    return [{"key": one.key.decode(), **one.labels} for one in Pairs().read(str(root))]


def test_lines_become_labels_and_empty_cells_none(tmp_path: Path) -> None:
    first, second = _read(tmp_path, "x/a.jpg,g1,ann,neutral,neutral", "x/b.jpg,g1,ann,,")
    assert first == {
        "key": "x/a.jpg",
        "pair_group": "g1",
        "subject": "ann",
        "expression": "neutral",
        "corpus_label": "neutral",
        "frame_role": "neutral",
    }
    assert second == {"key": "x/b.jpg", "pair_group": "g1", "subject": "ann"}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a.jpg,g1,ann,,"], "group 'g1' has 1 lines, expected at least 2"),
        (["a.jpg,g1,ann,,", "a.jpg,g1,ann,,"], "file 'a.jpg' has 2 lines, expected 1 line"),
        (["a.jpg,g1,ann,joy,", "b.jpg,g1,ann,,"], r"line 2: unknown expression 'joy'; known: neutral, happy"),
        (["a.jpg,g1,ann,,", "b.jpg,g1,ann,,peak"], r"line 3: unknown role 'peak'; known: neutral, onset"),
        (["a.jpg,g1,,,", "b.jpg,g1,,,"], "line 2: group and subject must not be empty"),
        ([], "expected the columns file,group,subject,expression,role and at least one line"),
    ],
)
def test_mistakes_in_the_list_are_one_line(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(FexdataError, match=message):
        _read(tmp_path, *lines)


def test_a_folder_without_a_list_and_a_list_without_a_column_are_named(tmp_path: Path) -> None:
    with pytest.raises(FexdataError, match=r"pairs: cannot read .*pairs\.csv"):
        list(Pairs().read(str(tmp_path)))
    with pytest.raises(FexdataError, match="expected the columns file,group"):
        _read(tmp_path, "a.jpg,g1", header="file,group\n")
