"""Identities: people's measured spread, no broken surface, symmetric and asymmetric parts."""

from __future__ import annotations

import numpy as np
import pytest

from fexdata.faces.mesh import triangle_normals
from fexdata.faces.models.default import default_model, measurement_directions
from fexdata.faces.models.head import cage
from fexdata.faces.models.identity import without_rigid_motion
from fexdata.faces.self_intersection import self_intersections

REFLECTION = np.array([-1.0, 1.0, 1.0])

SPREADS = {
    "face breadth": (234, 454, 0.03, 0.055),
    "face height": (168, 152, 0.04, 0.07),
    "jaw breadth": (58, 288, 0.05, 0.09),
    "nose breadth": (129, 358, 0.06, 0.12),
    "nose length": (168, 2, 0.06, 0.11),
    "mouth breadth": (61, 291, 0.05, 0.10),
    "upper lip": (0, 13, 0.10, 0.22),
    "lower lip": (17, 14, 0.10, 0.22),
    "inner eye corners": (133, 362, 0.06, 0.12),
    "eye height": (159, 145, 0.07, 0.16),
}
"""Between which vertices, and the bounds of the standard deviation as a share of the mean."""


def drawn(count: int, seed: int) -> np.ndarray:
    """Coefficients (count, K) of people."""
    return np.random.default_rng(seed).standard_normal((count, len(default_model().identity_names)))


def faces(count: int, seed: int) -> np.ndarray:
    """MediaPipe's vertices (count, 468, 3) of people."""
    model = default_model()
    return model.mean[:468] + np.einsum("nk,kvd->nvd", drawn(count, seed), model.identity_basis[:, :468])


@pytest.mark.parametrize("name", SPREADS)
def test_measurements_spread_as_between_people(name: str) -> None:
    a, b, least, most = SPREADS[name]
    people = faces(400, seed=1)
    lengths = np.linalg.norm(people[:, a] - people[:, b], axis=1)
    assert least < lengths.std() / lengths.mean() < most


def test_two_people_differ_by_millimetres_after_the_best_motion() -> None:
    people = faces(60, seed=2)
    difference = people[::2] - people[1::2]
    left = without_rigid_motion(difference, default_model().mean[:468].astype(float))
    typical = np.sqrt((left**2).sum(axis=2).mean(axis=1))
    assert 2.5 < np.median(typical) < 9.0
    assert typical.min() > 1.5


def test_modes_are_named_and_symmetric_or_antisymmetric() -> None:
    model = default_model()
    assert model.mirror is not None
    for name, field in zip(model.identity_names, model.identity_basis, strict=True):
        reflected = field[model.mirror] * REFLECTION
        sign = {"symmetric": 1, "asymmetric": -1}[name.split("_")[0]]
        np.testing.assert_allclose(reflected, sign * field, atol=2e-3, err_msg=name)


def test_faces_are_nearly_symmetric() -> None:
    model = default_model()
    energy = (model.identity_basis[:, :468] ** 2).sum(axis=(1, 2))
    odd = np.array([name.startswith("asymmetric") for name in model.identity_names])
    assert 0.003 < energy[odd].sum() / energy.sum() < 0.1


def test_identity_holds_no_pose() -> None:
    model, points = default_model(), cage().vertices
    fields = model.identity_basis[:60, : len(points)].astype(float)
    still = without_rigid_motion(fields, points)
    assert np.abs(still - fields).max() < 0.1 * np.abs(fields).max()


def turned_over(coefficients: np.ndarray) -> np.ndarray:
    """Numbers of the triangles that point against the mean's."""
    model = default_model()
    rest = triangle_normals(model.mean, model.triangles)
    return np.flatnonzero((triangle_normals(model.shape(coefficients), model.triangles) * rest).sum(axis=1) < 0)


def test_people_have_no_triangle_turned_over() -> None:
    for z in drawn(30, seed=3):
        assert not len(turned_over(z))


def test_faces_at_two_sigma_in_every_mode_at_once_have_no_triangle_turned_over() -> None:
    model = default_model()
    ears = model.regions["ears"][model.triangles].max(axis=1) > 0
    for z in drawn(20, seed=4):
        far = 2 * np.sqrt(len(z)) * z / np.linalg.norm(z)
        assert ears[turned_over(far)].all()


def test_the_skin_of_people_hardly_crosses_itself() -> None:
    model = default_model()
    skin = model.triangles[model.regions["ears"][model.triangles].max(axis=1) == 0]
    crossings = [self_intersections(model.shape(z), skin) for z in drawn(20, seed=6)]
    assert np.median(crossings) == 0
    assert max(crossings) < 1e-3 * len(skin)


def test_lips_stay_together_and_eyes_open_in_everybody_at_rest() -> None:
    people = faces(300, seed=5)
    seam, opening = people[:, 14, 1] - people[:, 13, 1], people[:, 145, 1] - people[:, 159, 1]
    assert seam.min() > 0 and seam.max() < 1.5
    assert opening.min() > 4.5


@pytest.mark.parametrize(("name", "a", "b"), [("nose_breadth", 129, 358), ("mouth_breadth", 61, 291),
                                              ("jaw_breadth", 58, 288), ("masculinity", 58, 288)])  # fmt: skip
def test_a_named_direction_changes_its_measurement(name: str, a: int, b: int) -> None:
    model, direction = default_model(), measurement_directions()[name]
    assert np.linalg.norm(direction) == pytest.approx(1, abs=1e-5)
    wide, narrow = model.shape(2 * direction), model.shape(-2 * direction)
    assert np.linalg.norm(wide[a] - wide[b]) > 1.02 * np.linalg.norm(narrow[a] - narrow[b])


def test_the_model_is_the_same_whenever_it_is_built() -> None:
    kept = default_model()
    default_model.cache_clear()
    cage.cache_clear()
    assert default_model().sha256 == kept.sha256
