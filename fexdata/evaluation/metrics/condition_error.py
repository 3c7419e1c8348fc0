"""SliderGAN, table 4: how well the critic itself reads the condition.

    mean_i ||p_ref - p_D||_2 / ||p_ref||_2

Row 1: p_ref is the annotation of a real picture, p_D what the critic reads off it. Row 2: p_ref is
what was asked for, p_D what the critic reads off the edit.
"""

from __future__ import annotations

from torch import Tensor

SMALLEST = 1e-3
"""References shorter than this (a neutral face is all zeros) have no relative error; they are left out."""


def condition_error(read: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """The relative error of those of (B, K) that have one, and which they are, bool (B,)."""
    length = reference.double().square().sum(1).sqrt()
    kept = length >= SMALLEST
    difference = (read.double() - reference.double()).square().sum(1).sqrt()
    return difference[kept] / length[kept], kept
