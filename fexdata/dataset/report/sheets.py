"""Contact sheets: which rows are shown, and their cards.

The choice is seeded by `sample_id`, which is a hash: the same dataset gives the same sheets, and a
thousand times as many rows give a page of the same size.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fexdata.dataset.reader import Dataset
from fexdata.dataset.report import thumbnails
from fexdata.dataset.report.charts import number
from fexdata.dataset.report.facts import Margin, Rows
from fexdata.dataset.report.statistics import spread

ACCEPTED, BORDERLINE, REJECTED, FAILED = 20, 15, 10, 5
"""Cards on each sheet, at most."""
EXAMPLES = 8
"""Thumbnails beside each reason, at most."""
MESSAGES = 4
"""Failed rows quoted beside each failure code, at most."""
MAX_CAUSES = 24
"""Reasons and codes that get examples; the rest are counted only."""

TILES = ("image", "depth", "normal", "mask")
READ_AT_ONCE = 32
"""Rows whose full-size pictures are in memory together."""
CARD_COLUMNS = ("sample_id", "status", "expression", "corpus_label", "yaw", "quality", "reasons", "failure_code",
                "failure_message", "source_path", "face_slot")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tile:
    """One thumbnail: what it is, its `data:` URI, and a text in its place."""

    kind: str
    uri: str
    alt: str


@dataclass(frozen=True, slots=True)
class Card:
    """One row as it is shown."""

    sample_id: str
    status: str
    title: str
    facts: tuple[tuple[str, str], ...]
    reasons: str
    source: str
    message: str
    remark: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A titled group of cards, and how many rows it was drawn from."""

    title: str
    about: str
    cards: tuple[Card, ...]
    of: int


