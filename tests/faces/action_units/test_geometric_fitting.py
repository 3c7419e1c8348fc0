"""Learning the maps: what is known of identities is not mistaken for movement, and strangers judge."""

from __future__ import annotations

import numpy as np

from fexdata.faces.action_units.fitting import Ridges, Taught, grade_map, learn, movement_map
from fexdata.faces.action_units.geometric import TURNS, expanded

LOOSE = Ridges(noise=1e-6, identity=0.0, grades=1e-6)


def drawn(seed: int = 0, people: int = 60, noise: float = 0.01) -> tuple[Taught, np.ndarray]:
    """Faces of 10 numbers that two movements and one identity direction decide."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), 10)
    moves = rng.uniform(0, 5, (len(person), 2)) * (rng.random((len(person), 2)) < 0.5)
    directions, identity = rng.normal(size=(2, 10)), rng.normal(size=(1, 10))
    looks = rng.normal(size=people)[person][:, None] * identity
    faces = moves @ directions + looks + noise * rng.normal(size=(len(person), 10))
    return Taught(faces, moves, moves, person, rng.uniform(0, 65, len(person))), identity


def test_movements_are_found_again() -> None:
    taught, _ = drawn()
    weights, offset = movement_map(taught.descriptors, taught.movements, np.zeros((1, 10)), LOOSE)
    np.testing.assert_allclose(taught.descriptors @ weights + offset, taught.movements, atol=0.1)


def test_what_identities_do_is_ignored_though_no_picture_showed_it() -> None:
    taught, _ = drawn()
    unseen = np.random.default_rng(9).normal(size=(1, 10))
    before, _ = movement_map(taught.descriptors, taught.movements, unseen, LOOSE)
    after, _ = movement_map(taught.descriptors, taught.movements, unseen, Ridges(1e-6, 100.0, 1e-6))
    assert np.abs(unseen @ before).max() > 0.1 > 10 * np.abs(unseen @ after).max()


def test_products_of_movements_can_be_learned() -> None:
    rng = np.random.default_rng(1)
    scores = rng.uniform(0, 5, (400, 3))
    wanted = (scores[:, :1] * scores[:, 1:2]) / 5
    grades, level = grade_map(expanded(scores), wanted, LOOSE)
    np.testing.assert_allclose(expanded(scores) @ grades + level, wanted, atol=0.01)


def test_intensities_stay_on_the_scale() -> None:
    taught, identity = drawn()
    made, _ = learn(taught, identity, LOOSE)
    wild = made.intensities(np.random.default_rng(2).normal(size=(50, 10)) * 1e6)
    assert wild.min() >= 0 and wild.max() <= 5 and np.isfinite(wild).all()


def test_reliability_is_that_of_strangers_and_never_grows_with_the_turn() -> None:
    taught, identity = drawn(noise=3.0)
    made, held = learn(taught, identity, LOOSE)
    own = made.intensities(taught.descriptors)
    for unit in range(2):
        strangers = np.corrcoef(held[:, unit], taught.intensities[:, unit])[0, 1]
        assert strangers < np.corrcoef(own[:, unit], taught.intensities[:, unit])[0, 1]
        assert abs(made.reliability[unit].mean() - strangers) < 0.15
    assert made.reliability.shape == (2, len(TURNS)) and (np.diff(made.reliability, axis=1) <= 0).all()


def test_a_persons_pictures_are_never_on_both_sides() -> None:
    taught, identity = drawn(people=5)
    rng = np.random.default_rng(4)
    # Intensities that only knowing the person could tell:
    secret = rng.uniform(0, 5, (5, 2))[taught.person]
    told = Taught(taught.descriptors, secret, secret, taught.person, taught.turn)
    _, held = learn(told, identity, LOOSE)
    assert np.corrcoef(held[:, 0], secret[:, 0])[0, 1] < 0.5
