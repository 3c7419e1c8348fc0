"""From a run and a dataset to figures, end to end, with the smallest networks."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from dataset_made import Rows
from evaluation_made import make_dataset, make_run
from training_made import make_training_dataset

from fexdata.cli.evaluate import command
from fexdata.dataset.reader import open_dataset
from fexdata.errors import FexdataError
from fexdata.evaluation import evaluate as module
from fexdata.evaluation.evaluate import Evaluation, Settings, evaluate
from fexdata.evaluation.judging import open_judges
from fexdata.evaluation.protocols import another, swapped
from fexdata.evaluation.rows import held_out_split, open_rows
from fexdata.training.judges import load
from fexdata.training.method import DataInfo
from fexdata.training.run import open_run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return make_dataset(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def runs(made: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    runs = {
        name: make_run(name, made, folder / name)
        for name in ("stargan", "slidergan", "gcgan", "classifier", "embedder")
    }
    runs["reader"] = make_run("classifier", made, folder / "reader", "reads=expression_params")
    return runs


@pytest.fixture(autouse=True)
def no_landmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The made faces are one astronaut's, and tiny: their landmarks are not the point here."""
    monkeypatch.setattr(module, "landmarks_of", lambda image: np.full((68, 2), float(image.mean())))


def evaluated(runs: dict[str, Path], name: str, made: Path, **settings: object) -> Evaluation:
    judges = {"identity": str(runs["embedder"]), "expression": (str(runs["classifier"]), str(runs["reader"]))}
    if name == "stargan":
        judges["expression"] = (str(runs["classifier"]),)
    return evaluate(str(runs[name]), str(made), Settings(**{"batch": 3, **judges, **settings}))  # type: ignore[arg-type]


def test_gcgan_is_measured_by_its_own_embedding(runs: dict[str, Path], made: Path) -> None:
    found = evaluated(runs, "gcgan", made, expression=(str(runs["classifier"]),))
    assert found.value("lipschitz[target]").value > 0
    assert found.value("lipschitz[target, step 8 of 8]").n == found.value("lipschitz[target]").n
    assert -1 <= found.value("expression_similarity[own E]").value <= 1


def test_every_protocol_is_measured_on_every_test_row(runs: dict[str, Path], made: Path) -> None:
    found = evaluated(runs, "slidergan", made)
    assert found.kind == "params" and found.missing == ()
    assert found.value("l1[cycle]").n == found.value("psnr[zero]").n == 8
    assert found.value("ied[target, face]").n == 24  # two subjects of four rows: twelve ordered pairs each
    assert {one.name.split("[")[0] for one in found.results} >= {
        "l1", "psnr", "ssim", "ied", "detection_rate", "landmark_distance", "expression_rate", "expression_distance",
        "condition_error", "identity_distance", "fid", "kid",
    }  # fmt: skip
    assert found.sheets["target"].shape == (6, 3, 3, 32, 32)
    assert found.sheets["swap"].shape == (3, 2, 3, 32, 32)


def test_classes_are_each_asked_of_every_face(runs: dict[str, Path], made: Path) -> None:
    found = evaluated(runs, "stargan", made)
    rate = next(one for one in found.results if one.name.startswith("expression_rate[") and "input" not in one.name)
    assert rate.n == 8 * 7
    assert found.sheets["swap"].shape == (3, 8, 3, 32, 32)


def test_figures_repeat_with_the_seed_whatever_the_batch(runs: dict[str, Path], made: Path) -> None:
    one, other = (evaluated(runs, "slidergan", made, limit=6, batch=batch, seed=5) for batch in (2, 5))
    for a, b in zip(one.results, other.results, strict=True):
        assert (a.name, a.n) == (b.name, b.n)
        assert a.value == pytest.approx(b.value, rel=1e-4, abs=1e-6, nan_ok=True), a.name


