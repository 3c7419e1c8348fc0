"""The order of samples: a function of sizes, seed and epoch, and of nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from fexdata.training.sampler import WINDOW, BatchOrder, Companions, Order, epoch_order

SIZES = np.random.default_rng(0).integers(1, 17, size=200)


def test_each_row_comes_once_an_epoch() -> None:
    assert np.array_equal(np.sort(epoch_order(SIZES, (7,), 3)), np.arange(SIZES.sum()))


def test_order_is_written_down() -> None:
    assert epoch_order([3, 2, 4], (0,), 0).tolist() == [0, 2, 3, 7, 5, 8, 1, 6, 4]


def test_epochs_and_seeds_differ() -> None:
    orders = [tuple(epoch_order(SIZES, seed, epoch)) for seed, epoch in (((0,), 0), ((0,), 1), ((1,), 0))]
    assert len(set(orders)) == 3


def test_any_stretch_of_rows_comes_from_few_row_groups() -> None:
    group = np.repeat(np.arange(len(SIZES)), SIZES)
    order = group[epoch_order(SIZES, (0,), 0)]
    stretch = int(SIZES.mean() * WINDOW)
    seen = [len(set(order[first : first + stretch])) for first in range(0, len(order) - stretch, 50)]
    assert max(seen) <= 2 * WINDOW


def test_batches_have_the_class_entropy_of_a_full_shuffle() -> None:
    rng = np.random.default_rng(5)
    labels = rng.choice(8, size=16 * 600, p=[0.25, 0.25, 0.2, 0.1, 0.1, 0.05, 0.03, 0.02])  # rows lie in hash order
    ideal = np.mean([_entropy(labels[rng.permutation(len(labels))[:16]]) for _ in range(600)])
    order = labels[epoch_order(np.full(600, 16), (0,), 0)]
    assert np.mean([_entropy(batch) for batch in order.reshape(-1, 16)]) > 0.98 * ideal


def _entropy(labels: np.ndarray) -> float:
    share = np.bincount(labels) / len(labels)
    return float(-(share[share > 0] * np.log(share[share > 0])).sum())


def test_batches_run_on_across_epochs_without_losing_a_row() -> None:
    order = Order(np.array([3, 4]), (0,))
    batches = BatchOrder(order, batch=4, last=7)  # 28 rows: four epochs of seven
    rows = np.concatenate([items[:, 0] for items in batches])
    assert np.bincount(rows).tolist() == [4] * 7


@pytest.mark.parametrize("first", [1, 6, 13])
def test_resuming_at_a_batch_gives_the_rest_of_the_sequence(first: int) -> None:
    def items(start: int) -> list[list[list[int]]]:
        order = Order(np.array([5, 6, 2]), (3,), mirror=0.5, companions=Companions.of(np.arange(13) % 4))
        return [one.tolist() for one in BatchOrder(order, batch=3, first=start, last=14)]

    assert items(0)[first:] == items(first)


def test_devices_share_each_batch() -> None:
    order = Order(SIZES, (0,), mirror=0.5)
    whole = BatchOrder(order, batch=6, last=3).at(2)
    shares = [BatchOrder(order, batch=3, last=3, rank=rank, world=2).at(2) for rank in (0, 1)]
    assert np.array_equal(np.stack(shares, axis=1).reshape(6, 3), whole)


def test_partners_are_others_of_the_same_group_and_all_come() -> None:
    groups = np.random.default_rng(2).permutation(np.repeat([4, 9, 7], [2, 3, 5]))
    order = Order(np.array([10]), (0,), companions=Companions.of(groups))
    pairs = np.concatenate([order.epoch(number)[:, :2] for number in range(40)])
    assert (groups[pairs[:, 0]] == groups[pairs[:, 1]]).all() and (pairs[:, 0] != pairs[:, 1]).all()
    assert len({tuple(pair) for pair in pairs.tolist()}) == 2 * 1 + 3 * 2 + 5 * 4


def test_about_the_asked_share_is_flipped() -> None:
    flips = Order(np.full(500, 16), (0,), mirror=0.3).epoch(0)[:, 2]
    assert set(flips) == {0, 1} and abs(flips.mean() - 0.3) < 0.02
