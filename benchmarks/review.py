"""How fast the review page is: `python -m benchmarks.review`.

At 1,000 and at 100,000 items in one run, over HTTP to a server in a process of its own, as a
browser would ask: the first screen (page, session, first face with its pictures and mesh), the next
face, a decision. The manifest is made by repeating the rows of a small synthetic dataset; every row
has a random score, so that queues are as long as in a real one; pictures come out of real shards.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TESTS = Path(__file__).parents[1] / "tests"
RULES = {"reject": {"score_sharpness": 0.3}, "review": {"score_sharpness": 0.5}, "keep": "all"}


@click.command()
@click.option("--small", default=1_000, show_default=True, help="Items of the small dataset.")
@click.option("--large", default=100_000, show_default=True, help="Items of the large one.")
@click.option("--rounds", default=60, show_default=True, help="How often each request is made.")
@click.option("--size", default=256, show_default=True, help="Side of the crops.")
def main(small: int, large: int, rounds: int, size: int) -> None:
    """Median and 95th percentile of each request, and their growth."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = _made(folder, size)
        sites = [Site(_repeated(made, folder / f"{count}", count)) for count in (small, large)]
        try:
            # In turn, so that a machine whose speed drifts is unfair to neither.
            times: list[dict[str, list[float]]] = [{}, {}]
            for _ in range(rounds):
                for site, found in zip(sites, times, strict=True):
                    for what, seconds in site.work().items():
                        found.setdefault(what, []).append(seconds)
        finally:
            for site in sites:
                site.close()
    click.echo(f"{'':<24}{small:>10,} items{'':8}{large:>10,} items        growth")
    for what in times[0]:
        medians = [1000 * statistics.median(found[what]) for found in times]
        highs = [1000 * float(np.percentile(found[what], 95)) for found in times]
        told = "".join(f"{m:9.1f} ms (p95 {h:6.1f})" for m, h in zip(medians, highs, strict=True))
        click.echo(f"{what:<18}{told}{medians[1] / medians[0]:9.2f} ×")
    for count, site in zip((small, large), sites, strict=True):
        click.echo(f"from start to first answer at {count:,} items: {site.started:.1f} s")


class Site:
    """A running server and the client of one reviewer."""

    def __init__(self, dataset: Path) -> None:
        began = time.perf_counter()
        command = [sys.executable, "-m", "fexdata.cli.main", "review", str(dataset), "--no-browser", "--checks", "0"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        address = self._process.stdout.readline().split()[-1]
        home, token = address.split("/?token=")
        self._client = httpx.Client(base_url=home, timeout=120, headers={"origin": home})
        self._client.headers["authorization"] = f"Bearer {token}"
        self.item: dict[str, Any] = self._next()
        self.started = time.perf_counter() - began
        time.sleep(2)  # what the server prepares in the background is not part of any request

    def work(self) -> dict[str, float]:
        """Seconds of each request of one round."""
        return {
            "first screen": _timed(self._first_screen),
            "next face": _timed(self._face),
            "its pictures": _timed(self._pictures),
            "decision": _timed(self._decide),
            "grid of 24": _timed(lambda: self._next(24, "similarity")),
            "queue counts": _timed(lambda: self._get("/api/queues")),
        }

    def close(self) -> None:
        self._client.close()
        self._process.terminate()
        self._process.wait()

    def _first_screen(self) -> None:
        self._client.get("/")  # 404 as long as there is no page: the rest counts
        self._get("/api/session")
        self._face()
        self._pictures()

    def _face(self) -> None:
        self.item = self._next()

    def _next(self, count: int = 1, order: str = "doubt") -> dict[str, Any]:
        body = {"queue": "rejected", "order": order, "count": count, "tab": "bench"}
        answer = self._client.post("/api/next", json=body).raise_for_status()
        item: dict[str, Any] = answer.json()["items"][0]
        return item

    def _pictures(self) -> None:
        """What the page shows of a face at once."""
        for url in (self.item["pictures"]["crop"], self.item["pictures"]["overlay"], self.item["mesh"]):
            self._get(url)

    def _decide(self) -> None:
        body = {"uid": uuid.uuid4().hex, "queue": "rejected", "order": "doubt", "view": "face", "seconds": 1.0,
                "actions": [{"id": self.item["id"], "verdict": "reject", "reason": "bad_fit"}]}  # fmt: skip
        self._client.post("/api/decide", json=body).raise_for_status()

    def _get(self, url: str) -> None:
        self._client.get(url).raise_for_status()


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _made(folder: Path, size: int) -> Path:
    """A small dataset with pictures, meshes and rules."""
    sys.path.insert(0, str(TESTS))
    from dataset_made import make_dataset

    def with_rules(metadata: dict[str, Any]) -> None:
        metadata["recipe"] = {"name": metadata["name"], "corpus": "folder", "stages": {}, "rules": RULES}

    made: Path = make_dataset(folder, photographs=200, size=size, edit_metadata=with_rules)
    return made


def _repeated(made: Path, to: Path, count: int) -> Path:
    """The dataset with `count` rows: each copy has an id, a hash, scores and a verdict of its own, and
    the pictures of the row it was copied from; so has its mesh."""
    from fexdata.dataset.manifest import ManifestWriter
    from fexdata.dataset.reader import open_dataset
    from fexdata.dataset.vectors import restored, storable

    rng = np.random.default_rng(0)
    dataset = open_dataset(str(made))
    source = dataset.table()
    usable = np.flatnonzero(np.asarray(source.column("failure_code").is_null()))
    rows = np.resize(usable, count)
    ids = [f"{high:016x}{low:016x}" for high, low in rng.integers(0, 2**63, (count, 2)).tolist()]
    score = rng.uniform(0, 1, count)
    status = np.where(score < 0.3, "rejected", np.where(score < 0.5, "review", "accepted"))
    new: dict[str, Any] = {
        "sample_id": ids,
        "score_sharpness": score,
        "quality": score,
        "phash": rng.integers(0, 2**63, count).astype(np.uint64),
        "status": status.tolist(),
        "reasons": [[] if one == "accepted" else ["low_sharpness"] for one in status],
    }
    table = source.take(pa.array(rows))
    for name, values in new.items():
        field = table.schema.field(name)
        table = table.set_column(table.schema.get_field_index(name), field, pa.array(values, field.type))
    to.mkdir()
    shutil.copytree(made / "shards", to / "shards")
    side = {}
    for name, files in dataset.metadata["side"].items():
        parts = [restored(pq.read_table(made / file)) for file in files]
        own = pa.concat_tables(parts)
        place = {one: i for i, one in enumerate(own.column("sample_id").to_pylist())}
        members = [place[one] for one in source.column("sample_id").take(pa.array(rows)).to_pylist()]
        copied = own.take(pa.array(members)).set_column(0, own.schema.field(0), pa.array(ids))
        side[name] = [f"layers/{name}.parquet"]
        (to / "layers").mkdir(exist_ok=True)
        pq.write_table(storable(copied), to / side[name][0], row_group_size=256)
    with ManifestWriter(str(to / "manifest.parquet"), table.schema) as writer:
        writer.append(table)
        writer.finish({**dataset.metadata, "side": side})
    return to


if __name__ == "__main__":
    main()
