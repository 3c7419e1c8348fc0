"""The rasteriser of pytorch3d, for those who have it installed and want its kernels.

Ravi et al., Accelerating 3D Deep Learning with PyTorch3D, 2020; https://github.com/facebookresearch/pytorch3d.

See `fexdata.render.rasterize` for the conventions. pytorch3d's frame has x to the left, y up and z away
from the viewer; its picture reaches from 1 (left, top) to -1, with pixel centres half a pixel inside,
and nothing at z <= 0 is drawn. So vertices are turned by diag(-1, -1, 1) in x and y, scaled, and pushed
back. It works in float32 and leaves out centres on an edge. Here it only finds the triangles within
`MARGIN` of each pixel's centre; which of those cover it, and which is seen, is decided by the same exact
arithmetic as in the torch backend. Its maps therefore differ from the other backends' only at these ties:

- more than `LAYERS` triangles within `MARGIN` of a centre and nearer than the one that is seen there;
- triangles whose area is below 1e-8 of the picture's coordinates (2e-5 square pixels at 256), which
  pytorch3d leaves out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fexdata.errors import FexdataError
from fexdata.render import torch_backend
from fexdata.render.rasterize import REACH, Maps

MARGIN = 1e-3
"""Pixels: more than float32 loses in a picture's coordinates."""
LAYERS = 8
"""How many triangles pytorch3d remembers per pixel."""


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
    """N meshes with the same triangles; vertices and normals: (N, V, 3). Raises `FexdataError` where
    pytorch3d is missing, `MemoryError` where the device has too little memory."""
    library = _pytorch3d()
    target = torch_backend.device() if where is None else where
    try:
        points, faces = torch_backend.on_device(vertices, triangles, target)
        depth, winner = torch_backend.empty(points, size)
        if len(points) and len(faces):
            seen = _candidates(library, points, faces, size)
            pixel, triangle = (values.reshape(-1) for values in seen)
            listed = triangle >= 0
            torch_backend.add_fragments(points, faces, pixel[listed], triangle[listed], depth, winner, size)
        return torch_backend.finish(points, normals, faces, labels, winner, depth, size, name="pytorch3d")
    except torch.OutOfMemoryError as error:
        raise MemoryError(f"{len(vertices)} meshes of {len(triangles)} triangles do not fit on {target}") from error


def _pytorch3d() -> Any:
    try:
        from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
        from pytorch3d.structures import Meshes
    except ImportError as error:
        raise FexdataError("pytorch3d is not installed here; take the rasteriser torch or numba instead") from error
    return rasterize_meshes, Meshes


def _candidates(
    library: Any, points: torch.Tensor, faces: torch.Tensor, size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Per pixel and layer, the pixel's number and a triangle near its centre, -1 for none: each
    (N * size² , LAYERS), in the order of the triangles' numbers."""
    rasterize_meshes, meshes = library
    flat = 1.0 - (2.0 * points[..., :2].clamp(-REACH, REACH) + 1.0) / size
    z = points[..., 2:]
    away = z - z.amin(dim=1, keepdim=True) + 1.0
    scene = meshes(verts=torch.cat([flat, away], -1).float(), faces=faces.expand(len(points), -1, -1))
    found, _, _, _ = rasterize_meshes(
        scene,
        image_size=size,
        blur_radius=(2.0 * MARGIN / size) ** 2,
        faces_per_pixel=LAYERS,
        # A bin that can hold every triangle never overflows, which would leave triangles out.
        max_faces_per_bin=len(faces),
        perspective_correct=False,
        clip_barycentric_coords=True,
        cull_backfaces=False,
    )
    found = found.reshape(-1, LAYERS)
    pixel = torch.arange(len(found), device=points.device)[:, None].expand_as(found)
    # pytorch3d numbers the triangles of all meshes through.
    return pixel, torch.where(found >= 0, found % len(faces), -1).sort(dim=1).values
