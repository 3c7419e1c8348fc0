"""Editing rows and photographs, end to end, with the smallest networks."""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from evaluation_made import make_dataset, make_run
from making import real_photographs
from PIL import Image

from fexdata.cli.edit import command
from fexdata.corpora.pictures import read_picture
from fexdata.dataset.reader import open_dataset
from fexdata.errors import FexdataError
from fexdata.evaluation.edit import Editor
from fexdata.evaluation.marked import is_marked
from fexdata.evaluation.subject import Crop, from_photograph, scaled
from fexdata.faces import alignment
from fexdata.training.judges.warp import FIVE_OF_68


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return make_dataset(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def runs(made: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    return {name: make_run(name, made, folder / name) for name in ("stargan", "ganimation", "slidergan", "gcgan")}


@pytest.fixture(scope="module")
def portrait() -> str:
    return str(real_photographs()["astronaut.png"])


@pytest.fixture
def row(made: Path) -> str:
    dataset = open_dataset(made)
    frame = dataset.frame(["sample_id", "split", "status"])
    return str(frame[(frame.split == "test") & (frame.status == "accepted")].sample_id.iloc[0])


def edit(*arguments: object) -> Result:
    done = CliRunner().invoke(command, [str(one) for one in arguments], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done


def test_photograph_comes_back_whole_and_marked(runs: dict[str, Path], portrait: str, tmp_path: Path) -> None:
    edit(runs["stargan"], portrait, "--expression", "happy", "--out", tmp_path)
    made = tmp_path / "astronaut-edited.png"
    assert is_marked(made)
    before, after = read_picture(Path(portrait).read_bytes()), np.asarray(Image.open(made))
    changed = (before != after).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert rows.min() > 0 and rows.max() < 250 and columns.min() > 120 and columns.max() < 340  # the face, and no more


@pytest.mark.parametrize(
    ("name", "action"),
    [("ganimation", ("--set", "AU12=0.8")), ("slidergan", ("--set", "jawOpen=1")), ("slidergan", ("--neutral",)),
     ("ganimation", ("--expression", "happy", "--data")), ("gcgan", ("--neutral", "--data")),
     ("gcgan", ("--from", "PORTRAIT")), ("slidergan", ("--from", "PORTRAIT")), ("stargan", ("--sheet",)),
     ("slidergan", ("--sheet",))],
)  # fmt: skip
def test_every_kind_of_edit_writes_one_marked_picture(
    name: str, action: tuple[str, ...], runs: dict[str, Path], made: Path, portrait: str, tmp_path: Path
) -> None:
    options = [portrait if one == "PORTRAIT" else one for one in action]
    options += [str(made)] if options[-1] == "--data" else []
    edit(runs[name], portrait, *options, "--out", tmp_path)
    (path,) = tmp_path.iterdir()
    assert is_marked(path)


def test_way_to_an_expression_as_strip_and_animation(runs: dict[str, Path], portrait: str, tmp_path: Path) -> None:
    edit(runs["ganimation"], portrait, "--neutral", "--steps", 3, "--gif", "--out", tmp_path)
    assert Image.open(tmp_path / "astronaut-strip.png").size == (3 * 256 + 4, 256)
    assert Image.open(tmp_path / "astronaut.gif").n_frames == 4  # type: ignore[attr-defined]


def test_row_is_edited_from_its_own_annotation(runs: dict[str, Path], made: Path, row: str, tmp_path: Path) -> None:
    editor = Editor.open(str(runs["slidergan"]), open_dataset(made))
    subject = editor.row(row[:12])
    stored = open_dataset(made).row(row, ["expression_params"])["expression_params"]
    wanted = torch.from_numpy(stored) / editor.method.info.coefficient_sigma
    torch.testing.assert_close(editor.shown(subject)["params"][0], wanted)
    kept = editor.sliders(subject, {"jawOpen": 1.5})["params"][0]
    assert float(kept[0]) == 1.5
    torch.testing.assert_close(kept[1:], wanted[1:])
    edit(runs["slidergan"], row, "--data", made, "--set", "jawOpen=1.5", "--out", tmp_path)
    assert Image.open(tmp_path / f"{row}-edited.png").size == (32, 32)


def test_named_expression_is_the_mean_of_the_training_rows_that_show_it(runs: dict[str, Path], made: Path) -> None:
    dataset = open_dataset(made)
    editor = Editor.open(str(runs["slidergan"]), dataset)
    chosen = [
        one for one in dataset.table(["expression", "split", "status", "shard", "expression_params"]).to_pylist()
        if (one["expression"], one["split"], one["status"]) == ("happy", "train", "accepted") and one["shard"]
    ]  # fmt: skip
    mean = np.mean([one["expression_params"] for one in chosen], axis=0) / editor.method.info.coefficient_sigma.numpy()
    np.testing.assert_allclose(editor.expression("happy")["params"][0], mean, rtol=1e-4)


def test_strength_zero_asks_for_what_is_shown(runs: dict[str, Path], made: Path, row: str) -> None:
    editor = Editor.open(str(runs["ganimation"]), open_dataset(made))
    subject = editor.row(row)
    same = editor.edit(subject, editor.shown(subject))
    torch.testing.assert_close(editor.edit(subject, editor.neutral(), strength=0.0), same)
    assert not torch.equal(editor.edit(subject, editor.neutral()), same)


def test_photograph_is_cut_as_the_datasets_are(portrait: str) -> None:
    subject = from_photograph(portrait, Crop("five_point", 64), size=32)
    assert subject.image.shape == (1, 3, 32, 32) and subject.matrix is not None
    points = subject.known["landmarks_68"][0].numpy()
    five = np.array([points[list(group)].mean(axis=0) for group in FIVE_OF_68])
    places = alignment.template("five_point").points * 32 - 0.5
    np.testing.assert_allclose(five.mean(axis=0), places.mean(axis=0), atol=1e-3)  # as least squares leaves them
    assert np.abs(five - places).max() < 1.5


def test_matrix_of_a_smaller_crop_keeps_pixel_centres() -> None:
    """The corner of the crop's area, half a pixel outside its first pixel's centre, stays where it is."""
    matrix = np.array([[2.0, 0.0, 5.0], [0.0, 2.0, -3.0]])
    corner = np.linalg.solve(matrix[:, :2], np.array([-0.5, -0.5]) - matrix[:, 2])
    small = scaled(matrix, 0.25)
    np.testing.assert_allclose(small[:, :2] @ corner + small[:, 2], [-0.5, -0.5])


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [("stargan", ("PORTRAIT", "--set", "AU12=1"), "no sliders"), ("ganimation", ("nobody.jpg", "--neutral"), "--data"),
     ("gcgan", ("PORTRAIT", "--neutral"), "no neutral of their own"),
     ("ganimation", ("PORTRAIT", "--expression", "happy"), "--data DATASET gives their mean"),
     ("stargan", ("PORTRAIT", "--from", "PORTRAIT"), "take a row of a dataset")],
)  # fmt: skip
def test_what_cannot_be_done_is_told_with_the_remedy(
    name: str, arguments: tuple[str, ...], said: str, runs: dict[str, Path], portrait: str, tmp_path: Path
) -> None:
    with pytest.raises(FexdataError, match=said):
        edit(runs[name], *(portrait if one == "PORTRAIT" else one for one in arguments), "--out", tmp_path)


def test_picture_without_a_face_is_told(runs: dict[str, Path], tmp_path: Path) -> None:
    Image.new("RGB", (200, 200), "grey").save(tmp_path / "wall.png")
    with pytest.raises(FexdataError, match="no face was found"):
        edit(runs["stargan"], tmp_path / "wall.png", "--expression", "happy", "--out", tmp_path)