class Chooser:
    """Picks rows by hash. `positions` are row numbers in the manifest."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._has_crop = rows.dataset.table(["shard"]).column("shard").is_valid().to_numpy()
        expression, _ = rows.classes("expression")
        self._expression = expression

    def with_crop(self, positions: np.ndarray) -> np.ndarray:
        return positions[self._has_crop[positions]]

    def sample(self, positions: np.ndarray, count: int) -> np.ndarray:
        """Up to `count` of the rows, in turn from each expression, by the smallest `sample_id`."""
        if len(positions) == 0:
            return positions
        ids = self._rows.dataset.sample_ids.take(pa.array(positions))
        rank = np.empty(len(positions), np.int64)
        rank[pc.array_sort_indices(ids).to_numpy()] = np.arange(len(positions))
        return positions[spread(rank, self._expression[positions], count)]

    def lowest(self, positions: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
        """The `count` rows with the smallest values (one per position), NaN never; ties by row."""
        known = np.flatnonzero(np.isfinite(values))
        return positions[known[np.argsort(values[known], kind="stable")][:count]]


def choose(rows: Rows, margin: Margin | None) -> dict[str, tuple[np.ndarray, int]]:
    """Rows of each sheet (`accepted`, `borderline`, `rejected`, `failed`), and of how many.

    Borderline are the accepted rows with the smallest margin and the rows for review with the
    largest.
    """
    chooser = Chooser(rows)
    members = [chooser.with_crop(np.flatnonzero(rows.status == code)) for code in range(4)]
    barely = waiting = np.empty(0, np.int64)
    if margin is not None:
        barely = chooser.lowest(members[0], margin.least[members[0]], BORDERLINE // 3)
        waiting = chooser.lowest(members[1], -margin.least[members[1]], BORDERLINE - len(barely))
    if len(waiting) < BORDERLINE - len(barely):
        rest = np.setdiff1d(members[1], waiting)
        waiting = np.concatenate([waiting, chooser.sample(rest, BORDERLINE - len(barely) - len(waiting))])
    return {
        "accepted": (chooser.sample(np.setdiff1d(members[0], barely), ACCEPTED), len(members[0])),
        "borderline": (np.concatenate([barely, waiting]), len(members[0]) + len(members[1])),
        "rejected": (chooser.sample(members[2], REJECTED), len(members[2])),
        "failed": (chooser.sample(members[3], FAILED), len(members[3])),
    }


class Gallery:
    """The rows that the page shows. The manifest is read once for all of them, a column at a time."""

    def __init__(self, dataset: Dataset, positions: Iterable[int]) -> None:
        self._dataset = dataset
        rows = np.unique(np.fromiter(positions, np.int64))
        names = [name for name in CARD_COLUMNS if name in dataset.schema.names]
        columns = [dataset.table([name]).column(name).take(pa.array(rows)).to_pylist() for name in names]
        self._records: dict[int, dict[str, Any]] = {
            int(row): dict(zip(names, values, strict=True))
            for row, values in zip(rows, zip(*columns, strict=True), strict=True)
        }

    def cards(self, positions: Iterable[int], remarks: Sequence[str] = ()) -> list[Card]:
        """The cards of the given rows, in their order, each with its remark if there are any;
        pictures are read a few rows at a time."""
        kinds = [kind for kind in TILES if kind in self._dataset.picture_columns]
        records = [self._records[int(row)] for row in positions]
        made: list[Card] = []
        for start in range(0, len(records), READ_AT_ONCE):
            batch = records[start : start + READ_AT_ONCE]
            pictures = self._pictures(batch, kinds)
            for index, record in enumerate(batch):
                found = {kind: pictures[kind][index] for kind in kinds}
                remark = remarks[start + index] if remarks else ""
                made.append(_card(record, _tiles(found, _title(record)), remark))
        return made

    def crops(self, positions: Iterable[int]) -> dict[int, Tile]:
        """Thumbnails of the crops of the given rows; a row without a crop is left out."""
        if "image" not in self._dataset.picture_columns:
            return {}
        wanted = sorted({int(position) for position in positions})
        tiles: dict[int, Tile] = {}
        for start in range(0, len(wanted), READ_AT_ONCE):
            batch = wanted[start : start + READ_AT_ONCE]
            images = self._pictures([self._records[row] for row in batch], ["image"])["image"]
            for row, image in zip(batch, images, strict=True):
                if image is not None:
                    words = f"Crop of {_source(self._records[row], 60)}"
                    tiles[row] = Tile("image", thumbnails.crop_thumbnail(image), words)
        return tiles

    def quotes(self, positions: Iterable[int]) -> list[tuple[str, str]]:
        """(source path, failure message) of the given rows, fit to print."""
        records = [self._records[int(row)] for row in positions]
        return [(_source(record, 80), visible(record.get("failure_message") or "", 200)) for record in records]

    def _pictures(self, records: Sequence[Mapping[str, Any]], kinds: Sequence[str]) -> dict[str, Any]:
        return self._dataset.pictures([record["sample_id"] for record in records], kinds) if kinds else {}


def visible(text: str, longest: int = 120) -> str:
    """The text with nothing hidden in it: control, format and unassigned characters (which could
    reorder or conceal what follows) as escapes; long texts are cut in the middle."""
    hidden = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    shown = "".join(f"\\u{ord(c):04x}" if unicodedata.category(c) in hidden else c for c in text)
    if len(shown) <= longest:
        return shown
    half = (longest - 1) // 2
    return f"{shown[:half]}…{shown[-half:]}"


def _source(record: Mapping[str, Any], longest: int) -> str:
    return visible(str(record.get("source_path") or record["sample_id"]), longest)


def _title(record: Mapping[str, Any]) -> str:
    return visible(str(record.get("expression") or record.get("corpus_label") or "no label"), 40)


def _card(record: Mapping[str, Any], tiles: Iterable[Tile], remark: str) -> Card:
    facts = [
        (name, f"{number(record[key])}{unit}")
        for key, name, unit in (("yaw", "yaw", "°"), ("quality", "quality", ""))
        if record.get(key) is not None
    ]
    reasons = [visible(reason.replace("_", " "), 60) for reason in record.get("reasons") or [] if reason != "failed"]
    if record.get("failure_code"):
        reasons.append(visible(str(record["failure_code"]).replace("_", " "), 60))
    return Card(
        str(record["sample_id"]),
        str(record["status"]),
        _title(record),
        tuple(facts),
        ", ".join(reasons),
        _source(record, 64),
        visible(record.get("failure_message") or "", 160),
        visible(remark, 60),
        tuple(tiles),
    )


def _tiles(pictures: Mapping[str, np.ndarray | None], title: str) -> list[Tile]:
    image, depth = pictures.get("image"), pictures.get("depth")
    normal, mask = pictures.get("normal"), pictures.get("mask")
    tiles = []
    if image is not None:
        tiles.append(Tile("image", thumbnails.crop_thumbnail(image), f"Face crop, {title}"))
    if depth is not None:
        tiles.append(Tile("depth", thumbnails.depth_thumbnail(depth), "Its depth map"))
    if normal is not None:
        here = depth > 0 if depth is not None else normal.any(2)
        tiles.append(Tile("normal", thumbnails.normal_thumbnail(normal, here), "Its normal map"))
    if mask is not None and image is not None:
        tiles.append(Tile("mask", thumbnails.mask_thumbnail(mask, image), "Its mask over the crop"))
    return tiles
