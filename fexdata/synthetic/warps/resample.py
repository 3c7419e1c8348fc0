"""Expressions that people can make: those that were found in photographs, varied.

"Combined the identity meshes with randomly generated expressions" (SliderGAN, section 4.1) leaves
open from what. Independent draws per coefficient give faces that nobody makes; here one
photograph's coefficients are taken as a whole, made stronger or weaker, and jittered.
"""

from __future__ import annotations

import numpy as np

from fexdata.synthetic.expressions import SINGLE_UNITS, STRONGEST, coefficients, feasible

GAIN = (0.6, 1.4)
"""By how much a whole expression is made weaker or stronger."""
JITTER = 0.2
"""Standard deviation of each coefficient's own factor, and, times the bank's, of what is added to it."""
MIXED = 0.35
"""How often a second photograph's expression is mixed in, by a share up to one half."""


def drawn(
    bank: np.ndarray, signed: np.ndarray, names: tuple[str, ...], rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    """(E,) float32 feasible coefficients near those of a random row of the bank (n, E), and which row that was.

    Coefficients that are action units obey what a face can do at once
    (`fexdata.synthetic.expressions.feasible`); others stay within the bank's own bounds.
    """
    row = int(rng.integers(len(bank)))
    vector = bank[row].astype(np.float64)
    if rng.random() < MIXED:
        share = rng.uniform(0, 0.5)
        vector = (1 - share) * vector + share * bank[rng.integers(len(bank))]
    vector = vector * rng.uniform(*GAIN) * np.exp(JITTER * rng.standard_normal(len(vector)))
    vector += JITTER * bank.std(axis=0) * rng.standard_normal(len(vector))
    vector = np.clip(vector, np.where(signed, -1.0, 0.0), 1.0)
    if all(name.partition("_")[0] in SINGLE_UNITS for name in names):
        return _as_a_face_can(vector, names), row
    return np.clip(vector, bank.min(axis=0), bank.max(axis=0)).astype(np.float32), row


def _as_a_face_can(vector: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    sides: tuple[dict[str, float], dict[str, float]] = ({}, {})
    for name, value in zip(names, vector.tolist(), strict=True):
        unit, _, side = name.partition("_")
        for own, intensities in zip(("left", "right"), sides, strict=True):
            if side in ("", own):
                intensities[unit] = STRONGEST * value
    return coefficients(feasible(*sides), names)
