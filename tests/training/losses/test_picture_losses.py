"""Losses on pictures, against numbers computed by hand, and which way each one pulls."""

from __future__ import annotations

import pytest
import torch

from fexdata.training.losses.picture import cosine_distance, l1_error, squared_variation, total_variation

MAP = torch.tensor([[1.0, 3.0, 0.0], [2.0, 2.0, 2.0]]).reshape(1, 1, 2, 3)
# across: 2, -3, 0, 0; down: 1, -1, 2


def test_l1_error_by_hand() -> None:
    assert float(l1_error(torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, 2.0]]))) == 2.5
    assert float(l1_error(MAP, MAP)) == 0.0


def test_variations_by_hand_are_sums_over_batch_and_channels() -> None:
    assert float(total_variation(MAP)) == 2 + 3 + 1 + 1 + 2
    assert float(squared_variation(MAP)) == 4 + 9 + 1 + 1 + 4
    assert float(total_variation(MAP.repeat(2, 3, 1, 1))) == 6 * 9
    assert float(squared_variation(MAP.repeat(2, 3, 1, 1))) == 6 * 19


def test_variations_fall_as_a_map_gets_smoother() -> None:
    smooth = 0.5 * MAP + 0.5 * MAP.mean()
    assert total_variation(smooth) < total_variation(MAP)
    assert squared_variation(smooth) < squared_variation(MAP)


def test_cosine_distance_by_hand() -> None:
    one = torch.tensor([[3.0, 0.0], [3.0, 0.0]])
    assert float(cosine_distance(one, torch.tensor([[5.0, 0.0], [0.0, 2.0]]))) == pytest.approx(0.5)
    assert float(cosine_distance(one, -one)) == pytest.approx(2.0)


def test_cosine_distance_falls_as_directions_meet() -> None:
    wanted = torch.tensor([[1.0, 0.0]])
    assert cosine_distance(torch.tensor([[1.0, 0.2]]), wanted) < cosine_distance(torch.tensor([[1.0, 1.0]]), wanted)
