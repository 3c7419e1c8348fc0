"""What the fields of the action units promise: directions, sizes, seams, sides."""

from __future__ import annotations

import numpy as np
import pytest

from fexdata.faces.landmarks import MIRROR_478
from fexdata.faces.models.action_unit_jaw import JAW_MOVEMENTS, jaw_field
from fexdata.faces.models.action_unit_lids import closures, lid_influence, lid_shifts
from fexdata.faces.models.action_unit_solver import LID_PAIRS, LIP_PAIRS, extend
from fexdata.faces.models.action_units import EYE_CLOSURE, UPPER_OVAL, action_unit_fields, action_unit_names
from fexdata.faces.models.rest import rest_face
from fexdata.synthetic.expressions import coefficients, random_feasible, single

NAMES, FIELDS = action_unit_fields()
MIRROR = MIRROR_478[:468]
X, Y, Z = range(3)


def field(name: str) -> np.ndarray:
    return FIELDS[NAMES.index(name)]


def both(au: str) -> np.ndarray:
    return np.sum([FIELDS[i] for i, name in enumerate(NAMES) if name.partition("_")[0] == au], axis=0)


def face(au: str, intensity: float = 5.0) -> np.ndarray:
    return rest_face() + np.tensordot(coefficients(single(au, intensity), NAMES), FIELDS, 1)


