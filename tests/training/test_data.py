"""What the loader hands out: the chosen rows, in their order, mirrored by rule, at the method's size."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from dataset_made import Rows
from training_made import AUS, COEFFICIENTS, make_training_dataset

from fexdata.dataset.mirror import mirror
from fexdata.dataset.reader import open_dataset
from fexdata.errors import FexdataError
from fexdata.training.columns import fields_of
from fexdata.training.data import TrainingData
from fexdata.training.loader import Faces, loader, prepare
from fexdata.training.method import Batch, DataInfo, Needs
from fexdata.training.sampler import BatchOrder
from fexdata.training.start import check_mirrors

NUMBERS = ("expression", "au", "au_confidence", "expression_params", "landmarks_68", "landmarks_478", "yaw")
ALL = Needs(("image", "depth", "normal", "mask", *NUMBERS), 32)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_training_dataset(tmp_path_factory.mktemp("made"))


def opened(path: Path, needs: Needs = ALL, **options: object) -> TrainingData:
    return TrainingData.of(open_dataset(path), needs, **options)  # type: ignore[arg-type]


def batch_of(data: TrainingData, row: int, *, flip: bool = False) -> Batch:
    return prepare(Faces(data)[np.array([[row, -1, int(flip)]])], torch.device("cpu"))


def test_only_accepted_training_rows_with_all_columns_are_read(made: Path) -> None:
    data = opened(made)
    frame = open_dataset(made).frame(["sample_id", "status", "split"])
    wanted = frame[(frame.status == "accepted") & (frame.split == "train")]
    assert sorted(data.ids.to_pylist()) == sorted(wanted.sample_id)


def test_batch_holds_what_the_row_holds(made: Path) -> None:
    data, dataset = opened(made), open_dataset(made)
    row = dataset.row(data.ids[5].as_py())
    batch = batch_of(data, 5)
    image = batch["image"][0].permute(1, 2, 0).numpy()
    assert np.allclose((image + 1) * 127.5, row["image"], atol=1e-3)
    assert data.info.expressions[batch["label"][0]] == row["expression"]
    assert np.allclose(batch["au"][0] * 5, [row["au"][name] for name in AUS], atol=1e-6)
    assert np.allclose(batch["params"][0] * data.info.coefficient_sigma, row["expression_params"], atol=1e-5)
    assert np.allclose(batch["landmarks_68"][0], row["landmarks_68"])
    assert np.array_equal(batch["mask"][0, 0], row["mask"])
    drawn = row["depth"] > 0
    depth = np.where(drawn, np.clip((row["depth"] / 100 - 327.68) / 16, -1, 1), -1)
    assert np.allclose(batch["depth"][0, 0], depth, atol=1e-5)
    assert np.allclose(np.linalg.norm(batch["normal"][0].numpy(), axis=0)[drawn], 1, atol=1e-5)


def test_info_says_what_the_numbers_mean(made: Path) -> None:
    info = opened(made).info
    assert (info.au_names, info.au_scheme, info.au_scale, info.basis_id) == (AUS, "test17", 5.0, "test-basis")
    assert info.coefficient_names == COEFFICIENTS and info.mirror_au == (0, 1, 3, 2)
    assert info.mirror_coefficients == (0, 2, 1, 3) and info.mirror_coefficient_signs == (1, 1, 1, -1)
    assert np.allclose(info.coefficient_sigma, [1, 2, 3, 4], rtol=0.4)


@pytest.mark.parametrize("key", ["image", "depth", "normal", "mask", "label", "au", "params", "landmarks_68",
                                 "landmarks_478", "yaw"])  # fmt: skip
def test_a_flip_is_that_of_the_dataset(made: Path, key: str) -> None:
    """A flipped item equals the unflipped item of a dataset of flipped rows."""
    data = opened(made)
    column = {"label": "expression", "params": "expression_params"}.get(key, key)
    dataset = open_dataset(made)
    row = dataset.row(data.ids[3].as_py())
    row["landmarks_478"] = dataset.side("landmarks_478", [data.ids[3].as_py()])[0]
    straight, flipped = batch_of(data, 3)[key][0], batch_of(data, 3, flip=True)[key][0]
    if column in ("image", "mask", "depth"):
        assert torch.equal(flipped, straight.flip(-1))
    elif column == "normal":
        assert torch.allclose(flipped, straight.flip(-1) * torch.tensor([-1.0, 1, 1])[:, None, None], atol=0.01)
    elif column == "au":
        assert torch.equal(flipped, straight[list(data.info.mirror_au)])
    elif column == "expression":
        assert torch.equal(flipped, straight)
    else:
        import pyarrow as pa

        wanted = mirror({column: row[column]}, pa.schema([fields_of(dataset)[column]]), crop_width=32)[column]
        if column == "expression_params":
            wanted = wanted / data.info.coefficient_sigma.numpy()
        assert np.allclose(flipped, wanted, atol=1e-4) and not np.allclose(flipped, straight, atol=1e-4)


def test_smaller_pictures_keep_points_on_the_same_pixels_and_maps_free_of_fringes(made: Path) -> None:
    full, half = opened(made), opened(made, Needs(ALL.columns, 16))
    a, b = batch_of(full, 2), batch_of(half, 2)
    assert torch.allclose(b["landmarks_68"], (a["landmarks_68"] + 0.5) / 2 - 0.5)
    assert torch.allclose(b["image"], torch.nn.functional.avg_pool2d(a["image"], 2), atol=1 / 127)
    depth = a["depth"][a["depth"] > -1]
    shown = b["depth"][b["depth"] > -1]
    assert shown.min() >= depth.min() and shown.max() <= depth.max()
    length = b["normal"].norm(dim=1)
    assert bool(((length - 1).abs().lt(1e-5) | length.eq(0)).all())
    assert set(b["mask"].unique().tolist()) <= set(a["mask"].unique().tolist())


def test_both_of_a_pair_show_one_person_and_flip_together(made: Path) -> None:
    data = opened(made, Needs(("image", "expression", "subject", "yaw"), 32), pairs=True)
    order = data.order((0,), 0.5)
    batch = prepare(Faces(data)[order.items(0, 40)], torch.device("cpu"))
    assert torch.equal(batch["subject"], batch["target_subject"])
    assert not torch.equal(batch["image"], batch["target_image"])
    for items in (order.items(0, 8), order.items(0, 8) * [1, 1, 0] + [0, 0, 1]):
        batch = Faces(data)[items]
        yaw = np.where(items[:, 2], -1, 1)[:, None] * data.values["yaw"][items[:, :2]]
        assert np.allclose(np.stack([batch["yaw"], batch["target_yaw"]], axis=1), yaw)


def test_pairs_without_pair_group_share_subject_camera_and_light(tmp_path: Path) -> None:
    def edit(rows: Rows) -> None:
        for number, row in enumerate(sorted(rows, key=lambda row: row["source_path"])):
            row["pair_group"], row["illumination"] = None, "left" if number % 2 else "right"

    data = opened(make_training_dataset(tmp_path, edit=edit), Needs(("image",), 32), pairs=True)
    frame = open_dataset(data.dataset.path).frame(["sample_id", "subject", "illumination"]).set_index("sample_id")
    for row, partner, _ in data.order((0,), 0.0).epoch(0):
        assert frame.loc[data.ids[row].as_py()].equals(frame.loc[data.ids[partner].as_py()])


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_do_not_change_the_batches(made: Path, workers: int) -> None:
    data = opened(made)
    batches = BatchOrder(data.order((0,), 0.5), batch=5, last=9)
    alone = list(loader(data, batches, workers=0))
    for one, other in zip(loader(data, batches, workers=workers), alone, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in other)


def test_loader_state_resumes_within_an_epoch(made: Path) -> None:
    data = opened(made, Needs(("image", "expression"), 32))
    batches = BatchOrder(data.order((0,), 0.5), batch=3, last=8)
    whole = [batch["image"] for batch in loader(data, batches, workers=0)]
    first = loader(data, batches, workers=1)
    iterator = iter(first)
    for _ in range(4):
        next(iterator)
    again = loader(data, batches, workers=1)
    again.load_state_dict(first.state_dict())
    rest = [batch["image"] for batch in again]
    assert len(rest) == 4 and all(torch.equal(a, b) for a, b in zip(rest, whole[4:], strict=True))


def test_one_random_row_takes_less_than_ten_milliseconds(tmp_path: Path) -> None:
    data = opened(make_training_dataset(tmp_path, photographs=40, size=256), Needs(("image",), 256))
    faces = Faces(data)
    faces[np.array([[0, -1, 0]])]
    times = []
    for row in np.random.default_rng(0).permutation(len(data))[:30]:
        began = time.perf_counter()
        faces[np.array([[row, -1, 0]])]
        times.append(time.perf_counter() - began)
    assert np.median(times) < 0.010


def test_a_missing_column_is_named(made: Path) -> None:
    with pytest.raises(FexdataError, match="faces has no speech_params, valve, which this method trains on"):
        opened(made, Needs(("image", "speech_params", "valve"), 32))


def test_rows_without_a_number_are_left_out(tmp_path: Path) -> None:
    def edit(rows: Rows) -> None:
        for row in rows:
            if row["expression"] == "sad":
                row["au"], row["au_scheme"] = None, None

    data = opened(make_training_dataset(tmp_path, edit=edit))
    shown = {data.info.expressions[code] for code in data.values["expression"]}
    assert "sad" not in shown and len(shown) == 7


def test_a_corpus_own_words_can_be_classes(tmp_path: Path) -> None:
    def edit(rows: Rows) -> None:
        for row in rows:
            row["corpus_label"] = {"anger": "squint", "fear": "scream"}.get(row["expression"])

    data = opened(make_training_dataset(tmp_path, edit=edit), Needs(("image", "corpus_label"), 32))
    words = data.dataset.frame(["sample_id", "corpus_label"]).set_index("sample_id")["corpus_label"]
    read = zip(data.values["corpus_label"].tolist(), words[data.ids.to_pylist()], strict=True)
    assert set(read) == {(0, "scream"), (1, "squint")}


def test_a_split_without_rows_says_so(tmp_path: Path) -> None:
    def edit(rows: Rows) -> None:
        for row in rows:
            row["split"] = "train"

    made = open_dataset(make_training_dataset(tmp_path, edit=edit))
    with pytest.raises(FexdataError, match="no accepted val row"):
        TrainingData.of(made, Needs(("image", "landmarks_478", "expression"), 32), split="val", pairs=True)


def test_two_au_schemes_are_refused(tmp_path: Path) -> None:
    def edit(rows: Rows) -> None:
        rows[8]["au_scheme"] = rows[9]["au_scheme"] = rows[10]["au_scheme"] = "other17"

    with pytest.raises(FexdataError, match="mixes au_scheme other17 and test17"):
        opened(make_training_dataset(tmp_path, edit=edit))


@pytest.mark.parametrize(("column", "what"), [("au_scheme", "au_scheme 'else'"), ("basis_id", "basis_id 'else'")])
def test_pairs_of_another_scheme_or_basis_are_refused(made: Path, tmp_path: Path, column: str, what: str) -> None:
    def edit(rows: Rows) -> None:
        for row in rows:
            row[column] = "else"

    other = make_training_dataset(tmp_path, "pairs", edit=edit)
    with pytest.raises(FexdataError, match=f"pairs has {what}, but the training data"):
        opened(other, like=opened(made).info, pairs=True)


def test_a_dataset_without_pairs_says_what_to_run(tmp_path: Path) -> None:
    def edit(rows: Rows) -> None:
        for row in rows:
            row["pair_group"] = row["subject"] = None

    with pytest.raises(FexdataError, match=r"holds no pairs .*`fexdata synth pairs"):
        opened(make_training_dataset(tmp_path, edit=edit), Needs(("image",), 32), pairs=True)


def test_learned_components_are_not_flipped_in_silence() -> None:
    """They have no sides in their names, so a flip would leave them as they are: wrong for half the faces."""
    check_mirrors(DataInfo(image_size=32, rows=1, coefficient_names=("AU12_left", "AU12_right")))
    with pytest.raises(FexdataError, match="--set mirror=0"):
        check_mirrors(DataInfo(image_size=32, rows=1, coefficient_names=("component_00", "component_01")))
