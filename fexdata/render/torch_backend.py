"""The rasteriser in torch: many meshes at once, on a GPU or the CPU, with no package beyond torch.

See `fexdata.render.rasterize` for the conventions. Every candidate pixel of every triangle is listed
and tested at once, instead of triangle by triangle; the arithmetic is that of the numba kernel, in
float64 on positions of 1/4096 pixel, step by step, so both draw the same pixels, from the same
triangles, with the same depth to the bit. Work goes in slabs, so that memory depends on the slab and
the maps, not on how far the triangles of a broken fit reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from fexdata.render.rasterize import SNAP, TIE, Maps

SLAB = 1 << 21
"""Pixels of triangles' boxes that are listed at a time; a triangle is never split."""


def device() -> torch.device:
    """Where meshes are drawn unless the caller says otherwise: the GPU, where torch has one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def draw(vertices: np.ndarray, normals: np.ndarray, triangles: np.ndarray, labels: np.ndarray, size: int) -> Maps:
    """See `fexdata.render.rasterize.rasterize`, which checks the arguments."""
    return draw_batch(vertices[None], normals[None], triangles, labels, size)[0]


def draw_batch(
    vertices: np.ndarray,
    normals: np.ndarray,
    triangles: np.ndarray,
    labels: np.ndarray,
    size: int,
    where: torch.device | None = None,
) -> list[Maps]:
    """N meshes with the same triangles; vertices and normals: (N, V, 3). Raises `MemoryError` where
    the device has too little memory: nothing is drawn then, never a part."""
    target = device() if where is None else where
    try:
        points, faces = on_device(vertices, triangles, target)
        depth, winner = _visible(points, faces, size)
        return finish(points, normals, faces, labels, winner, depth, size)
    except torch.OutOfMemoryError as error:
        raise MemoryError(f"{len(vertices)} meshes of {len(triangles)} triangles do not fit on {target}") from error


def on_device(vertices: np.ndarray, triangles: np.ndarray, target: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Snapped vertices, (N, V, 3) float64, and triangles, (T, 3) int64. The arrays are copied."""
    points = torch.tensor(vertices, dtype=torch.float64, device=target)
    points[..., :2] = torch.round(points[..., :2] * SNAP) / SNAP
    return points, torch.tensor(triangles, dtype=torch.int64, device=target)


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """Twice the areas of a triangle's parts opposite to b and c, as functions of the pixel: one entry
    per triangle, positive inside for either winding."""

    b_right: torch.Tensor
    b_down: torch.Tensor
    b_start: torch.Tensor
    c_right: torch.Tensor
    c_down: torch.Tensor
    c_start: torch.Tensor
    whole: torch.Tensor
    """Twice the triangle's area."""

    @classmethod
    def of(cls, corners: torch.Tensor) -> _Edges:
        """corners: (K, 3 corners, 3)."""
        (ax, ay), (bx, by), (cx, cy) = (corners[:, i, :2].unbind(-1) for i in range(3))
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        sign = torch.where(area > 0, 1.0, -1.0)
        b_right, b_down = (cy - ay) * sign, (ax - cx) * sign
        c_right, c_down = (ay - by) * sign, (bx - ax) * sign
        b_start, c_start = -b_right * ax - b_down * ay, -c_right * ax - c_down * ay
        return cls(b_right, b_down, b_start, c_right, c_down, c_start, area.abs())

    def __getitem__(self, chosen: torch.Tensor) -> _Edges:
        return _Edges(*(getattr(self, name)[chosen] for name in self.__slots__))

    def at(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The parts of b and c at one pixel per triangle."""
        part_b = self.b_start + self.b_right * x + self.b_down * y
        return part_b, self.c_start + self.c_right * x + self.c_down * y

    def span(self, first: torch.Tensor, last: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Narrows the pixels first to last of row y to the triangle's, at most one too many a side."""
        at_b, at_c = self.at(torch.zeros_like(y), y)
        third = -self.b_right - self.c_right
        for right, start in ((self.b_right, at_b), (self.c_right, at_c), (third, self.whole - at_b - at_c)):
            cut = -start / right  # not finite where right is 0, and unused there
            first = torch.where(right > 0, torch.maximum(first, torch.floor(cut)), first)
            last = torch.where(right < 0, torch.minimum(last, torch.ceil(cut)), last)
        return first, last


def _visible(points: torch.Tensor, faces: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Depth, (N * size²) float32 with NaN for none, and the triangle seen there, (N * size²) int64, -1
    for none."""
    depth, winner = empty(points, size)
    for pixel, near, triangle in _fragments(points, faces, size):
        _nearest(pixel, near, triangle, depth, winner)
    return depth, winner


def empty(points: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Depth and winner where nothing is drawn yet, as `_visible` describes them."""
    pixels = len(points) * size * size
    depth = torch.full((pixels,), torch.nan, dtype=torch.float32, device=points.device)
    return depth, torch.full((pixels,), -1, dtype=torch.int64, device=points.device)


def _fragments(
    points: torch.Tensor, faces: torch.Tensor, size: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Slab by slab, in the triangles' order: which pixel of which mesh is covered, how near the
    triangle is there, and which it is."""
    count = len(faces)
    flat = points.reshape(-1, 3)
    offsets = torch.arange(len(points), device=points.device)[:, None, None] * points.shape[1]
    corners = flat[(faces + offsets).reshape(-1, 3)]
    low, high = corners[..., :2].amin(1), corners[..., :2].amax(1)
    x0, y0 = torch.ceil(low).clamp(min=0).unbind(-1)
    x1, y1 = torch.floor(high).clamp(max=size - 1).unbind(-1)
    reaching = torch.nonzero((x0 <= x1) & (y0 <= y1)).squeeze(1)
    boxes = torch.stack([x0, x1, y0, y1], 1)[reaching]
    for slab in _slabs(boxes):
        number = reaching[slab]
        edges = _Edges.of(corners[number])
        solid = edges.whole > 0
        number, edges = number[solid], edges[solid]
        item, x, y = _candidates(edges, boxes[slab][solid])
        inside, near = _covered(edges[item], corners[number, :, 2][item], x, y)
        item, x, y = item[inside], x[inside].long(), y[inside].long()
        picture = torch.div(number[item], count, rounding_mode="floor")
        yield (picture * size + y) * size + x, near, number[item] % count


def _covered(edges: _Edges, z: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Which of K pixels lie in their triangle, (K,) bool, and how near it is at those: float32.

    edges: K triangles; z: (K, 3 corners)."""
    part_b, part_c = edges.at(x, y)
    inside = (part_b >= 0) & (part_c >= 0) & (part_b + part_c <= edges.whole)
    part_b, part_c, z, share = part_b[inside], part_c[inside], z[inside], 1.0 / edges.whole[inside]
    near = -(z[:, 0] + part_b * ((z[:, 1] - z[:, 0]) * share) + part_c * ((z[:, 2] - z[:, 0]) * share))
    return inside, near.to(torch.float32)


def _slabs(boxes: torch.Tensor) -> Iterator[slice]:
    """Runs of triangles whose boxes hold about `SLAB` pixels together."""
    areas = (boxes[:, 1] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 2] + 1)
    slab = torch.div(torch.cumsum(areas, 0) - 1, SLAB, rounding_mode="floor")
    start = 0
    for length in torch.unique_consecutive(slab, return_counts=True)[1].tolist():
        yield slice(start, start + length)
        start += length


def _candidates(edges: _Edges, box: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pixels that triangles may cover: triangle, x and y of each, in the triangles' order."""
    x0, x1, y0, y1 = box.unbind(-1)
    row, step = _repeated((y1 - y0).long() + 1)
    y = y0[row] + step
    first, last = edges[row].span(x0[row], x1[row], y)
    run, step = _repeated((last - first).long().clamp(min=-1) + 1)
    return row[run], first[run] + step, y[run]


def _repeated(counts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(2, 0, 3) -> (0, 0, 2, 2, 2) and (0, 1, 0, 1, 2)."""
    item = torch.repeat_interleave(counts)
    start = torch.cumsum(counts, 0) - counts
    return item, torch.arange(len(item), device=counts.device) - start[item]


def _nearest(
    pixel: torch.Tensor, near: torch.Tensor, triangle: torch.Tensor, depth: torch.Tensor, winner: torch.Tensor
) -> None:
    """Draws fragments into `depth` and `winner`, each pixel's in the order in which they are listed.

    The order counts only between surfaces within `TIE` of each other; keeping to it makes the result
    that of a loop over triangles.
    """
    pixel, order = torch.sort(pixel, stable=True)
    near, triangle = near[order], triangle[order]
    place, counts = torch.unique_consecutive(pixel, return_counts=True)
    turn = torch.cumsum(counts, 0) - counts
    end = turn + counts
    while len(place):
        wins = ~(near[turn] <= depth[place] + TIE)  # also true where nothing is drawn yet
        depth[place[wins]] = near[turn[wins]]
        winner[place[wins]] = triangle[turn[wins]]
        turn = turn + 1
        more = turn < end
        place, turn, end = place[more], turn[more], end[more]


def add_fragments(
    points: torch.Tensor,
    faces: torch.Tensor,
    pixel: torch.Tensor,
    triangle: torch.Tensor,
    depth: torch.Tensor,
    winner: torch.Tensor,
    size: int,
) -> None:
    """Draws triangles that may cover pixels, found elsewhere, into `depth` and `winner`.

    pixel and triangle: (K,), every pixel's triangles in the order of their numbers.
    """
    corners, x, y = _at_pixels(points, faces, pixel, triangle, size)
    edges = _Edges.of(corners)
    inside, near = _covered(edges, corners[..., 2], x, y)
    solid = edges.whole[inside] > 0
    _nearest(pixel[inside][solid], near[solid], triangle[inside][solid], depth, winner)


def _at_pixels(
    points: torch.Tensor, faces: torch.Tensor, pixel: torch.Tensor, triangle: torch.Tensor, size: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of K triangles, each in the picture of its pixel: corners (K, 3, 3), and the pixels' x and y."""
    abc = _corner_numbers(points, faces, pixel, triangle, size)
    return points.reshape(-1, 3)[abc], (pixel % size).double(), (pixel // size % size).double()


def _corner_numbers(
    points: torch.Tensor, faces: torch.Tensor, pixel: torch.Tensor, triangle: torch.Tensor, size: int
) -> torch.Tensor:
    """(K, 3): the corners' numbers among the vertices of all meshes."""
    picture = torch.div(pixel, size * size, rounding_mode="floor")
    return faces[triangle] + (picture * points.shape[1])[:, None]


def finish(
    points: torch.Tensor,
    normals: np.ndarray,
    faces: torch.Tensor,
    labels: np.ndarray,
    winner: torch.Tensor,
    depth: torch.Tensor,
    size: int,
    name: str = "torch",
) -> list[Maps]:
    """Maps of N pictures, drawn by `name`, from what `_visible` finds. points: (N, V, 3), snapped."""
    where = points.device
    drawn = torch.nonzero(winner >= 0).squeeze(1)
    corners, x, y = _at_pixels(points, faces, drawn, winner[drawn], size)
    edges = _Edges.of(corners)
    part_b, part_c = edges.at(x, y)
    share = 1.0 / edges.whole
    vectors = torch.tensor(normals, dtype=torch.float32, device=where).reshape(-1, 3)
    vectors = vectors[_corner_numbers(points, faces, drawn, winner[drawn], size)]
    normal = torch.zeros((len(winner), 3), dtype=torch.float32, device=where)
    normal[drawn] = _normals(vectors, (part_b * share).float(), (part_c * share).float())
    label = torch.zeros(len(winner), dtype=torch.uint8, device=where)
    label[drawn] = torch.tensor(labels, dtype=torch.uint8, device=where)[winner[drawn]]

    shape = (len(points), size, size)
    arrays = [
        values.reshape(*shape, *values.shape[1:]).cpu().numpy()
        for values in (depth, normal, label, winner.to(torch.int32))
    ]
    by = name if where.type == "cpu" else f"{name} on {where.type}"
    return [Maps(d, n, m, t, by) for d, n, m, t in zip(*arrays, strict=True)]


def _normals(vectors: torch.Tensor, wb: torch.Tensor, wc: torch.Tensor) -> torch.Tensor:
    """Unit vectors of the normal map: (K, 3) from the corners' normals (K, 3 corners, 3) and weights."""
    wa = 1.0 - wb - wc
    n = vectors[:, 0] * wa[:, None] + vectors[:, 1] * wb[:, None] + vectors[:, 2] * wc[:, None]
    nx, ny, nz = n.unbind(-1)
    # By way of float64, because torch's own float32 root is not always the nearest number.
    length = torch.sqrt((nx * nx + ny * ny + nz * nz).double()).float()
    scale = torch.where(length > 0, 1.0 / length, 0.0)
    towards = torch.where(length > 0, -nz * scale, 1.0)
    return torch.stack([nx * scale, -ny * scale, towards], -1)
