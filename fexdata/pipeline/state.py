"""The little that a build remembers beside its layers: two JSON files, each written atomically.

`build.json` fixes what must not change between builds of one dataset: its corpus and its number
of partitions; and it says where the photographs were last time, so that `fexdata review` can show
them. `state/known.json` holds what was learned the hard way: which photographs killed
their worker in which stage, and how often the failures of a partition were to be tried again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fexdata import storage
from fexdata.errors import Code, FexdataError
from fexdata.pipeline.layout import Layout

Dead = dict[str, dict[str, tuple[str, str]]]
"""Stage key -> photograph digest (hexadecimal) -> (code, message)."""


@dataclass(slots=True)
class Known:
    """What earlier attempts have taught; see the module."""

    dead: Dead = field(default_factory=dict)
    retries: dict[int, int] = field(default_factory=dict)

    def bury(self, stage_key: str, digest: str, code: Code, message: str) -> None:
        self.dead.setdefault(stage_key, {})[digest] = (str(code), message)

    def save(self, layout: Layout) -> None:
        data = {"dead": self.dead, "retries": {str(k): v for k, v in self.retries.items()}}
        storage.write_atomic(layout.known, json.dumps(data, sort_keys=True).encode())


def load_known(layout: Layout) -> Known:
    data = _read_json(layout.known)
    if data is None:
        return Known()
    dead = {key: {d: (v[0], v[1]) for d, v in rows.items()} for key, rows in data["dead"].items()}
    return Known(dead, {int(k): v for k, v in data["retries"].items()})


def load_build(layout: Layout) -> dict[str, Any] | None:
    """The contents of `build.json`, or None before the first build."""
    return _read_json(layout.build)


def save_build(layout: Layout, data: Mapping[str, Any]) -> None:
    storage.write_atomic(layout.build, json.dumps(dict(data), sort_keys=True, indent=1).encode())


def check_same_corpus(layout: Layout, build: Mapping[str, Any] | None, corpus: str) -> None:
    """Two corpora in one directory would share partitions and mean nothing."""
    if build is not None and build["corpus"] != corpus:
        raise FexdataError(
            f"{layout.root} holds a dataset of the corpus {build['corpus']!r}, not {corpus!r}; choose another --out"
        )


def _read_json(path: str) -> dict[str, Any] | None:
    try:
        data: dict[str, Any] = json.loads(storage.read_bytes(path))
    except FileNotFoundError:
        return None
    return data
