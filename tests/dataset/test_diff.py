import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from dataset_made import Rows, encode, make_dataset

from fexdata.cli.diff import command
from fexdata.dataset.diff import Diff, diff, moved
from fexdata.dataset.diff_page import data_url, write_diff_html
from fexdata.dataset.reader import open_dataset


def difference(tmp_path: Path, edit=None, **new) -> Diff:  # type: ignore[no-untyped-def]
    old = make_dataset(tmp_path / "old", photographs=24, size=32)
    return diff(
        open_dataset(old),
        open_dataset(make_dataset(tmp_path / "new", **({"photographs": 24} | new), size=32, edit=edit)),
    )


def changes(found: Diff) -> dict[str, object]:
    return {change.name: change for change in found.changes}


def test_a_dataset_does_not_differ_from_itself(tmp_path: Path) -> None:
    found = difference(tmp_path)
    assert found.is_empty and found.common == 24 and str(found).endswith("nothing changed")


def test_added_and_removed_photographs_move_nothing_else(tmp_path: Path) -> None:
    found = difference(tmp_path, photographs=30)
    assert (len(found.added), len(found.removed), found.common) == (6, 0, 24)
    assert not found.changes and not found.flips and not found.is_empty
    back = diff(found.new, found.old)
    assert back.removed == found.added and back.added == []


def test_numbers_vectors_and_words_are_measured_in_their_own_way(tmp_path: Path) -> None:
    def edit(rows: Rows) -> None:
        accepted = [row for row in rows if row["status"] == "accepted"]
        for row, step in zip(accepted[:3], (1.0, 2.0, 7.0), strict=True):
            row["yaw"] += step
            row["landmarks_68"][4] -= step
        accepted[0]["expression"] = accepted[1]["expression"] = None

    found = changes(difference(tmp_path, edit))
    yaw, points, words = found["yaw"], found["landmarks_68"], found["expression"]
    assert set(found) == {"yaw", "landmarks_68", "expression"}
    assert (yaw.rows, yaw.changed) == (24, 3) and (yaw.median, yaw.largest) == pytest.approx((2, 7), abs=1e-4)
    assert points.changed == 3 and points.largest == pytest.approx(7, abs=1e-3)
    assert words.changed == 2 and all(new == "none" for _, new in words.confusion)


def test_rows_that_changed_status_are_listed_with_their_reasons(tmp_path: Path) -> None:
    def edit(rows: Rows) -> None:
        row = next(row for row in rows if row["status"] == "rejected")
        row.update(status="accepted", reasons=[])

    found = difference(tmp_path, edit)
    (flip,) = found.flips
    assert (flip.old, flip.new, flip.old_reasons, flip.new_reasons) == (
        "rejected",
        "accepted",
        ("too_dark", "blurred"),
        (),
    )
    assert changes(found)["status"].confusion == {("rejected", "accepted"): 1}
    assert "rejected -> accepted: 1" in str(found)


def test_pictures_and_meshes_are_compared_by_value(tmp_path: Path) -> None:
    def edit(rows: Rows) -> None:
        row = next(row for row in rows if row["status"] == "accepted")
        row["mask"] = encode(np.full((32, 32), 3, np.uint8))
        row["vertices"] = row["vertices"] + 0.5

    found = changes(difference(tmp_path, edit))
    assert set(found) == {"mask", "vertices"}
    assert found["mask"].changed == 1 and found["mask"].largest == 3
    assert found["vertices"].largest == pytest.approx(0.5, abs=1e-3)


def test_null_against_a_number_is_a_change_without_a_distance() -> None:
    nan = float("nan")
    change = moved("yaw", np.array([nan, 1.0, nan, 4.0]), np.array([nan, nan, 2.0, 4.5]))
    assert (change.changed, change.median, change.largest) == (3, 0.5, 0.5)
    assert moved("box", np.zeros((2, 4)), np.zeros((2, 5))).changed == 2


