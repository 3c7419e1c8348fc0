"""Landmarks that a model lacks are placed by those that it has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import published_made as made
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.models.assembly import Published, assemble
from fexdata.faces.models.default import default_model
from fexdata.faces.models.face_model import Embedding, FaceModel, at_vertices
from fexdata.faces.models.ict import load_ict
from fexdata.faces.models.landmark_completion import completed

ASSET = Path(__file__).parents[4] / "shared" / "assets" / "ict-facekit"
needs_asset = pytest.mark.skipif(not ASSET.is_dir(), reason="ICT-FaceKit is not in ../shared/assets")
JAW = np.arange(17)
BASELS = (8, 30, 33, 36, 39, 42, 45, 48, 51, 54, 57, 62, 66)


def without(model: FaceModel, hidden: np.ndarray) -> FaceModel:
    assert model.landmarks_68 is not None
    weights = model.landmarks_68.weights.copy()
    weights[hidden] = np.nan
    return replace(model, landmarks_68=Embedding(model.landmarks_68.vertices, weights), sha256="")


def places(model: FaceModel) -> np.ndarray:
    """(68, 3) mm."""
    assert model.landmarks_68 is not None
    return model.landmarks_68.points(model.mean) * {"mm": 1.0, "cm": 10.0}[model.units]


def test_the_embedded_heads_own_points_are_found_again() -> None:
    head = default_model()
    found = completed(without(head, np.array([3, 17, 38, 60, 64])))
    np.testing.assert_allclose(places(found), places(head), atol=0.02)


def test_points_that_are_known_stay() -> None:
    head = default_model()
    hidden = np.array([3, 60])
    moved = replace(head, mean=head.mean * np.array([1.1, 0.95, 1.0], np.float32), sha256="")
    found = completed(without(moved, hidden))
    known = np.setdiff1d(np.arange(68), hidden)
    np.testing.assert_array_equal(places(found)[known], places(moved)[known])
    np.testing.assert_allclose(places(found)[60], places(moved)[60], atol=1.0)


def test_a_whole_set_is_left_alone() -> None:
    assert completed(default_model()) is default_model()


@needs_asset
@pytest.mark.parametrize(("known", "far"), [(np.setdiff1d(np.arange(17, 68), (60, 64)), 3.0), (np.array(BASELS), 6.0)])
def test_another_heads_points_are_near_its_own(known: np.ndarray, far: float) -> None:
    ict = load_ict(ASSET)
    found = completed(without(ict, np.setdiff1d(np.arange(68), known)))
    apart = np.linalg.norm(places(found) - places(ict), axis=1)
    assert apart[17:].max() < far
    assert apart[JAW].mean() < 15.0  # the jaw line's points are not the same places


def test_too_few_points_are_refused() -> None:
    fields = np.zeros((0, made.VERTICES, 3))
    marks = at_vertices([5, 6, 7, *[-1] * 65])
    given = Published(
        mean=made.mean(), triangles=made.triangles(), identity=fields, expression=fields, expression_names=(),
        unit="mm", licence="", source="", landmarks_68=marks,
    )  # fmt: skip
    with pytest.raises(FexdataError, match="model made has 3 of the 68 landmarks"):
        completed(assemble("made", given))
