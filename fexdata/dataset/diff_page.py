"""The difference of two builds as one self-contained HTML page, pictures included."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from fexdata.dataset.diff import ColumnChange, Diff, Flip
from fexdata.dataset.reader import Dataset
from fexdata.storage import write_atomic

FLIPS = 60
"""Flipped rows shown with pictures; the page says how many there are in all."""

SIDE = 128
"""Largest side of a shown picture, in pixels."""

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 }
td, th { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #ddd }
td.n { text-align: right; font-variant-numeric: tabular-nums }
img { width: 128px; height: 128px; image-rendering: auto; background: #000 }
figure { display: inline-block; margin: 0 .4rem 0 0 } figcaption { font-size: .8rem; color: #666 }
code { font-size: .85em } small { color: #666 }
br + small { display: inline-block; max-width: 13rem; overflow-wrap: anywhere }
"""


def write_diff_html(found: Diff, path: str, *, limit: int = FLIPS) -> None:
    """Writes the page: counts, columns, and the first `limit` rows that changed status, each with
    its crop and depth map, old and new."""
    old, new = escape(found.old.path), escape(found.new.path)
    body = [
        f"<h1>{escape(found.new.name)}: what changed</h1>",
        f"<p>old: <code>{old}</code><br>new: <code>{new}</code></p>",
        f"<p>{found.common:,} rows in both, {len(found.added):,} added, {len(found.removed):,} removed.</p>",
        *_settings(found.settings),
        *_names("Columns added", found.columns_added),
        *_names("Columns removed", found.columns_removed),
        *_names("Columns of another type", found.columns_retyped),
        "<h2>Columns that changed</h2>",
        _changes(found.changes),
        f"<h2>Rows that changed status: {len(found.flips):,}</h2>",
        _flips(found, found.flips[:limit]),
    ]
    if len(found.flips) > limit:
        body.append(f"<p>The first {limit} of {len(found.flips):,} are shown.</p>")
    title = f"<title>{escape(found.new.name)}: what changed</title>"
    page = f'<!doctype html><html lang="en"><meta charset="utf-8">{title}<style>{STYLE}</style>' + "\n".join(body)
    write_atomic(path, page.encode())


def _names(title: str, names: Sequence[str]) -> list[str]:
    return [f"<p>{title}: <code>{escape(', '.join(names))}</code></p>"] if names else []


def _settings(changed: Mapping[str, tuple[str, str]]) -> list[str]:
    rows = [
        f"<tr><td><code>{escape(name)}</code><td>{escape(before)}<td>{escape(after)}</tr>"
        for name, (before, after) in changed.items()
    ]
    return (
        ["<h2>Settings that changed</h2>", "<table><tr><th>setting<th>old<th>new</tr>", *rows, "</table>"]
        if rows
        else []
    )


def _changes(changes: Sequence[ColumnChange]) -> str:
    if not changes:
        return "<p>None.</p>"
    rows = ["<table><tr><th>column<th>rows changed<th>of<th>median change<th>largest<th>from &rarr; to</tr>"]
    for change in changes:
        numbers = ["" if value is None else f"{value:.4g}" for value in (change.median, change.largest)]
        pairs = [f"{before} → {after}: {count:,}" for (before, after), count in change.confusion.items()]
        cells = [f"{change.changed:,} ({change.share:.1%})", f"{change.rows:,}", *numbers]
        told = "<br>".join(escape(pair) for pair in pairs[:12])
        row = "".join(f'<td class="n">{cell}' for cell in cells)
        rows.append(f"<tr><td><code>{escape(change.name)}</code>{row}<td>{told}</tr>")
    return "\n".join([*rows, "</table>"])


def _flips(found: Diff, flips: Sequence[Flip]) -> str:
    if not flips:
        return "<p>None.</p>"
    ids = [flip.sample_id for flip in flips]
    pictures = [_pictures(dataset, ids) for dataset in (found.old, found.new)]
    paths = found.new.table(["source_path"]).column("source_path").take(found.new.positions(ids)).to_pylist()
    rows = ["<table><tr><th>row<th>old<th>new</tr>"]
    for index, flip in enumerate(flips):
        sides = zip((flip.old, flip.new), (flip.old_reasons, flip.new_reasons), pictures, strict=True)
        cells = [_side(status, reasons, shown[index]) for status, reasons, shown in sides]
        row = f"<code>{flip.sample_id[:12]}</code><br><small>{escape(str(paths[index]))}</small>"
        rows.append(f"<tr><td>{row}{''.join(cells)}</tr>")
    return "\n".join([*rows, "</table>"])


def _side(status: str, reasons: Sequence[str], pictures: dict[str, str]) -> str:
    figures = "".join(f'<figure><img src="{url}" alt="{name}"></figure>' for name, url in pictures.items())
    why = f" <small>({escape(', '.join(reasons))})</small>" if reasons else ""
    return f"<td><b>{escape(status)}</b>{why}<br>{figures}"


def _pictures(dataset: Dataset, ids: Sequence[str]) -> list[dict[str, str]]:
    """Per row, its crop and depth map as data URLs, where it has them."""
    names = [name for name in ("image", "depth") if name in dataset.picture_columns]
    found = dataset.pictures(ids, names)
    return [
        {name: data_url(pixels) for name in names if (pixels := found[name][index]) is not None}
        for index in range(len(ids))
    ]


def data_url(pixels: np.ndarray) -> str:
    """A picture as a small JPEG for a page. A depth map (uint16) is shown on the scale on which the
    face's half width is full: lighter is nearer."""
    from PIL import Image

    if pixels.dtype == np.uint16:
        depth = pixels / 100.0 - 327.68
        shown = np.clip(128 + 127 * depth / (pixels.shape[1] / 2), 1, 255)
        pixels = np.where(pixels == 0, 0, shown).astype(np.uint8)
    picture = Image.fromarray(pixels)
    picture.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
