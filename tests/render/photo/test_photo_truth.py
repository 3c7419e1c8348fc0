"""The truth of a rendered photograph against rays, closed forms and its own mirror image."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from meshes import bump, tilted_quad
from photo_scenes import AWAY, camera, material, part, quad

from fexdata.faces.canonical import canonical_triangles, canonical_vertices
from fexdata.faces.pose import rotation
from fexdata.render.photo.scene import Camera, Part
from fexdata.render.photo.truth import Truth, cast

OFF_AXIS = Camera(700.0, (60.3, 71.9), (131, 127))


@functools.cache
def parts_of(name: str) -> list[Part]:
    """A mesh before the camera; pixels of the flat test meshes are taken as millimetres."""
    if name == "head":
        turn = rotation(25, -8, 5).astype(np.float32)
        vertices, triangles = canonical_vertices() * 10 @ turn.T, canonical_triangles()
    else:
        vertices, triangles = {"tilted quad": tilted_quad, "bump": bump}[name]()
        vertices = vertices - [32, 32, 0]
    return [part(vertices + np.array([0, 0, AWAY]), triangles, np.zeros((len(vertices), 2)), material())]


def by_rays(one: Part, of: Camera) -> tuple[Truth, np.ndarray]:
    """embree's first hits through the pixels' centres, and where they lie clearly inside a triangle: (H, W)."""
    import trimesh

    from fexdata.faces.mesh import vertex_normals

    mesh = trimesh.Trimesh(one.vertices.astype(np.float64), one.triangles, process=False)
    width, height = of.size
    y, x = np.mgrid[:height, :width].reshape(2, -1)
    ways = np.stack([(x - of.centre[0]) / of.focal, (y - of.centre[1]) / of.focal, np.ones_like(x)], 1)
    hit, ray, places = mesh.ray.intersects_id(
        np.zeros_like(ways), ways, multiple_hits=False, return_locations=True
    )  # fmt: skip
    corners = trimesh.triangles.points_to_barycentric(mesh.triangles[hit], places)
    smooth = np.einsum("ni,nij->nj", corners, vertex_normals(one.vertices, one.triangles)[one.triangles[hit]])
    found = Truth(
        depth=np.full(x.size, np.nan),
        normal=np.zeros((x.size, 3)),
        label=np.zeros(x.size, np.uint8),
        part=np.full(x.size, -1, np.int16),
        triangle=np.full(x.size, -1, np.int32),
        weights=np.zeros((x.size, 3)),
    )
    clear = np.zeros(x.size, bool)
    found.depth[ray], found.triangle[ray], found.weights[ray] = places[:, 2], hit, corners
    found.normal[ray] = smooth / np.linalg.norm(smooth, axis=1, keepdims=True)
    clear[ray] = corners.min(axis=1) > 0.01
    return found, clear


@pytest.mark.parametrize("name", ["tilted quad", "bump", "head"])
def test_depth_normal_and_triangle_are_those_that_rays_find(name: str) -> None:
    (one,) = parts_of(name)
    truth = cast([one], OFF_AXIS)
    rays, clear = by_rays(one, OFF_AXIS)
    seen = truth.part.ravel() == 0
    assert np.count_nonzero(clear) > 500
    assert np.count_nonzero(seen != np.isfinite(rays.depth)) < 0.01 * np.count_nonzero(seen)
    assert seen[clear].all()
    pixel = AWAY / OFF_AXIS.focal
    np.testing.assert_allclose(truth.depth.ravel()[clear], rays.depth[clear], atol=0.05 * pixel)
    cosine = np.einsum("ni,ni->n", truth.normal.reshape(-1, 3)[clear], rays.normal[clear])
    assert cosine.min() > np.cos(np.radians(1))
    assert (truth.triangle.ravel()[clear] == rays.triangle[clear]).mean() > 0.999


def test_weights_and_triangle_give_back_the_point_that_the_pixel_sees() -> None:
    (one,) = parts_of("head")
    truth = cast([one], OFF_AXIS)
    row, column = np.nonzero(truth.part == 0)
    corners = one.vertices[one.triangles[truth.triangle[row, column]]]
    point = np.einsum("nk,nkd->nd", truth.weights[row, column], corners)
    flat = OFF_AXIS.focal * point[:, :2] / point[:, 2:] + OFF_AXIS.centre
    # A 4096th of a pixel of rounding counts for more where the surface is seen edge on.
    assert np.percentile(np.abs(flat - np.column_stack([column, row])).max(axis=1), 99) < 0.01
    np.testing.assert_allclose(point[:, 2], truth.depth[row, column], atol=0.01)


def test_the_mirrored_mesh_has_the_mirrored_truth() -> None:
    vertices = canonical_vertices() * 10 + np.array([0, 0, AWAY], np.float32)
    mirrored = vertices * np.array([-1, 1, 1], np.float32)
    uv = np.zeros((len(vertices), 2))
    here = cast([part(vertices, canonical_triangles(), uv, material())], camera())
    there = cast([part(mirrored, canonical_triangles()[:, ::-1], uv, material())], camera())
    np.testing.assert_array_equal(np.isnan(here.depth), np.isnan(there.depth[:, ::-1]))
    np.testing.assert_allclose(here.depth, there.depth[:, ::-1], atol=1e-3)
    np.testing.assert_allclose(here.normal, there.normal[:, ::-1] * [-1, 1, 1], atol=1e-4)


def test_of_two_surfaces_the_nearer_is_shown_whatever_their_order() -> None:
    near, far = quad(40, z=850, label=2), quad(120, z=950, label=3)
    for parts, number in (([near, far], 0), ([far, near], 1)):
        truth = cast(parts, camera())
        assert (truth.label[64, 64], truth.part[64, 64]) == (2, number)
        assert (truth.label[30, 64], truth.part[30, 64]) == (3, 1 - number)
        assert truth.label[2, 64] == 0 and truth.part[2, 64] == -1 and np.isnan(truth.depth[2, 64])


@pytest.mark.parametrize("kind", ["cornea", "glass"])
def test_clear_surfaces_are_looked_through(kind: str) -> None:
    clear = quad(60, z=800, of=material(kind, 1.0), label=2)  # type: ignore[arg-type]
    behind = quad(100, z=900, label=1)
    truth = cast([clear, behind], camera())
    alone = cast([behind], camera())
    np.testing.assert_array_equal(truth.depth, alone.depth)
    assert set(np.unique(truth.part)) == {-1, 1}
    np.testing.assert_array_equal(truth.triangle, alone.triangle)


def test_neighbouring_triangles_leave_no_gap() -> None:
    truth = cast([quad(300, cells=97)], camera())
    assert (truth.part == 0).all()


def test_surfaces_behind_the_camera_are_not_drawn() -> None:
    assert (cast([quad(100, z=-AWAY)], camera()).part == -1).all()


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    good = quad(100)
    short = Part("short", good.vertices, good.triangles, good.uv[:3], good.material)
    with pytest.raises(ValueError, match="short: uv"):
        cast([short], camera())
