"""Folders of registered meshes: a vertex is its number, and a file that does not fit says so in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.blendshapes.registered import read_registered, sessions

SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nv 0 0 0\n"


def write(path: Path, text: str = SQUARE + "f 1 2 3 4\nf 5 3 4\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_sessions_are_found_and_take_their_subjects_neutral(tmp_path: Path) -> None:
    for name in ("ann/neutral", "ann/smile", "bob/neutral", "bob/one/neutral", "bob/one/frown", "bob/two/cry"):
        write(tmp_path / f"{name}.obj")
    found = [(one.subject, one.session, str(one.neutral.relative_to(tmp_path))) for one in sessions(tmp_path)]
    assert found == [
        ("ann", "", "ann/neutral.obj"),
        ("bob", "one", "bob/one/neutral.obj"),
        ("bob", "two", "bob/neutral.obj"),
    ]


def test_vertices_keep_their_numbers_and_quads_become_triangles(tmp_path: Path) -> None:
    text = SQUARE + "vt 0 0\nvt 1 0\nvt 0.5 1\nvn 0 0 1\nf 1/1/1 2/2/1 3/3/1 4/1/1\nf 5/2/1 3/3/1 4/1/1\n"
    mesh = read_registered(write(tmp_path / "a.obj", text))
    assert len(mesh.vertices) == 5  # the fifth lies on the first
    assert mesh.triangles.tolist() == [[0, 1, 2], [0, 2, 3], [4, 2, 3]]
    assert mesh.uv is not None
    assert mesh.uv[2].tolist() == [[1, 0], [0.5, 1], [0, 0]]


def test_ply_files_have_the_same_vertices_as_obj_files(tmp_path: Path) -> None:
    rows = [line[2:] for line in SQUARE.splitlines()]
    head = "ply\nformat ascii 1.0\nelement vertex 5\nproperty float x\nproperty float y\nproperty float z\n"
    text = head + "element face 1\nproperty list uchar int vertex_indices\nend_header\n" + "\n".join([*rows, "3 4 2 3"])
    mesh = read_registered(write(tmp_path / "a.ply", text))
    assert np.array_equal(mesh.vertices, read_registered(write(tmp_path / "a.obj")).vertices)
    assert mesh.triangles.tolist() == [[4, 2, 3]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SQUARE + "v 2 2 2\nf 1 2 3 4\nf 5 3 4\n", r"other\.obj has 6 vertices, the first mesh 5"),
        (SQUARE + "f 1 2 3 4\nf 5 4 3\n", r"other\.obj has other polygons than the first mesh"),
        (SQUARE + "f 1 2 9\n", r"other\.obj is not a mesh .*vertices that are not there"),
        ("nonsense", r"other\.obj is not a mesh"),
        (SQUARE.replace("1 1 0", "1 nan 0") + "f 1 2 3\n", r"other\.obj is not a mesh .*not all numbers"),
    ],
)
def test_a_mesh_that_does_not_fit_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    first = read_registered(write(tmp_path / "first.obj"))
    with pytest.raises(FexdataError, match=words):
        read_registered(write(tmp_path / "other.obj", text), first)


def test_a_subject_without_a_neutral_face_is_named(tmp_path: Path) -> None:
    write(tmp_path / "ann/smile.obj")
    with pytest.raises(FexdataError, match=r"ann has meshes and no neutral\.obj"):
        sessions(tmp_path)


def test_a_folder_without_expressive_meshes_says_what_was_expected(tmp_path: Path) -> None:
    write(tmp_path / "ann/neutral.obj")
    with pytest.raises(FexdataError, match=r"no expressive meshes; expected SUBJECT/neutral\.obj"):
        sessions(tmp_path)
