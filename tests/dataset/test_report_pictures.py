"""Thumbnails and charts: what they show, how large they are, and that hostile text stays text."""

from __future__ import annotations

import base64
import io
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from fexdata.dataset.report import thumbnails
from fexdata.dataset.report.charts import Threshold, histogram_chart, number, percent, rate_bar, status_bar
from fexdata.dataset.report.sheets import visible
from fexdata.dataset.report.statistics import histogram, rate


def opened(uri: str) -> np.ndarray:
    kind, _, data = uri.partition(",")
    assert kind == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def stored(depth: np.ndarray) -> np.ndarray:
    return np.round(100 * (depth + 327.68)).astype(np.uint16)


def test_nearer_is_lighter_and_none_is_transparent() -> None:
    depth = stored(np.tile(np.linspace(-60, 60, 256), (256, 1)))
    depth[:128] = 0
    picture = opened(thumbnails.depth_thumbnail(depth))
    lightness = picture[108, :, :3].astype(float).mean(1)
    assert picture.shape == (thumbnails.SIZE, thumbnails.SIZE, 4)
    assert picture[20, :, 3].max() == 0 and picture[108, :, 3].min() == 255
    assert lightness[10] < lightness[70] < lightness[133]


def test_depth_has_one_scale_for_all_faces() -> None:
    near, far = (opened(thumbnails.depth_thumbnail(stored(np.full((64, 64), value)))) for value in (1.0, 0.0))
    assert not np.array_equal(near, far)  # a scale per picture would draw both alike


def test_depth_colours_grow_lighter_all_the_way() -> None:
    light = thumbnails.depth_colours() @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(light) >= 0).all() and light[-1] - light[0] > 180


def test_mask_labels_have_their_own_colours() -> None:
    mask = np.repeat(np.arange(5, dtype=np.uint8), 16)[None].repeat(80, 0)
    picture = opened(thumbnails.mask_thumbnail(mask, np.full((80, 80, 3), 128, np.uint8))).astype(int)
    columns = picture[72, [14, 43, 72, 100, 129]]
    assert np.abs(columns[:, None] - columns[None]).sum(2)[np.triu_indices(5, 1)].min() > 30


def test_thumbnail_of_noise_keeps_the_limit() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    data = base64.b64decode(thumbnails.crop_thumbnail(noise).partition(",")[2])
    assert len(data) <= thumbnails.MAX_BYTES


def test_charts_are_well_formed_whatever_their_words() -> None:
    values = np.random.default_rng(0).normal(size=400).astype(np.float32)
    made = histogram(values, values > 0)
    assert made is not None
    chart = histogram_chart(made, [Threshold(0.0, "review", below=True)], name='<b>"&', unit="<i>")
    root = ElementTree.fromstring(chart)
    assert '<b>"& in <i>' in root.attrib["aria-label"]
    assert "review < 0" in [text.text for text in root.iter("text")]


def test_status_bar_is_as_wide_as_its_rows() -> None:
    bar = ElementTree.fromstring(status_bar({"accepted": 75, "review": 25, "rejected": 0, "failed": 0}))
    assert [(r.attrib["class"], r.attrib["width"]) for r in bar.iter("rect")] == [
        ("bar-accepted", "75.000%"), ("bar-review", "25.000%")
    ]  # fmt: skip


def test_whisker_spans_the_interval() -> None:
    one = rate(70, 100)
    lines = ElementTree.fromstring(rate_bar(one, 0.5)).findall("line[@class='whisker']")
    assert (lines[0].attrib["x1"], lines[0].attrib["x2"]) == (f"{100 * one.low:.2f}%", f"{100 * one.high:.2f}%")


@pytest.mark.parametrize(("share", "text"), [(0, "0 %"), (1e-5, "< 0.1 %"), (0.5, "50.0 %"), (0.99999, "> 99.9 %")])
def test_no_share_is_rounded_to_nothing_or_everything(share: float, text: str) -> None:
    assert percent(share) == text


def test_numbers_are_short_and_have_a_real_minus() -> None:
    assert [number(v) for v in (-0.5, 1234567.0, 12.345, float("nan"))] == ["−0.5", "1,234,567", "12.3", "–"]


def test_visible_text_hides_nothing() -> None:
    assert visible("a\u202egpj.exe\x00\x1b[31m\ud800") == "a\\u202egpj.exe\\u0000\\u001b[31m\\ud800"
    assert visible("é 漢 <b>") == "é 漢 <b>"
    assert len(visible("x" * 5000)) <= 120
