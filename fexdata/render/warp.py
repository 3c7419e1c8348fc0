"""A photograph with its face moved: texture sampled from it, drawn back over it.

Given where every point of a face's surface lies in the photograph and where it shall lie, each pixel
of the result looks up the place that it came from. Frame, pixel centres and winding as in
`fexdata.render.rasterize`; the projection is orthographic.

What keeps the result whole:

- **Around the face** a collar of rings takes the movement of the face's rim down to none, so that
  nothing tears; beyond it every pixel is the photograph's own.
- **Eyes** do not move with their lids: what lies between the lids is looked up where it is. Where
  lids open further than the photograph shows, its edge is continued.
- **The mouth** shows what the photograph shows between the lips, where that is enough; otherwise
  what the caller has drawn (teeth, tongue, cavity).
- Pixels on the border of two of these are averaged from 2 x 2 samples; all others are looked up
  once, so that the face stays as sharp as the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from fexdata.faces.topology import Label, boundary_loops
from fexdata.render.photo.raster import visible, weights
from fexdata.render.rasterize import SNAP
from fexdata.render.warp_collar import with_collar
from fexdata.render.warp_openings import keep_to_skin, look_behind_lids, look_between_lips, openings
from fexdata.render.warp_samples import SAMPLES, sample_grid, to_samples

FAR = 1e4
"""Pixels between the drawing's eye and z = 0: so many that perspective moves nothing by a sample."""
BORDER = 0.08
"""Share of the picture's side over which the background's movement fades to none at the picture's border."""
STILL = 0.02
"""Pixels of movement below which a pixel keeps the photograph's own value."""
APART = 2.0
"""Pixels in the photograph between a pixel's samples from which they count as different places."""
SEAM = 0.6
"""Brightness between lips or lids that meet, times that of their rims."""
LIP_SHADE, LIP_SHADE_REACH = 0.55, 1.6
"""Share of light that lips take from what touches them, and the pixels over which that falls to 1/e."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The face's own part of a mesh. Made by `face_surface`."""

    triangles: np.ndarray
    """(T, 3) int32; the last ones fill the holes, as fans about vertices beyond the mesh's own."""
    labels: np.ndarray
    """(T,) uint8 of `Label`: SKIN, EYE, MOUTH."""
    holes: tuple[np.ndarray, ...]
    """Loops of vertices; hole number i has the vertex `count + i` in its middle."""
    rim: np.ndarray
    """(B,) int32 loop round the face."""
    count: int
    """Vertices of the whole mesh."""


def face_surface(triangles: np.ndarray, vertices: np.ndarray) -> Surface:
    """A face's triangles (T, 3), cut out of a mesh at rest (V, 3) mm, with its three openings filled.

    The longest rim is the face's, the others are the mouth (the lowest) and the eyes. Raises
    `ValueError` for a face with other openings.
    """
    outer, *holes = boundary_loops(triangles)
    if len(holes) != 3:
        raise ValueError(f"a face has three openings, not {len(holes)}")
    holes.sort(key=lambda loop: float(vertices[loop, 1].mean()))
    parts, labels = [triangles], [np.full(len(triangles), Label.SKIN, np.uint8)]
    for number, loop in enumerate(holes):
        middle = np.full(len(loop), len(vertices) + number)
        parts.append(np.stack([loop, middle, np.roll(loop, -1)], axis=1))
        labels.append(np.full(len(loop), Label.MOUTH if number == 2 else Label.EYE, np.uint8))
    return Surface(np.concatenate(parts).astype(np.int32), np.concatenate(labels), tuple(holes), outer, len(vertices))


def warp(
    picture: np.ndarray,
    surface: Surface,
    before: np.ndarray,
    after: np.ndarray,
    inside: Callable[[], np.ndarray] | None = None,
) -> np.ndarray:
    """The picture (H, W, 3) uint8 with its face moved from `before` to `after` (V, 3), crop pixels.

    Vertices 0 to 467 are MediaPipe's: their rims say where the photograph has its eyes and mouth.

    inside: draws what lies in the mouth, (2 H, 2 W, 3) float32 from 0 to 255 on the grid of `sample_grid`;
    asked where the mouth opens further than the photograph shows it. Without it, what is there is
    stretched. Deterministic; raises `ValueError` for arrays that do not fit together.
    """
    if before.shape != after.shape or before.shape != (surface.count, 3):
        raise ValueError(f"before {before.shape} and after {after.shape} must have shape ({surface.count}, 3)")
    size = (picture.shape[1], picture.shape[0])
    start, end, triangles, labels = _closed(surface, before, after)
    shown = _drawn(end, triangles, size)
    source = _grid(size)
    places = np.einsum("nk,nkd->nd", shown.weights, start[triangles[shown.ids], :2])
    background = shown.ids >= len(surface.triangles)
    still = source[shown.at][background]
    places[background] = still + _from_border(still, size) * (places[background] - still)
    source[shown.at] = places.astype(np.float32)
    label = np.zeros(source.shape[:2], np.uint8)
    label[shown.at] = labels[shown.ids]
    was = openings(before, size)
    skin = keep_to_skin(source, label == Label.SKIN, was)
    shut = look_behind_lids(source, label == Label.EYE, was == Label.EYE, skin)
    mouth = label == Label.MOUTH
    how = look_between_lips(source, mouth, was == Label.MOUTH, skin, synthetic=inside is not None)
    dark = shut | mouth if how == "seam" else shut
    layer = _shaded(inside(), mouth) if inside is not None and how == "drawn" else None
    return _composed(picture, source, label, dark, mouth, layer)


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    at: tuple[np.ndarray, np.ndarray]
    """Rows and columns of the samples that show the mesh."""
    ids: np.ndarray
    weights: np.ndarray


