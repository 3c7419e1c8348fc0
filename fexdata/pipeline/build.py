"""`fexdata build`: from a recipe and a directory to a finished dataset, resumable at any moment."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import current_process
from typing import Any

from fexdata import storage
from fexdata.corpora.base import Corpus, readable
from fexdata.corpora.registry import corpus as corpus_by_name
from fexdata.corpora.truth import synthetic_terms
from fexdata.dataset.names import home_folders
from fexdata.dataset.reader import open_dataset
from fexdata.errors import FexdataError
from fexdata.pipeline import scan, state
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
    stage_specs,
)
from fexdata.pipeline.progress import Steps
from fexdata.pipeline.recipe import Recipe, load_recipe
from fexdata.pipeline.survey import answered, take
from fexdata.pipeline.truth import attached, with_truth
from fexdata.stages.base import Step

WARPED, RENDERED = "emotionet-warped", "rendered-4dfab"
"""Bring no photographs through stages; see `fexdata.pipeline.warps` and `fexdata.pipeline.rendered`."""


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
    corpus's directory or URL, for `emotionet-warped` a built dataset, for `rendered-4dfab` a folder of
    meshes with textures; `out` is where the dataset goes (default: its name under `$FEXDATA_HOME` or
    `./data`). Raises `FexdataError` with one line for whatever a person can mend. A photograph that
    cannot be used never raises: it becomes a failed row.
    """
    if getattr(current_process(), "_inheriting", False):
        # A worker is importing the user's script, which calls this without a `__main__` guard:
        # end quietly, so that the build that started it can say so in one line.
        raise SystemExit(1)
    if recipe.lower() == WARPED:
        from fexdata.pipeline.warps import build_warps

        return build_warps(source, out=out, workers=workers, limit=limit, sets=sets, quiet=quiet)
    if recipe.lower() == RENDERED:
        from fexdata.pipeline.rendered import build_rendered

        return build_rendered(source, out=out, workers=workers, limit=limit, sets=sets, quiet=quiet)
    made = with_truth(load_recipe(recipe, sets, without), source)
    layout = Layout(out or storage.join(home_folders()[0], made.name))
    with Steps(quiet=quiet) as steps:
        one = _Build(made, source, layout, steps)
        one.choose(limit)  # first of all: a wrong source should cost nobody a started cluster
        if dry_run:
            return one.preview()
        with BuildLock(layout.root) as lock, one.cluster(workers, scheduler) as cluster:
            one.prepare(verify=verify, retry_failed=retry_failed)
            one.run(cluster)
            return one.finish(lock)


