"""Every rasteriser against closed forms, against each other, and against trimesh's rays."""

from __future__ import annotations

import numpy as np
import pytest
from meshes import QUAD, SLOPE, bump, real_landmarks, tilted_quad, with_normals

from fexdata.errors import FexdataError
from fexdata.faces.landmarks import MIRROR_478
from fexdata.faces.mesh import vertex_normals
from fexdata.faces.topology import coarse_478
from fexdata.render.rasterize import Maps, installed, rasterize

every_backend = pytest.mark.parametrize("backend", installed())
FACING = np.array([0, 0, -1.0])


def facing(vertices: np.ndarray) -> np.ndarray:
    return np.tile(FACING, (len(vertices), 1))


def by_rays(
    vertices: np.ndarray, normals: np.ndarray, triangles: np.ndarray, labels: np.ndarray, size: int
) -> tuple[Maps, np.ndarray]:
    """Maps from embree's first hits, and where those lie clearly inside a triangle: (H, W) bool."""
    import trimesh

    mesh = trimesh.Trimesh(vertices, triangles, process=False)
    y, x = np.mgrid[:size, :size].reshape(2, -1)
    origins = np.stack([x, y, np.full_like(x, -1000)], axis=1).astype(float)
    hit, ray, places = mesh.ray.intersects_id(
        origins, np.tile([0, 0, 1.0], (len(origins), 1)), multiple_hits=False, return_locations=True
    )
    weights = trimesh.triangles.points_to_barycentric(vertices[triangles[hit]], places)
    smooth = np.einsum("ni,nij->nj", weights, normals[triangles[hit]])
    depth, label = np.full(size * size, np.nan, np.float32), np.zeros(size * size, np.uint8)
    normal, clear = np.zeros((size * size, 3), np.float32), np.zeros(size * size, bool)
    depth[ray], label[ray], clear[ray] = -places[:, 2], labels[hit], weights.min(axis=1) > 0.01
    normal[ray] = smooth / np.linalg.norm(smooth, axis=1, keepdims=True) * [1, -1, -1]
    shape = (size, size)
    seen = np.full(size * size, -1, np.int32)
    seen[ray] = hit
    maps = Maps(depth.reshape(shape), normal.reshape(*shape, 3), label.reshape(shape), seen.reshape(shape), "rays")
    return maps, clear.reshape(shape)


def assert_alike(maps: Maps, truth: Maps, where: np.ndarray) -> None:
    """Depth within 0.01 px, normals within 1 degree, the same labels, wherever `where`."""
    assert np.count_nonzero(where) > 500
    np.testing.assert_array_equal(maps.label[where], truth.label[where])
    np.testing.assert_array_equal(maps.triangle[where], truth.triangle[where])
    np.testing.assert_allclose(maps.depth[where], truth.depth[where], atol=0.01)
    cosine = np.einsum("ni,ni->n", maps.normal[where], truth.normal[where])
    assert cosine.min() > np.cos(np.radians(1))


@every_backend
def test_a_tilted_quad_has_the_depth_and_normal_of_its_plane_at_every_pixel(backend: str) -> None:
    maps = rasterize(*with_normals(*tilted_quad(), label=3), size=64, backend=backend)
    y, x = np.mgrid[:64, :64]
    inside = (x >= QUAD[0][0]) & (x <= QUAD[1][0]) & (y >= QUAD[0][1]) & (y <= QUAD[1][1])
    plane = -(5 + SLOPE[0] * x + SLOPE[1] * y)
    np.testing.assert_allclose(maps.depth, np.where(inside, plane, np.nan), atol=1e-3)
    np.testing.assert_array_equal(maps.label, np.where(inside, 3, 0))
    towards = np.array([0.3, 0.2, 1]) / np.linalg.norm([0.3, 0.2, 1])  # y and z turned to the viewer
    np.testing.assert_allclose(maps.normal, inside[..., None] * towards, atol=1e-5)


@every_backend
def test_an_asymmetric_triangle_covers_the_pixels_of_a_written_out_grid(backend: str) -> None:
    corners = np.array([[1, 0.5, 0], [5.2, 1.4, 0], [1.6, 3.9, 0]])
    maps = rasterize(corners, facing(corners), np.array([[0, 2, 1]]), np.array([1]), size=6, backend=backend)
    rows = ["".join(".#"[value] for value in row) for row in maps.label]
    assert rows == ["......", "..##..", "..###.", "..#...", "......", "......"]


