"""Cameras see the face where and as large as asked; development does what a camera does, and no more."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from fexdata.synthetic.camera import QUALITIES, RIGS, Development, develop, draw_camera, draw_development

PLAIN = Development(
    quality="crisp",
    exposure=1.0,
    white_balance=(1.0, 1.0, 1.0),
    contrast=0.0,
    saturation=1.0,
    lens_blur=0.05,
    motion=(0.0, 0.0),
    lateral_colour=0.0,
    vignette=0.0,
    shot_noise=0.0,
    read_noise=0.0,
    denoise=0.0,
    sharpening=0.0,
    reduction=1.0,
    jpeg_quality=100,
)


def grey(level: float, size: int = 64) -> np.ndarray:
    return np.full((size, size, 3), level, np.float32)


def noise() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.mark.parametrize("rig", RIGS)
def test_the_face_fills_the_wanted_part_of_the_picture(rig):
    rng, centre = np.random.default_rng(1), np.array([3.0, 6.0, -30.0])
    for _ in range(20):
        view = draw_camera(rng, (256, 256), centre=centre, extent=180, rig=rig, fill=(0.6, 0.7))
        x, y, z = centre + view.translation
        face = np.array([x, y]) * view.camera.focal / z + view.camera.centre
        assert np.abs(face - 127.5).max() < 0.07 * 256
        assert 0.6 <= view.camera.focal * 180 / view.distance / 256 <= 0.7
        assert z == pytest.approx(view.distance)


def test_a_selfie_stands_nearer_than_a_press_photograph():
    rng = np.random.default_rng(2)
    near, far = (draw_camera(rng, (256, 256), centre=np.zeros(3), extent=180, rig=rig) for rig in ("selfie", "press"))
    assert near.distance < 700 < far.distance


def test_grey_stays_grey_and_brighter_light_is_brighter():
    levels = [develop(grey(level), PLAIN, noise())[32, 32] for level in (0.02, 0.1, 0.3, 0.8, 3.0)]
    assert all(np.ptp(level.astype(int)) <= 1 for level in levels)
    assert (np.diff([int(level[1]) for level in levels]) > 5).all()


def test_highlights_roll_off_instead_of_clipping():
    ramp = np.repeat(np.linspace(0.5, 2.0, 128, dtype=np.float32)[None, :, None], 64, axis=0).repeat(3, axis=2)
    row = develop(ramp, PLAIN, noise())[32, :, 1].astype(int)
    assert row[-1] <= 255
    assert np.unique(row[64:]).size > 8


@pytest.mark.parametrize(("field", "value"), [("lens_blur", 1.5), ("motion", (3.0, 0.0)), ("reduction", 0.4)])
def test_blurs_soften_an_edge(field, value):
    edge = np.concatenate([grey(0.1)[:, :32], grey(0.6)[:, :32]], axis=1).repeat(4, axis=0).repeat(4, axis=1)
    steepest = [
        int(np.abs(np.diff(develop(edge, development, noise())[128, :, 1].astype(int))).max())
        for development in (PLAIN, replace(PLAIN, **{field: value}))
    ]
    assert steepest[1] < 0.75 * steepest[0]


def test_sharpening_makes_halos():
    edge = np.concatenate([grey(0.1)[:, :32], grey(0.6)[:, :32]], axis=1)
    plain, sharp = (develop(edge, d, noise())[32, :, 1].astype(int) for d in (PLAIN, replace(PLAIN, sharpening=1.2)))
    assert sharp.max() > plain.max() + 3
    assert sharp.min() < plain.min() - 3


def test_shot_noise_grows_with_the_root_of_the_light():
    development = replace(PLAIN, shot_noise=0.02)
    half = np.concatenate([grey(0.04, 128)[:, :64], grey(0.36, 128)[:, :64]], axis=1)
    picture = develop(half, development, noise()).astype(np.float64) / 255
    linear = np.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4)
    dark, bright = linear[8:-8, 8:56, 1].std(), linear[8:-8, 72:-8, 1].std()
    assert bright / dark == pytest.approx(3.0, rel=0.15)


def test_a_red_error_of_white_balance_reddens():
    picture = develop(grey(0.3), replace(PLAIN, white_balance=(1.15, 1.0, 0.9)), noise())[32, 32].astype(int)
    assert picture[0] > picture[1] + 4 > picture[2] + 8


def test_poor_pictures_lose_more_detail_than_crisp_ones():
    rng = np.random.default_rng(3)
    scene = cv2.GaussianBlur(rng.random((256, 256, 3), np.float32), (0, 0), 1.5) * 0.6
    reference = develop(scene, PLAIN, noise()).astype(float)
    errors = {quality: [] for quality in QUALITIES}
    for quality in QUALITIES:
        for _ in range(8):
            chosen = replace(draw_development(rng, quality), exposure=1.0, white_balance=(1.0, 1.0, 1.0), contrast=0.0)
            difference = develop(scene, chosen, rng).astype(float) - reference
            errors[quality].append(np.abs(difference - difference.mean()).mean())
    assert np.median(errors["crisp"]) < np.median(errors["ordinary"]) < np.median(errors["poor"])


def test_one_development_gives_a_pair_the_same_look_and_each_its_own_noise():
    development = draw_development(np.random.default_rng(4), "poor")
    first, second = (develop(grey(0.3), development, np.random.default_rng(seed)) for seed in (1, 2))
    assert (first != second).any()
    assert np.abs(first.mean(axis=(0, 1)) - second.mean(axis=(0, 1))).max() < 2.5


def test_equal_seeds_give_equal_bytes():
    def once() -> bytes:
        rng = np.random.default_rng(9)
        return develop(grey(0.3), draw_development(rng), rng).tobytes()

    assert once() == once()
