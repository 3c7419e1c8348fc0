"""Skin has human colours, differs by person and place, and wrinkles where the face moves."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from skimage.color import rgb2lab

from fexdata.faces.models.default import default_model
from fexdata.faces.models.face_model import FaceModel
from fexdata.synthetic.skin import SkinMaps, material, skin_maps
from fexdata.synthetic.skin_atlas import NASION, Atlas, atlas_of, blank, canvas_points
from fexdata.synthetic.skin_colour import WAVELENGTHS, colour_table, reflectance
from fexdata.synthetic.skin_wrinkles import FOLDS
from fexdata.synthetic.traits import Traits, draw_traits

SIZE = 512


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return default_model()


@pytest.fixture(scope="module")
def atlas(model: FaceModel) -> Atlas:
    return atlas_of(model, SIZE)


@pytest.fixture(scope="module")
def plain() -> Traits:
    """A young, light person without beard, make-up or marks."""
    return dataclasses.replace(
        draw_traits(0), age=22, wrinkles=0.1, tone=0.15, melanin=0.02, beard="none", beard_shadow=0.0, freckles=0.0,
        moles=0, blemishes=0, age_spots=0.0, lipstick=0.0, eyeshadow=0.0, eyeliner=0.0, foundation=0.0, rouge=0.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def maps(plain: Traits, model: FaceModel) -> SkinMaps:
    return skin_maps(plain, model, SIZE)


def lab(albedo: np.ndarray) -> np.ndarray:
    """CIELAB of linear colours (..., 3)."""
    encoded = np.where(albedo <= 0.0031308, 12.92 * albedo, 1.055 * np.maximum(albedo, 1e-9) ** (1 / 2.4) - 0.055)
    return rgb2lab(encoded)


def about(atlas: Atlas, picture: np.ndarray, vertex: int, radius: float = 5.0) -> np.ndarray:
    """The mean of a texture within millimetres of one of MediaPipe's vertices."""
    near = np.linalg.norm(atlas.chart - atlas.landmarks[vertex], axis=2) < radius
    return picture[near].mean(axis=0)


def test_every_mixture_of_melanin_and_blood_has_a_human_colour() -> None:
    # Neither grey (a*, b* near 0) nor purple (b* near 0) nor orange (b* beyond 30), from ivory to dark brown.
    melanin, blood = np.meshgrid(np.geomspace(0.011, 0.28, 12), np.geomspace(0.01, 0.04, 5), indexing="ij")
    for eumelanin in (0.55, 0.85):
        light, red, yellow = np.moveaxis(lab(colour_table(eumelanin).colour(np.log(melanin), np.log(blood))), -1, 0)
        assert light.min() > 20
        assert light.max() < 82
        assert red.min() > 3
        assert red.max() < 20
        assert yellow.min() > 3
        assert yellow.max() < 30


def test_more_melanin_darkens_and_more_blood_reddens() -> None:
    table = colour_table(0.6)
    steps = np.linspace(np.log(0.01), np.log(0.3), 20)[None]
    darker = lab(table.colour(steps, np.full_like(steps, np.log(0.02))))[0]
    redder = lab(table.colour(np.full_like(steps, np.log(0.02)), np.linspace(np.log(0.005), np.log(0.1), 20)[None]))[0]
    assert (np.diff(darker[:, 0]) < 0).all()
    assert (np.diff(redder[:, 1]) > 0).all()


def test_blood_shows_its_two_bands_in_light_skin() -> None:
    spectrum = reflectance(np.array([0.011]), np.array([0.05]), 0.6)
    at = dict(zip(WAVELENGTHS.tolist(), spectrum.tolist(), strict=True))
    assert at[540.0] < at[510.0]
    assert at[540.0] < at[560.0]
    assert at[580.0] < at[560.0]
    assert at[650.0] > 1.4 * at[540.0]


def test_equal_traits_give_equal_bytes(plain: Traits, maps: SkinMaps, model: FaceModel) -> None:
    again = skin_maps(plain, model, SIZE)
    assert maps.albedo.tobytes() == again.albedo.tobytes()
    assert maps.roughness.tobytes() == again.roughness.tobytes()
    assert material(maps, {"AU12": 1.0}).height.tobytes() == material(again, {"AU12": 1.0}).height.tobytes()


@pytest.mark.parametrize("seed", range(6))
def test_maps_are_finite_and_possible(seed: int, model: FaceModel) -> None:
    made = material(skin_maps(draw_traits(seed), model, 256), {name: 1.0 for name in ("AU1", "AU4", "AU9", "AU12")})
    assert made.albedo.dtype == made.roughness.dtype == made.height.dtype == np.float32
    assert np.isfinite(made.albedo).all()
    assert np.isfinite(made.height).all()
    assert made.albedo.min() > 0
    assert made.albedo.max() < 0.95
    assert made.roughness.min() > 0.1
    assert np.abs(made.height).max() < 3


def test_a_crowd_has_skins_from_very_light_to_very_dark(model: FaceModel, atlas: Atlas) -> None:
    cheeks = np.array(
        [about(atlas_of(model, 128), skin_maps(draw_traits(s), model, 128).albedo, 50, 12) for s in range(40)]
    )
    light = lab(cheeks)[:, 0]
    assert light.min() < 38
    assert light.max() > 70
    assert np.histogram(light, bins=[0, 38, 50, 62, 100])[0].min() >= 3