def test_copy_has_the_ratio_one(runs: dict[str, Path], made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unchanged(folder: str) -> tuple[object, dict]:
        method, record = open_run(folder)
        monkeypatch.setattr(method, "edit", lambda image, source, target: {"image": image})
        return method, record

    monkeypatch.setattr(module, "open_run", unchanged)
    found = evaluated(runs, "slidergan", made)
    for name in ("l1[target]", "ied[target]", "ied[target, face]"):
        assert found.value(f"{name} / copy's").value == pytest.approx(1)
    assert found.value("l1[zero]").value == 0


def test_network_of_a_loss_never_judges(runs: dict[str, Path]) -> None:
    spec = str(runs["embedder"])
    method, record = open_run(str(runs["slidergan"]))
    record["judges"] = {"identity": {"spec": spec, "sha256": load(spec).sha256}}
    with pytest.raises(FexdataError, match="own loss"):
        open_judges(record, method.info, identity=spec, expression=(), inception=None)


def test_reader_of_other_numbers_is_refused(runs: dict[str, Path], made: Path) -> None:
    with pytest.raises(FexdataError, match="this run is told"):
        evaluate(str(runs["stargan"]), str(made), Settings(expression=(str(runs["reader"]),)))


def test_what_is_not_measured_is_told(runs: dict[str, Path], made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEXDATA_HOME", "/nowhere")
    found = evaluate(str(runs["slidergan"]), str(made), Settings(batch=8))
    assert [text.split(":")[0] for text in found.missing] == [
        "identity", "expression rate, FID, KID, IS", "expression distance"
    ]  # fmt: skip
    assert not any(one.name.startswith(("fid", "identity")) for one in found.results)


def test_validation_rows_stand_in_where_there_are_no_test_rows(made: Path, tmp_path: Path) -> None:
    def untested(rows: Rows) -> None:
        for row in rows:
            row["split"] = "val" if row["split"] == "test" else row["split"]

    assert held_out_split(open_dataset(made)) == "test"
    other = open_dataset(make_training_dataset(tmp_path, edit=untested))
    assert held_out_split(other) == "val"
    with pytest.raises(FexdataError, match="has no test rows; there are: train, val"):
        open_rows(other, ["image"], DataInfo(32, 1), split="test", limit=4, seed=0)


def test_nobody_is_given_an_expression_of_his_own_row() -> None:
    for count in (2, 3, 10):
        partners = another(count, seed=3)
        assert sorted(partners) == list(range(count))
        assert (partners != np.arange(count)).all()


def test_wanted_class_is_what_the_method_is_told(runs: dict[str, Path], made: Path) -> None:
    method, _ = open_run(str(runs["stargan"]))
    rows = open_rows(open_dataset(made), ["image", "expression"], method.info, split="test", limit=8, seed=0)
    edits = list(swapped(method, "label", rows, size=8, seed=0, device=torch.device("cpu")))
    assert [edit.fresh for edit in edits] == [True] + [False] * 6
    asked = torch.stack([edit.target["label"] for edit in edits] + [edits[0].source["label"]])
    assert (asked.sort(0).values == torch.arange(8)[:, None]).all()
    assert edits[0].wanted == tuple(method.info.expressions[index] for index in asked[0])


def test_command_writes_page_figures_and_sheets(runs: dict[str, Path], made: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        command,
        [str(runs["stargan"]), "--data", str(made), "--limit", "4", "--identity", str(runs["embedder"]),
         "--expression", str(runs["classifier"]), "--out", str(tmp_path)],
        standalone_mode=False,
    )  # fmt: skip
    assert done.exception is None
    assert {path.name for path in tmp_path.iterdir()} == {"evaluation.md", "evaluation.json", "target.png", "swap.png"}
    figures = json.loads((tmp_path / "evaluation.json").read_text())
    assert figures["judges"]["identity"]["sha256"] == load(str(runs["embedder"])).sha256
    assert "| **stargan, here** |" in done.output
