"""Other tools' meshes, written as those tools write them, come back as the face they were made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from fexdata.errors import Code, FexdataError, RowError
from fexdata.faces.alignment import apply, inverse
from fexdata.faces.canonical import canonical_triangles, canonical_vertices
from fexdata.faces.foreign_meshes import EYE_CORNERS_68, Face, MeshFolder
from fexdata.faces.landmarks import to_68
from fexdata.faces.mesh_files import read_mesh, repeated_parts

MATRIX = np.array([[0.5, 0.1, -60.0], [-0.1, 0.5, -15.0]])
"""The photographs' crop: turned, halved, moved."""
HEIGHT = 600
TRIANGLES = canonical_triangles()
NAMES = {"extreme3d": "3D/jo_final_aligned.ply", "3ddfa_v2": "jo_ply.ply", "deca": "jo/jo.obj", "photograph": "jo.obj"}


def face_in_photograph(shift: tuple[float, float] = (300, 280)) -> np.ndarray:
    """The canonical face, turned a little, in photograph pixels: (468, 3), our frame."""
    points = canonical_vertices()[:468] * (200 / np.ptp(canonical_vertices()[:, 0]))
    turn = np.radians(20)
    turned = points @ np.array([[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]])
    return turned - turned.mean(axis=0) + [*shift, 0]


def known(points: np.ndarray) -> Face:
    with_irises = np.concatenate([points, np.repeat(points[[4]], 10, axis=0)])
    return Face(MATRIX, to_68(apply(MATRIX, with_irises))[:, :2], HEIGHT)


def write_obj(path: Path, points: np.ndarray, triangles: np.ndarray = TRIANGLES) -> None:
    lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in points] + [f"f {a} {b} {c}" for a, b, c in triangles + 1]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def write_ply(path: Path, points: np.ndarray, triangles: np.ndarray = TRIANGLES) -> None:
    head = ["ply", "format ascii 1.0", f"element vertex {len(points)}", *(f"property float {axis}" for axis in "xyz"),
            f"element face {len(triangles)}", "property list uchar int vertex_indices", "end_header"]  # fmt: skip
    body = [f"{x:.9g} {y:.9g} {z:.9g}" for x, y, z in points] + [f"3 {a} {b} {c} " for a, b, c in triangles]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(head + body) + "\n")


def on_crop(points: np.ndarray) -> np.ndarray:
    """The landmarks that a tool found on a crop of 1.6 times the photograph's scale: (68, 2)."""
    matrix = inverse(MATRIX)
    return ((known(points).landmarks_68 @ matrix[:, :2].T + matrix[:, 2]) - [150, 120]) * 1.6


def as_extreme3d(folder: Path, points: np.ndarray) -> None:
    """A pinhole camera of 1000 pixels about (250, 250) of the crop, y up, the face at z = -1000."""
    x, y, z = ((points - [150, 120, 0]) * 1.6).T
    away = 1000 + z
    camera = np.column_stack([(x - 250) * away / 1000, -(y - 250) * away / 1000, -away])
    write_ply(folder / NAMES["extreme3d"], camera)
    (folder / "imgs").mkdir()
    (folder / "imgs" / "jo.pts").write_text("".join(f"{u:f} {v:f}\n" for u, v in on_crop(points)))


def as_3ddfa(folder: Path, *faces: np.ndarray) -> None:
    """y counted from below, z towards the viewer, triangles reversed, all faces in one file."""
    points = np.concatenate([np.column_stack([face[:, 0], HEIGHT - face[:, 1], 900 - face[:, 2]]) for face in faces])
    triangles = np.concatenate([TRIANGLES[:, ::-1] + 468 * number for number in range(len(faces))])
    write_ply(folder / NAMES["3ddfa_v2"], points, triangles)


def as_deca(folder: Path, points: np.ndarray) -> None:
    """The model's own frame (y up, z towards the viewer, metres) and a camera onto DECA's crop."""
    flat = ((points - [150, 120, 0]) * 1.6 - [112, 112, 0]) / 112
    world = flat * [1, -1, -1] / 8.5 - [0.02, -0.01, 0]
    write_obj(folder / NAMES["deca"], world)
    told = {"verts": world[None, ::3], "trans_verts": flat[None, ::3], "landmarks2d": on_crop(points)[None] / 112 - 1}
    savemat(folder / "jo" / "jo.mat", told)


WRITERS = {
    "extreme3d": as_extreme3d, "3ddfa_v2": as_3ddfa, "deca": as_deca,
    "photograph": lambda folder, points: write_obj(folder / NAMES["photograph"], points),
}  # fmt: skip


