"""Makes a small dataset of the true layout for tests: crops of scikit-image's astronaut (NASA,
public domain) with a smooth ellipsoid for a face, so that depth, normals, mask and landmarks agree.

Nothing of the pipeline is used: a test of a reader must not depend on the writer's stages.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from fexdata.dataset.fields import PICTURE, column, fixed
from fexdata.dataset.manifest import ManifestWriter, manifest_schema
from fexdata.dataset.shards import shard_name, shard_schema, write_shard
from fexdata.dataset.vectors import storable

F, N, S = pa.float32(), pa.int32(), pa.string()
EXPRESSIONS = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt")
FINGERPRINT = "0123456789abcdef"
PARTITIONS = 2

STAGE_FIELDS = [
    column("face_count", N, "Faces found in the photograph."),
    column("photo_width", N, "Width of the upright photograph.", unit="photograph px"),
    column("photo_height", N, "Height of the upright photograph.", unit="photograph px"),
    column("box", fixed(4), "left, top, width, height.", unit="photograph px", shape=(4,), mirror="box"),
    column("detection_score", F, "The detector's confidence.", unit="0 to 1"),
    column("crop_matrix", fixed(6), "Photograph to crop.", shape=(2, 3), mirror="crop_matrix"),
    column("inside_fraction", F, "Share of the crop inside the photograph.", unit="0 to 1"),
    column("landmarks_68", fixed(136), "68 landmarks.", unit="crop px", shape=(68, 2), convention="ibug-68",
           mirror="points"),
    column("geometry", S, "Which face model."),
    column("yaw", F, "Head rotation.", unit="degrees", mirror="negate"),
    column("pitch", F, "Head rotation.", unit="degrees"),
    column("roll", F, "Head rotation.", unit="degrees", mirror="negate"),
    column("camera", S, "Camera model."),
    column("phash", pa.uint64(), "Perceptual hash."),
    column("measure_sharpness", F, "Variance of the Laplacian."),
    column("score_sharpness", F, "0 blurred, 1 sharp.", unit="0 to 1"),
    column("quality", F, "The lowest score.", unit="0 to 1"),
    column("image", PICTURE, "The crop.", mirror="picture", table="shard"),
    column("depth", PICTURE, "Depth map.", unit="crop px", mirror="picture", table="shard"),
    column("normal", PICTURE, "Normal map.", mirror="normal_map", table="shard"),
    column("mask", PICTURE, "Label map.", mirror="picture", table="shard"),
]  # fmt: skip

SIDE_FIELDS = {
    "landmarks_478": ("align", column("landmarks_478", fixed(1434), "478 landmarks.", unit="crop px", shape=(478, 3),
                                      convention="mediapipe-478", mirror="vertices", table="side")),
    "vertices": ("reconstruct", column("vertices", fixed(1434), "Mesh.", unit="crop px", shape=(478, 3),
                                       convention="mediapipe-478", mirror="vertices", table="side")),
}  # fmt: skip

Rows = list[dict[str, Any]]


def make_dataset(
    folder: str | Path,
    *,
    name: str = "made",
    photographs: int = 24,
    size: int = 64,
    seed: int = 0,
    edit: Callable[[Rows], None] | None = None,
    edit_metadata: Callable[[dict[str, Any]], None] | None = None,
) -> Path:
    """Writes the dataset `folder`/`name` and returns its path.

    Photograph 1 shows no face (no crop), photograph 2 fails at `reconstruct` (a crop without
    geometry), 3 and 4 wait for review, 5 is rejected; the rest are accepted. `edit` may change the
    rows (all columns, pictures as bytes, side values under their names) before they are written.
    """
    path = Path(folder) / name
    rows = [made_row(i, size=size, seed=seed) for i in range(photographs)]
    rows.sort(key=lambda row: (row["partition"], row["order"]))
    _place(rows)
    if edit is not None:
        edit(rows)
    shards = _write_shards(path, rows)
    side = _write_sides(path, rows)
    schema = manifest_schema(STAGE_FIELDS)
    metadata = _metadata(name, rows, photographs, shards, side)
    if edit_metadata is not None:
        edit_metadata(metadata)
    with ManifestWriter(str(path / "manifest.parquet"), schema) as writer:
        writer.append(to_table(rows, schema))
        writer.finish(metadata)
    return path


def made_row(i: int, *, size: int, seed: int) -> dict[str, Any]:
    """One row with everything in it, whichever file it ends up in."""
    key = f"{EXPRESSIONS[i % 8]}/{i:05d}.jpg"
    digest = hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=16)
    subject = i // 4
    row: dict[str, Any] = {
        "sample_id": digest.hexdigest(), "order": digest.digest(), "partition": f"{i % PARTITIONS:02d}",
        "corpus": "folder", "source_path": key, "source_sha256": hashlib.sha256(key.encode()).hexdigest(),
        "frame": 0, "face_slot": 0, "source_kind": "photo", "pair_group": f"s{subject:03d}",
        "expression": EXPRESSIONS[i % 8], "corpus_label": EXPRESSIONS[i % 8], "subject": f"s{subject:03d}",
        "split": ("train", "train", "val", "test")[subject % 4], "status": "accepted", "reasons": [],
        "decided_by": "rules",
    }  # fmt: skip
    if i == 1:
        return row | failure("detect", "no_face", "no face was found")
    row |= made_face(np.random.default_rng([seed, i]), size=size)
    if i == 2:
        keep = ("depth", "normal", "mask", "vertices", "yaw", "pitch", "roll", "geometry", "camera")
        return row | dict.fromkeys(keep) | failure("reconstruct", "poor_fit", "the mesh is 9 px from the landmarks")
    if i in (3, 4):
        row |= {"status": "review", "reasons": ["blurred"]}
    if i == 5:
        row |= {"status": "rejected", "reasons": ["too_dark", "blurred"]}
    return row


def failure(stage: str, code: str, message: str) -> dict[str, Any]:
    return {"status": "failed", "failure_stage": stage, "failure_code": code, "failure_message": message}


def made_face(rng: np.random.Generator, *, size: int) -> dict[str, Any]:
    """A jittered crop of the astronaut's face and an ellipsoid that lies over it."""
    left, top, width = 165 + rng.uniform(-8, 8), 45 + rng.uniform(-8, 8), 120 + rng.uniform(-8, 8)
    scale = size / width
    picture = astronaut().crop((int(left), int(top), int(left + width), int(top + width))).resize((size, size))
    centre = np.array([size / 2, size / 2]) + rng.uniform(-2, 2, 2)
    axes = np.array([0.33, 0.42, 0.3]) * size
    depth, normal, mask = ellipsoid_maps(centre, axes, size)
    points = surface_points(centre, axes)
    yaw, pitch, roll = rng.normal(0, 8, 3).round(2)
    sharpness = float(rng.uniform(0.2, 1))
    return {
        "face_count": 1, "photo_width": 512, "photo_height": 512, "box": [left, top, width, width],
        "detection_score": round(float(rng.uniform(0.6, 1)), 4), "inside_fraction": 1.0,
        "crop_matrix": [scale, 0, -left * scale, 0, scale, -top * scale],
        "landmarks_68": points[:68, :2].round(3).ravel(), "landmarks_478": points.round(3).ravel(),
        "vertices": points.round(3).ravel(), "geometry": "coarse-478", "camera": "scaled orthographic",
        "yaw": yaw, "pitch": pitch, "roll": roll, "phash": int(rng.integers(0, 2**63)),
        "measure_sharpness": 1000 * sharpness, "score_sharpness": sharpness, "quality": sharpness,
        "image": encode(np.asarray(picture), "JPEG"), "depth": encode(depth), "normal": encode(normal),
        "mask": encode(mask),
    }  # fmt: skip


