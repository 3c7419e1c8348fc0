"""Pairs of triangles that pass through each other, against every pair solved one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from meshes import real_landmarks

from fexdata.faces.canonical import canonical_vertices
from fexdata.faces.landmarks import MIRROR_478
from fexdata.faces.self_intersection import self_intersections
from fexdata.faces.topology import coarse_478

FLAT = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0]], float)
TWO = np.array([[0, 1, 2], [3, 4, 5]])


def by_equations(vertices: np.ndarray, triangles: np.ndarray, of: int | None = None) -> int:
    """Every edge against every triangle: s + u (e - s) = a + v (b - a) + w (c - a). With `of`, only
    pairs of which one triangle has that vertex."""
    found = 0
    for first, second in itertools.combinations(triangles.tolist(), 2):
        if not set(first) & set(second) and (of is None or of in first + second):
            found += crosses(vertices, first, second) or crosses(vertices, second, first)
    return found


def crosses(vertices: np.ndarray, edges_of: list[int], inside: list[int]) -> bool:
    a, b, c = vertices[inside]
    for i in range(3):
        s, e = vertices[edges_of[i]], vertices[edges_of[i - 1]]
        matrix = np.stack([e - s, a - b, a - c], axis=1)
        if abs(np.linalg.det(matrix)) > 1e-9:
            u, v, w = np.linalg.solve(matrix, a - s)
            if 0 < u < 1 and v > 0 and w > 0 and v + w < 1:
                return True
    return False


@pytest.mark.parametrize("seed", range(8))
def test_counts_agree_with_solving_every_pair(seed: int) -> None:
    random = np.random.default_rng(seed)
    vertices = random.uniform(0, 10, (60, 3))
    triangles = random.permuted(np.tile(np.arange(60), (40, 1)), axis=1)[:, :3]
    expected = by_equations(vertices, triangles)
    assert expected > 40
    assert self_intersections(vertices, triangles) == expected


@pytest.mark.parametrize(
    ("shift", "expected"),
    [((1, 1, -1), 1), ((1, 1, 0.001), 0), ((1, 1, -2), 0), ((9, 9, -1), 0), ((2, 2, -1), 0)],
    ids=["pierces", "just above", "its top only touches", "beside", "meets an edge only"],
)
def test_only_proper_intersections_count(shift: tuple[float, float, float], expected: int) -> None:
    upright = np.array([[0, 0, 0], [0, 0, 2], [1, 1, 2]]) + shift
    assert self_intersections(np.vstack([FLAT, upright]), TWO) == expected


def test_triangles_in_one_plane_do_not_count() -> None:
    assert self_intersections(np.vstack([FLAT, FLAT - [-1, -1, 0]]), TWO) == 0


def test_neighbours_do_not_count() -> None:
    vertices = np.vstack([FLAT, [[1, 1, -1], [1, 1, 1]]])
    assert self_intersections(vertices, np.array([[0, 1, 2], [0, 3, 4]])) == 0


def test_the_canonical_face_and_a_real_one_are_clean() -> None:
    triangles = coarse_478().triangles
    assert self_intersections(canonical_vertices(), triangles) == 0
    assert self_intersections(real_landmarks(), triangles) == 0


def test_a_lip_pushed_through_the_other_is_found_whatever_scale_and_side() -> None:
    triangles, points = coarse_478().triangles, real_landmarks().copy()
    middle_of_lower_lip = 14
    points[middle_of_lower_lip, 1] -= 25
    counted = self_intersections(points, triangles)
    assert counted == by_equations(points, triangles, of=middle_of_lower_lip) > 0
    assert self_intersections(points / 1000, triangles) == counted
    assert self_intersections((points * [-1, 1, 1])[MIRROR_478], triangles) == counted


def test_vertices_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        self_intersections(np.full((3, 3), np.nan), np.array([[0, 1, 2]]))


def test_no_triangles_do_not_intersect() -> None:
    assert self_intersections(FLAT, np.empty((0, 3), np.int32)) == 0
