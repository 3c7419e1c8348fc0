"""The stage: columns of every tool, the first one as `au`, and plain words for what is missing."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from making import real_photographs

from fexdata.dataset.fields import meta, names_of
from fexdata.dataset.mirror import mirror
from fexdata.errors import Code, Failure, FexdataError
from fexdata.faces.action_units.openface import COLUMNS
from fexdata.faces.action_units.schemes import ARKIT, GEOMETRIC, OPENFACE
from fexdata.faces.landmarks import MIRROR_478, mirrored, to_68
from fexdata.stages.action_units import ActionUnits
from fexdata.stages.base import Row

TASK = Path(__file__).parents[3] / "shared" / "assets" / "mediapipe" / "face_landmarker.task"
needs_task = pytest.mark.skipif(not TASK.is_file(), reason="needs ../shared/assets/mediapipe/face_landmarker.task")


def stage(**settings: Any) -> ActionUnits:
    return ActionUnits(ActionUnits.Config(**settings))


@functools.cache
def _face(name: str) -> tuple[np.ndarray, np.ndarray]:
    from fexdata.corpora.pictures import read_picture
    from fexdata.faces.alignment import apply, crop_matrix, template, warp
    from fexdata.faces.detection import FaceFinder

    picture = read_picture(real_photographs()[name].read_bytes())
    points = FaceFinder().find(picture, faces="largest")[0].landmarks.astype(np.float64)
    matrix = crop_matrix(points, template("five_point"), 256)
    return warp(picture, matrix, 256), apply(matrix, points)


def row(name: str = "0-f15-hao-ph.jpg", **values: Any) -> Row:
    picture, points = _face(name)
    columns = {
        "landmarks_478": points.copy(),
        "landmarks_68": to_68(points)[:, :2],
        "crop_matrix": np.array([[0.5, 0, 0], [0, 0.5, 0]]),
        "source_path": f"people/{name}",
        "frame": 0,
        "image": {"bytes": b"", "path": None},
    }
    return Row("0" * 32, columns | values, lambda: picture, {"image": picture})


def written(made: ActionUnits, outputs: Any) -> pa.Table:
    """The outputs as the layer would hold them: their types must fit."""
    return pa.Table.from_pylist(list(outputs), schema=made.schema())


def test_the_default_needs_landmarks_alone_and_writes_a_smile() -> None:
    made = stage()
    assert made.reads == ("landmarks_478",)
    (output,) = made.run([row()])
    assert output["au_scheme"] == "fexdata_geometric" and output["au"] == output["au_geometric"]
    assert output["au"]["AU12"] > 3 and set(output["au"]) == set(output["au_confidence"]) == set(GEOMETRIC.names)
    assert written(made, [output]).column("au")[0].as_py()["AU12"] == pytest.approx(output["au"]["AU12"])
    assert all(0 <= value <= 1 for value in output["au_confidence"].values())


def test_scale_and_mirror_are_said_where_training_looks_for_them() -> None:
    from fexdata.training.columns import mirror_map, scale_of, value_names

    field = stage().schema().field("au")
    assert scale_of(field) == 5.0 and value_names(field) == GEOMETRIC.names
    sources, signs = mirror_map(field, len(GEOMETRIC.names))
    assert sources == tuple(range(len(GEOMETRIC.names))) and set(signs) == {1.0}


def test_annotating_a_flipped_face_is_flipping_the_annotation() -> None:
    made = stage()
    (own,) = made.run([row()])
    flipped_points = mirrored(_face("0-f15-hao-ph.jpg")[1], 256, MIRROR_478)
    (flipped,) = made.run([row(landmarks_478=flipped_points)])
    assert mirror(own, made.schema()) == own, "both sides together: a flip changes nothing"
    for name, value in own["au"].items():
        assert flipped["au"][name] == pytest.approx(value, abs=2e-3)


def test_one_row_that_is_broken_fails_alone() -> None:
    made = stage()
    good, bad, flat = made.run([row(), row(landmarks_478=None), row(landmarks_478=np.zeros((478, 3)))])
    assert good["au"]["AU12"] > 3
    assert isinstance(bad, Failure) and bad.stage == "action_units"
    assert isinstance(flat, Failure) and flat.code == Code.POOR_FIT


def test_landmarks_that_are_no_numbers_are_no_scores() -> None:
    made = stage()
    (output,) = made.run([row(landmarks_478=np.full((478, 3), np.nan))])
    assert output == {"au_geometric": None, "au_scheme": None, "au": None, "au_confidence": None}
    assert written(made, [output]).column("au").null_count == 1


def openface_files(folder: Path) -> Path:
    place = folder / "openface" / "people"
    place.mkdir(parents=True)
    points = to_68(_face("0-f15-hao-ph.jpg")[1])[:, :2] * 2  # the row's crop matrix halves
    cells = {"face": "0", "confidence": "0.95"}
    cells |= {column: f"{index / 4:.2f}" for index, column in enumerate(COLUMNS.values()) if column != "AU09_r"}
    cells |= {f"{axis}_{i}": f"{points[i, k]:.2f}" for k, axis in enumerate("xy") for i in range(68)}
    text = ", ".join(cells) + "\n" + ", ".join(cells.values()) + "\n"
    (place / "0-f15-hao-ph.csv").write_text(text)
    return folder / "openface"


def test_openface_first_is_primary_and_both_stand_side_by_side(tmp_path: Path) -> None:
    made = stage(tools=("openface", "geometric"), openface_csv=str(openface_files(tmp_path)))
    assert set(made.reads) == {"source_path", "frame", "landmarks_68", "crop_matrix", "landmarks_478"}
    found, without = made.run([row(), row("15-f13-anc-ph.jpg")])
    assert found["au_scheme"] == "openface17_r" and tuple(found["au"]) == OPENFACE.names
    assert found["au"]["AU9"] is None and found["au"]["AU26"] == 15 / 4 and found["au_confidence"]["AU12"] == 0.95
    assert found["au_geometric"]["AU12"] > 3
    assert without["au"] is None and without["au_scheme"] is None and without["au_geometric"] is not None
    table = written(made, [found, without])
    assert table.column("au").null_count == 1 and table.column("au_openface")[0].as_py() == found["au"]


def test_a_changed_csv_file_changes_the_fingerprint(tmp_path: Path) -> None:
    folder = openface_files(tmp_path)
    before = stage(tools=("openface",), openface_csv=str(folder)).weights()
    (folder / "people" / "more.csv").write_text("face, AU01_r\n0, 1\n")
    assert stage(tools=("openface",), openface_csv=str(folder)).weights() != before


@needs_task
def test_blendshapes_stand_beside_and_are_no_action_units() -> None:
    alone = stage(tools=("mediapipe_tasks",), face_landmarker=str(TASK))
    assert alone.schema().names == ["blendshapes"] and names_of(alone.schema().field("blendshapes")) == ARKIT.names
    both = stage(tools=("mediapipe_tasks", "geometric"), face_landmarker=str(TASK))
    happy, angry = both.run([row(), row("15-f13-anc-ph.jpg")])
    place = ARKIT.names.index
    assert happy["blendshapes"][place("mouthSmileLeft")] > 0.5 > angry["blendshapes"][place("mouthSmileLeft")]
    assert angry["blendshapes"][place("browDownLeft")] > happy["blendshapes"][place("browDownLeft")]
    assert happy["au_scheme"] == "fexdata_geometric" and meta(both.schema().field("blendshapes"), "mirror") == "named"


@needs_task
def test_a_picture_without_a_face_has_no_blendshapes() -> None:
    made = stage(tools=("mediapipe_tasks",), face_landmarker=str(TASK))
    empty = row()
    empty.decoded["image"] = np.zeros((256, 256, 3), np.uint8)
    assert made.run([empty]) == [{"blendshapes": None}]


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"tools": ("openface",)}, "one of openface_csv and openface_binary"),
        ({"tools": ("openface",), "openface_csv": "nowhere"}, "no CSV files below nowhere"),
        ({"tools": ("openface",), "openface_binary": "nowhere"}, "openface: nowhere is not there"),
        ({"tools": ("mediapipe_tasks",)}, "--set action_units.face_landmarker=PATH"),
        ({"tools": ("mediapipe_tasks",), "face_landmarker": "nowhere"}, "get face_landmarker.task from"),
        ({"tools": ("pyfeat",)}, "--set action_units.pyfeat_weights=PATH"),
        ({"tools": ("pyfeat",), "pyfeat_weights": "nowhere"}, "get face_multitask_v28.safetensors from"),
        ({"tools": ("geometric", "geometric")}, "each tool runs once"),
    ],
)
def test_what_is_missing_is_said_before_the_first_photograph(settings: dict[str, Any], what: str) -> None:
    with pytest.raises(FexdataError, match=what):
        stage(**settings)
