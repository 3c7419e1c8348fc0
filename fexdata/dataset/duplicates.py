"""Which rows show the same picture: near-duplicate groups from perceptual hashes.

Two hashes are near when they differ in at most `max_distance` of their 64 bits. The search never
compares all with all: the bits are cut into `max_distance + k` bands, and by the pigeonhole
principle two near hashes agree in at least k of them, so only rows that agree in some k bands are
compared (multi-index hashing; Norouzi, Punjani and Fleet, 2012). Groups are the connected sets of
near pairs. A million hashes take about ten seconds at 4 bits.

How far apart pictures are, in aligned crops of 11 real faces: copies (recompressed, resized, a
little brighter, cut or turned, each detected afresh) 98 % within 4 bits and 99 % within 6; another
person never below 20. But a hash hardly sees an expression: the same photographs with a smile,
raised brows or an open mouth drawn into them were 0 to 16 bits from the original, half of them
within 4. Their landmarks told them apart every time: the fourth greatest displacement was 4.5 % of
the inter-ocular distance and more, and at most 4.1 % in copies. So give `landmarks` wherever one
person is photographed twice in one place (films, studios), or do not look for duplicates there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

import numpy as np

BITS: Final = 64

WINDOW: Final = 4096
"""Most rows that one row is compared with for one choice of bands."""

MANY_ROWS: Final = 200_000
"""From so many different hashes on, one more band must agree (see `_band_keys`)."""

INNER: Final = slice(17, 68)
"""The 68-point scheme without the outline of the face, which wanders most."""


def duplicate_groups(
    phashes: np.ndarray,
    ids: Sequence[str],
    *,
    max_distance: int,
    landmarks: np.ndarray | None = None,
    max_landmark_distance: float = 4.2,
) -> list[str | None]:
    """The duplicate group of each row: the smallest id among its members, or None.

    `phashes` is (N,) uint64, `ids` are N distinct names. With `landmarks` (N, 68, 2), two rows are
    duplicates only if, moreover, at most three of the 51 landmarks inside the face are further
    apart than `max_landmark_distance` percent of the inter-ocular distance; a row whose landmarks
    are NaN is nobody's duplicate. The result does not depend on the order of the rows.

    Exact, except where more than 4096 different rows agree in almost all bits: each of those is
    compared with the 4096 that follow it in the order of hashes, so equal ones still meet.
    """
    hashes = np.ascontiguousarray(phashes, np.uint64)
    if not 0 <= max_distance <= 16:
        raise ValueError(f"max_distance must be 0 to 16 bits, not {max_distance}")
    if len(hashes) != len(ids):
        raise ValueError(f"expected one id per hash, got {len(ids)} ids for {len(hashes)} hashes")
    if not len(hashes):
        return []
    names = np.asarray(ids)
    order = np.lexsort((names, hashes))  # ties of hashes in the order of ids, whatever the rows' order
    sets = _Sets(len(hashes))
    if landmarks is None:
        # Equal hashes are one hash from here on: a thousand grey pictures cost no more than one.
        equal = hashes[order][1:] == hashes[order][:-1]
        sets.join(order[1:][equal], order[:-1][equal])
        order = order[np.concatenate([[True], ~equal])]
    for key in _band_keys(hashes[order], max_distance):
        rows = order[np.argsort(key, kind="stable")]
        for one, other in _pairs_within(np.sort(key), rows, sets.labels()):
            near = popcount(hashes[one] ^ hashes[other]) <= max_distance
            one, other = one[near], other[near]
            if landmarks is not None and len(one):
                same = same_landmarks(landmarks[one], landmarks[other], max_landmark_distance)
                one, other = one[same], other[same]
            sets.join(one, other)
    return _named(sets.labels(), names)


def same_landmarks(one: np.ndarray, other: np.ndarray, max_distance: float) -> np.ndarray:
    """Whether pairs of landmarks, both (n, 68, 2), are the same up to what a network's answer
    changes between two copies of a picture; see `duplicate_groups`. Returns (n,) bool."""
    unit = np.linalg.norm(one[:, 36:42].mean(axis=1) - one[:, 42:48].mean(axis=1), axis=1)
    apart = np.sort(np.linalg.norm(one[:, INNER] - other[:, INNER], axis=2), axis=1)[:, -4]
    return np.asarray(apart <= max_distance / 100.0 * unit)


def best_of_group(groups: Sequence[str | None], quality: np.ndarray, ids: Sequence[str]) -> np.ndarray:
    """Which rows to keep: of each group the one of greatest quality (NaN counts as least; ties go
    to the smaller id), and every row without a group. Returns (N,) bool."""
    values = np.nan_to_num(np.asarray(quality, np.float64), nan=-np.inf)
    best: dict[str, int] = {}
    keep = np.ones(len(groups), bool)
    for index, group in enumerate(groups):
        if group is None:
            continue
        other = best.setdefault(group, index)
        if other != index:
            wins = (-values[index], ids[index]) < (-values[other], ids[other])
            best[group] = index if wins else other
            keep[other if wins else index] = False
    return keep


class _Sets:
    """Connected sets of row numbers, from pairs that arrive in batches."""

    _LIMIT: Final = 4_000_000

    def __init__(self, count: int) -> None:
        self._labels = np.arange(count)
        self._pairs: list[tuple[np.ndarray, np.ndarray]] = []
        self._waiting = 0

    def join(self, one: np.ndarray, other: np.ndarray) -> None:
        if not len(one):
            return
        self._pairs.append((one, other))
        self._waiting += len(one)
        if self._waiting > self._LIMIT:  # so that memory follows the rows, not the pairs
            self.labels()

    def labels(self) -> np.ndarray:
        """(N,) int: the same number for rows of the same set."""
        if self._pairs:
            from scipy.sparse import coo_matrix
            from scipy.sparse.csgraph import connected_components

            one = np.concatenate([pair[0] for pair in self._pairs])
            other = np.concatenate([pair[1] for pair in self._pairs])
            count = len(self._labels)
            edges = coo_matrix((np.ones(len(one), np.bool_), (self._labels[one], self._labels[other])), (count, count))
            self._labels = connected_components(edges, directed=False)[1][self._labels]
            self._pairs, self._waiting = [], 0
        return self._labels


def _named(labels: np.ndarray, names: np.ndarray) -> list[str | None]:
    """Each set's smallest id; None for sets of one."""
    order = np.lexsort((names, labels))
    starts = np.flatnonzero(np.concatenate([[True], labels[order][1:] != labels[order][:-1]]))
    sizes = np.diff(np.append(starts, len(order)))
    result: list[str | None] = [None] * len(labels)
    for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
        for index in order[start : start + size]:
            result[index] = str(names[order[start]])
    return result


