"""Consensus of tools: votes, weights, chance, and the stage that writes them."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.action_units.consensus import agreement_matrices, consensus, kappa
from fexdata.faces.action_units.schemes import GEOMETRIC, OPENFACE
from fexdata.stages.base import Row
from fexdata.stages.consensus import Consensus

NAMES = ("AU4", "AU12", "AU14")


def test_tools_of_unlike_scales_agree_by_what_is_there() -> None:
    scores = {
        "openface17_r": {"AU4": 0.2, "AU12": 3.0, "AU14": 1.5},
        "pyfeat20": {"AU4": 0.1, "AU12": 0.9, "AU14": 0.2},
        "fexdata_geometric": {"AU4": 2.0, "AU12": 2.5},
    }
    found = consensus(scores, names=NAMES)
    assert found.present == pytest.approx({"AU4": 1 / 3, "AU12": 1.0, "AU14": 0.5})
    assert found.confidence == pytest.approx({"AU4": 1 / 3, "AU12": 1.0, "AU14": 0.0})
    assert found.disagreement == pytest.approx(1 - (1 / 3 + 1 + 0) / 3)


def test_a_surer_tool_has_more_of_a_say() -> None:
    scores = {"openface17_r": {"AU12": 3.0}, "fexdata_geometric": {"AU12": 0.0}}
    sure = {"openface17_r": {"AU12": 0.9}, "fexdata_geometric": {"AU12": 0.1}}
    assert consensus(scores, sure, names=("AU12",)).present["AU12"] == pytest.approx(0.9)


def test_one_tool_alone_is_no_consensus() -> None:
    found = consensus({"openface17_r": {"AU12": 3.0}, "pyfeat20": {"AU12": None}}, names=("AU12",))
    assert found.present == {"AU12": None} and found.disagreement is None


def test_kappa_takes_chance_off() -> None:
    # Cohen's own way of counting: agreement 0.7, by chance 0.5.
    one = np.array([True] * 5 + [False] * 5)
    other = np.array([True] * 4 + [False] + [True] * 2 + [False] * 3)
    assert kappa(one, other) == pytest.approx((0.7 - (0.5 * 0.6 + 0.5 * 0.4)) / (1 - 0.5))
    assert kappa(one, one) == 1 and kappa(one, ~one) == -1
    assert math.isnan(kappa(np.zeros(5, bool), np.zeros(5, bool)))


def test_matrices_use_the_rows_that_both_tools_scored() -> None:
    smile = np.array([0.0, 3.0, 4.0, np.nan, 0.5])
    scores = {"a": {"AU12": smile, "AU9": smile}, "b": {"AU12": np.array([0.1, 0.9, 0.8, 0.9, np.nan])}}
    made = agreement_matrices(scores, {"a": 1.0, "b": 0.5})
    assert set(made) == {"AU12"}
    tools, matrix = made["AU12"]
    assert tools == ("a", "b") and matrix == pytest.approx(np.ones((2, 2)))


def test_the_stage_writes_what_two_tools_agree_on() -> None:
    stage = Consensus(Consensus.Config())
    values = {
        "au_geometric": dict.fromkeys(GEOMETRIC.names, 0.0) | {"AU12": 3.0},
        "au_openface": dict.fromkeys(OPENFACE.names, 0.0) | {"AU12": 2.0, "AU4": 2.0},
    }
    empty = values | {"au_openface": None}
    both, alone = stage.run([Row("0" * 32, one, lambda: np.zeros(0)) for one in (values, empty)])
    assert both["au_present"]["AU12"] == 1 and both["au_present"]["AU4"] == 0.5
    assert both["au_disagreement"] == pytest.approx(1 / len(both["au_present"]), abs=1e-4)
    assert alone["au_disagreement"] is None and set(alone["au_present"].values()) == {None}
    assert pa.Table.from_pylist([both, alone], schema=stage.schema()).num_rows == 2


def test_one_tool_is_refused() -> None:
    with pytest.raises(FexdataError, match="name two or more tools"):
        Consensus(Consensus.Config(of=("au_geometric", "au_geometric")))
