"""The embedded head: MediaPipe's vertices on a closed, smooth, mirror-symmetric surface."""

from __future__ import annotations

import numpy as np
import pytest

from fexdata.faces.canonical import canonical_vertices
from fexdata.faces.landmarks import FROM_478_TO_68, MIRROR_68
from fexdata.faces.mesh import triangle_normals
from fexdata.faces.models.default import default_model, unrolled
from fexdata.faces.models.ears import ears
from fexdata.faces.models.extension import extend
from fexdata.faces.models.head import cage
from fexdata.faces.models.rest import CLOSING, FAIRNESS, LID_FOLD, rest_face
from fexdata.faces.models.subdivision import edges, levels, subdivide
from fexdata.faces.self_intersection import self_intersections
from fexdata.faces.topology import LEFT_EYE_RIM, RIGHT_EYE_RIM, boundary_loops

REFLECTION = np.array([-1.0, 1.0, 1.0])


def skin_triangles() -> np.ndarray:
    model = default_model()
    first_of_ears = len(model.mean) - len(ears().vertices)
    return model.triangles[(model.triangles < first_of_ears).all(axis=1)]


def test_the_first_468_vertices_are_the_face_at_rest() -> None:
    np.testing.assert_allclose(default_model().mean[:468], rest_face(), atol=1e-4)


def test_away_from_lips_and_lids_the_rest_face_is_mediapipes_canonical_face() -> None:
    moved = np.linalg.norm(rest_face() - canonical_vertices() * 10, axis=1)
    features = {vertex for row in (*CLOSING, *LID_FOLD, RIGHT_EYE_RIM, LEFT_EYE_RIM) for vertex in row}
    named = np.array(sorted(features))
    assert moved[named].max() < 4.0
    landmarks = [v for v in FROM_478_TO_68[:36] if v not in features]
    assert moved[landmarks].max() <= FAIRNESS


def test_the_mouth_is_shut_and_the_eyes_are_open_at_rest() -> None:
    face = rest_face()
    assert 0.1 < face[14, 1] - face[13, 1] < 0.6
    assert face[145, 1] - face[159, 1] == pytest.approx(9.4, abs=0.3)


def test_the_mean_mirrors_onto_itself() -> None:
    model = default_model()
    assert model.mirror is not None
    np.testing.assert_array_equal(model.mirror[model.mirror], np.arange(len(model.mean)))
    np.testing.assert_allclose(model.mean[model.mirror] * REFLECTION, model.mean, atol=1e-4)


def test_the_triangles_mirror_onto_the_triangles() -> None:
    model = default_model()
    assert model.mirror is not None
    own = {tuple(sorted(triangle)) for triangle in model.triangles.tolist()}
    mirrored = {tuple(sorted(triangle)) for triangle in model.mirror[model.triangles].tolist()}
    assert own == mirrored


def test_the_skin_is_open_only_at_neck_mouth_and_eyes() -> None:
    loops = boundary_loops(skin_triangles())
    assert len(loops) == 4
    middles = sorted(default_model().mean[loop].mean(axis=0).round().tolist() for loop in loops)
    left, right = middles[0], middles[-1]
    neck, mouth = sorted(middles[1:-1], key=lambda middle: -middle[1])
    assert left[0] == -right[0] < -25 and -40 < left[1] < -15
    assert neck[1] > 150 and 38 < mouth[1] < 48


def test_triangles_wind_outwards() -> None:
    model = default_model()
    normals = triangle_normals(model.mean, model.triangles)
    middles = model.mean[model.triangles].mean(axis=1)
    face = (middles[:, 2] < -30) & (model.regions["face"][model.triangles].min(axis=1) > 0.9)
    towards = normals[face, 2] < 0
    assert towards.mean() > 0.97
    crown = middles[:, 1] < -100
    assert (normals[crown, 1] < 0).all()


def test_the_mean_skin_does_not_cross_itself() -> None:
    assert self_intersections(default_model().mean, skin_triangles()) == 0


