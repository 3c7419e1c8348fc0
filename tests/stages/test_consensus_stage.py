"""The survey that brings tools onto one scale, and the stage that puts them together."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from fexdata.dataset.verdict import Rules, verdict
from fexdata.errors import FexdataError
from fexdata.faces.action_units.schemes import GEOMETRIC, OPENFACE, PYFEAT, Scheme
from fexdata.stages.base import Row
from fexdata.stages.consensus import Calibration, Consensus, Tools

PAIR = Tools(of=("au_geometric", "au_pyfeat"))


def struct(scheme: Scheme, rows: list[dict[str, float] | None]) -> pa.Array:
    return pa.array(rows, pa.struct([(name, pa.float32()) for name in scheme.names]))


def said(intensity: float, probability: float) -> dict[str, object]:
    return {
        "au_geometric": dict.fromkeys(GEOMETRIC.names, 0.0) | {"AU12": intensity},
        "au_pyfeat": dict.fromkeys(PYFEAT.names, 0.1) | {"AU12": probability},
    }


def told() -> dict[str, object]:
    """What the survey finds on faces whose probabilities are a fifth of the intensities."""
    values = np.linspace(0, 5, 200)
    rows = [said(float(value), float(value) / 5) for value in values]
    table = pa.table(
        {
            name: struct(scheme, [row[name] for row in rows])  # type: ignore[misc]
            for name, scheme in (("au_geometric", GEOMETRIC), ("au_pyfeat", PYFEAT))
        }
    )
    answers = Calibration(PAIR).look(table)
    assert list(answers) == [""]
    return answers[""]  # type: ignore[no-any-return]


def one(values: dict[str, object], known: dict[str, object] | None) -> dict[str, object]:
    (found,) = Consensus(PAIR).run([Row("0" * 32, values | {"au_calibration": known}, lambda: np.zeros(0))])
    return found  # type: ignore[no-any-return]


def test_a_probability_is_judged_by_what_it_is_worth() -> None:
    known = told()
    agreed, apart = one(said(4.0, 0.8), known), one(said(4.0, 0.1), known)
    assert agreed["au_consensus"]["AU12"] == pytest.approx(4, abs=0.05)  # type: ignore[index]
    assert agreed["score_agreement"] > 0.95  # type: ignore[operator]
    assert apart["au_consensus"]["AU12"] == pytest.approx(2.25, abs=0.05)  # type: ignore[index]
    assert apart["au_agreement"]["AU12"] == pytest.approx(0.3, abs=0.02)  # type: ignore[index]
    assert apart["score_agreement"] == 0


def test_units_without_a_calibration_are_not_compared() -> None:
    found = one(said(4.0, 0.8), told())
    assert found["au_consensus"]["AU4"] is None  # both tools always said the same
    nothing = one(said(4.0, 0.8), None)
    assert nothing["au_disagreement"] is None and nothing["score_agreement"] is None


def test_a_row_that_one_tool_did_not_see_has_no_consensus() -> None:
    found = one(said(4.0, 0.8) | {"au_pyfeat": None}, told())
    assert found["au_disagreement"] is None and set(found["au_consensus"].values()) == {None}  # type: ignore[attr-defined]


def test_what_is_written_fits_the_schema_and_a_rule_can_use_it() -> None:
    rows = [one(said(4.0, probability), told()) for probability in (0.8, 0.1)]
    table = pa.Table.from_pylist(rows, schema=Consensus(PAIR).schema())
    table = table.append_column("failure_code", pa.nulls(2, pa.string()))
    rules = Rules(reject={}, review={"score_agreement": 0.3}, keep="all")
    assert verdict(table, rules) == (["accepted", "review"], [[], ["low_agreement"]])


def test_closed_eyes_and_a_blink_are_compared() -> None:
    stage = Consensus(Tools(of=("au_geometric", "au_openface")))
    assert {"AU43", "AU1"} <= {field.name for field in stage.schema().field("au_consensus").type}
    values = np.linspace(0, 5, 100)
    table = pa.table(
        {
            "au_geometric": struct(GEOMETRIC, [{"AU43": float(value)} for value in values]),
            "au_openface": struct(OPENFACE, [{"AU45": float(value)} for value in values]),
        }
    )
    assert "AU43" in Calibration(Tools()).look(table)[""]["au_openface"]


def test_one_tool_is_refused() -> None:
    with pytest.raises(FexdataError, match="name two or more tools"):
        Consensus(Tools(of=("au_geometric", "au_geometric")))
