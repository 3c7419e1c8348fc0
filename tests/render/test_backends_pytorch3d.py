"""pytorch3d's visibility behind our conventions: where it is installed, the same maps as numba's."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from meshes import bump, real_landmarks, tilted_quad, with_normals

from fexdata.errors import FexdataError
from fexdata.faces.mesh import vertex_normals
from fexdata.faces.topology import coarse_478
from fexdata.render.rasterize import installed, rasterize, rasterize_batch

present = importlib.util.find_spec("pytorch3d") is not None
needs_pytorch3d = pytest.mark.skipif(not present, reason="pytorch3d is not installed")
ARRAYS = ("depth", "normal", "label", "triangle")


def test_pytorch3d_is_offered_only_where_it_is_installed() -> None:
    assert ("pytorch3d" in installed()) == present


@pytest.mark.skipif(present, reason="pytorch3d is installed")
def test_without_pytorch3d_its_backend_says_what_to_take_instead() -> None:
    with pytest.raises(FexdataError, match="not installed here; take the rasteriser torch or numba"):
        rasterize(*with_normals(*tilted_quad()), size=8, backend="pytorch3d")


@needs_pytorch3d
@pytest.mark.parametrize("made", [tilted_quad, bump], ids=["quad", "bump"])
def test_surfaces_give_numbas_maps(made: object) -> None:
    scene = with_normals(*made())  # type: ignore[operator]
    maps = rasterize(*scene, size=64, backend="pytorch3d")
    assert maps.drawn_by.startswith("pytorch3d")
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(maps, name), getattr(rasterize(*scene, size=64), name))


@needs_pytorch3d
def test_faces_in_a_batch_give_numbas_maps() -> None:
    mesh, points = coarse_478(), real_landmarks("45-m7-di-ph.jpg", 128)
    batch = np.stack([points, points - [31.2, -8, 5], points * [1, 0.8, 1]])
    normals = np.stack([vertex_normals(vertices, mesh.triangles) for vertices in batch])
    scenes = (batch, normals, mesh.triangles, mesh.labels)
    for one, other in zip(rasterize_batch(*scenes, size=128, backend="pytorch3d"),
                          rasterize_batch(*scenes, size=128), strict=True):  # fmt: skip
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@needs_pytorch3d
@pytest.mark.parametrize("seed", range(20))
def test_random_meshes_differ_only_where_many_surfaces_meet(seed: int) -> None:
    random = np.random.default_rng(seed)
    vertices = random.uniform(-10, 42, (24, 3)).round(random.integers(0, 4))
    scene = (vertices, random.normal(size=(24, 3)), random.integers(0, 24, (8, 3)), random.integers(1, 4, 8))
    one, other = (rasterize(*scene, size=32, backend=name) for name in ("pytorch3d", "numba"))
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
