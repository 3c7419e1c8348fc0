"""Schemes of scores: their names, and what may be made of what."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from fexdata.dataset.fields import column, fixed
from fexdata.dataset.mirror import mirror
from fexdata.errors import FexdataError
from fexdata.faces.action_units.schemes import (
    ARKIT,
    GEOMETRIC,
    MEANINGS,
    OPENFACE,
    PYFEAT,
    SCHEMES,
    convert,
    presence,
    scheme,
)


def test_every_action_unit_of_every_scheme_has_a_meaning() -> None:
    for one in (OPENFACE, PYFEAT, GEOMETRIC):
        assert set(one.names) <= MEANINGS.keys() and len(set(one.names)) == len(one.names)


def test_openface_has_the_seventeen_that_methods_train_on_in_their_order() -> None:
    numbers = [int(name[2:]) for name in OPENFACE.names]
    assert numbers == [1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45]


def test_pyfeat_has_its_own_networks_names_in_its_order() -> None:
    from feat.multitask import AU_NAMES_V24

    assert tuple(f"AU{int(name[2:])}" for name in AU_NAMES_V24) == PYFEAT.names


def test_intensities_keep_their_number_and_what_is_not_scored_is_none() -> None:
    values = {name: float(index) / 4 for index, name in enumerate(GEOMETRIC.names)}
    made = convert(values, "fexdata_geometric", "openface17_r")
    assert tuple(made) == OPENFACE.names
    assert made["AU12"] == values["AU12"] and made["AU45"] == values["AU43"]
    assert made["AU7"] is None and made["AU14"] is None


def test_zero_is_a_score_and_not_an_absent_one() -> None:
    assert convert({"AU43": 2.0, "AU45": 0.0}, "openface17_r", "openface17_r")["AU45"] == 0.0
    assert convert({"AU43": 0.0}, "fexdata_geometric", "openface17_r")["AU45"] == 0.0


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("pyfeat20", "openface17_r", "how sure"),
        ("openface17_r", "pyfeat20", "how strong"),
        ("arkit52", "fexdata_geometric", "rig"),
        ("arkit52", "pyfeat20", "rig"),
    ],
)
def test_unlike_scores_are_not_converted_and_the_error_says_why(source: str, target: str, why: str) -> None:
    with pytest.raises(FexdataError, match=why) as error:
        convert({}, source, target)
    assert source in str(error.value) and target in str(error.value)


def test_unlike_scores_can_be_compared_by_presence() -> None:
    strong = presence({"AU12": 1.0, "AU25": 0.9, "AU4": None}, "openface17_r")
    sure = presence({"AU12": 0.5, "AU25": 0.49}, "pyfeat20")
    assert (strong["AU12"], strong["AU25"], strong["AU4"]) == (True, False, None)
    assert (sure["AU12"], sure["AU25"], sure["AU4"]) == (True, False, None)
    with pytest.raises(FexdataError, match="no action units"):
        presence({}, "arkit52")


def test_an_unknown_scheme_is_named_with_the_known_ones() -> None:
    with pytest.raises(FexdataError, match=r"openface17'; known: openface17_r"):
        scheme("openface17")
    assert all(scheme(name) is one for name, one in SCHEMES.items())


def test_a_flip_exchanges_the_sides_of_blendshape_scores() -> None:
    declared = column("blendshapes", fixed(52), "Scores.", mirror=ARKIT.mirror, names=ARKIT.names)
    values = np.arange(52.0)
    flipped = mirror({"blendshapes": values}, pa.schema([declared]))["blendshapes"]
    place = ARKIT.names.index
    assert flipped[place("mouthSmileLeft")] == place("mouthSmileRight") and flipped[place("jawOpen")] == place(
        "jawOpen"
    )
    assert (mirror({"blendshapes": flipped}, pa.schema([declared]))["blendshapes"] == values).all()
