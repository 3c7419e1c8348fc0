"""Light below skin: how far it goes, what it keeps, where it stops."""

from __future__ import annotations

import numpy as np
import pytest

from fexdata.render.photo.scatter import WIDTH, scatter


def plane(step: float, size: int = 161) -> np.ndarray:
    """Positions (size, size, 3) of a plane that faces the camera, `step` millimetres apart."""
    y, x = np.mgrid[:size, :size].astype(np.float32) * np.float32(step)
    return np.ascontiguousarray(np.stack([x, y, np.full_like(x, 900)], -1))


def spread(light: np.ndarray, step: float, channel: int, axis: int) -> float:
    """Standard deviation in millimetres along an axis."""
    profile = light[..., channel].sum(axis=1 - axis)
    place = np.arange(len(profile)) * step
    mean = (profile * place).sum() / profile.sum()
    return float(np.sqrt((profile * (place - mean) ** 2).sum() / profile.sum()))


@pytest.mark.parametrize("step", [0.3, 0.5])
def test_a_point_of_light_spreads_by_millimetres_red_the_farthest(step: float) -> None:
    light = np.zeros((161, 161, 3), np.float32)
    light[80, 80] = 1
    scatter(light, plane(step), np.ones((161, 161), np.float32))
    np.testing.assert_allclose(light.sum(axis=(0, 1)), 1, rtol=0.02)
    for channel, width in enumerate((WIDTH, WIDTH / 2, WIDTH / 4)):
        for axis in (0, 1):
            assert spread(light, step, channel, axis) == pytest.approx(width, rel=0.15)


def test_even_light_stays_as_it_is() -> None:
    light = np.full((40, 50, 3), 0.7, np.float32)
    scatter(light, np.ascontiguousarray(plane(0.5)[:40, :50]), np.ones((40, 50), np.float32))
    np.testing.assert_allclose(light, 0.7, rtol=1e-5)


@pytest.mark.parametrize("border", ["a step in depth", "another part", "no scatter"])
def test_light_does_not_cross_a_border(border: str) -> None:
    position, reach = plane(0.5, 80), np.ones((80, 80), np.float32)
    if border == "a step in depth":
        position[:, 40:, 2] += 40
    else:
        reach[:, 40:] = 0.9 if border == "another part" else 0.0
    light = np.zeros((80, 80, 3), np.float32)
    light[:, 40:] = 1
    scatter(light, position, reach)
    assert light[:, :40].max() < 1e-3
    assert light[:, 40:].min() > 1 - 1e-3
