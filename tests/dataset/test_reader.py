import io
import pickle
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest
import torch
from dataset_made import Rows, made_row, make_dataset
from PIL import Image

import fexdata
from fexdata.dataset.reader import Dataset, open_dataset
from fexdata.errors import FexdataError


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("data"), photographs=48, size=32)


@pytest.fixture
def dataset(path: Path) -> Dataset:
    return open_dataset(path)


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_a_dataset_is_found_by_name_path_and_url(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEXDATA_HOME", str(path.parent))
    for name in ("made", path, f"{path}/manifest.parquet", f"file://{path}"):
        assert len(fexdata.open(name)) == 48
    monkeypatch.delenv("FEXDATA_HOME")
    (path.parent / "data").symlink_to(path.parent)
    monkeypatch.chdir(path.parent)
    assert open_dataset("made").name == "made"


def test_a_missing_dataset_says_what_there_is(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEXDATA_HOME", str(path.parent))
    with pytest.raises(FexdataError, match=r"no dataset 'mad' .*found: made"):
        open_dataset("mad")
    (tmp_path / "half" / "layers").mkdir(parents=True)
    with pytest.raises(FexdataError, match=r"half is not finished .*to resume"):
        open_dataset(tmp_path / "half")


def test_frame_without_columns_holds_scalars_of_the_status(dataset: Dataset) -> None:
    frame = dataset.frame(status="failed")
    assert sorted(frame["failure_code"]) == ["no_face", "poor_fit"]
    assert {"sample_id", "yaw", "split"} <= set(frame.columns)
    assert not {"landmarks_68", "box", "reasons", "image"} & set(frame.columns)
    assert list(dataset.frame(["yaw", "box"]).columns) == ["yaw", "box"] and len(dataset.frame()) == 48


def test_table_filters_by_any_expression(dataset: Dataset) -> None:
    frame = dataset.frame(["sample_id", "yaw", "quality"])
    expected = frame[(frame["yaw"] > 1) & (frame["quality"] > 0.4)]["sample_id"].tolist()
    found = dataset.table(["sample_id"], (pc.field("yaw") > 1) & (pc.field("quality") > 0.4))
    assert found.column_names == ["sample_id"] and found["sample_id"].to_pylist() == expected and expected


def test_a_row_comes_back_as_it_was_made(dataset: Dataset) -> None:
    made = made_row(9, size=32, seed=0)
    row = dataset.row(made["sample_id"])
    assert row["landmarks_68"].shape == (68, 2) and row["crop_matrix"].shape == (2, 3)
    np.testing.assert_allclose(row["landmarks_68"].ravel(), made["landmarks_68"], atol=1e-4)
    assert row["expression"] == "happy" and row["frame"] == 0 and row["failure_code"] is None
    for name in ("depth", "normal", "mask"):
        np.testing.assert_array_equal(row[name], decoded(made[name]))
    assert row["depth"].dtype == np.uint16 and row["image"].shape == (32, 32, 3)
    assert np.abs(row["image"].astype(int) - decoded(made["image"]).astype(int)).mean() < 1


def test_rows_by_number_agree_with_rows_by_id(dataset: Dataset) -> None:
    ids = dataset.sample_ids.to_pylist()
    for number in (0, 17, 47, -1):
        assert dataset.row(number, ["sample_id", "mask"])["sample_id"] == ids[number]
    with pytest.raises(IndexError):
        dataset.row(48)
    with pytest.raises(FexdataError, match="no row with sample_id 'ff'"):
        dataset.row("ff")


def test_failed_rows_have_no_pictures_and_no_vectors(dataset: Dataset) -> None:
    no_face, poor_fit = (made_row(i, size=32, seed=0)["sample_id"] for i in (1, 2))
    row = dataset.row(no_face)
    assert row["image"] is row["depth"] is row["landmarks_68"] is row["yaw"] is None
    pictures = dataset.pictures([poor_fit, no_face], ["image", "depth"])
    assert pictures["image"][0].shape == (32, 32, 3) and pictures["image"][1] is None
    assert pictures["depth"] == [None, None]


def test_pictures_come_in_the_order_asked_for(dataset: Dataset) -> None:
    rng = np.random.default_rng(3)
    asked = [made_row(int(i), size=32, seed=0) for i in rng.permutation(np.arange(6, 48))]
    masks = dataset.pictures([row["sample_id"] for row in asked], ["normal"])["normal"]
    for row, mask in zip(asked, masks, strict=True):
        np.testing.assert_array_equal(mask, decoded(row["normal"]))


def test_iterate_gives_accepted_rows_in_shard_order(dataset: Dataset) -> None:
    frame = dataset.frame(["sample_id", "status", "shard", "shard_row"])
    accepted = frame[frame["status"] == "accepted"].sort_values(["shard", "shard_row"])
    rows = list(dataset.iterate(["mask", "yaw", "landmarks_68"]))
    assert [row["sample_id"] for row in rows] == accepted["sample_id"].tolist()
    assert rows[0]["mask"].shape == (32, 32) and rows[0]["landmarks_68"].shape == (68, 2)
    assert sum(1 for _ in dataset.iterate(["image"], status=None)) == 48


def test_side_values_join_by_id_and_are_nan_where_missing(dataset: Dataset) -> None:
    made = [made_row(i, size=32, seed=0) for i in (30, 2, 7)]
    values = dataset.side("vertices", [row["sample_id"] for row in made])
    assert values.shape == (3, 478, 3) and values.dtype == np.float32
    np.testing.assert_allclose(values[0].ravel(), made[0]["vertices"], atol=1e-4)
    np.testing.assert_allclose(values[2].ravel(), made[2]["vertices"], atol=1e-4)
    assert np.isnan(values[1]).all()
    whole = dataset.side("landmarks_478")
    np.testing.assert_array_equal(whole[dataset.positions([made[0]["sample_id"]])[0]], values[0])


def test_wrong_names_are_answered_with_a_hint(dataset: Dataset) -> None:
    for names, message in (
        (["yav"], "close: yaw"),
        (["vertices"], r"side table of made; read it with .side\('vertices'\)"),
        (["image"], "is a picture of made"),
    ):
        with pytest.raises(FexdataError, match=message):
            dataset.table(names)
    with pytest.raises(FexdataError, match=r"no side table 'mesh'; it has: landmarks_478, vertices"):
        dataset.side("mesh")
    with pytest.raises(FexdataError, match="unknown status 'good'; known: accepted"):
        dataset.frame(status="good")  # type: ignore[arg-type]


def test_counts_are_counted_not_looked_up(path: Path, tmp_path: Path) -> None:
    def reject(rows: Rows) -> None:
        for row in rows[:3]:
            row["status"] = "rejected"

    edited = open_dataset(make_dataset(tmp_path, photographs=12, size=16, edit=reject))
    counts = edited.counts()
    assert counts["rows"] == 12 == sum(counts[name] for name in ("accepted", "review", "rejected", "failed"))
    assert counts["rejected"] >= 3 and open_dataset(path).counts()["photographs"] == 48


def test_a_dataset_survives_pickling(dataset: Dataset) -> None:
    again = pickle.loads(pickle.dumps(dataset))
    assert again.row(3, ["sample_id", "mask"])["sample_id"] == dataset.row(3)["sample_id"]


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_torch_rows_are_the_same_from_any_worker(dataset: Dataset, start: str) -> None:
    columns = ["image", "depth", "expression", "yaw", "crop_matrix", "vertices"]
    rows = dataset.torch(columns)
    direct = [rows[i] for i in range(len(rows))]  # the parent's open files must not leak into a fork
    loader = torch.utils.data.DataLoader(rows, batch_size=7, num_workers=1, multiprocessing_context=start)
    batches = list(loader)
    assert len(rows) == dataset.counts()["accepted"] == sum(len(batch["yaw"]) for batch in batches)
    assert [id for batch in batches for id in batch["sample_id"]] == [row["sample_id"] for row in direct]
    for name in ("image", "depth", "yaw", "vertices"):
        joined = torch.cat([batch[name] for batch in batches])
        assert torch.equal(joined, torch.stack([torch.as_tensor(row[name], dtype=joined.dtype) for row in direct]))
    assert direct[0]["image"].shape == (3, 32, 32) and direct[0]["depth"].dtype == torch.int32
    assert direct[0]["crop_matrix"].shape == (2, 3) and direct[0]["vertices"].shape == (478, 3)


def test_torch_refuses_a_row_without_its_picture(dataset: Dataset) -> None:
    rows = dataset.torch(["depth"], status="failed")
    with pytest.raises(FexdataError, match="has no depth; take rows with status='accepted'"):
        rows[0]


def test_torch_notices_a_rebuild_between_processes(tmp_path: Path) -> None:
    path = make_dataset(tmp_path, photographs=12, size=16)
    rows = open_dataset(path).torch(["yaw"])
    make_dataset(tmp_path, photographs=14, size=16, edit_metadata=lambda m: m.update(fingerprint="other"))
    with pytest.raises(FexdataError, match="was rebuilt while it was being read"):
        rows[0]


def test_an_open_dataset_keeps_the_manifest_it_was_opened_with(tmp_path: Path) -> None:
    old = open_dataset(make_dataset(tmp_path, photographs=12, size=16))
    make_dataset(tmp_path, photographs=30, size=16)
    assert len(old.frame(["yaw"])) == len(old) == 12
    assert len(old.frame(["yaw"], status="accepted")) == old.counts()["accepted"]


def test_a_dataset_on_an_object_store_reads_like_a_local_one(path: Path, dataset: Dataset) -> None:
    import fsspec

    store = fsspec.filesystem("memory")
    for file in path.rglob("*.parquet"):
        store.pipe_file(f"/bucket/made/{file.relative_to(path)}", file.read_bytes())
    remote = open_dataset("memory://bucket/made")
    id = made_row(9, size=32, seed=0)["sample_id"]
    np.testing.assert_array_equal(remote.row(id)["depth"], dataset.row(id)["depth"])
    np.testing.assert_array_equal(remote.side("vertices"), dataset.side("vertices"))
    assert remote.frame().equals(dataset.frame()) and len(list(remote.torch(["image"]))) == len(dataset.torch([]))


def test_a_missing_shard_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    path = make_dataset(tmp_path, photographs=8, size=16)
    lost = open_dataset(path)
    sorted((path / "shards").iterdir())[0].unlink()
    assert lost.picture_columns == ["image", "depth", "normal", "mask"]
    with pytest.raises(FexdataError, match=r"00-0123456789abcdef.parquet is missing; run the dataset's"):
        list(lost.iterate(["image"]))


def test_a_row_number_out_of_range_says_how_many_rows_there_are(dataset: Dataset) -> None:
    assert dataset.row(-48)["sample_id"] == dataset.row(0)["sample_id"]
    for number in (48, -49):
        with pytest.raises(IndexError, match=f"row {number} of made, which has 48 rows"):
            dataset.row(number)
