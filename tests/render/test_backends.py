"""The backends among themselves: the same pixels from the same triangles, alone and in batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from meshes import bump, real_landmarks, tilted_quad, with_normals

from fexdata.errors import FexdataError
from fexdata.faces.mesh import vertex_normals
from fexdata.faces.models.subdivision import levels
from fexdata.faces.topology import coarse_478
from fexdata.render import auto, torch_backend
from fexdata.render.rasterize import REACH, Maps, rasterize, rasterize_batch

ARRAYS = ("depth", "normal", "label", "triangle")
Scene = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def assert_identical(one: Maps, other: Maps) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def random_scene(seed: int) -> Scene:
    """Triangles that cross one another and the border, many of them with corners on pixel centres."""
    random = np.random.default_rng(seed)
    vertices = random.uniform(-10, 42, (24, 3)).round(random.integers(0, 4))
    return vertices, random.normal(size=(24, 3)), random.integers(0, 24, (30, 3)), random.integers(1, 4, 30)


def face() -> Scene:
    mesh, points = coarse_478(), real_landmarks("45-m7-di-ph.jpg")
    return points, vertex_normals(points, mesh.triangles), mesh.triangles, mesh.labels


def fine_face() -> Scene:
    """The same face in triangles of one pixel."""
    points, _, triangles, _ = face()
    finer, fine = levels(triangles, len(points), 2)
    return with_normals(finer @ points, fine)  # type: ignore[return-value]


@given(st.integers(0, 2**32 - 1))
def test_random_meshes_give_torch_numbas_maps_to_the_bit(seed: int) -> None:
    scene = random_scene(seed)
    assert_identical(rasterize(*scene, size=32, backend="torch"), rasterize(*scene, size=32, backend="numba"))


@given(st.integers(0, 2**32 - 1))
def test_random_meshes_look_the_same_to_the_reference(seed: int) -> None:
    scene = random_scene(seed)
    one, other = (rasterize(*scene, size=32, backend=name) for name in ("numba", "reference"))
    np.testing.assert_array_equal(one.triangle, other.triangle)
    np.testing.assert_array_equal(one.label, other.label)
    np.testing.assert_allclose(one.depth, other.depth, atol=1e-4)
    np.testing.assert_allclose(one.normal, other.normal, atol=1e-3)


@pytest.mark.parametrize("made", [lambda: with_normals(*tilted_quad()), lambda: with_normals(*bump()), face, fine_face],
                         ids=["quad", "bump", "face", "fine face"])  # fmt: skip
@pytest.mark.parametrize("backend", ["torch", "auto"])
def test_surfaces_give_numbas_maps_to_the_bit(made: object, backend: str) -> None:
    scene = made()  # type: ignore[operator]
    maps = rasterize(*scene, size=256, backend=backend)
    assert np.count_nonzero(maps.label) > 1000
    assert_identical(maps, rasterize(*scene, size=256))


@pytest.mark.parametrize("backend", ["numba", "torch", "auto"])
def test_a_batch_gives_the_maps_of_each_mesh_alone(backend: str) -> None:
    points, normals, triangles, labels = face()
    shifts = np.array([[0, 0, 0], [40.3, -7.1, 12], [500, 0, 0], [-3, 90, -4]])
    batch = rasterize_batch(points + shifts[:, None], np.repeat(normals[None], 4, 0), triangles, labels, size=256,
                            backend=backend)  # fmt: skip
    assert [maps.label.any() for maps in batch] == [True, True, False, True]
    for maps, shift in zip(batch, shifts, strict=True):
        assert_identical(maps, rasterize(points + shift, normals, triangles, labels, size=256, backend=backend))


def test_an_empty_batch_and_a_mesh_without_triangles_are_drawn_as_nothing() -> None:
    nothing = np.empty((0, 3))
    for backend in ("numba", "torch", "auto"):
        assert rasterize_batch(np.empty((0, 4, 3)), np.empty((0, 4, 3)), nothing, np.empty(0), size=8,
                               backend=backend) == []  # fmt: skip
        assert (rasterize(nothing, nothing, nothing, np.empty(0), size=8, backend=backend).triangle == -1).all()


def test_slabs_change_no_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = with_normals(*bump())
    whole = rasterize(*scene, size=64, backend="torch")
    monkeypatch.setattr(torch_backend, "SLAB", 50)
    assert_identical(rasterize(*scene, size=64, backend="torch"), whole)


def test_torch_tests_edges_exactly_out_to_the_documented_reach() -> None:
    random = np.random.default_rng(7)
    corners = np.round(random.uniform(-REACH, REACH, (300, 3)) * 4096) / 4096
    scene = (corners, np.ones((300, 3)), np.arange(300).reshape(100, 3), np.ones(100))
    assert_identical(rasterize(*scene, size=64, backend="torch"), rasterize(*scene, size=64))


def test_maps_say_who_drew_them() -> None:
    scene = with_normals(*tilted_quad())
    assert [rasterize(*scene, size=8, backend=name).drawn_by for name in ("numba", "reference")] == [
        "numba", "reference"
    ]  # fmt: skip


def test_without_a_gpu_auto_is_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_backend, "device", lambda: torch.device("cpu"))
    assert rasterize(*with_normals(*tilted_quad()), size=8, backend="auto").drawn_by == "numba"


def test_auto_draws_on_the_cpu_when_the_gpu_is_out_of_memory_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> tuple[torch.Tensor, torch.Tensor]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch_backend, "device", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch_backend, "on_device", full)
    scene = with_normals(*bump())
    with pytest.raises(MemoryError, match="1 meshes of 3042 triangles do not fit on cuda"):
        rasterize(*scene, size=64, backend="torch")
    maps = rasterize(*scene, size=64, backend="auto")
    assert maps.drawn_by == "numba, the GPU being out of memory"
    assert_identical(maps, rasterize(*scene, size=64))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_the_gpu_gives_numbas_maps_to_the_bit() -> None:
    for scene in (face(), fine_face(), *(random_scene(seed) for seed in range(20))):
        maps = rasterize(*scene, size=256, backend="auto")
        assert maps.drawn_by == "torch on cuda"
        assert_identical(maps, rasterize(*scene, size=256))


def test_a_batch_of_another_shape_is_refused() -> None:
    points, normals, triangles, labels = with_normals(*tilted_quad())
    with pytest.raises(ValueError, match=r"vertices must have shape \(N, V, 3\), not \(4, 3\)"):
        rasterize_batch(points, normals, triangles, labels, size=8)
    with pytest.raises(FexdataError, match="unknown rasteriser 'opengl'"):
        rasterize_batch(points[None], normals[None], triangles, labels, size=8, backend="opengl")


def test_auto_and_torch_keep_their_callers_arrays() -> None:
    scene = with_normals(*bump())
    copies = [array.copy() for array in scene]
    for array in scene:
        array.flags.writeable = False
    for draw in (torch_backend.draw, auto.draw):
        rasterize(*scene, size=16)
        draw(*scene, 16)
    assert all(np.array_equal(a, b) for a, b in zip(scene, copies, strict=True))