def test_columns_that_came_and_went_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataset_made

    from fexdata.dataset.fields import column

    old = make_dataset(tmp_path / "old", photographs=8, size=16)
    fields = [field for field in dataset_made.STAGE_FIELDS if field.name not in ("roll", "pitch")]
    fields += [column("gaze_x", pa.float32(), "new"), column("pitch", pa.float64(), "wider")]
    monkeypatch.setattr(dataset_made, "STAGE_FIELDS", fields)
    found = diff(open_dataset(old), open_dataset(make_dataset(tmp_path / "new", photographs=8, size=16)))
    assert (found.columns_added, found.columns_removed, found.columns_retyped) == (["gaze_x"], ["roll"], ["pitch"])


def test_the_page_is_one_file_with_pictures_of_the_flipped_rows(tmp_path: Path) -> None:
    def edit(rows: Rows) -> None:
        for row in rows:
            row["status"] = {"review": "accepted", "rejected": "<b>"}.get(row["status"], row["status"])

    found = difference(tmp_path, edit)
    write_diff_html(found, str(tmp_path / "diff.html"), limit=2)
    page = (tmp_path / "diff.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 2 * 2 * 2  # rows, builds, crop and depth
    assert "The first 2 of 3 are shown" in page and "<code>status</code>" in page
    assert "&lt;b&gt;" in page and "<b><b>" not in page
    assert page.count("<br><small>") == 2  # which photograph
    assert "http" not in page and 'src="data:' in page


def test_nearer_is_lighter_and_nothing_is_black_in_a_shown_depth_map() -> None:
    import base64
    import io

    from PIL import Image

    depth = np.zeros((30, 90), np.uint16)
    depth[:, 30:60], depth[:, 60:] = 32768 - 2000, 32768 + 2000
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(data_url(depth).split(",")[1]))))
    none, far, near = (shown[15, x] for x in (15, 45, 75))
    assert none < 10 < far < 128 < near


def test_the_command_exits_1_when_something_differs(tmp_path: Path) -> None:
    found = difference(tmp_path, lambda rows: rows[-1].update(yaw=3.25), photographs=25)
    old, new = found.old.path, found.new.path
    same = CliRunner().invoke(command, [old, old])
    assert same.exit_code == 0 and "nothing changed" in same.stdout
    page = str(tmp_path / "page.html")
    told = CliRunner().invoke(command, [old, new, "--json", "--html", page])
    assert told.exit_code == 1 and Path(page).stat().st_size > 1000
    plain = json.loads(told.stdout)
    assert plain["rows"] == {"old": 24, "new": 25, "both": 24} and len(plain["added"]) == 1
    assert [change["name"] for change in plain["columns"]["changed"]] == ["yaw"]


def test_builds_without_a_common_row_differ_in_every_row(tmp_path: Path) -> None:
    old = make_dataset(tmp_path / "old", photographs=8, size=16)
    new = make_dataset(tmp_path / "new", photographs=8, size=16, seed=1)
    found = diff(open_dataset(old), open_dataset(new))
    assert (found.common, len(found.added), len(found.removed)) == (0, 8, 8)
    assert found.changes == [] and not found.is_empty
    write_diff_html(found, str(tmp_path / "diff.html"))


def test_settings_that_differ_are_told_even_where_no_row_does(tmp_path: Path) -> None:
    def choose(size: int, **more: int):  # type: ignore[no-untyped-def]
        stages = {"align": {"size": size, "template": "five_point"}, **more}
        return lambda metadata: metadata.update(recipe={"stages": stages, "seed": 0, "about": f"size {size}"})

    old = make_dataset(tmp_path / "old", photographs=8, size=16, edit_metadata=choose(256))
    new = make_dataset(tmp_path / "new", photographs=8, size=16, edit_metadata=choose(128, hash=7))
    found = diff(open_dataset(old), open_dataset(new))
    assert found.settings == {"stages.align.size": ("256", "128"), "stages.hash": ("none", "7")}
    assert found.is_empty and "setting  stages.align.size: 256 -> 128" in str(found)
    assert str(found).endswith("no row changed")
    write_diff_html(found, str(tmp_path / "diff.html"))
    assert "<td>256<td>128" in (tmp_path / "diff.html").read_text()