def opening(vertices: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    """How far the lower rim lies below the upper one, at every pair."""
    upper, lower = np.array(pairs).T
    return vertices[lower, Y] - vertices[upper, Y]


@pytest.mark.parametrize(
    ("au", "vertex", "axis", "low", "high"),
    [
        ("AU1", 55, Y, -9, -5),  # inner brow up
        ("AU2", 63, Y, -10, -6),  # outer brow up
        ("AU4", 55, Y, 5, 9),  # inner brow down
        ("AU4", 55, X, 2, 5),  # and inwards
        ("AU5", 159, Y, -5, -2),  # upper lid up
        ("AU6", 50, Y, -9, -4),  # cheek up
        ("AU6", 50, Z, -7, -2),  # and out in front
        ("AU7", 145, Y, -4, -1),  # lower lid up
        ("AU9", 129, Y, -10, -5),  # nostril wing up
        ("AU10", 0, Y, -8, -4),  # upper lip up
        ("AU12", 61, X, -10, -5),  # corner out
        ("AU12", 61, Y, -12, -6),  # up
        ("AU12", 61, Z, 4, 10),  # and back
        ("AU14", 61, Z, 3, 8),  # corner back into the cheek
        ("AU15", 61, Y, 4, 9),  # corner down
        ("AU16", 17, Y, 4, 8),  # lower lip down
        ("AU17", 199, Y, -12, -6),  # chin boss up
        ("AU18", 61, X, 4, 8),  # corner in
        ("AU18", 0, Z, -10, -5),  # lips forwards
        ("AU20", 61, X, -10, -5),  # corner out
        ("AU22", 17, Z, -7, -2),  # lower lip forwards
        ("AU24", 0, Y, 1, 4),  # red of the upper lip narrow
        ("AU28", 13, Z, 5, 12),  # lips over the teeth
        ("AU26", 152, Y, 10, 18),  # chin down
        ("AU27", 152, Y, 25, 38),
        ("AD29", 152, Z, -11, -7),  # chin forwards
        ("AD34", 207, Z, -10, -5),  # cheek out
    ],
)
def test_each_action_unit_moves_the_left_side_where_its_muscle_pulls(
    au: str, vertex: int, axis: int, low: float, high: float
) -> None:
    assert low < both(au)[vertex, axis] < high


def test_jaw_drop_opens_the_mouth_by_20_to_25_mm_and_mouth_stretch_by_42_to_52() -> None:
    gaps = [np.linalg.norm(face(au)[14] - face(au)[13]) for au in ("AU26", "AU27")]
    assert 20 < gaps[0] < 25
    assert 42 < gaps[1] < 52


def test_a_one_sided_smile_leaves_the_other_corner() -> None:
    smile = field("AU12_left")
    assert np.linalg.norm(smile[61]) > 8
    assert np.linalg.norm(smile[291]) < 0.01


def test_left_and_right_are_exact_mirror_images() -> None:
    sided = [name.removesuffix("_left") for name in NAMES if name.endswith("_left")]
    assert len(sided) > 20
    for au in sided:
        mirrored = field(f"{au}_left")[MIRROR] * np.array([-1, 1, 1], np.float32)
        np.testing.assert_array_equal(field(f"{au}_right"), mirrored, err_msg=au)


def test_movements_without_sides_are_their_own_mirror_image() -> None:
    for name in ("AU26", "AU27", "AD29"):
        np.testing.assert_allclose(field(name)[MIRROR] * [-1, 1, 1], field(name), atol=2e-5)


def test_every_action_unit_has_fields_and_every_field_an_action_unit() -> None:
    assert {name.partition("_")[0] for name in NAMES} == set(action_unit_names())
    assert len(set(NAMES)) == len(NAMES) == len(FIELDS)
    assert FIELDS.dtype == np.float32
    assert np.isfinite(FIELDS).all()
    assert all(np.abs(both(au)).max() > 1.5 for au in action_unit_names() if au != "AD30")


def test_nothing_moves_the_hairline() -> None:
    oval = [*UPPER_OVAL, *MIRROR[list(UPPER_OVAL)]]
    assert np.abs(FIELDS[:, oval]).max() < 0.02


def test_brows_and_lids_leave_the_mouth_alone_and_the_mouth_leaves_the_brows() -> None:
    for au in ("AU1", "AU2", "AU5", "AU7", "AU43"):
        assert np.linalg.norm(both(au)[[0, 17, 61, 152]], axis=1).max() < 0.3, au
    for au in ("AU15", "AU17", "AU20", "AU26", "AU27", "AD29"):
        assert np.linalg.norm(both(au)[[55, 105, 70, 9]], axis=1).max() < 0.3, au


def test_closed_eyes_are_shut_without_gap_or_overlap() -> None:
    upper, lower = np.array(LID_PAIRS).T
    shut = face("AU43")
    np.testing.assert_allclose(shut[upper], shut[lower], atol=1e-4)


def test_eyes_open_and_close_in_proportion() -> None:
    rest = opening(rest_face(), LID_PAIRS)
    for au, share in EYE_CLOSURE.items():
        np.testing.assert_allclose(opening(face(au), LID_PAIRS), (1 - share) * rest, atol=1e-4, err_msg=au)


def test_lips_never_cross_whatever_a_face_does() -> None:
    rng = np.random.default_rng(5)
    rest = opening(rest_face(), LIP_PAIRS)
    assert rest.min() >= 0
    for _ in range(200):
        moved = rest_face() + np.tensordot(coefficients(random_feasible(rng), NAMES), FIELDS, 1)
        assert (opening(moved, LIP_PAIRS) >= rest - 1e-3).all()
        assert (opening(moved, LID_PAIRS) >= -1e-3).all()


@pytest.mark.parametrize("au", ["AU13", "AU14", "AU15", "AU17", "AU23", "AU24", "AU28", "AD29", "AD34"])
def test_movements_of_a_shut_mouth_keep_it_shut(au: str) -> None:
    np.testing.assert_allclose(opening(face(au), LIP_PAIRS), opening(rest_face(), LIP_PAIRS), atol=0.01)


def test_the_jaw_turns_like_a_rigid_body() -> None:
    """Distances between points of the chin hardly change while it travels by centimetres."""
    chin = [152, 148, 377, 175, 199, 200]
    moved = rest_face() + jaw_field(JAW_MOVEMENTS["AU27"], rest_face(), sealed=False)
    before, after = (np.linalg.norm(p[chin][:, None] - p[chin], axis=2) for p in (rest_face(), moved))
    assert np.abs(after - before).max() < 1.0


def test_spread_takes_the_controls_and_dies_away() -> None:
    gap = np.array([0.0, -3.0, 0.0])
    moved = extend({61: (-5.0, -6.0, 2.0), 14: (0.0, 1.0, 0.0)}, {(13, 14): gap}, reach=20.0)
    np.testing.assert_allclose(moved[61], (-5, -6, 2), atol=1e-9)
    np.testing.assert_allclose(moved[291], (5, -6, 2), atol=1e-9)
    np.testing.assert_allclose(moved[13] - moved[14], gap, atol=1e-9)
    assert np.linalg.norm(moved[[10, 127]], axis=1).max() < 0.1


@pytest.mark.parametrize("wider", [-2.5, 3.0])
def test_lid_shifts_shut_the_eyes_of_other_people(wider: float) -> None:
    upper, lower = np.array(LID_PAIRS).T
    person = rest_face().copy()
    person[upper, Y] -= wider * (opening(rest_face(), LID_PAIRS) / 9)
    values = coefficients(single("AU43", 5), NAMES)
    shut = person + np.tensordot(values, FIELDS, 1) + lid_influence().T @ lid_shifts(person, values, NAMES)
    np.testing.assert_allclose(shut[upper], shut[lower], atol=1e-4)


def test_lid_shifts_leave_the_mean_and_open_eyes_as_they_are() -> None:
    shut, still = coefficients(single("AU43", 5), NAMES), np.zeros(len(NAMES))
    assert not lid_shifts(rest_face(), shut, NAMES).any()
    assert not lid_shifts(rest_face() * 1.2, still, NAMES).any()


def test_closures_count_each_eye_by_itself() -> None:
    values = np.zeros(len(NAMES))
    values[NAMES.index("AU43_left")], values[NAMES.index("AU5_right")] = 0.5, 1.0
    assert closures(values, NAMES) == pytest.approx((0.5 * EYE_CLOSURE["AU43"], EYE_CLOSURE["AU5"]))
