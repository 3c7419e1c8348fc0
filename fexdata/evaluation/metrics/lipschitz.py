"""GC-GAN's rho': how evenly the picture follows the code on the way from one expression to another.

rho'_t = |G(z_i, z_g^t) - G(z_i, z_g^(t+1))| / |z_g^t - z_g^(t+1)|, L2 norms over the picture in
[-1, 1] and over the code, t the steps of a straight line between two expressions of one person. A
small figure that is the same at every step means that the code has no cliffs. The paper states
neither norm nor number of steps; ours are L2 and `STEPS`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

STEPS = 8
TOO_CLOSE = 1e-8
"""Pairs whose codes differ by less than this have no rho'."""


def lipschitz(generate: Callable[[Tensor], Tensor], start: Tensor, end: Tensor, *, steps: int = STEPS) -> Tensor:
    """rho' of every step: (B', steps), of the B' pairs whose codes differ.

    generate: codes (B, N) -> pictures (B, 3, H, W) of the B people. start, end: (B, N).
    """
    codes = [start + (end - start) * (step / steps) for step in range(steps + 1)]
    pictures = [generate(code).flatten(1).double() for code in codes]
    moved = torch.stack([(after - before).norm(dim=1) for before, after in itertools.pairwise(pictures)])
    apart = (end - start).double().norm(dim=1)
    differ = apart >= TOO_CLOSE
    return (moved / (apart.clamp(min=TOO_CLOSE) / steps)).T[differ]
