"""Writing `truth.parquet`: one row per picture, whatever process took it, in one order.

Each task of `fexdata.synthetic.corpus` leaves a part, an Arrow file with one record batch per
picture; at the end the parts' rows are put in the order of their keys and copied into one Parquet
file, a row group at a time.

What a picture's truth (`Taken.truth`) holds, all in the pixels of the upright picture unless said
otherwise, integer coordinates at pixel centres:

- `vertices` (V, 3) float32: the head's dense mesh before the camera, millimetres; stored to
  1/256 mm, a tenth of what a pixel shows or less, so that it packs well
- `depth`, `normal`, `mask`: (H, W) uint16, (H, W, 3) uint8, (H, W) uint8, encoded as
  `fexdata.render.maps` does, millimetres scaled by the camera's pixels per millimetre at the eyes
- `landmarks_478` (478, 3), `landmarks_68` (68, 2), `box` (left, top, width, height)
- `expression_params` (E,), `expression_names`, `expression_signed` (E,) bool (all False if absent)
- `identity_params` (K,), `identity_names`; `basis_id`: what the coefficients multiply
- `au`: intensities 0 to 5 by name; action units that are absent are 0
- `yaw`, `pitch`, `roll`: degrees; `camera`: (focal length, centre x, centre y) in pixels
- `light`: JSON text that describes it
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fexdata.corpora.base import sample_id
from fexdata.corpora.truth import BASIS, SCHEME
from fexdata.dataset.fields import PICTURE, column, fixed
from fexdata.dataset.shards import parquet_options
from fexdata.dataset.vectors import storable, storable_schema
from fexdata.faces.landmarks import IBUG_68, MEDIAPIPE_478
from fexdata.storage import AtomicFile
from fexdata.synthetic.plan import Planned

ROW_GROUP = 64
AU_SCHEME = "facs"
"""FACS intensities on a continuous scale, 1 for A to 5 for E."""
STEPS = 256
"""Stored steps of vertices per millimetre."""


def truth_row(planned: Planned, corpus: str, truth: Mapping[str, Any], units: Sequence[str]) -> pa.RecordBatch:
    """One picture's row. `units` are all action units there are, so that every row has the same
    columns. Raises `KeyError` for truth that lacks something."""
    schema = _schema(truth, units)
    digest = digest_of(planned, corpus)
    shot = planned.shot
    values: dict[str, Any] = {
        **truth,
        "sample_id": sample_id(digest, 0),
        "corpus": corpus,
        "source_path": planned.path,
        "frame": planned.frame,
        "person": f"{shot.person:016x}",
        "category": shot.category,
        "model": shot.model.partition(":")[0],
        "vertices": np.round(np.asarray(truth["vertices"], np.float64) * STEPS) / STEPS,
        "au": {name: float(truth["au"].get(name, 0.0)) for name in units},
    }
    return pa.record_batch([_array(values[field.name], field) for field in schema], schema=schema)


def digest_of(planned: Planned, corpus: str) -> bytes:
    """The digest of the photograph that the corpus's reader will make of the file."""
    from fexdata.corpora.base import Photograph

    return Photograph(corpus, planned.path.encode(), "", planned.frame).digest()


def write_part(path: str, rows: Sequence[pa.RecordBatch]) -> None:
    """An Arrow file with one record batch per row, compressed; it appears when it is complete."""
    options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
    with AtomicFile(path) as file, pa.ipc.new_file(file, rows[0].schema, options=options) as writer:
        for row in rows:
            writer.write_batch(row)


