"""Learned components are the movements that the meshes were made of."""

from __future__ import annotations

import numpy as np
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.blendshapes.geodesic import Geodesics
from fexdata.faces.blendshapes.learn import Blendshapes, learn_blendshapes
from fexdata.faces.blendshapes.still import without_head_motion
from fexdata.faces.canonical import canonical_triangles, canonical_vertices
from fexdata.faces.pose import rotation

CENTRES = (61, 291, 105, 334, 152, 4)
"""Mouth corners, brows, chin, nose: vertices where the known movements are centred."""
REACH = 2.2
"""Canonical units (the face is 15 wide) over which a known movement falls to 0."""
COUNT = 60


def known_fields() -> np.ndarray:
    """(K, 468, 3): a movement of one unit at each centre, none beyond `REACH`."""
    vertices = canonical_vertices()
    geodesics = Geodesics(vertices, canonical_triangles())
    rng = np.random.default_rng(11)
    ways = rng.standard_normal((len(CENTRES), 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    fall = np.stack([np.clip(1 - geodesics.from_vertex(centre) / REACH, 0, 1) ** 2 for centre in CENTRES])
    return fall[:, :, None] * ways[:, None]


def meshes(*, signed: bool, noise: float = 0.02) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neutral and expressive meshes (N, 468, 3) of different people, and the known weights (N, K)."""
    rng = np.random.default_rng(12)
    fields = known_fields()
    weights = rng.uniform(-1 if signed else 0, 1, (COUNT, len(fields))) * (rng.random((COUNT, len(fields))) < 0.6)
    neutral = canonical_vertices() * rng.uniform(0.9, 1.1, (COUNT, 1, 3))
    moved = np.tensordot(weights, fields, axes=1) + noise * rng.standard_normal(neutral.shape)
    return neutral, neutral + moved, weights


def learned(*, signed: bool, sparsity: float = 2.0) -> Blendshapes:
    neutral, expressive, _ = meshes(signed=signed)
    return learn_blendshapes(neutral, expressive, canonical_triangles(), len(CENTRES), signed=signed, sparsity=sparsity)


def correlations(found: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(found, known) correlations of fields, flattened."""
    return np.corrcoef(found.reshape(len(found), -1), known.reshape(len(known), -1))[: len(found), len(found) :]


@pytest.mark.parametrize("signed", [True, False])
def test_known_localised_fields_are_recovered_from_noisy_meshes(signed: bool) -> None:
    found = correlations(learned(signed=signed).components, known_fields())
    match = np.abs(found) if signed else found
    assert match.max(axis=0).min() >= 0.9
    assert len(set(match.argmax(axis=0))) == len(CENTRES)  # each by a component of its own


def test_weights_of_the_non_negative_variant_are_the_known_ones() -> None:
    _, _, known = meshes(signed=False)
    result = learned(signed=False)
    owner = correlations(result.components, known_fields()).argmax(axis=0)
    for k, component in enumerate(owner):
        assert np.corrcoef(result.weights[:, component], known[:, k])[0, 1] > 0.95


@pytest.mark.parametrize("signed", [True, False])
def test_largest_weight_of_every_component_is_one(signed: bool) -> None:
    weights = learned(signed=signed).weights
    np.testing.assert_allclose(np.abs(weights).max(axis=0), 1.0)
    assert (weights.min() < 0) == signed


def test_components_come_sorted_by_energy() -> None:
    energy = learned(signed=True).energy
    assert (np.diff(energy) <= 0).all()
    assert energy[-1] > 0


def test_more_sparsity_moves_fewer_vertices() -> None:
    shares = [
        (np.abs(learned(signed=True, sparsity=sparsity).components).max(axis=2) > 0).mean() for sparsity in (2, 8)
    ]
    known = (np.abs(known_fields()).max(axis=2) > 0).mean()
    assert shares[1] < 0.5 * shares[0]
    assert shares[1] < 4 * known


def test_reconstruction_error_falls_with_every_component_that_is_added() -> None:
    neutral, expressive, _ = meshes(signed=True)
    result, differences = learned(signed=True), expressive - neutral
    errors = [np.linalg.norm(differences - result.reconstructed(differences, n)) for n in range(len(CENTRES) + 1)]
    drops = -np.diff(errors) / errors[0]
    assert (drops > 0.03).all()
    # What is left is the noise.
    assert errors[-1] < 1.1 * 0.02 * np.sqrt(differences.size)


def test_a_component_does_not_cross_the_gap_between_the_lips() -> None:
    vertices, triangles = canonical_vertices(), canonical_triangles()
    inner_lips = {78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191}
    skin = triangles[~np.isin(triangles, list(inner_lips)).all(axis=1)]
    apart = Geodesics(vertices, skin).from_vertex(13)[14]
    assert apart > 5 * np.linalg.norm(vertices[13] - vertices[14])


def test_geodesic_distance_on_a_plane_is_straight() -> None:
    side = 21
    y, x = np.mgrid[:side, :side]
    points = np.column_stack([x.ravel(), y.ravel(), np.zeros(side * side)]).astype(float)
    at = np.arange(side * side).reshape(side, side)
    a, b, c, d = at[:-1, :-1].ravel(), at[:-1, 1:].ravel(), at[1:, :-1].ravel(), at[1:, 1:].ravel()
    triangles = np.concatenate([np.column_stack([a, b, d]), np.column_stack([a, d, c])])
    distance = Geodesics(points, triangles).from_vertex(0)
    straight = np.linalg.norm(points, axis=1)
    assert (distance >= straight - 1e-9).all()
    assert (distance <= 1.09 * straight + 1e-9).all()


def test_head_motion_is_taken_off_in_spite_of_an_open_jaw() -> None:
    neutral = canonical_vertices().astype(np.float64)
    jaw = 3.0 * np.clip((neutral[:, 1] - 3) / 4, 0, 1)[:, None] * [0.0, 1.0, 0.2]
    turned = (neutral + jaw) @ rotation(8.0, -5.0, 3.0).T + [2.0, -1.0, 4.0]
    laid = without_head_motion(neutral[None], turned[None])[0]
    assert np.abs(laid - neutral - jaw).max() < 0.05


@pytest.mark.parametrize(
    ("neutral", "expressive", "count", "words"),
    [
        (np.zeros((3, 468, 3)), np.zeros((3, 467, 3)), 1, "one shape"),
        (np.zeros((3, 468, 3)), np.ones((3, 468, 3)), 4, "at least as many meshes"),
        (np.zeros((3, 468, 3)), np.zeros((3, 468, 3)), 1, "no face moves"),
    ],
)
def test_what_cannot_be_learned_from_is_said_in_one_line(
    neutral: np.ndarray, expressive: np.ndarray, count: int, words: str
) -> None:
    with pytest.raises(FexdataError, match=words):
        learn_blendshapes(neutral, expressive, canonical_triangles(), count)
