"""Which action units of the geometric tool to trust: `python -m benchmarks.action_units`.

People with known action units (`action_unit_people`; nobody whom the tool was taught on), rendered
from the embedded model and from ICT-FaceKit's, whose shapes no part of the tool has seen, are
photographed; MediaPipe finds their landmarks; the tool's intensities are held against the truth,
once against the population's neutral and once against each subject's own.

`expressions` are faces at rest, the categories' expressions, and blinks; `combinations` are action
units that come together by chance, which no emotion asks for and which hide each other.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.action_unit_people import TURNS, Looks, looks
from benchmarks.action_unit_weights import rest_of, truth
from fexdata.faces.action_units.agreement import correlation, icc_2_1, icc_3_1
from fexdata.faces.action_units.geometric import GeometricTool, embedded
from fexdata.faces.action_units.geometry import descriptor
from fexdata.faces.action_units.schemes import GEOMETRIC, MEANINGS

ICT = Path("../shared/assets/ict-facekit")
TWELVE = ("AU1", "AU2", "AU4", "AU5", "AU6", "AU10", "AU12", "AU15", "AU20", "AU25", "AU26", "AU43")
EXPRESSIONS = ("rest", "turned", "category", "blink")
FRONTAL = 20.0
"""Degrees of yaw up to which figures hold unless they say otherwise."""
YAWS = (0.0, 10.0, 20.0, 35.0)
LEVELS = (0.0, 0.01, 1.0, 2.0, 3.0, 4.0, 5.01)
"""Bounds of true intensities; the first are exactly 0."""
BEGIN, END = "<!-- figures: python -m benchmarks.action_units --docs -->", "<!-- end of figures -->"
DOCS = Path("docs/models/geometric-action-units.md")


@click.command()
@click.option("--people", default=30, show_default=True, help="Fourteen pictures of each, of both models.")
@click.option("--ict", type=click.Path(path_type=Path), default=ICT, show_default=True, help="ICT-FaceKit.")
@click.option("--keep", type=click.Path(path_type=Path), default=Path("data/action-units"), show_default=True,
              help="Folder for what was seen of them; what is there is used.")  # fmt: skip
@click.option("--workers", type=int, help="Processes. Default: one per usable core.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("--docs", is_flag=True, help=f"Write the tables into {DOCS}.")
def main(people: int, ict: Path, keep: Path, workers: int | None, as_json: bool, docs: bool) -> None:
    """Correlation, error and agreement of the geometric action units with the truth."""
    figures = {}
    for name, model in (("ict", f"ict:{ict}"), ("fexdata-head", "fexdata-head")):
        seen = looks(keep, people=people, purpose="measure", model=model, workers=workers)
        figures[name] = measured(seen, embedded())
    if as_json:
        click.echo(json.dumps(figures, indent=1))
        return
    text = as_text(figures)
    click.echo(text)
    if docs:
        page = DOCS.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        DOCS.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def measured(seen: Looks, tool: GeometricTool) -> dict[str, Any]:
    """Figures of one population: against its neutral (`population`) and each subject's (`subject`)."""
    described = np.stack([descriptor(points, tool.reference)[0] for points in seen.landmarks])
    scored = {
        "population": tool.to_population.intensities(described - tool.neutral),
        "subject": tool.to_subject.intensities(described - rest_of(described, seen)),
    }
    return {"pictures": len(seen.person)} | {name: _figures(seen, values) for name, values in scored.items()}


def _figures(seen: Looks, values: np.ndarray) -> dict[str, Any]:
    true, turn = truth(seen), np.abs(seen.pose[:, 0])
    # What serves as a subject's neutral would be right by itself.
    judged = ~((seen.role == "rest") & (turn == 0))
    shown = judged & np.isin(seen.role, EXPRESSIONS)
    frontal, resting = shown & (turn <= FRONTAL), judged & (seen.role == "rest")
    together = judged & ~shown & (turn <= FRONTAL)
    units = {}
    for column, unit in enumerate(GEOMETRIC.names):
        told, real = values[:, column], true[:, column]
        units[unit] = {
            "r": correlation(told[frontal], real[frontal]),
            "r in combinations": correlation(told[together], real[together]),
            "icc31": icc_3_1(told[frontal], real[frontal]),
            "icc21": icc_2_1(told[frontal], real[frontal]),
            "error": float(np.abs(told - real)[frontal].mean()),
            "false alarms": float((told[resting] >= 1.0).mean()),
            "drift": _drift(seen, told),
        }
    twelve = [GEOMETRIC.names.index(unit) for unit in TWELVE]
    return {
        "units": units,
        "twelve": _summary(units),
        "by turn": [_by_turn(values, true, shown & _between(turn, *pair), twelve) for pair in _pairs(YAWS)],
        "by intensity": [_by_level(values[frontal], true[frontal], pair, twelve) for pair in _pairs(LEVELS)],
    }


def _drift(seen: Looks, told: np.ndarray) -> float:
    """Mean absolute change of a person's intensity from head straight to turned by 30 degrees."""
    changes = []
    for person in np.unique(seen.person):
        for role in ("rest", "turned"):
            own = (seen.person == person) & (seen.role == role)
            straight, aside = own & (seen.pose[:, 0] == 0), own & (np.abs(seen.pose[:, 0]) == TURNS[-1])
            if straight.any() and aside.any():
                changes.append(abs(float(told[straight][0] - told[aside][0])))
    return float(np.mean(changes))


