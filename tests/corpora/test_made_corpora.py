"""The helpers that other tests stand on keep their own promises."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from making import FLIPPED_68, portraits, variants


def test_variants_are_the_same_for_a_seed_and_differ_otherwise(tmp_path: Path) -> None:
    same = [variants(6, 1, tmp_path / name, size=200) for name in ("a", "b")]
    other = variants(6, 2, tmp_path / "c", size=200)
    bytes_of = [[one.path.read_bytes() for one in made] for made in (*same, other)]
    assert bytes_of[0] == bytes_of[1]
    assert len(set(bytes_of[0] + bytes_of[2])) == 12


@pytest.mark.parametrize("seed", [0, 1])
def test_the_whole_face_stays_in_every_variant(tmp_path: Path, seed: int) -> None:
    for one in variants(30, seed, tmp_path, size=320):
        height, width = cv2.imread(str(one.path)).shape[:2]
        left, top, extent, fall = one.box
        assert max(width, height) == 320
        assert left > 0 and top > 0 and left + extent < width and top + fall < height
        inside = one.points - (left, top)
        assert (inside > -3).all() and (inside < np.array((extent, fall)) + 3).all()


def test_longer_side_lies_in_the_asked_range(tmp_path: Path) -> None:
    sides = [max(cv2.imread(str(one.path)).shape) for one in variants(12, 3, tmp_path)]
    assert 640 <= min(sides) < max(sides) <= 1024


def test_landmarks_keep_left_and_right_when_a_variant_is_mirrored(tmp_path: Path) -> None:
    assert sorted(FLIPPED_68) == list(range(68))
    assert [FLIPPED_68[FLIPPED_68[index]] for index in range(68)] == list(range(68))
    for one in variants(24, 4, tmp_path, size=200):
        assert one.points[36:42, 0].mean() < one.points[42:48, 0].mean()
        assert one.points[0, 0] < one.points[16, 0]


def test_variants_look_like_the_portrait_around_the_face(tmp_path: Path) -> None:
    known = {portrait.name: portrait for portrait in portraits()}
    for one in variants(12, 5, tmp_path, size=800):
        portrait = known[one.portrait]
        faces = []
        for pixels, box in ((cv2.imread(str(one.path)), one.box), (portrait.pixels, portrait.box)):
            left, top, width, height = (round(value) for value in box)
            face = cv2.resize(pixels[top : top + height, left : left + width], (48, 48), interpolation=cv2.INTER_AREA)
            faces.append(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY).astype(float))
        likeness = [np.corrcoef(faces[0].ravel(), turned.ravel())[0, 1] for turned in (faces[1], faces[1][:, ::-1])]
        assert max(likeness) > 0.97
