"""Hair in rendered photographs: how much it covers, where it hides, what light does in it."""

from __future__ import annotations

import numpy as np
import pytest
from photo_scenes import AWAY, camera, lamp, material, quad, scene, threads, uniform

from fexdata.render.photo.renderer import render
from fexdata.render.photo.volume import depth_at, fill, sweep

PIXEL = 200 / 128
"""Millimetres at the distance of what is looked at."""


def line(start: tuple[float, float, float], end: tuple[float, float, float], points: int = 24) -> np.ndarray:
    return (np.linspace(start, end, points) + np.array([0, 0, AWAY]))[None]


@pytest.mark.parametrize("width", [0.1, 0.6, 3.0])
@pytest.mark.parametrize("angle", [0, 20, 45, 70, 90])
def test_what_a_hair_covers_adds_up_to_its_width_times_its_length(width: float, angle: float) -> None:
    turn = np.radians(angle)
    way = 60 * np.array([np.cos(turn), np.sin(turn), 0])
    hair = threads(line(tuple(-way), tuple(way), 40), width)
    cover = render(scene([], uniform(), strands=[hair])).hair
    # Hairs taper with the cube of the way from the root: three quarters of the full width on average.
    assert cover.sum() * PIXEL**2 == pytest.approx(0.75 * 120 * width, rel=0.06)


def test_a_hair_behind_a_surface_is_hidden_and_one_before_it_is_not() -> None:
    wall = quad(100)
    behind, before = (threads(line((-30, 0, dz), (30, 0, dz)), 1.0) for dz in (10, -10))
    assert render(scene([wall], uniform(), strands=[behind])).hair.max() == 0
    assert render(scene([wall], uniform(), strands=[before])).hair.max() > 0.3


def test_the_nearer_hair_lies_over_the_farther_whatever_their_order() -> None:
    black, white = (threads(line((-40, 0, dz), (40, 0, dz)), 5.0, colour) for dz, colour in ((-5, 0.0), (5, 0.9)))
    # Neither shades the other here: both are drawn without shadows.
    for order in ([black, white], [white, black]):
        strands = [threads(one.points, 5.0, float(one.colour[0, 0]), shadows=False) for one in order]
        assert render(scene([], uniform(), strands=strands)).radiance[64, 50, 0] < 0.1


def grown(count: int, seed: int, *, thickness: float, z: float = 0.0) -> np.ndarray:
    """Hairs side by side in a layer `thickness` deep, 80 mm high and wide."""
    rng = np.random.default_rng(seed)
    x, depth = rng.uniform(-40, 40, count), rng.uniform(0, thickness, count)
    y = np.linspace(-40, 40, 12)
    return np.stack(
        [np.repeat(x[:, None], 12, 1), np.repeat(y[None], count, 0), np.repeat(depth[:, None] + z + AWAY, 12, 1)], -1
    )


def test_hair_takes_light_by_its_silhouette() -> None:
    strands = threads(grown(6000, 1, thickness=20), 0.1)
    volume = fill([strands])
    assert volume is not None
    swept = sweep(volume, np.array([0.0, 0.0, -1.0]))
    behind = depth_at(swept, np.array([[0, -15, AWAY + 60], [5, -5, AWAY + 60]], np.float32))
    # 6000 hairs of 0.1 mm over 80 mm, seen from any side (pi / 4), thinned by the taper where y = -10.
    expected = 6000 * 0.1 / 80 * np.pi / 4 * (1 - 0.34**3)
    np.testing.assert_allclose(behind, expected, rtol=0.15)
    np.testing.assert_allclose(depth_at(swept, np.array([[0, 0, AWAY - 60]], np.float32)), 0)


def test_hair_is_dark_inside() -> None:
    strands = threads(grown(8000, 2, thickness=30), 0.12, 0.1)
    from fexdata.render.photo.fibre import lit
    from fexdata.render.photo.stage import set_stage

    stage = set_stage(
        lamp(0, 0, -1),
        np.zeros((0, 3), np.float32),
        np.zeros((0, 3), np.int32),
        [strands],
        np.array([0, 0, AWAY]),
        80.0,
    )
    ends = np.array([[0, -15, AWAY + 1], [0, -15, AWAY + 15], [0, -15, AWAY + 29]], np.float32)
    along = np.tile(np.array([0, 1, 0], np.float32), (3, 1))
    top, middle, bottom = lit(ends, along, np.full((3, 3), 0.1, np.float32), stage)[:, 0]
    assert top > 2 * middle > 4 * bottom > 0


def test_hair_casts_a_soft_shadow_on_what_lies_below_unless_told_not_to() -> None:
    wall = quad(400, z=AWAY + 40, of=material("plain", 1.0), cells=40)
    points = grown(6000, 3, thickness=5)
    light = lamp(-1, 0, -1)
    shaded, free = (
        render(scene([wall], light, strands=[threads(points, 0.1, shadows=shadows)], of=camera(128, 260))).radiance
        for shadows in (True, False)
    )
    # 40 mm behind and lit at 45 degrees, the shadow's middle falls 37 mm to the right: pixel 82, clear of the hair.
    assert shaded[60, 88, 0] < 0.75 * free[60, 88, 0]
    assert shaded[60, 120, 0] == pytest.approx(free[60, 120, 0], rel=0.02)


def test_fair_hair_lets_more_light_through_than_dark_hair() -> None:
    points = grown(5000, 4, thickness=10)
    fair, dark = (
        render(scene([], lamp(0.2, 0, 1), strands=[threads(points, 0.1, colour)])).radiance[50:70, 50:70].mean()
        for colour in (0.6, 0.05)
    )
    assert fair > 5 * dark > 0


def test_a_hair_shines_where_it_mirrors_the_lamp() -> None:
    # Bent over a cylinder whose axis lies across: somewhere on the way it stands right between lamp and camera.
    angle = np.linspace(-1.2, 1.2, 40)
    arc = np.stack([0 * angle, 50 * np.sin(angle), AWAY + 50 - 50 * np.cos(angle)], 1)
    shifts = np.linspace(-20, 20, 60)
    points = arc[None] + np.stack([shifts, 0 * shifts, 0 * shifts], 1)[:, None]
    picture = render(scene([], lamp(0, -0.6, -1), strands=[threads(points, 0.8, 0.02, shadows=False)])).radiance
    profile = picture[:, 58:70, 0].mean(axis=1)
    brightest = int(profile.argmax())
    # The lamp is 31 degrees up: the mirror is where the arc is tilted by half of it, -13 mm; scales move it rootwards.
    assert 64 - 27 / PIXEL < brightest < 64 - 6 / PIXEL
    assert profile.max() > 3 * np.median(profile[40:90])
