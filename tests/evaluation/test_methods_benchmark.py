"""What `benchmarks.methods` judges by: its pairs, its framing, its classifier, its bounds."""

from dataclasses import replace

import numpy as np
import pytest
from evaluation_made import make_dataset

from benchmarks.methods_data import moved
from benchmarks.methods_judge import ExpressionReader, Judged, held_out_pairs, laid_on
from benchmarks.methods_table import misses
from fexdata.dataset.reader import open_dataset
from fexdata.evaluation.measured import Measured
from fexdata.faces.pose import rotation


def ratio(value: float, high: float | None = None) -> Measured:
    return Measured("ratio", value, 240, 0, value - 0.05, high if high is not None else value + 0.05)


KEPT = Judged("ganimation", "runs/1", "au", 64, 240, 0.99, ratio(0.7), ratio(1.1), ratio(0.5), ratio(0.0), ())


def test_the_mesh_is_laid_on_another_whatever_its_pose_and_size() -> None:
    rng = np.random.default_rng(0)
    mean = rng.normal(size=(40, 3))
    mean -= mean.mean(0)
    mesh = 3.0 * mean @ rotation(20, -10, 15).T + np.array([50, 60, 5])
    assert laid_on(mesh, mean) == pytest.approx(mean, abs=1e-9)


def test_a_mirrored_mesh_is_not_mirrored_back() -> None:
    mean = np.random.default_rng(0).normal(size=(40, 3))
    mean -= mean.mean(0)
    assert np.abs(laid_on(mean * [-1, 1, 1], mean) - mean).max() > 0.1


def test_the_reader_knows_expressions_in_any_pose_and_a_lost_face_is_wrong() -> None:
    rng = np.random.default_rng(0)
    face, smile = rng.normal(size=(2, 60, 3))

    def seen(amount: float) -> np.ndarray:
        mesh = face + amount * smile + 0.05 * rng.normal(size=face.shape)
        return rng.uniform(1, 2) * mesh @ rotation(*rng.uniform(-20, 20, 3)).T + rng.normal(size=3)

    words = ["happy", "neutral"] * 40
    reader = ExpressionReader(np.stack([seen(0.5 * (word == "happy")) for word in words]), words)
    right = reader.right([seen(0.5), seen(0.0), None, seen(0.5)], ["happy", "neutral", "happy", "neutral"])
    assert right.tolist() == [1, 1, 0, 0]


def test_held_out_pairs_are_one_a_group_of_people_for_test_in_an_order_by_seed(tmp_path) -> None:  # type: ignore[no-untyped-def]
    dataset = open_dataset(make_dataset(tmp_path))
    pairs = held_out_pairs(dataset, 0)
    rows = dataset.table(["pair_group", "split", "expression"]).to_pydict()
    about = dict(zip(dataset.sample_ids.to_pylist(), zip(*rows.values(), strict=True), strict=True))
    assert sorted(about[pair.target][0] for pair in pairs) == ["s005", "s006"]
    for pair in pairs:
        assert about[pair.source][0] == about[pair.target][0] and pair.source != pair.target
        assert about[pair.target][1:] == ("test", pair.expression)
    assert pairs == held_out_pairs(dataset, 0) and pairs != held_out_pairs(dataset, 1)


@pytest.mark.parametrize(
    ("judged", "missed"),
    [
        (KEPT, []),
        (replace(KEPT, landmarks=ratio(0.81)), ["landmarks above 0.8"]),
        (replace(KEPT, landmarks=ratio(0.79, high=1.0)), ["interval reaches 1"]),
        (replace(KEPT, detection=0.94), ["detection below 95%"]),
        (replace(KEPT, ied=ratio(1.21)), ["IED above 1.2"]),
        (replace(KEPT, method="gcgan"), ["IED above 1"]),
        (replace(KEPT, kind="label"), ["less than 20 points above copy"]),
        (replace(KEPT, kind="label", gain=ratio(0.2), ied=ratio(3)), []),
    ],
)
def test_bounds(judged: Judged, missed: list[str]) -> None:
    assert misses(judged) == missed


def test_points_move_with_their_pixels() -> None:
    matrix = np.array([[0.5, 0, 3], [0, 0.5, -1]])
    points = np.array([[[10.0, 20, 4], [0, 0, 0]]])
    assert moved(points, matrix).tolist() == [[[8, 9, 2], [3, -1, 0]]]
    assert moved(points[..., :2], matrix).tolist() == [[[8, 9], [3, -1]]]
