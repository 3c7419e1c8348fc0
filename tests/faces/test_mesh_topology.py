"""The 478-point face: closed, consistently wound, symmetric, and labelled."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.canonical import canonical_vertices
from fexdata.faces.landmarks import EYES_478, MIRROR_478
from fexdata.faces.mesh import triangle_normals
from fexdata.faces.topology import (
    LEFT_EYE_RIM,
    MOUTH_RIM,
    RIGHT_EYE_RIM,
    Label,
    boundary_loops,
    coarse_478,
    source_hashes,
    topology,
)


def test_the_face_is_one_disc_whose_eyes_and_mouth_are_closed() -> None:
    mesh = coarse_478()
    edges = {frozenset((t[i], t[i - 1])) for t in mesh.triangles.tolist() for i in range(3)}
    assert len(mesh.triangles) == 898
    assert 468 - len(edges) + 898 == 1  # Euler's number of a disc
    assert len(mesh.boundary) == 36 and set(mesh.boundary) >= {10, 152, 234, 454}  # forehead, chin, both ears


def test_no_edge_has_two_triangles_on_one_side() -> None:
    triangles = coarse_478().triangles.tolist()
    directed = Counter((t[i], t[(i + 1) % 3]) for t in triangles for i in range(3))
    assert max(directed.values()) == 1


def test_visible_triangles_of_the_canonical_face_point_to_the_viewer() -> None:
    normals = triangle_normals(canonical_vertices().astype(np.float64), coarse_478().triangles)
    # Ten triangles round the mouth's corners and nostrils are turned away in MediaPipe's own mesh.
    assert np.count_nonzero(normals[:, 2] >= 0) == 10


def test_labels_cover_exactly_what_the_rims_enclose() -> None:
    mesh = coarse_478()
    assert np.bincount(mesh.labels).tolist() == [0, 852, 28, 18]
    for label, rims in ((Label.EYE, (LEFT_EYE_RIM, RIGHT_EYE_RIM)), (Label.MOUTH, (MOUTH_RIM,))):
        loops = boundary_loops(mesh.triangles[mesh.labels == label])
        assert {frozenset(loop.tolist()) for loop in loops} == {frozenset(rim) for rim in rims}


def test_eye_rims_are_mediapipes_eyes() -> None:
    from mediapipe.python.solutions import face_mesh_connections as connections

    assert set(RIGHT_EYE_RIM) == {v for edge in connections.FACEMESH_RIGHT_EYE for v in edge}
    assert set(LEFT_EYE_RIM) == {v for edge in connections.FACEMESH_LEFT_EYE for v in edge}
    assert set(MOUTH_RIM) < {v for edge in connections.FACEMESH_LIPS for v in edge}
    assert set(EYES_478[0]) < set(RIGHT_EYE_RIM) and set(EYES_478[1]) < set(LEFT_EYE_RIM)


def test_the_mirrored_face_has_the_same_triangles_wound_the_other_way() -> None:
    mesh = coarse_478()

    def oriented(triangles: np.ndarray) -> set[tuple[int, ...]]:
        return {tuple(np.roll(t, -int(np.argmin(t))).tolist()) for t in triangles}

    mirrored = MIRROR_478[mesh.triangles][:, ::-1]
    assert oriented(mirrored) == oriented(mesh.triangles)
    labels = {frozenset(t): label for t, label in zip(mesh.triangles.tolist(), mesh.labels, strict=True)}
    assert all(labels[frozenset(t)] == label for t, label in zip(mirrored.tolist(), mesh.labels, strict=True))


def test_shared_arrays_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        coarse_478().triangles[0, 0] = 5


def test_an_unknown_geometry_is_named_with_the_known_ones() -> None:
    with pytest.raises(FexdataError, match=r"'flame'.*coarse-478"):
        topology("flame")


def test_source_hashes_are_those_of_the_files() -> None:
    hashes = source_hashes()
    assert set(hashes) == {"canonical_face_tessellation.json", "canonical_face_model.pt"}
    assert all(len(value) == 64 for value in hashes.values())


def test_boundary_loops_follow_the_direction_of_the_triangles() -> None:
    square = np.array([[0, 1, 2], [0, 2, 3]])
    assert [loop.tolist() for loop in boundary_loops(square)] == [[0, 1, 2, 3]]
    assert [loop.tolist() for loop in boundary_loops(square[:, ::-1])] == [[0, 3, 2, 1]]
