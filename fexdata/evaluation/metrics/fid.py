"""FID: Heusel et al., GANs Trained by a Two Time-Scale Update Rule, NeurIPS 2017, eq. 6.

    |mu_1 - mu_2|^2 + tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2))

of features of real and edited pictures, by torchmetrics. The network whose features they are is in
the result's name: values of two networks, or of two implementations of one, are not comparable.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


def fid(real: Tensor, made: Tensor) -> float:
    """Features (n, N) and (m, N), n and m at least 2. Few pictures, or fewer than N, make it too high."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(feature=as_they_are(real.shape[1]))
    metric.update(real.double(), real=True)
    metric.update(made.double(), real=False)
    return float(metric.compute())


def as_they_are(features: int) -> nn.Module:
    """What torchmetrics takes for a feature network where features were computed before."""
    return _Given(features)


class _Given(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.num_features: Any = features

    def forward(self, features: Tensor) -> Tensor:
        return features
