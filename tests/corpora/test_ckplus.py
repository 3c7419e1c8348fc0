"""CK+: what a frame's place in its sequence and the files beside it say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fexdata.corpora.base import Photograph
from fexdata.corpora.ckplus import CKPlus
from fexdata.errors import FexdataError


def _frame(root: Path, subject: str, sequence: str, number: int, images: str = "cohn-kanade-images") -> str:
    stem = f"{subject}/{sequence}/{subject}_{sequence}_{number:08d}"
    path = root / images / f"{stem}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"picture")
    return stem


def _note(root: Path, folder: str, stem: str, kind: str, text: str) -> None:
    path = root / folder / f"{stem}_{kind}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _read(root: Path) -> dict[str, Photograph]:
    return {one.key.decode(): one for one in CKPlus().read(str(root))}


def test_first_frame_is_neutral_the_last_has_the_label_and_the_others_none(tmp_path: Path) -> None:
    stems = [_frame(tmp_path, "S005", "001", number) for number in (1, 2, 3)]
    _note(tmp_path, "Emotion", stems[-1], "emotion", "   6.0000000e+00\n")
    found = list(_read(tmp_path).values())
    assert [one.frame for one in found] == [1, 2, 3]
    assert [one.labels["frame_role"] for one in found] == ["neutral", "onset", "apex"]
    assert [one.labels.get("expression") for one in found] == ["neutral", None, "sad"]
    assert found[-1].labels["corpus_label"] == "sadness"
    assert {(one.labels["subject"], one.labels["sequence"]) for one in found} == {("S005", "S005/001")}


def test_a_sequence_without_an_emotion_has_a_peak_without_a_label(tmp_path: Path) -> None:
    stems = [_frame(tmp_path, "S010", "002", number) for number in (1, 9)]
    (tmp_path / "Emotion" / "S010" / "002").mkdir(parents=True)
    peak = _read(tmp_path)[f"cohn-kanade-images/{stems[-1]}.png"]
    assert peak.labels["frame_role"] == "apex" and "expression" not in peak.labels


def test_facs_intensities_become_grades_and_zero_is_not_graded(tmp_path: Path) -> None:
    stems = [_frame(tmp_path, "S011", "001", number) for number in (1, 2)]
    rows = "   4.0000000e+00   3.0000000e+00\n   1.7000000e+01   0.0000000e+00\n   9.0000000e+00   5.0000000e+00\n"
    _note(tmp_path, "FACS", stems[-1], "facs", rows)
    found = list(_read(tmp_path).values())
    assert [one.labels.get("facs") for one in found] == [None, "4C 17 9E"]


def test_annotations_are_found_however_the_archives_were_unpacked(tmp_path: Path) -> None:
    stems = [_frame(tmp_path, "S005", "001", number, images="extended/cohn-kanade-images") for number in (1, 2)]
    _note(tmp_path, "Emotion_labels/Emotion", stems[-1], "emotion", "   1.0000000e+00\n")
    points = np.arange(136.0).reshape(68, 2)
    text = "".join(f"   {x:.7e}   {y:.7e}\n" for x, y in points)
    _note(tmp_path, "Landmarks/Landmarks", stems[0], "landmarks", text)
    (tmp_path / "Emotion_labels" / ".DS_Store").write_text("rubbish")
    first, last = _read(tmp_path).values()
    assert last.labels["expression"] == "anger"
    assert first.points is not None and np.array_equal(first.points, points) and last.points is None


def test_wrong_folders_and_wrong_numbers_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(FexdataError, match=r"ckplus: expected names like S005_001_00000001\.png"):
        _read(tmp_path)
    stems = [_frame(tmp_path, "S005", "001", number) for number in (1, 2)]
    _note(tmp_path, "Emotion", stems[-1], "emotion", "9\n")
    with pytest.raises(FexdataError, match="expected an emotion from 0 to 7, found 9"):
        _read(tmp_path)
    _note(tmp_path, "Emotion", stems[-1], "emotion", "happy\n")
    with pytest.raises(FexdataError, match=r"_emotion\.txt cannot be read"):
        _read(tmp_path)
