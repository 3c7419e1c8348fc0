"""The recipes for methods that train on action units, built from synthetic people and held against their cards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from builds import PIPELINES

import fexdata
from fexdata.dataset.access import RowFile, as_records
from fexdata.dataset.reader import Dataset
from fexdata.dataset.validate import validate
from fexdata.synthetic.corpus import synthesise


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`affectnet`, eight pictures of synthetic people, and the same pictures as EmotioNet has them."""
    folder = tmp_path_factory.mktemp("corpora")
    synthesise("affectnet", str(folder / "affectnet"), people=4, images=8, seed=3, size=160, workers=1)
    truth = RowFile(str(folder / "affectnet" / "truth.parquet"))
    lines = []
    for row in as_records(truth.read(["source_path", "au"])):
        shown = {int(name[2:]) for name, value in row["au"].items() if value and value >= 1 and name[2:].isdigit()}
        name = Path(row["source_path"]).name
        picture = folder / "emotionet" / "images" / name
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes((folder / "affectnet" / row["source_path"]).read_bytes())
        cells = [str(int(number in shown)) if number < 30 else "999" for number in range(1, 61)]
        lines.append("\t".join([f"http://example.org/N_1/{name}", "http://example.org/old", *cells]) + "\n")
    (folder / "emotionet" / "dataFile_0001.txt").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def datasets(corpora: Path) -> dict[str, Dataset]:
    made = {}
    for corpus in ("affectnet", "emotionet"):
        out = str(corpora / f"{corpus}-au")
        fexdata.build(f"{corpus}-au", str(corpora / corpus), out=out, workers=1)
        made[f"{corpus}-au"] = fexdata.open(out)
    return made


RECIPES = pytest.mark.parametrize("recipe", ["affectnet-au", "emotionet-au"])


@RECIPES
def test_the_build_is_what_its_card_says_but_for_its_size(datasets: dict[str, Dataset], recipe: str) -> None:
    problems = validate(datasets[recipe])
    assert [str(one) for one in problems if one.severity == "error"] == []
    assert all("the paper's build has" in one.what for one in problems)


@RECIPES
def test_faces_are_128_wide_and_have_action_units(datasets: dict[str, Dataset], recipe: str) -> None:
    dataset = datasets[recipe]
    rows = dataset.frame(["sample_id", "status", "au_scheme", "facs"])
    assert len(rows) == 8 and (rows.status != "failed").all()
    assert set(rows.au_scheme) == {"fexdata_geometric"}
    for sample in rows.sample_id:
        row = dataset.row(sample, ["image", "au", "au_confidence"])
        assert row["image"].shape == (128, 128, 3)
        assert row["au"].keys() == row["au_confidence"].keys() >= {"AU1", "AU4", "AU12", "AU26"}


def test_two_tools_are_calibrated_and_compared_in_a_build(corpora: Path) -> None:
    for picture in sorted((corpora / "emotionet" / "images").iterdir()):
        csv = corpora / "openface" / "images" / f"{picture.stem}.csv"
        csv.parent.mkdir(parents=True, exist_ok=True)
        csv.write_text("face, confidence, AU04_r, AU12_r\n0, 0.98, 0.5, 1.5\n")
    recipe = yaml.safe_load((PIPELINES / "emotionet-au.yaml").read_text())
    stages: dict[str, object] = {}
    for name, config in recipe["stages"].items():
        stages[name] = config
        if name == "action_units":
            stages[name] = {"tools": ["geometric", "openface"], "openface_csv": str(corpora / "openface")}
            stages |= {"au_calibration": {}, "consensus": {}}
    (corpora / "two-tools.yaml").write_text(yaml.safe_dump({**recipe, "stages": stages}, sort_keys=False))
    source, out = str(corpora / "emotionet"), str(corpora / "emotionet-au")
    fexdata.build(str(corpora / "two-tools.yaml"), source, out=out, workers=1)
    rows = fexdata.open(out).table(["au_openface", "au_disagreement", "score_agreement"])
    assert [row["AU12"] for row in rows.column("au_openface").to_pylist()] == [1.5] * 8
    # Eight faces are too few to lay one scale over another, so nothing is compared.
    assert rows.column("au_disagreement").null_count == rows.column("score_agreement").null_count == 8


def test_emotionets_own_codes_are_labels_and_nothing_else(datasets: dict[str, Dataset]) -> None:
    assert datasets["affectnet-au"].frame(["facs"]).facs.isna().all()
    rows = datasets["emotionet-au"].frame(["facs"])
    words = [set(map(int, text.split())) for text in rows.facs]
    assert all({abs(unit) for unit in coded} == set(range(1, 30)) for coded in words)
    assert any(12 in coded for coded in words) and any(-12 in coded for coded in words)


def test_affectnets_crop_is_the_middle_of_the_photograph(datasets: dict[str, Dataset]) -> None:
    dataset, scale = datasets["affectnet-au"], 128 / 160
    expected = [[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2]]
    for sample in dataset.frame(["sample_id"]).sample_id:
        assert np.allclose(dataset.row(sample, ["crop_matrix"])["crop_matrix"], expected, atol=1e-5)