def _drawn(vertices: np.ndarray, triangles: np.ndarray, size: tuple[int, int]) -> _Drawn:
    width, height = sample_grid(size)
    points = projected(to_samples(vertices.astype(np.float64)))
    ids = visible(points, triangles, (width, height))
    pixels = np.flatnonzero(ids >= 0).astype(np.int32)
    found = ids.reshape(-1)[pixels]
    return _Drawn(np.divmod(pixels, width), found, weights(points, triangles, pixels, found, width))


def projected(points: np.ndarray) -> np.ndarray:
    """(n, 3) float64 as `fexdata.render.photo.raster` wants them: x, y, 1/Z with the eye far away."""
    flat = np.array(points, np.float64)
    flat[:, :2] = np.rint(flat[:, :2] * SNAP) / SNAP
    flat[:, 2] = 1.0 / (FAR + flat[:, 2])
    return flat


def _grid(size: tuple[int, int]) -> np.ndarray:
    """(2 H, 2 W, 2) float32: the picture's place of each sample."""
    width, height = sample_grid(size)
    x = (np.arange(width, dtype=np.float32) - (SAMPLES - 1) / 2) / SAMPLES
    y = (np.arange(height, dtype=np.float32) - (SAMPLES - 1) / 2) / SAMPLES
    return np.stack(np.meshgrid(x, y), axis=2)


def _from_border(places: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(n, 1) 1 well inside the picture, falling to 0 at its border, of places (n, 2)."""
    inside = np.minimum(places, np.array(size) - 1 - places).min(axis=1, keepdims=True)
    result: np.ndarray = np.clip(inside / (BORDER * max(size)), 0, 1)
    return result


def _closed(
    surface: Surface, before: np.ndarray, after: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Both states with the openings' middles and the collar's rings appended; triangles and labels."""
    deep = np.array([0.0, 0.0, 1e-3])
    start, end = (
        np.concatenate([state, [state[loop].mean(axis=0) + deep for loop in surface.holes]])
        for state in (before, after)
    )
    rings_before, rings_after, bands = with_collar(surface.rim, start, end)
    triangles = np.concatenate([surface.triangles, bands])
    labels = np.concatenate([surface.labels, np.full(len(bands), Label.SKIN, np.uint8)])
    return np.concatenate([start, rings_before]), np.concatenate([end, rings_after]), triangles, labels


def _composed(
    picture: np.ndarray,
    source: np.ndarray,
    label: np.ndarray,
    dark: np.ndarray,
    mouth: np.ndarray,
    layer: np.ndarray | None,
) -> np.ndarray:
    """The result, from where each sample comes from, which are seams, and what is drawn in the mouth."""
    colours = picture.astype(np.float32)
    kinds = np.where(label == Label.NONE, np.uint8(Label.SKIN), label)
    least, most, _ = _over_samples(kinds)
    alone = (least == most) & (most != Label.MOUTH)
    low, high, once = _over_samples(source)
    alone &= (high - low).max(axis=2) < APART
    result = _looked_up(colours, once)
    still = np.abs(once - _grid_of_pixels(picture.shape)).max(axis=2) < STILL
    fine = _looked_up(colours, source)
    fine[dark] *= SEAM
    if layer is not None:
        fine[mouth] = layer[mouth]
    result[~alone] = _over_samples(fine)[2][~alone]
    final = np.clip(np.rint(result), 0, 255).astype(np.uint8)
    final[still & alone] = picture[still & alone]
    return final


def _over_samples(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least, greatest and mean of each pixel's samples; values (2 H, 2 W, ...)."""
    parts = [values[row::SAMPLES, column::SAMPLES] for row in range(SAMPLES) for column in range(SAMPLES)]
    mean = np.add.reduce([part.astype(np.float32) for part in parts]) / np.float32(len(parts))
    return np.minimum.reduce(parts), np.maximum.reduce(parts), mean


def _shaded(colour: np.ndarray, mouth: np.ndarray) -> np.ndarray:
    """What lies in a mouth (2 H, 2 W, 3), darker close to the lips, which keep light from it."""
    depth = cv2.distanceTransform(mouth.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    lit = 1 - LIP_SHADE * np.exp(-depth / (SAMPLES * LIP_SHADE_REACH))
    result: np.ndarray = colour * lit[..., None]
    return result


def _grid_of_pixels(shape: tuple[int, ...]) -> np.ndarray:
    x, y = np.meshgrid(np.arange(shape[1], dtype=np.float32), np.arange(shape[0], dtype=np.float32))
    return np.stack([x, y], axis=2)


def _looked_up(colours: np.ndarray, source: np.ndarray) -> np.ndarray:
    places = np.ascontiguousarray(source, np.float32)
    return cv2.remap(colours, places, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
