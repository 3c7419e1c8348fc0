"""Draws docs/people.jpg: synthetic people, and what a build makes of some. `python docs/make_people.py`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).parent
PEOPLE = 64
SHOWN = 8
"""Faces of the lower rows: crop, depth, normals."""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        corpus, dataset = Path(name, "corpus"), Path(name, "dataset")
        numbers = ["--people", str(PEOPLE), "--images", str(PEOPLE), "--seed", "0"]
        _fexdata("synth", "affectnet", *numbers, "--out", str(corpus))
        _fexdata("build", "affectnet-d", "--source", str(corpus), "--out", str(dataset))
        sheet = np.concatenate([_people(corpus), _maps(dataset)])
    options = [cv2.IMWRITE_JPEG_QUALITY, 88]
    cv2.imwrite(str(HERE / "people.jpg"), sheet[..., ::-1], options)


def _fexdata(*arguments: str) -> None:
    if subprocess.run([sys.executable, "-m", "fexdata.cli.main", *arguments], check=False).returncode > 1:
        sys.exit(f"fexdata {arguments[0]} failed")


def _people(corpus: Path) -> np.ndarray:
    """All pictures, in the order of their names, eight by eight."""
    paths = sorted(corpus.rglob("*.jpg"))[:PEOPLE]
    pictures = [
        cv2.resize(cv2.imread(str(path))[..., ::-1], (128, 128), interpolation=cv2.INTER_AREA) for path in paths
    ]
    return _grid(pictures, 8)


def _maps(dataset: Path) -> np.ndarray:
    """Crop, depth and normals of the first rows that were accepted, whatever they look like."""
    import fexdata

    made = fexdata.open(str(dataset))
    accepted = [index for index, status in enumerate(made.frame(["status"])["status"]) if status == "accepted"]
    rows = [made.row(index) for index in accepted[:SHOWN]]
    crops = [row["image"] for row in rows]
    depths = [_grey(row["depth"]) for row in rows]
    normals = [row["normal"] for row in rows]
    pictures = [cv2.resize(one, (128, 128), interpolation=cv2.INTER_AREA) for one in (*crops, *depths, *normals)]
    return _grid(pictures, SHOWN)


def _grey(depth: np.ndarray) -> np.ndarray:
    """Depth as grey, near is light, black where there is none."""
    from fexdata.render.maps import decode_depth

    values = decode_depth(depth)
    shown = np.nan_to_num((values + 60) / 140, nan=0.0).clip(0, 1)
    return np.repeat((255 * shown).astype(np.uint8)[..., None], 3, axis=2)


def _grid(pictures: list[np.ndarray], columns: int) -> np.ndarray:
    rows = [np.concatenate(pictures[start : start + columns], 1) for start in range(0, len(pictures), columns)]
    return np.concatenate(rows)


if __name__ == "__main__":
    main()
