"""From facts and sheets to HTML: everything the template needs, and the template."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from fexdata.dataset.access import RowFile
from fexdata.dataset.fields import PICTURE, meta, shape_of
from fexdata.dataset.reader import Dataset
from fexdata.dataset.report import charts, facts, sheets, statistics, thumbnails
from fexdata.dataset.report.annotation import WEAK, Annotation, annotation
from fexdata.dataset.report.facts import Cause, Measured
from fexdata.dataset.report.sheets import Sheet, Tile, visible
from fexdata.dataset.report.statistics import Acceptance, Finding, Group
from fexdata.dataset.shards import shard_path
from fexdata.storage import join

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Explained:
    """A cause with what shows it: crops, or the words of rows that have none."""

    cause: Cause
    share: float
    tiles: tuple[Tile, ...]
    quotes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """One column of the dataset as the page lists it."""

    name: str
    kind: str
    unit: str
    about: str
    place: str


def render(dataset: Dataset, review: Sequence[str] = ()) -> str:
    """The report as HTML text; `review` are the lines of its section on people's decisions. Raises
    `FileNotFoundError` when a shard or side table is missing."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": charts.percent, "number": charts.number, "figure": charts.figure}
    environment.filters |= {"visible": visible, "words": words}
    template = environment.get_template("page.html.j2")
    style = Markup((FOLDER / "page.css").read_text(encoding="utf-8"))
    return template.render(style=style, review=review, **context(dataset)) + "\n"


def context(dataset: Dataset) -> dict[str, Any]:
    """The template's variables."""
    rows = facts.Rows(dataset)
    limits = facts.thresholds(dataset.metadata)
    status = facts.counts(rows)
    breakdowns = facts.acceptances(rows)
    labels = annotation(rows)
    explained, contact, crops = _pictured(rows, limits, labels)
    metadata = dataset.metadata
    recipe = metadata.get("recipe") or {}
    return {
        "name": visible(dataset.name),
        "about": recipe.get("about") or "",
        "corpus": metadata.get("corpus") or {},
        "licences": facts.licences(metadata),
        "fingerprint": str(metadata.get("fingerprint", "")),
        "photographs": int((metadata.get("counts") or {}).get("photographs", 0)),
        "rows": len(dataset),
        "status": status,
        "marks": charts.STATUS_MARKS,
        "patterns": charts.PATTERNS,
        "status_bar": charts.status_bar(status) if len(dataset) else "",
        "command": f"fexdata build {visible(str(recipe.get('name') or dataset.name))}",
        "explained": [(kind, [one for one in explained if one.cause.kind == kind]) for kind in KINDS],
        "breakdowns": breakdowns,
        "warnings": [(title, group, finding_words(group)) for title, group in _flagged(breakdowns)],
        "finding_words": finding_words,
        "rate_bar": charts.rate_bar,
        "few": statistics.FEW_ROWS,
        "fair_share": statistics.FAIR_SHARE,
        "sheets": contact,
        "labels": labels,
        "weak": WEAK,
        "crops": crops,
        "legend": _legend(),
        "histograms": _histograms(rows, limits),
        "chart": _chart,
        "columns": column_facts(dataset),
        "recipe": _recipe_facts(recipe),
        "rules": _rules(recipe.get("rules") or {}),
        "stages": _stages(metadata, recipe),
        # A JSON object has no order of its own: only a list says what ran after what.
        "arrow": " → " if isinstance(metadata.get("stages"), list) else ", ",
        "recipe_json": json.dumps(recipe, indent=2, sort_keys=True, ensure_ascii=False),
        "format": metadata.get("format", ""),
    }


def words(name: str) -> str:
    """`low_sharpness` as a person says it."""
    return visible(name.replace("_", " "), 80)


def finding_words(group: Group) -> str:
    """What to make of a class's rate, as a sentence fragment; empty when there is nothing to say."""
    if group.finding is Finding.TOO_FEW:
        return f"fewer than {statistics.FEW_ROWS} rows: too few to tell"
    if group.finding is Finding.FINE:
        return ""
    ratio = f"{group.ratio:.2f} × the overall rate"
    if group.finding is Finding.LOW:
        return f"{ratio}, and the whole 95 % interval is under {statistics.FAIR_SHARE:g} ×"
    return f"{ratio}, though the 95 % interval reaches above {statistics.FAIR_SHARE:g} ×"


def column_facts(dataset: Dataset) -> list[ColumnFacts]:
    """Every column of manifest, shards and side tables, with the meaning its field declares."""
    found = [_column(field, "manifest") for field in dataset.schema]
    # Every shard has the same columns, and so has every file of a side table: one tells of all.
    for name in list(dataset.metadata.get("shards") or {})[:1]:
        fields = _schema(shard_path(dataset.path, name))
        found += [_column(field, "shards") for field in fields if meta(field, "table") == "shard"]
    for name, files in (dataset.metadata.get("side") or {}).items():
        for file in files[:1]:
            found.append(_column(_schema(join(dataset.path, file)).field(name), "side table"))
    return found


def _schema(path: str) -> Any:
    file = RowFile(path)
    try:
        return file.schema
    finally:
        file.close()


def _column(field: Any, place: str) -> ColumnFacts:
    shape = shape_of(field)
    kind = "picture" if field.type == PICTURE else KINDS_OF_VALUE.get(str(field.type), str(field.type))
    if shape:
        kind = f"float32 {' × '.join(map(str, shape))}"
    convention = meta(field, "convention")
    about = f"{meta(field, 'about')} {f'Convention: {convention}.' if convention else ''}".strip()
    return ColumnFacts(field.name, kind, meta(field, "unit"), about, place)


