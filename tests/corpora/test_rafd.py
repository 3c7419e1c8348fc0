from __future__ import annotations

from pathlib import Path

import pytest
from making import make_rafd

from fexdata.corpora.base import EXPRESSIONS
from fexdata.corpora.rafd import RaFD
from fexdata.errors import FexdataError


def _labels(source: Path, *names: str) -> dict[str, dict[str, object]]:
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()
    return {photograph.key.decode(): dict(photograph.labels) for photograph in RaFD().read(str(source))}


def test_a_made_corpus_reads_back_its_truth(tmp_path: Path) -> None:
    made = make_rafd(tmp_path, people=2, cameras=("045", "090"), gazes=("left", "frontal"), size=64)
    assert len(made) == 2 * 8 * 2 * 2
    read = {photograph.key: photograph.labels for photograph in RaFD().read(str(tmp_path))}
    assert read.keys() == {one.key for one in made}
    for one in made:
        assert (read[one.key]["expression"], read[one.key]["subject"]) == (one.expression, one.subject)
    assert {labels["expression"] for labels in read.values()} == set(EXPRESSIONS)


def test_a_name_says_everything(tmp_path: Path) -> None:
    labels = _labels(tmp_path, "Rafd045_07_Moroccan_male_contemptuous_left.jpg")
    assert list(labels.values()) == [
        {
            "expression": "contempt",
            "corpus_label": "contemptuous",
            "subject": "07",
            "camera_angle": -45.0,
            "gaze": "left",
        }
    ]


@pytest.mark.parametrize(
    ("camera", "angle"), [("000", -90.0), ("045", -45.0), ("090", 0.0), ("135", 45.0), ("180", 90.0)]
)
def test_angles_are_signed_from_frontal(tmp_path: Path, camera: str, angle: float) -> None:
    labels = _labels(tmp_path, f"Rafd{camera}_01_Kid_female_sad_right.jpg")
    assert [one["camera_angle"] for one in labels.values()] == [angle]


def test_subfolders_and_any_case_are_accepted_and_other_files_yield_nothing(tmp_path: Path) -> None:
    good = {"Rafd090_01_Caucasian_female_angry_frontal.jpg", "kids/RAFD090_72_Kid_Female_Happy_Left.JPG"}
    other = {"cover.jpg", "Rafd090_01_Caucasian_female_bored_frontal.jpg", "Rafd090_01_Caucasian_female_sad.jpg"}
    labels = _labels(tmp_path, *good, *other)
    assert labels.keys() == good
    assert labels["kids/RAFD090_72_Kid_Female_Happy_Left.JPG"]["expression"] == "happy"


def test_folder_without_rafd_names_says_what_names_look_like(tmp_path: Path) -> None:
    with pytest.raises(FexdataError, match=r"Rafd090_01.*found 2 pictures named otherwise, such as a\.jpg"):
        _labels(tmp_path, "a.jpg", "b.png", "c.txt")
    with pytest.raises(FexdataError, match=r"rafd: expected a folder .*found nothing"):
        _labels(tmp_path / "nowhere")