def _summary(units: dict[str, dict[str, float]]) -> dict[str, float]:
    def of(key: str) -> np.ndarray:
        return np.nan_to_num([units[unit][key] for unit in TWELVE])

    return {
        "mean r": float(of("r").mean()),
        "least r": float(of("r").min()),
        "mean r in combinations": float(of("r in combinations").mean()),
        "false alarms": float(of("false alarms").mean()),
        "drift": float(of("drift").mean()),
        "most drift": float(of("drift").max()),
    }


def _by_turn(values: np.ndarray, true: np.ndarray, rows: np.ndarray, twelve: list[int]) -> dict[str, float]:
    following = [correlation(values[rows, column], true[rows, column]) for column in twelve]
    errors = np.abs(values[rows][:, twelve] - true[rows][:, twelve])
    return {"pictures": int(rows.sum()), "r": float(np.nan_to_num(following).mean()), "error": float(errors.mean())}


def _by_level(values: np.ndarray, true: np.ndarray, bounds: tuple[float, float], twelve: list[int]) -> dict[str, float]:
    told, real = values[:, twelve], true[:, twelve]
    rows = _between(real, *bounds)
    return {
        "scores": int(rows.sum()),
        "true": float(real[rows].mean()),
        "told": float(told[rows].mean()),
        "error": float(np.abs(told - real)[rows].mean()),
    }


def _between(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return (values >= low) & (values < high)


def _pairs(bounds: tuple[float, ...]) -> list[tuple[float, float]]:
    return list(itertools.pairwise(bounds))


# Tables


def as_text(figures: dict[str, Any]) -> str:
    """Markdown."""
    return "\n".join([_gates(figures), "", _per_unit(figures), "", _per_turn(figures), "", _per_level(figures), ""])


def _gates(figures: dict[str, Any]) -> str:
    lines = [
        "| people | neutral of | mean r | least r | in combinations | false alarms | drift 0 to 30° | most |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for model in figures:
        for neutral in ("population", "subject"):
            one = figures[model][neutral]["twelve"]
            lines.append(
                f"| {model} | {neutral} | {one['mean r']:.2f} | {one['least r']:.2f} "
                f"| {one['mean r in combinations']:.2f} | {one['false alarms']:.1%} | {one['drift']:.2f} "
                f"| {one['most drift']:.2f} |"
            )
    return "\n".join(lines)


def _per_unit(figures: dict[str, Any]) -> str:
    """Correlations and how far to trust each action unit; then agreement and error."""
    columns = [(model, neutral) for model in figures for neutral in ("population", "subject")]
    heads = " | ".join(f"{model}, {neutral}" for model, neutral in columns)
    trust = [f"| AU | {heads} | in combinations | trust |", "|---|" + "---:|" * (len(columns) + 1) + "---|"]
    agree = [f"| AU | {heads} |", "|---|" + "---:|" * len(columns)]
    for unit in GEOMETRIC.names:
        known = [figures[model][neutral]["units"][unit] for model, neutral in columns]
        together = float(np.nanmean([one["r in combinations"] for one in known]))
        cells = " | ".join(f"{one['r']:.2f}" for one in known)
        trust.append(f"| {unit} {MEANINGS[unit]} | {cells} | {together:.2f} | {_trust(figures, unit)} |")
        cells = " | ".join(f"{one['icc31']:.2f} / {one['icc21']:.2f} / {one['error']:.2f}" for one in known)
        agree.append(f"| {unit} | {cells} |")
    return "\n".join(
        ["Correlation with the truth:", "", *trust, "", "ICC(3,1) / ICC(2,1) / mean absolute error:", "", *agree]
    )


def _trust(figures: dict[str, Any], unit: str) -> str:
    """In words, by the worse of the two kinds of people."""
    without, own = (
        min(figures[model][neutral]["units"][unit]["r"] for model in figures) for neutral in ("population", "subject")
    )
    if without >= 0.7:
        return "well"
    if without >= 0.6:
        return "fairly; well beside the subject's own neutral" if own >= 0.7 else "fairly"
    return "only beside the subject's own neutral" if own >= 0.6 else "little"


def _per_turn(figures: dict[str, Any]) -> str:
    lines = ["| people | neutral of | yaw | pictures | mean r | error |", "|---|---|---|---:|---:|---:|"]
    for model in figures:
        for neutral in ("population", "subject"):
            for (low, high), one in zip(_pairs(YAWS), figures[model][neutral]["by turn"], strict=True):
                told = f"{one['pictures']} | {one['r']:.2f} | {one['error']:.2f} |"
                lines.append(f"| {model} | {neutral} | {low:.0f} to {high:.0f}° | {told}")
    return "\n".join(lines)


def _per_level(figures: dict[str, Any]) -> str:
    lines = ["| people | neutral of | true intensity | scores | mean told | error |", "|---|---|---:|---:|---:|---:|"]
    for model in figures:
        for neutral in ("population", "subject"):
            for one in figures[model][neutral]["by intensity"]:
                told = f"{one['scores']} | {one['told']:.1f} | {one['error']:.2f} |"
                lines.append(f"| {model} | {neutral} | {one['true']:.1f} | {told}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
