"""OpenFace's files: the same numbers whatever the order, spacing and number of columns."""

from __future__ import annotations

import importlib.util
import stat
from pathlib import Path

import numpy as np
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.action_units.openface import COLUMNS, Folder, Reading, best_reading, read_csv, run_binary

VALUES = {column: f"{0.25 * index:.2f}" for index, column in enumerate(COLUMNS.values())}


def text(columns: dict[str, str], *, spaces: bool = False) -> list[str]:
    join = ", " if spaces else ","
    return [join.join(columns), join.join(columns.values())]


def one(lines: list[str]) -> Reading:
    (reading,) = read_csv(lines, "a.csv")
    return reading


def test_order_spaces_and_other_columns_change_nothing() -> None:
    plain = {"face": "0", "confidence": "0.98", **VALUES}
    tracked = {"frame": "1", "timestamp": "0", **dict(reversed(plain.items())), "success": "1", "AU28_c": "1"}
    assert one(text(plain)).au == one(text(tracked, spaces=True)).au
    assert one(text(plain)).au == {name: float(VALUES[column]) for name, column in COLUMNS.items()}


def test_an_action_unit_that_is_not_there_is_none_and_shifts_no_other() -> None:
    lacking = {column: value for column, value in VALUES.items() if column != "AU09_r"}
    whole, without = one(text({"frame": "1", **VALUES})).au, one(text({"frame": "1", **lacking})).au
    assert without["AU9"] is None
    assert {name: value for name, value in without.items() if name != "AU9"} == {
        name: value for name, value in whole.items() if name != "AU9"
    }


def test_presence_columns_are_not_taken_for_intensities() -> None:
    shuffled = {column.replace("_r", "_c"): "1" for column in COLUMNS.values()} | {"face": "0", **VALUES}
    assert one(text(shuffled)).au["AU12"] == float(VALUES["AU12_r"])


def test_what_is_no_number_is_none_and_grades_stay_on_the_scale() -> None:
    found = one(text({"face": "0", **VALUES, "AU01_r": "nan", "AU02_r": "", "AU04_r": "5.7", "AU05_r": "-0.2"})).au
    assert (found["AU1"], found["AU2"], found["AU4"], found["AU5"]) == (None, None, 5.0, 0.0)


def test_openfaces_own_file_reads() -> None:
    spec = importlib.util.find_spec("feat")
    assert spec is not None and spec.origin is not None
    path = Path(spec.origin).parent / "tests" / "data" / "OpenFace_Test.csv"
    readings = read_csv(path.read_text().splitlines(), path.name)
    header, first = (line.split(",") for line in path.read_text().splitlines()[:2])
    place = [column.strip() for column in header].index("AU12_r")
    assert readings[0].au["AU12"] == float(first[place])
    assert readings[0].frame == 1 and readings[0].points is not None and readings[0].points.shape == (68, 2)


@pytest.mark.parametrize(
    ("header", "tool"),
    [
        ("FaceRectX,FaceRectY,AU01,AU02,anger", "py-feat"),
        ("file,browInnerUp,jawOpen", "MediaPipe"),
        ("TimeStamp,Brow Furrow,Smile", "Affectiva"),
        ("name,score", "not a CSV file of OpenFace"),
        ("frame, timestamp, confidence, success, x_0", "-aus"),
    ],
)
def test_the_table_of_another_tool_is_refused_by_name(header: str, tool: str) -> None:
    with pytest.raises(FexdataError, match=tool) as error:
        read_csv([header, "1,2,3"], "a.csv")
    assert "a.csv" in str(error.value)


def face(x: float, *, success: str = "1", smile: str = "1") -> dict[str, str]:
    points = {f"x_{i}": str(x + i % 9) for i in range(68)} | {f"y_{i}": str(50 + i // 9) for i in range(68)}
    return {"face": "0", "confidence": "0.9", "success": success, **VALUES, "AU12_r": smile, **points}


def test_of_several_faces_the_one_at_the_place_is_taken() -> None:
    rows = [face(10, smile="1"), face(200, smile="2"), face(100, smile="3", success="0")]
    readings = read_csv([text(rows[0])[0], *(text(row)[1] for row in rows)], "a.csv")

    def at(x: float) -> Reading | None:
        return best_reading(readings, np.array([[x + i % 9, 50 + i // 9] for i in range(68)], float))

    near, far, failed = at(201), at(11), at(100)
    assert near is not None and near.au["AU12"] == 2.0
    assert far is not None and far.au["AU12"] == 1.0
    assert failed is None, "a face that OpenFace did not track has no numbers"


def test_without_points_a_face_is_taken_only_where_it_is_the_only_one() -> None:
    lines = text({"face": "0", "confidence": "0.9", **VALUES})
    assert best_reading(read_csv(lines, "a.csv"), None) is not None
    assert best_reading(read_csv([*lines, lines[1]], "a.csv"), None) is None


def test_files_are_found_by_path_and_films_by_frame(tmp_path: Path) -> None:
    (tmp_path / "s1").mkdir()
    (tmp_path / "s1" / "b.csv").write_text("\n".join(text({"face": "0", "confidence": "1", **VALUES})))
    film = text({"frame": "1", "success": "1", **VALUES, "AU12_r": "1"}, spaces=True)
    film += text({"frame": "2", "success": "1", **VALUES, "AU12_r": "4"}, spaces=True)[1:]
    (tmp_path / "film.csv").write_text("\n".join(film))
    folder = Folder(tmp_path)
    assert len(folder.readings("s1/b.jpg", 0)) == 1 and folder.readings("s2/b.jpg", 0) == []
    assert [reading.au["AU12"] for reading in folder.readings("film.mp4", 1)] == [4.0]
    assert [path for path, _, _ in folder.stamps()] == ["film.csv", "s1/b.csv"]


def test_a_folder_without_files_or_of_another_tool_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(FexdataError, match="no CSV files"):
        Folder(tmp_path)
    (tmp_path / "a.csv").write_text("FaceRectX,AU01\n1,2\n")
    with pytest.raises(FexdataError, match=r"a\.csv is a table of py-feat"):
        Folder(tmp_path)


def test_a_local_program_is_run_on_the_pictures(tmp_path: Path) -> None:
    program = tmp_path / "FaceLandmarkImg"
    csv = "\\n".join(text({"face": "0", "confidence": "1", **VALUES}))
    program.write_text(
        '#!/bin/sh\nmkdir -p "$4"\nfor f in "$2"/*.png; do '
        f'case "$f" in *000001.png) ;; *) printf "{csv}\\n" > "$4/$(basename "$f" .png).csv";; esac; done\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    seen = run_binary(program, [np.zeros((16, 16, 3), np.uint8)] * 3)
    assert [len(readings) for readings in seen] == [1, 0, 1]
    assert seen[0][0].au["AU26"] == float(VALUES["AU26_r"])


def test_a_program_that_is_not_there_or_fails_is_one_line(tmp_path: Path) -> None:
    picture = [np.zeros((8, 8, 3), np.uint8)]
    with pytest.raises(FexdataError, match="is not there"):
        run_binary(tmp_path / "none", picture)
    program = tmp_path / "FaceLandmarkImg"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(FexdataError, match="failed"):
        run_binary(program, picture)
