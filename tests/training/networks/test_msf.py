"""The fine-grained generator: counts by hand, where the condition enters, what the ablations leave out."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fexdata.training.networks.blocks import draw_normal_weights
from fexdata.training.networks.msf import FusionBlock, MsfGenerator, MultiScaleFusion

# Width 64, 17 action units. Every norm has a scale and a shift a channel.
FIRST = 3 * 64 * 49 + 128
DOWN = (64 * 128 + 128 * 256 + 256 * 512 + 512 * 512) * 16 + 2 * (128 + 256 + 512 + 512)
BOTTLENECK = 529 * 512 * 9 + 1024
UP = (512 * 512 + 1024 * 256 + 512 * 128 + 256 * 64) * 16 + 2 * (512 + 256 + 128 + 64)
PICTURE = 64 * 3 * 49
# enter 5x5, fuse (3x3, 4x4, 4x4, 3x3), rise 4x4, narrow 3x3, broad 5x5; then the norms.
MSF_8 = (
    529 * 512 * 25 + 512 * 256 * (9 + 16 + 16 + 9) + 512 * 512 * 16 + 1024 * 256 * (9 + 25)
    + 2 * (512 + 4 * 256 + 512 + 2 * 256)
)  # fmt: skip
MSF_4 = (
    273 * 256 * 25 + 256 * 128 * 9 + 512 * 128 * 16 + 256 * 256 * 16 + 512 * 256 * 9 + 512 * 256 * 16
    + 512 * 128 * (9 + 25) + 2 * (256 + 128 + 128 + 256 + 256 + 256 + 128 + 128)
)  # fmt: skip
MSF_2 = (
    145 * 128 * 25 + 128 * 64 * 9 + 256 * 64 * 16 + 128 * 128 * 16 + 256 * 128 * 9 + 256 * 128 * 16
    + 256 * 64 * (9 + 25) + 2 * (128 + 64 + 64 + 128 + 128 + 128 + 64 + 64)
)  # fmt: skip


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("modules", "msf"), [(0, 0), (1, MSF_8), (2, MSF_8 + MSF_4), (3, MSF_8 + MSF_4 + MSF_2)])
def test_parameters_of_every_ablation(modules: int, msf: int) -> None:
    with torch.device("meta"):
        assert count(MsfGenerator(17, msf_modules=modules)) == FIRST + DOWN + BOTTLENECK + UP + PICTURE + msf


def test_the_fusion_keeps_both_shapes() -> None:
    fine, coarse = FusionBlock(6, 10)(torch.rand(2, 6, 8, 8), torch.rand(2, 10, 4, 4))
    assert fine.shape == (2, 6, 8, 8) and coarse.shape == (2, 10, 4, 4)
    assert MultiScaleFusion(6, 10, 3)(fine, coarse, torch.rand(2, 3)).shape == (2, 6, 8, 8)


@pytest.mark.parametrize("modules", [0, 1, 2, 3])
def test_a_picture_keeps_its_shape_at_batch_one(modules: int) -> None:
    out = MsfGenerator(3, width=4, msf_modules=modules)(torch.rand(1, 3, 32, 32), torch.rand(1, 3))
    assert out.shape == (1, 3, 32, 32) and out.abs().max() <= 1


def test_several_conditions_of_one_picture_equal_as_many_calls() -> None:
    torch.manual_seed(0)
    generator = MsfGenerator(3, width=4).eval()
    pictures, conditions = torch.rand(2, 3, 32, 32), torch.rand(6, 3)
    at_once = generator(pictures, conditions)
    one_by_one = torch.cat([generator(pictures, part) for part in conditions.chunk(3)])
    assert torch.allclose(at_once, one_by_one, atol=1e-5)


@pytest.mark.parametrize("modules", [0, 1, 2, 3])
def test_the_condition_enters_at_the_bottleneck_and_in_every_msf(modules: int) -> None:
    torch.manual_seed(0)
    generator = MsfGenerator(3, width=4, msf_modules=modules)
    draw_normal_weights(generator)
    entries = [layer for layer in generator.modules() if isinstance(layer, nn.Conv2d) and layer.in_channels % 4 == 3]
    widths = [layer.in_channels - 3 for layer in entries if layer.in_channels != 3]
    assert sorted(widths, reverse=True) == [32, 32, 16, 8][: modules + 1]
    condition = torch.rand(1, 3, requires_grad=True)
    generator(torch.rand(1, 3, 64, 64), condition).square().sum().backward()
    assert condition.grad is not None and float(condition.grad.abs().max()) > 0


def test_a_fourth_module_is_refused() -> None:
    with pytest.raises(ValueError, match="msf_modules"):
        MsfGenerator(3, msf_modules=4)
