"""From another tool's files to maps: the stages `meshes` and `rasterize` together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from meshes import real_landmarks
from pydantic import ValidationError

from fexdata.dataset.pictures import decode
from fexdata.errors import Code, FexdataError
from fexdata.faces.alignment import apply, inverse
from fexdata.faces.landmarks import to_68
from fexdata.faces.mesh import eye_corner_depth
from fexdata.faces.topology import Label, coarse_478
from fexdata.stages.base import Row
from fexdata.stages.meshes import Meshes
from fexdata.stages.rasterize import Rasterize

MATRIX = np.array([[0.5, 0.1, -60.0], [-0.1, 0.5, 15.0]])


def face() -> np.ndarray:
    points = real_landmarks()
    return points - [0, 0, eye_corner_depth(points)]


def write_obj(path: Path) -> None:
    """The face as a tool would write it that works in photograph pixels."""
    matrix = inverse(MATRIX)
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in apply(matrix, face())]
    path.write_text("\n".join(lines + [f"f {a} {b} {c}" for a, b, c in coarse_478().triangles + 1]))


def row(name: str) -> Row:
    values = {"source_path": name, "photo_height": 700, "crop_matrix": MATRIX.astype(np.float32),
              "landmarks_68": to_68(face())[:, :2].astype(np.float32), "vertices": face().astype(np.float32),
              "geometry": "coarse-478"}  # fmt: skip
    return Row(name, values, lambda: np.empty(0))


def drawn(rows: list[Row], folder: Path, **settings: Any) -> list[Any]:
    outputs = Meshes(Meshes.Config(folder=str(folder), tool="photograph")).run(rows)
    kept = []
    for one, output in zip(rows, outputs, strict=True):
        if isinstance(output, dict):
            one.values.update(output)
            kept.append(one)
    maps = iter(Rasterize(Rasterize.Config(surface="mesh", **settings)).run(kept))
    return [next(maps) if isinstance(output, dict) else output for output in outputs]


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_the_maps_are_those_of_the_surface_that_the_tool_made(backend: str, tmp_path: Path) -> None:
    write_obj(tmp_path / "jo.obj")
    (out,) = drawn([row("jo.jpg")], tmp_path, backend=backend)
    (own,) = Rasterize(Rasterize.Config()).run([row("jo.jpg")])
    skin, other = decode(out["mask"]), decode(own["mask"])
    assert np.count_nonzero((skin > 0) != (other > 0)) <= 20  # on the rim: files are rounded
    both = (skin > 0) & (other > 0)
    assert np.abs(decode(out["depth"])[both].astype(int) - decode(own["depth"])[both]).max() <= 60
    assert set(np.unique(skin)) == {0, 1}  # nobody says which triangles are eyes


def test_rows_without_a_readable_mesh_fail_alone(tmp_path: Path) -> None:
    write_obj(tmp_path / "jo.obj")
    (tmp_path / "ann.obj").write_text("nonsense")
    first, second, third, last = drawn([row(f"{name}.jpg") for name in ("jo", "ann", "eve", "jo")], tmp_path)
    assert first == last and "depth" in first
    assert (second.code, third.code) == (Code.DECODE_ERROR, Code.MISSING)


def test_what_is_seen_through_open_eyes_does_not_move_the_zero_of_depth(tmp_path: Path) -> None:
    mesh, matrix = coarse_478(), inverse(MATRIX)
    skin = mesh.triangles[mesh.labels != Label.EYE]
    # The back of the head: the same places, 150 pixels further away, turned outwards.
    points = np.concatenate([face(), face() * [1, 1, -0.2] + [0, 0, 150]])
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in apply(matrix, points)]
    lines += [f"f {a} {b} {c}" for a, b, c in np.concatenate([skin, mesh.triangles[:, ::-1] + len(face())]) + 1]
    (tmp_path / "jo.obj").write_text("\n".join(lines))
    (out,) = drawn([row("jo.jpg")], tmp_path)
    (own,) = Rasterize(Rasterize.Config()).run([row("jo.jpg")])
    both = decode(own["mask"]) == Label.SKIN
    apart = decode(out["depth"])[both].astype(int) - decode(own["depth"])[both]
    assert abs(np.median(apart)) <= 100  # hundredths of a pixel: the rims' points are not quite the landmarks


def test_a_changed_mesh_changes_the_fingerprint(tmp_path: Path) -> None:
    write_obj(tmp_path / "jo.obj")
    settings = Meshes.Config(folder=str(tmp_path), tool="photograph")
    before = Meshes(settings).weights()
    assert Meshes(settings).weights() == before
    (tmp_path / "ann.obj").write_text("v 0 0 0")
    assert Meshes(settings).weights() != before


def test_settings_that_cannot_be_right_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="unknown tool 'blender'; known: extreme3d"):
        Meshes.Config(folder=str(tmp_path), tool="blender")
    with pytest.raises(FexdataError, match="holds no mesh of deca"):
        Meshes(Meshes.Config(folder=str(tmp_path), tool="deca")).weights()
