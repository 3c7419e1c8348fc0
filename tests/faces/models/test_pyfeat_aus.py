"""py-feat's regression as a model: FACS's directions, exact contact, mirrored sides, its terms."""

from __future__ import annotations

import numpy as np
import pytest

from fexdata.faces.models.action_unit_solver import LID_PAIRS, MIRROR
from fexdata.faces.models.action_units import UPPER_OVAL
from fexdata.faces.models.default import default_model
from fexdata.faces.models.pyfeat_aus import pyfeat_model, regression
from fexdata.faces.models.rest import rest_face
from fexdata.faces.models.transfer import lips_parting

FACE = slice(0, 468)


def field(name: str) -> np.ndarray:
    """(468, 3): of one side, or of the midline."""
    return pyfeat_model().expression_basis[pyfeat_model().expression_names.index(name), FACE]


def test_all_twenty_action_units_have_two_sides_but_the_jaw() -> None:
    names = pyfeat_model().expression_names
    assert len(names) == 39 and "AU26" in names
    assert len({name.partition("_")[0] for name in names}) == 20


@pytest.mark.parametrize(
    ("unit", "vertex", "axis", "sign"),
    [
        ("AU1_left", 107, 1, -1),  # inner brow up
        ("AU4_left", 66, 1, 1),  # brow down
        ("AU12_left", 61, 1, -1),  # corner of the mouth up
        ("AU12_left", 61, 0, -1),  # and out
        ("AU15_left", 61, 1, 1),  # corner down
        ("AU26", 152, 1, 1),  # chin down
        ("AU43_left", 159, 1, 1),  # upper lid down
        ("AU5_left", 159, 1, -1),  # upper lid up
    ],
)
def test_action_units_move_the_face_as_facs_says(unit: str, vertex: int, axis: int, sign: int) -> None:
    assert sign * field(unit)[vertex, axis] > 1.0


@pytest.mark.parametrize("unit", ["AU1", "AU4", "AU12", "AU24", "AU43"])
def test_what_the_head_did_is_taken_off(unit: str) -> None:
    ours = sum(
        one
        for name, one in zip(default_model().expression_names, default_model().expression_basis[:, FACE], strict=True)
        if name in (f"{unit}_left", f"{unit}_right")
    )
    theirs = regression()[1][unit]
    sizes = [np.linalg.norm(one, axis=1) for one in (ours, theirs)]
    moving = np.any([size > 0.1 * size.max() for size in sizes], axis=0)
    a, b = ours[moving].ravel(), theirs[moving].ravel()
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 0.6


def test_au43_shuts_the_eyes_exactly_and_no_unit_crosses_the_lips() -> None:
    upper, lower = np.array(LID_PAIRS).T
    shut = rest_face() + field("AU43_left") + field("AU43_right")
    np.testing.assert_allclose(shut[upper], shut[lower], atol=0.02)
    assert lips_parting(pyfeat_model().expression_basis[:, FACE]).min() > -0.01


def test_sides_are_mirror_images_and_the_hairline_stays() -> None:
    for name in ("AU2", "AU9", "AU14", "AU20"):
        np.testing.assert_allclose(field(f"{name}_left")[MIRROR] * [-1, 1, 1], field(f"{name}_right"), atol=0.02)
    assert np.abs(pyfeat_model().expression_basis[:, list(UPPER_OVAL)]).max() < 0.05


def test_people_are_the_embedded_models_and_terms_are_narrower() -> None:
    np.testing.assert_array_equal(pyfeat_model().identity_basis, default_model().identity_basis)
    assert "non-commercial" in pyfeat_model().licence
    assert pyfeat_model().sha256 != default_model().sha256