@every_backend
@pytest.mark.parametrize("made", [tilted_quad, bump], ids=["quad", "bump"])
def test_closed_forms_agree_with_rays(made: object, backend: str) -> None:
    scene = with_normals(*made())  # type: ignore[operator]
    truth, clear = by_rays(*scene, size=64)
    maps = rasterize(*scene, size=64, backend=backend)
    assert_alike(maps, truth, clear)
    assert np.count_nonzero((maps.label > 0) & (truth.label == 0)) <= 2  # on the rim itself


@every_backend
def test_a_real_face_agrees_with_rays(backend: str) -> None:
    mesh, points = coarse_478(), real_landmarks()
    scene = (points, vertex_normals(points, mesh.triangles), mesh.triangles, mesh.labels)
    truth, clear = by_rays(*scene, size=256)
    maps = rasterize(*scene, size=256, backend=backend)
    assert_alike(maps, truth, clear)
    assert set(np.unique(maps.label)) == {0, 1, 2, 3}
    assert not ((maps.label > 0) & (truth.label == 0)).sum() > 20  # on the rim itself


@every_backend
def test_the_bump_rises_towards_the_viewer_where_its_formula_says(backend: str) -> None:
    maps = rasterize(*with_normals(*bump()), size=64, backend=backend)
    y, x = np.mgrid[:64, :64]
    hill = 14 * np.exp(-((x - 24) ** 2) / 160 - (y - 37) ** 2 / 70) + 4 * np.exp(-((x - 45) ** 2 + (y - 18) ** 2) / 40)
    middle = (slice(10, 50), slice(15, 55))
    assert np.abs(maps.depth - (hill - 3 - 0.1 * x))[middle].max() < 0.25  # the mesh is coarse
    # Left of the summit the surface faces left, above it up.
    assert maps.normal[37, 16, 0] < -0.3 and maps.normal[30, 24, 1] > 0.3


@every_backend
def test_mirroring_the_mesh_mirrors_the_maps(backend: str) -> None:
    mesh, points, size = coarse_478(), real_landmarks("45-m7-di-ph.jpg", 128), 128
    flipped = points[MIRROR_478] * [-1, 1, 1] + [size - 1, 0, 0]
    maps, mirrored = (
        rasterize(v, vertex_normals(v, mesh.triangles), mesh.triangles, mesh.labels, size=size, backend=backend)
        for v in (points, flipped)
    )
    np.testing.assert_array_equal(mirrored.label, maps.label[:, ::-1])
    np.testing.assert_allclose(mirrored.depth, maps.depth[:, ::-1], atol=1e-3)
    np.testing.assert_allclose(mirrored.normal, maps.normal[:, ::-1] * [-1, 1, 1], atol=1e-3)


@every_backend
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 0, 2]])
def test_of_equally_near_triangles_the_first_wins(order: list[int], backend: str) -> None:
    corners = np.array([[0, 0, 1.1], [7, 1, 2.3], [1, 7, 3.7]])
    maps = rasterize(corners, facing(corners), np.array([[0, 1, 2], order]), np.array([2, 3]), size=8, backend=backend)
    assert set(np.unique(maps.label)) == {0, 2}


@every_backend
def test_a_common_edge_on_pixel_centres_leaves_no_gap_and_goes_to_the_first(backend: str) -> None:
    corners = np.array([[0, 0, 0], [6, 0, 0], [6, 6, 0], [0, 6, 0]], float)
    for triangles in ([[0, 2, 1], [0, 3, 2]], [[0, 3, 2], [0, 2, 1]]):
        maps = rasterize(corners, facing(corners), np.array(triangles), np.array([1, 2]), size=7, backend=backend)
        assert (maps.label > 0).all()
        assert (np.diagonal(maps.label) == 1).all()


@every_backend
def test_the_nearer_triangle_wins_whatever_the_order_and_the_winding(backend: str) -> None:
    corners = np.array([[0, 0, 5], [9, 0, 5], [0, 9, 5], [0, 0, -5], [9, 0, -5], [0, 9, -5]], float)
    for triangles, labels in (([[0, 1, 2], [3, 5, 4]], [1, 2]), ([[3, 4, 5], [0, 2, 1]], [2, 1])):
        maps = rasterize(corners, facing(corners), np.array(triangles), np.array(labels), size=10, backend=backend)
        assert maps.label[2, 2] == 2 and maps.depth[2, 2] == 5


@every_backend
def test_triangles_smaller_than_a_pixel_show_only_on_a_pixel_centre(backend: str) -> None:
    small = np.array([[-0.3, -0.2, 1], [0.3, -0.2, 1], [0, 0.4, 1]])
    for middle, expected in (([3, 4, 0], 1), ([3.5, 4.5, 0], 0)):
        corners = small + middle
        maps = rasterize(corners, facing(corners), np.array([[0, 2, 1]]), np.array([1]), size=8, backend=backend)
        assert maps.label.sum() == expected and maps.label[4, 3] == expected


