"""The truth of synthetic photographs is true: held against the rendered pixels and an independent ray caster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import pytest

from fexdata.faces.mesh import vertex_normals
from fexdata.faces.models.face_model import FaceModel
from fexdata.faces.topology import Label
from fexdata.render.maps import decode_depth, decode_normal
from fexdata.render.photo.renderer import Rendered, render
from fexdata.render.photo.scene import Scene
from fexdata.synthetic import expressions, photograph
from fexdata.synthetic.models import shape_model
from fexdata.synthetic.plan import MODEL, Shot
from fexdata.synthetic.truth import STEPS

VIEWS = ((0.0, 0.0, "happy"), (28.0, -8.0, "fear"), (-45.0, 6.0, "disgust"))
BRIGHT = 50.0
"""Radiance of a background that no skin has."""
EDGE_ON = 0.2
"""Cosine between line of sight and normal below which a hair's breadth beside is a step in depth."""


@dataclass(frozen=True)
class Photographed:
    """One picture without hair, its truth, and the scene that was rendered for it."""

    truth: Mapping[str, Any]
    scene: Scene
    rays: Mapping[str, np.ndarray]


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return shape_model(MODEL)


@pytest.fixture(scope="module")
def photographs(model: FaceModel) -> list[Photographed]:
    scenes: list[Scene] = []

    def remembered(scene: Scene, *, supersample: float) -> Rendered:
        scenes.append(scene)
        return render(scene, supersample=supersample)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photograph, "render", remembered)
        truths = [photograph.take(_shot(number, *view)).truth for number, view in enumerate(VIEWS)]
    return [
        Photographed(truth, scene, by_rays(truth, model, scene.camera.size))
        for truth, scene in zip(truths, scenes, strict=True)
    ]


def _shot(number: int, yaw: float, pitch: float, name: str) -> Shot:
    drawn = expressions.draw(name, np.random.default_rng(number))
    return Shot(person=40 + number, expression=drawn, size=(256, 256), seed=number, yaw=yaw, pitch=pitch, plain=True)


def by_rays(truth: Mapping[str, Any], model: FaceModel, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """embree's first hits of the head's vertices, as they are stored, through the pixels' centres: `hit` (H, W),
    `depth` and `normal` as maps, and `clear`: clearly inside a triangle, which is not nearly edge-on."""
    import trimesh

    vertices = np.round(np.asarray(truth["vertices"], np.float64) * STEPS) / STEPS
    mesh = trimesh.Trimesh(vertices, model.triangles, process=False)
    focal, *centre = np.asarray(truth["camera"], np.float64).tolist()
    y, x = np.mgrid[: size[1], : size[0]].reshape(2, -1)
    ways = np.stack([(x - centre[0]) / focal, (y - centre[1]) / focal, np.ones(len(x))], axis=1)
    hit, ray, places = mesh.ray.intersects_id(np.zeros_like(ways), ways, multiple_hits=False, return_locations=True)
    corners = trimesh.triangles.points_to_barycentric(mesh.triangles[hit], places)
    normals = vertex_normals(vertices.astype(np.float32), model.triangles)
    smooth = np.einsum("ni,nij->nj", corners, normals[model.triangles[hit]])
    eyes = vertices[[33, 133, 362, 263], 2].mean()
    found = {
        "hit": np.zeros(len(x), bool),
        "clear": np.zeros(len(x), bool),
        "depth": np.full(len(x), np.nan),
        "normal": np.zeros((len(x), 3)),
    }
    facing = -np.einsum("nj,nj->n", smooth, ways[ray]) / np.linalg.norm(smooth, axis=1)
    found["hit"][ray], found["clear"][ray] = True, (corners.min(axis=1) > 0.01) & (facing > EDGE_ON)
    found["depth"][ray] = (eyes - places[:, 2]) * focal / eyes
    found["normal"][ray] = smooth / np.linalg.norm(smooth, axis=1, keepdims=True) * [1, -1, -1]
    return {name: values.reshape(size[1], size[0], *values.shape[1:]) for name, values in found.items()}


def alpha(scene: Scene) -> np.ndarray:
    """(H, W): what part of each pixel head, eyes and mouth cover, from how much of a bright background is left."""
    bare = [part for part in scene.parts if part.label != Label.NONE]
    dark, bright = (
        render(replace(scene, parts=bare, background=np.full((2, 2, 3), level, np.float32))).radiance
        for level in (0.0, BRIGHT)
    )
    return 1 - (bright - dark).mean(axis=2) / BRIGHT


@pytest.mark.parametrize("number", range(len(VIEWS)))
def test_the_true_vertices_cover_the_pixels_that_the_head_covers_in_the_picture(
    photographs: list[Photographed], number: int
) -> None:
    one = photographs[number]
    shown, projected = alpha(one.scene) >= 0.5, one.rays["hit"]
    assert 0.2 < shown.mean() < 0.9
    assert (shown & projected).sum() / (shown | projected).sum() >= 0.99


@pytest.mark.parametrize("number", range(len(VIEWS)))
def test_depth_and_normals_are_those_that_a_ray_caster_finds(photographs: list[Photographed], number: int) -> None:
    truth, rays = photographs[number].truth, photographs[number].rays
    skin = cv2.erode((truth["mask"] == Label.SKIN).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    inside = skin & rays["clear"]
    assert inside.sum() > 10_000
    apart = np.abs(decode_depth(truth["depth"]) - rays["depth"])[inside]
    turned = np.degrees(
        np.arccos(np.clip((decode_normal(truth["normal"]) * rays["normal"])[inside].sum(axis=1), -1, 1))
    )
    assert apart.max() <= 0.05
    assert turned.max() <= 1.0


@pytest.mark.parametrize("number", range(len(VIEWS)))
def test_landmarks_that_are_seen_lie_on_the_depth_map(photographs: list[Photographed], number: int) -> None:
    truth = photographs[number].truth
    points = truth["landmarks_478"][:468]
    column, row = np.rint(points[:, :2]).astype(int).T
    depth = decode_depth(truth["depth"])[row, column]
    on_surface = np.abs(depth + points[:, 2]) < 2.5
    assert on_surface.mean() > (0.93 if number == 0 else 0.6)


def test_left_and_right_are_the_pictures(photographs: list[Photographed]) -> None:
    turned_left = photographs[1].truth  # yaw 28: the nose points to the left
    points = turned_left["landmarks_478"]
    assert points[4, 0] < points[[33, 263], 0].mean() - 10
    assert points[33, 0] < points[263, 0]
