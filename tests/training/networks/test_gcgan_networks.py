"""GC-GAN's networks: table 3's shapes and counts, computed by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fexdata.training.networks.gcgan import LandmarkEmbedding, LayerNormCritic, TransferGenerator

# Fully connected layers before batch norm have no bias, batch norm has a scale and a shift.
EMBEDDING = (
    (136 * 128 + 256) + (128 * 64 + 128) + (64 * 32 + 64) + (32 * 64 + 128) + (64 * 128 + 256) + (128 * 136 + 136)
)
ENCODER = (25 * 3 * 64 + 128) + (25 * 64 * 128 + 256) + (25 * 128 * 256 + 512)
BOTTLENECK = (8 * 8 * 256 * 1024 + 2048) + (1024 * 128 + 256) + (160 * 4096 + 8192)
DECODER = (25 * 256 * 256 + 512) + (25 * 256 * 128 + 256) + (25 * 128 * 64 + 128) + (25 * 64 * 64 + 128)
CRITIC = sum(25 * a * b + 3 * b for a, b in [(3, 64), (64, 128), (128, 256), (256, 512)]) + 25 * 512 + 1


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_networks_have_table_3s_parameters() -> None:
    with torch.device("meta"):
        assert count(LandmarkEmbedding()) == EMBEDDING
        assert count(TransferGenerator()) == ENCODER + BOTTLENECK + DECODER + 25 * 64 * 3 + 3
        assert count(TransferGenerator(out_bn=True)) == count(TransferGenerator()) + 6
        assert count(LayerNormCritic()) == CRITIC


def test_codes_and_maps_have_table_3s_shapes() -> None:
    points = torch.rand(2, 136)
    code, decoded = LandmarkEmbedding()(points)
    assert code.shape == (2, 32) and decoded.shape == (2, 136)
    generator = TransferGenerator(width=4)
    low = generator.first(torch.zeros(2, 3, 64, 64))
    assert low.shape == (2, 4, 32, 32)
    assert generator.encoder(low).shape == (2, 128)
    assert generator(torch.zeros(2, 3, 64, 64), code).shape == (2, 3, 64, 64)
    assert LayerNormCritic(4)(torch.zeros(1, 3, 64, 64)).shape == (1, 1, 2, 2)


def test_the_skip_adds_the_first_layer_to_the_penultimate_deconvolution() -> None:
    torch.manual_seed(0)
    generator = TransferGenerator(32, expression=2, person=4, width=4).eval()
    seen: dict[str, torch.Tensor] = {}
    generator.first.register_forward_hook(lambda _m, _i, out: seen.update(low=out))
    generator.decoder.register_forward_hook(lambda _m, _i, out: seen.update(deep=out))
    generator.last.register_forward_pre_hook(lambda _m, given: seen.update(into=given[0]))
    generator(torch.rand(1, 3, 32, 32), torch.ones(1, 2))
    assert torch.equal(seen["into"], seen["low"] + seen["deep"])


def test_the_code_reaches_the_picture_and_a_size_that_does_not_fit_is_refused() -> None:
    torch.manual_seed(0)
    generator = TransferGenerator(32, expression=2, person=4, width=4).eval()
    picture = torch.rand(1, 3, 32, 32)
    assert not torch.equal(generator(picture, torch.zeros(1, 2)), generator(picture, torch.ones(1, 2)))
    with pytest.raises(ValueError, match="multiple of 16"):
        TransferGenerator(40)


def test_the_critics_norm_is_over_channels_and_pixels_of_one_picture() -> None:
    torch.manual_seed(0)
    critic = LayerNormCritic(4)
    pictures = torch.rand(3, 3, 32, 32)
    assert torch.allclose(critic(pictures)[:1], critic(pictures[:1]), atol=1e-6)
    normed = critic.layers[1](3 * torch.rand(2, 4, 16, 16) + 7)
    assert torch.allclose(normed.mean((1, 2, 3)), torch.zeros(2), atol=1e-5)
    assert torch.allclose(normed.var((1, 2, 3), unbiased=False), torch.ones(2), atol=1e-3)
