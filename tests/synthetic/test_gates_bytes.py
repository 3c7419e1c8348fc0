"""The same seed gives the same bytes with the real photographer, whatever the number of workers."""

from __future__ import annotations

from pathlib import Path

from fexdata.synthetic.corpus import synthesise


def test_one_worker_and_two_write_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        synthesise("affectnet", str(out), people=2, images=4, seed=5, size=96, workers=workers)
        written.append({path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()})
    one, two = written
    assert sum(path.suffix == ".jpg" for path in one) == 4
    assert len({data for path, data in one.items() if path.suffix == ".jpg"}) == 4
    assert one == two
