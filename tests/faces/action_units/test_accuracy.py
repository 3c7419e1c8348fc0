"""Known action units, photographed from shapes that no part of the geometric tool has seen.

Three people, to notice when something breaks; `python -m benchmarks.action_units` measures thirty.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.action_units import measured
from fexdata.faces.action_units.geometric import embedded

ICT = Path(__file__).parents[4] / "shared" / "assets" / "ict-facekit"


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not ICT.is_dir():
        pytest.skip("needs ../shared/assets/ict-facekit")
    from benchmarks.action_unit_people import looks

    seen = looks(tmp_path_factory.mktemp("seen"), people=3, purpose="measure", model=f"ict:{ICT}", workers=2)
    return measured(seen, embedded())


@pytest.mark.parametrize("neutral", ["population", "subject"])
def test_twelve_action_units_follow_the_truth(figures: dict[str, Any], neutral: str) -> None:
    assert figures["pictures"] >= 40
    assert figures[neutral]["twelve"]["mean r"] >= 0.65


@pytest.mark.parametrize("neutral", ["population", "subject"])
def test_faces_at_rest_are_mostly_left_alone_and_a_turn_changes_little(figures: dict[str, Any], neutral: str) -> None:
    twelve = figures[neutral]["twelve"]
    # Of thirty people, 10 % are the bound (see the module); of three, one with low brows is most of the figure.
    assert twelve["false alarms"] <= 0.15 and twelve["drift"] <= 0.5


def test_the_subjects_own_neutral_is_worth_more(figures: dict[str, Any]) -> None:
    own, population = (figures[neutral]["twelve"] for neutral in ("subject", "population"))
    assert own["mean r"] > population["mean r"] and own["false alarms"] <= population["false alarms"]
