"""Edited pictures say that they are edited."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from fexdata.evaluation.marked import KEY, SOURCE_TYPE, is_marked, write_gif, write_png

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
DONE = {"method": "stargan", "set": {"AU12": 0.8}}


def test_png_keeps_its_pixels_and_says_what_was_done(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", PIXELS, DONE)
    with Image.open(tmp_path / "a.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), PIXELS)
        assert json.loads(picture.info[KEY]) == DONE
        assert SOURCE_TYPE in picture.info["XML:com.adobe.xmp"]
    assert is_marked(tmp_path / "a.png")


def test_plain_png_is_not_marked(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "b.png")
    assert not is_marked(tmp_path / "b.png")


def test_gif_runs_there_and_back_and_says_what_was_done(tmp_path: Path) -> None:
    frames = [np.full((8, 8, 3), level, np.uint8) for level in (0, 80, 160, 240)]
    write_gif(tmp_path / "a.gif", frames, DONE)
    with Image.open(tmp_path / "a.gif") as picture:
        assert picture.n_frames == 6  # type: ignore[attr-defined]
        assert json.loads(picture.info["comment"])[KEY] == DONE


def test_same_edit_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        write_png(tmp_path / name, PIXELS, DONE)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
