"""Coefficients per row, and a mesh from them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from meshes import real_landmarks

from fexdata.dataset.fields import meta, names_of
from fexdata.errors import Failure
from fexdata.faces.landmarks import EYE_CORNERS_478, to_68
from fexdata.faces.models.default import default_model
from fexdata.stages.base import Row
from fexdata.stages.fit import Fit
from fexdata.stages.reconstruct import Reconstruct


def run(*landmarks: np.ndarray, **settings: Any) -> list[Any]:
    stage = Fit(Fit.Config(**settings))
    rows = [
        Row(str(number), {"landmarks_478": points, "landmarks_68": to_68(points)[:, :2]}, lambda: np.empty(0))
        for number, points in enumerate(landmarks)
    ]
    return list(stage.run(rows))


def test_a_row_gets_every_column_in_its_shape() -> None:
    (out,) = run(real_landmarks())
    schema = Fit(Fit.Config.model_validate({})).schema()
    assert set(out) == set(schema.names)
    for name in ("expression_params", "expression_confidence", "identity_params"):
        assert out[name].shape == (len(names_of(schema.field(name))),)
    assert out["basis_id"] == f"fexdata-head-{default_model().sha256[:12]}"
    assert json.loads(meta(schema.field("expression_params"), "unseen")) == []


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    points = real_landmarks()
    others = [points + np.random.default_rng(k).normal(0, 1, points.shape) for k in range(18)]
    alone, among = run(points)[0], run(*others, points)[-1]
    for name, value in alone.items():
        np.testing.assert_array_equal(value, among[name], err_msg=name)


def test_landmarks_without_extent_fail_their_own_row_alone() -> None:
    points = real_landmarks()
    nothing, unknown = np.zeros_like(points), np.full_like(points, np.nan)
    first, second, third = run(nothing, points, unknown)
    assert isinstance(first, Failure)
    assert isinstance(third, Failure)
    np.testing.assert_array_equal(second["expression_params"], run(points)[0]["expression_params"])


def test_the_fitted_face_lies_on_the_landmarks() -> None:
    points = real_landmarks()
    for count in (478, 68):
        (out,) = run(points, landmarks=count)
        apart = np.linalg.norm(out["fitted_478"][:, :2] - points[:, :2], axis=1)
        assert np.median(apart) < 0.05 * np.ptp(points[:, 0])
        assert 0 < out["fit_residual"] < 0.05


def test_reconstruct_takes_the_fitted_face() -> None:
    points = real_landmarks()
    (fitted,) = run(points)
    stage = Reconstruct(Reconstruct.Config(backend="fit"))
    assert stage.reads == ("fitted_478",)
    (out,) = stage.run([Row("0", {"fitted_478": fitted["fitted_478"]}, lambda: np.empty(0))])
    np.testing.assert_allclose(out["vertices"][:, :2], fitted["fitted_478"][:, :2], atol=1e-3)
    assert abs(out["vertices"][list(EYE_CORNERS_478), 2].mean()) < 1e-3
    assert out["vertices"][4, 2] < -20
