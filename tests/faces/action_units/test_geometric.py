"""The geometric tool on real photographs, on faces of known shape, and what must not matter to it."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
from making import real_photographs

from fexdata.errors import FexdataError
from fexdata.faces.action_units.geometric import FILE, TURNS, embedded, load
from fexdata.faces.action_units.geometry import SIZE, descriptor, facing_share, laid_over
from fexdata.faces.action_units.schemes import GEOMETRIC
from fexdata.faces.landmarks import MIRROR_478, mirrored
from fexdata.faces.models.action_units import action_unit_fields
from fexdata.faces.models.rest import rest_face
from fexdata.faces.pose import rotation

STUDIO = {
    "surprised": "0-f1-su-ph.jpg",
    "happy": "0-f15-hao-ph.jpg",
    "angry": "15-f13-anc-ph.jpg",
    "disgusted": "45-m7-di-ph.jpg",
}


@functools.cache
def landmarks(name: str) -> np.ndarray:
    from fexdata.corpora.pictures import read_picture
    from fexdata.faces.detection import FaceFinder

    picture = read_picture(real_photographs()[STUDIO[name]].read_bytes())
    return FaceFinder().find(picture, faces="largest")[0].landmarks.astype(np.float64)


def studio(unit: str) -> dict[str, float]:
    scores = {name: embedded().score(landmarks(name)).values[unit] for name in STUDIO}
    assert all(value is not None for value in scores.values())
    return {name: float(value or 0.0) for name, value in scores.items()}


def made(unit: str, share: float) -> np.ndarray:
    """(478, 3): the mean face with an action unit at a share of its maximum, both sides."""
    names, fields = action_unit_fields()
    both = sum(field for name, field in zip(names, fields, strict=True) if name.partition("_")[0] == unit)
    points = rest_face() + share * both
    return np.concatenate([points, np.zeros((10, 3))])


def test_the_happy_face_smiles_most() -> None:
    smiles = studio("AU12")
    assert max(smiles, key=smiles.__getitem__) == "happy" and smiles["happy"] > 3


@pytest.mark.parametrize("unit", ["AU1", "AU2", "AU5", "AU26"])
def test_the_surprised_face_raises_brows_and_lids_and_drops_its_jaw_most(unit: str) -> None:
    scores = studio(unit)
    assert scores["surprised"] > 1 + max(value for name, value in scores.items() if name != "surprised")


def test_the_angry_face_lowers_its_brows() -> None:
    scores = studio("AU4")
    assert scores["angry"] > 1 + max(scores["happy"], scores["surprised"])


def test_a_mirrored_face_has_the_same_action_units() -> None:
    for name in STUDIO:
        points = landmarks(name)
        own, flipped = (embedded().score(one) for one in (points, mirrored(points, 500, MIRROR_478)))
        np.testing.assert_allclose(list(own.values.values()), list(flipped.values.values()), atol=1e-6)
        assert own.yaw == pytest.approx(-flipped.yaw)


def test_size_place_and_roll_of_the_landmarks_change_nothing() -> None:
    points = landmarks("surprised")
    moved = 0.37 * points @ rotation(0, 0, -21).T + [40, -7, 3]
    own, other = embedded().score(points), embedded().score(moved)
    np.testing.assert_allclose(list(own.values.values()), list(other.values.values()), atol=1e-6)


@pytest.mark.parametrize("unit", GEOMETRIC.names)
def test_every_claimed_movement_of_the_mean_face_is_seen(unit: str) -> None:
    tool = embedded()
    rest = tool.subject_neutral([made(unit, 0.0)])
    none, half, full = (tool.score(made(unit, share), rest).values[unit] or 0.0 for share in (0.0, 0.5, 1.0))
    assert none < 0.3 and none < half < full and full > 0.6


def test_a_face_is_at_rest_beside_itself_and_beside_its_population() -> None:
    tool = embedded()
    face = landmarks("happy")
    alone = tool.score(face, tool.subject_neutral([face])).values
    assert max(value or 0 for value in alone.values()) < 0.6
    others = tool.for_population([face, face]).score(face).values
    assert max(value or 0 for value in others.values()) < 0.6 < (tool.score(face).values["AU12"] or 0)


def test_one_bad_picture_of_several_does_not_move_a_subjects_neutral() -> None:
    tool = embedded()
    calm, wild = made("AU26", 0.0), made("AU26", 1.0)
    np.testing.assert_array_equal(tool.subject_neutral([calm, wild, calm]), tool.subject_neutral([calm]))
    with pytest.raises(FexdataError, match="at least one neutral face"):
        tool.subject_neutral([])


def test_confidence_falls_with_the_turn_and_a_face_turned_away_has_no_scores() -> None:
    points = made("AU12", 0.8)
    seen = {turn: embedded().score(points @ rotation(turn, 0, 0).T) for turn in (0, 25, 50, TURNS[-1] + 5)}
    smile = {turn: scores.confidence["AU12"] or 0.0 for turn, scores in seen.items()}
    assert 1 >= smile[0] > 0.7 and smile[0] >= smile[25] >= smile[50] >= smile[TURNS[-1] + 5] == 0
    assert set(seen[TURNS[-1] + 5].values.values()) == {None} and None not in seen[25].values.values()


def test_the_half_that_faces_the_camera_counts_more() -> None:
    points = made("AU12", 0.0)
    left = points.copy()
    left[:, 0] -= np.where(points[:, 0] < -20, 3.0, 0.0)  # the picture's left half is wider
    reference = rest_face()
    change = {
        turn: np.abs(
            descriptor(left @ rotation(turn, 0, 0).T, reference)[0]
            - descriptor(points @ rotation(turn, 0, 0).T, reference)[0]
        ).sum()
        for turn in (-30, 30)
    }
    assert facing_share(-30) > 0.5 > facing_share(30), "yaw > 0 turns the nose to the left and hides that half"
    assert change[-30] > 1.5 * change[30]


@pytest.mark.parametrize("turn", [-40, -10, 0, 25])
def test_the_turn_of_the_head_is_read_with_its_sign(turn: float) -> None:
    points, yaw = laid_over(made("AU12", 0.0) @ rotation(turn, 0, 0).T, rest_face())
    assert yaw == pytest.approx(turn, abs=1e-6)
    np.testing.assert_allclose(points, rest_face(), atol=1e-6)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"no archive")
    with pytest.raises(FexdataError, match="does not hold the geometric action units"):
        load(tmp_path / "a.npz")
    embedded().save(tmp_path / "b.npz", {})
    again = load(tmp_path / "b.npz")
    face = landmarks("happy")
    assert again.score(face) == load(FILE).score(face) and again.neutral.shape == (SIZE,)
