"""DefGAN's grids: the identity at step 0, their bounds, which way they move, and how they compose."""

from __future__ import annotations

import pytest
import torch

from fexdata.training.networks.deformation import (
    GridGenerator,
    GridMode,
    composed_residual,
    differential_grid,
    identity_bias,
    identity_grid,
    residual_grid,
    warp,
)

MODES: tuple[GridMode, ...] = ("differential", "residual")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [16, 32])
def test_the_first_grid_is_the_identity_whatever_the_picture(mode: GridMode, size: int) -> None:
    torch.manual_seed(0)
    network = GridGenerator(3 + 4, size, width=4, blocks=1, mode=mode)
    picture = torch.rand(2, 3, size, size)
    grid = network(picture, torch.rand(2, 4))
    assert torch.allclose(grid, identity_grid(size, grid).expand_as(grid), atol=2e-6)
    assert torch.allclose(warp(grid, picture), picture, atol=1e-4)


def test_the_bias_at_128_pixels_is_the_specifications() -> None:
    assert identity_bias(128, "differential", 5.0) == pytest.approx(-0.392, abs=5e-4)
    assert identity_bias(128, "residual", 5.0) == 0
    with pytest.raises(ValueError, match="must be above 2"):
        identity_bias(128, "differential", 2.0)


@pytest.mark.parametrize("mode", MODES)
def test_the_first_step_moves_the_grid(mode: GridMode) -> None:
    torch.manual_seed(0)
    network = GridGenerator(3 + 2, 16, width=4, blocks=1, mode=mode)
    grid = network(torch.rand(1, 3, 16, 16), torch.rand(1, 2))
    (gradient,) = torch.autograd.grad(grid[:, :, 4:12, 4:12].sum(), network.head.weight)
    assert gradient.abs().max() > 0


def test_the_motion_network_has_the_specifications_parameters() -> None:
    first, down = (3 + 34) * 64 * 49 + 128, 64 * 128 * 16 + 256 + 128 * 256 * 16 + 512
    residual = 6 * 2 * (256 * 256 * 9 + 512)
    up = (256 * 128 * 9 + 256) + (128 * 64 * 9 + 128)
    network = GridGenerator(3 + 34, 128)
    assert sum(p.numel() for p in network.parameters()) == first + down + residual + up + 64 * 2 * 49 + 2


def test_a_differential_step_is_at_most_five_nths() -> None:
    size = 20
    wide = differential_grid(torch.full((1, 2, size, size), 50.0), 5.0)
    # One step after another from -1 - 2/(N-1), clipped at 1.
    start = -1 - 2 / (size - 1)
    assert wide[0, 0, 0, 0] == pytest.approx(max(-1, start + 5 / size))
    assert wide[0, 0, 7, 3] == pytest.approx(min(1, start + 4 * 5 / size))
    assert wide[0, 1, 3, 7] == pytest.approx(min(1, start + 4 * 5 / size))
    assert wide.max() == 1 and wide.min() >= -1


def test_a_residual_is_at_most_five_pixels() -> None:
    grid = residual_grid(torch.full((1, 2, 21, 21), 50.0), 5.0)
    moved = (grid - identity_grid(21, grid)) * 10  # 21 pixels: one of them is 2 / 20
    assert moved[0, 0, 10, 5] == pytest.approx(5.0, abs=1e-4)
    assert grid.max() == 1


def test_warping_fetches_each_pixel_from_where_the_grid_says() -> None:
    picture = torch.arange(16.0).reshape(1, 1, 4, 4)
    grid = identity_grid(4, picture).clone()
    grid[:, 0] += 2 / 3  # one pixel to the right: x grows by 1, the last column repeats
    assert torch.allclose(warp(grid, picture)[0, 0, 1], torch.tensor([5.0, 6.0, 7.0, 7.0]), atol=1e-5)
    down = identity_grid(4, picture).clone()
    down[:, 1] += 2 / 3
    assert torch.allclose(warp(down, picture)[0, 0, :, 2], torch.tensor([6.0, 10.0, 14.0, 14.0]), atol=1e-5)


def test_a_move_and_its_opposite_compose_to_the_identity_and_one_repeated_does_not() -> None:
    identity = identity_grid(9, torch.zeros(1))
    bump = torch.zeros(1, 2, 9, 9)
    bump[:, 0] = 0.1
    assert composed_residual(identity + bump, identity - bump).abs().max() < 1e-6
    assert torch.allclose(composed_residual(identity + bump, identity + bump)[:, 0], torch.tensor(0.2), atol=1e-6)


def test_composition_is_the_first_grid_looked_up_at_the_second() -> None:
    torch.manual_seed(0)
    x = identity_grid(17, torch.zeros(1))
    first = x + 0.2 * (1 - x.square())  # smooth, still at the border
    second = x - 0.1 * (1 - x.square())
    composed = composed_residual(first, second) + x
    expected = second + 0.2 * (1 - second.square())
    assert torch.allclose(composed, expected, atol=2e-3)
    assert (composed - (first - 0.1 * (1 - first.square()))).abs().max() > 5e-3  # the other order
