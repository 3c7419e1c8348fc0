"""FID, KID and IS, on features whose answer is known."""

import math

import pytest
import torch

from fexdata.evaluation.metrics.fid import fid
from fexdata.evaluation.metrics.inception_score import inception_score
from fexdata.evaluation.metrics.kid import kid


def features(count: int = 200, *, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))


def test_fid_of_moved_features_is_the_square_of_the_way() -> None:
    way = torch.tensor([1.0, -2.0, 0.5, 0.0])
    assert fid(features(), features() + way) == pytest.approx(5.25, rel=1e-5)
    assert fid(features(), features()) == pytest.approx(0, abs=1e-6)


def test_fid_of_stretched_features() -> None:
    """Covariances S and s^2 S: tr(S)(1 + s^2 - 2 s), with no difference of means."""
    centred = features() - features().mean(0)
    trace = float(torch.cov(centred.T.double()).trace())
    assert fid(centred, 3 * centred) == pytest.approx(trace * 4, rel=1e-5)


def test_kid_of_two_points() -> None:
    """(k(a, a) + k(b, b) - 2 k(a, b)), k(x, y) = (x.y / N + 1)^3, where all pictures of a side are one."""
    a, b = torch.tensor([[2.0, 0.0]]).repeat(20, 1), torch.tensor([[0.0, 4.0]]).repeat(20, 1)
    value, spread = kid(a, b, seed=0)
    assert value == pytest.approx(3**3 + 9**3 - 2, rel=1e-6)
    assert spread is None


def test_inception_score_is_the_number_of_classes_told_for_certain() -> None:
    labels = torch.arange(400) % 4
    sure, spread = inception_score(50 * torch.eye(4)[labels], seed=0)
    assert sure == pytest.approx(4, rel=0.05)
    assert spread is not None and math.isfinite(spread)
    assert inception_score(torch.zeros(40, 4), seed=0)[0] == pytest.approx(1)


def test_random_parts_depend_on_the_seed_and_nothing_else() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first = kid(features(40), features(60, seed=1), seed=3), inception_score(features(40), seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(8)
    assert first == (kid(features(40), features(60, seed=1), seed=3), inception_score(features(40), seed=3))
    assert first[1] != inception_score(features(40), seed=4)
