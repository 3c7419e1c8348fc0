"""The perceptual hash: copies of a photograph stay near, other people far."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from fexdata.faces.alignment import similarity, warp
from fexdata.stages.base import Row
from fexdata.stages.perceptual_hash import PerceptualHash, phash

POINTS = json.loads(Path(__file__).parents[1].joinpath("portraits.json").read_text())
EYES_AND_MOUTH = np.array([[87.0, 110.0], [168.0, 110.0], [128.0, 190.0]])


@functools.cache
def photograph(name: str) -> np.ndarray:
    if name == "astronaut.png":
        import skimage.data

        return skimage.data.astronaut()
    (folder,) = importlib.util.find_spec("feat").submodule_search_locations
    return cv2.imread(str(Path(folder, "tests", "data", name)), cv2.IMREAD_COLOR_RGB)


def crop(name: str, picture: np.ndarray, *, jitter: float = 0.0, seed: int = 0) -> np.ndarray:
    """The aligned crop of a copy of the photograph of any size; `jitter` px of crop in each landmark."""
    points = np.array(POINTS[name]["points"], float).reshape(68, 2)
    source = np.array([points[36:42].mean(0), points[42:48].mean(0), points[48:68].mean(0)])
    source = (source + 0.5) * picture.shape[1] / photograph(name).shape[1] - 0.5
    matrix = similarity(
        source, EYES_AND_MOUTH + np.random.default_rng(seed).normal(0, jitter, (3, 2)) if jitter else EYES_AND_MOUTH
    )
    return warp(picture, matrix, 256)


def distance(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def scaled(picture: np.ndarray, factor: float) -> np.ndarray:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(picture, None, fx=factor, fy=factor, interpolation=how)


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


COPIES = {
    "jpeg-25": lambda p: jpeg(p, 25),
    "half": lambda p: scaled(p, 0.5),
    "third": lambda p: scaled(p, 0.35),
    "larger": lambda p: scaled(p, 1.6),
    "brighter": lambda p: np.clip(p * 1.15, 0, 255).astype(np.uint8),
    "darker": lambda p: (p * 0.75).astype(np.uint8),
    "half-jpeg-50": lambda p: jpeg(scaled(p, 0.5), 50),
}


@pytest.mark.parametrize("copy", COPIES)
def test_copies_of_a_photograph_are_within_six_bits(copy):
    for seed, name in enumerate(POINTS):
        picture = photograph(name)
        original = phash(crop(name, picture))
        assert distance(original, phash(crop(name, COPIES[copy](picture), jitter=0.6, seed=seed))) <= 6, name


def test_people_are_more_than_twelve_bits_apart():
    hashes = [phash(crop(name, photograph(name))) for name in POINTS]
    distances = [distance(one, other) for one, other in itertools.combinations(hashes, 2)]
    assert min(distances) > 12 and np.mean(distances) > 20


def test_every_bit_but_the_first_is_free():
    rng = np.random.default_rng(0)
    blobs = [cv2.GaussianBlur(rng.integers(0, 256, (64, 64), dtype=np.uint8), (0, 0), 2) for _ in range(200)]
    bits = np.array([[phash(blob) >> bit & 1 for bit in range(64)] for blob in blobs])
    assert bits[:, 0].all()
    assert ((bits[:, 1:].mean(axis=0) > 0.3) & (bits[:, 1:].mean(axis=0) < 0.7)).all()


def test_bits_stand_for_frequencies_across_and_down():
    x = np.cos(np.pi * (np.arange(32) + 0.5) * 3 / 32)
    waves = np.round(128 + 100 * np.tile(x, (32, 1))).astype(np.uint8)
    assert phash(waves) >> 3 & 1 and not phash(255 - waves) >> 3 & 1
    assert phash(waves.T) >> 24 & 1 and not phash(255 - waves.T) >> 24 & 1


def test_the_stage_writes_what_it_declares():
    stage = PerceptualHash(PerceptualHash.Config())
    image = crop("astronaut.png", photograph("astronaut.png"))
    row = Row("x", {}, lambda: image, {"image": image})
    (output,) = stage.run([row])
    assert list(output) == stage.schema().names and output["phash"] == phash(image) < 2**64