class _Build:
    """One build's way through its steps: prepare, run, finish."""

    def __init__(self, recipe: Recipe, source: str, layout: Layout, steps: Steps) -> None:
        self.recipe, self.source, self.layout, self.steps = recipe, source, layout, steps
        self.corpus: Corpus = corpus_by_name(recipe.corpus)
        self.stages: list[Step] = recipe.make_stages()
        self.known = state.Known()
        self.bits = 0
        self.build: dict[str, Any] | None = None
        self.made = 0
        self.before: frozenset[str] | None = None
        """Files that were there when the build began."""

    def choose(self, limit: int | None) -> None:
        """Lists the corpus and picks the photographs, in hash order."""
        self.terms = synthetic_terms(self.source)
        found = scan.sources(self.corpus.read(self.source))
        if not found:
            raise FexdataError(f"{self.source}: no photographs found for the corpus {self.corpus.name!r}")
        capped = select(found, cap_per_class=self.recipe.cap_per_class, limit=None, cap=self.recipe.cap)
        self.candidates = len(capped)
        self.chosen: list[Source] = attached(capped[:limit], self.recipe, self.source)

    def cluster(self, workers: int | None, scheduler: str | None) -> Cluster:
        """Workers that load the stages' networks while the photographs are hashed. A dataset that
        was finished before may have nothing to do: for it they start when there is something."""
        specs = [(spec.name, spec.config_json) for spec in stage_specs(self.stages) if spec.kind != "survey"]
        cluster = Cluster(workers=workers, scheduler=scheduler, warm=specs)
        if not storage.exists(self.layout.manifest):
            cluster.begin()
        return cluster

    def preview(self) -> Result:
        self._load_state()
        self._plan(scan.with_content(self.chosen, self.layout, root=self.source, keep=False))
        todo = {
            spec.name: sum(spec.name in partition.missing for partition in self.plan.partitions)
            for spec in self.plan.stages
        }
        todo |= dict.fromkeys(self.plan.waiting, len(self.plan.partitions))
        return Result(self.layout.root, {"photographs": len(self.chosen)}, self.reused, 0, False, todo)

    def prepare(self, *, verify: bool, retry_failed: bool) -> None:
        """Hashes the photographs and finds out what is left to do."""
        self._load_state()
        self.steps.start("hashing", len(self.chosen))
        hashed = scan.with_content(
            self.chosen, self.layout, root=self.source, verify=verify, advance=self.steps.advance
        )
        if retry_failed:
            self._retry(hashed)
        self._plan(hashed)
        self._announce()

    def _announce(self) -> None:
        """Says on disk what is being built, for `status`, `gc` and the next build."""
        data = {
            "corpus": self.corpus.name,
            "bits": self.bits,
            "plan": self.plan.fingerprint,
            "recipe": self.recipe.name,
            "source": self.source if storage.is_remote(self.source) else os.path.abspath(self.source),
        }
        self._save_plan()
        if self.build != data:
            state.save_build(self.layout, data)
            self.build = data

    def _load_state(self) -> None:
        self.known = state.load_known(self.layout)
        self.build = state.load_build(self.layout)
        state.check_same_corpus(self.layout, self.build, self.corpus.name)
        self.bits = self.build["bits"] if self.build is not None else partition_bits(self.candidates)

    def run(self, cluster: Cluster) -> None:
        """Makes every missing layer and shard, and takes the surveys on the way."""
        self._make(cluster)
        while self.plan.waiting:
            self._plan(self.hashed)  # a row that was given up changes what a survey reads
            for one in self.plan.surveys:
                if one.spec.name not in self.told:
                    take(self.plan, one, self.layout)
            self._plan(self.hashed)
            self._announce()
            self._make(cluster)

    def _make(self, cluster: Cluster) -> None:
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
            self.plan,
            self.recipe,
            self.layout,
            self.corpus,
            terms=self.terms,
            still_mine=lock.is_mine,
            advance=self.steps.advance,
        )
        sweep(self.layout)
        return Result(self.layout.root, metadata["counts"], self.reused, self.made, True)

    def _plan(self, hashed: Sequence[Source]) -> None:
        self.hashed = list(hashed)
        present: set[str] = set()
        for folder in ("shards", "rows", *(f"layers/{stage.name}" for stage in self.stages)):
            present |= {f"{folder}/{name}" for name in storage.names(self.layout.path(folder))}
        self.told: frozenset[str] = frozenset()
        self.plan: Plan = self._replan(hashed, frozenset(present))
        while new := [one for one in self.plan.surveys if one.spec.name not in self.told and one.file in present]:
            for one in new:
                hashed = answered(hashed, one, self.layout)
            self.told |= {one.spec.name for one in new}
            self.plan = self._replan(hashed, frozenset(present))
        if self.before is None:
            self.before = frozenset(present)
        self.reused = sum(name in self.before for p in self.plan.partitions for name in p.layers.values())

    def _replan(self, sources: Sequence[Source], present: frozenset[str]) -> Plan:
        return make_plan(
            self.recipe,
            self.stages,
            sources,
            bits=self.bits,
            present=present,
            dead=self.known.dead,
            retries=self.known.retries,
            told=self.told,
        )

    def _retry(self, hashed: Sequence[Source]) -> None:
        """Forgets the dead, and gives every partition with a failed row a new fingerprint."""
        if not storage.exists(self.layout.manifest):
            return
        failed = open_dataset(self.layout.root).frame(["source_path"], status="failed")
        paths = set(failed["source_path"])
        touched = {partition_of(one.digest, self.bits) for one in hashed if readable(one.photograph.key) in paths}
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
        fingerprint = plan_fingerprint(self.recipe, partitions)
        self.plan = replace(self.plan, partitions=partitions, fingerprint=fingerprint, dead=partial.dead)
        return self.plan.chains(new)
