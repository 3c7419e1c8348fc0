"""What drawn expressions promise: the eight can be told apart, and a face can make them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from fexdata.corpora.base import EXPRESSIONS
from fexdata.errors import FexdataError
from fexdata.faces.models.action_units import EYE_CLOSURE, action_unit_fields
from fexdata.synthetic.expressions import (
    CATEGORIES,
    LIMITS,
    OPPOSED,
    SINGLE_UNITS,
    Expression,
    coefficients,
    draw,
    feasible,
    intensities,
    random_feasible,
    sequence,
    single,
)

NAMES, _ = action_unit_fields()


def vectors(category: str, seed: int, count: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.array([list(intensities(draw(category, rng)).values()) for _ in range(count)])


def sides(expression: Expression) -> list[dict[str, float]]:
    return [expression.left(), expression.right()]


def test_the_categories_are_the_eight_of_the_corpora() -> None:
    assert tuple(CATEGORIES) == EXPRESSIONS


def test_nearest_mean_of_action_units_separates_the_eight() -> None:
    means = np.array([vectors(category, 1, 200).mean(axis=0) for category in EXPRESSIONS])
    for number, category in enumerate(EXPRESSIONS):
        distances = np.linalg.norm(vectors(category, 2, 200)[:, None] - means, axis=2)
        assert np.mean(distances.argmin(axis=1) == number) >= 0.9, category


@pytest.mark.parametrize("category", [name for name in EXPRESSIONS if name != "neutral"])
def test_drawn_expressions_are_visible_and_vary(category: str) -> None:
    strongest = vectors(category, 3, 200).max(axis=1)
    assert strongest.min() >= 2.0
    assert np.median(strongest) > 3.2
    assert np.std(strongest) > 0.25
    assert vectors(category, 3, 200).max() <= 5.0


def test_neutral_faces_show_only_traces() -> None:
    assert 0 < vectors("neutral", 4, 200).max() < 1.0


def test_contempt_is_on_one_side_and_on_either() -> None:
    rng = np.random.default_rng(5)
    drawn = [
        (e.left().get("AU14", 0.0), e.right().get("AU14", 0.0)) for e in (draw("contempt", rng) for _ in range(60))
    ]
    left, right = np.array(drawn).T
    assert (np.maximum(left, right) > 2.5 * np.minimum(left, right)).all()
    assert 0.25 < np.mean(left > right) < 0.75


def test_most_faces_are_nearly_symmetric_and_a_few_are_not() -> None:
    rng = np.random.default_rng(6)
    smiles = [draw("happy", rng) for _ in range(300)]
    ratio = np.array([e.left()["AU12"] / e.right()["AU12"] for e in smiles])
    difference = np.abs(np.log(ratio))
    assert np.median(difference) < 0.08
    assert 0.01 < np.mean(difference > 0.2) < 0.15


@pytest.mark.parametrize("make", [random_feasible, *[lambda rng, c=c: draw(c, rng) for c in EXPRESSIONS]])
def test_what_is_drawn_is_feasible(make: object) -> None:
    rng = np.random.default_rng(7)
    for _ in range(100):
        for side in sides(make(rng)):  # type: ignore[operator]
            assert all(0 <= value <= 5 for value in side.values())
            for first, second in OPPOSED:
                assert not (sum(side.get(n, 0) for n in first) and sum(side.get(n, 0) for n in second))
            for group, most in LIMITS:
                assert sum(side.get(name, 0) for name in group) <= most + 0.05
            assert sum(EYE_CLOSURE.get(name, 0) * value / 5 for name, value in side.items()) <= 1.005


def test_random_expressions_reach_every_action_unit() -> None:
    rng = np.random.default_rng(8)
    assert {name for _ in range(400) for name, _, _ in random_feasible(rng).units} == set(SINGLE_UNITS)


def test_the_weaker_of_two_opposed_movements_gives_way() -> None:
    assert intensities(feasible({"AU43": 4.0, "AU5": 2.0}, {"AU43": 4.0, "AU5": 2.0}))["AU5"] == 0
    assert intensities(feasible({"AU26": 2.0, "AU24": 3.0}, {"AU24": 3.0}))["AU26"] == 0


def test_an_eye_that_is_squinting_closes_no_further_than_shut() -> None:
    side = feasible({"AU43": 5.0, "AU7": 5.0}, {}).left()
    assert EYE_CLOSURE["AU43"] * side["AU43"] / 5 + EYE_CLOSURE["AU7"] * side["AU7"] / 5 == pytest.approx(1, abs=0.01)


def test_coefficients_are_fifths_of_intensities_by_side() -> None:
    values = dict(
        zip(NAMES, coefficients(Expression.of({"AU12": 5, "AU26": 2}, {"AU12": 1, "AU26": 2}), NAMES), strict=True)
    )
    assert values["AU12_left"] == 1
    assert values["AU12_right"] == pytest.approx(0.2)
    assert values["AU26"] == pytest.approx(0.4)
    assert sum(value != 0 for value in values.values()) == 3


def test_a_model_without_sides_gets_the_stronger_side_and_unknown_names_nothing() -> None:
    assert coefficients(Expression.of({"AU12": 4}, {"AU12": 1}), ["AU12", "jawOpen", "AU99"]) == pytest.approx(
        [0.8, 0, 0]
    )


def test_intensities_are_the_stronger_sides() -> None:
    found = intensities(Expression.of({"AU1": 1.5}, {"AU1": 3}))
    assert found["AU1"] == 3
    assert tuple(found) == SINGLE_UNITS
    assert sum(found.values()) == 3


def test_the_jaw_goes_one_way_at_a_time() -> None:
    assert single("AD30", 4).units == (("AD30", 4.0, 0.0),)
    assert feasible({"AD30": 2.0}, {"AD30": 3.0}).units == (("AD30", 0.0, 3.0),)


def test_sequences_rise_gently_from_neutral_to_the_expression() -> None:
    apex = draw("fear", np.random.default_rng(9))
    course = [intensities(e)["AU20"] for e in sequence(apex, 21)]
    steps = np.diff(course)
    assert course[0] == 0
    assert sequence(apex, 21)[-1] == apex
    assert (steps >= 0).all()
    assert steps[10] > 5 * max(steps[0], steps[-1])


def test_same_seed_same_expression_and_expressions_survive_pickling() -> None:
    first, second = (draw("anger", np.random.default_rng(10)) for _ in range(2))
    assert first == second == pickle.loads(pickle.dumps(first))
    assert hash(first) == hash(second)
    assert first != draw("anger", np.random.default_rng(11))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw("bored", np.random.default_rng(0)), "unknown expression 'bored'; known: neutral"),
        (lambda: single("AU99", 1), "unknown action unit 'AU99'"),
        (lambda: single("AU1", 5.5), "AU1: intensity 5.5 is outside 0 to 5"),
    ],
)
def test_errors_say_what_to_do(call: object, message: str) -> None:
    with pytest.raises(FexdataError, match=message):
        call()  # type: ignore[operator]