def _band_keys(hashes: np.ndarray, distance: int) -> Iterator[np.ndarray]:
    """For every choice of k bands the hashes with all other bits cleared: whatever differs in at
    most `distance` bits is equal in one of them. More bands make more choices, but each leaves
    fewer rows to compare: worth it for many rows."""
    agreeing = 2 if len(hashes) < MANY_ROWS else 3
    count = distance + agreeing
    # Neighbouring bits are neighbouring frequencies and vary together: every band gets some of each.
    masks = [sum(1 << bit for bit in range(band, BITS, count)) for band in range(count)]
    for chosen in combinations(masks, agreeing):
        yield hashes & np.uint64(sum(chosen))


def _pairs_within(keys: np.ndarray, rows: np.ndarray, labels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs of `rows` with equal `keys` (sorted), in batches: every row with its next, then
    with the one after that, and so on. Where all rows with a key are one set already (`labels`, by
    row), there is nothing left to find."""
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    sizes = np.diff(np.append(starts, len(keys)))
    found = labels[rows]
    open_ = np.minimum.reduceat(found, starts) != np.maximum.reduceat(found, starts)
    place = np.flatnonzero(np.repeat(open_, sizes))
    last = np.repeat((starts + sizes - 1)[open_], sizes[open_])
    for step in range(1, WINDOW + 1):
        there = place + step <= last
        place, last = place[there], last[there]
        if not len(place):
            return
        yield rows[place], rows[place + step]


def popcount(words: np.ndarray) -> np.ndarray:
    """Number of set bits of each uint64 (Hacker's Delight, section 5-1)."""
    one, two, four = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)
    words = words - ((words >> np.uint64(1)) & one)
    words = (words & two) + ((words >> np.uint64(2)) & two)
    words = (words + (words >> np.uint64(4))) & four
    return ((words * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(np.int64)
