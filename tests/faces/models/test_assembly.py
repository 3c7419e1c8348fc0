"""What happens to every publisher's arrays: frame, unit, winding, mirror map, texture."""

from __future__ import annotations

import numpy as np
import published_made as made
import pytest

from fexdata.faces.models.assembly import Published, assemble, columns, facing_out, partners, unit_of, unrolled
from fexdata.faces.models.face_model import FaceModel


def assembled(unit: str = "mm", **changes: object) -> FaceModel:
    fields = np.zeros((1, made.VERTICES, 3))
    values = {
        "mean": made.mean(), "triangles": made.triangles(), "identity": fields, "expression": fields,
        "expression_names": ("smile",), "unit": unit, "licence": "CC0", "source": "made",
    } | changes  # fmt: skip
    return assemble("made", Published(**values))  # type: ignore[arg-type]


def test_the_face_is_turned_to_look_along_minus_z_with_y_down() -> None:
    model = assembled()
    np.testing.assert_allclose(model.mean, made.mean() * made.TURN, atol=1e-4)
    assert model.mean[:, 2].argmin() == made.VERTICES // 2  # the middle of the mask is nearest


@pytest.mark.parametrize(("unit", "millimetres"), [("um", 1e-3), ("cm", 10.0), ("m", 1e3)])
def test_every_known_unit_becomes_millimetres(unit: str, millimetres: float) -> None:
    model = assembled(unit, mean=made.mean() / millimetres, identity=np.ones((1, made.VERTICES, 3)))
    np.testing.assert_allclose(model.mean, made.mean() * made.TURN, atol=1e-3)
    np.testing.assert_allclose(np.abs(model.identity_basis), millimetres, rtol=1e-6)
    assert model.units == "mm"


def test_an_unknown_unit_is_kept_and_said() -> None:
    model = assembled("arbitrary")
    assert model.units == "arbitrary"
    np.testing.assert_allclose(model.mean, made.mean() * made.TURN, atol=1e-4)


@pytest.mark.parametrize("inside_out", [False, True])
def test_triangles_face_outwards_however_they_came(inside_out: bool) -> None:
    came = made.triangles()[:, ::-1] if inside_out else made.triangles()
    points = made.mean() * made.TURN
    corners = points[facing_out(points, came)]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (normals[:, 2] < 0).all()


def test_partners_are_mirror_images() -> None:
    found = partners(made.mean())
    assert found is not None
    np.testing.assert_allclose(made.mean()[found], made.mean() * [-1, 1, 1], atol=1e-9)
    shifted = made.mean() + np.array([20.0, 0, 0])
    np.testing.assert_array_equal(partners(shifted), found)


def test_a_face_without_symmetry_has_no_partners() -> None:
    askew = made.mean()
    askew[5] += [4, 0, 0]
    assert partners(askew) is None


def test_unrolling_grows_to_the_right_and_down() -> None:
    uv = unrolled((made.mean() * made.TURN).astype(np.float32)).reshape(made.SIDE, made.SIDE, 2)
    assert uv.min() >= 0 and uv.max() <= 1
    assert (np.diff(uv[:, :, 0], axis=1) > 0).all() and (np.diff(uv[:, :, 1], axis=0) > 0).all()
    np.testing.assert_allclose(uv[:, made.SIDE // 2, 0], 0.5, atol=1e-6)


def test_columns_are_ordered_by_vertex_and_scaled() -> None:
    basis = np.arange(12.0).reshape(6, 2)
    np.testing.assert_array_equal(columns(basis, np.array([1.0, 10.0]))[1], [[10, 30, 50], [70, 90, 110]])
    with pytest.raises(ValueError, match="3 standard deviations"):
        columns(basis, np.ones(3))


@pytest.mark.parametrize(
    ("scale", "unit"), [(1.0, "mm"), (0.1, "cm"), (0.001, "m"), (1000.0, "um"), (0.013, "arbitrary")]
)
def test_the_unit_is_told_by_the_width(scale: float, unit: str) -> None:
    assert unit_of(made.mean() * scale) == unit


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"mean": np.zeros((0, 3))}, "mean has shape"),
        ({"mean": np.full((made.VERTICES, 3), np.nan)}, "mean has numbers"),
        ({"expression": np.full((1, made.VERTICES, 3), np.inf)}, "expression has numbers"),
        ({"triangles": np.zeros((0, 3))}, "triangles have shape"),
        ({"triangles": np.array([[0, 1, -1]])}, "outside 0 to 80"),
        ({"expression_names": ("smile", "frown")}, "expression_basis has shape"),
    ],
)
def test_arrays_that_do_not_fit_are_named(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        assembled(**changes)  # type: ignore[arg-type]
