"""What `benchmarks.methods` makes of its budget, and how close it cuts faces."""

import numpy as np
import pytest

from benchmarks.methods import CALIBRATION, affordable
from benchmarks.methods_data import AROUND, CROP, ZOOM, closer
from fexdata.faces.alignment import apply, scale_of


def test_the_budget_buys_as_many_steps_as_it_holds() -> None:
    _, few, many = CALIBRATION
    assert affordable(100.0, 1.0 + few * 0.05, 1.0 + many * 0.05) == pytest.approx(2000, abs=1)


def test_a_slow_first_run_does_not_make_steps_look_free() -> None:
    """Imports once made the shorter run the longer one, and a budget of minutes ran for hours."""
    longer = 1.0 + 40 * 0.05
    assert affordable(100.0, longer + 2.0, longer) <= 100.0 / (0.5 * longer / CALIBRATION[-1]) + 1
    assert affordable(0.0, 1.0, longer) == CALIBRATION[-1]


def test_a_closer_cut_enlarges_around_its_point() -> None:
    matrix = np.array([[0.9, -0.1, 4.0], [0.1, 0.9, -7.0]])
    kept = np.array(AROUND) * CROP - 0.5
    points = np.array([[20.0, 30.0], [90.0, 55.0]])
    assert scale_of(closer(matrix)) == pytest.approx(ZOOM * scale_of(matrix))
    assert apply(closer(matrix), points) == pytest.approx(kept + ZOOM * (apply(matrix, points) - kept))
