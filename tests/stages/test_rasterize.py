"""The maps of a face as they go into shards."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from meshes import real_landmarks
from pydantic import ValidationError

from fexdata.dataset.mirror import mirror
from fexdata.dataset.pictures import decode
from fexdata.errors import Code
from fexdata.faces.landmarks import EYE_CORNERS_478, MIRROR_478
from fexdata.faces.mesh import eye_corner_depth
from fexdata.render import torch_backend
from fexdata.render.maps import decode_depth, decode_normal
from fexdata.render.rasterize import Maps
from fexdata.stages.base import Row
from fexdata.stages.rasterize import Rasterize


def vertices(name: str = "single_face.jpg", size: int = 256) -> np.ndarray:
    points = real_landmarks(name, size)
    return points - [0, 0, eye_corner_depth(points)]


def row_of(points: np.ndarray, geometry: str = "coarse-478") -> Row:
    return Row("a", {"vertices": points.astype(np.float32), "geometry": geometry}, lambda: np.empty(0))


def run(points: np.ndarray, **settings: Any) -> Any:
    stage = Rasterize(Rasterize.Config(**settings))
    stage.warm_up()
    return stage.run([row_of(points)])[0]


def test_maps_are_lossless_pictures_of_the_declared_kind() -> None:
    out = run(vertices())
    assert list(out) == Rasterize(Rasterize.Config()).schema().names == ["depth", "normal", "mask"]
    pictures = {name: decode(value) for name, value in out.items()}
    assert {name: (p.dtype, p.shape) for name, p in pictures.items()} == {
        "depth": (np.uint16, (256, 256)), "normal": (np.uint8, (256, 256, 3)), "mask": (np.uint8, (256, 256))
    }  # fmt: skip
    drawn = pictures["mask"] > 0
    np.testing.assert_array_equal(pictures["depth"] > 0, drawn)
    np.testing.assert_array_equal(pictures["normal"].any(axis=-1), drawn)


def test_maps_take_no_more_bytes_than_opencvs_png() -> None:
    stored = [value["bytes"] for value in run(vertices()).values()]
    assert sum(map(len, stored)) <= sum(len(cv2.imencode(".png", decode(data))[1]) for data in stored)


def test_depth_at_the_landmarks_is_their_own() -> None:
    points = vertices()
    depth = decode_depth(decode(run(points)["depth"]))
    for index in (*EYE_CORNERS_478, 4, 9, 199, 61, 291, 205, 425):  # eyes, nose, brow, chin, lips, cheeks
        x, y = np.rint(points[index, :2]).astype(int)
        around = depth[y - 2 : y + 3, x - 2 : x + 3]
        assert np.nanmin(np.abs(around + points[index, 2])) < 0.5


def test_the_nose_is_nearest_and_the_cheeks_face_outwards() -> None:
    points, out = vertices(), run(vertices())
    depth, normal = decode_depth(decode(out["depth"])), decode_normal(decode(out["normal"]))
    y, x = np.unravel_index(np.nanargmax(depth), depth.shape)
    assert np.hypot(*(points[[1, 4], :2].mean(axis=0) - (x, y))) < 10
    left, right = (normal[tuple(np.rint(points[i, [1, 0]]).astype(int))] for i in (123, 352))
    assert left[0] < -0.2 < 0.2 < right[0]
    assert left[2] > 0 and right[2] > 0


def test_the_mirrored_mesh_has_the_mirrored_maps() -> None:
    points = vertices("45-m7-di-ph.jpg")
    stage = Rasterize(Rasterize.Config())
    plain, flipped = (
        {name: decode(value) for name, value in run(mesh).items()}
        for mesh in (points, points[MIRROR_478] * [-1, 1, 1] + [255, 0, 0])
    )
    expected = mirror(plain, stage.schema())
    np.testing.assert_array_equal(flipped["mask"], expected["mask"])
    assert np.abs(flipped["depth"].astype(int) - expected["depth"]).max() <= 1
    assert np.abs(flipped["normal"].astype(int) - expected["normal"]).max() <= 1


def test_pixels_given_to_the_next_stage_are_those_that_were_stored() -> None:
    row = row_of(vertices())
    (out,) = Rasterize(Rasterize.Config()).run([row])
    for name, value in out.items():
        np.testing.assert_array_equal(row.pixels(name), decode(value))


def test_the_size_is_a_setting() -> None:
    assert decode(run(vertices(size=128), size=128)["normal"]).shape == (128, 128, 3)


def test_backends_draw_the_same_pictures() -> None:
    points = vertices(size=96)
    one, other = (run(points, size=96, backend=name) for name in ("numba", "reference"))
    assert np.abs(decode(one["depth"]).astype(int) - decode(other["depth"])).max() <= 1
    assert np.abs(decode(one["normal"]).astype(int) - decode(other["normal"])).max() <= 1
    np.testing.assert_array_equal(decode(one["mask"]), decode(other["mask"]))


def test_a_face_outside_its_crop_fails_as_such() -> None:
    assert run(vertices() - [-1000, 0, 0]).code == Code.OUT_OF_FRAME


def test_the_same_mesh_gives_the_same_bytes() -> None:
    assert run(vertices()) == run(vertices())


@pytest.mark.parametrize("settings", [{"backend": "opengl"}, {"size": 0}, {"siez": 3}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Rasterize.Config(**settings)


def test_an_unknown_geometry_is_an_error_of_its_own() -> None:
    (failure,) = Rasterize(Rasterize.Config()).run([row_of(vertices(), "bfm")])
    assert failure.code == Code.INTERNAL_ERROR and "unknown geometry 'bfm'" in failure.message


def test_only_auto_says_who_drew() -> None:
    assert "rasterizer" not in run(vertices())
    out = run(vertices(), backend="auto")
    assert out["rasterizer"] in ("numba", "torch on cuda")
    assert list(out) == Rasterize(Rasterize.Config(backend="auto")).schema().names
    assert {name: out[name] for name in ("depth", "normal", "mask")} == run(vertices())


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_rows_drawn_together_are_those_drawn_alone(backend: str) -> None:
    stage = Rasterize(Rasterize.Config(size=128, backend=backend))
    meshes = [vertices(size=128) + shift for shift in ([0, 0, 0], [9, -3, 0], [-1000, 0, 0], [0, 20, 5])]
    together = stage.run([row_of(points) for points in meshes])
    alone = [output for points in meshes for output in stage.run([row_of(points)])]
    assert together == alone and together[2].code == Code.OUT_OF_FRAME


def flattened(share: float) -> np.ndarray:
    """The face with a part of its triangles, from the chin up, squeezed into one line."""
    points = vertices()
    low = points[:, 1] > np.quantile(points[:, 1], 1 - share)
    points[low] = points[low].mean(axis=0)
    return points


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (lambda: np.full((478, 3), np.nan), "beyond 8192"),
        (lambda: vertices() * [1e4, 1, 1], "beyond 8192"),
        (lambda: np.where(np.arange(478)[:, None] == 4, [20000, 100, 0], vertices()), "beyond 8192"),
        (lambda: vertices() * [0, 1, 0], "have no area"),
        (lambda: flattened(0.3), "have no area"),
        (lambda: vertices()[:468], "has 478 vertices, the mesh 468"),
    ],
)
def test_a_mesh_that_cannot_be_drawn_whole_fails_its_row_and_no_other(points: Any, words: str) -> None:
    sound = row_of(vertices())
    good, failure, again = Rasterize(Rasterize.Config()).run([sound, row_of(points()), sound])
    assert failure.code == Code.POOR_FIT and words in failure.message
    assert good == again and good == run(vertices())


def test_lips_that_meet_are_no_collapse() -> None:
    assert "depth" in run(flattened(0.01))


def test_memory_that_suffices_for_one_mesh_only_is_used_for_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = torch_backend.draw_batch

    def small(points: np.ndarray, *rest: Any) -> list[Maps]:
        if len(points) > 1 or points[0, 0, 2] > 500:
            raise MemoryError
        return draw(points, *rest)

    monkeypatch.setattr(torch_backend, "draw_batch", small)
    rows = [row_of(vertices()), row_of(vertices() - [0, 0, -1000]), row_of(vertices())]
    first, failure, last = Rasterize(Rasterize.Config(backend="torch")).run(rows)
    assert failure.code == Code.OUT_OF_MEMORY
    assert first == last == run(vertices())
