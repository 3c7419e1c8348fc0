"""Normals, turned-over triangles, and the zero of depth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshes import bump, real_landmarks, tilted_quad

from fexdata.faces.canonical import canonical_vertices
from fexdata.faces.landmarks import MIRROR_478
from fexdata.faces.mesh import eye_corner_depth, flipped_fraction, projected_area, triangle_normals, vertex_normals
from fexdata.faces.pose import head_rotation, rotation
from fexdata.faces.topology import Label, coarse_478


def test_a_plane_has_one_normal_towards_the_viewer() -> None:
    normals = vertex_normals(*tilted_quad())
    expected = np.array([0.3, -0.2, -1]) / np.sqrt(1 + 0.3**2 + 0.2**2)
    np.testing.assert_allclose(normals, np.tile(expected, (4, 1)), atol=1e-6)


def test_vertex_normals_are_area_weighted_means() -> None:
    vertices, triangles = bump()
    total = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(total, triangles[:, corner], triangle_normals(vertices, triangles))
    expected = total / np.linalg.norm(total, axis=1, keepdims=True)
    np.testing.assert_allclose(vertex_normals(vertices, triangles), expected, atol=1e-6)


def test_vertices_without_area_face_the_viewer() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [9, 9, 9]])
    normals = vertex_normals(vertices, np.array([[0, 1, 2]]))
    assert normals.tolist() == [[0, 0, -1]] * 4


@given(st.integers(0, 2**32 - 1))
def test_normals_turn_with_the_mesh(seed: int) -> None:
    angles = np.random.default_rng(seed).uniform(-180, 180, 3)
    turn = rotation(*angles)
    vertices, triangles = bump(side=12)
    turned = vertex_normals(vertices @ turn.T, triangles)
    np.testing.assert_allclose(turned, vertex_normals(vertices, triangles) @ turn.T, atol=1e-5)


def test_indices_outside_the_mesh_are_refused() -> None:
    with pytest.raises(ValueError, match="outside 0 to 2"):
        vertex_normals(np.zeros((3, 3)), np.array([[0, 1, 3]]))


@pytest.mark.parametrize("name", ["single_face.jpg", "0-f1-su-ph.jpg", "45-m7-di-ph.jpg"])
def test_real_faces_have_next_to_no_flipped_triangles(name: str) -> None:
    points = real_landmarks(name)
    assert flipped_fraction(points, coarse_478(), canonical_vertices(), head_rotation(points)) < 0.01


def test_the_flipped_fraction_counts_the_triangles_that_were_turned_over() -> None:
    mesh, points = coarse_478(), real_landmarks()
    turn = head_rotation(points)
    facing = canonical_vertices().astype(np.float64) @ turn.T
    normals = triangle_normals(facing, mesh.triangles)
    counted = (normals[:, 2] < -0.3 * np.linalg.norm(normals, axis=1)) & (mesh.labels == Label.SKIN)
    # A reflected face shows its back everywhere, a half reflected one on that half.
    reflected = points * [-1, 1, 1]
    assert flipped_fraction(reflected, mesh, canonical_vertices(), turn) == 1
    triangle = mesh.triangles[np.flatnonzero(counted)[100]]
    points = points.copy()
    points[triangle[0], :2] += 2.2 * (points[triangle[1:], :2].mean(axis=0) - points[triangle[0], :2])
    over = np.count_nonzero(triangle_normals(points, mesh.triangles[counted])[:, 2] >= 0)
    assert over > 0
    assert flipped_fraction(points, mesh, canonical_vertices(), turn) == pytest.approx(over / counted.sum())


def test_a_mirrored_face_has_the_same_flipped_fraction() -> None:
    mesh, points = coarse_478(), real_landmarks("45-m7-di-ph.jpg")
    shares = [
        flipped_fraction(seen, mesh, canonical_vertices(), head_rotation(seen), facing=0.0)
        for seen in (points, (points * [-1, 1, 1])[MIRROR_478])
    ]
    assert shares[0] == pytest.approx(shares[1]) and shares[0] > 0.01


def test_eye_corner_depth_is_the_mean_of_four_vertices() -> None:
    vertices = np.zeros((478, 3))
    vertices[[33, 133, 362, 263], 2] = [1, 2, 3, 6]
    assert eye_corner_depth(vertices) == 3
    assert eye_corner_depth(vertices, [33, 33, 33, 263]) == 2.25


def test_the_projected_area_counts_fronts_and_backs_and_not_depth() -> None:
    corners = np.array([[0, 0, 0], [4, 0, 9], [0, 3, -5]], float)
    assert projected_area(corners, np.array([[0, 1, 2]])) == projected_area(corners, np.array([[0, 2, 1]])) == 6
    vertices, triangles = bump()
    expected = np.abs(triangle_normals(vertices, triangles)[:, 2]).sum() / 2
    assert projected_area(vertices, triangles) == pytest.approx(expected)
