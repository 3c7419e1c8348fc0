from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest
from making import Made, make_affectnet_2017, make_affectnet_2021

from fexdata.corpora.affectnet import COLUMNS, AffectNet
from fexdata.corpora.base import Photograph
from fexdata.errors import FexdataError
from fexdata.storage import filesystem

POINTS = ";".join(str(value) for value in range(136))


def _read(source: str | Path) -> list[Photograph]:
    return list(AffectNet().read(str(source)))


def _row(name: str = "1/a.jpg", label: object = 1, box: str = "10,20,30,40", rest: str = "0.5,-0.25") -> str:
    return f"{name},{box},{POINTS},{label},{rest}"


def _corpus(root: Path, *training: str, files: tuple[str, ...] = ("1/a.jpg",), header: bool = True) -> Path:
    """The 2017 layout with these rows for training and one validation photograph, 9/v.jpg."""
    for name in (*files, "9/v.jpg"):
        path = root / "Manually_Annotated_Images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    head = [",".join(COLUMNS)] * header
    (root / "training.csv").write_bytes("\n".join([*head, *training]).encode("utf-8", "surrogateescape"))
    (root / "validation.csv").write_text("\n".join([*head, _row("9/v.jpg", 0)]))
    return root


def _assert_true(read: list[Photograph], made: list[Made]) -> None:
    by_key = {photograph.key: photograph for photograph in read}
    assert len(read) == len(made) and by_key.keys() == {one.key for one in made}
    for one in made:
        photograph = by_key[one.key]
        assert Path(photograph.location) == one.path
        assert (photograph.labels["expression"], photograph.split) == (one.expression, one.split)
        assert {"valence", "arousal"} < photograph.labels.keys() and "subject" not in photograph.labels
        assert photograph.points is not None and photograph.points.dtype == np.float32
        assert np.abs(photograph.points - one.points).max() < 0.01


@pytest.mark.parametrize("header", [True, False])
def test_a_made_2017_corpus_reads_back_its_truth(tmp_path: Path, header: bool) -> None:
    made = make_affectnet_2017(tmp_path, count=11, seed=1, header=header, size=128)
    read = _read(tmp_path)
    _assert_true(read, made)
    boxes = {photograph.key: photograph.box for photograph in read}
    for one in made:
        assert np.abs(np.subtract(boxes[one.key], one.box)).max() <= 0.5  # type: ignore[arg-type]


def test_a_made_2021_corpus_with_numbers_stored_as_strings_reads_back_its_truth(tmp_path: Path) -> None:
    made = make_affectnet_2021(tmp_path, count=11, seed=1)
    _assert_true(_read(tmp_path), made)


def test_a_row_is_read_cell_by_cell(tmp_path: Path) -> None:
    first, validation = _read(_corpus(tmp_path, _row(label=7)))
    assert first.key == b"Manually_Annotated_Images/1/a.jpg"
    assert first.labels == {"expression": "contempt", "corpus_label": "Contempt", "valence": 0.5, "arousal": -0.25}
    assert first.box == (10.0, 20.0, 30.0, 40.0)
    assert (first.points == np.arange(136).reshape(68, 2)).all()
    assert (first.split, validation.split) == ("train", "val")


def test_labels_8_to_10_are_dropped(tmp_path: Path) -> None:
    names = [f"1/{label}.jpg" for label in range(11)]
    rows = [_row(name, label) for label, name in enumerate(names)]
    read = _read(_corpus(tmp_path, *rows, files=tuple(names)))
    words = ["Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger", "Contempt"]
    assert [photograph.labels["corpus_label"] for photograph in read[:-1]] == words


@pytest.mark.parametrize("row", ["1/a.jpg,NULL,NULL,NULL,NULL,NULL,3,NULL,NULL", "1/a.jpg,,,,,,3,-2,-2"])
def test_unknown_cells_are_absent_not_invented(tmp_path: Path, row: str) -> None:
    photograph = _read(_corpus(tmp_path, row))[0]
    assert photograph.labels == {"expression": "surprise", "corpus_label": "Surprise"}
    assert photograph.box is None and photograph.points is None


def test_null_expression_keeps_the_photograph_without_a_label(tmp_path: Path) -> None:
    assert dict(_read(_corpus(tmp_path, _row(label="NULL")))[0].labels) == {"valence": 0.5, "arousal": -0.25}


def test_columns_are_found_by_name_in_any_order(tmp_path: Path) -> None:
    root = _corpus(tmp_path)
    row = dict(zip(COLUMNS, _row(label=5).split(","), strict=True))
    order = [*reversed(COLUMNS), "extra"]
    (root / "training.csv").write_text(f"\ufeff{','.join(order)}\n{','.join(row.get(name, '?') for name in order)}\n")
    photograph = _read(root)[0]
    assert photograph.labels["expression"] == "disgust" and photograph.box == (10.0, 20.0, 30.0, 40.0)


def test_case_of_names_may_differ_between_list_and_disk(tmp_path: Path) -> None:
    read = _read(_corpus(tmp_path, _row("1/a.jpg"), _row("1/B.PNG"), files=("1/a.JPG", "1/b.png")))
    assert [photograph.key.rpartition(b"/")[2] for photograph in read] == [b"a.JPG", b"b.png", b"v.jpg"]
    assert all(Path(photograph.location).exists() for photograph in read)


def test_name_that_is_not_utf_8_keeps_its_bytes(tmp_path: Path) -> None:
    name = b"1/\xffe\xe9.jpg".decode("utf-8", "surrogateescape")
    photograph = _read(_corpus(tmp_path, _row(name), files=(name,)))[0]
    assert photograph.key == b"Manually_Annotated_Images/1/\xffe\xe9.jpg"
    assert Path(photograph.location).exists()


