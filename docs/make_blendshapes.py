"""Draws docs/blendshapes.png: the first five learned components on the mean face.

Two hundred people of the embedded model, each with one random expression and a tenth of a
millimetre of noise, are all that the learning sees. First the mean face, then the mean face plus
each component (non-negative weights) at full strength; colour says how far the skin moves.
`python docs/make_blendshapes.py`
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from fexdata.faces.blendshapes.learn import Blendshapes, learn_blendshapes
from fexdata.faces.mesh import vertex_normals
from fexdata.faces.models.default import default_model
from fexdata.faces.topology import Label
from fexdata.render.photo.raster import visible, weights
from fexdata.render.rasterize import rasterize
from fexdata.render.warp import projected
from fexdata.synthetic import expressions
from fexdata.synthetic.person import draw_identity
from fexdata.synthetic.warps.base import embedded_face

PEOPLE, COUNT, SHOWN, SIDE, SUPER = 200, 16, 5, 240, 3
NOISE = 0.1
FAR = 10.0
"""Millimetres of movement that are drawn in the strongest colour."""


def face() -> tuple[np.ndarray, np.ndarray]:
    """The face's vertices among the model's, and its triangles over them."""
    surface = embedded_face()
    triangles = surface.triangles[surface.labels == Label.SKIN]
    used = np.unique(triangles)
    return used, np.searchsorted(used, triangles).astype(np.int32)


def meshes(used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neutral and expressive faces (PEOPLE, V, 3), millimetres."""
    model, rng = default_model(), np.random.default_rng(0)
    neutral, expressive = [], []
    names = [name for name in expressions.CATEGORIES if name != "neutral"]
    for number in range(PEOPLE):
        identity = draw_identity(rng, len(model.identity_names))
        shown = expressions.draw(names[number % len(names)], rng) if number % 2 else expressions.random_feasible(rng)
        rest = model.shape(identity)[used]
        moved = model.shape(identity, expressions.coefficients(shown, model.expression_names))[used]
        neutral.append(rest)
        expressive.append(moved + NOISE * rng.standard_normal(rest.shape))
    return np.stack(neutral), np.stack(expressive)


def drawn(vertices: np.ndarray, moved: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(SIDE, SIDE, 3) uint8: a face lit from the upper left, redder where `moved` (V,) mm is larger."""
    size = SIDE * SUPER
    scale = 0.84 * size / 190.0
    placed = vertices * scale + [size / 2, 0.43 * size, 0.0]
    normals = vertex_normals(placed, triangles)
    labels = np.ones(len(triangles), np.uint8)
    maps = rasterize(placed, normals, triangles, labels, size=size)
    light = np.array([-0.4, 0.5, 0.77])
    shade = 0.25 + 0.75 * np.clip(maps.normal @ light, 0, None)
    amount = movement(placed, moved, triangles, size)
    skin, hot = np.array([214.0, 205.0, 196.0]), np.array([208.0, 60.0, 48.0])
    colour = (skin + (hot - skin) * amount[..., None]) * shade[..., None]
    colour = np.where((maps.label > 0)[..., None], colour, [246, 247, 248])
    return cv2.resize(np.clip(colour, 0, 255).astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def movement(placed: np.ndarray, moved: np.ndarray, triangles: np.ndarray, size: int) -> np.ndarray:
    """(size, size) from 0 to 1: how far the skin of each pixel moves."""
    points = projected(placed)
    ids = visible(points, triangles, (size, size))
    pixels = np.flatnonzero(ids >= 0).astype(np.int32)
    found = ids.reshape(-1)[pixels]
    share = weights(points, triangles, pixels, found, size)
    amount = np.zeros(size * size, np.float32)
    amount[pixels] = np.einsum("nk,nk->n", share, np.clip(moved / FAR, 0, 1)[triangles[found]])
    return amount.reshape(size, size)


def main() -> None:
    used, triangles = face()
    neutral, expressive = meshes(used)
    learned = learn_blendshapes(neutral, expressive, triangles, COUNT, signed=False)
    differences = expressive - neutral
    left = [learned.reconstructed(differences, n) - differences for n in (0, 1, 2, 5, 10, COUNT)]
    errors = np.array([float(np.sqrt((one**2).sum())) for one in left])
    print("share of the movement left after 1, 2, 5, 10,", COUNT, "components:", np.round(errors[1:] / errors[0], 3))
    path = Path(__file__).with_name("blendshapes.png")
    cv2.imwrite(str(path), sheet(learned, used, triangles)[..., ::-1])
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def sheet(learned: Blendshapes, used: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    mean = default_model().mean[used].astype(np.float64)
    row = [drawn(mean, np.zeros(len(mean)), triangles)]
    for component in learned.components[:SHOWN]:
        row.append(drawn(mean + component, np.linalg.norm(component, axis=1), triangles))
    return np.concatenate(row, axis=1)


if __name__ == "__main__":
    main()
