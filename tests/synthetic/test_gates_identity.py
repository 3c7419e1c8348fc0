"""A face-recognition network tells synthetic people apart.

A small sample with bounds to match; `python -m benchmarks.identity` measures 50 people against 0.95 (as they are) and
0.85 (same tone, plain).
"""

from __future__ import annotations

import itertools

import pytest

from benchmarks.identity import FILES, NETWORK, embeddings, separations, shots_of
from fexdata.synthetic.traits import draw_traits

pytestmark = pytest.mark.skipif(
    not all((NETWORK / name).is_file() for name in FILES), reason=f"needs the network in {NETWORK}"
)


def _people_of_one_tone(count: int) -> list[int]:
    middling = (seed for seed in itertools.count(2000) if 0.4 < draw_traits(seed).tone < 0.49)
    return list(itertools.islice(middling, count))


def test_pictures_of_one_person_are_more_alike_than_of_two() -> None:
    shots = shots_of(range(1500, 1508), 3, plain=False)
    assert separations(embeddings(shots, NETWORK, workers=1), shots)["all"]["auc"] >= 0.93


def test_shape_and_skin_alone_tell_people_of_one_tone_apart() -> None:
    shots = shots_of(_people_of_one_tone(7), 3, plain=True)
    assert separations(embeddings(shots, NETWORK, workers=1), shots)["same tone"]["auc"] >= 0.75
