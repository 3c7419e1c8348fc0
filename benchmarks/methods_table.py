"""What `benchmarks.methods` writes: the table with its bounds, the figures as JSON, sample pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from torch import Tensor

from benchmarks.methods import read_budget
from benchmarks.methods_judge import DISTURBED, SHOWN, Judged, MethodJudge
from fexdata.dataset.pictures import encode_png
from fexdata.evaluation.pixels import to_bytes
from fexdata.evaluation.sheets import Sheet
from fexdata.storage import write_atomic

if TYPE_CHECKING:
    from fexdata.evaluation.measured import Measured

DETECTED, LANDMARKS, IED, IED_OF_PAIRS, GAIN = 0.95, 0.8, 1.2, 1.0, 0.2
"""Bounds: least detection rate; most landmark distance and IED of copy's; least gain of a class method."""
SEE_PAIRS = ("slidergan", "gcgan")
FACE = 128
"""Side of a face in the sample pictures: enlarged as the judge sees it, by cubic interpolation."""


def write(out: Path, found: Sequence[Judged], judge: MethodJudge) -> None:
    """methods.json, methods.md, <method>.png for each and methods.png for all."""
    facts = [_facts(one, judge) for one in found]
    write_atomic(str(out / "methods.json"), json.dumps(facts, indent=1, sort_keys=True).encode())
    write_atomic(str(out / "methods.md"), _markdown(found, facts, judge).encode())
    for one in found:
        faces = tuple(tuple(_face(picture) for picture in row) for row in one.samples)
        _write_sheet(out / f"{one.method}.png", Sheet(("input", one.method, "target"), ("",) * len(faces), faces))
    _write_sheet(out / "methods.png", _together(found))


def misses(one: Judged) -> list[str]:
    """The bounds that a method does not keep, in words; empty where it keeps all."""
    missed = [] if one.detection >= DETECTED else [f"detection below {DETECTED:.0%}"]
    if one.kind == "label":
        return missed if one.gain.value >= GAIN else [*missed, f"less than {100 * GAIN:.0f} points above copy"]
    if one.landmarks.value > LANDMARKS:
        missed.append(f"landmarks above {LANDMARKS:g}")
    if one.landmarks.high is None or one.landmarks.high >= 1:
        missed.append("interval reaches 1")
    most = IED_OF_PAIRS if one.method in SEE_PAIRS else IED
    if one.ied.value > most:
        missed.append(f"IED above {most:g}")
    return missed


def _facts(one: Judged, judge: MethodJudge) -> dict[str, Any]:
    values = {name: value for name, value in asdict(one).items() if name != "samples"}
    looked = judge.looked(one.size)
    return values | {
        "budget": read_budget(one.run),
        "seed": judge.seed,
        "misses": misses(one),
        "classifier": judge.accuracies(one.size),
        "detection_on_targets": judge.found_on_truth(one.size),
        "noise": {name: asdict(value) for name, value in looked.noise.items()},
    }


def _markdown(found: Sequence[Judged], facts: Sequence[dict[str, Any]], judge: MethodJudge) -> str:
    pairs = found[0].pairs
    lines = [
        f"{pairs} held-out pairs of {judge.dataset.name}, seed {judge.seed}. Brackets: 95 %, paired bootstrap over",
        "pairs. Landmarks and IED are relative to the input returned unchanged: below 1 is better than doing nothing.",
        "",
        "| method | told | steps | CPU min | faces found | landmarks / copy's | IED / copy's | expression read |"
        " above copy, points | bounds |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one, fact in zip(found, facts, strict=True):
        budget = fact["budget"]
        steps = f"{budget['steps']:,}" if budget else ""
        spent = f"{budget['cpu_seconds'] / 60:.1f}" if budget else ""
        cells = (one.method, one.kind, steps, spent, f"{one.detection:.1%}", _ratio(one.landmarks), _ratio(one.ied),
                 f"{one.expression.value:.0%}", _points(one.gain), "; ".join(fact["misses"]) or "kept")  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    for size in sorted({one.size for one in found}):
        rates, noise = judge.accuracies(size), judge.looked(size).noise
        told = ", ".join(f"{name} {_ratio(noise[name])}" for name in DISTURBED)
        lines += [
            "",
            f"The judge at {size} px: a face is found on {judge.found_on_truth(size):.1%} of the true targets; the",
            f"expression is read right on {rates['true targets']:.0%} of them, and on {rates['copy']:.0%} of copies;",
            f"landmark distance of true targets disturbed, relative to copy's: {told}.",
        ]
    return "\n".join([*lines, ""])


def _ratio(one: Measured) -> str:
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]" if one.low is not None else f"{one.value:.3f}"


def _points(one: Measured) -> str:
    interval = f" [{100 * one.low:+.0f}, {100 * one.high:+.0f}]" if one.low is not None and one.high is not None else ""
    return f"{100 * one.value:+.0f}{interval}"


def _together(found: Sequence[Judged]) -> Sheet:
    """A row per pair: input, every method's edit, target."""
    rows = []
    for number in range(SHOWN):
        source, _, target = found[0].samples[number]
        rows.append(tuple(_face(one) for one in (source, *(judged.samples[number][1] for judged in found), target)))
    return Sheet(("input", *(one.method for one in found), "target"), ("",) * len(rows), tuple(rows))


def _face(picture: Tensor) -> np.ndarray:
    return np.asarray(cv2.resize(to_bytes(picture), (FACE, FACE), interpolation=cv2.INTER_CUBIC))


def _write_sheet(path: Path, sheet: Sheet) -> None:
    write_atomic(str(path), encode_png(sheet.drawn()))