@pytest.mark.parametrize("tool", sorted(WRITERS))
def test_a_tools_mesh_lies_in_the_crop_where_the_face_is(tool: str, tmp_path: Path) -> None:
    points = face_in_photograph()
    WRITERS[tool](tmp_path, points)
    mesh = MeshFolder(str(tmp_path), tool).mesh("people/jo.jpg", known(points))
    truth = apply(MATRIX, points)
    assert mesh.vertices.shape == truth.shape
    np.testing.assert_allclose(mesh.vertices[:, :2], truth[:, :2], atol=0.01)
    # Of depth only the differences are told; Extreme3D's camera makes near things a little larger.
    relative = mesh.vertices[:, 2] - truth[:, 2]
    assert np.ptp(relative) < 0.05 if tool != "extreme3d" else np.ptp(relative) < 0.03 * np.ptp(truth[:, 2])


@pytest.mark.parametrize("tool", sorted(WRITERS))
def test_triangles_are_wound_outwards_and_depth_is_zero_at_the_eye_corners(tool: str, tmp_path: Path) -> None:
    points = face_in_photograph()
    WRITERS[tool](tmp_path, points)
    mesh = MeshFolder(str(tmp_path), tool).mesh("jo.jpg", known(points))
    assert {tuple(sorted(t)) for t in mesh.triangles.tolist()} == {tuple(sorted(t)) for t in TRIANGLES.tolist()}
    one, other = (np.cross(*np.moveaxis(np.diff(mesh.vertices[t], axis=1), 1, 0)) for t in (mesh.triangles, TRIANGLES))
    assert (np.einsum("ij,ij->i", one, other) > 0).all()
    assert abs(mesh.vertices[[33, 133, 362, 263], 2].mean()) < 0.5
    assert mesh.vertices[4, 2] < -10  # the nose is nearer


def test_of_a_file_with_several_faces_the_one_that_is_meant_is_taken(tmp_path: Path) -> None:
    left, right = face_in_photograph((200, 280)), face_in_photograph((460, 300))
    as_3ddfa(tmp_path, left, right)
    folder = MeshFolder(str(tmp_path), "3ddfa_v2")
    for points in (left, right):
        mesh = folder.mesh("jo.jpg", known(points))
        np.testing.assert_allclose(mesh.vertices[:, :2], apply(MATRIX, points)[:, :2], atol=0.01)


def test_a_closed_head_turned_inside_out_is_turned_back(tmp_path: Path) -> None:
    import trimesh

    ball = trimesh.creation.icosphere(subdivisions=3, radius=90)  # wound outwards where y is up
    points = face_in_photograph()
    for triangles in (ball.faces, ball.faces[:, ::-1]):
        write_obj(tmp_path / "jo.obj", ball.vertices - [-300, -280, 0], triangles)
        mesh = MeshFolder(str(tmp_path), "photograph").mesh("jo.jpg", known(points))
        a, b, c = (mesh.vertices[mesh.triangles[:, corner]] for corner in range(3))
        outwards = a + b + c - 3 * mesh.vertices.mean(axis=0)
        assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), outwards) > 0).all()


def test_a_mesh_with_holes_at_the_eyes_still_has_its_zero_there(tmp_path: Path) -> None:
    points = face_in_photograph()
    corners = known(points).landmarks_68[list(EYE_CORNERS_68)]
    middles = apply(MATRIX, points)[TRIANGLES].mean(axis=1)[:, None, :2]
    away = np.sqrt(((middles - corners) ** 2).sum(-1)).min(axis=1) > 6
    write_obj(tmp_path / "jo.obj", points, TRIANGLES[away])
    mesh = MeshFolder(str(tmp_path), "photograph").mesh("jo.jpg", known(points))
    assert np.count_nonzero(~away) > 0 and abs(mesh.vertices[:, 2].mean()) < 30
    assert abs(mesh.vertices[mesh.triangles].mean(axis=1)[:, 2].min() + 25) < 15


