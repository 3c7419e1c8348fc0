from __future__ import annotations

import errno
import os
import shutil
import uuid
from pathlib import Path

import pytest
from making import bad_files, make_folder

from fexdata.corpora.folder import SUFFIXES, Folder
from fexdata.errors import Code, FexdataError, RowError
from fexdata.storage import filesystem, read_photograph


def _keys(source: str | Path) -> list[bytes]:
    return [photograph.key for photograph in Folder().read(str(source))]


def test_every_photograph_of_a_tree_is_read_once_in_one_order(tmp_path: Path) -> None:
    made = make_folder(tmp_path, count=12, seed=1, size=64)
    assert _keys(tmp_path) == sorted(one.key for one in made)
    for photograph in Folder().read(str(tmp_path)):
        assert Path(photograph.location) == tmp_path / photograph.key.decode()
        assert photograph.corpus == "folder" and not photograph.labels and photograph.split is None


def test_suffixes_count_in_any_case_and_nothing_else_does(tmp_path: Path) -> None:
    wanted = {f"a{number}{suffix}" for number, suffix in enumerate(sorted(SUFFIXES))} | {"B.JPG", "c.Heic", "d.e.jPeG"}
    for name in (*wanted, "notes.txt", "jpg", "x.jpg.part", "x_jpg"):
        (tmp_path / name).touch()
    assert {key.decode() for key in _keys(tmp_path)} == wanted


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    for name in ("a.jpg", ".jpg", ".hidden.jpg", "._a.jpg", ".cache/b.jpg", "__MACOSX/c.jpg", "in/.git/d.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert _keys(tmp_path) == [b"a.jpg"]


def test_every_bad_file_is_a_photograph_that_can_be_opened_or_says_why(tmp_path: Path) -> None:
    expected = bad_files(tmp_path)
    photographs = {photograph.key: photograph for photograph in Folder().read(str(tmp_path))}
    assert photographs.keys() == expected.keys()
    for key, code in ((b"folder.jpg", Code.NOT_A_FILE), (b"dangling.jpg", Code.MISSING)):
        with pytest.raises(RowError) as caught:
            read_photograph(photographs[key].location)
        assert caught.value.code is code
    assert read_photograph(photographs[b"not-utf-8-\xff\xe9.jpg"].location).startswith(b"\xff\xd8")


def test_links_are_followed_and_circles_are_not(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.jpg").touch()
    (tmp_path / "b.jpg").symlink_to(tmp_path / "real" / "a.jpg")
    (tmp_path / "real" / "back").symlink_to(tmp_path)
    (tmp_path / "same").symlink_to(tmp_path / "real")
    assert _keys(tmp_path) == [b"b.jpg", b"real/a.jpg", b"same/a.jpg"]


@pytest.mark.parametrize(
    ("files", "source", "message"),
    [
        ([], "nowhere", "folder: expected a folder of photographs at .*nowhere, found nothing"),
        (["a.jpg"], "a.jpg", "found a file"),
        ([], "", "found no file at all"),
        (["a.txt", "b.txt", "c.csv", "README"], "", r"found 4 other files: 2 \.txt, 1 without an ending, 1 \.csv"),
    ],
)
def test_wrong_source_says_what_was_expected_and_found(
    tmp_path: Path, files: list[str], source: str, message: str
) -> None:
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(FexdataError, match=message) as caught:
        _keys(tmp_path / source)
    assert "\n" not in str(caught.value)


def test_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: str) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(FexdataError, match=rf"{tmp_path}: cannot be listed: Permission denied"):
        _keys(tmp_path)


def test_object_storage_is_read_like_a_folder(tmp_path: Path) -> None:
    made = make_folder(tmp_path, count=5, seed=1, size=64)
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden.jpg").touch()
    url = f"memory://{uuid.uuid4().hex}/photographs"
    fs, inner = filesystem(url)
    fs.put(str(tmp_path), inner, recursive=True)
    photographs = list(Folder().read(url))
    assert [photograph.key for photograph in photographs] == sorted(one.key for one in made)
    by_key = {one.key: one for one in made}
    for photograph in photographs:
        assert read_photograph(photograph.location) == by_key[photograph.key].path.read_bytes()
    local = [photograph.digest() for photograph in Folder().read(str(tmp_path))]
    assert [photograph.digest() for photograph in photographs] == local


def test_object_storage_with_nothing_there_says_so() -> None:
    with pytest.raises(FexdataError, match="found nothing"):
        _keys(f"memory://{uuid.uuid4().hex}/photographs")
    with pytest.raises(FexdataError, match="cannot list nonsense://x"):
        _keys("nonsense://x")


def test_photographs_come_before_the_listing_ends(tmp_path: Path) -> None:
    make_folder(tmp_path, count=3, seed=1, size=64)
    photographs = Folder().read(str(tmp_path))
    assert next(photographs).key == b"00000.jpg"
    shutil.rmtree(tmp_path / "more")  # listed lazily: the subfolder is only looked for now
    with pytest.raises(FexdataError, match="cannot be listed"):
        list(photographs)
