"""What the page is given to look at, decoded again."""

from __future__ import annotations

import json
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from fexdata.faces.topology import coarse_478
from fexdata.review import mesh, pictures, show
from fexdata.review.desk import Desk
from fexdata.review.refused import Refused


@pytest.fixture
def row(desk: Desk) -> int:
    return int(desk.orders.members("rejected")[0])


def decoded(file: show.File) -> np.ndarray:
    pixels = cv2.imdecode(np.frombuffer(file.data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return pixels


@pytest.mark.parametrize("kind", ["crop", "depth", "normal", "mask", "overlay", "heat"])
@pytest.mark.parametrize("size", [None, 96, 160, 1024])
def test_pictures_are_never_enlarged_and_never_larger_than_asked(
    desk: Desk, row: int, kind: str, size: int | None
) -> None:
    pixels = decoded(show.picture(desk, (row, row), kind, size))
    assert pixels.shape[:2] == (64, 64)  # as stored, which is smaller than every size
    small = pictures.shrunk(np.zeros((64, 48, 4), np.uint8), 32)
    assert small.shape == (32, 24, 4)


def test_maps_are_transparent_where_there_is_no_face(desk: Desk, row: int) -> None:
    stored = desk.catalog.pictures(row, ["depth"])["depth"]
    assert stored is not None
    for kind in ("depth", "normal"):
        assert np.array_equal(decoded(show.picture(desk, (row, row), kind, None))[..., 3] > 0, stored > 0)


def test_shrinking_lends_no_colour_from_transparent_pixels() -> None:
    picture = np.zeros((64, 64, 4), np.uint8)
    picture[:, :30] = (200, 100, 50, 255)
    small = pictures.shrunk(picture, 16)
    there = small[..., 3] > 0
    assert np.abs(small[there][:, :3].astype(int) - (200, 100, 50)).max() <= 2


def test_a_misplaced_mesh_shows_in_the_overlay(desk: Desk, row: int) -> None:
    stored = desk.catalog.pictures(row, ["image", "normal"])
    image, normals = stored["image"], stored["normal"]
    assert image is not None and normals is not None
    here = normals.any(axis=2)
    drawn = pictures.overlay(image, normals, None)
    assert np.array_equal(drawn[~here], image[~here])
    assert np.abs(drawn[here].astype(int) - image[here]).mean() > 10


def test_a_plant_shows_one_faces_crop_under_anothers_mesh(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(check_share=1.0)
    rows = desk.orders.members("accepted")[:2].tolist()
    own = decoded(show.picture(desk, (rows[0], rows[0]), "overlay", None)).astype(int)
    mixed = decoded(show.picture(desk, (rows[0], rows[1]), "overlay", None)).astype(int)
    assert np.abs(own - mixed).max() > 40
    crops = [decoded(show.picture(desk, (rows[0], other), "crop", None)) for other in rows]
    assert np.array_equal(*crops)


def test_the_mesh_file_holds_what_its_header_says(desk: Desk, row: int) -> None:
    data = show.mesh_file(desk, (row, row))
    assert data[:4] == b"FXM1"
    length = int.from_bytes(data[4:8], "little")
    header = json.loads(data[8 : 8 + length])
    counts = [header["vertices"] * 3, header["vertices"] * 3, header["triangles"] * 3, header["landmarks"] * 2,
              header["vertices"]]  # fmt: skip
    assert length % 4 == 0 and len(data) == 8 + length + 4 * sum(counts)
    parts = np.split(np.frombuffer(data[8 + length :], "<f4"), np.cumsum(counts)[:-1])
    vertices = desk.catalog.side("vertices", [row])
    assert vertices is not None and np.array_equal(parts[0].reshape(-1, 3), vertices[0])
    assert np.allclose(np.linalg.norm(parts[1].reshape(-1, 3), axis=1), 1, atol=1e-5)
    assert np.array_equal(parts[2].view("<u4").reshape(-1, 3), coarse_478().triangles)
    assert header["crop"] == 64 and header["residual"]["kind"] == "depth"


def test_a_row_without_a_mesh_is_refused(desk: Desk) -> None:
    without = int(np.flatnonzero(desk.catalog.with_crop & (desk.catalog.status == 3))[0])
    with pytest.raises(Refused, match="no mesh"):
        show.mesh_file(desk, (without, without))


# The fit's error


def face() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(vertices, 68 landmarks, depth map) of a flat face, 100 px between the eyes."""
    from fexdata.render.maps import encode_depth

    rng = np.random.default_rng(0)
    vertices = np.column_stack([rng.uniform(20, 236, (478, 2)), np.zeros(478)])
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[42:48, 0] = 100
    return vertices, landmarks, encode_depth(np.zeros((256, 256), np.float32))


def test_a_mesh_on_its_landmarks_is_compared_with_its_depth_map() -> None:
    vertices, landmarks, depth = face()
    found = mesh.residual(vertices, vertices, depth, landmarks, coarse_478().triangles)
    assert found is not None and found.kind == "depth" and found.worst < 0.02


def test_a_vertex_off_its_landmark_is_told_in_percent_of_the_eyes_distance() -> None:
    vertices, landmarks, depth = face()
    seen = vertices.copy()
    seen[7, 0] += 5
    found = mesh.residual(vertices, seen, depth, landmarks, coarse_478().triangles)
    assert found is not None and found.kind == "landmarks"
    assert found.values[7] == pytest.approx(5.0) and found.values[8] == 0


def test_a_vertex_behind_the_surface_is_told() -> None:
    vertices, landmarks, depth = face()
    vertices[5, 2] = 12
    found = mesh.residual(vertices, vertices, depth, landmarks, coarse_478().triangles)
    assert found is not None and found.values[5] == pytest.approx(12.0, abs=0.1)


def test_without_eyes_there_is_no_unit_and_no_error() -> None:
    vertices, _, depth = face()
    assert mesh.residual(vertices, vertices, depth, None, coarse_478().triangles) is None


def test_heat_colours_are_told_apart_in_lightness() -> None:
    colours = np.array([pictures.heat_colour(level) for level in np.linspace(0, 1, 11)])
    assert len({tuple(colour) for colour in colours.tolist()}) == 11
    assert tuple(colours[0]) == (26, 40, 92) and tuple(colours[-1]) == (150, 20, 20)
