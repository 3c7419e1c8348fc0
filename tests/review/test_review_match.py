"""A decision finds its face after a rebuild, and comes back only when what was judged has changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fexdata.review.faces import Face, Geometry, thinned
from fexdata.review.match import match, names, overlap, stale_because

BOX = (10.0, 10.0, 100.0, 100.0)


def face(key: str = "k", **other: Any) -> Face:
    about = {"sample_id": "s0", "source_path": "a.jpg", "sha256": "h", "frame": 0, "box": BOX, "build": "b",
             "status": "rejected", "reasons": (), "expression": None}  # fmt: skip
    return Face(key, **(about | other))


def rows(*given: dict[str, Any]) -> pa.Table:
    start = {"sample_id": "s0", "source_path": "a.jpg", "source_sha256": "h", "frame": 0, "box": list(BOX)}
    schema = pa.schema([("sample_id", pa.string()), ("source_path", pa.string()), ("source_sha256", pa.string()),
                        ("frame", pa.int32()), ("box", pa.list_(pa.float32()))])  # fmt: skip
    return pa.Table.from_pylist([start | one for one in given], schema=schema)


def test_a_renamed_photograph_is_found() -> None:
    assert match({"k": face()}, rows({"sample_id": "s9", "source_path": "z.jpg"})) == {"k": "s9"}


def test_a_face_found_left_of_it_takes_its_slot_but_not_its_decision() -> None:
    other = {"sample_id": "s0", "box": [-200.0, 10.0, 100.0, 100.0]}
    assert match({"k": face()}, rows(other, {"sample_id": "s1"})) == {"k": "s1"}


def test_a_photograph_exchanged_under_its_name_is_another_one() -> None:
    assert match({"k": face()}, rows({"source_sha256": "new"})) == {}


def test_another_frame_of_the_same_film_is_another_face() -> None:
    assert match({"k": face(frame=3)}, rows({"frame": 4})) == {}


def test_of_two_copies_of_a_file_each_keeps_its_own_decision() -> None:
    faces = {"k": face(), "l": face("l", sample_id="s1", source_path="b.jpg")}
    copies = rows({"sample_id": "s1", "source_path": "b.jpg"}, {})
    assert match(faces, copies) == {"k": "s0", "l": "s1"}


def test_snapshots_of_one_lost_face_share_a_name() -> None:
    found = names({"k": face(), "l": face("l", build="later"), "m": face("m", sample_id="x")}, rows())
    assert found["k"] == found["l"] == "lost:k" and found["m"] == "lost:m"


@pytest.mark.parametrize(("shift", "same"), [(30.0, True), (40.0, False)])
def test_boxes_match_from_half_an_overlap_on(shift: float, same: bool) -> None:
    moved = [BOX[0] + shift, *BOX[1:]]
    assert (overlap(BOX, moved) >= 0.5) == same
    assert bool(match({"k": face()}, rows({"box": moved}))) == same


def geometry(seed: int = 0) -> Geometry:
    rng = np.random.default_rng(seed)
    landmarks = rng.uniform(0, 256, (68, 2)).astype(np.float32)
    landmarks[36:42], landmarks[42:48] = (80, 100), (180, 100)  # 100 px between the eyes
    return Geometry(landmarks, rng.uniform(0, 256, (478, 3)).astype(np.float32), "coarse-478", 478)


def moved(before: Geometry, landmark: float = 0.0, vertex: float = 0.0) -> Geometry:
    assert before.landmarks is not None and before.vertices is not None
    landmarks, vertices = before.landmarks.copy(), before.vertices.copy()
    landmarks[5, 0] += landmark
    vertices[7, 2] += vertex
    return Geometry(landmarks, vertices, before.geometry, before.vertex_count)


@pytest.mark.parametrize(
    ("landmark", "vertex", "status", "stale"),
    [(0, 0, "rejected", False), (2.9, 0, "rejected", False), (3.1, 0, "rejected", True), (0, 1.9, "rejected", False),
     (0, 2.1, "rejected", True), (0, 0, "accepted", True)],
)  # fmt: skip
def test_stale_only_beyond_the_written_limits(landmark: float, vertex: float, status: str, stale: bool) -> None:
    before = geometry()
    assert bool(stale_because(face(), before, status, moved(before, landmark, vertex))) == stale


def test_another_mesh_is_always_another_look() -> None:
    before = geometry()
    other = Geometry(before.landmarks, before.vertices, "ict", 9409)
    assert stale_because(face(), before, "rejected", other) == ["the mesh is not the one that was judged"]


@pytest.mark.parametrize("count", [1, 478, 512, 513, 11248])
def test_a_snapshot_of_any_mesh_stays_small(count: int) -> None:
    kept = thinned(np.zeros((count, 3)))
    assert min(count, 256) <= len(kept) <= 512
