"""How a hair's course is found: from its root along its combing, held to the head, drawn down by its weight.

Every hair is grown on its own, in steps along its length. Strands of a style differ only in the
numbers of `Growth`; what makes them hair is what follows: locks that draw together, curls, stray hairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import float32, int64
from scipy.spatial import cKDTree

from fexdata.faces.kernels import kernel, readonly
from fexdata.synthetic.skull import Skull, locate, look_up

PACE = 2
"""Steps of the growth from one stored point to the next."""


@dataclass(frozen=True, slots=True, eq=False)
class Growth:
    """What decides the courses of N hairs. Lengths in millimetres, head space."""

    roots: np.ndarray
    """(N, 3) float32."""
    start: np.ndarray
    """(N, 3) float32 unit vectors: the direction at the root."""
    length: np.ndarray
    """(N,)."""
    room: np.ndarray
    """(N,): height above the skin at which a hair lies, reached after about `rise`."""
    rise: np.ndarray
    """(N,)."""
    weight: np.ndarray
    """(N,): how fast the course turns downwards, per millimetre."""
    hold: np.ndarray
    """(N,): how fast it turns back to its height above the skin, per millimetre; 0 hangs free."""
    floor: np.ndarray
    """(N,): the height y at which it is cut; hairs end above it."""
    aside: np.ndarray
    """(N,): radians from the middle of the face within which it must not hang below the hairline."""
    goal: np.ndarray
    """(3,): where hairs are drawn together (a ponytail's tie)."""
    pull: np.ndarray
    """(N,): how fast the course turns to the goal, per millimetre; 0 does not."""


BROW = -78.0
"""Hairs above this height may cross the middle of the face (they are on the forehead's top)."""


def grow(growth: Growth, skull: Skull, points: int) -> np.ndarray:
    """The courses of hairs: (N, points, 3) float32, the root first, evenly spaced."""
    columns = [growth.length, growth.room, growth.rise, growth.weight, growth.hold, growth.floor, growth.aside]
    numbers = np.stack([np.asarray(column, np.float32) for column in [*columns, growth.pull]], axis=1)
    roots, start = (np.ascontiguousarray(array, dtype=np.float32) for array in (growth.roots, growth.start))
    courses = np.empty((len(roots), points, 3), np.float32)
    goal = np.asarray(growth.goal, np.float32)
    _grow(skull.radius, roots, start, numbers, goal, courses)
    # Hairs that reached their floor are grown again with the length that they then had.
    if (numbers[:, 0] < growth.length).any():
        _grow(skull.radius, roots, start, numbers, goal, courses)
    return courses


@kernel(
    readonly(float32, 2),
    readonly(float32, 2),
    readonly(float32, 2),
    float32[:, ::1],
    readonly(float32, 1),
    float32[:, :, ::1],
)
def _grow(
    radius: np.ndarray,
    roots: np.ndarray,
    start: np.ndarray,
    numbers: np.ndarray,
    goal: np.ndarray,
    courses: np.ndarray,
) -> None:
    for i in range(len(roots)):
        length, room, rise, weight, hold = numbers[i, 0], numbers[i, 1], numbers[i, 2], numbers[i, 3], numbers[i, 4]
        floor, aside, pull = numbers[i, 5], numbers[i, 6], numbers[i, 7]
        px, py, pz = roots[i, 0], roots[i, 1], roots[i, 2]
        dx, dy, dz = start[i, 0], start[i, 1], start[i, 2]
        courses[i, 0] = roots[i]
        step = length / ((courses.shape[1] - 1) * PACE)
        arrived = False
        for k in range(1, courses.shape[1]):
            for s in range(PACE):
                dy += weight * step
                if pull > 0.0 and not arrived:
                    gx, gy, gz = goal[0] - px, goal[1] - py, goal[2] - pz
                    far = math.sqrt(gx * gx + gy * gy + gz * gz)
                    if far < 1.6 * step + 4.0:
                        # Past the tie hairs hang free, away from the head and down.
                        _, _, _, nx, ny, nz, _ = locate(goal[0], goal[1], goal[2])
                        dx, dy, dz = 0.25 * dx + 0.8 * nx, 0.25 * dy + 0.8 * ny + 0.35, 0.25 * dz + 0.8 * nz
                        weight, hold, arrived = np.float32(0.02), np.float32(0.0), True
                    else:
                        turn = pull * step / far
                        dx, dy, dz = dx + turn * gx, dy + turn * gy, dz + turn * gz
                size = max(math.sqrt(dx * dx + dy * dy + dz * dz), 1e-9)
                dx, dy, dz = dx / size, dy / size, dz / size
                px, py, pz = px + step * dx, py + step * dy, pz + step * dz
                row, column, distance, nx, ny, nz, back = locate(px, py, pz)
                if py > BROW and aside > 0.0:
                    angle = math.atan2(px, -(pz - back))
                    if abs(angle) < aside:
                        away = aside if angle >= 0.0 else -aside
                        flat = math.sqrt(px * px + (pz - back) * (pz - back))
                        part = min(1.0, (py - BROW) / 30.0)
                        away = angle + (away - angle) * part
                        px, pz = flat * math.sin(away), back - flat * math.cos(away)
                        row, column, distance, nx, ny, nz, back = locate(px, py, pz)
                way = (int64((k - 1) * PACE) + s + 1) * step
                want = look_up(radius, row, column) + room * (1.0 - math.exp(-way / rise))
                off = want - distance
                into = dx * nx + dy * ny + dz * nz
                if off > 0.0:
                    px, py, pz = px + nx * off, py + ny * off, pz + nz * off
                    if into < 0.0:
                        dx, dy, dz = dx - into * nx, dy - into * ny, dz - into * nz
                elif hold > 0.0:
                    back_turn = hold * step * min(-off / 6.0, 1.0)
                    dx, dy, dz = dx - back_turn * nx, dy - back_turn * ny, dz - back_turn * nz
                if py > floor and numbers[i, 0] > way:
                    numbers[i, 0] = way
            courses[i, k, 0], courses[i, k, 1], courses[i, k, 2] = px, py, pz


def gather_locks(courses: np.ndarray, locks: int, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Hairs (N, K, 3) drawn towards the middle hair of their lock, more so towards their tips.

    `locks`: how many; `strength` 0 leaves them alone, 1 brings the tips of a lock together.
    """
    count, points = courses.shape[:2]
    if count < 2 or locks < 1 or strength <= 0:
        return courses
    middles = rng.choice(count, size=min(locks, count), replace=False)
    _, nearest = cKDTree(courses[middles, 0]).query(courses[:, 0])
    centre = courses[middles[nearest]]
    along = np.linspace(0, 1, points, dtype=np.float32) ** 0.8
    share = strength * np.clip(rng.normal(0.75, 0.25, count), 0, 1).astype(np.float32)
    # Hairs whose neighbours were combed elsewhere (across a parting) keep their own way.
    apart = np.linalg.norm(courses[:, -1] - centre[:, -1], axis=-1)
    share *= np.exp(-((apart / 28.0) ** 2)).astype(np.float32)
    return courses + (share[:, None] * along)[..., None] * (centre - courses)


def curl(
    courses: np.ndarray,
    radius: float,
    wave: float,
    rng: np.random.Generator,
    *,
    together: float = 0.8,
    locks: int = 150,
) -> np.ndarray:
    """Hairs (N, K, 3) wound into helices of `radius` and `wave` (its length), in millimetres.

    Hairs near each other wind in step to the degree `together` in 0..1.
    """
    if radius <= 0 or len(courses) == 0:
        return courses
    count, points = courses.shape[:2]
    lengths = np.linalg.norm(np.diff(courses, axis=1), axis=-1).sum(axis=1)
    way = lengths[:, None] * np.linspace(0, 1, points)
    _, lock = cKDTree(courses[rng.choice(count, min(locks, count), replace=False), 0]).query(courses[:, 0])
    phase = rng.uniform(0, 2 * np.pi, lock.max() + 1)[lock] + (1 - together) * rng.uniform(-np.pi, np.pi, count)
    pace = wave * np.exp(np.abs(rng.normal(0, 0.2, lock.max() + 1))[lock] + rng.normal(0, 0.06, count))
    turn = rng.choice([-1.0, 1.0], lock.max() + 1)[lock]
    angle = (turn * phase)[:, None] + 2 * np.pi * way / pace[:, None] * turn[:, None]
    tangent = np.gradient(courses, axis=1)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=-1, keepdims=True), 1e-9)
    aside = np.cross(tangent, np.array([0.31, 0.17, 0.94]))
    aside /= np.maximum(np.linalg.norm(aside, axis=-1, keepdims=True), 1e-9)
    size = radius * np.exp(rng.normal(-0.1, 0.22, count))[:, None] * np.minimum(1, way / (2.5 * radius))
    moved = np.cos(angle)[..., None] * aside + np.sin(angle)[..., None] * np.cross(tangent, aside)
    return (courses + size[..., None] * moved).astype(np.float32)


def ruffle(courses: np.ndarray, strength: float, rng: np.random.Generator, *, stray: float = 0.02) -> np.ndarray:
    """Hairs (N, K, 3) bent out of their way by about `strength` millimetres at the tip, most of it together with
    their neighbours; a share `stray` of them further, on their own."""
    count, points = courses.shape[:2]
    if count == 0:
        return courses
    along = np.linspace(0, 1, points, dtype=np.float32)[:, None]
    _, lock = cKDTree(courses[rng.choice(count, min(400, count), replace=False), -1]).query(courses[:, -1])
    shared = rng.normal(size=(2, lock.max() + 1, 1, 3))[:, lock]
    own = rng.normal(size=(2, count, 1, 3))
    size = strength * np.where(rng.random(count) < stray, 2.5, 0.45)[:, None, None]
    first, second = (0.8 * strength * shared + size * own).astype(np.float32)
    phase = rng.uniform(0, 2 * np.pi, (lock.max() + 1, 1, 1))[lock].astype(np.float32)
    return courses + first * along**1.5 + 0.5 * second * np.sin(5 * along + phase) * along