def test_sizes_are_an_adults() -> None:
    skin = default_model().mean[np.unique(skin_triangles())]
    skull = skin[skin[:, 1] < 0]
    assert np.ptp(skull[:, 0]) == pytest.approx(158, abs=6)
    assert skull[:, 2].max() - rest_face()[9, 2] == pytest.approx(193, abs=8)
    assert rest_face()[152, 1] - skin[:, 1].min() == pytest.approx(230, abs=8)
    ear = ears().vertices[: len(ears().vertices) // 2]
    assert np.ptp(ear[:, 1]) == pytest.approx(62, abs=4)


def test_texture_coordinates_lie_in_the_picture_with_the_nose_in_its_middle() -> None:
    model = default_model()
    assert model.uv.min() >= 0 and model.uv.max() <= 1
    assert model.uv[4, 0] == pytest.approx(0.5, abs=1e-4)
    assert model.uv[234, 0] < 0.5 < model.uv[454, 0]
    assert model.uv[10, 1] < model.uv[152, 1]
    np.testing.assert_allclose(unrolled(model.mean[:468]), model.uv[:468], atol=1e-5)


def test_landmark_embeddings_are_mediapipes_points_on_every_head() -> None:
    model = default_model()
    assert model.landmarks_478 is not None and model.landmarks_68 is not None
    shape = model.shape(np.random.default_rng(3).standard_normal(len(model.identity_names)))
    np.testing.assert_allclose(model.landmarks_478.points(shape)[:468], shape[:468], rtol=1e-6)
    points = model.landmarks_68.points(model.mean)
    np.testing.assert_allclose(points, rest_face()[list(FROM_478_TO_68)], atol=1e-4)
    np.testing.assert_allclose(points[MIRROR_68] * REFLECTION, points, atol=1e-4)


def test_regions_are_weights_at_the_places_they_name() -> None:
    model = default_model()
    places = {"lips": 17, "upper_lip": 0, "nose": 4, "forehead": 151, "brow_left": 105, "brow_right": 334,
              "chin": 199, "cheek_left": 50, "upper_lid_left": 159, "lower_lid_right": 374, "face": 205}  # fmt: skip
    for name, vertex in places.items():
        nearby = np.linalg.norm(model.mean - model.mean[vertex], axis=1) < 6
        assert model.regions[name][nearby].max() > 0.5, name
    for name, weight in model.regions.items():
        assert weight.min() >= 0 and 0.5 < weight.max() <= 1, name
    assert model.regions["scalp"][4] == 0 and model.regions["beard"][151] == 0
    assert model.regions["brow_left"][model.mean[:, 0] > 1].max() == 0


def test_subdivision_takes_means_and_gives_the_same_matrix_again() -> None:
    head = cage()
    matrix, triangles = levels(head.triangles, len(head.vertices), 2)
    assert len(triangles) == 16 * len(head.triangles)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
    again, _ = levels(head.triangles, len(head.vertices), 2)
    assert (matrix != again).nnz == 0


def test_subdivision_keeps_the_order_of_vertices_and_the_winding() -> None:
    head = cage()
    matrix, triangles = subdivide(head.triangles, len(head.vertices))
    finer = matrix @ head.vertices
    assert np.linalg.norm(finer[: len(head.vertices)] - head.vertices, axis=1).max() < 12
    before, after = triangle_normals(head.vertices, head.triangles), triangle_normals(finer, triangles)
    agree = (np.repeat(before, 4, axis=0) * after).sum(axis=1) > 0
    assert agree.mean() > 0.99


def test_a_limit_vertex_of_a_regular_mesh_is_half_itself_and_a_twelfth_of_each_neighbour() -> None:
    ring = np.arange(6)
    fan = np.stack([np.zeros(6, int), 1 + ring, 1 + (ring + 1) % 6], axis=1)
    matrix, _ = levels(fan, 7, 0)
    np.testing.assert_allclose(matrix.toarray()[0], [1 / 2, *[1 / 12] * 6])


def test_an_edge_of_three_triangles_is_refused() -> None:
    with pytest.raises(ValueError, match="more than two"):
        edges(np.array([[0, 1, 2], [0, 1, 3], [0, 1, 4]]))


def test_extension_carries_a_constant_to_every_vertex() -> None:
    head = cage()
    rim = np.concatenate(boundary_loops(head.triangles))
    full = extend(head.triangles, head.vertices, rim, np.full((len(rim), 1), 2.5))
    np.testing.assert_allclose(full, 2.5, atol=1e-6)


def test_ears_stand_out_behind_the_face_between_brow_and_nose_base() -> None:
    model = default_model()
    ear = model.mean[(model.regions["ears"] > 0) & (model.mean[:, 0] < 0)]
    face = rest_face()
    assert ear[:, 0].min() < face[234, 0] - 10
    assert ear[:, 2].min() > face[234, 2] - 8
    assert face[105, 1] - 8 < ear[:, 1].min() < face[159, 1] - 8
    assert face[1, 1] < ear[:, 1].max() < face[0, 1]


def test_expressions_leave_skull_and_neck_alone_and_move_what_follows_the_jaw() -> None:
    model = default_model()
    opened = model.expression_basis[model.expression_names.index("AU26")]
    moved = np.linalg.norm(opened, axis=1)
    assert moved[cage().rings[-1]].max() == 0
    assert moved[model.mean[:, 1] < -110].max() < 0.01
    ring = cage().rings[1]
    x, y, _ = cage().vertices[ring].T
    assert moved[ring[(np.abs(x) < 15) & (y > 80)]].min() > 0.4 * moved[152]
