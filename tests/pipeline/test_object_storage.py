"""A build whose workers share no disk: corpus and dataset on S3, workers in processes of their own."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from builds import checksums, environment, run, start
from making import make_folder

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """moto's server on a free local port; its address in the environment."""
    server = pytest.importorskip("moto.server", reason="moto is not installed")
    running = server.ThreadedMotoServer(port=0)
    running.start()
    _, port = running.get_host_and_port()
    settings = {**CREDENTIALS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    yield settings
    running.stop()


def _dask(folder: Path, role: str, *arguments: str) -> subprocess.Popen[bytes]:
    folder.mkdir()
    command = [sys.executable, "-m", "distributed.cli.dask_" + role, *arguments]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment(TMPDIR=str(folder)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
def cluster(s3: dict[str, str], tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers as separate processes, each with its own folder."""
    notice = tmp_path / "scheduler.json"
    options = ["--scheduler-file", str(notice), "--no-dashboard"]
    scheduler = _dask(tmp_path / "scheduler", "scheduler", "--port", "0", "--host", "127.0.0.1", *options)
    workers = [_dask(tmp_path / f"worker-{i}", "worker", "--nthreads", "1", "--no-nanny", *options) for i in range(2)]
    deadline = time.monotonic() + 60
    while not notice.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    import json

    yield json.loads(notice.read_text())["address"], workers
    for process in (*workers, scheduler):
        process.kill()
        process.wait()


def test_two_workers_without_a_shared_disk_one_killed(
    s3: dict[str, str], cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    import s3fs

    make_folder(tmp_path / "photographs", count=64, seed=6)
    status, _, err = run(["build", "photos", "--source", tmp_path / "photographs", "--out", tmp_path / "local"])
    assert status == 0, err
    fs = s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)
    fs.mkdir("corpus")
    fs.mkdir("datasets")
    fs.put(f"{tmp_path}/photographs/", "corpus/photographs/", recursive=True)

    address, workers = cluster
    arguments = ["build", "photos", "--source", "s3://corpus/photographs", "--out", "s3://datasets/photos"]
    process = start([*arguments, "--scheduler", address])
    while process.poll() is None and not fs.glob("datasets/photos/layers/*/*.parquet"):
        time.sleep(0.05)
    assert process.poll() is None, process.communicate()
    workers[0].kill()
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    names = ["manifest.parquet", *(f"shards/{name}" for name in checksums(tmp_path / "local") if name[0].isdigit())]
    remote = {Path(name).name: hashlib.sha256(fs.cat_file(f"datasets/photos/{name}")).hexdigest() for name in names}
    assert remote == checksums(tmp_path / "local")
