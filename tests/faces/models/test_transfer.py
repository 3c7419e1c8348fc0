"""Carrying a model over: the embedded model in disguise comes back, and lids and lips still touch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.landmarks import FROM_478_TO_68
from fexdata.faces.models.action_unit_solver import LID_PAIRS, LIP_PAIRS
from fexdata.faces.models.default import default_model
from fexdata.faces.models.face_model import Embedding, FaceModel
from fexdata.faces.models.ict import load_ict
from fexdata.faces.models.transfer import correspondence, lips_parting, part_lips, similarity, transferred
from fexdata.faces.pose import rotation

ASSET = Path(__file__).parents[4] / "shared" / "assets" / "ict-facekit"
needs_asset = pytest.mark.skipif(not ASSET.is_dir(), reason="ICT-FaceKit is not in ../shared/assets")
SHOWN = ("AU1_left", "AU12_left", "AU43_right", "AU26")
FACE = slice(0, 468)


@functools.cache
def disguised() -> FaceModel:
    """The embedded model with shuffled vertices, tilted, in centimetres, somewhere else, few fields."""
    model = default_model()
    rng = np.random.default_rng(0)
    old = rng.permutation(len(model.mean))
    new = np.argsort(old)
    turn = rotation(4.0, -3.0, 2.0) * 0.1
    chosen = [model.expression_names.index(name) for name in SHOWN]
    assert model.landmarks_68 is not None
    return replace(
        model,
        name="disguised",
        mean=(model.mean[old] @ turn.T + [3.0, -1.0, 7.0]).astype(np.float32),
        triangles=new[model.triangles].astype(np.int32),
        identity_basis=(model.identity_basis[:3, old] @ turn.T).astype(np.float32),
        identity_names=("a", "b", "c"),
        expression_basis=(model.expression_basis[chosen][:, old] @ turn.T).astype(np.float32),
        expression_names=SHOWN,
        expression_signed=np.zeros(len(SHOWN), dtype=bool),
        landmarks_478=None,
        landmarks_68=Embedding(new[model.landmarks_68.vertices].astype(np.int32), model.landmarks_68.weights),
        regions={"skin": (1 - model.regions["ears"] - model.regions["mouth_inside"]).clip(0, 1)[old]},
        uv=model.uv[old],
        mirror=None,
        units="cm",
        sha256="",
    )


@functools.cache
def returned() -> FaceModel:
    return transferred(disguised())


@functools.cache
def ict() -> FaceModel:
    return transferred(load_ict(ASSET))


def test_the_embedded_model_in_disguise_comes_back() -> None:
    found, true = returned(), default_model()
    away = np.linalg.norm(found.mean - true.mean, axis=1)
    assert np.median(away) < 0.05 and np.percentile(away[FACE], 99) < 0.6 and away.max() < 6
    for name, field in zip(SHOWN, found.expression_basis, strict=True):
        expected = true.expression_basis[true.expression_names.index(name)]
        assert np.linalg.norm(field - expected) < 0.1 * np.linalg.norm(expected), name


def test_identities_come_back_up_to_pose() -> None:
    for found, true in zip(returned().identity_basis, default_model().identity_basis, strict=False):
        scale, turn, shift = similarity(true[FACE] + default_model().mean[FACE], found[FACE] + returned().mean[FACE])
        aligned = scale * (true[FACE] + default_model().mean[FACE]) @ turn.T + shift
        left = np.linalg.norm(aligned - found[FACE] - returned().mean[FACE])
        assert left < 0.15 * np.linalg.norm(true[FACE])


def test_the_result_has_the_embedded_surface_and_the_others_names() -> None:
    found, embedded = returned(), default_model()
    assert found.triangles is embedded.triangles and found.landmarks_478 is embedded.landmarks_478
    assert found.expression_names == SHOWN and found.identity_names == ("a", "b", "c")
    assert found.name == "disguised" and found.units == "mm"
    assert found.sha256 != embedded.sha256


def test_mediapipes_points_are_found_on_the_other_surface() -> None:
    other = disguised()
    points = correspondence(other).points(other.mean)
    scale, turn, shift = similarity(default_model().mean[FACE], points)
    away = np.linalg.norm(scale * default_model().mean[FACE] @ turn.T + shift - points, axis=1) * 10
    assert np.median(away) < 0.1 and np.percentile(away, 99) < 0.8


def test_a_kept_mean_is_the_embedded_one() -> None:
    np.testing.assert_allclose(transferred(disguised(), keep_mean=True).mean, default_model().mean, atol=0.02)


def test_parting_lips_parts_them_by_the_millimetres_asked_for() -> None:
    wanted = np.random.default_rng(1).uniform(-2, 5, (2, len(LIP_PAIRS)))
    fields = np.random.default_rng(2).normal(0, 1, (2, 468, 3))
    moved = part_lips(fields, wanted)
    np.testing.assert_allclose(lips_parting(moved) - lips_parting(fields), wanted, atol=1e-9)
    np.testing.assert_array_equal(moved[..., [0, 2]], fields[..., [0, 2]])


@needs_asset
def test_icts_blink_shuts_both_eyes_exactly() -> None:
    upper, lower = np.array(LID_PAIRS).T
    blink = sum(ict().expression_basis[ict().expression_names.index(f"eyeBlink_{side}")] for side in "LR")
    shut = ict().mean + blink
    np.testing.assert_allclose(shut[upper], shut[lower], atol=0.02)
    open_by = (ict().mean[lower] - ict().mean[upper])[:, 1]
    assert open_by.min() > 1.5


@needs_asset
def test_no_shape_of_icts_but_the_corrective_one_crosses_the_lips() -> None:
    parting = lips_parting(ict().expression_basis[:, FACE])
    crossing = [name for name, one in zip(ict().expression_names, parting, strict=True) if one.min() < -0.05]
    assert crossing == ["mouthClose"]
    together = parting[ict().expression_names.index("jawOpen")] + parting[ict().expression_names.index("mouthClose")]
    assert together.min() > -0.05


@needs_asset
def test_icts_neutral_face_keeps_its_shape_and_its_landmarks() -> None:
    other = load_ict(ASSET)
    where = correspondence(other).points(other.mean)
    scale, turn, shift = similarity(where, ict().mean[FACE])
    away = np.linalg.norm(scale * where @ turn.T + shift - ict().mean[FACE], axis=1)
    assert np.percentile(away, 95) < 0.01 and away.max() < 1.0  # the lips were laid together
    assert other.landmarks_68 is not None
    marks = scale * other.landmarks_68.points(other.mean) @ turn.T + shift
    apart = np.linalg.norm(marks - ict().mean[list(FROM_478_TO_68)], axis=1)
    assert apart[36:].max() < 1.0 and apart[17:36].max() < 6.0  # eyes and mouth; brows and nose


@needs_asset
def test_icts_people_differ_as_people_do_and_have_their_eyes_open() -> None:
    drawn = np.random.default_rng(0).standard_normal((200, len(ict().identity_names)))
    faces = ict().mean[FACE] + np.einsum("nk,kvd->nvd", drawn, ict().identity_basis[:, FACE])
    breadth = np.linalg.norm(faces[:, 234] - faces[:, 454], axis=1)
    assert 0.03 < breadth.std() / breadth.mean() < 0.07
    upper, lower = np.array(LID_PAIRS).T
    assert (faces[:, lower] - faces[:, upper])[..., 1].min() > 0


@needs_asset
def test_icts_left_is_the_pictures_right_and_expressions_leave_the_skull() -> None:
    field = np.linalg.norm(ict().expression_basis[ict().expression_names.index("mouthSmile_L")], axis=1)
    assert field[291] > 8 and field[61] < 1
    behind = (ict().mean[:, 2] > 60) & (ict().regions["ears"] < 0.1)
    assert np.abs(ict().expression_basis[:, behind]).max() < 1.0


def test_a_model_with_some_of_the_landmarks_is_carried_over_nearly_as_well() -> None:
    whole = disguised()
    assert whole.landmarks_68 is not None
    weights = whole.landmarks_68.weights.copy()
    weights[[*range(17), 60, 64]] = np.nan  # what eos's tables leave out
    partial = replace(whole, landmarks_68=Embedding(whole.landmarks_68.vertices, weights), sha256="")
    away = np.linalg.norm(transferred(partial).mean - default_model().mean, axis=1)
    assert np.median(away) < 0.5 and np.percentile(away[FACE], 99) < 4


@pytest.mark.parametrize("carry", [transferred, correspondence])
def test_a_model_without_landmarks_says_what_it_needs(carry: Callable[[FaceModel], object]) -> None:
    with pytest.raises(FexdataError, match=r"model disguised has 0 of the 68 landmarks, 8 are needed; list them in"):
        carry(replace(disguised(), landmarks_68=None, sha256=""))
