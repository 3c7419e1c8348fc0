"""The log on disk: nothing that was acknowledged is lost, nothing counts twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fexdata.errors import FexdataError
from fexdata.review.decisions import Log
from fexdata.review.events import Event, stamp
from fexdata.review.exchange import export_log, import_log
from fexdata.review.faces import Face, Geometry
from fexdata.review.fold import fold
from fexdata.review.place import DATABASE_VARIABLE, database_url, has_decisions


def log(path: Path, dataset: str = "made") -> Log:
    return Log(f"sqlite:///{path}", dataset)


def face(key: str = "k") -> tuple[Face, Geometry]:
    points = np.arange(136, dtype=np.float32).reshape(68, 2)
    about = Face(key, "s", "a/b.jpg", "00", 0, (1.0, 2.0, 3.0, 4.0), "build", "rejected", ("low_size",), "sad")
    return about, Geometry(points, np.ones((478, 3), np.float32), "coarse-478", 478)


def event(batch: str, number: int = 0, at: str = "1", key: str = "k") -> Event:
    return Event(batch, number, "anna", at, "judge", key, None, {"verdict": "accept"}, 1.5, {"view": "face"})


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    own = log(tmp_path / "d.sqlite")
    own.append([event("a"), event("a", 1)], [face()])
    first, second = own.events()
    assert (first.batch, first.number, first.action, first.shown) == ("a", 0, {"verdict": "accept"}, {"view": "face"})
    assert second.number == 1 and own.faces() == {"k": face()[0]}
    stored = own.geometries(["k"])["k"]
    assert np.array_equal(stored.landmarks, face()[1].landmarks) and stored.vertices.shape == (478, 3)


def test_the_same_batch_sent_twice_is_written_once(tmp_path: Path) -> None:
    own = log(tmp_path / "d.sqlite")
    assert own.append([event("a"), event("a", 1)], [face()])
    assert not own.append([event("a"), event("a", 1)], [face()])
    assert len(own.events()) == 2


def test_a_batch_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    own = log(tmp_path / "d.sqlite")
    own.append([event("a", 1)], [face()])
    assert not own.append([event("a", 0), event("a", 1)], [face("other")])
    assert len(own.events()) == 1 and list(own.faces()) == ["k"]


def test_time_never_runs_backwards() -> None:
    assert stamp("2999-01-01T00:00:00.000000+00:00") == "2999-01-01T00:00:00.000001+00:00"


WRITER = """
import sys
from test_review_log import event, face, log
from pathlib import Path
own = log(Path(sys.argv[1]))
start, count = int(sys.argv[2]), int(sys.argv[3])
for number in range(start, start + count):
    own.append([event(f"{number:032x}")], [face(str(number))])
    print(number, flush=True)
"""


def writer(path: Path, start: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(start), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent)


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "d.sqlite"
    process = writer(path, 0, 10_000)
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(50)]
    process.send_signal(signal.SIGKILL)
    told += process.stdout.read().splitlines()
    process.wait()
    acknowledged = {int(line) for line in told}
    found = [int(one.batch, 16) for one in log(path).events()]
    assert acknowledged <= set(found) and len(found) == len(set(found)) <= len(acknowledged) + 1


def test_two_processes_write_at_once_and_neither_loses_a_decision(tmp_path: Path) -> None:
    path = tmp_path / "d.sqlite"
    processes = [writer(path, start, 150) for start in (0, 1000)]
    assert [len(process.communicate()[0].split()) for process in processes] == [150, 150]
    found = [int(one.batch, 16) for one in log(path).events()]
    assert sorted(found) == [*range(150), *range(1000, 1150)]


def test_a_log_travels_as_parquet_and_is_merged_once(tmp_path: Path) -> None:
    anna, ben = log(tmp_path / "anna.sqlite"), log(tmp_path / "ben.sqlite")
    anna.append([event("a", at="1")], [face()])
    ben.append([event("b", at="2", key="l")], [face("l")])
    assert export_log(anna, str(tmp_path / "anna.parquet")) == 1
    assert import_log(ben, str(tmp_path / "anna.parquet")) == (1, 0)
    assert import_log(ben, str(tmp_path / "anna.parquet")) == (0, 1)
    assert {one.batch for one in ben.events()} == {"a", "b"} and set(ben.faces()) == {"k", "l"}
    assert np.array_equal(ben.geometries(["k"])["k"].landmarks, face()[1].landmarks)
    assert fold(ben.events(), {"k": "row", "l": "other"}).outcome("row").verdict == "accept"


def test_a_log_of_another_dataset_is_refused(tmp_path: Path) -> None:
    export_log(log(tmp_path / "a.sqlite"), str(tmp_path / "a.parquet"))
    with pytest.raises(FexdataError, match="holds decisions on 'made', not on 'other'"):
        import_log(log(tmp_path / "b.sqlite", "other"), str(tmp_path / "a.parquet"))


def test_any_other_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("no parquet")
    with pytest.raises(FexdataError, match="cannot be read"):
        import_log(log(tmp_path / "b.sqlite"), str(tmp_path / "a.parquet"))


def test_one_database_keeps_datasets_apart(tmp_path: Path) -> None:
    log(tmp_path / "d.sqlite").append([event("a")], [face()])
    assert log(tmp_path / "d.sqlite", "other").events() == []


def test_decisions_lie_beside_the_dataset_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert database_url(str(tmp_path)).endswith(f"{tmp_path}/review/decisions.sqlite")
    assert not has_decisions(str(tmp_path))
    with pytest.raises(FexdataError, match="--database URL"):
        database_url("s3://bucket/photos")
    monkeypatch.setenv(DATABASE_VARIABLE, "postgresql://somewhere/review")
    assert database_url("s3://bucket/photos") == "postgresql://somewhere/review"


def test_a_database_that_cannot_be_used_is_one_line_without_its_password(tmp_path: Path) -> None:
    (tmp_path / "d.sqlite").write_bytes(b"this is no database, but long enough to be read as one" * 20)
    with pytest.raises(FexdataError, match="cannot open the decisions"):
        log(tmp_path / "d.sqlite")
    with pytest.raises(FexdataError) as told:
        Log("nosuchthing://user:secret@host/db", "made")
    assert "secret" not in str(told.value)
