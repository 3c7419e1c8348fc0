"""EmotioNet: lists of URLs and three-valued action units beside whatever was downloaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from making import variants

from fexdata.corpora.base import Photograph
from fexdata.corpora.emotionet import EmotioNet
from fexdata.errors import FexdataError

SITE = "http://cbcsnas01.ece.ohio-state.edu/EmotioNet/Images/N_0000000356"


def line(name: str, units: dict[int, int], rest: int = 999) -> str:
    """A line of dataFile_NNNN.txt: two addresses and 60 units."""
    cells = [f"{SITE}/{name}", f"http://example.org/{name}", *(str(units.get(n, rest)) for n in range(1, 61))]
    return "\t".join(cells) + "\n"


def workbook(rows: dict[str, dict[int, int]]) -> str:
    """The hand-coded workbook saved as CSV: a header, and addresses in single quotes."""
    header = ["URL", "URL orig", *(f" 'AU {n}'" for n in range(1, 61))]
    lines = [
        [f"'{SITE}/{name}'", f"'http://example.org/{name}'", *(str(units.get(n, 999)) for n in range(1, 61))]
        for name, units in rows.items()
    ]
    return "".join(",".join(one) + "\n" for one in [header, *lines])


def picture(root: Path, name: str, folder: str = "images/N_0000000356") -> None:
    path = root / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"picture")


def read(root: Path) -> dict[str, Photograph]:
    return {one.key.decode(): one for one in EmotioNet().read(str(root))}


def test_units_are_there_absent_or_unknown(tmp_path: Path) -> None:
    (made,) = variants(1, 0, tmp_path / "images", size=64)
    name = made.path.name
    units = {1: 1, 4: 0, 12: 1, 25: 0}
    (tmp_path / "dataFile_0001.txt").write_text(line(name, units) + "\n")
    (found,) = EmotioNet().read(str(tmp_path))
    assert dict(found.labels) == {"facs": "1 12 -4 -25"}
    assert Path(found.location).read_bytes() == made.path.read_bytes() and found.key == f"images/{name}".encode()


def test_a_picture_of_which_nothing_is_known_has_no_code(tmp_path: Path) -> None:
    picture(tmp_path, "N_1.jpg")
    (tmp_path / "dataFile_0001.txt").write_text(line("N_1.jpg", {}))
    (found,) = read(tmp_path).values()
    assert "facs" not in found.labels and "au" not in found.labels


def test_what_people_coded_goes_before_what_a_program_coded(tmp_path: Path) -> None:
    for name in ("N_1.jpg", "N_2.jpg"):
        picture(tmp_path, name)
    (tmp_path / "dataFile_0001.txt").write_text(line("N_1.jpg", {6: 1}) + line("N_2.jpg", {6: 0}))
    (tmp_path / "EmotioNet_FACS_aws_2020_24600.csv").write_text(workbook({"N_1.jpg": {6: 0, 12: 1}}))
    found = {key.rpartition("/")[2]: one.labels["facs"] for key, one in read(tmp_path).items()}
    assert found == {"N_1.jpg": "12 -6", "N_2.jpg": "-6"}


def test_pictures_are_found_in_any_folder_and_lists_without_any_are_passed_over(tmp_path: Path) -> None:
    picture(tmp_path, "N_1.JPG", "dataFile_0001")
    picture(tmp_path, "N_2.jpg", "flat")
    picture(tmp_path, "holiday.jpg")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "dataFile_0001.txt").write_text("".join(line(f"N_{n}.jpg", {1: 1}) for n in (1, 2, 3)))
    (tmp_path / "lists" / "dataFile_0002.txt").write_text("".join(line(f"N_{n}.jpg", {1: 1}) for n in (3, 4, 5)))
    # N_3 is a row though it is missing: most of its list is there. The second list was never fetched.
    assert sorted(read(tmp_path)) == ["N_3.jpg", "dataFile_0001/N_1.JPG", "flat/N_2.jpg"]


def test_a_download_that_broke_off_is_an_error(tmp_path: Path) -> None:
    picture(tmp_path, "N_1.jpg")
    (tmp_path / "dataFile_0001.txt").write_text("".join(line(f"N_{n}.jpg", {}) for n in (1, 2, 3)))
    with pytest.raises(FexdataError, match=r"lists 3 pictures, 1 of them .*: go on with the download, or take"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"expected lists \(dataFile_0001\.txt .*found none below"),
        ({"EmotioNet_FACS_aws.xlsx": "x"}, r"save .*EmotioNet_FACS_aws\.xlsx as CSV"),
        ({"dataFile_0001.txt": line("N_9.jpg", {})}, r"no picture that .*dataFile_0001\.txt names is below"),
        ({"dataFile_0001.txt": line("N_1.jpg", {3: 7})}, r"line 1: AU 3: expected 0, 1 or 999, found '7'"),
        ({"dataFile_0001.txt": line("N_1.jpg", {})[:-9]}, r"line 1: expected 62 columns, found 60: .*cut off"),
        ({"EmotioNet_FACS_x.csv": "file,AU01_r\n"}, r"expected a header with URL and AU 1 …, found file, AU01_r"),
    ],
)
def test_wrong_folders_and_lists_are_one_line(tmp_path: Path, files: dict[str, str], message: str) -> None:
    picture(tmp_path, "N_1.jpg")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(FexdataError, match=message) as raised:
        read(tmp_path)
    assert "\n" not in str(raised.value)
