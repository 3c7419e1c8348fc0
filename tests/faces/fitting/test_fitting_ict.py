"""Another model than the embedded one, in its own unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fexdata.faces.fitting.detectors import exact
from fexdata.faces.fitting.fields import head_unit
from fexdata.faces.fitting.fit import fit
from fexdata.faces.models.ict import ARCHIVE, load_ict
from fexdata.faces.pose import rotation

ICT = Path("../shared/assets/ict-facekit")


@pytest.mark.skipif(not (ICT / ARCHIVE).is_file(), reason=f"{ICT / ARCHIVE} is not there")
def test_icts_own_68_points_are_met_and_gaze_is_not_told() -> None:
    model, rng = load_ict(ICT), np.random.default_rng(0)
    assert 0.08 < head_unit(model) < 0.12  # centimetres
    assert model.landmarks_68 is not None
    expression = rng.random((6, len(model.expression_names))) * (rng.random((6, len(model.expression_names))) < 0.15)
    points = [
        20.0
        * model.landmarks_68.points(model.shape(rng.standard_normal(100), e))
        @ rotation(*rng.uniform(-30, 30, 3)).T
        for e in expression
    ]
    found = fit(model, np.array(points)[..., :2], detector=exact(68))
    assert found.residual.max() < 1e-3
    told = np.isfinite(found.expression[0])
    assert {name for name, seen in zip(model.expression_names, told, strict=True) if not seen} == {
        name for name in model.expression_names if name.startswith("eyeLook")
    }
    opened = model.expression_names.index("jawOpen")
    assert np.corrcoef(found.expression[:, opened], expression[:, opened])[0, 1] > 0.9
