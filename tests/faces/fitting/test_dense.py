"""Fits of landmarks refined by pictures of known faces under known light."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
import torch

from fexdata.errors import FexdataError
from fexdata.faces.fitting import dense
from fexdata.faces.fitting.camera import Perspective
from fexdata.faces.fitting.dense import refine
from fexdata.faces.fitting.fit import Fit, fit
from fexdata.faces.fitting.shading import SIDE, explained, harmonics
from fexdata.faces.mesh import vertex_normals
from fexdata.faces.models.default import default_model
from fexdata.faces.pose import rotation
from fexdata.render.rasterize import Maps, rasterize

SIZE, SCALE, COUNT = 176, 0.75, 3
LIGHT = np.array([0.5, 0.18, -0.15, -0.2, 0.03, -0.04, 0.05, 0.02, 0.02])


@functools.cache
def heads() -> np.ndarray:
    """(COUNT, V, 3) pixels: random people with expressions, turned up to 25 degrees."""
    model, rng = default_model(), np.random.default_rng(0)
    found = []
    for _ in range(COUNT):
        expression = rng.uniform(size=len(model.expression_names)) * (rng.random(len(model.expression_names)) < 0.15)
        shape = model.shape(rng.standard_normal(len(model.identity_names)), expression)
        turned = shape @ rotation(*rng.uniform(-25, 25, 3)).T
        found.append(SCALE * turned + [SIZE / 2, SIZE / 2, 0.0])
    return np.array(found)


def drawn(vertices: np.ndarray) -> Maps:
    triangles = default_model().triangles
    labels = np.ones(len(triangles), np.uint8)
    return rasterize(vertices, vertex_normals(vertices, triangles), triangles, labels, size=SIZE)


@functools.cache
def pictures() -> np.ndarray:
    """(COUNT, SIZE, SIZE, 3) of heads of one colour each, under distant light, before grey."""
    found = np.full((COUNT, SIZE, SIZE, 3), 90, np.uint8)
    for picture, vertices in zip(found, heads(), strict=True):
        maps = drawn(vertices)
        there = maps.triangle >= 0
        value, _ = harmonics(torch.tensor(maps.normal[there] * np.array([1, -1, -1], np.float32)))
        shade = value.numpy() @ LIGHT
        picture[there] = np.clip(np.round(255 * shade[:, None] * np.array([1.0, 0.8, 0.7])), 0, 255)
    return found


@functools.cache
def started() -> Fit:
    """From x and y of landmarks, 2 pixels off."""
    embedding = default_model().landmarks_478
    assert embedding is not None
    points = np.array([embedding.points(one)[:468, :2] for one in heads()])
    return fit(default_model(), points + np.random.default_rng(1).normal(0, 2.0, points.shape))


@functools.cache
def refined() -> Fit:
    return refine(default_model(), started(), pictures(), "cpu")


def errors(found: Fit) -> np.ndarray:
    """(3,) over the face's vertices that face the viewer: depth, its mean taken off, and place, pixels; normals,
    degrees."""
    model = default_model()
    each = []
    for mesh, true in zip(found.vertices(model), heads(), strict=True):
        normal, aim = (vertex_normals(one, model.triangles) for one in (mesh, true))
        kept = (model.regions["face"] > 0.5) & (aim[:, 2] < -0.4)
        gap = (mesh - true)[kept]
        turned = np.degrees(np.arccos(np.clip((normal * aim)[kept].sum(axis=1), -1, 1)))
        depth = np.abs(gap[:, 2] - gap[:, 2].mean()).mean()
        each.append([depth, np.linalg.norm(gap[:, :2], axis=1).mean(), turned.mean()])
    return np.mean(each, axis=0)


def test_a_picture_of_known_light_brings_the_face_nearer() -> None:
    before, after = errors(started()), errors(refined())
    assert (after < np.array([0.85, 0.85, 0.8]) * before).all(), (before, after)


def test_a_photograph_alone_is_refined_as_in_a_batch() -> None:
    points = landmarks_of(started())
    alone = refine(default_model(), fit(default_model(), points[1:2]), pictures()[1:2], "cpu")
    np.testing.assert_allclose(alone.expression[0], refined().expression[1], atol=2e-3)
    np.testing.assert_allclose(alone.vertices(default_model())[0], refined().vertices(default_model())[1], atol=0.02)


def landmarks_of(found: Fit) -> np.ndarray:
    points: np.ndarray = found.solution.residual[..., :2] + modelled(found)
    return points


def modelled(found: Fit) -> np.ndarray:
    """(B, 468, 2) where the fit has the landmarks."""
    turned = found.problem.points(found.solution.unknowns) @ found.poses.rotation.transpose(0, 2, 1)
    posed: np.ndarray = (found.poses.scale[:, None, None] * turned + found.poses.shift[:, None])[..., :2]
    return posed


def test_the_same_picture_gives_the_same_fit() -> None:
    again = refine(default_model(), started(), pictures(), "cpu")
    np.testing.assert_array_equal(again.solution.unknowns, refined().solution.unknowns)


def test_coefficients_stay_within_bounds_and_unseen_ones_unknown() -> None:
    names = ("eyeLookUp", *default_model().expression_names[1:])  # landmarks cannot tell a gaze
    model = replace(default_model(), expression_names=names, sha256="")
    first = fit(model, landmarks_of(started()))
    found = refine(model, first, pictures(), "cpu")
    told, known = first.problem.seen, found.solution.unknowns[:, first.problem.expressions]
    assert (known == 0).any()  # some are at their bound, and none beyond
    assert known.min() >= 0
    assert known.max() <= 1
    assert told.sum() == len(names) - 1
    for part in (found.expression, found.confidence):
        assert np.isnan(part[:, ~told]).all()
        assert np.isfinite(part[:, told]).all()


def test_a_fit_is_surer_for_its_picture() -> None:
    told = refined().problem.seen
    assert refined().confidence[:, told].mean() > started().confidence[:, told].mean() + 0.01
    assert refined().confidence[:, told].max() <= 1.0


@pytest.mark.parametrize("grey", [0, 128])
def test_a_flat_picture_says_nothing(grey: int) -> None:
    found = refine(default_model(), started(), np.full_like(pictures(), grey), "cpu")
    moved = np.linalg.norm(found.vertices(default_model()) - started().vertices(default_model()), axis=2)
    by_picture = np.linalg.norm(refined().vertices(default_model()) - started().vertices(default_model()), axis=2)
    assert moved.mean() < 0.1 * by_picture.mean()


def test_a_face_outside_its_picture_is_left_as_it_was() -> None:
    found = refine(default_model(), started(), pictures()[:, :20, :20], "cpu")
    moved = np.linalg.norm(found.vertices(default_model()) - started().vertices(default_model()), axis=2)
    assert moved.mean() < 0.3


def test_wrong_pictures_are_named() -> None:
    for wrong in (pictures()[:1], pictures()[..., :1], pictures()[0], pictures() / 255.0, pictures()[:, :0]):
        with pytest.raises(FexdataError, match=r"pictures: expected \(3, H, W, 3\) uint8, got"):
            refine(default_model(), started(), wrong)


def test_perspective_is_refused() -> None:
    camera = Perspective(np.array(600.0), np.array([88.0, 88.0]))
    with pytest.raises(FexdataError, match="weak perspective"):
        refine(default_model(), replace(started(), camera=camera), pictures())


def test_samples_are_seen_where_the_rasteriser_shows_them() -> None:
    model = default_model()
    corners = dense._sampled(model)
    for yaw in (-45.0, 0.0, 30.0):
        vertices = model.mean @ rotation(yaw, 10.0, 0.0).T * SCALE + [SIZE / 2, SIZE / 2, 0.0]
        point, right, left = np.split(dense._ride(vertices, corners), 3, axis=1)
        normal = np.cross(right, left)
        facing = normal[:, 2] / np.linalg.norm(normal, axis=1)
        column, row = np.clip(np.round(point[:, :2]).astype(int), 0, SIZE - 1).T
        shown = -drawn(vertices).depth[row, column] > point[:, 2] - 4.0
        crop = torch.tensor((point[:, :2] - point[:, :2].mean(axis=0)) * SIDE / SIZE + SIDE / 2)[None]
        z, towards = torch.tensor(point[None, :, 2] * SIDE / SIZE), torch.tensor(facing[None])
        ends = torch.tensor([[[0.0, 0.0], [SIDE - 1.0, SIDE - 1.0]]])
        seen = dense._seen(crop, z, towards, ends)[0].numpy() > 0
        aim = shown & (facing < -dense.FACING)
        assert (seen == aim).mean() > 0.98, yaw
        assert 0.3 < seen.mean() < 1.0


def test_light_and_albedo_are_found_though_a_fifth_is_hair() -> None:
    rng = np.random.default_rng(2)
    normal = rng.standard_normal((1, 1500, 3))
    normal[..., 2] = -np.abs(normal[..., 2])
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    harmonic, _ = harmonics(torch.tensor(normal))
    lips = torch.tensor((rng.random((1500, 1)) < 0.1).astype(float))
    true = (harmonic @ torch.tensor(LIGHT)) * (1 - 0.3 * lips[:, 0])
    hair = torch.tensor(rng.random((1, 1500)) < 0.2)
    value = torch.where(hair, 0.05, true + torch.tensor(rng.normal(0, 0.01, (1, 1500))))
    ones = torch.ones(1, 1500, dtype=torch.float64)
    found = explained(value[:, None], harmonic, lips, torch.tensor([0.3], dtype=torch.float64), ones, 1500.0)
    colour = value - found.residual[:, 0]
    assert (colour - true).abs().median() < 0.01
    assert found.weight[0, 0][hair[0]].mean() < 0.05 * found.weight[0, 0][~hair[0]].mean()


def test_harmonics_derivatives_are_their_differences() -> None:
    normal = torch.tensor(np.random.default_rng(3).standard_normal((5, 3)))
    _, slopes = harmonics(normal)
    for axis in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[axis] = 1e-5
        difference = (harmonics(normal + step)[0] - harmonics(normal - step)[0]) / 2e-5
        np.testing.assert_allclose(slopes[..., axis].numpy(), difference.numpy(), atol=1e-8)
