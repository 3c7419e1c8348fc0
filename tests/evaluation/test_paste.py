"""Putting an edited face back."""

import numpy as np
import pytest

from fexdata.evaluation.paste import how_changed, paste, soft_border

SIDE = 48


def photograph(seed: int = 0) -> np.ndarray:
    """Noise: any pixel that is resampled differs."""
    return np.random.default_rng(seed).integers(40, 200, (200, 240, 3), dtype=np.uint8)


def crop_of(level: int) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), level, np.uint8)


MATRIX = np.array([[0.5, 0.05, -20.0], [-0.05, 0.5, -15.0]])
"""A crop of about 96 photograph pixels, turned a little."""


def middle() -> tuple[int, int]:
    """Row and column of the photograph under the crop's middle."""
    x, y = np.linalg.solve(MATRIX[:, :2], np.array([SIDE / 2, SIDE / 2]) - MATRIX[:, 2])
    return round(y), round(x)


def test_edit_that_changes_nothing_leaves_every_pixel() -> None:
    before = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    np.testing.assert_array_equal(paste(photograph(), before, before, MATRIX), photograph())


def test_great_change_replaces_the_photograph_in_the_middle() -> None:
    row, column = middle()
    assert paste(photograph(), crop_of(100), crop_of(220), MATRIX)[row, column].tolist() == [220, 220, 220]


def test_small_change_keeps_the_photographs_detail() -> None:
    row, column = middle()
    made = paste(photograph(), crop_of(100), crop_of(103), MATRIX)
    assert made[row, column].tolist() == (photograph()[row, column] + 3).tolist()


def test_photograph_outside_the_crop_is_its_own() -> None:
    made = paste(photograph(), crop_of(0), crop_of(255), MATRIX)
    y, x = np.mgrid[:200, :240]
    u, v = (MATRIX[k, 0] * x + MATRIX[k, 1] * y + MATRIX[k, 2] for k in range(2))
    inside = (np.abs(u - (SIDE - 1) / 2) < SIDE / 2) & (np.abs(v - (SIDE - 1) / 2) < SIDE / 2)
    np.testing.assert_array_equal(made[~inside], photograph()[~inside])
    assert (made[inside] != photograph()[inside]).mean() > 0.8


@pytest.mark.parametrize("shift", [-300.0, 40.0])
def test_crop_beyond_the_photograph_is_no_error(shift: float) -> None:
    matrix = MATRIX + np.array([[0, 0, shift], [0, 0, 0]])
    assert paste(photograph(), crop_of(0), crop_of(255), matrix).shape == (200, 240, 3)


def test_border_is_soft_and_change_is_smooth() -> None:
    border = soft_border(SIDE)
    assert border[SIDE // 2, SIDE // 2] == 1 and border[0].max() == 0
    assert np.abs(np.diff(border, axis=0)).max() < 0.35
    after = crop_of(100)
    after[20:28, 20:28] = 200
    changed = how_changed(crop_of(100), after)
    assert changed[24, 24] == 1 and changed[2, 2] == 0
