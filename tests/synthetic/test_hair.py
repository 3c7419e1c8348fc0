"""Hair: rooted in the skin, out of the head, the same for the same seed, moving with the face."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import trimesh

from fexdata.faces.models.default import default_model
from fexdata.synthetic.hair import Hair, grow_hair, place
from fexdata.synthetic.hair_styles import STYLES
from fexdata.synthetic.headwear import rim_height
from fexdata.synthetic.skull import BACK, skull
from fexdata.synthetic.traits import draw_traits

STYLED = sorted(STYLES)


@functools.cache
def _face(seed: int = 4) -> np.ndarray:
    model = default_model()
    return model.shape(0.7 * np.random.default_rng(seed).standard_normal(len(model.identity_names)))


def _moved(**strengths: float) -> np.ndarray:
    """The same person with action units at the given strengths, on both sides."""
    model = default_model()
    names = {f"{unit}{side}": value for unit, value in strengths.items() for side in ("", "_left", "_right")}
    expression = np.array([names.get(name, 0.0) for name in model.expression_names], np.float32)
    assert expression.any()
    identity = 0.7 * np.random.default_rng(4).standard_normal(len(model.identity_names))
    return model.shape(identity, expression)


@functools.cache
def _hair(seed: int = 1, **traits: Any) -> Hair:
    chosen = {"headwear": "none", "hair_style": "short", "beard": "none"} | traits
    return grow_hair(replace(draw_traits(7), **chosen), default_model(), _face(), np.random.default_rng(seed))


def _tip(hair: Hair, name: str, vertices: np.ndarray) -> np.ndarray:
    """(N, 3) the tips of a tuft's hairs on a face."""
    at = [tuft.name for tuft in hair.tufts].index(name)
    return place(hair, vertices)[at].points[:, -1]


@functools.cache
def _earless() -> trimesh.Trimesh:
    """The head without ears: hair may pass between their folds."""
    model = default_model()
    solid = model.triangles[(model.regions["ears"][model.triangles] < 0.05).all(axis=1)]
    return trimesh.Trimesh(_face(), solid, process=False)


@pytest.mark.parametrize("style", STYLED)
def test_no_hair_runs_through_the_head(style: str) -> None:
    tuft = _hair(hair_style=style).tuft("scalp")
    assert tuft is not None
    points = (tuft.offsets + tuft.roots.of(_face())[:, None])[:, 1:].reshape(-1, 3)
    chosen = points[np.random.default_rng(0).permutation(len(points))[:1500]]
    nearest, distance, triangle = trimesh.proximity.closest_point(_earless(), chosen)
    outward = ((chosen - nearest) * _earless().face_normals[triangle]).sum(axis=1)
    inside = (outward < -1.0) & (outward < -0.8 * distance)
    assert not inside.any(), chosen[inside]


def test_the_skull_map_agrees_with_rays() -> None:
    mesh, vertices = _earless(), _face()
    solid = np.asarray(mesh.faces, np.int32)
    angle, row = np.meshgrid(np.linspace(-3, 3, 23), np.linspace(4, 70, 18))
    angle, row = angle.ravel(), row.ravel()
    found = skull(vertices, solid).surface(angle, row)
    away = found - skull(vertices, solid).surface(angle, row, -30.0)
    hits, ray, _ = mesh.ray.intersects_location(found - 2 * away, away, multiple_hits=False)
    error = np.linalg.norm(hits - found[ray], axis=1)
    behind = found[ray, 2] > 0
    assert np.median(error[behind]) < 0.4 and np.quantile(error[behind], 0.95) < 1.3


@pytest.mark.parametrize("beard", ["none", "full_beard"])
def test_roots_stay_on_the_surface_when_the_face_moves(beard: str) -> None:
    vertices = _moved(AU26=1.0, AU12=0.8, AU1=0.7)
    hair = _hair(beard=beard)
    mesh = trimesh.Trimesh(vertices, default_model().triangles, process=False)
    for tuft, strands in zip(hair.tufts, place(hair, vertices), strict=True):
        chosen = np.random.default_rng(0).permutation(len(tuft))[:60]
        _, distance, _ = trimesh.proximity.closest_point(mesh, strands.points[chosen, 0])
        assert distance.max() < 0.05, tuft.name


@pytest.mark.parametrize(("unit", "inner_moves_by"), [("AU1", -2.0), ("AU4", 2.0)])
def test_brows_follow_the_muscles_that_move_them(unit: str, inner_moves_by: float) -> None:
    hair = _hair()
    before, after = (_tip(hair, "brow_left", face) for face in (_face(), _moved(**{unit: 1.0})))
    inner = before[:, 0] > np.quantile(before[:, 0], 0.75)
    moved = (after - before)[inner, 1].mean()
    assert moved * np.sign(inner_moves_by) > abs(inner_moves_by)


