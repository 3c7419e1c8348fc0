"""Multi-PIE: everything known of a picture is in its name, and two cameras hung upside down."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from fexdata.corpora.base import Photograph
from fexdata.corpora.multipie import MultiPIE
from fexdata.errors import FexdataError
from fexdata.pipeline.chain import _Picture


def _read(root: Path, *names: str) -> list[Photograph]:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture")
    return list(MultiPIE().read(str(root)))


def test_a_name_is_read_whole(tmp_path: Path) -> None:
    (one,) = _read(tmp_path, "session03/multiview/007/03/14_0/007_03_03_140_12.png")
    assert one.labels == {
        "subject": "007",
        "session": "03",
        "recording": "03",
        "illumination": "12",
        "camera_angle": -15.0,
        "corpus_label": "disgust",
        "expression": "disgust",
    }
    assert not one.upside_down


@pytest.mark.parametrize(
    ("recording", "word", "expression"),
    [
        ("01_01", "neutral", "neutral"),
        ("01_02", "smile", "happy"),
        ("02_03", "squint", None),
        ("04_02", "neutral", "neutral"),
        ("04_03", "scream", None),
        ("01_05", None, None),
    ],
)
def test_what_a_recording_shows_depends_on_its_session(
    tmp_path: Path, recording: str, word: str | None, expression: str | None
) -> None:
    (one,) = _read(tmp_path, f"001_{recording}_051_07.png")
    assert (one.labels.get("corpus_label"), one.labels.get("expression")) == (word, expression)


@pytest.mark.parametrize(("camera", "turned"), [("081", True), ("191", True), ("080", False), ("051", False)])
def test_pictures_of_the_hanging_cameras_are_turned_when_read(tmp_path: Path, camera: str, turned: bool) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (6, 9, 3), np.uint8)
    name = f"001_01_01_{camera}_07.png"
    cv2.imwrite(str(tmp_path / name), picture[..., ::-1])
    (one,) = MultiPIE().read(str(tmp_path))
    assert np.array_equal(_Picture(one)(), picture[::-1, ::-1] if turned else picture)


def test_a_folder_without_such_names_says_what_names_look_like(tmp_path: Path) -> None:
    with pytest.raises(FexdataError, match=r"001_01_01_051_07\.png.*found 1 pictures named otherwise, such as 1\.png"):
        _read(tmp_path, "1.png")
