"""The slow and obvious rasteriser: every triangle against every pixel, in numpy.

It exists to be read and to be compared with; see `fexdata.render.rasterize` for the conventions.
"""

from __future__ import annotations

import numpy as np

from fexdata.render.rasterize import SNAP, TIE, Maps


def draw(vertices: np.ndarray, normals: np.ndarray, triangles: np.ndarray, labels: np.ndarray, size: int) -> Maps:
    """See `fexdata.render.rasterize.rasterize`, which checks the arguments."""
    depth = np.full((size, size), np.nan, dtype=np.float32)
    normal = np.zeros((size, size, 3), dtype=np.float32)
    label = np.zeros((size, size), dtype=np.uint8)
    seen = np.full((size, size), -1, dtype=np.int32)
    snapped = np.rint(vertices[:, :2] * SNAP) / SNAP
    y, x = np.mgrid[:size, :size].astype(np.float64)

    for number, (triangle, mark) in enumerate(zip(triangles, labels, strict=True)):
        (ax, ay), (bx, by), (cx, cy) = snapped[triangle]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0:
            continue
        # Twice the areas of the parts opposite to b and c: positive inside, for either winding.
        part_b = np.sign(area) * ((x - ax) * (cy - ay) - (y - ay) * (cx - ax))
        part_c = np.sign(area) * ((bx - ax) * (y - ay) - (by - ay) * (x - ax))
        covered = (part_b >= 0) & (part_c >= 0) & (part_b + part_c <= abs(area))

        weight = np.stack([abs(area) - part_b - part_c, part_b, part_c], axis=-1)[covered] / abs(area)
        near = (-weight @ vertices[triangle, 2]).astype(np.float32)
        wins = ~(near <= depth[covered] + np.float32(TIE))  # also true where nothing is drawn yet

        rows, columns = (index[wins] for index in np.nonzero(covered))
        depth[rows, columns] = near[wins]
        normal[rows, columns] = _towards_viewer(weight[wins] @ normals[triangle])
        label[rows, columns] = mark
        seen[rows, columns] = number
    return Maps(depth, normal, label, seen, "reference")


def _towards_viewer(normals: np.ndarray) -> np.ndarray:
    """Unit vectors of the normal map; a normal of no length becomes (0, 0, 1)."""
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    unit = np.where(length > 0, normals / np.where(length > 0, length, 1), (0.0, 0.0, -1.0))
    return unit * (1, -1, -1)
