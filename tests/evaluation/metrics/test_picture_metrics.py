"""Metrics between two pictures, against values worked out by hand."""

import math

import pytest
import torch
from torch import Tensor

from fexdata.evaluation.metrics.ied import ied
from fexdata.evaluation.metrics.l1 import l1
from fexdata.evaluation.metrics.psnr import CEILING, psnr
from fexdata.evaluation.metrics.ssim import ssim


def flat(*levels: float) -> Tensor:
    """Pictures (B, 3, 16, 16) of one grey each, given in 0 to 255."""
    return torch.tensor(levels)[:, None, None, None].expand(-1, 3, 16, 16) / 255


def noise(count: int, side: int, seed: int) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def dot(x: int, y: int, side: int = 12) -> Tensor:
    picture = torch.zeros(1, 1, side, side)
    picture[0, 0, y, x] = 1
    return picture


def test_l1_is_the_mean_difference_of_each_picture() -> None:
    torch.testing.assert_close(l1(flat(10, 20), flat(61, 20)), torch.tensor([0.2, 0.0]))


def test_psnr_of_a_constant_difference() -> None:
    found = psnr(flat(100, 7), flat(110, 7))
    assert float(found[0]) == pytest.approx(10 * math.log10(255**2 / 100), rel=1e-5)
    assert float(found[1]) == CEILING


def test_psnr_looks_at_whole_grey_levels() -> None:
    assert float(psnr(flat(100.3), flat(100))) == CEILING


def test_ssim_of_two_flat_pictures_is_their_luminance_term() -> None:
    a, b, c = 60.0, 120.0, (0.01 * 255) ** 2
    assert float(ssim(flat(a), flat(b))) == pytest.approx((2 * a * b + c) / (a * a + b * b + c), rel=1e-4)


def test_ssim_is_one_for_equal_pictures_and_does_not_depend_on_the_batch() -> None:
    one, other = noise(3, 24, 0), noise(3, 24, 1)
    torch.testing.assert_close(ssim(one, one), torch.ones(3))
    torch.testing.assert_close(ssim(one, other)[1:2], ssim(one[1:2], other[1:2]))


def test_ied_equals_the_double_sum_over_pixels() -> None:
    one, other = noise(2, 7, 2), noise(2, 7, 3)
    difference = (one - other).double().flatten(2)
    y, x = torch.meshgrid(torch.arange(7.0), torch.arange(7.0), indexing="ij")
    places = torch.stack([x.flatten(), y.flatten()], dim=1).double()
    kernel = torch.exp(-torch.cdist(places, places).square() / 2) / (2 * math.pi)
    wanted = torch.einsum("bci,ij,bcj->b", difference, kernel, difference) / 49
    torch.testing.assert_close(ied(one, other), wanted, rtol=1e-12, atol=0)


def test_ied_of_one_bright_pixel() -> None:
    assert float(ied(dot(5, 5), 0 * dot(5, 5))) == pytest.approx(1 / (2 * math.pi) / 144, rel=1e-12)


def test_ied_forgives_a_small_shift() -> None:
    near, far = ied(dot(5, 5), dot(6, 5)), ied(dot(5, 5), dot(9, 5))
    assert float(near) == pytest.approx(2 * (1 - math.exp(-0.5)) / (2 * math.pi) / 144, rel=1e-12)
    assert float(near) < 0.4 * float(far)


def test_ied_inside_a_mask_does_not_see_the_rest() -> None:
    mask = torch.zeros(1, 1, 12, 12)
    mask[..., :6, :6] = 1
    assert float(ied(dot(8, 8), 0 * dot(8, 8), mask)) == 0
    assert float(ied(dot(3, 3), 0 * dot(3, 3), mask)) == pytest.approx(1 / (2 * math.pi) / 36, rel=1e-12)
