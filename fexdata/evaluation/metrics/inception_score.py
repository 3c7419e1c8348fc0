"""IS: Salimans et al., Improved Techniques for Training GANs, NeurIPS 2016: exp E KL(p(y|x) || p(y)),
mean and standard deviation over ten parts of the pictures, by torchmetrics."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from fexdata.evaluation.metrics.fid import as_they_are

SPLITS = 10


def inception_score(logits: Tensor, *, seed: int) -> tuple[float, float]:
    """Of the classifier's logits (n, C), n at least `SPLITS`; between 1 and C."""
    from torchmetrics.image.inception import InceptionScore

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that features are kept: they are here already
        metric = InceptionScore(feature=as_they_are(logits.shape[1]), splits=SPLITS)
    metric.update(logits.double())
    with torch.random.fork_rng(devices=[]):  # torchmetrics shuffles with the global generator
        torch.manual_seed(seed)
        mean, spread = metric.compute()
    return float(mean), float(spread)