@pytest.mark.parametrize(
    ("tool", "file", "source_path"),
    [
        ("extreme3d", "3D/b_final_aligned.ply", "a/b.jpg"),
        ("extreme3d", "a/b_final_aligned.ply", "a/b.jpg"),
        ("photograph", "a/b.c.ply", "a/b.c.jpg"),
        ("photograph", "b.ply", "a/b.png"),
        ("3ddfa_v2", "x/b_obj.obj", "x/b.jpeg"),
        ("deca", "b/b_detail.obj", "x/b.jpeg"),
    ],
)
def test_meshes_are_found_by_the_photographs_name(tool: str, file: str, source_path: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()
    assert MeshFolder(str(tmp_path), tool).find(source_path) == f"{tmp_path}/{file}"


def test_the_folder_of_the_photograph_comes_before_the_top(tmp_path: Path) -> None:
    for file in ("b.obj", "x/b.obj", "x/b.ply"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    folder = MeshFolder(str(tmp_path), "photograph")
    assert folder.find("x/b.jpg") == f"{tmp_path}/x/b.ply"
    assert folder.find("y/b.jpg") == f"{tmp_path}/b.obj"


def failure(
    tmp_path: Path, tool: str, source_path: str = "jo.jpg", shift: tuple[float, float] = (300, 280)
) -> RowError:
    with pytest.raises(RowError) as caught:
        MeshFolder(str(tmp_path), tool).mesh(source_path, known(face_in_photograph(shift)))
    return caught.value


def test_a_photograph_without_a_mesh_is_a_failure_of_its_own(tmp_path: Path) -> None:
    as_3ddfa(tmp_path, face_in_photograph())
    assert failure(tmp_path, "3ddfa_v2", "people/ann.jpg").code == Code.MISSING


def test_a_mesh_of_somebody_else_in_the_photograph_is_refused(tmp_path: Path) -> None:
    as_3ddfa(tmp_path, face_in_photograph((200, 280)))
    assert failure(tmp_path, "3ddfa_v2", shift=(460, 300)).code == Code.POOR_FIT


def test_a_frontal_mesh_of_extreme3d_is_refused(tmp_path: Path) -> None:
    write_ply(tmp_path / NAMES["extreme3d"], face_in_photograph())
    assert "aligned" in failure(tmp_path, "extreme3d").message


def test_extreme3ds_mesh_without_its_landmarks_is_refused(tmp_path: Path) -> None:
    as_extreme3d(tmp_path, face_in_photograph())
    (tmp_path / "imgs" / "jo.pts").write_text("1 2\n3 4\n")
    assert failure(tmp_path, "extreme3d").code == Code.DECODE_ERROR
    (tmp_path / "imgs" / "jo.pts").unlink()
    assert failure(tmp_path, "extreme3d").code == Code.MISSING


def test_decas_mesh_without_its_camera_says_how_to_get_it(tmp_path: Path) -> None:
    as_deca(tmp_path, face_in_photograph())
    (tmp_path / "jo" / "jo.mat").write_bytes(b"MATLAB nonsense")
    assert failure(tmp_path, "deca").code == Code.DECODE_ERROR
    (tmp_path / "jo" / "jo.mat").unlink()
    error = failure(tmp_path, "deca")
    assert error.code == Code.MISSING and "--saveMat True" in error.message


@pytest.mark.parametrize("name", ["jo.obj", "jo.ply"])
@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda data: b"", Code.EMPTY_FILE),
        (lambda data: b"\x89PNG\r\n\x1a\n" + bytes(range(256)), Code.DECODE_ERROR),
        (lambda data: data.replace(b"200", b"nan", 1).replace(b"3", b"x", 40), Code.DECODE_ERROR),
        (lambda data: data[: len(data) // 2], Code.DECODE_ERROR),
    ],
    ids=["empty", "no mesh", "no number", "cut off"],
)
def test_a_file_that_is_no_whole_mesh_is_a_failure_of_its_own(name: str, damage, code: Code, tmp_path: Path) -> None:
    path, points = tmp_path / name, face_in_photograph()
    (write_obj if name.endswith("obj") else write_ply)(path, points)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RowError) as caught:
        read_mesh(str(path))
    assert caught.value.code == code


def test_an_obj_with_texture_keeps_its_surface_whole(tmp_path: Path) -> None:
    text = "mtllib ../../secret.mtl\nv 0 0 0\nv 9 0 0\nv 9 9 0\nv 0 9 1\nvt 0 0\nvt 1 0\nvt 1 1\nvt .5 .5\n"
    (tmp_path / "a.obj").write_text(text + "usemtl x\nf 1/1 2/2 3/3\nf 1/4 3/4 4/1\n")
    vertices, triangles = read_mesh(str(tmp_path / "a.obj"))
    assert len(vertices) == 4 and len(triangles) == 2


def test_one_mesh_is_not_taken_apart() -> None:
    points = face_in_photograph()
    assert len(repeated_parts(points, TRIANGLES)) == 1


@pytest.mark.parametrize(
    ("tool", "words"), [("photograph", "holds no mesh of photograph"), ("meshlab", "known: 3ddfa_v2")]
)
def test_a_folder_or_tool_that_cannot_be_right_stops_the_build(tool: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FexdataError, match=words):
        MeshFolder(str(tmp_path), tool)
