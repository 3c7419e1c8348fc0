import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_made import STAGE_FIELDS, Rows, encode, made_row, make_dataset, to_table

from fexdata.dataset.shards import ROW_GROUP, recut, shard_path, shard_schema, write_shard


@pytest.fixture(scope="module")
def rows() -> Rows:
    return [made_row(i, size=32, seed=1) for i in range(8, 8 + 2 * ROW_GROUP + 5)]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_shard_bytes_do_not_depend_on_how_rows_were_cut(rows: Rows, tmp_path: Path) -> None:
    whole = to_table(rows, shard_schema(STAGE_FIELDS))
    write_shard(str(tmp_path / "whole.parquet"), whole)
    cuts = [0, 1, 2, 17, 30, len(rows)]
    pieces = [whole.slice(a, b - a) for a, b in itertools.pairwise(cuts)]
    assert write_shard(str(tmp_path / "pieces.parquet"), pieces) == len(rows)
    assert sha256(tmp_path / "whole.parquet") == sha256(tmp_path / "pieces.parquet")


def test_shard_gives_every_picture_back_unchanged(rows: Rows, tmp_path: Path) -> None:
    path = tmp_path / "shard.parquet"
    write_shard(str(path), to_table(rows, shard_schema(STAGE_FIELDS)))
    back = pq.read_table(path)
    for name in ("image", "depth", "normal", "mask"):
        assert [item["bytes"] for item in back[name].to_pylist()] == [row[name] for row in rows]
    assert back["sample_id"].to_pylist() == [row["sample_id"] for row in rows]


def test_row_groups_are_small_and_pictures_plain_with_a_page_index(rows: Rows, tmp_path: Path) -> None:
    path = tmp_path / "shard.parquet"
    write_shard(str(path), to_table(rows, shard_schema(STAGE_FIELDS)))
    footer = pq.ParquetFile(path).metadata
    groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
    assert [group.num_rows for group in groups] == [ROW_GROUP, ROW_GROUP, 5] and ROW_GROUP <= 64
    columns = {groups[0].column(i).path_in_schema: groups[0].column(i) for i in range(footer.num_columns)}
    assert columns["depth.bytes"].compression == "UNCOMPRESSED"
    assert "RLE_DICTIONARY" not in columns["image.bytes"].encodings
    assert columns["source_path"].compression == "ZSTD"
    assert all(column.has_offset_index for column in columns.values())


def test_a_failed_write_leaves_no_shard(rows: Rows, tmp_path: Path) -> None:
    table = to_table(rows, shard_schema(STAGE_FIELDS))

    def breaks():  # type: ignore[no-untyped-def]
        yield table
        raise RuntimeError("worker died")

    with pytest.raises(RuntimeError, match="worker died"):
        write_shard(str(tmp_path / "shard.parquet"), breaks())
    assert list(tmp_path.iterdir()) == []


def test_an_empty_shard_is_a_file_without_rows(tmp_path: Path) -> None:
    schema = shard_schema(STAGE_FIELDS)
    assert write_shard(str(tmp_path / "none.parquet"), schema.empty_table()) == 0
    assert pq.ParquetFile(tmp_path / "none.parquet").metadata.num_rows == 0


def test_nothing_that_a_review_changes_is_in_a_shard() -> None:
    names = set(shard_schema(STAGE_FIELDS).names)
    assert not names & {"status", "reasons", "decided_by", "split", "duplicate_group"}
    assert {"image", "depth", "normal", "mask", "sample_id", "expression", "source_path"} <= names


def test_hugging_face_datasets_shows_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    path = make_dataset(tmp_path, size=32)
    files = sorted(str(file) for file in (path / "shards").iterdir())
    loaded = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    rows = {row["sample_id"]: row for row in loaded}
    made = made_row(8, size=32, seed=0)
    shown = rows[made["sample_id"]]
    assert shown["image"].size == (32, 32) and shown["image"].mode == "RGB"
    assert shown["expression"] == "neutral"
    assert encode(np.asarray(shown["depth"]).astype(np.uint16)) == made["depth"]


def test_the_features_name_every_column() -> None:
    schema = shard_schema(STAGE_FIELDS)
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == sorted(schema.names)
    assert features["mask"] == {"_type": "Image"} and features["frame"] == {"dtype": "int32", "_type": "Value"}


def test_recut_keeps_rows_in_order_whatever_the_chunks() -> None:
    chunks = [
        pa.table({"x": pa.array(range(a, b), pa.int64())}) for a, b in ((0, 0), (0, 3), (3, 4), (4, 17), (17, 20))
    ]
    cut = list(recut(chunks, 6))
    assert [len(table) for table in cut] == [6, 6, 6, 2]
    assert [x for table in cut for x in table["x"].to_pylist()] == list(range(20))


def test_shards_of_a_remote_dataset_have_slashes() -> None:
    assert shard_path("s3://bucket/photos/", "00-ff") == "s3://bucket/photos/shards/00-ff.parquet"
