"""A build whose maps are those of another tool's meshes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import skimage.data

import fexdata
from fexdata.faces.detection import FaceFinder
from fexdata.faces.topology import coarse_478

RECIPE = """
name: with-meshes
corpus: folder
stages:
  detect: {{faces: largest}}
  align: {{template: five_point, size: 128}}
  meshes: {{folder: {folder}, tool: photograph}}
  reconstruct: {{}}
  rasterize: {{surface: mesh, size: 128}}
  quality: {{}}
duplicates: {{find: false}}
"""


def test_maps_come_from_the_meshes_and_a_photograph_without_one_fails_with_its_reason(tmp_path: Path) -> None:
    picture = skimage.data.astronaut()
    photographs, meshes = tmp_path / "photographs", tmp_path / "meshes"
    for name in ("ann", "eve", "jo"):
        photographs.mkdir(exist_ok=True)
        cv2.imwrite(str(photographs / f"{name}.png"), picture[..., ::-1])
    (face,) = FaceFinder().find(picture, faces="largest")
    points = face.landmarks.reshape(478, 3) * [1, 1, 2]  # this tool's faces are twice as deep
    lines = [*(f"v {x} {y} {z}" for x, y, z in points), *(f"f {a} {b} {c}" for a, b, c in coarse_478().triangles + 1)]
    meshes.mkdir()
    (meshes / "ann.obj").write_text("\n".join(lines))
    (meshes / "eve.obj").write_text("torn")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.format(folder=meshes))
    fexdata.build(str(recipe), str(photographs), out=str(tmp_path / "out"), workers=1)
    opened = fexdata.open(str(tmp_path / "out"))
    rows = opened.frame().set_index("source_path")
    assert rows["failure_code"].to_dict() == {"ann.png": None, "eve.png": "decode_error", "jo.png": "missing"}
    assert set(rows["failure_stage"].dropna()) == {"meshes"}
    sample = str(rows.loc["ann.png", "sample_id"])
    row, own = opened.row(sample, ["depth", "mask"]), opened.side("vertices", [sample])[0]
    seen = row["depth"][row["mask"] == 1] / 100 - 327.68
    # Twice MediaPipe's own depth, which is what `vertices` still has.
    assert np.ptp(seen) > 1.6 * np.ptp(own[:468, 2])