def ellipsoid_maps(centre: np.ndarray, axes: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """depth (H, W) uint16, normal (H, W, 3) uint8, mask (H, W) uint8 of an ellipsoid's near half."""
    x, y = np.meshgrid(np.arange(size) - centre[0], np.arange(size) - centre[1])
    u, v = x / axes[0], y / axes[1]
    inside = u * u + v * v < 0.9
    w = np.sqrt(np.where(inside, 1 - u * u - v * v, 1))
    height = axes[2] * (w - 0.9)  # -z in crop pixels, about zero at the eyes
    depth = np.where(inside, np.round(100 * (height + 327.68)), 0).astype(np.uint16)
    outward = np.stack([u / axes[0], -v / axes[1], w / axes[2]], axis=-1)  # already (n_x, -n_y, -n_z)
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
    normal = np.where(inside[..., None], np.round(127.5 * (outward + 1)), 0).astype(np.uint8)
    mask = inside.astype(np.uint8)
    mask[inside & (np.hypot(np.abs(u) - 0.4, v + 0.2) < 0.15)] = 2
    mask[inside & (np.hypot(u / 2, v - 0.5) < 0.12)] = 3
    return depth, normal, mask


def surface_points(centre: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """(478, 3) float64 points spread over the ellipsoid's near half, in crop pixels, z away."""
    k = np.arange(478)
    radius, angle = np.sqrt(0.89 * (k + 0.5) / 478), k * 2.399963
    u, v = radius * np.cos(angle), radius * np.sin(angle)
    z = -axes[2] * (np.sqrt(1 - u * u - v * v) - 0.9)
    return np.stack([centre[0] + axes[0] * u, centre[1] + axes[1] * v, z], axis=-1)


@lru_cache(maxsize=1)
def astronaut() -> Image.Image:
    from skimage.data import astronaut as photograph

    return Image.fromarray(photograph())


def encode(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    settings = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    Image.fromarray(pixels).save(buffer, kind, **settings)
    return buffer.getvalue()


def to_table(rows: Rows, schema: pa.Schema) -> pa.Table:
    """Rows as a table; a column that a row does not have is null, pictures become structs."""
    columns = []
    for field in schema:
        values = [row.get(field.name) for row in rows]
        if field.type == PICTURE:
            values = [None if data is None else {"bytes": data, "path": None} for data in values]
        columns.append(pa.array(values, field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _place(rows: Rows) -> None:
    filled: dict[str, int] = {}
    for row in rows:
        if row.get("image") is not None:
            name = shard_name(row["partition"], FINGERPRINT)
            row["shard"], row["shard_row"] = name, filled.get(name, 0)
            filled[name] = row["shard_row"] + 1


def _write_shards(path: Path, rows: Rows) -> dict[str, int]:
    schema = shard_schema(STAGE_FIELDS)
    names = sorted({row["shard"] for row in rows if row.get("shard")})
    shards = {}
    for name in names:
        members = [row for row in rows if row.get("shard") == name and row.get("image") is not None]
        shards[name] = write_shard(str(path / "shards" / f"{name}.parquet"), to_table(members, schema))
    return shards


def _write_sides(path: Path, rows: Rows) -> dict[str, list[str]]:
    sides: dict[str, list[str]] = {}
    for name, (stage, field) in SIDE_FIELDS.items():
        schema = pa.schema([column("sample_id", S, "Row."), field])
        for partition in sorted({row["partition"] for row in rows}):
            members = [row for row in rows if row["partition"] == partition]
            file = f"layers/{stage}/{partition}-{FINGERPRINT}.parquet"
            (path / file).parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(storable(to_table(members, schema)), path / file, row_group_size=64)
            sides.setdefault(name, []).append(file)
    return sides


def _metadata(
    name: str, rows: Rows, photographs: int, shards: dict[str, int], side: dict[str, list[str]]
) -> dict[str, Any]:
    statuses = [row["status"] for row in rows]
    counts = {status: statuses.count(status) for status in ("accepted", "review", "rejected", "failed")}
    return {
        "name": name,
        "recipe": {"name": name, "corpus": {"kind": "folder"}, "stages": []},
        "fingerprint": FINGERPRINT,
        "corpus": {"name": "folder", "licence": "CC0-1.0", "citation": "NASA, 1999"},
        "licences": ["CC0-1.0"],
        "counts": {"photographs": photographs, "rows": len(rows), **counts},
        "shards": shards,
        "side": side,
    }
