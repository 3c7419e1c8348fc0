"""Where the files of a dataset under construction are.

build.json                 corpus, number of partitions (fixed at the first build), current plan
plans/<plan>.json          every layer and shard that a plan refers to; `gc` keeps these
state/known.json           photographs that killed their worker or never came back; retries
state/crumbs/<p>.json      which row a worker was at, while it is handled with care
cache/content.parquet      path, size, mtime -> sha256
layers/<stage>/<p>-<fingerprint>.parquet
layers/<survey>/<fingerprint>.json
rows/<p>-<fingerprint>.parquet      the partition's rows, before verdicts
shards/<p>-<fingerprint>.parquet
manifest.parquet           the commit point
.lock                      held by the running build
"""

from __future__ import annotations

from dataclasses import dataclass

from fexdata import storage


@dataclass(frozen=True, slots=True)
class Layout:
    """Names of files below one dataset's root."""

    root: str

    def path(self, *parts: str) -> str:
        return storage.join(self.root, *parts)

    @property
    def build(self) -> str:
        return self.path("build.json")

    @property
    def manifest(self) -> str:
        return self.path("manifest.parquet")

    @property
    def known(self) -> str:
        return self.path("state", "known.json")

    @property
    def content(self) -> str:
        return self.path("cache", "content.parquet")

    def plan(self, fingerprint: str) -> str:
        return self.path("plans", f"{fingerprint}.json")

    def crumb(self, partition: int) -> str:
        return self.path("state", "crumbs", f"{partition:05d}.json")

    def layer_name(self, stage: str, partition: int, fingerprint: str) -> str:
        return f"layers/{stage}/{partition:05d}-{fingerprint}.parquet"

    def survey_name(self, survey: str, fingerprint: str) -> str:
        return f"layers/{survey}/{fingerprint}.json"

    def shard_name(self, partition: int, fingerprint: str) -> str:
        return f"shards/{partition:05d}-{fingerprint}.parquet"
