"""Splits: nobody is on both sides, whatever is added or reordered."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fexdata.dataset.splits import SPLITS, SplitRules, assign_splits
from fexdata.errors import FexdataError

FRACTIONS = {"train": 0.9, "val": 0.05, "test": 0.05}

names = st.one_of(st.none(), st.sampled_from([f"n{i}" for i in range(6)]))
rows = st.lists(
    st.tuples(st.sampled_from([f"p{i}" for i in range(12)]), names, names, st.sampled_from([None, *SPLITS])),
    min_size=1,
    max_size=40,
)


def split(table, *, seed=0, fractions=FRACTIONS):
    return assign_splits(*[list(column) for column in zip(*table, strict=True)], fractions=fractions, seed=seed)


@given(rows)
def test_no_subject_group_or_unnamed_photograph_spans_two_splits(table):
    splits = split(table, fractions={"train": 0.4, "val": 0.3, "test": 0.3})
    seen: dict[tuple[str, str], set[str]] = {}
    for (photo, subject, group, _), chosen in zip(table, splits, strict=True):
        seen.setdefault(("subject", subject) if subject else ("photo", photo), set()).add(chosen)
        if group:
            seen.setdefault(("group", group), set()).add(chosen)
    assert all(len(chosen) == 1 for chosen in seen.values())


@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(table, random):
    order = list(range(len(table)))
    random.shuffle(order)
    before = split(table)
    assert split([table[i] for i in order]) == [before[i] for i in order]


def test_added_rows_move_none_that_they_do_not_link_to():
    table = [(f"p{i}", f"s{i % 40}" if i % 2 else None, f"g{i % 50}" if i % 3 == 0 else None, None) for i in range(400)]
    added = [(f"q{i}", f"new{i % 7}", None, None) for i in range(200)]
    assert split(added + table)[200:] == split(table)


def test_fractions_are_met_on_ten_thousand_photographs():
    counts = Counter(split([(f"p{i}".encode(), None, None, None) for i in range(10_000)]))
    for name, share in FRACTIONS.items():
        assert abs(counts[name] / 10_000 - share) < 3 * np.sqrt(share * (1 - share) / 10_000)


def test_another_seed_divides_otherwise_and_the_same_seed_alike():
    table = [(f"p{i}", None, None, None) for i in range(300)]
    assert split(table, seed=1) == split(table, seed=1) != split(table, seed=2)


def test_linked_sets_are_not_drawn_towards_one_split():
    # The smallest of several names is no smaller hash: sets of many subjects are like any other.
    table = [(f"p{i}", f"s{i}", f"g{i // 10}", None) for i in range(20_000)]
    counts = Counter(split(table, fractions={"train": 0.5, "test": 0.5})[::10])
    assert abs(counts["test"] / 2000 - 0.5) < 0.04


def test_official_splits_are_kept():
    table = [(f"p{i}", None, None, SPLITS[i % 3]) for i in range(90)]
    assert split(table) == [SPLITS[i % 3] for i in range(90)]


def test_a_copy_of_a_test_picture_leaves_training():
    table = [("a", None, "g", "train"), ("b", None, "g", "test"), ("c", None, "h", "val"), ("d", None, "h", "train")]
    assert split([*table, ("e", None, "g", None)]) == ["test", "test", "val", "val", "test"]


def test_one_subject_under_two_duplicate_groups_joins_them():
    table = [(f"p{i}", f"s{i}", f"g{i}", None) for i in range(50)]
    bridge = [("x", "bridge", f"g{i}", None) for i in range(50)]
    assert len(set(split(table + bridge, fractions={"train": 0.5, "test": 0.5}))) == 1


def test_an_unknown_official_split_is_named():
    with pytest.raises(FexdataError, match="'dev'; known: train, val, test"):
        split([("p", None, None, "dev")])


@pytest.mark.parametrize("fractions", [{"train": 0.5}, {"train": 1.5, "val": -0.5}, {"dev": 1.0}])
def test_fractions_that_make_no_sense_are_refused(fractions):
    with pytest.raises(ValidationError):
        SplitRules(fractions=fractions)


def test_a_split_left_out_gets_nothing():
    assert set(split([(f"p{i}", None, None, None) for i in range(500)], fractions={"train": 0.5, "test": 0.5})) == {
        "train",
        "test",
    }
