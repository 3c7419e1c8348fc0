"""Holes are closed, smoothly, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from meshes import bump, real_landmarks, tilted_quad, with_normals

from fexdata.faces.mesh import vertex_normals
from fexdata.faces.topology import Label, coarse_478
from fexdata.render.fill import fill_missing
from fexdata.render.rasterize import Maps, rasterize


def without(maps: Maps, where: np.ndarray | tuple[slice, slice]) -> Maps:
    """The maps with nothing drawn at `where`."""
    holed = replace(maps, depth=maps.depth.copy(), normal=maps.normal.copy(), label=maps.label.copy())
    holed.depth[where], holed.normal[where], holed.label[where] = np.nan, 0, 0
    return holed


def quad() -> Maps:
    return rasterize(*with_normals(*tilted_quad()), size=64)


def test_a_hole_in_a_plane_becomes_the_plane() -> None:
    whole = quad()
    filled = fill_missing(without(whole, (slice(15, 27), slice(20, 31))))
    np.testing.assert_allclose(filled.depth, whole.depth, atol=0.01)
    np.testing.assert_allclose(filled.normal, whole.normal, atol=1e-3)


def test_exactly_the_hole_is_labelled_interpolated_and_the_rest_is_untouched() -> None:
    whole = rasterize(*with_normals(*bump()), size=64)
    holes = np.zeros((64, 64), bool)
    holes[20:30, 25:28] = holes[40, 12] = holes[45:48, 40:50] = True
    holed = without(whole, holes)
    before = replace(holed, depth=holed.depth.copy(), normal=holed.normal.copy(), label=holed.label.copy())
    filled = fill_missing(holed)
    np.testing.assert_array_equal(filled.label == Label.INTERPOLATED, holes)
    for name in ("depth", "normal", "label", "triangle"):
        np.testing.assert_array_equal(getattr(filled, name)[~holes], getattr(whole, name)[~holes])
        np.testing.assert_array_equal(getattr(holed, name), getattr(before, name))  # the caller's own maps


def test_filled_depth_stays_between_the_depths_of_its_rim_and_normals_are_unit() -> None:
    whole = rasterize(*with_normals(*bump()), size=64)
    hole = np.zeros((64, 64), bool)
    hole[31:43, 18:31] = True  # the summit itself
    filled = fill_missing(without(whole, hole))
    rim = np.pad(hole, 1)
    rim = (rim[:-2, 1:-1] | rim[2:, 1:-1] | rim[1:-1, :-2] | rim[1:-1, 2:]) & ~hole
    assert whole.depth[rim].min() <= filled.depth[hole].min()
    assert filled.depth[hole].max() <= whole.depth[rim].max() < whole.depth[hole].max()
    np.testing.assert_allclose(np.linalg.norm(filled.normal[hole], axis=-1), 1, atol=1e-6)


def test_a_bay_open_to_the_border_is_not_a_hole() -> None:
    maps = without(quad(), (slice(20, 30), slice(0, 30)))
    assert fill_missing(maps) is maps


def test_a_hole_joined_to_the_outside_only_over_a_corner_is_a_hole() -> None:
    whole = quad()  # columns 11 to 50, rows 9 to 40
    holes = np.zeros((64, 64), bool)
    holes[10, 12] = holes[9, 11] = True  # (9, 11) is outside's own corner
    filled = fill_missing(without(whole, holes))
    assert filled.label[10, 12] == Label.INTERPOLATED and filled.label[9, 11] == Label.NONE


@pytest.mark.parametrize("size", [1, 2, 64])
def test_empty_and_full_maps_stay_as_they_are(size: int) -> None:
    for label in (0, 1):
        maps = Maps(np.zeros((size, size), np.float32), np.zeros((size, size, 3), np.float32),
                    np.full((size, size), label, np.uint8), np.full((size, size), -1, np.int32), "")  # fmt: skip
        assert fill_missing(maps) is maps


def test_a_face_whose_eyes_and_mouth_are_left_out_gets_them_back() -> None:
    mesh, points = coarse_478(), real_landmarks()
    normals, skin = vertex_normals(points, mesh.triangles), mesh.labels == Label.SKIN
    whole = rasterize(points, normals, mesh.triangles, mesh.labels, size=256)
    filled = fill_missing(rasterize(points, normals, mesh.triangles[skin], mesh.labels[skin], size=256))
    np.testing.assert_array_equal(filled.label == Label.INTERPOLATED, (whole.label == 2) | (whole.label == 3))
    assert np.nanmax(np.abs(filled.depth - whole.depth)) < 3
    np.testing.assert_array_equal(np.isnan(filled.depth), np.isnan(whole.depth))
