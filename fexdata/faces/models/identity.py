"""How people's heads differ: a Gaussian process over the mean head's surface, cut to its main modes.

The displacement field u of a head is drawn from a zero-mean Gaussian process (Lüthi, Gerig, Jud and
Vetter, Gaussian Process Morphable Models, TPAMI 2018) with covariance

    k(x, y) = sum_s a_s(x) a_s(y) exp(-|x - y|^2 / (2 l_s^2))  +  sum_m f_m(x) f_m(y)

The first sum is free variation at three scales; the second adds named measurements that
anthropometry finds to vary (`measurements`), each a smooth field f_m of one standard deviation.
With M the reflection, (k(x, y) + k(x, My) M) / 2 has draws that mirror onto themselves and
(k(x, y) - k(x, My) M) / 2 draws that mirror onto their opposite (their section on symmetry). The
second kind is kept small, since faces are nearly symmetric.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fexdata.faces.models.measurements import measurement_fields

SYMMETRIC_MODES = 60
ASYMMETRIC_MODES = 12
ASYMMETRY = 0.4
"""Standard deviation of the asymmetric part, as a share of the symmetric free part's."""
FIELDS_PER_AXIS = 40
"""Main fields kept of the free covariance of each axis."""

REFLECTION = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True)
class Scale:
    """One scale of the free variation."""

    length: float
    """Millimetres over which neighbouring places move together."""
    deviation: float
    """Standard deviation along each axis, millimetres, where `detail` is 1."""
    floor: float
    """The share of it that is left where `detail` is 0."""


SCALES = (Scale(70.0, 2.2, 1.0), Scale(32.0, 1.35, 0.6), Scale(15.0, 0.75, 0.25))


def symmetric_modes(points: np.ndarray, mirror: np.ndarray, detail: np.ndarray) -> np.ndarray:
    """Fields of one standard deviation, of largest variance first: (`SYMMETRIC_MODES`, C, 3).

    points: (C, 3) of the mean head, mirror symmetric; mirror: (C,) partners; detail: (C,) from 0 to
    1, where small features vary. Rigid motions are taken out: they are pose, not shape.
    """
    named = np.array(list(measurement_fields(points).values()))
    free = _free_fields(points, mirror, detail, symmetric=True)
    return _main(without_rigid_motion(np.concatenate([free, named]), points), SYMMETRIC_MODES)


def asymmetric_modes(points: np.ndarray, mirror: np.ndarray, detail: np.ndarray) -> np.ndarray:
    """As `symmetric_modes`, of the fields that mirror onto their opposite: (`ASYMMETRIC_MODES`, C, 3)."""
    free = ASYMMETRY * _free_fields(points, mirror, detail, symmetric=False)
    return _main(without_rigid_motion(free, points), ASYMMETRIC_MODES)


def _main(fields: np.ndarray, count: int) -> np.ndarray:
    """The main components of sum_i z_i fields_i with independent unit z: (count, C, 3)."""
    _, size, direction = np.linalg.svd(fields.reshape(len(fields), -1), full_matrices=False)
    # Mirrored vertices tie for the largest up to the last bit, and a tie must not decide the sign: the first of those
    # near the largest does.
    size_of = np.abs(direction)
    largest = (size_of > 0.99 * size_of.max(axis=1, keepdims=True)).argmax(axis=1)
    direction *= np.sign(direction[np.arange(len(direction)), largest])[:, None]
    result: np.ndarray = (size[:count, None] * direction[:count]).reshape(-1, *fields.shape[1:])
    return result


def _free_fields(points: np.ndarray, mirror: np.ndarray, detail: np.ndarray, *, symmetric: bool) -> np.ndarray:
    """The square root of the free covariance, cut: (3 `FIELDS_PER_AXIS`, C, 3).

    The axes are independent, and one half of the head decides the other, so that the covariance of
    one axis over the half is decomposed.
    """
    half = np.flatnonzero(np.arange(len(points)) <= mirror)
    near = _covariance(points[half], points[half], detail[half])
    far = _covariance(points[half], points[half] * REFLECTION, detail[half])
    # A vertex with a partner stands for two.
    count = np.sqrt(np.where(mirror[half] == half, 1.0, 2.0))
    fields = np.zeros((3, FIELDS_PER_AXIS, len(points), 3))
    for axis in range(3):
        sign = REFLECTION[axis] * (1 if symmetric else -1)
        values, vectors = np.linalg.eigh((near + sign * far) / 2 * count * count[:, None])
        main = vectors[:, : -FIELDS_PER_AXIS - 1 : -1] * np.sqrt(values[: -FIELDS_PER_AXIS - 1 : -1].clip(0))
        fields[axis, :, mirror[half], axis] = sign * main / count[:, None]
        fields[axis, :, half, axis] = main / count[:, None]
    return fields.reshape(-1, len(points), 3)


def _covariance(a: np.ndarray, b: np.ndarray, detail: np.ndarray) -> np.ndarray:
    squared = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    total = np.zeros_like(squared)
    for scale in SCALES:
        amplitude = scale.deviation * (scale.floor + (1 - scale.floor) * detail)
        total += amplitude[:, None] * amplitude[None] * np.exp(-squared / (2 * scale.length**2))
    return total


def without_rigid_motion(fields: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Fields (n, C, 3) less their best translation and small rotation of the points (C, 3)."""
    zero, (x, y, z) = np.zeros(len(points)), (points - points.mean(axis=0)).T
    turns = [np.stack(part, axis=1) for part in ((zero, -z, y), (z, zero, -x), (-y, x, zero))]
    shifts = [np.tile(axis, (len(points), 1)) for axis in np.eye(3)]
    rigid, _ = np.linalg.qr(np.stack([part.ravel() for part in (*shifts, *turns)], axis=1))
    flat = fields.reshape(len(fields), -1)
    result: np.ndarray = (flat - (flat @ rigid) @ rigid.T).reshape(fields.shape)
    return result