def test_upper_lashes_follow_the_closing_lid() -> None:
    hair = _hair()
    rise = _tip(hair, "lashes_upper_left", _face())[:, 1] - _face()[159, 1]
    shut_face = _moved(AU43=1.0)
    drop = _tip(hair, "lashes_upper_left", shut_face)[:, 1] - _face()[159, 1]
    assert (drop - rise).mean() > 6.0
    roots = place(hair, shut_face)[[tuft.name for tuft in hair.tufts].index("lashes_upper_left")].points[:, 0]
    lower = shut_face[[7, 163, 144, 145, 153, 154, 155, 33, 133]]
    nearest = np.linalg.norm(roots[:, None] - lower, axis=-1).min(axis=1)
    assert nearest.max() < 4.5


def test_hairs_keep_their_length_under_any_expression() -> None:
    hair = _hair(beard="short_beard")
    still, moved = place(hair, _face()), place(hair, _moved(AU26=1.0, AU43=1.0, AU4=1.0))
    for one, other in zip(still, moved, strict=True):
        lengths = [np.linalg.norm(np.diff(strands.points, axis=1), axis=-1).sum(axis=1) for strands in (one, other)]
        np.testing.assert_allclose(lengths[0], lengths[1], rtol=2e-3)


def test_beards_leave_the_lips_free() -> None:
    for beard in ("stubble", "moustache", "goatee", "short_beard", "full_beard"):
        tuft = _hair(beard=beard).tuft("beard")
        assert tuft is not None and len(tuft) > 500
        for region in ("lips", "mouth_inside", "nostrils", "ears"):
            assert tuft.roots.of(default_model().regions[region]).max() < 0.08, (beard, region)


def test_a_bald_clean_shaven_head_has_only_brows_and_lashes() -> None:
    names = {tuft.name.split("_")[0] for tuft in _hair(hair_style="bald").tufts}
    assert names == {"brow", "lashes"}


@pytest.mark.parametrize("style", STYLED)
def test_no_hair_hangs_before_the_eyes(style: str) -> None:
    (strands,) = (
        one for tuft, one in zip(_hair(hair_style=style).tufts, place(_hair(hair_style=style), _face()), strict=True)
        if tuft.name == "scalp"
    )  # fmt: skip
    eyes = np.concatenate([_face()[[33, 133, 159, 145]], _face()[[263, 362, 386, 374]]])
    low, high = eyes.min(axis=0), eyes.max(axis=0)
    x, y, z = np.moveaxis(strands.points, -1, 0)
    before = (x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1]) & (z < high[2])
    assert before.any(axis=1).mean() < 0.004


def test_long_hair_reaches_the_shoulders_and_short_hair_does_not() -> None:
    ends = {}
    for style in ("long", "bob", "short"):
        tuft = _hair(hair_style=style).tuft("scalp")
        assert tuft is not None
        ends[style] = float(np.quantile((tuft.offsets + tuft.roots.of(_face())[:, None])[..., 1], 0.98))
    assert ends["long"] > 150 > ends["bob"] > 60 > ends["short"] - 10


def test_nothing_sticks_out_of_a_cap() -> None:
    tuft = _hair(hair_style="afro", headwear="cap").tuft("scalp")
    assert tuft is not None
    points = tuft.offsets + tuft.roots.of(_face())[:, None]
    angle = np.arctan2(points[..., 0], BACK - points[..., 2])
    covered = points[..., 1] < rim_height("cap", angle, _face()) - 3
    bare = skull(_face(), default_model().triangles, default_model().regions["ears"] > 0.3)
    assert covered.any()
    assert bare.height(points[covered]).max() < 4.0


def test_the_same_seed_grows_the_same_hair_and_another_does_not() -> None:
    grown = _hair.__wrapped__
    twice = [place(grown(seed=seed, beard="goatee"), _face()) for seed in (5, 5, 6)]
    for one, same, other in zip(*twice, strict=True):
        assert one.points.tobytes() == same.points.tobytes()
        assert one.colour.tobytes() == same.colour.tobytes()
        assert one.points.shape != other.points.shape or not np.array_equal(one.points, other.points)


@pytest.mark.parametrize("style", STYLED)
def test_a_head_has_at_most_155_thousand_points_of_hair_all_finite(style: str) -> None:
    strands = place(_hair(hair_style=style, hair_density=1.0), _face())
    assert sum(one.points.shape[0] * one.points.shape[1] for one in strands) < 155_000
    for one in strands:
        assert np.isfinite(one.points).all() and (one.width > 0).all()
        assert one.points.dtype == one.colour.dtype == one.width.dtype == np.float32


def test_the_scalp_is_darkened_under_dark_hair_and_the_cheeks_are_not() -> None:
    shade = _hair(hair_style="short", hair_colour=(0.01, 0.008, 0.006), hair_grey=0.0, tone=0.1).scalp_shade
    model = default_model()
    crown = model.mean[:, 1] < -125
    assert shade[crown].max() < 0.5
    assert (shade[model.regions["cheeks"] > 0.5] > 0.99).all()