@every_backend
@pytest.mark.parametrize("shift", [[-50, 0, 0], [50, 0, 0], [0, -50, 0], [0, 50, 0], [1e30, 0, 0], [0, -1e300, 0]])
def test_triangles_outside_the_picture_draw_nothing(shift: list[float], backend: str) -> None:
    corners = np.array([[0, 0, 0], [20, 0, 0], [0, 20, 0]]) + shift
    with np.errstate(over="ignore", invalid="ignore"):
        maps = rasterize(corners, facing(corners), np.array([[0, 2, 1]]), np.array([1]), size=16, backend=backend)
    assert not maps.label.any() and np.isnan(maps.depth).all() and not maps.normal.any()


@every_backend
def test_what_hangs_over_the_border_is_cut_off_there(backend: str) -> None:
    vertices, normals, triangles, labels = with_normals(*bump())
    whole = rasterize(vertices - np.array([-20, -20, 0]), normals, triangles, labels, size=96, backend=backend)
    part = rasterize(vertices - np.array([20, 15, 0]), normals, triangles, labels, size=30, backend=backend)
    window = (slice(35, 65), slice(40, 70))
    np.testing.assert_array_equal(part.label, whole.label[window])
    np.testing.assert_allclose(part.depth, whole.depth[window], atol=1e-4)


@every_backend
@pytest.mark.parametrize("z", [-1e5, 1e5])
def test_there_is_no_near_or_far_plane(z: float, backend: str) -> None:
    corners = np.array([[0, 0, z], [8, 0, z], [0, 8, z]])
    maps = rasterize(corners, facing(corners), np.array([[0, 2, 1]]), np.array([1]), size=8, backend=backend)
    assert maps.depth[1, 1] == -z


@every_backend
def test_triangles_without_area_draw_nothing(backend: str) -> None:
    corners = np.array([[0, 0, 0], [4, 4, 0], [8, 8, 0]], float)
    maps = rasterize(corners, facing(corners), np.array([[0, 1, 2], [1, 1, 2]]), np.array([1, 1]), size=8,
                     backend=backend)  # fmt: skip
    assert not maps.label.any()


@every_backend
def test_normals_that_cancel_out_face_the_viewer(backend: str) -> None:
    corners = np.array([[0, 0, 0], [8, 0, 0], [0, 8, 0]], float)
    maps = rasterize(corners, np.zeros((3, 3)), np.array([[0, 2, 1]]), np.array([1]), size=8, backend=backend)
    assert maps.normal[1, 1].tolist() == [0, 0, 1]


def test_the_same_mesh_gives_the_same_bytes_and_keeps_its_arrays() -> None:
    scene = with_normals(*bump())
    copies = [array.copy() for array in scene]
    for array in scene:
        array.flags.writeable = False
    first, second = rasterize(*scene, size=64), rasterize(*scene, size=64)
    arrays = ("depth", "normal", "label", "triangle")
    assert all(getattr(first, name).tobytes() == getattr(second, name).tobytes() for name in arrays)
    assert all(np.array_equal(a, b) for a, b in zip(scene, copies, strict=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vertices": np.zeros((4, 2))}, r"vertices must have shape \(V, 3\)"),
        ({"normals": np.zeros((3, 3))}, r"normals must have the vertices' shape"),
        ({"triangles": np.zeros((2, 4))}, r"triangles must have shape \(T, 3\)"),
        ({"triangles": np.array([[0, 1, 4], [0, 1, 2]])}, "outside 0 to 3"),
        ({"triangles": np.array([[0, 1, -1], [0, 1, 2]])}, "outside 0 to 3"),
        ({"labels": np.ones(3)}, r"labels must have shape \(2,\)"),
        ({"vertices": np.full((4, 3), np.inf)}, "finite"),
        ({"size": 0}, "at least 1 pixel"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(change: dict[str, object], message: str) -> None:
    vertices, normals, triangles, labels = with_normals(*tilted_quad())
    scene = {"vertices": vertices, "normals": normals, "triangles": triangles, "labels": labels, "size": 8}
    with pytest.raises(ValueError, match=message):
        rasterize(**(scene | change))  # type: ignore[arg-type]


def test_an_unknown_backend_is_named_with_the_known_ones() -> None:
    with pytest.raises(FexdataError, match=r"'opengl'.*numba.*reference, torch"):
        rasterize(*with_normals(*tilted_quad()), size=8, backend="opengl")
