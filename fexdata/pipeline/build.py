"""`fexdata build`: from a recipe and a directory to a finished dataset, resumable at any moment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from fexdata import storage
from fexdata.corpora.base import Corpus
from fexdata.corpora.registry import corpus as corpus_by_name
from fexdata.dataset.names import home_folders
from fexdata.dataset.reader import open_dataset
from fexdata.errors import FexdataError
from fexdata.pipeline import scan, state
from fexdata.pipeline.assemble import readable
from fexdata.pipeline.chain import Summary
from fexdata.pipeline.commit import commit
from fexdata.pipeline.engine import Cluster, Death, Handlers, run_all
from fexdata.pipeline.housekeeping import sweep
from fexdata.pipeline.layout import Layout
from fexdata.pipeline.lock import BuildLock
from fexdata.pipeline.plan import (
    Chain,
    PartitionPlan,
    Plan,
    Source,
    make_plan,
    partition_bits,
    partition_of,
    plan_fingerprint,
    select,
)
from fexdata.pipeline.progress import Steps
from fexdata.pipeline.recipe import Recipe, load_recipe
from fexdata.stages.base import Stage


@dataclass(frozen=True, slots=True)
class Result:
    """What a build did. `counts` is the manifest's: photographs, rows and rows per status."""

    path: str
    counts: dict[str, int]
    reused_layers: int
    made_layers: int
    committed: bool
    todo: dict[str, int] = field(default_factory=dict)
    """For a dry run: stage -> partitions whose layer is missing."""


def build(
    recipe: str,
    source: str,
    *,
    out: str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    sets: Sequence[str] = (),
    without: Sequence[str] = (),
    limit: int | None = None,
    retry_failed: bool = False,
    verify: bool = False,
    dry_run: bool = False,
    quiet: bool = True,
) -> Result:
    """Builds a dataset, or brings one up to date; what is on disk already is not made again.

    `recipe` is a name (`photos`, `affectnet-d`, `rafd-d`) or a path to a recipe; `source` is the
    corpus's directory or URL; `out` is where the dataset goes (default: its name under
    `$FEXDATA_HOME` or `./data`). Raises `FexdataError` with one line for whatever a person can
    mend. A photograph that cannot be used never raises: it becomes a failed row.
    """
    made = load_recipe(recipe, sets, without)
    layout = Layout(out or storage.join(home_folders()[0], made.name))
    with Steps(quiet=quiet) as steps:
        if dry_run:
            return _Build(made, source, layout, steps).preview(limit=limit)
        with (
            BuildLock(layout.root) as lock,
            Cluster(workers=workers, scheduler=scheduler) as cluster,
        ):
            one = _Build(made, source, layout, steps)
            one.prepare(limit=limit, verify=verify, retry_failed=retry_failed)
            one.run(cluster)
            return one.finish(lock)