def merge_parts(path: str, parts: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Writes `truth.parquet` from parts: (path of the part, keys of its rows in their order).

    Raises `ValueError` when parts differ in their columns.
    """
    order = sorted((key, part, row) for part, (_, keys) in enumerate(parts) for row, key in enumerate(keys))
    readers = [pa.ipc.open_file(pa.memory_map(name)) for name, _ in parts]
    schema = readers[0].schema
    for reader in readers:
        if not reader.schema.equals(schema, check_metadata=True):
            raise ValueError("the pictures' truths differ in their columns")
    stored = storable_schema(schema)
    floats = [field.name + ".list.element" for field in schema if pa.types.is_fixed_size_list(field.type)]
    options = {**parquet_options(stored), "use_byte_stream_split": floats}
    with AtomicFile(path) as file, pq.ParquetWriter(file, stored, **options) as writer:
        for start in range(0, len(order), ROW_GROUP):
            batches = [readers[part].get_batch(row) for _, part, row in order[start : start + ROW_GROUP]]
            group = pa.Table.from_batches(batches, schema).combine_chunks()
            writer.write_table(storable(group), row_group_size=ROW_GROUP)


def _schema(truth: Mapping[str, Any], units: Sequence[str]) -> pa.Schema:
    picture, camera = "pixels of the picture", "x right, y down, z away from the viewer"
    s, i, f = pa.string(), pa.int32(), pa.float32()
    count = np.asarray(truth["vertices"]).shape[0]
    expression, identity = truth["expression_names"], truth["identity_names"]
    signed = np.asarray(truth.get("expression_signed", np.zeros(len(expression))), bool).tolist()
    params = _named("expression_params", expression, "Expression coefficients.")
    extra = {BASIS.encode(): str(truth["basis_id"]).encode(), b"signed": json.dumps(signed).encode()}
    intensities = pa.struct([(name, f) for name in units])
    au = column("au", intensities, "Intensities of action units: none 0, E 5.", unit="0 to 5")
    return pa.schema(
        [
            column("sample_id", s, "Identity of the picture's face in every dataset built from the corpus."),
            column("corpus", s, "The corpus's name."),
            column("source_path", s, "Path of the picture below the corpus's root."),
            column("frame", i, "Frame number within an image sequence."),
            column("person", s, "The person: the same in all pictures of one."),
            column("category", s, "The expression's name; null for one that has none."),
            column("model", s, "The face model."),
            column("box", fixed(4), "The face's bounding box: left, top, width, height.", unit=picture, shape=(4,)),
            column("landmarks_478", fixed(1434), "The model's own points.", unit=picture, shape=(478, 3),
                   convention=MEDIAPIPE_478),
            column("landmarks_68", fixed(136), "The model's own points.", unit=picture, shape=(68, 2),
                   convention=IBUG_68),
            column("yaw", f, "Turn of the head to the side.", unit="degrees"),
            column("pitch", f, "Nod of the head.", unit="degrees"),
            column("roll", f, "Tilt of the head in the picture.", unit="degrees"),
            column("camera", fixed(3), "Focal length and centre of a pinhole camera: x, y.", unit=picture, shape=(3,)),
            column("light", s, "The light, as JSON."),
            params.with_metadata({**params.metadata, **extra}),
            _named("identity_params", identity, "Identity coefficients, in standard deviations."),
            au.with_metadata({**au.metadata, SCHEME.encode(): AU_SCHEME.encode()}),
            column("vertices", fixed(3 * count), "The head's mesh, before the camera.", unit="millimetres",
                   shape=(count, 3), convention=camera),
            column("depth", PICTURE, "Depth map, larger is nearer.", unit=picture),
            column("normal", PICTURE, "Normal map.", unit="unit vectors"),
            column("mask", PICTURE, "Label map.", unit="labels"),
        ]
    )  # fmt: skip


def _named(name: str, names: Iterable[str], about: str) -> pa.Field:
    listed = list(names)
    return column(name, fixed(len(listed)), about, shape=(len(listed),), mirror="named", names=listed)


def _array(value: Any, field: pa.Field) -> pa.Array:
    """A column of one row."""
    from fexdata.dataset.pictures import encode_png

    if pa.types.is_fixed_size_list(field.type):
        flat = np.asarray(value, np.float32).reshape(-1)
        if len(flat) != field.type.list_size:
            raise ValueError(f"truth: {field.name}: expected {field.type.list_size} values, got {len(flat)}")
        return pa.FixedSizeListArray.from_arrays(pa.array(flat), type=field.type)
    if field.type == PICTURE:
        return pa.array([{"bytes": encode_png(np.ascontiguousarray(value)), "path": None}], field.type)
    return pa.array([value], field.type)
