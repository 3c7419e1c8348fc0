"""Depth read off photographs: stored as a build stores it, and judged against the dataset's own."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from evaluation_made import make_dataset, make_run
from making import real_photographs
from torch import Tensor

from fexdata.cli.predict_depth import command
from fexdata.dataset.reader import open_dataset
from fexdata.errors import FexdataError
from fexdata.evaluation import depth as module
from fexdata.evaluation.depth import NOTHING, DepthReader, errors, preview
from fexdata.evaluation.subject import Subject
from fexdata.render.maps import decode_depth

CROP = 64


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return make_dataset(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def run(made: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_run("dense-geometry", made, tmp_path_factory.mktemp("runs") / "run"))


def told(reader: DepthReader, monkeypatch: pytest.MonkeyPatch, depth: Tensor) -> None:
    """The network says this, whatever it sees."""
    monkeypatch.setattr(reader.method, "predict_geometry", lambda image: depth.expand(len(image), 1, -1, -1))


def subject(size: int) -> Subject:
    return Subject("face", torch.zeros(1, 3, size, size), {})


def test_depth_is_in_pixels_of_the_crop_and_nothing_is_nan(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = DepthReader.open(run)
    half = torch.full((1, 1, 32, 32), 0.25)
    half[..., :16] = -0.97
    told(reader, monkeypatch, half)
    depth = reader.depth(subject(32))
    assert depth.shape == (CROP, CROP)
    assert np.isnan(depth[:, :31]).all()
    assert depth[:, 33:] == pytest.approx(0.25 * CROP / 2)


def test_values_beside_nothing_are_not_mixed_with_it(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = DepthReader.open(run)
    half = torch.full((1, 1, 32, 32), 0.25)
    half[..., :16] = NOTHING
    told(reader, monkeypatch, half)
    depth = reader.depth(subject(32))
    assert np.nanmax(np.abs(depth - 0.25 * CROP / 2)) < 1e-4


def test_the_truth_has_no_error_and_a_known_shift_has_its_own(
    run: str, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a crop's depth is 32 px here; scale and shift do not count where they are set free."""
    reader, dataset = DepthReader.open(run), open_dataset(made)
    seen: list[Tensor] = []
    batches = module._batches

    def watched(rows: module.HeldOut):  # type: ignore[no-untyped-def]
        for batch in batches(rows):
            seen.append(batch["depth"])
            yield batch

    monkeypatch.setattr(module, "_batches", watched)
    for scale, shift, expected in ((1.0, 0.0, 0.0), (1.0, 0.1, 0.1 * CROP / 2), (0.5, 0.0, None)):

        def altered(image: Tensor, scale: float = scale, shift: float = shift) -> Tensor:
            true = seen[-1]
            return torch.where(true > NOTHING, true * scale + shift, true)

        monkeypatch.setattr(reader.method, "predict_geometry", altered)
        found = {one.name: one for one in errors(reader, dataset)}
        if expected is not None:
            assert found["error, px"].value == pytest.approx(expected, abs=1e-4)
        else:
            assert found["error, px"].value > 1
        assert found["error, px, scale and shift free"].value == pytest.approx(0, abs=1e-4)
        assert found["overlap"].value == 1 and found["overlap"].n == 8


def test_the_mean_face_is_a_better_guess_than_a_flat_one(run: str, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = DepthReader.open(run)
    told(reader, monkeypatch, torch.zeros(1, 1, 32, 32))
    found = {one.name: one.value for one in errors(reader, open_dataset(made))}
    assert found["error of the mean face, px"] < 0.5 * found["error, px"]


def test_a_face_that_nobody_sees_still_has_a_preview() -> None:
    shown = preview(subject(32), np.full((CROP, CROP), np.nan, np.float32))
    assert shown.shape == (CROP, 3 * CROP + 4, 3) and (shown[:, -CROP:] == 255).all()


def test_a_slope_towards_the_light_is_brighter() -> None:
    down = np.tile(np.linspace(-8, 8, CROP, dtype=np.float32)[:, None], (1, CROP))  # nearer below: it looks up
    bright, dark = (preview(subject(32), one)[:, -CROP:].mean() for one in (down, down[::-1]))
    assert bright > dark + 20


def test_other_runs_are_refused(made: Path, run: str, tmp_path: Path) -> None:
    with pytest.raises(FexdataError, match="run of stargan; depth is read by one of dense-geometry"):
        DepthReader.open(str(make_run("stargan", made, tmp_path / "stargan")))
    normals = make_run("dense-geometry", made, tmp_path / "normals", "geometry=normal")
    with pytest.raises(FexdataError, match="taught normals"):
        DepthReader.open(str(normals))


def test_the_command_writes_what_a_build_writes(run: str, made: Path, tmp_path: Path) -> None:
    photograph = real_photographs()["astronaut.png"]
    result = CliRunner().invoke(command, [run, str(photograph), "--data", str(made), "--out", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    stored = cv2.imread(str(tmp_path / "astronaut-depth.png"), cv2.IMREAD_UNCHANGED)
    assert stored.dtype == np.uint16 and stored.shape == (CROP, CROP)
    reader = DepthReader.open(run)
    expected = reader.depth(reader.photograph(str(photograph)))
    assert decode_depth(stored) == pytest.approx(expected, abs=0.0051, nan_ok=True)
    assert answer["written"] == [str(tmp_path / f"astronaut-{kind}.png") for kind in ("depth", "preview")]
    assert {one["name"] for one in answer["errors"]} >= {"error, px", "overlap"}


def test_nothing_asked_is_wrong_usage(run: str) -> None:
    result = CliRunner().invoke(command, [run])
    assert result.exit_code == 2 and "--data" in result.output
