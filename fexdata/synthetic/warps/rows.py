"""One shard of warped pictures: its photographs, their variants, and the rows that say what they are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from fexdata.corpora.base import Photograph, sample_id
from fexdata.dataset.fields import PICTURE, column, fixed
from fexdata.dataset.pictures import encode_jpeg
from fexdata.dataset.reader import Dataset, open_dataset
from fexdata.faces.landmarks import IBUG_68, MEDIAPIPE_478, to_68
from fexdata.synthetic.derived import write_rows
from fexdata.synthetic.models import shape_model
from fexdata.synthetic.warps.base import Base
from fexdata.synthetic.warps.resample import drawn

CORPUS = "warps"
KEPT = ("subject", "session", "camera_angle", "gaze", "illumination")
"""Labels that a warp does not change."""
TAKEN = ("crop_matrix", "inside_fraction", "yaw", "pitch", "roll")
"""Measured columns that a warp does not change, where the dataset has them."""
ROUNDED = 4
"""Decimals of coefficients: what is stored is what is drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What one process makes without asking anybody."""

    dataset: str
    """Path of the dataset of photographs."""
    out: str
    shard: str
    ids: tuple[str, ...]
    """`sample_id` of each photograph."""
    model: str
    names: tuple[str, ...]
    """The coefficients that the dataset has, of those of the model; the others are 0."""
    bank: np.ndarray
    """(n, names) coefficients to resample."""
    words: tuple[str | None, ...]
    """The expression that each row of the bank is labelled with."""
    variants: int
    seed: int


def fields_of(dataset: Dataset) -> list[pa.Field]:
    """The columns of warped rows beyond identity, labels and verdict, in the metadata of the parent's."""
    own = [
        column("image", PICTURE, "The warped face.", mirror="picture", table="shard"),
        *(dataset.schema.field(name) for name in TAKEN if name in dataset.schema.names),
        column("landmarks_478", fixed(478 * 3), "The moved head's own points (exact); irises are the photograph's.",
               unit="crop pixels", shape=(478, 3), convention=MEDIAPIPE_478, mirror="vertices", table="side"),
        column("landmarks_68", fixed(68 * 2), "iBUG's landmarks, taken from the 478.",
               unit="crop pixels", shape=(68, 2), convention=IBUG_68, mirror="points"),
        *(dataset.schema.field(name) for name in ("basis_id", "expression_params")),
    ]  # fmt: skip
    return own


def side_path(out: str, shard: str) -> str:
    return f"{out}/layers/warp/{shard}.parquet"


def make_shard(job: Job) -> int:
    """Writes a shard, its landmarks and its rows; returns how many. Rows lie in hash order."""
    import cv2

    cv2.setNumThreads(1)
    dataset = open_dataset(job.dataset)
    model = shape_model(job.model)
    columns = [model.expression_names.index(name) for name in job.names]
    signed = np.asarray(model.expression_signed, bool)[columns]
    rows: list[dict[str, Any]] = []
    landmarks = dataset.side("landmarks_478", job.ids)
    for key, points in zip(job.ids, landmarks, strict=True):
        wanted = [*KEPT, *(name for name in TAKEN if name in dataset.schema.names)]
        parent = dataset.row(key, [*wanted, "image", "basis_id", "expression_params", "split", "source_sha256"])
        seed = _seed(job.seed, key)
        shown = _spread(parent["expression_params"], columns, len(model.expression_names))
        base = Base.of(model, parent["image"], points, seed=seed, expression=shown)
        rng = np.random.default_rng(seed)
        for variant in range(job.variants):
            vector, found = drawn(job.bank, signed, job.names, rng)
            expression = np.round(vector, ROUNDED).astype(np.float32)
            picture, moved = base.showing(_spread(expression, columns, len(model.expression_names)))
            row = _row(key, variant, parent, picture, moved, expression)
            rows.append(row | {"expression": job.words[found]})
    rows.sort(key=lambda row: row["sample_id"])
    write_rows(job.out, job.shard, rows, fields_of(dataset), side=side_path(job.out, job.shard))
    return len(rows)


def _spread(values: np.ndarray, columns: Sequence[int], count: int) -> np.ndarray:
    """(count,) with the values in their columns."""
    full = np.zeros(count, np.float32)
    full[list(columns)] = values
    return full


def _row(
    key: str, variant: int, parent: dict[str, Any], picture: np.ndarray, moved: np.ndarray, expression: np.ndarray
) -> dict[str, Any]:
    name = f"{key}/{variant:03d}"
    points = np.round(moved, 3).astype(np.float32)
    kept = {one: value for one, value in parent.items() if one in (*KEPT, *TAKEN, "basis_id", "split", "source_sha256")}
    return kept | {
        "sample_id": sample_id(Photograph(CORPUS, name.encode(), "").digest(), 0),
        "corpus": CORPUS,
        "source_path": name,
        "frame": 0,
        "face_slot": 0,
        "parent_id": key,
        "variant": f"{variant:03d}",
        "source_kind": "warp",
        "pair_group": key,
        "subject": parent["subject"] or key,
        "image": {"bytes": encode_jpeg(picture), "path": None},
        "landmarks_478": points.reshape(-1),
        "landmarks_68": to_68(points)[:, :2].reshape(-1),
        "expression_params": expression,
        "status": "accepted",
        "reasons": [],
        "decided_by": "rules",
    }


def _seed(seed: int, key: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}\0{key}".encode(), digest_size=8).digest(), "big") >> 1
