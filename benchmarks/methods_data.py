"""The dataset of `benchmarks.methods`: pairs of people who do not exist, both pictures of a pair framed alike.

Framed each by itself, the same person's two crops differ by about as much as the expression moves (a
smile moves the mouth's corners, and with them the crop), so the recipe `pairs` cuts both out by one
matrix. So does this, by the true landmarks, and closer: at the demo's 32 to 48 pixels brows, eyes and
mouth should have as many of them as they can. The build then takes them as they are
(`align.template=center_crop`).
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fexdata.corpora.pairs import LIST
from fexdata.corpora.truth import CARD, FILE
from fexdata.dataset.pictures import decode, encode_jpeg
from fexdata.faces.alignment import apply, crop_matrix, scale_of, template, warp

TRUTH = "truth.use=[au,expression_params,landmarks]"
SPLITS = "splits.fractions={train: 0.82, val: 0.04, test: 0.14}"
PEOPLE, IMAGES, SEED = 360, 3600, 7
SIZE, CROP = 192, 128
"""Pixels of the photographs, and of the stored crops: twice the demo's, so that reading does not hold up training."""
ZOOM, AROUND = 1.35, (0.5, 0.545)
"""How much closer than the `five_point` template, and the point that stays (shares of the crop): the mesh then
spans the crop from top to bottom, and MediaPipe still finds the faces."""
QUALITY = 98
"""Of the framed pictures' JPEG: a build stores them once more."""
POINTS = ("landmarks_478", "landmarks_68")
LEFT_OUT = ("box", "vertices", "depth", "normal", "mask")
"""Truth in pixels of the photograph that no build takes."""


def make_dataset(work: Path, *, workers: int | None = None) -> str:
    """Makes the dataset below `work`, or what is missing of it; about one person in seven is held out.

    Returns its path.
    """
    from fexdata.pipeline.build import build
    from fexdata.synthetic.corpus import synthesise

    corpus, framed, out = (work / name for name in ("corpus-pairs", "corpus-framed", "pairs-framed"))
    synthesise("pairs", str(corpus), people=PEOPLE, images=IMAGES, seed=SEED, size=SIZE, workers=workers)
    if not (framed / CARD).exists():
        frame_alike(corpus, framed)
    sets = ("align.template=center_crop", f"align.size={CROP}", TRUTH, SPLITS)
    build("pairs", str(framed), out=str(out), workers=workers, sets=sets, without=("quality",))
    return str(out)


def frame_alike(corpus: Path, out: Path) -> None:
    """A corpus of pairs with every face cut out, both pictures of a pair by one matrix, and the truth with it."""
    truth = pq.read_table(corpus / FILE)
    truth = truth.drop_columns([name for name in LEFT_OUT if name in truth.column_names])
    points = {name: _points(truth, name) for name in POINTS}
    place = {path: row for row, path in enumerate(truth.column("source_path").to_pylist())}
    groups: dict[str, list[str]] = {}
    for line in csv.DictReader((corpus / LIST).read_text().splitlines()):
        groups.setdefault(line["group"], []).append(line["file"])
    for files in groups.values():
        rows = [place[file] for file in files]
        matrix = closer(crop_matrix(points["landmarks_478"][rows].mean(axis=0), template("five_point"), CROP))
        for file in files:
            picture = warp(decode((corpus / file).read_bytes()), matrix, CROP)
            (out / file).parent.mkdir(parents=True, exist_ok=True)
            (out / file).write_bytes(encode_jpeg(picture, QUALITY))
        for found in points.values():
            found[rows] = moved(found[rows], matrix)
    for name, found in points.items():
        field = truth.schema.field(name)
        values = pa.array(found.reshape(len(found), -1).astype(np.float32).tolist(), field.type)
        truth = truth.set_column(truth.schema.get_field_index(name), field, values)
    pq.write_table(truth, out / FILE)
    shutil.copy(corpus / LIST, out / LIST)
    shutil.copy(corpus / CARD, out / CARD)  # last: it says that the corpus is complete


def closer(matrix: np.ndarray) -> np.ndarray:
    """A crop matrix (2, 3), with the picture it makes enlarged by `ZOOM` around `AROUND`."""
    kept = np.array(AROUND) * CROP - 0.5
    return ZOOM * matrix + np.array([[0, 0, (1 - ZOOM) * kept[0]], [0, 0, (1 - ZOOM) * kept[1]]])


def moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Points (..., 2) or (..., 3) of the photograph as the crop's; z keeps its unit, the pixel."""
    flat = points.reshape(-1, points.shape[-1])
    found = np.concatenate([apply(matrix, flat[:, :2]), flat[:, 2:] * scale_of(matrix)], axis=1)
    return found.reshape(points.shape)


def _points(truth: pa.Table, name: str) -> np.ndarray:
    """(n, points, axes) float64."""
    shape = (478, 3) if name == "landmarks_478" else (68, 2)
    return np.array(truth.column(name).to_pylist(), np.float64).reshape(len(truth), *shape)
