"""The rules that all networks keep: masks say what they select, nothing is remembered, first weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fexdata.training.networks.blocks import compose, convolution, draw_normal_weights, relu, with_condition
from fexdata.training.networks.msf import MsfGenerator
from fexdata.training.networks.stargan import AttentionGenerator, PatchCritic, StarGanGenerator

NETWORKS = {
    "generator": lambda: StarGanGenerator(5, width=4, blocks=1),
    "attention": lambda: AttentionGenerator(5, width=4, blocks=1),
    "msf": lambda: MsfGenerator(2, width=4),
    "critic": lambda: PatchCritic(32, 2, width=4, layers=3),
}


def test_a_mask_that_selects_the_input_keeps_it_where_it_is_one() -> None:
    mask = torch.tensor([1.0, 0.0, 0.25]).reshape(1, 1, 1, 3)
    generated, given = torch.full((1, 3, 1, 3), 8.0), torch.full((1, 3, 1, 3), 4.0)
    assert compose(generated, given, mask, mask_selects="input")[0, 0, 0].tolist() == [4.0, 8.0, 7.0]
    assert compose(generated, given, mask, mask_selects="generated")[0, 0, 0].tolist() == [8.0, 4.0, 5.0]


@pytest.mark.parametrize(("selects", "wanted"), [("input", 8.0), ("generated", 4.0)])
def test_a_penalty_on_the_mask_pushes_to_what_it_does_not_select(selects: str, wanted: float) -> None:
    logit = torch.zeros(1, 1, 2, 2, requires_grad=True)
    adam = torch.optim.SGD([logit], lr=100.0)
    for _ in range(50):
        adam.zero_grad()
        torch.sigmoid(logit).mean().backward()
        adam.step()
    generated, given = torch.full((1, 3, 2, 2), 8.0), torch.full((1, 3, 2, 2), 4.0)
    out = compose(generated, given, torch.sigmoid(logit), mask_selects=selects)  # type: ignore[arg-type]
    assert torch.allclose(out, torch.full_like(out, wanted), atol=0.05)


def test_a_condition_is_the_same_at_every_pixel_and_comes_after_the_features() -> None:
    joined = with_condition(torch.zeros(2, 3, 4, 5), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert joined.shape == (2, 5, 4, 5)
    assert (joined[1, 3] == 3).all() and (joined[1, 4] == 4).all() and (joined[:, :3] == 0).all()


@torch.no_grad()
def test_only_zero_padding_lets_a_tiled_condition_through_the_normalisation() -> None:
    torch.manual_seed(0)
    zero = convolution(4, 3, 7, activation=relu())
    reflect = nn.Sequential(nn.Conv2d(4, 3, 7, padding=3, padding_mode="reflect", bias=False), *zero[1:])
    reflect[0].load_state_dict(zero[0].state_dict())
    picture = torch.rand(1, 3, 16, 16)
    first, second = (with_condition(picture, torch.full((1, 1), value)) for value in (0.0, 1.0))
    assert (zero(second) - zero(first)).abs().max() > 0.1
    assert (reflect(second) - reflect(first)).abs().max() < 1e-4


@pytest.mark.parametrize("name", NETWORKS)
def test_no_network_remembers_anything_but_its_parameters(name: str) -> None:
    network = NETWORKS[name]()
    assert set(network.state_dict()) == {name for name, _ in network.named_parameters()}


@pytest.mark.parametrize("name", ["generator", "msf", "critic"])
def test_training_and_evaluation_compute_the_same(name: str) -> None:
    network = NETWORKS[name]()
    picture = torch.rand(1, 3, 32, 32)
    inputs = (picture,) if name == "critic" else (picture, torch.rand(1, 2))
    train, evaluate = network.train()(*inputs), network.eval()(*inputs)
    assert torch.equal(train if name != "critic" else train.score, evaluate if name != "critic" else evaluate.score)


def test_first_weights_have_standard_deviation_0_02_and_biases_are_zero() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(16, 64, 4), nn.ConvTranspose2d(64, 16, 4), nn.InstanceNorm2d(16, affine=True))
    draw_normal_weights(network)
    for layer in network[:2]:
        assert abs(float(layer.weight.detach().mean())) < 1e-3
        assert float(layer.weight.detach().std()) == pytest.approx(0.02, rel=0.03)
        assert (layer.bias == 0).all()
    assert (network[2].weight == 1).all()
