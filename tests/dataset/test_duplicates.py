"""Duplicate groups: the same as comparing all with all, in any order, at any size."""

from __future__ import annotations

import time

import numpy as np
import pytest

from fexdata.dataset import duplicates
from fexdata.dataset.duplicates import best_of_group, duplicate_groups, popcount, same_landmarks


def clustered_hashes(count: int, seed: int) -> np.ndarray:
    """Hashes as faces have them: bits of unequal chance, and a third that are another one, up to six bits off."""
    rng = np.random.default_rng(seed)
    bits = rng.random((count, 64)) < rng.beta(1.5, 1.5, 64)
    copies = count // 3
    bits[:copies] = bits[rng.integers(copies, count, copies)]
    for _ in range(6):
        bits[np.arange(copies), rng.integers(0, 64, copies)] ^= rng.random(copies) < 0.6
    return np.packbits(bits, axis=1, bitorder="little").view(np.uint64)[:, 0]


def compare_all(hashes: np.ndarray, ids: list[str], distance: int, same: np.ndarray | None = None) -> list[str | None]:
    """The definition, spelt out: flood from each row over near pairs."""
    near = np.array([[bin(int(a) ^ int(b)).count("1") <= distance for b in hashes] for a in hashes])
    near &= same if same is not None else True
    groups: list[str | None] = [None] * len(ids)
    for start in np.argsort(ids):
        members, found = {int(start)}, [int(start)]
        while found:
            new = set(np.flatnonzero(near[found.pop()]).tolist()) - members
            members |= new
            found += new
        if len(members) > 1 and groups[start] is None:
            for member in members:
                groups[member] = ids[start]
    return groups


@pytest.mark.parametrize("distance", [0, 1, 4, 8])
@pytest.mark.parametrize("seed", range(4))
def test_groups_equal_those_of_comparing_all_with_all(distance, seed):
    hashes = clustered_hashes(240, seed)
    ids = [f"{i:03d}" for i in np.random.default_rng(seed).permutation(240)]
    assert duplicate_groups(hashes, ids, max_distance=distance) == compare_all(hashes, ids, distance)


def test_the_choice_of_bands_for_many_rows_finds_the_same(monkeypatch):
    monkeypatch.setattr(duplicates, "MANY_ROWS", 0)
    hashes, ids = clustered_hashes(240, 9), [f"{i:03d}" for i in range(240)]
    assert len(list(duplicates._band_keys(hashes, 4))) == 35
    assert duplicate_groups(hashes, ids, max_distance=4) == compare_all(hashes, ids, 4)


def test_groups_do_not_depend_on_the_order_of_rows():
    hashes, ids = clustered_hashes(500, 3), [f"{i:03d}" for i in range(500)]
    order = np.random.default_rng(3).permutation(500)
    shuffled = duplicate_groups(hashes[order], [ids[i] for i in order], max_distance=4)
    assert shuffled == [duplicate_groups(hashes, ids, max_distance=4)[i] for i in order]


def test_a_hundred_thousand_equal_hashes_are_one_group_at_once():
    start = time.perf_counter()
    groups = duplicate_groups(np.zeros(100_000, np.uint64), [f"{i:06d}" for i in range(100_000)], max_distance=4)
    assert set(groups) == {"000000"} and time.perf_counter() - start < 10


def test_memory_follows_rows_and_not_pairs(monkeypatch):
    monkeypatch.setattr(duplicates._Sets, "_LIMIT", 10)
    hashes, ids = clustered_hashes(240, 2), [f"{i:03d}" for i in range(240)]
    assert duplicate_groups(hashes, ids, max_distance=6) == compare_all(hashes, ids, 6)


def test_no_rows_have_no_groups():
    assert duplicate_groups(np.array([], np.uint64), [], max_distance=4) == []


def faces(count: int, seed: int) -> np.ndarray:
    """Landmarks 60 px between the eyes, the same face `count` times up to a third of a pixel."""
    rng = np.random.default_rng(seed)
    base = rng.uniform(60, 200, (68, 2))
    base[36:42] = base[36:42] - base[36:42].mean(0) + [90, 110]
    base[42:48] = base[42:48] - base[42:48].mean(0) + [150, 110]
    return (base + rng.normal(0, 0.3, (count, 68, 2))).astype(np.float32)


def test_landmarks_part_one_persons_expressions_that_hash_alike():
    landmarks = faces(60, 1)
    smiling = np.arange(60) % 3 == 0
    landmarks[np.ix_(smiling, [48, 49, 53, 54, 55, 59])] += [0.0, -4.0]
    hashes, ids = np.repeat(clustered_hashes(6, 4), 10), [f"{i:02d}" for i in range(60)]
    same = smiling[:, None] == smiling[None]
    found = duplicate_groups(hashes, ids, max_distance=2, landmarks=landmarks)
    assert found == compare_all(hashes, ids, 2, same)
    assert len(set(found)) > len(set(duplicate_groups(hashes, ids, max_distance=2)))


def test_a_row_without_landmarks_is_nobodys_duplicate():
    landmarks = faces(3, 2)
    landmarks[1] = np.nan
    assert duplicate_groups(np.zeros(3, np.uint64), ["a", "b", "c"], max_distance=4, landmarks=landmarks) == [
        "a",
        None,
        "a",
    ]


def test_three_wandering_landmarks_are_forgiven_and_a_fourth_is_not():
    one, other = faces(2, 5)[:, None]
    other[0, [20, 40, 60]] += 9.0
    assert same_landmarks(one, other, 4.2)[0]
    other[0, 65] += 9.0
    assert not same_landmarks(one, other, 4.2)[0]


def test_the_best_of_a_group_is_kept_and_ties_go_to_the_smaller_id():
    groups = ["g", None, "g", "h", "h", "k", "k"]
    quality = np.array([0.4, np.nan, 0.9, 0.5, 0.5, np.nan, 0.1])
    keep = best_of_group(groups, quality, ["a", "b", "c", "e", "d", "f", "i"])
    assert keep.tolist() == [False, True, True, False, True, False, True]


def test_best_of_group_does_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(0)
    groups, quality = [f"g{i % 7}" for i in range(70)], np.round(rng.random(70), 1)
    ids, order = [f"{i:02d}" for i in rng.permutation(70)], rng.permutation(70)
    shuffled = best_of_group([groups[i] for i in order], quality[order], [ids[i] for i in order])
    assert shuffled.tolist() == best_of_group(groups, quality, ids)[order].tolist() and shuffled.sum() == 7


def test_popcount_counts_bits():
    words = np.random.default_rng(0).integers(0, 2**63, 500, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    assert popcount(words).tolist() == [bin(int(word)).count("1") for word in words]
