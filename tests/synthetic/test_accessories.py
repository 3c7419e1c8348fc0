"""Glasses, headwear and clothes fit the person who wears them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import trimesh

from fexdata.faces.models.default import default_model
from fexdata.render.photo.scene import Part
from fexdata.synthetic.accessories import Accessories, dress, worn
from fexdata.synthetic.eyes import fit_eyeballs
from fexdata.synthetic.headwear import rim_height
from fexdata.synthetic.skull import BACK
from fexdata.synthetic.traits import draw_traits

SEEDS = (2, 3, 9)


def _face(seed: int, **strengths: float) -> np.ndarray:
    model = default_model()
    names = {f"{unit}{side}": value for unit, value in strengths.items() for side in ("", "_left", "_right")}
    expression = np.array([names.get(name, 0.0) for name in model.expression_names], np.float32)
    identity = 0.8 * np.random.default_rng(seed).standard_normal(len(model.identity_names))
    return model.shape(identity, expression)


def _things(seed: int, **traits: Any) -> Accessories:
    chosen = {"headwear": "none", "glasses": "none", "earrings": False, "clothes": "t_shirt"} | traits
    person = replace(draw_traits(seed), **chosen)
    return dress(person, default_model(), _face(seed), np.random.default_rng(seed))


def _named(parts: list[Part], name: str) -> Part:
    return next(part for part in parts if part.name == name)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("glasses", ["thin", "thick"])
def test_glasses_touch_neither_nose_nor_cheeks_nor_eyeballs(glasses: str, seed: int) -> None:
    for vertices in (_face(seed), _face(seed, AU6=1.0, AU12=1.0)):
        parts = worn(_things(seed, glasses=glasses), vertices)
        face = trimesh.Trimesh(vertices, default_model().triangles, process=False)
        for part in parts:
            front = part.vertices[part.vertices[:, 2] < _hinge(vertices)]
            # A ray away from the viewer meets the skin only behind the frame and the lenses.
            _, ray, _ = face.ray.intersects_location(front, np.tile([0.0, 0, -1.0], (len(front), 1)))
            assert not len(ray), part.name
            for ball in fit_eyeballs(default_model(), _face(seed)):
                assert (np.linalg.norm(front - ball.centre, axis=1) > ball.radius + 3).all()


def _hinge(vertices: np.ndarray) -> float:
    """z before which a frame is its front, not its temples."""
    return float(vertices[[33, 263], 2].mean()) - 6.0


def test_lenses_are_before_the_eyes() -> None:
    vertices = _face(3)
    lenses = [part.vertices for part in worn(_things(3, glasses="thin"), vertices) if part.name == "lens"]
    assert len(lenses) == 2
    for lens, eye in zip(lenses, ((33, 133, 159, 145), (263, 362, 386, 374)), strict=True):
        middle = vertices[list(eye)].mean(axis=0)
        low, high = lens.min(axis=0), lens.max(axis=0)
        assert (low[:2] + 8 < middle[:2]).all() and (middle[:2] < high[:2] - 8).all()
        assert 8 < middle[2] - lens[:, 2].mean() < 32


def test_raised_cheeks_push_glasses_forward_never_back_into_the_face() -> None:
    things = _things(3, glasses="thick")
    rest, smiling = (_named(worn(things, _face(3, AU6=power, AU12=power)), "lens").vertices for power in (0.0, 1.0))
    assert (smiling[:, 2] <= rest[:, 2] + 1e-3).all()


@pytest.mark.parametrize("kind", ["cap", "beanie"])
@pytest.mark.parametrize("seed", SEEDS)
def test_headwear_covers_the_scalp(seed: int, kind: str) -> None:
    vertices = _face(seed)
    shell = _named(worn(_things(seed, headwear=kind), vertices), kind)
    mesh = trimesh.Trimesh(shell.vertices, shell.triangles, process=False)
    rim = rim_height(kind, np.arctan2(vertices[:, 0], BACK - vertices[:, 2]), vertices)  # type: ignore[arg-type]
    under = vertices[(vertices[:, 1] < rim - 14) & (default_model().regions["ears"] < 0.1)][::7]
    away = under - np.array([0.0, -38.0, BACK])
    assert mesh.ray.intersects_any(under, away).all()


@pytest.mark.parametrize("garment", ["t_shirt", "shirt", "sweater", "hoodie", "jacket"])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_neck_passes_into_the_clothes_without_a_gap(seed: int, garment: str) -> None:
    vertices = _face(seed)
    mesh = trimesh.util.concatenate(
        [
            trimesh.Trimesh(part.vertices, part.triangles, process=False)
            for part in _things(seed, clothes=garment).clothes
        ]
    )
    # The neck's base is covered as seen from in front, from the sides and half from above.
    base = vertices[
        (default_model().mean[:, 1] > 145) & (default_model().mean[:, 1] + 0.33 * default_model().mean[:, 2] > 184)
    ]
    assert len(base) > 20
    for towards in ((0, 0, -1), (0.7, -0.1, -0.7), (-0.7, -0.1, -0.7), (0.9, -0.3, -0.3)):
        outer = (base[:, [0, 2]] - [0, 62]) @ np.array(towards)[[0, 2]] > 0
        assert mesh.ray.intersects_any(base[outer], np.tile(towards, (int(outer.sum()), 1))).mean() > 0.95


def test_every_part_is_a_sound_mesh_that_is_not_face() -> None:
    things = _things(2, glasses="thick", headwear="beanie", earrings=True, clothes="jacket")
    for part in worn(things, _face(2)) + things.clothes:
        assert part.label == 0
        assert np.isfinite(part.vertices).all() and part.vertices.dtype == np.float32
        assert part.triangles.max() < len(part.vertices) and part.uv.shape == (len(part.vertices), 2)
        assert part.material.albedo.min() >= 0 and part.material.albedo.max() <= 1


def test_studs_hang_on_the_ears() -> None:
    vertices = _face(2)
    ears = vertices[default_model().regions["ears"] > 0.5]
    studs = [part for part in worn(_things(2, earrings=True), vertices) if part.name == "stud"]
    assert sorted(np.sign(stud.vertices[:, 0].mean()) for stud in studs) == [-1, 1]
    for stud in studs:
        gap = np.linalg.norm(ears - stud.vertices.mean(axis=0), axis=1).min()
        assert gap < 2.0 and stud.vertices[:, 1].mean() > 0


def test_the_same_seed_dresses_the_same_way() -> None:
    one, two = (_things(9, headwear="beanie", clothes="shirt", glasses="thin") for _ in range(2))
    for first, second in zip(worn(one, _face(9)) + one.clothes, worn(two, _face(9)) + two.clothes, strict=True):
        assert first.vertices.tobytes() == second.vertices.tobytes()
        assert first.material.albedo.tobytes() == second.material.albedo.tobytes()