def test_listed_photograph_that_is_not_on_disk_is_still_a_row(tmp_path: Path) -> None:
    read = _read(_corpus(tmp_path, _row("1/a.jpg"), _row("1/gone.jpg"), _row("7/gone.jpg")))
    assert [Path(photograph.location).exists() for photograph in read] == [True, False, False, True]
    assert read[1].key == b"Manually_Annotated_Images/1/gone.jpg"


def test_photograph_listed_twice_is_one_row(tmp_path: Path) -> None:
    read = _read(_corpus(tmp_path, _row(label=2), _row(label=3), _row("9/v.jpg", 4)))
    assert [photograph.labels["corpus_label"] for photograph in read] == ["Sad", "Fear"]
    assert [photograph.split for photograph in read] == ["train", "train"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1/a.jpg,1,2", r"training\.csv, line 3: expected 9 columns, found 3.*cut off"),
        (_row(label=11), r"training\.csv, line 3: expected an expression from 0 to 10, found '11'"),
        (_row(label="happy"), "line 3.*found 'happy'"),
    ],
)
def test_damaged_list_is_named_with_its_line(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(FexdataError, match=message):
        _read(_corpus(tmp_path, _row(), row))


def test_list_of_something_else_says_which_columns_are_expected(tmp_path: Path) -> None:
    root = _corpus(tmp_path)
    (root / "training.csv").write_text("file,label\n1/a.jpg,3\n")
    with pytest.raises(FexdataError, match=r"expected the columns subDirectory_filePath, .*found file, label"):
        _read(root)
    (root / "training.csv").write_text("")
    with pytest.raises(FexdataError, match=r"training\.csv, found an empty file"):
        _read(root)


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ([], r"expected .*2017.*2021.* found an empty folder"),
        (["photos", "labels"], r"expected .*2017.*2021.* found labels, photos"),
        (["Manually_Annotated_Images", "training.csv"], r"2017 layout whole: .*validation\.csv.* found Manually"),
        (["train_set"], r"2021 layout whole: train_set, val_set.* found train_set"),
    ],
)
def test_wrong_or_half_unpacked_directory_says_what_is_missing(
    tmp_path: Path, folders: list[str], message: str
) -> None:
    for name in folders:
        (tmp_path / name).mkdir()
    with pytest.raises(FexdataError, match=message) as caught:
        _read(tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(FexdataError, match="found nothing"):
        _read(tmp_path / "nowhere")


def test_corpus_with_most_photographs_missing_is_an_error(tmp_path: Path) -> None:
    rows = [_row(f"1/{number}.jpg") for number in range(9)]
    with pytest.raises(FexdataError, match=r"expected the 10 labelled photographs .* found 1 of them"):
        _read(_corpus(tmp_path, *rows, files=()))


def test_2021_photograph_without_label_or_label_without_photograph_is_a_row(tmp_path: Path) -> None:
    make_affectnet_2021(tmp_path, count=10, seed=1)
    (tmp_path / "train_set" / "images" / "2.jpg").unlink()
    (tmp_path / "train_set" / "annotations" / "3_exp.npy").unlink()
    (tmp_path / "train_set" / "annotations" / "5_val.npy").unlink()
    read = {photograph.key.decode(): photograph for photograph in _read(tmp_path)}
    assert len(read) == 10
    assert read["train_set/images/2.jpg"].labels["expression"] == "sad"
    assert not Path(read["train_set/images/2.jpg"].location).exists()
    assert "expression" not in read["train_set/images/3.jpg"].labels
    assert "valence" not in read["train_set/images/5.jpg"].labels and "arousal" in read["train_set/images/5.jpg"].labels


@pytest.mark.parametrize("stored", [np.array("9"), np.array(8), np.array([10.0])])
def test_2021_labels_8_to_10_are_dropped_however_stored(tmp_path: Path, stored: np.ndarray) -> None:
    make_affectnet_2021(tmp_path, count=5, seed=1)
    np.save(tmp_path / "train_set" / "annotations" / "0_exp.npy", stored)
    assert b"train_set/images/0.jpg" not in {photograph.key for photograph in _read(tmp_path)}


def test_2021_pickled_or_cut_label_is_refused_by_name(tmp_path: Path) -> None:
    make_affectnet_2021(tmp_path, count=5, seed=1)
    label = tmp_path / "train_set" / "annotations" / "0_exp.npy"
    np.save(label, np.array({"a": 1}, dtype=object), allow_pickle=True)
    with pytest.raises(FexdataError, match=r"0_exp\.npy cannot be read: Object arrays"):
        _read(tmp_path)
    label.write_bytes(b"\x93NUM")
    with pytest.raises(FexdataError, match=r"0_exp\.npy cannot be read"):
        _read(tmp_path)


@pytest.mark.parametrize("make", [make_affectnet_2017, make_affectnet_2021])
def test_object_storage_gives_the_same_photographs(tmp_path: Path, make: object) -> None:
    make(tmp_path, count=6, seed=2)  # type: ignore[operator]
    url = f"memory://{uuid.uuid4().hex}/affectnet"
    fs, inner = filesystem(url)
    fs.put(str(tmp_path), inner, recursive=True)
    local, remote = _read(tmp_path), _read(url)
    assert [(one.key, one.labels, one.box, one.split) for one in remote] == [
        (one.key, one.labels, one.box, one.split) for one in local
    ]
    assert all(fs.exists(one.location) for one in remote)
