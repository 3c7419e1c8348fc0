"""Synthetic people as registered meshes: one topology, coefficients that projection finds again, both of our people and
of ICT's."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from fexdata.faces.blendshapes.registered import sessions
from fexdata.faces.landmarks import FROM_478_TO_68
from fexdata.faces.models.ict import load_ict
from fexdata.faces.models.kept import embedded_head
from fexdata.synthetic.expressions import Expression
from fexdata.synthetic.models import coefficients
from fexdata.synthetic.rendered.export import MARGIN, SKIN, basis_of, export_person
from fexdata.synthetic.rendered.export_ict import texture_coordinates
from fexdata.synthetic.rendered.people import read_sitter

ASSET = Path(__file__).parents[3] / "shared" / "assets" / "ict-facekit"
needs_asset = pytest.mark.skipif(not ASSET.is_dir(), reason="ICT-FaceKit is not in ../shared/assets")
SHOWN = {
    "smile": Expression.of({"AU12": 4.0, "AU6": 3.0, "AU25": 3.0}),
    "open": Expression.of({"AU26": 4.0, "AU1": 2.5}),
}


def test_exported_people_show_the_coefficients_that_they_were_given(tmp_path: Path) -> None:
    person = export_person(tmp_path / "ann" / "one", 8, SHOWN)
    (one,) = sessions(tmp_path)
    basis = basis_of(person)
    sitter = read_sitter(one, one.expressive, basis)  # which needs equal topology in all files
    for take in sitter.takes[1:]:
        given = coefficients(person.model, SHOWN[take.name])
        # Lips in front of teeth and lids on eyeballs are not linear.
        assert np.corrcoef(take.parameters, given)[0, 1] > 0.97
        assert np.abs(take.parameters - given).max() < 0.25
    texture = cv2.imread(str(tmp_path / "ann/one/texture.png"))
    assert texture.shape == (SKIN, SKIN + MARGIN, 3)
    # Brows are hairs, which the texture shows as dark lines on the skin; a forehead has none.
    brow, forehead = (np.percentile(texture[_texel(point)].mean(axis=2), [5, 50]) for point in (105, 151))
    assert brow[0] < 0.6 * brow[1]
    assert forehead[0] > 0.8 * forehead[1]


def _texel(point: int) -> tuple[slice, slice]:
    u, v = embedded_head().uv[point] * SKIN
    return slice(int(v) - 6, int(v) + 7), slice(int(u) - 6, int(u) + 7)


@needs_asset
def test_icts_landmarks_lie_where_ours_lie_on_the_skin() -> None:
    ict = load_ict(ASSET)
    uv = texture_coordinates(ict)
    assert uv.min() >= 0 and uv.max() <= 1
    assert ict.landmarks_68 is not None
    marks = ict.landmarks_68.vertices[17:, 0]
    ours = embedded_head().uv[list(FROM_478_TO_68[17:])] * [SKIN / (SKIN + MARGIN), 1]
    assert np.abs(uv[marks] - ours).max() < 0.025
