"""StarGAN's generator and critic: shapes and counts of the specification, computed by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fexdata.training.networks.stargan import AttentionGenerator, PatchCritic, StarGanGenerator, StarGanTrunk

# Width 64, 3 + 8 channels in. Every norm has a scale and a shift a channel.
FIRST = 11 * 64 * 49 + 128
DOWN = 64 * 128 * 16 + 256 + 128 * 256 * 16 + 512
RESIDUAL = 2 * (256 * 256 * 9 + 512)
UP = 256 * 128 * 16 + 256 + 128 * 64 * 16 + 128
# A critic's halvings have biases, its heads none.
HALVINGS = sum(a * b * 16 + b for a, b in [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1024), (1024, 2048)])


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_generator_has_the_papers_parameters() -> None:
    with torch.device("meta"):
        assert count(StarGanTrunk(11)) == FIRST + DOWN + 6 * RESIDUAL
        assert count(StarGanGenerator(11)) == FIRST + DOWN + 6 * RESIDUAL + UP + 64 * 3 * 49 == 8_439_936
        assert count(AttentionGenerator(11)) == 8_439_936 + 64 * 49


@pytest.mark.parametrize(("image_size", "left"), [(128, 2), (256, 4)])
def test_the_critic_has_the_papers_parameters(image_size: int, left: int) -> None:
    with torch.device("meta"):
        assert count(PatchCritic(image_size, 8)) == HALVINGS + 2048 * 9 + 2048 * 8 * left**2
        without = HALVINGS - sum((64, 128, 256, 512, 1024, 2048))
        assert count(PatchCritic(image_size, 8, bias=False)) == without + 2048 * 9 + 2048 * 8 * left**2


@pytest.mark.parametrize(("image_size", "patches"), [(128, 2), (256, 4)])
def test_the_critics_score_is_one_number_a_patch(image_size: int, patches: int) -> None:
    with torch.device("meta"):
        verdict = PatchCritic(image_size, 8)(torch.empty(3, 3, image_size, image_size))
    assert verdict.score.shape == (3, 1, patches, patches)
    assert verdict.condition.shape == (3, 8)


def test_the_trunk_ends_at_a_quarter_of_the_size_with_256_channels() -> None:
    with torch.device("meta"):
        assert StarGanTrunk(37)(torch.empty(2, 37, 128, 128)).shape == (2, 256, 32, 32)


def test_a_batch_of_one_keeps_its_axis() -> None:
    picture, condition = torch.rand(1, 3, 16, 16), torch.rand(1, 2)
    out, mask = AttentionGenerator(5, width=4, blocks=1)(picture, condition)
    assert out.shape == (1, 3, 16, 16) and mask.shape == (1, 1, 16, 16)
    verdict = PatchCritic(16, 2, width=4, layers=4)(picture)
    assert verdict.score.shape == (1, 1, 1, 1) and verdict.condition.shape == (1, 2)


def test_pictures_lie_between_minus_one_and_one_and_masks_between_zero_and_one() -> None:
    generator = AttentionGenerator(5, width=4, blocks=1)
    for parameter in generator.parameters():
        nn.init.normal_(parameter, 0, 3)
    out, mask = generator(10 * torch.randn(2, 3, 16, 16), torch.rand(2, 2))
    assert out.abs().max() <= 1 and out.abs().max() > 0.99
    assert mask.min() >= 0 and mask.max() <= 1 and mask.max() - mask.min() > 0.9


def test_the_critic_judges_each_picture_by_itself() -> None:
    critic = PatchCritic(16, 2, width=4, layers=3)
    pictures = torch.randn(4, 3, 16, 16)
    together, alone = critic(pictures), critic(pictures[2:3])
    assert torch.allclose(together.score[2:3], alone.score, atol=1e-6)
    assert torch.allclose(together.condition[2:3], alone.condition, atol=1e-6)


def test_more_halvings_than_pixels_are_refused() -> None:
    with pytest.raises(ValueError, match="6 halvings leave nothing of 32"):
        PatchCritic(32, 2)
