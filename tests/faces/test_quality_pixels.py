"""Measurements on pixels: each answers its own question and no other."""

from __future__ import annotations

import functools
import itertools
import math

import cv2
import numpy as np
import pytest

from fexdata.faces import quality_pixels as pixels

INTEROCULAR = 64.0


@functools.cache
def portrait() -> tuple[np.ndarray, np.ndarray]:
    """The astronaut's face, 256², 64 px between the eyes, and a mask: 1 skin, 2 eyes."""
    import skimage.data

    eyes = np.array([[204.0, 112.0], [246.0, 110.0]])
    scale = INTEROCULAR / np.linalg.norm(eyes[1] - eyes[0])
    matrix = np.array([[scale, 0, 127.5 - scale * 225], [0, scale, 110 - scale * 111]])
    image = cv2.warpAffine(skimage.data.astronaut(), matrix, (256, 256), flags=cv2.INTER_CUBIC)
    mask = np.zeros((256, 256), np.uint8)
    cv2.ellipse(mask, (128, 132), (62, 84), 0, 0, 360, 1, -1)
    for x, y in eyes:
        cv2.ellipse(mask, (round(scale * x + matrix[0, 2]), round(scale * y + matrix[1, 2])), (14, 6), 0, 0, 360, 2, -1)
    return image, mask


def grey(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def blur_of(image: np.ndarray, unit: float = INTEROCULAR) -> float:
    mask = cv2.resize(portrait()[1], image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return pixels.edge_blur(grey(image), mask, unit)


def exposure_of(image: np.ndarray) -> pixels.Exposure:
    return pixels.exposure(*pixels.histograms(grey(image), portrait()[1]))


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0, 3.5])
def test_edge_blur_of_a_blurred_step_is_the_sigma_it_was_blurred_with(sigma):
    step = np.where((np.arange(128) < 64)[None, :] ^ (np.arange(128) < 64)[:, None], 60.0, 180.0)
    step = np.round(cv2.GaussianBlur(step, (0, 0), sigma)).astype(np.uint8)
    found = pixels.edge_blur(step, np.ones_like(step), 100.0)
    assert found == pytest.approx(sigma, abs=0.15)


def test_edge_blur_grows_with_blur():
    image, _ = portrait()
    found = [blur_of(image)] + [blur_of(cv2.GaussianBlur(image, (0, 0), sigma)) for sigma in (1, 2, 3, 5, 8)]
    assert all(a < b for a, b in itertools.pairwise(found))
    assert found[0] < 2.0 and found[3] > 4.0


def test_edge_blur_does_not_depend_on_contrast_exposure_or_noise():
    image, _ = portrait()
    noise = np.random.default_rng(0).normal(0, 5, image.shape)
    for changed in (image * 0.4 + 80, image * 0.25, np.clip(image + noise, 0, 255)):
        assert blur_of(changed.astype(np.uint8)) == pytest.approx(blur_of(image), abs=0.2)


def test_noise_does_not_make_a_blurred_face_sharp():
    blurred = cv2.GaussianBlur(portrait()[0], (0, 0), 4)
    noisy = np.clip(blurred + np.random.default_rng(0).normal(0, 6, blurred.shape), 0, 255).astype(np.uint8)
    assert blur_of(noisy) > 2 * blur_of(portrait()[0])


def test_upscaling_shows_as_blur():
    small = cv2.resize(portrait()[0], (32, 32), interpolation=cv2.INTER_AREA)
    assert blur_of(cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC)) > 1.7 * blur_of(portrait()[0])


@pytest.mark.parametrize("kernel", [np.ones((1, 17)), np.ones((17, 1)), np.eye(13)], ids=["across", "down", "slanted"])
def test_motion_in_any_direction_shows_as_blur(kernel):
    moved = cv2.filter2D(portrait()[0], -1, kernel / kernel.sum())
    assert blur_of(moved) > 1.5 * blur_of(portrait()[0])


def test_edge_blur_is_that_of_the_face_whatever_the_size_of_the_crop():
    blurred = cv2.GaussianBlur(portrait()[0], (0, 0), 3)
    half = cv2.resize(blurred, (128, 128), interpolation=cv2.INTER_AREA)
    assert blur_of(half, INTEROCULAR / 2) == pytest.approx(blur_of(blurred), rel=0.12)


