"""The report's section on labels and action units: remarks, what faces show, and how far tools agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import dataset_made
import numpy as np
import pyarrow as pa
import pytest
from dataset_made import Rows
from test_report_page import Page, report

from fexdata.dataset.fields import column
from fexdata.dataset.reader import open_dataset
from fexdata.dataset.report.annotation import Annotation, annotation
from fexdata.dataset.report.facts import Rows as ManifestRows

UNITS = pa.struct([(name, pa.float32()) for name in ("AU4", "AU12", "AU43")])
OTHERS = pa.struct([(name, pa.float32()) for name in ("AU4", "AU12", "AU45")])
FIELDS = [
    column("au_geometric", UNITS, "One tool.", unit="0 to 5", convention="fexdata_geometric"),
    column("au_openface", OTHERS, "Another tool.", unit="0 to 5", convention="openface17_r"),
    column("au_scheme", pa.string(), "Scheme."),
    column("au", UNITS, "The first tool's.", unit="0 to 5"),
    column("au_confidence", UNITS, "How sure.", unit="0 to 1"),
    column("au_disagreement", pa.float32(), "Disagreement.", unit="0 to 1"),
]


def fill(rows: Rows) -> None:
    """Smiles on which tools agree, frowns on which they do not, eyes that one calls closed and one a blink."""
    for row in rows:
        rng = np.random.default_rng(int(row["sample_id"][:8], 16))
        frown, other, smile, lids = rng.uniform(0, 5, 4)
        row["au_geometric"] = {"AU4": frown, "AU12": smile, "AU43": lids}
        row["au_openface"] = {"AU4": other, "AU12": 0.6 * smile, "AU45": 0.5 * lids}
        row["au"], row["au_scheme"] = row["au_geometric"], "fexdata_geometric"
        row["au_confidence"] = {"AU4": 0.5, "AU12": 0.9, "AU43": None}
        row["au_disagreement"] = abs(frown - other) / 5
        row["expression"] = "happy" if smile < 0.4 else None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with patch.object(dataset_made, "STAGE_FIELDS", [*dataset_made.STAGE_FIELDS, *FIELDS]):
        return dataset_made.make_dataset(tmp_path_factory.mktemp("labels"), photographs=400, size=16, edit=fill)


@pytest.fixture(scope="module")
def found(made: Path) -> Annotation:
    told = annotation(ManifestRows(open_dataset(made)))
    assert told is not None
    return told


def test_only_rows_that_may_be_used_count(made: Path, found: Annotation) -> None:
    counts = open_dataset(made).counts()
    assert found.rows == counts["accepted"] + counts["review"] == found.units[0].scored


def test_units_are_counted_as_the_manifest_has_them(made: Path, found: Annotation) -> None:
    dataset = open_dataset(made)
    table = dataset.table(["status", "au"]).to_pylist()
    smiles = np.array([row["au"]["AU12"] for row in table if row["status"] in ("accepted", "review")])
    (smile,) = [unit for unit in found.units if unit.name == "AU12"]
    assert smile.shown == (smiles >= 1).sum() and smile.mean == pytest.approx(smiles[smiles >= 1].mean())
    assert smile.trust == pytest.approx(0.9) and np.isnan(found.units[2].trust)
    highest = [table[row]["au"]["AU12"] for row in smile.strongest]
    assert highest == sorted(smiles, reverse=True)[:5]


def test_tools_are_compared_under_one_name(found: Annotation) -> None:
    assert found.pairs == (("geometric", "openface"),)
    told = {name: one[0] for name, one in found.agreement}
    assert told.keys() == {"AU4", "AU12", "AU43"}
    assert all(told[name] is not None and told[name].r > 0.99 for name in ("AU12", "AU43"))  # type: ignore[union-attr]
    assert told["AU4"] is not None and abs(told["AU4"].r) < 0.2


def test_faces_on_which_tools_disagree_come_first(made: Path, found: Annotation) -> None:
    values = open_dataset(made).table(["au_disagreement"]).column(0).to_pylist()
    shown = [values[row] for row in found.apart]
    assert shown == sorted(shown, reverse=True) and shown[0] > 0.85


def test_remarks_have_their_faces(made: Path, found: Annotation) -> None:
    (remark,) = found.remarks
    assert (remark.where, remark.what) == ("expression happy", "happy without AU12")
    smiles = open_dataset(made).table(["au"]).to_pylist()
    assert len(remark.examples) == 5 and all(smiles[row]["au"]["AU12"] < 1 for row in remark.examples)


def test_what_is_known_needs_no_trust_and_comes_first_among_the_tools(tmp_path: Path) -> None:
    def know(rows: Rows) -> None:
        fill(rows)
        for row in rows:
            row["au_scheme"], row["au"] = "truth:facs", {"AU4": 0.0, "AU12": row["au_geometric"]["AU12"], "AU43": 0.0}

    with patch.object(dataset_made, "STAGE_FIELDS", [*dataset_made.STAGE_FIELDS, *FIELDS]):
        made = dataset_made.make_dataset(tmp_path, photographs=60, size=16, edit=know)
    told = annotation(ManifestRows(open_dataset(made)))
    assert told is not None and all(np.isnan(unit.trust) for unit in told.units)
    assert told.pairs[:2] == (("truth", "geometric"), ("truth", "openface"))
    frown = told.units[0]
    assert (frown.name, frown.shown, frown.strongest) == ("AU4", 0, ())
    constant = [one for one in told.remarks if one.where == "au.AU4"]
    assert constant and constant[0].examples == ()


def test_the_page_says_all_of_it(made: Path) -> None:
    page = Page(report(made))
    assert page.open == []
    for words in ("Labels and action units", "happy without AU12", "lip corner puller", "geometric and openface",
                  "Where tools disagree most", "▲"):  # fmt: skip
        assert words in page.words, words
    assert {"href": "#labels"} in page.all("a")


def test_a_rule_on_the_tools_agreement_is_explained_in_the_columns_own_words(tmp_path: Path) -> None:
    def disagree(rows: Rows) -> None:
        for row in rows:
            row["score_agreement"] = 0.1
            if row["status"] == "review":
                row["reasons"] = ["low_agreement"]

    def rule(metadata: dict[str, Any]) -> None:
        metadata["recipe"]["rules"] = {"review": {"score_agreement": 0.3}}

    about = "Score: whether tools agree on the face's action units."
    fields = [*dataset_made.STAGE_FIELDS, column("score_agreement", pa.float32(), about, unit="0 to 1")]
    with patch.object(dataset_made, "STAGE_FIELDS", fields):
        made = dataset_made.make_dataset(tmp_path, photographs=8, edit=disagree, edit_metadata=rule)
    assert "Score under 0.3: whether tools agree on the face's action units." in Page(report(made)).words


def test_a_dataset_without_scores_has_no_such_section(tmp_path: Path) -> None:
    page = Page(report(dataset_made.make_dataset(tmp_path, photographs=6)))
    assert "Labels and action units" not in page.words and {"href": "#labels"} not in page.all("a")
