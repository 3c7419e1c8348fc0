"""A subject's identity, found from several photographs and told to the fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fexdata.errors import FexdataError
from fexdata.faces.fitting.detectors import mediapipe
from fexdata.faces.fitting.fit import prepared
from fexdata.faces.landmarks import to_68
from fexdata.faces.models.default import default_model
from fexdata.faces.pose import rotation
from fexdata.stages.base import Row
from fexdata.stages.fit import Fit
from fexdata.stages.subject_identity import SubjectIdentity

EACH = 5


def photographs(people: int) -> np.ndarray:
    """Landmarks (people * EACH, 478, 3) with the detector's habits and noise, crop pixels."""
    model, rng, count = default_model(), np.random.default_rng(0), people * EACH
    detector = mediapipe(model.name)
    problem = prepared(model, 468, detector)
    unknowns = rng.standard_normal((count, len(problem.fields)))
    unknowns[:, : problem.identities] = np.repeat(unknowns[::EACH, : problem.identities], EACH, axis=0)
    expression = rng.uniform(size=(count, len(model.expression_names)))
    expression *= rng.random(expression.shape) < 0.2
    unknowns[:, problem.expressions] = expression
    heads = problem.points(unknowns) + rng.standard_normal((count, 468, 3)) * detector.noise[:, None]
    turned = [head @ rotation(*rng.uniform(-20, 20, 3)).T for head in heads]
    skin = np.array(turned) + np.array([128.0, 128.0, 0.0])
    return np.concatenate([skin, skin[:, :10]], axis=1)


def survey(points: np.ndarray, subjects: list[str | None], **settings: Any) -> dict[str, Any]:
    flat = pa.FixedSizeListArray.from_arrays(pa.array(points.astype(np.float32).ravel()), 478 * 3)
    table = pa.table({"landmarks_478": flat, "subject": pa.array(subjects, pa.string())})
    return dict(SubjectIdentity(SubjectIdentity.Config(**settings)).look(table))


def fitted(points: np.ndarray, told: list[Any] | None) -> np.ndarray:
    """(B, K) identity coefficients."""
    stage = Fit(Fit.Config(model="fexdata", landmarks=478, identity="own" if told is None else "subject"))
    rows = [
        Row(str(number), {"landmarks_478": one, "landmarks_68": to_68(one)[:, :2],
                          "subject_identity": told and told[number]}, lambda: np.empty(0))
        for number, one in enumerate(points)
    ]  # fmt: skip
    return np.array([out["identity_params"] for out in stage.run(rows)])


def test_who_is_photographed_once_or_has_no_name_is_told_nothing() -> None:
    points = photographs(2)
    answer = survey(points, ["a"] * EACH + ["b"] + [None] * (EACH - 1))
    assert set(answer) == {"a"}
    assert len(answer["a"]["identity"]) == len(default_model().identity_names)


def test_a_photograph_that_is_no_face_changes_nobodys_answer() -> None:
    points = photographs(1)
    broken = np.concatenate([points, np.full_like(points[:1], np.nan), np.zeros_like(points[:1])])
    assert survey(broken, ["a"] * len(broken)) == survey(points, ["a"] * len(points))


def test_photographs_of_a_subject_agree_on_who_it_is() -> None:
    points = photographs(3)
    subjects: list[str | None] = [str(number // EACH) for number in range(len(points))]
    answer = survey(points, subjects)
    told, own = (fitted(points, told) for told in ([answer[str(who)] for who in subjects], None))
    spread = [one.reshape(3, EACH, -1).std(axis=1).mean() for one in (told, own)]
    assert spread[0] < 0.3 * spread[1]
    assert np.abs(told[0] - answer["0"]["identity"]).max() < 0.3


def test_identities_of_another_model_are_refused() -> None:
    points = photographs(1)
    with pytest.raises(FexdataError, match=r"subject_identity\.model"):
        fitted(points[:1], [{"basis_id": "other", "identity": [0.0]}])


def test_only_a_fit_that_uses_the_survey_reads_it() -> None:
    def reads(identity: str) -> tuple[str, ...]:
        return Fit(Fit.Config.model_validate({"identity": identity})).reads

    assert "subject_identity" in reads("subject")
    assert "subject_identity" not in reads("own")