@pytest.mark.parametrize(("redder", "paler"), [(4, 151), (50, 151), (0, 164), (17, 199)])
def test_nose_cheeks_and_lips_are_redder_than_brow_and_chin(
    redder: int, paler: int, atlas: Atlas, maps: SkinMaps
) -> None:
    reds = [lab(about(atlas, maps.albedo, vertex, 3.0))[1] for vertex in (redder, paler)]
    assert reds[0] > reds[1] + 0.5


def test_lids_are_darker_than_the_forehead(atlas: Atlas, maps: SkinMaps) -> None:
    assert lab(about(atlas, maps.albedo, 27))[0] < lab(about(atlas, maps.albedo, 151))[0] - 1


def test_lips_and_nose_shine_more_than_cheeks(atlas: Atlas, maps: SkinMaps) -> None:
    cheek = about(atlas, maps.roughness, 205)
    assert about(atlas, maps.roughness, 17, 2.0) < cheek - 0.05
    assert about(atlas, maps.roughness, 4, 3.0) < cheek - 0.05


def test_no_face_is_its_own_mirror_image(atlas: Atlas, maps: SkinMaps) -> None:
    face = np.linalg.norm(atlas.chart, axis=2) < 60
    difference = np.abs(maps.albedo - maps.albedo[:, ::-1]).mean(axis=2)
    assert difference[face].mean() > 0.004


def test_a_mark_on_the_chart_lands_on_its_vertex(model: FaceModel, atlas: Atlas) -> None:
    for vertex in (50, 280, 151, 199, NASION):
        canvas = blank()
        x, y = np.round(canvas_points(atlas.landmarks[vertex])).astype(int)
        canvas[y - 2 : y + 3, x - 2 : x + 3] = 1
        rows, columns = np.nonzero(atlas.paint(canvas) > 0.5)
        seen = (np.array([columns.mean(), rows.mean()]) + 0.5) / SIZE
        np.testing.assert_allclose(seen, model.uv[vertex], atol=1.5 / SIZE)


def test_lengths_on_the_chart_are_lengths_on_the_skin(atlas: Atlas) -> None:
    face = np.linalg.norm(atlas.chart, axis=2) < 75
    for axis in (0, 1):
        on_chart = np.abs(np.gradient(atlas.chart[..., 1 - axis], axis=axis))[face]
        on_skin = np.linalg.norm(np.gradient(atlas.positions, axis=axis), axis=2)[face]
        assert 0.8 < np.median(on_chart / np.maximum(on_skin, 1e-3)) < 1.25


@pytest.mark.parametrize("name", sorted(FOLDS))
def test_each_fold_appears_with_its_units_and_only_there(name: str, maps: SkinMaps) -> None:
    unit = max(FOLDS[name].drivers, key=lambda driver: FOLDS[name].drivers[driver])
    rest, moved = material(maps), material(maps, {unit: 1.0})
    change = np.abs(moved.height - rest.height)
    inside = np.zeros(change.shape, bool)
    for wrinkle in maps.wrinkles:
        if any(driver.startswith(unit) for driver in wrinkle.drivers):
            inside[wrinkle.rows, wrinkle.columns] = True
    own = [wrinkle for wrinkle in maps.wrinkles if wrinkle.name.startswith(name)]
    assert all(change[wrinkle.rows, wrinkle.columns].max() > 0.05 for wrinkle in own)
    assert change[~inside].max() == 0
    assert (moved.albedo <= rest.albedo + 1e-6).all()


def test_one_sided_units_wrinkle_one_side(atlas: Atlas, maps: SkinMaps) -> None:
    change = np.abs(material(maps, {"AU12_left": 1.0}).height - material(maps).height)
    assert change[atlas.chart[..., 0] < -5].max() > 0.1
    assert change[atlas.chart[..., 0] > 5].max() == 0


def test_units_that_wrinkle_nothing_change_nothing(maps: SkinMaps) -> None:
    assert material(maps, {"AU43": 1.0, "identity": 3.0}).height.tobytes() == material(maps).height.tobytes()


def test_age_deepens_wrinkles_and_leaves_them_at_rest(plain: Traits, model: FaceModel, maps: SkinMaps) -> None:
    old = skin_maps(dataclasses.replace(plain, age=70, wrinkles=0.95), model, SIZE)
    at_rest = [np.abs(material(m).height - m.height).max() for m in (maps, old)]
    assert at_rest[0] < 0.05
    assert at_rest[1] > 0.2
    deepest = [max(np.abs(w.height).max() for w in m.wrinkles) for m in (maps, old)]
    assert deepest[1] > 1.5 * deepest[0]


def test_lipstick_and_stubble_show_where_they_belong(
    plain: Traits, model: FaceModel, maps: SkinMaps, atlas: Atlas
) -> None:
    painted = skin_maps(
        dataclasses.replace(plain, lipstick=1.0, lipstick_colour=(0.25, 0.02, 0.03), beard_shadow=0.8), model, SIZE
    )
    change = np.abs(painted.albedo - maps.albedo).mean(axis=2)
    assert about(atlas, change, 17, 3.0) > 0.05
    assert about(atlas, change, 150, 6.0) > 0.01
    assert about(atlas, change, 151) < 0.001
