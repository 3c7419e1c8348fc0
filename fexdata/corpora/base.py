"""What a corpus is: a place where photographs come from, read lazily, one row per photograph.

A corpus is one file with one class. Other packages add theirs through the entry-point group
`fexdata.corpora`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

EXPRESSIONS = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt")
"""The eight expression names that every corpus's own labels are translated to."""


@dataclass(frozen=True, slots=True)
class Photograph:
    """One photograph and what its corpus says of it.

    `labels` holds manifest label columns by name (see `fexdata.dataset.schema.LABELS`); a column
    that the corpus does not know is absent. Boxes and points are in the pixels of the upright
    photograph, origin at the centre of the top-left pixel.
    """

    corpus: str
    key: bytes
    """Path below the corpus's root, `/` between parts, the raw bytes of the file name."""
    location: str
    """What `fexdata.storage` opens: a local path (surrogate-escaped) or a URL."""
    frame: int = 0
    labels: Mapping[str, Any] = field(default_factory=dict)
    box: tuple[float, float, float, float] | None = None
    """The corpus's own face box: left, top, width, height."""
    points: np.ndarray | None = None
    """The corpus's own landmarks: (n, 2) float32."""
    split: str | None = None
    """The corpus's official split (`train`, `val`, `test`), or None."""
    upside_down: bool = False
    """Whether the file shows the world turned by half a circle, with no EXIF tag to say so; boxes
    and points are those of the picture turned upright."""

    def digest(self) -> bytes:
        """16 bytes that stand for (corpus, key, frame): they choose the partition, the order
        and, with the face slot, the `sample_id`."""
        text = b"\0".join((self.corpus.encode(), self.key, str(self.frame).encode()))
        return hashlib.blake2b(text, digest_size=16).digest()


def sample_id(digest: bytes, slot: int) -> str:
    """Identity of a face: its photograph's digest and its slot, hashed to 32 hexadecimal digits."""
    return hashlib.blake2b(digest + slot.to_bytes(4, "big"), digest_size=16).hexdigest()


def readable(key: bytes) -> str:
    """A path as text: UTF-8 where it is, `\\xNN` for bytes that are not."""
    return key.decode("utf-8", "backslashreplace")


class Corpus(Protocol):
    """One corpus layout. `read` yields photographs lazily, in any order; it raises
    `FexdataError` (one line: what was expected where) when the directory is not such a corpus
    or is only half unpacked."""

    name: ClassVar[str]
    licence: ClassVar[str]
    citation: ClassVar[str]

    def read(self, source: str) -> Iterator[Photograph]: ...