class _Build:
    """One build's way through its steps: prepare, run, finish."""

    def __init__(self, recipe: Recipe, source: str, layout: Layout, steps: Steps) -> None:
        self.recipe, self.source, self.layout, self.steps = recipe, source, layout, steps
        self.corpus: Corpus = corpus_by_name(recipe.corpus)
        self.stages: list[Stage] = recipe.make_stages()
        self.known = state.load_known(layout)
        self.made = 0

    def preview(self, *, limit: int | None) -> Result:
        chosen, bits, _ = self._choose(limit)
        with_hashes = scan.with_content(chosen, self.layout, root=self.source, keep=False)
        self._plan(with_hashes, bits)
        todo = {
            spec.name: sum(spec.name in partition.missing for partition in self.plan.partitions)
            for spec in self.plan.stages
        }
        reused = sum(len(p.layers) - len(p.missing) for p in self.plan.partitions)
        return Result(self.layout.root, {"photographs": len(chosen)}, reused, 0, False, todo)

    def prepare(self, *, limit: int | None, verify: bool, retry_failed: bool) -> None:
        chosen, bits, build = self._choose(limit)
        self.steps.start("hashing", len(chosen))
        hashed = scan.with_content(chosen, self.layout, root=self.source, verify=verify, advance=self.steps.advance)
        if retry_failed:
            self._retry(hashed, bits)
        self._plan(hashed, bits)
        self.reused = sum(len(p.layers) - len(p.missing) for p in self.plan.partitions)
        data = {"corpus": self.corpus.name, "bits": bits, "plan": self.plan.fingerprint, "recipe": self.recipe.name}
        self._save_plan()
        if build != data:
            state.save_build(self.layout, data)

    def run(self, cluster: Cluster) -> None:
        """Makes every missing layer and shard."""
        todo = {p.index: p for p in self.plan.partitions if p.missing or p.shard_missing}
        self.steps.start("building", sum(len(p.sources) for p in self.plan.partitions))
        self.steps.advance(sum(len(p.sources) for p in self.plan.partitions if p.index not in todo))
        if not todo:
            return
        work: Iterator[list[Chain]] = (self.plan.chains(partition) for partition in todo.values())
        handlers = Handlers(self._finished, self._died, self.steps.say)
        run_all(cluster.client, work, self.layout.root, self.recipe.engine.timeout, handlers)

    def finish(self, lock: BuildLock) -> Result:
        self._save_plan()
        self.steps.start("manifest", sum(len(p.sources) for p in self.plan.partitions))
        metadata = commit(
            self.plan, self.recipe, self.layout, self.corpus, still_mine=lock.is_mine, advance=self.steps.advance
        )
        sweep(self.layout)
        return Result(self.layout.root, metadata["counts"], self.reused, self.made, True)

    def _choose(self, limit: int | None) -> tuple[list[Source], int, dict[str, Any] | None]:
        """The photographs to build from, in hash order, and the number of partition bits."""
        build = state.load_build(self.layout)
        state.check_same_corpus(self.layout, build, self.corpus.name)
        found = scan.sources(self.corpus.read(self.source))
        if not found:
            raise FexdataError(f"{self.source}: no photographs found for the corpus {self.corpus.name!r}")
        capped = select(found, cap_per_class=self.recipe.cap_per_class, limit=None)
        bits = build["bits"] if build is not None else partition_bits(len(capped))
        return capped[:limit], bits, build

    def _plan(self, hashed: Sequence[Source], bits: int) -> None:
        self._sources, self._bits = hashed, bits
        present = {f"shards/{name}" for name in storage.names(self.layout.path("shards"))}
        for stage in self.stages:
            folder = f"layers/{stage.name}"
            present |= {f"{folder}/{name}" for name in storage.names(self.layout.path(folder))}
        self.plan: Plan = self._replan(hashed, frozenset(present))

    def _replan(self, sources: Sequence[Source], present: frozenset[str]) -> Plan:
        return make_plan(
            self.recipe,
            self.stages,
            sources,
            bits=self._bits,
            present=present,
            dead=self.known.dead,
            retries=self.known.retries,
        )

    def _retry(self, hashed: Sequence[Source], bits: int) -> None:
        """Forgets the dead, and gives every partition with a failed row a new fingerprint."""
        if not storage.exists(self.layout.manifest):
            return
        failed = open_dataset(self.layout.root).frame(["source_path"], status="failed")
        paths = set(failed["source_path"])
        touched = {partition_of(one.digest, bits) for one in hashed if readable(one.photograph.key) in paths}
        self.known.dead.clear()
        for index in touched:
            self.known.retries[index] = self.known.retries.get(index, 0) + 1
        self.known.save(self.layout)

    def _save_plan(self) -> None:
        files = json.dumps({"stages": [s.name for s in self.stages], "files": self.plan.files()}, indent=0).encode()
        storage.write_atomic(self.layout.plan(self.plan.fingerprint), files)

    def _finished(self, summary: Summary) -> None:
        self.made += summary.layers
        if summary.last:
            self.steps.advance(summary.photographs)

    def _died(self, death: Death) -> list[Chain]:
        """A photograph is given up in one stage: its partition is planned anew around it."""
        spec = next(spec for spec in self.plan.stages if spec.name == death.stage)
        self.known.bury(spec.key, death.digest, death.code, death.message)
        self.known.save(self.layout)
        digest = bytes.fromhex(death.digest)
        old = next(p for p in self.plan.partitions if any(one.digest == digest for one in p.sources))
        name = readable(next(one.photograph.key for one in old.sources if one.digest == digest))
        self.steps.say(f"{name}: {death.message} ({death.code} in {death.stage}); the build goes on")
        present = {name for name in old.layers.values() if storage.exists(self.layout.path(name))}
        partial = self._replan(old.sources, frozenset(present))
        (new,) = partial.partitions
        partitions: tuple[PartitionPlan, ...] = tuple(new if p.index == old.index else p for p in self.plan.partitions)
        self.plan = Plan(partial.stages, partitions, plan_fingerprint(self.recipe, partitions), partial.dead)
        return self.plan.chains(new)
