"""One shard of rendered people: their pictures, and the rows that say what they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from fexdata.corpora.base import EXPRESSIONS, Photograph, sample_id
from fexdata.dataset.fields import PICTURE, column, fixed
from fexdata.dataset.pictures import encode_jpeg
from fexdata.faces.blendshapes.registered import Session
from fexdata.faces.landmarks import IBUG_68
from fexdata.faces.models import registry
from fexdata.faces.models.face_model import Embedding, FaceModel
from fexdata.synthetic.derived import write_rows
from fexdata.synthetic.rendered.people import Sitter, millimetres, read_sitter
from fexdata.synthetic.rendered.studio import Setting, draw_setting, landmarks, picture
from fexdata.synthetic.warps.resample import drawn

CORPUS = "rendered"
ROUNDED = 4
"""Decimals of coefficients."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one process makes without asking anybody."""

    out: str
    shard: str
    sessions: tuple[Session, ...]
    splits: tuple[str, ...]
    """Of each session's subject."""
    basis: str
    images: int
    """Pictures of each session."""
    size: int
    seed: int


def fields_of(basis: FaceModel) -> list[pa.Field]:
    """The columns of rendered rows beyond identity, labels and verdict."""
    names = basis.expression_names
    turn = "R = Rz(roll) Ry(yaw) Rx(pitch); x right, y down, z away"
    return [
        column("image", PICTURE, "The rendered face.", mirror="picture", table="shard"),
        column("inside_fraction", pa.float32(), "Share of the crop that the camera saw.", unit="0 to 1"),
        column("yaw", pa.float32(), "Turn of the head to the side.", unit="degrees", convention=turn, mirror="negate"),
        column("pitch", pa.float32(), "Nod of the head.", unit="degrees", convention=turn),
        column("roll", pa.float32(), "Tilt of the head.", unit="degrees", convention=turn, mirror="negate"),
        column("landmarks_68", fixed(68 * 2), "The mesh's own landmarks (exact).", unit="crop pixels", shape=(68, 2),
               convention=IBUG_68, mirror="points"),
        column("basis_id", pa.string(), "Model and hash of what the coefficients are of."),
        column("expression_params", fixed(len(names)), "Coefficients: by projection, or what was drawn.",
               shape=(len(names),), mirror="named", names=names),
    ]  # fmt: skip


def make_shard(job: Job) -> int:
    """Writes a shard and its rows; returns how many. Rows lie in hash order."""
    import cv2

    cv2.setNumThreads(1)
    basis = registry.load(job.basis)
    marks = marks_of(basis)
    sitters = [read_sitter(one, chosen(one, job.images, job.seed), basis) for one in job.sessions]
    bank = np.concatenate([[take.parameters for take in sitter.takes] for sitter in sitters]).astype(np.float32)
    rows: list[dict[str, Any]] = []
    for sitter, split in zip(sitters, job.splits, strict=True):
        rng = np.random.default_rng(_seed(job.seed, sitter.key))
        setting_rng, expression_rng, grain = rng.spawn(3)
        setting = draw_setting(sitter, marks, job.size, setting_rng)
        for name, vertices, texture, parameters in _expressions(sitter, basis, bank, job.images, expression_rng):
            row = _row(sitter, setting, name) | {
                "image": {"bytes": encode_jpeg(picture(setting, sitter, vertices, texture, grain)), "path": None},
                "landmarks_68": np.round(landmarks(setting, marks, vertices), 3),
                "basis_id": f"{basis.name}-{basis.sha256[:12]}",
                "expression_params": np.round(parameters, ROUNDED),
                "split": split,
            }
            rows.append(row)
    rows.sort(key=lambda row: str(row["sample_id"]))
    write_rows(job.out, job.shard, rows, fields_of(basis))
    return len(rows)


def marks_of(basis: FaceModel) -> Embedding:
    """The basis's 68 landmarks. Raises `FexdataError` where they are not known and cannot be told."""
    from fexdata.faces.models.landmark_completion import completed

    marks = completed(basis).landmarks_68
    assert marks is not None
    return marks


def chosen(one: Session, images: int, seed: int) -> tuple[Path, ...]:
    """Of a session's expressive meshes those that are rendered, at most one fewer than `images`: the neutral face is
    the first picture."""
    order = sorted(one.expressive, key=lambda path: _seed(seed, f"{one.subject}/{one.session}/{path.stem}"))
    return tuple(sorted(order[: images - 1]))


def _expressions(
    sitter: Sitter, basis: FaceModel, bank: np.ndarray, images: int, rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Name, vertices, texture and coefficients of every picture: first the meshes, then expressions drawn near those of
    the shard's people, which the basis makes on this person's neutral face."""
    for take in sitter.takes:
        yield take.name, take.vertices, take.texture, take.parameters
    neutral = sitter.takes[0]
    largest = np.abs(bank).max(axis=0)
    scale = np.where(largest > 0, largest, 1).astype(np.float32)
    signed = np.asarray(basis.expression_signed, bool)
    fields = millimetres(basis)
    for number in range(images - len(sitter.takes)):
        # `drawn` keeps within -1 and 1, which a basis in standard deviations goes beyond.
        shares, _ = drawn(bank / scale, signed, basis.expression_names, rng)
        parameters = np.round(shares * scale, ROUNDED)
        moved = np.tensordot(parameters.astype(np.float64), fields, axes=1)
        yield f"drawn-{number:03d}", neutral.vertices + moved, neutral.texture, parameters


def _row(sitter: Sitter, setting: Setting, name: str) -> dict[str, Any]:
    path = f"{sitter.key}/{name}"
    word = None if name.startswith("drawn-") else name
    yaw, pitch, roll = (round(angle, 3) for angle in setting.angles)
    return {
        "sample_id": sample_id(Photograph(CORPUS, path.encode(), "").digest(), 0),
        "corpus": CORPUS,
        "source_path": path,
        "source_sha256": None,
        "frame": 0,
        "face_slot": 0,
        "variant": name,
        "source_kind": "render",
        "pair_group": sitter.key,
        "subject": sitter.subject,
        "session": sitter.session,
        "corpus_label": word,
        "expression": word if word in EXPRESSIONS else None,
        "illumination": setting.light,
        "inside_fraction": round(setting.inside, 4),
        "yaw": yaw,
        "pitch": pitch,
        "roll": roll,
        "status": "accepted",
        "reasons": [],
        "decided_by": "rules",
    }


def _seed(seed: int, key: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}\0{key}".encode(), digest_size=8).digest(), "big") >> 1
