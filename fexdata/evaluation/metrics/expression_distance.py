"""Expression distance: what an independent network reads off the edit, against what was asked for.

Fine-grained, table 1 (ED): ||AU(x^) - v_target||_2, action units in 0 to 1. The same with blendshape
coefficients, divided by their standard deviation, for methods of those. The scheme is in the name.
"""

from __future__ import annotations

from torch import Tensor


def expression_distance(read: Tensor, wanted: Tensor) -> Tensor:
    """L2 distance of each of (B, K): (B,)."""
    return (read.double() - wanted.double()).square().sum(1).sqrt()
