"""Rings round a moved face that take its movement down to none, so that nothing tears.

The background close to the face stretches or shrinks with its rim; everything beyond the rings,
and the picture's border, stays.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

COLLAR = 0.3
"""Width of the collar as a share of the face's; at least `COLLAR_REACH` times what the rim moves there."""
COLLAR_REACH = 1.7
RINGS = 8
RIM_SMOOTHING = 0.03
"""Share of the rim over which neighbours' movements mix with each ring outwards."""


def with_collar(rim: np.ndarray, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the rings' vertices are before and after, (n, 3) each, and their triangles.

    rim: (B,) loop of vertices round the face, of `before` and `after` (V, 3) in pixels. The rings'
    vertices are numbered from V on; they lie behind the face.
    """
    start, end = [], []
    edge = before[rim]
    moved = (after[rim] - edge) * [1, 1, 0]
    outward = edge[:, :2] - edge[:, :2].mean(axis=0)
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
    width = _mixed(np.maximum(COLLAR * float(np.ptp(edge[:, 0])), COLLAR_REACH * np.linalg.norm(moved, axis=1)))
    back = float(max(before[:, 2].max(), after[:, 2].max())) + 1.0
    for ring in range(1, RINGS + 1):
        way = ring / RINGS
        moved = _mixed(moved)
        place = np.column_stack([edge[:, :2] + way * width[:, None] * outward, np.full(len(edge), back + ring)])
        start.append(place)
        end.append(place + (1 - way) * (1 - 0.5 * way * way) * moved)
    count = len(rim)
    loops = [rim, *(len(before) + count * ring + np.arange(count) for ring in range(RINGS))]
    return np.concatenate(start), np.concatenate(end), _bands(loops)


def _mixed(values: np.ndarray) -> np.ndarray:
    """Values (B,) or (B, 3) round a closed loop, smoothed."""
    frequency = np.fft.rfftfreq(len(values))
    keep = np.exp(-2 * (np.pi * RIM_SMOOTHING * len(values) * frequency) ** 2)
    spectrum = np.fft.rfft(values, axis=0)
    result: np.ndarray = np.fft.irfft((spectrum.T * keep).T, len(values), axis=0)
    return result


def _bands(loops: Sequence[np.ndarray]) -> np.ndarray:
    """Triangles between loops of equal length, one inside the other."""
    parts = []
    for inner, outer in itertools.pairwise(loops):
        a, b, c, d = inner, np.roll(inner, -1), outer, np.roll(outer, -1)
        parts += [np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)]
    return np.concatenate(parts).astype(np.int32)
