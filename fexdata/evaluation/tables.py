"""An evaluation as Markdown for people and JSON for machines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fexdata.evaluation.evaluate import Evaluation
from fexdata.evaluation.measured import Measured
from fexdata.evaluation.papers import PaperTable, tables_for


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything but the pictures; a figure that is no number is null."""
    return {
        "run": evaluation.run,
        "method": evaluation.method,
        "dataset": evaluation.dataset,
        "settings": asdict(evaluation.settings),
        "told": evaluation.kind,
        "judges": evaluation.judges,
        "results": [_plain(asdict(one)) for one in evaluation.results],
        "missing": list(evaluation.missing),
        "papers": [_beside_json(table, evaluation) for table in tables_for(evaluation.method)],
    }


def as_markdown(evaluation: Evaluation) -> str:
    """One page: our figures with n, interval and seed, then the papers' tables with ours as the last row."""
    settings = evaluation.settings
    lines = [
        f"# {evaluation.method} on {evaluation.dataset['name']}",
        "",
        f"Run `{evaluation.run}`, split `{settings.split}`, seed {settings.seed}.",
        "Intervals: 95 %, bootstrap over pictures; after ±, the standard deviation over parts.",
        "",
        *_table(("result", "value", "95 % interval", "n", "remark"), [_row(one) for one in evaluation.results]),
    ]
    if evaluation.missing:
        lines += ["", "Not measured:", "", *(f"- {text}" for text in evaluation.missing)]
    for table in tables_for(evaluation.method):
        lines += ["", f"## {table.paper}, {table.table}: {table.data}", "", *_paper(table, evaluation)]
    return "\n".join([*lines, ""])


def _paper(table: PaperTable, evaluation: Evaluation) -> list[str]:
    ours = [_beside(prefix, evaluation.results) for _, prefix in table.columns]
    rows = [(name, *map(_figure, values)) for name, values in table.rows]
    own = f"**{evaluation.method}, here**"
    rows.append((own, *(f"**{_figure(one.value)}**" if one is not None else "–" for one in ours)))
    return [
        *_table(("", *(word for word, _ in table.columns)), rows),
        "",
        f"Judge: {table.judge}. {comparable(table, evaluation.dataset)}",
    ]


def comparable(table: PaperTable, dataset: Mapping[str, Any]) -> str:
    """Whether our row may be read against the paper's."""
    if table.corpus and table.corpus == dataset.get("corpus") and not dataset.get("synthetic"):
        return "Same corpus; comparable as far as its rows, the picture size and the judge are the paper's."
    return f"Not comparable: the paper's figures are of {table.data}, ours of {dataset['name']}."


def _beside(prefix: str, results: Sequence[Measured]) -> Measured | None:
    """Our result that stands in a column: the first whose name begins so (the input's own never does)."""
    found = [
        one for one in results if prefix and one.name.startswith(prefix) and not one.name.endswith(("input]", "copy's"))
    ]
    return found[0] if found else None


def _beside_json(table: PaperTable, evaluation: Evaluation) -> dict[str, Any]:
    ours = {word: _beside(prefix, evaluation.results) for word, prefix in table.columns}
    return {
        "paper": table.paper,
        "table": table.table,
        "data": table.data,
        "comparable": comparable(table, evaluation.dataset),
        "rows": {
            name: dict(zip((word for word, _ in table.columns), values, strict=True)) for name, values in table.rows
        },
        "ours": {word: None if one is None else _plain({"value": one.value})["value"] for word, one in ours.items()},
    }


def _row(one: Measured) -> tuple[str, ...]:
    if one.low is not None and one.high is not None:
        interval = f"{_figure(one.low)} to {_figure(one.high)}"
    else:
        interval = f"± {_figure(one.spread)}" if one.spread is not None else ""
    return one.name, _figure(one.value), interval, f"{one.n:,}", one.note


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_line(header), _line(["---"] * len(header)), *(_line(row) for row in rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _figure(value: float | str) -> str:
    if isinstance(value, str):
        return value or "–"
    return "–" if math.isnan(value) else f"{value:.4g}"


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in values.items()}