KINDS_OF_VALUE = {
    "float": "float32",
    "double": "float64",
    "list<element: string>": "list of strings",
    "list<item: string>": "list of strings",
}
"""Arrow's names that a reader of Python would not expect."""


def _pictured(
    rows: facts.Rows, limits: Mapping[str, tuple[charts.Threshold, ...]], labels: Annotation | None
) -> tuple[list[Explained], list[Sheet], dict[int, Tile]]:
    """Everything with pictures: chosen first, then read in one go. Also the crops of single rows, by
    row number."""
    chooser = sheets.Chooser(rows)
    found = facts.causes(rows, limits)
    pictured, quoted = [], []
    for cause, members in found[: sheets.MAX_CAUSES]:
        pictured.append(chooser.sample(chooser.with_crop(members), sheets.EXAMPLES))
        quoted.append(chooser.sample(members, sheets.MESSAGES) if cause.kind == "failed" else members[:0])
    margin = facts.margin(rows, limits)
    chosen = sheets.choose(rows, margin)
    single = np.concatenate(
        [np.empty(0, np.int64), *pictured, *(np.array(one, np.int64) for one in (labels.pictured() if labels else []))]
    )
    gallery = sheets.Gallery(rows.dataset, np.concatenate([single, *quoted, *(one for one, _ in chosen.values())]))
    crops = gallery.crops(single)
    explained = []
    for index, (cause, _) in enumerate(found):
        seen = pictured[index] if index < len(pictured) else ()
        said = quoted[index] if index < len(quoted) else ()
        tiles = tuple(crops[int(row)] for row in seen if int(row) in crops)
        explained.append(Explained(cause, cause.rows / max(1, len(rows.status)), tiles, tuple(gallery.quotes(said))))
    remarks = {"borderline": [margin.words(row) for row in chosen["borderline"][0]]} if margin and limits else {}
    contact = [
        Sheet(title, about, tuple(gallery.cards(picked, remarks.get(key, ()))), of)
        for key, title, about in SHEETS
        for picked, of in [chosen[key]]
        if len(picked)
    ]
    return explained, contact, crops


KINDS = ("rejected", "review", "failed")
SHEETS = (
    ("accepted", "Accepted", "drawn by hash, in turn from each expression"),
    ("borderline", "Borderline", "first accepted rows that pass a rule most narrowly, then rows for review"),
    ("rejected", "Rejected", "drawn by hash, in turn from each expression"),
    ("failed", "Failed, with a crop", "a later stage gave up on them"),
)


def _flagged(breakdowns: list[tuple[str, str, Acceptance]]) -> list[tuple[str, Group]]:
    low = (Finding.LOW, Finding.PERHAPS_LOW)
    return [(title, group) for title, _, one in breakdowns for group in one.groups if group.finding in low]


def _histograms(
    rows: facts.Rows, limits: Mapping[str, tuple[charts.Threshold, ...]]
) -> list[tuple[str, list[Measured]]]:
    scores = facts.measured(rows, "quality", limits) + facts.measured(rows, "score_", limits)
    found = [
        ("Measurements", facts.measured(rows, "measure_", limits)),
        ("Scores, 0 to 1, low is bad", scores),
        ("Pose and detection", [
            one
            for name in ("yaw", "pitch", "roll", "detection_score", "inside_fraction")
            for one in facts.measured(rows, name, limits)
            if one.name == name
        ]),
    ]  # fmt: skip
    return [(title, columns) for title, columns in found if columns]


def _chart(column: Measured) -> Markup:
    return charts.histogram_chart(column.histogram, column.thresholds, name=column.name, unit=column.unit)


def _legend() -> dict[str, Any]:
    low, high = (round(256 * share) for share in thumbnails.DEPTH_RANGE)
    colours = [f"#{bytes(colour).hex()}" for colour in thumbnails.MASK_COLOURS.tolist()]
    return {
        "depth_scale": thumbnails.depth_scale(),
        "far": charts.number(low),
        "near": charts.number(high),
        "contour": charts.number(thumbnails.CONTOUR),
        "mask": list(zip(thumbnails.MASK_LABELS, colours, strict=True))[1:],
    }


def _recipe_facts(recipe: Mapping[str, Any]) -> list[tuple[str, str]]:
    names = (("cap_per_class", "Cap per expression"), ("seed", "Seed"))
    return [(title, _plain(recipe[name])) for name, title in names if recipe.get(name) is not None]


def _rules(rules: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    for part, title in (("reject", "Rejected below"), ("review", "To review below"), ("keep", "Duplicates")):
        if rules.get(part):
            found.append((title, _plain(rules[part])))
    return found


def _stages(metadata: Mapping[str, Any], recipe: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(stage, version or key, settings), in the order in which the metadata has them."""
    made = metadata.get("stages") or {}
    if not isinstance(made, Mapping):
        made = {str(one.get("name")): one for one in made}
    settings = recipe.get("stages") or {}
    if not isinstance(settings, Mapping):
        settings = dict.fromkeys(map(str, settings), "")
    names = list(dict.fromkeys([*made, *settings]))
    return [(name, _version(made.get(name)), _plain(settings.get(name) or "defaults")) for name in names]


def _version(entry: Any) -> str:
    if isinstance(entry, Mapping):
        parts = [f"version {entry['version']}"] if "version" in entry else []
        return ", ".join([*parts, *([str(entry["key"])[:12]] if "key" in entry else [])])
    return str(entry)[:12] if entry is not None else ""


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return visible(str(value).replace("_", " "))
