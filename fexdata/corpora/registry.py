"""Corpora by name, found through the entry-point group `fexdata.corpora`."""

from __future__ import annotations

from importlib.metadata import entry_points

from fexdata.corpora.base import Corpus
from fexdata.errors import FexdataError

GROUP = "fexdata.corpora"


def known() -> list[str]:
    """The names of all registered corpora."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def corpus(name: str) -> Corpus:
    """The corpus of that name. Raises `FexdataError` when it is unknown, registered by two
    packages, or registered by one that cannot be loaded."""
    found = [entry for entry in entry_points(group=GROUP) if entry.name == name]
    if not found:
        raise FexdataError(f"unknown corpus {name!r}; known: {', '.join(known())}")
    targets = sorted({entry.value for entry in found})
    if len(targets) > 1:
        raise FexdataError(f"corpus {name!r} is registered twice: {', '.join(targets)}")
    try:
        made: Corpus = found[0].load()()
    except (ImportError, AttributeError) as error:
        raise FexdataError(f"corpus {name!r} is registered as {targets[0]}, which cannot be loaded: {error}") from None
    return made
