"""MediaPipe, told nothing, finds synthetic people and their points; `benchmarks.accuracy` measures it at length."""

from __future__ import annotations

import numpy as np
import pytest

from fexdata.errors import RowError
from fexdata.faces.detection import FaceFinder
from fexdata.faces.quality_geometry import interocular
from fexdata.synthetic import expressions
from fexdata.synthetic.photograph import take
from fexdata.synthetic.plan import Shot

PEOPLE = 14
NAMES = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt")


@pytest.fixture(scope="module")
def errors() -> list[np.ndarray | None]:
    """Of each picture, the distances (478,) of the points found from the true ones, in percent of the inter-ocular
    distance; None where no face was found."""
    rng, finder = np.random.default_rng(3), FaceFinder()
    found: list[np.ndarray | None] = []
    for person in range(PEOPLE):
        drawn = expressions.draw(NAMES[person % 8], rng)
        yaw, pitch = float(rng.uniform(-30, 30)), float(rng.normal(0, 5))
        taken = take(Shot(700 + person, drawn, (256, 256), seed=person, yaw=yaw, pitch=pitch))
        true = taken.truth["landmarks_478"]
        try:
            points = finder.find(taken.picture, faces="largest")[0].landmarks
        except RowError:
            found.append(None)
        else:
            apart = np.linalg.norm(points[:, :2] - true[:, :2], axis=1)
            found.append(100 * apart / interocular(true))
    return found


def test_every_person_within_thirty_degrees_of_the_front_is_found(errors: list[np.ndarray | None]) -> None:
    assert sum(one is not None for one in errors) / PEOPLE >= 0.98


def test_the_median_point_is_within_five_percent_of_the_interocular_distance(errors: list[np.ndarray | None]) -> None:
    assert np.median(np.concatenate([one for one in errors if one is not None])) <= 5.0
