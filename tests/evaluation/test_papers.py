"""The papers' tables beside ours."""

from fexdata.evaluation.evaluate import Evaluation, Settings
from fexdata.evaluation.measured import Measured
from fexdata.evaluation.papers import TABLES, tables_for
from fexdata.evaluation.tables import as_json, as_markdown, comparable
from fexdata.training.registry import METHODS


def evaluation(**dataset: object) -> Evaluation:
    results = (
        Measured("ied[target]", 0.0123, 8, 0, 0.01, 0.02),
        Measured("ied[target] / copy's", 0.9, 8, 0),
        Measured("expression_rate[classifier:aa, input]", 0.2, 8, 0),
        Measured("expression_rate[classifier:aa]", 0.7, 8, 0),
        Measured("condition_error[real]", float("nan"), 0, 0),
        Measured("kid[classifier:aa]", 0.5, 8, 0, spread=0.1),
    )
    made = {"name": "pairs", "corpus": "pairs", "synthetic": True} | dataset
    return Evaluation("runs/a", "slidergan", made, Settings(), "params", {}, results, ("FID: train one",), {})


def test_every_row_has_a_figure_for_every_column() -> None:
    for table in TABLES:
        assert all(len(values) == len(table.columns) for _, values in table.rows), table.table
        assert set(table.methods) <= set(METHODS)


def test_every_method_of_the_papers_has_a_table() -> None:
    assert all(tables_for(name) for name in ("dense-geometry", "gcgan", "slidergan", "defgan", "fine-grained"))


def test_our_figure_stands_below_the_papers() -> None:
    lines = as_markdown(evaluation()).splitlines()
    (row,) = [line for line in lines if line.startswith("| SliderGAN-RaD | 0.00684")]
    below = lines[lines.index(row) + 1]
    assert below == "| **slidergan, here** | **0.0123** |"
    assert "| **slidergan, here** | **0.7** |" in lines
    assert "- FID: train one" in lines


def test_figures_keep_their_n_and_interval() -> None:
    text = as_markdown(evaluation())
    assert "| ied[target] | 0.0123 | 0.01 to 0.02 | 8 |  |" in text
    assert "| kid[classifier:aa] | 0.5 | ± 0.1 | 8 |  |" in text


def test_json_has_null_where_nothing_was_measured() -> None:
    found = as_json(evaluation())
    (real,) = [one for one in found["results"] if one["name"] == "condition_error[real]"]
    assert real["value"] is None
    (table,) = [one for one in found["papers"] if one["table"] == "table 4"]
    assert table["ours"] == {"real pictures": None, "edited pictures": None}
    assert table["rows"]["GANimation"] == {"real pictures": 0.427, "edited pictures": 0.513}


def test_synthetic_people_are_never_comparable() -> None:
    (table,) = [one for one in TABLES if one.corpus == "rafd"]
    assert comparable(table, {"name": "mine", "corpus": "rafd", "synthetic": True}).startswith("Not comparable")
    assert comparable(table, {"name": "mine", "corpus": "rafd", "synthetic": False}).startswith("Same corpus")
