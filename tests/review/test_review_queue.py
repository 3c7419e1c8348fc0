"""Which faces come first, as sequences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from fexdata.review.desk import Desk
from fexdata.review.intervals import clopper_pearson
from fexdata.review.leases import SECONDS, Holder, Leases
from fexdata.review.queue import shuffled, wants_second
from fexdata.review.similarity import tree_order


def test_by_doubt_the_nearest_to_its_rule_comes_first(desk: Desk) -> None:
    sharpness = desk.catalog.numbers("score_sharpness")
    assert sharpness is not None
    rejected = sharpness[desk.orders.ordered("rejected", "doubt")]
    assert len(rejected) > 3 and (np.diff(rejected) <= 0).all() and rejected.max() < 0.3
    doubtful = sharpness[desk.orders.ordered("doubtful", "doubt")]
    away = np.minimum(0.5 - doubtful, doubtful - 0.3)
    assert (np.diff(away) >= -1e-6).all()


def test_every_order_holds_every_row_once(desk: Desk) -> None:
    for order in ("doubt", "similarity", "random"):
        assert sorted(desk.orders.ordered("rejected", order)) == sorted(desk.orders.members("rejected"))


def test_failed_rows_and_rows_without_a_crop_are_in_no_queue(desk: Desk) -> None:
    found = {row for name in ("rejected", "doubtful", "accepted") for row in desk.orders.members(name).tolist()}
    assert found == set(np.flatnonzero(desk.catalog.with_crop & (desk.catalog.status != 3)).tolist())
    assert len(desk.catalog) - len(found) == 2


def test_random_orders_differ_by_seed_and_repeat(open_desk: Callable[..., Desk]) -> None:
    orders = [open_desk(seed=seed).orders.ordered("accepted", "random").tolist() for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_a_rows_place_in_a_random_order_does_not_depend_on_the_other_rows() -> None:
    hashes = np.random.default_rng(0).integers(0, 2**63, 1000).astype(np.uint64)
    part = hashes[::3]
    assert (shuffled(part, 5) == shuffled(hashes, 5)[::3]).all()


@pytest.mark.parametrize("seed", [0, 1, 77])
def test_random_places_are_uniform(seed: int) -> None:
    hashes = np.arange(20_000, dtype=np.uint64)
    counts = np.bincount((shuffled(hashes, seed) >> np.uint64(60)).astype(int), minlength=16)
    chi_square = ((counts - 1250) ** 2 / 1250).sum()
    assert chi_square < 37.7  # the 99.9th percentile with 15 degrees of freedom


def test_the_audit_draws_from_each_stratum_in_turn(desk: Desk) -> None:
    strata = [set(part.tolist()) for part in desk.orders.strata()]
    order = desk.orders.ordered("accepted", "random").tolist()
    for start in range(0, 12, 4):
        assert [next(i for i, part in enumerate(strata) if row in part) for row in order[start : start + 4]] == [
            0, 1, 2, 3
        ]  # fmt: skip
    margin = desk.catalog.margin
    assert max(margin[list(strata[0])]) <= min(margin[list(strata[3])])


def test_a_second_look_is_asked_for_the_share_of_rows_that_was_named() -> None:
    hashes = np.random.default_rng(1).integers(0, 2**63, 20_000).astype(np.uint64)
    chosen = int(wants_second(hashes, 0, 0.1).sum())
    interval = clopper_pearson(chosen, len(hashes), 0.999)
    assert interval.low < 0.1 < interval.high
    assert not wants_second(hashes, 0, 0.0).any() and wants_second(hashes, 0, 1.0).all()


def test_look_alikes_are_neighbours() -> None:
    rng = np.random.default_rng(2)
    kinds = rng.integers(0, 12, 3000)
    points = rng.normal(0, 4, (12, 20))[kinds] + rng.normal(0, 0.3, (3000, 20))
    order = tree_order(points.astype(np.float32))
    assert sorted(order) == list(range(3000))
    neighbours = np.mean(kinds[order][1:] == kinds[order][:-1])
    assert neighbours > 0.95  # by chance it would be 1 in 12


def test_a_tree_of_few_or_equal_points_is_still_an_order() -> None:
    assert tree_order(np.zeros((0, 3))).tolist() == []
    assert sorted(tree_order(np.zeros((9, 2)))) == list(range(9))


# Leases


def take(leases: Leases, reviewer: str, now: float = 0.0, count: int = 2, room: int = 1, tab: str = "t",
         holding: tuple[str, ...] = ()) -> list[str]:  # fmt: skip
    candidates = [f"{i:032x}" for i in range(6)]
    return leases.take(Holder(reviewer, tab), candidates, count, holding=holding, room=lambda one: room, now=now)


def test_two_reviewers_never_get_the_same_face(desk: Desk) -> None:
    first, second = take(desk.leases, "anna"), take(desk.leases, "ben")
    assert len(first) == len(second) == 2 and not set(first) & set(second)


def test_two_tabs_of_one_reviewer_do_not_get_the_same_face_even_where_two_people_might(desk: Desk) -> None:
    first = take(desk.leases, "anna", tab="a", room=2)
    assert not set(first) & set(take(desk.leases, "anna", tab="b", room=2))
    assert take(desk.leases, "ben", room=2) == first


def test_a_lease_ends_with_its_time_and_is_kept_by_who_renews_it(desk: Desk) -> None:
    (first, second) = take(desk.leases, "anna")
    assert first not in take(desk.leases, "ben", now=SECONDS - 1)
    desk.leases.hold(Holder("anna", "t"), [first], SECONDS - 1)
    found = take(desk.leases, "ben", now=SECONDS + 1, count=6)
    assert first not in found and second in found
    assert desk.leases.hold(Holder("anna", "t"), [first, second], SECONDS + 2) == ([first], [second])


def test_asking_anew_gives_back_what_is_not_held(desk: Desk) -> None:
    (first, second) = take(desk.leases, "anna")
    assert second not in take(desk.leases, "anna", holding=(second,))
    assert take(desk.leases, "ben", count=1, holding=()) == [first] or first in take(desk.leases, "anna")