def test_a_sharp_background_does_not_make_a_blurred_face_sharp():
    image, mask = portrait()
    mixed = np.where(
        mask[..., None] > 0,
        cv2.GaussianBlur(image, (0, 0), 5),
        255 * (np.indices((256, 256)).sum(0)[..., None] // 4 % 2),
    )
    assert blur_of(mixed.astype(np.uint8)) > 2 * blur_of(image)


def test_a_dark_photograph_has_no_highlights_and_a_bright_one_is_blown():
    image, _ = portrait()
    normal, dark, bright = (exposure_of(np.clip(image * gain, 0, 255).astype(np.uint8)) for gain in (1, 0.15, 2.2))
    assert normal.highlight > 150 and dark.highlight < 40
    assert normal.blown < 0.05 and bright.blown > 0.4
    assert exposure_of((image * 0.02).astype(np.uint8)).crushed > 0.9


def dark_skinned(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The same person and light with a quarter of the skin's diffuse reflectance; the eyes and the
    shine of the skin, which light does not enter, stay."""
    linear = (image / 255.0) ** 2.2
    shine = np.clip(linear - np.percentile(linear[mask == 1], 90, axis=0), 0, None)
    skin = 0.25 * (linear - shine) + shine
    return (255 * np.where((mask == 1)[..., None], skin, linear) ** (1 / 2.2)).astype(np.uint8)


def test_dark_skin_in_good_light_is_not_taken_for_too_little_light():
    image, mask = portrait()
    dark = exposure_of(dark_skinned(image, mask))
    too_little = exposure_of((255 * ((image / 255.0) ** 2.2 * 0.25) ** (1 / 2.2)).astype(np.uint8))
    assert dark.skin == pytest.approx(too_little.skin, abs=12)  # the mean cannot tell them apart
    assert dark.highlight > 1.3 * too_little.highlight and dark.crushed < 0.05


def test_contrast_sees_haze_and_not_exposure():
    image, mask = portrait()
    found = [
        pixels.contrast(pixels.histograms(grey(i.astype(np.uint8)), mask)[0])
        for i in (image, image * 0.4, image * 0.25 + 150)
    ]
    assert found[1] == pytest.approx(found[0], rel=0.05) and found[2] < 0.3 * found[0]


def test_skin_tone_is_that_of_the_colour():
    mask = np.ones((64, 64), np.uint8)
    for colour in ([233, 200, 180], [160, 110, 80], [70, 45, 35]):
        lightness, _, yellow = cv2.cvtColor(np.float32([[colour]]) / 255, cv2.COLOR_RGB2Lab)[0, 0]
        found = pixels.skin_tone_ita(np.full((64, 64, 3), colour, np.uint8), mask)
        assert found == pytest.approx(math.degrees(math.atan((lightness - 50) / yellow)), abs=0.1)
    image, mask = portrait()
    assert pixels.skin_tone_ita(image, mask == 1) > pixels.skin_tone_ita(dark_skinned(image, mask), mask == 1) + 30


def test_skin_tone_leaves_out_what_is_not_skin():
    image, mask = np.full((64, 64, 3), (160, 110, 80), np.uint8), np.zeros((64, 64), np.uint8)
    mask[9:50, 7:44] = 1
    expected = pixels.skin_tone_ita(image, np.ones_like(mask))
    image[mask == 0] = (30, 60, 250)
    assert pixels.skin_tone_ita(image, mask) == expected


def test_percentiles_are_interpolated_within_their_grey_value():
    values = np.random.default_rng(0).integers(0, 200, 5000)
    counts = np.bincount(values, minlength=256)
    for share in (0.05, 0.5, 0.99):
        assert pixels.percentile(counts, share) == pytest.approx(np.quantile(values, share), abs=0.75)
    assert pixels.percentile(np.bincount([7] * 40, minlength=256), 0.25) == 6.75


def test_photograph_area_is_where_pixels_come_from():
    angle, scale = math.radians(20), 1.3
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    matrix = np.column_stack([turn, [40.0, -25.0]])
    shown = cv2.warpAffine(np.ones((90, 120), np.float32), matrix, (128, 128), flags=cv2.INTER_NEAREST)
    found = pixels.photograph_area((128, 128), matrix, 120, 90)
    assert 0.2 < found.mean() < 0.9 and np.mean(found != shown) < 0.02
    assert pixels.photograph_area((64, 64), np.array([[1.0, 0, -10], [0, 1, -10]]), 200, 200).all()
    assert not pixels.photograph_area((64, 64), np.zeros((2, 3)), 200, 200).any()


def test_share_inside_counts_the_face_only():
    face, inside = np.zeros((40, 40), np.uint8), np.zeros((40, 40), np.uint8)
    face[10:30, 10:30], inside[:, 15:] = 1, 1
    assert pixels.share_inside(face, inside) == 0.75


def test_a_mirrored_picture_measures_the_same():
    image, mask = portrait()
    image, mask = image.copy(), mask.copy()
    image[:, :100] = cv2.GaussianBlur(image, (0, 0), 2)[:, :100]
    flipped = image[:, ::-1].copy(), mask[:, ::-1].copy()
    for one, label in ((image, mask), flipped):
        face, skin = pixels.histograms(grey(one), label)
        found = [pixels.edge_blur(grey(one), label, 64), *pixels.exposure(face, skin), pixels.contrast(face)]
        found.append(pixels.skin_tone_ita(one, label == 1))
        if one is image:
            expected = found
    assert found == pytest.approx(expected, rel=1e-4)


def test_nothing_to_measure_is_nan():
    image, empty = portrait()[0], np.zeros((256, 256), np.uint8)
    face, skin = pixels.histograms(grey(image), empty)
    found = [pixels.edge_blur(grey(image), empty, 64), *pixels.exposure(face, skin), pixels.contrast(face)]
    found += [pixels.skin_tone_ita(image, empty), pixels.share_inside(empty, empty), blur_of(image, math.nan)]
    assert np.isnan(found).all()
    flat = np.full((256, 256, 3), 90, np.uint8)
    assert blur_of(flat) > 10 and pixels.contrast(pixels.histograms(grey(flat), portrait()[1])[0]) < 0.01
