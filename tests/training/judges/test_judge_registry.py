"""From a spec to a frozen network."""

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from fexdata.errors import FexdataError
from fexdata.training.judges import load
from fexdata.training.judges.iresnet import IResNet
from fexdata.training.judges.weights import file_sha256, module_sha256


class Mean(nn.Module):
    """Stands for a network that somebody exported."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.mean((2, 3))


def face() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1, torch.rand(2, 68, 2, generator=generator) * 60


@pytest.fixture
def small_arcface(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "backbone.pth"
    torch.save(IResNet((1, 1, 1, 1), features=8).eval().state_dict(), path)
    return path


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    path = tmp_path / "net.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # users have such files all the same
        torch.jit.trace(Mean(), torch.zeros(1, 3, 96, 96)).save(str(path))
    return path


def test_state_dict_of_arcface_becomes_the_network_of_its_depth(small_arcface: Path) -> None:
    judge = load(f"arcface={small_arcface}", role="identity")
    assert judge(*face()).shape == (2, 8)
    assert judge.sha256 == file_sha256([small_arcface])


def test_judge_is_frozen_but_lets_gradients_through(small_arcface: Path) -> None:
    judge = load(f"arcface={small_arcface}").train()
    image, landmarks = face()
    alone = judge(image[:1], landmarks[:1])
    judge(image.requires_grad_(), landmarks).sum().backward()
    assert image.grad is not None and float(image.grad.abs().sum()) > 0
    assert not any(parameter.requires_grad for parameter in judge.parameters())
    torch.testing.assert_close(judge(image, landmarks)[:1].detach(), alone, atol=1e-4, rtol=1e-4)


def test_torchscript_is_asked_as_its_kind_expects(exported: Path) -> None:
    told = load(f"nn4={exported}")(torch.full((1, 3, 96, 96), 0.5), face()[1][:1] * 0 + centred())
    torch.testing.assert_close(told, torch.full((1, 3), 3**-0.5), atol=1e-3, rtol=0)


def centred() -> torch.Tensor:
    from fexdata.training.judges.warp import OPENFACE

    points = torch.zeros(68, 2)
    for group, place in zip(OPENFACE.groups, OPENFACE.places, strict=True):
        points[list(group)] = torch.tensor(place)
    return points


def test_pinned_hash_is_checked(small_arcface: Path) -> None:
    load(f"arcface={small_arcface}#{file_sha256([small_arcface])[:12]}")
    with pytest.raises(FexdataError, match="not the arcface that was meant"):
        load(f"arcface={small_arcface}#0123456789ab")


def test_weights_folder_is_searched(small_arcface: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights").mkdir()
    small_arcface.rename(tmp_path / "weights" / "arcface.pth")
    monkeypatch.setenv("FEXDATA_HOME", str(tmp_path))
    assert load("arcface").about.kind == "arcface"


def test_missing_file_is_told_with_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEXDATA_HOME", str(tmp_path))
    with pytest.raises(FexdataError, match=r"arcface: no arcface.pt .*insightface.*`fexdata train embedder`"):
        load("arcface")


def test_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"network": Mean()}, tmp_path / "evil.pth")
    with pytest.raises(FexdataError, match="no TorchScript, state dict"):
        load(f"arcface={tmp_path / 'evil.pth'}")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save(nn.Linear(3, 3).state_dict(), tmp_path / "other.pth")
    with pytest.raises(FexdataError, match="another network than arcface"):
        load(f"arcface={tmp_path / 'other.pth'}")


def test_wrong_role_and_unknown_name_are_refused(small_arcface: Path) -> None:
    with pytest.raises(FexdataError, match="tells identity; a network for perceptual"):
        load(f"arcface={small_arcface}", role="perceptual")
    with pytest.raises(FexdataError, match="unknown network 'facenet'"):
        load("facenet")


def test_hash_of_a_trained_network_changes_with_any_weight() -> None:
    network = nn.Linear(3, 2)
    before = module_sha256(network)
    assert module_sha256(network) == before
    with torch.no_grad():
        network.bias[1] += 1e-6
    assert module_sha256(network) != before
