"""KID: Binkowski et al., Demystifying MMD GANs, ICLR 2018: the squared maximum mean discrepancy of
features under the kernel (x.y / N + 1)^3, unbiased, mean over random subsets; by torchmetrics."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from fexdata.evaluation.metrics.fid import as_they_are

SUBSETS = 100
LARGEST = 1000


def kid(real: Tensor, made: Tensor, *, seed: int) -> tuple[float, float | None]:
    """Mean and standard deviation over subsets of features (n, N) and (m, N); no deviation where
    there are too few for subsets, so that each is the whole."""
    from torchmetrics.image.kid import KernelInceptionDistance

    size = min(LARGEST, len(real), len(made))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that features are kept: they are here already
        metric = KernelInceptionDistance(feature=as_they_are(real.shape[1]), subsets=SUBSETS, subset_size=size)
    metric.update(real.double(), real=True)
    metric.update(made.double(), real=False)
    with torch.random.fork_rng(devices=[]):  # torchmetrics draws its subsets from the global generator
        torch.manual_seed(seed)
        mean, spread = metric.compute()
    return float(mean), float(spread) if size < max(len(real), len(made)) else None
