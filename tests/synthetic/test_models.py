"""Models by name, and how expressions drive them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.models.action_unit_solver import LID_PAIRS
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.models.registry import ICT_FOLDER
from fexdata.synthetic import expressions
from fexdata.synthetic.expressions import Expression
from fexdata.synthetic.models import ICT_SIDEWAYS, ICT_UNITS, coefficients, lids_meeting, shape_model, terms

ASSETS = Path(__file__).parents[3] / "shared" / "assets"
needs_asset = pytest.mark.skipif(not (ASSETS / ICT_FOLDER).is_dir(), reason="ICT-FaceKit is not in ../shared/assets")


def driven(model: FaceModel, expression: Expression) -> dict[str, float]:
    """The coefficients that are not zero."""
    values = coefficients(model, expression)
    return {name: float(value) for name, value in zip(model.expression_names, values, strict=True) if value}


@pytest.fixture
def ict(monkeypatch: pytest.MonkeyPatch) -> FaceModel:
    monkeypatch.setenv("FEXDATA_MODELS", str(ASSETS))
    return shape_model("ict")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(FexdataError, match="fexdata-head, pyfeat-aus, ict"):
        shape_model("bfm")


def test_without_ict_the_error_says_where_it_belongs_and_where_it_is_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FEXDATA_MODELS", str(tmp_path))
    with pytest.raises(FexdataError, match=r"github\.com/ICT-VGL/ICT-FaceKit") as caught:
        shape_model("ict")
    assert str(tmp_path / ICT_FOLDER) in str(caught.value) and "\n" not in str(caught.value)
    monkeypatch.delenv("FEXDATA_MODELS")
    monkeypatch.setenv("FEXDATA_HOME", str(tmp_path))
    with pytest.raises(FexdataError, match=str(tmp_path / "models" / ICT_FOLDER)):
        shape_model("ict")


def test_a_path_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(FexdataError, match=str(tmp_path)):
        shape_model(f"ict:{tmp_path}")


@pytest.mark.parametrize(
    ("name", "word"), [("fexdata-head", "Apache-2.0"), ("pyfeat-aus", "non-commercial"), ("ict:/somewhere", "MIT")]
)
def test_terms_quote_the_models_licence(name: str, word: str) -> None:
    assert word in terms(name) and "/somewhere" not in terms(name)


@needs_asset
def test_every_action_unit_but_the_nostril_dilator_drives_ict(ict: FaceModel) -> None:
    for unit in expressions.SINGLE_UNITS:
        shapes = driven(ict, expressions.single(unit, 5.0))
        assert bool(shapes) == (unit != "AU38"), unit
    known = {name.removesuffix("_L").removesuffix("_R") for name in ict.expression_names}
    assert {shape for unit in (*ICT_UNITS.values(), *ICT_SIDEWAYS) for shape in unit} <= known


@needs_asset
def test_the_pictures_left_drives_icts_right(ict: FaceModel) -> None:
    shapes = driven(ict, Expression.of({"AU14": 4.0, "AU12": 2.0}, {}))
    assert shapes.keys() == {"mouthDimple_R", "mouthSmile_R"}
    corner = coefficients(ict, Expression.of({"AU12": 5.0}, {})) @ ict.expression_basis[:, 61].reshape(-1, 3)
    assert corner[1] < -3  # up
    jaw = coefficients(ict, expressions.single("AD30", 5.0)) @ ict.expression_basis[:, 152].reshape(-1, 3)
    assert jaw[0] < -3  # to the left


@needs_asset
def test_coefficients_grow_with_intensity_and_stay_within_one(ict: FaceModel) -> None:
    rng = np.random.default_rng(0)
    drawn = [coefficients(ict, expressions.random_feasible(rng)) for _ in range(200)]
    assert np.min(drawn) >= 0 and np.max(drawn) <= 1
    full, half = (driven(ict, expressions.single("AU26", value)) for value in (5.0, 2.5))
    assert full["jawOpen"] == pytest.approx(2 * half["jawOpen"]) and full.keys() == {"jawOpen"}
    assert not driven(ict, Expression())


def test_what_pyfeat_lacks_is_shown_by_what_stands_in_for_it() -> None:
    shown = driven(shape_model("pyfeat-aus"), Expression.of({"AU27": 4.0, "AU12": 2.0}))
    assert shown == pytest.approx({"AU26": 0.8, "AU12_left": 0.4, "AU12_right": 0.4})


@pytest.mark.parametrize("name", ["fexdata-head", "pyfeat-aus", pytest.param("ict", marks=needs_asset)])
def test_everybodys_eyes_shut_and_nobodys_lids_cross(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEXDATA_MODELS", str(ASSETS))
    model, rng = shape_model(name), np.random.default_rng(4)
    upper, lower = np.array(LID_PAIRS).T
    for expression in (expressions.single("AU43", 5.0), expressions.draw("happy", rng)):
        driven_by = coefficients(model, expression)
        for _ in range(5):
            person = rng.standard_normal(len(model.identity_names)).clip(-2.2, 2.2)
            neutral, plain = model.shape(person), model.shape(person, driven_by)
            met = lids_meeting(model, neutral, plain, driven_by)
            gaps = (met[lower] - met[upper])[:, 1]
            if expression == expressions.single("AU43", 5.0):
                np.testing.assert_allclose(gaps, 0, atol=0.02)
            assert gaps.min() > -0.02


def test_eyes_at_rest_and_all_that_is_no_lid_stay() -> None:
    model = shape_model("fexdata-head")
    neutral = model.shape(np.random.default_rng(1).standard_normal(len(model.identity_names)))
    still = np.zeros(len(model.expression_names), np.float32)
    np.testing.assert_array_equal(lids_meeting(model, neutral, neutral, still), neutral)
    shut = coefficients(model, expressions.single("AU43", 5.0))
    moved = np.abs(lids_meeting(model, neutral, neutral, shut) - neutral).max(axis=1)
    assert moved[[152, 4, 61, 10]].max() < 0.05 and moved[159] > 0.1
