"""Pictures of a pair are cut out by one matrix, unless their faces lie in different places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from method_commands import run
from PIL import Image

from fexdata.cli.build import command as build
from fexdata.cli.synth import command as synth
from fexdata.dataset.reader import open_dataset
from fexdata.faces.canonical import canonical_vertices
from fexdata.faces.landmarks import to_5
from fexdata.stages.base import StageConfig
from fexdata.stages.pair_framing import PairFraming

LEFT_OUT = ("fit", "action_units", "reconstruct", "rasterize", "quality")


def faces(*shifts: float) -> np.ndarray:
    """(n, 478, 3): the canonical face, 10 px to the centimetre, moved to the right."""
    one = np.concatenate([canonical_vertices(), np.zeros((10, 3))]) * [10, -10, 10] + [200, 200, 0]
    return np.stack([one + np.array([shift, 0, 0]) for shift in shifts])


def told(points: np.ndarray, groups: list[str | None]) -> dict[str, object]:
    rows = pa.table({"face_landmarks": list(points.reshape(len(points), -1)), "pair_group": groups})
    return dict(PairFraming(StageConfig()).look(rows))


def test_a_group_is_told_the_mean_of_its_own_points() -> None:
    points = faces(0, 4, 200)
    answers = told(points, ["a", "a", None])
    assert set(answers) == {"a"}
    np.testing.assert_allclose(answers["a"]["five"], to_5(faces(2)[0][:, :2]), atol=0.01)


def test_faces_that_lie_apart_are_told_nothing() -> None:
    assert told(faces(0, 100), ["a", "a"]) == {"a": None}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Four pairs; one picture of the first is moved by half a face."""
    root = tmp_path_factory.mktemp("framing")
    corpus, out = root / "corpus", root / "out"
    run(synth, "pairs", "--people", 2, "--images", 8, "--size", 192, "--workers", 1, "--out", corpus)
    first = sorted(corpus.rglob("*.jpg"))[0]
    picture = np.asarray(Image.open(first))
    Image.fromarray(np.roll(picture, 60, axis=1)).save(first, quality=98)
    options = [word for name in LEFT_OUT for word in ("--without", name)]
    run(build, "pairs", "--source", corpus, "--out", out, "--workers", 1, "--set", "align.size=64", *options)
    return first.relative_to(corpus), out


def test_pictures_of_a_pair_have_one_matrix(built: tuple[Path, Path]) -> None:
    moved, out = built
    rows = open_dataset(str(out)).frame(["source_path", "pair_group", "crop_matrix"])
    broken = rows.loc[rows["source_path"] == str(moved), "pair_group"].item()
    for group, pair in rows.groupby("pair_group"):
        first, second = (np.asarray(one, np.float64).ravel() for one in pair["crop_matrix"])
        assert np.array_equal(first, second) == (group != broken)


def test_what_an_expression_does_not_move_lies_in_one_place(built: tuple[Path, Path]) -> None:
    """The bridge of the nose, in the crops of a pair: framed each by itself, it moves with the mouth."""
    moved, out = built
    dataset = open_dataset(str(out))
    rows = dataset.frame(["sample_id", "source_path", "pair_group"])
    whole = rows[rows["pair_group"] != rows.loc[rows["source_path"] == str(moved), "pair_group"].item()]
    for _, pair in whole.groupby("pair_group"):
        first, second = dataset.side("landmarks_478", list(pair["sample_id"]))[:, [168, 6], :2]
        assert np.abs(first - second).max() < 1.0
