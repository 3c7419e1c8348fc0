"""Planning is a pure function: what is on disk in, what is left to do out."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from fexdata.corpora.base import Photograph
from fexdata.pipeline.plan import (
    Plan,
    Source,
    make_plan,
    partition_bits,
    partition_of,
    select,
)
from fexdata.pipeline.recipe import load_recipe

BITS = 3


def _sources(count: int, **labels: str) -> list[Source]:
    photographs = [Photograph("folder", b"%03d.jpg" % i, f"/x/{i:03d}.jpg", labels=labels) for i in range(count)]
    return [Source(one, one.digest(), f"{index:064x}") for index, one in enumerate(photographs)]


def _plan(sources: list[Source], *sets: str, present: frozenset[str] = frozenset(), **more) -> Plan:  # type: ignore[no-untyped-def]
    recipe = load_recipe("photos", sets)
    return make_plan(recipe, recipe.make_stages(), sources, bits=BITS, present=present, **more)


def _names(plan: Plan) -> set[str]:
    return set(plan.files())


def test_one_threshold_set_leaves_the_others() -> None:
    before, after = (load_recipe("photos", sets).rules for sets in ([], ["rules.review.quality=0.9"]))
    assert after.review == {**before.review, "quality": 0.9} and after.reject == before.reject


def test_the_maps_have_the_size_of_the_crop() -> None:
    recipe = load_recipe("photos", ["align.template=reference_68", "align.size=null"])
    assert recipe.stages["rasterize"]["size"] == 128


EVERY_STAGE = {
    "detect", "align", "fit", "action_units", "reconstruct", "rasterize", "perceptual_hash", "quality",
}  # fmt: skip


def test_nothing_on_disk_means_everything_is_missing() -> None:
    plan = _plan(_sources(50))
    for partition in plan.partitions:
        assert set(partition.missing) == EVERY_STAGE and partition.missing[:2] == ("detect", "align")
        (chain,) = plan.chains(partition)
        assert chain.shard == partition.shard


def test_everything_on_disk_means_nothing_is_missing() -> None:
    sources = _sources(50)
    plan = _plan(sources, present=frozenset(_plan(sources).files()))
    assert not any(p.missing or p.shard_missing or plan.chains(p) for p in plan.partitions)


@pytest.mark.parametrize(
    ("setting", "changed"),
    [
        ("rasterize.fill=false", {"rasterize", "quality"}),
        ("align.template=reference_68", EVERY_STAGE - {"detect"}),
        ("fit.model=pyfeat-aus", {"fit"}),
        ("rules.review.quality=0.9", set()),
        ("engine.timeout=5", set()),
        ("seed=7", set()),
    ],
)
def test_a_setting_changes_the_layers_that_depend_on_it(setting: str, changed: set[str]) -> None:
    sources = _sources(50)
    before, after = _names(_plan(sources)), _names(_plan(sources, setting))
    assert {name.split("/")[1] for name in after - before if name.startswith("layers/")} == changed


def test_a_changed_photograph_changes_its_partition_only() -> None:
    sources = _sources(50)
    changed = [dataclasses.replace(one, sha256="f" * 64) if index == 7 else one for index, one in enumerate(sources)]
    new = _names(_plan(changed)) - _names(_plan(sources))
    assert {name.rsplit("/", 1)[1].split("-")[0] for name in new} == {f"{partition_of(sources[7].digest, BITS):05d}"}


def test_the_corpus_own_box_is_part_of_the_input() -> None:
    sources = _sources(5)
    boxed = [dataclasses.replace(s, photograph=dataclasses.replace(s.photograph, box=(1, 2, 3, 4))) for s in sources]
    pointed = [
        dataclasses.replace(s, photograph=dataclasses.replace(s.photograph, points=np.zeros((68, 2), np.float32)))
        for s in sources
    ]
    plain, box, points = _names(_plan(sources)), _names(_plan(boxed)), _names(_plan(pointed))
    assert not plain & box and not plain & points and not box & points


def test_a_dead_photograph_changes_its_stage_from_there_on() -> None:
    sources = _sources(50)
    plan = _plan(sources)
    key = next(spec.key for spec in plan.stages if spec.name == "rasterize")
    after = _plan(sources, dead={key: {sources[3].digest.hex(): ("crashed", "it did")}})
    new = {name for name in _names(after) - _names(plan) if name.startswith("layers/")}
    assert {name.split("/")[1] for name in new} == {"rasterize", "quality"} and len(new) == 2


def test_labels_change_shards_and_no_layer() -> None:
    plain, labelled = _names(_plan(_sources(50))), _names(_plan(_sources(50, expression="happy")))
    assert {name.split("/")[0] for name in labelled - plain} == {"rows", "shards"}


def test_partitions_laid_end_to_end_are_in_hash_order() -> None:
    plan = _plan(_sources(100)[::-1])
    digests = [one.digest for partition in plan.partitions for one in partition.sources]
    assert digests == sorted(digests) and len(digests) == 100


def test_a_cap_takes_the_smallest_hashes_of_each_class() -> None:
    happy, sad, unknown = _sources(30, expression="happy"), _sources(20, expression="sad"), _sources(10)
    chosen = select([*happy, *sad, *unknown], cap_per_class=5, limit=None)
    smallest = sorted(happy, key=lambda one: one.digest)[:5]
    assert [one for one in chosen if one.photograph.labels.get("expression") == "happy"] == smallest
    assert len(chosen) == 5 + 5 + 10


def test_a_cap_of_all_leaves_validation_and_test_sets_whole() -> None:
    train, rest = _sources(30), _sources(10)
    held_out = [replace(one, photograph=replace(one.photograph, split="val")) for one in rest[:5]]
    chosen = select([*train, *held_out], cap_per_class=None, limit=None, cap=8)
    assert [one for one in chosen if one.photograph.split != "val"] == sorted(train, key=lambda one: one.digest)[:8]
    assert sum(one.photograph.split == "val" for one in chosen) == 5


def test_a_smaller_limit_is_a_prefix_of_a_larger_one() -> None:
    sources = _sources(40)
    small, large = (select(sources, cap_per_class=None, limit=n) for n in (10, 25))
    assert large[:10] == small


def test_partitions_grow_with_the_corpus_but_stay_small() -> None:
    sizes = {n: n / 2 ** partition_bits(n) for n in (1, 100, 1_000, 88_000, 1_000_000)}
    assert partition_bits(1) == 3 and all(size <= 256 for size in sizes.values()) and sizes[1_000_000] > 64
