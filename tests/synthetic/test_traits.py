"""Traits are drawn from a seed, stay in their ranges, and go together as they do in the world."""

from __future__ import annotations

import dataclasses
import typing

import numpy as np
import pytest

from fexdata.synthetic import traits as module
from fexdata.synthetic.traits import Traits, draw_traits, linear_colour


@pytest.fixture(scope="module")
def crowd() -> list[Traits]:
    return [draw_traits(seed) for seed in range(1500)]


def shares(crowd: list[Traits], name: str) -> dict[str, float]:
    values, counts = np.unique([getattr(person, name) for person in crowd], return_counts=True)
    return dict(zip(values.tolist(), (counts / len(crowd)).tolist(), strict=True))


def test_equal_seeds_give_equal_people_and_others_differ() -> None:
    assert draw_traits(7) == draw_traits(7)
    assert len({draw_traits(seed) for seed in range(50)}) == 50


@pytest.mark.parametrize("name", ["HairStyle", "HairColour", "EyeColour", "Beard", "Headwear", "Glasses", "Clothes"])
def test_every_kind_occurs_and_no_other(crowd: list[Traits], name: str) -> None:
    field = {"HairColour": "hair_colour_name", "EyeColour": "eye_colour", "HairStyle": "hair_style"}.get(
        name, name.lower()
    )
    assert set(shares(crowd, field)) == set(typing.get_args(getattr(module, name)))


def test_strengths_stay_between_nought_and_one(crowd: list[Traits]) -> None:
    beyond = {"seed", "age", "moles", "blemishes", "brow_thickness", "brow_arch", "pupil", "hair_length"}
    for field in dataclasses.fields(Traits):
        values = [getattr(person, field.name) for person in crowd]
        if field.name not in beyond and not isinstance(values[0], str):
            assert np.min(values) >= 0, field.name
            assert np.max(values) <= 1, field.name


def test_ages_and_tones_spread_over_their_range(crowd: list[Traits]) -> None:
    ages, tones = ([getattr(person, name) for person in crowd] for name in ("age", "tone"))
    assert min(ages) >= 18
    assert max(ages) <= 75
    assert np.histogram(ages, bins=[18, 30, 45, 60, 75])[0].min() > 0.06 * len(crowd)
    assert np.histogram(tones, bins=5, range=(0, 1))[0].min() > 0.1 * len(crowd)


def test_dark_skin_goes_with_dark_eyes_and_hair(crowd: list[Traits]) -> None:
    light = [person for person in crowd if person.tone < 0.25]
    dark = [person for person in crowd if person.tone > 0.75]
    assert shares(dark, "eye_colour").get("blue", 0) < 0.02
    assert shares(light, "eye_colour")["blue"] > 0.15
    assert np.mean([sum(p.hair_colour) for p in light]) > 2 * np.mean([sum(p.hair_colour) for p in dark])


def test_age_brings_grey_hair_and_wrinkles(crowd: list[Traits]) -> None:
    ages = [person.age for person in crowd]
    assert np.corrcoef(ages, [person.wrinkles for person in crowd])[0, 1] > 0.85
    assert np.corrcoef(ages, [person.hair_grey for person in crowd])[0, 1] > 0.4


def test_only_masculine_people_wear_beards_and_mostly_feminine_ones_make_up(crowd: list[Traits]) -> None:
    bearded = [person.masculinity for person in crowd if person.beard != "none"]
    painted = [person.masculinity for person in crowd if person.lipstick]
    assert min(bearded) > 0.4
    assert np.mean(painted) < 0.3


def test_black_and_white_keep_their_value_in_linear_colour() -> None:
    assert linear_colour("#000000") == (0, 0, 0)
    assert linear_colour("#ffffff") == (1, 1, 1)
    np.testing.assert_allclose(linear_colour("#bcbcbc"), 0.5029, atol=1e-4)
