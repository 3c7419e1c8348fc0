"""Light comes from where its kind says, in plausible colours, and exposes a face well; backgrounds go with it."""

from dataclasses import replace

import numpy as np
import pytest

from fexdata.synthetic.backgrounds import BACKGROUNDS, aperture, draw_background
from fexdata.synthetic.lighting import (
    LIGHT_KINDS,
    LUMA,
    colour_temperature,
    cone_directions,
    draw_lighting,
    irradiance,
    seen_radiance,
    towards,
)

FRONT = np.array([[0.0, 0.0, -1.0]])


def lights(kind, count=12):
    return [draw_lighting(np.random.default_rng(seed), kind) for seed in range(count)]


def test_cones_cover_the_sphere_evenly():
    directions = cone_directions()
    assert np.linalg.norm(directions, axis=1) == pytest.approx(1)
    assert np.abs(directions.mean(axis=0)).max() < 0.02
    # A surface turned anywhere gathers the same from even surroundings: 4 / 32 each makes 1.
    normals = cone_directions(200)
    gathered = (normals @ directions.T).clip(0).sum(axis=1) * 4 / len(directions)
    assert np.abs(gathered - 1).max() < 0.05


@pytest.mark.parametrize("kind", LIGHT_KINDS)
def test_every_kind_exposes_a_face_well(kind):
    for lighting in lights(kind):
        sides = np.array([towards(azimuth, 10) for azimuth in (-45, 0, 45)])
        luminance = irradiance(lighting, sides) @ LUMA
        assert 0.6 < np.sqrt((luminance**2).mean()) < 1.5
        assert (lighting.radiance > 0).all()
        assert np.linalg.norm(lighting.lamps, axis=1) == pytest.approx(1, abs=1e-5)
        assert len(lighting.lamps) == len(lighting.lamp_radiance) == len(lighting.lamp_size)


@pytest.mark.parametrize("kind", LIGHT_KINDS)
def test_what_is_left_of_the_lights_colour_is_mild(kind):
    for lighting in lights(kind):
        colour = irradiance(lighting, FRONT)[0]
        assert colour.max() / colour.min() < 1.9


def test_low_key_is_more_one_sided_than_overcast():
    def contrast(lighting):
        left, right = irradiance(lighting, np.array([towards(-60, 10), towards(60, 10)])) @ LUMA
        return max(left, right) / min(left, right)

    assert (
        np.median([contrast(x) for x in lights("low_key")]) > 3 > np.median([contrast(x) for x in lights("overcast")])
    )


def test_daylight_comes_from_above():
    for kind in ("overcast", "sun"):
        for lighting in lights(kind):
            up, down = irradiance(lighting, np.array([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]])) @ LUMA
            assert up > 1.5 * down


def test_the_flash_sits_beside_the_lens():
    for lighting in lights("flash"):
        assert lighting.lamps[0] @ FRONT[0] > 0.95


def test_low_temperatures_are_redder():
    ratios = [
        colour_temperature(kelvin)[0] / colour_temperature(kelvin)[2] for kelvin in (2000, 2800, 4500, 6500, 12000)
    ]
    assert (np.diff(ratios) < 0).all()
    assert colour_temperature(6500) == pytest.approx([1, 1, 1], abs=0.06)


def test_surroundings_are_seen_as_bright_as_they_shine():
    lighting = draw_lighting(np.random.default_rng(0), "overcast")
    without_lamps = replace(lighting, lamp_radiance=np.zeros_like(lighting.lamp_radiance))
    total = irradiance(without_lamps, cone_directions(200)).mean(axis=0)
    seen = seen_radiance(lighting, cone_directions(200)).mean(axis=0)
    # The mean irradiance over all normals equals the mean radiance over all directions.
    assert seen == pytest.approx(total, rel=0.03)


@pytest.mark.parametrize("kind", BACKGROUNDS)
def test_backgrounds_fill_the_picture_without_negative_light(kind):
    lighting = draw_lighting(np.random.default_rng(3), "window")
    picture = draw_background(np.random.default_rng(4), (120, 90), lighting, "window", kind)
    assert picture.shape == (90, 120, 3)
    assert picture.dtype == np.float32
    assert np.isfinite(picture).all()
    assert picture.min() >= 0
    assert picture.std() > 0


def test_backgrounds_are_dark_behind_a_low_key_portrait():
    def level(kind):
        drawn = []
        for seed in range(8):
            lighting = draw_lighting(np.random.default_rng(seed), kind)
            drawn.append(draw_background(np.random.default_rng(seed), (64, 64), lighting, kind).mean())
        return np.median(drawn)

    assert level("low_key") < 0.4 * level("overcast")


def test_shapes_are_out_of_focus():
    lighting = draw_lighting(np.random.default_rng(1), "overcast")
    for kind in ("room", "street", "foliage"):
        luma = draw_background(np.random.default_rng(2), (256, 256), lighting, "overcast", kind) @ LUMA
        steps = np.abs(np.diff(luma, axis=1))
        assert steps.max() < 0.2 * np.ptp(luma)


@pytest.mark.parametrize("blades", [0, 6])
def test_the_lens_opening_spreads_light_without_losing_any(blades):
    kernel = aperture(7.0, blades)
    assert kernel.sum() == pytest.approx(1)
    assert kernel[0, 0] == 0
    assert (kernel > 0).sum() == pytest.approx(np.pi * 49, rel=0.35)


def test_equal_seeds_give_equal_places():
    first, second = (draw_lighting(np.random.default_rng(6)) for _ in range(2))
    assert first.radiance.tobytes() == second.radiance.tobytes()
    pictures = [draw_background(np.random.default_rng(7), (64, 64), first, "sun") for _ in range(2)]
    assert pictures[0].tobytes() == pictures[1].tobytes()
