"""What the page says of labels and action units: what looks wrong, what faces show, how far tools agree.

Rows that failed or were rejected are not looked at, as in `fexdata.dataset.label_health`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from fexdata.dataset.fields import meta
from fexdata.dataset.label_health import FEWEST, label_health
from fexdata.dataset.report.facts import Rows
from fexdata.dataset.schema import STATUSES
from fexdata.faces.action_units.consensus import Agreement, agreements
from fexdata.faces.action_units.schemes import MEANINGS, SCHEMES, under_names

STRONGEST = 5
"""Faces shown beside each action unit."""
WEAK = 0.4
"""Correlation of two tools below which an action unit is pointed out."""
APART = 12
"""Faces shown on which tools disagree most."""
PRESENT = {"0 to 5": 1.0, "0 to 1": 0.5}
"""A scale, as a column's unit states it -> from where an action unit is there: FACS's grade A, or
likelier than not."""
TRUTH = "truth:"
"""Beginning of the scheme of action units that are known, from a synthetic corpus."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One finding of label health."""

    what: str
    where: str
    rows: int
    of: int
    examples: tuple[int, ...]
    """Row numbers; none where it is about every row, for then it is not about faces."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One action unit over the dataset."""

    name: str
    meaning: str
    scored: int
    """Rows with a score."""
    shown: int
    """Rows in which it is there."""
    mean: float
    """Of the scores of those; NaN where there is none."""
    trust: float
    """Mean of the tool's own confidence; NaN where it does not say."""
    strongest: tuple[int, ...]
    """Row numbers of the highest scores, of faces that show it."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """Everything that the section says."""

    rows: int
    """Accepted and for review."""
    judged: bool
    """Whether those are enough for label health to say anything."""
    remarks: tuple[Remark, ...]
    scheme: str
    """Of `au`; empty where the dataset has none."""
    scale: str
    present: float
    units: tuple[Unit, ...]
    pairs: tuple[tuple[str, str], ...]
    """Tools that are compared."""
    agreement: tuple[tuple[str, tuple[Agreement | None, ...]], ...]
    """Action unit, and one entry for each of `pairs`."""
    apart: tuple[int, ...]
    """Row numbers of the faces on which tools disagree most."""

    def pictured(self) -> list[tuple[int, ...]]:
        """Every list of row numbers that wants pictures."""
        return [self.apart, *(one.examples for one in self.remarks), *(one.strongest for one in self.units)]


def annotation(rows: Rows) -> Annotation | None:
    """The section's content; None where there is neither a label nor a score to say something of."""
    usable = np.flatnonzero(np.isin(rows.status, [STATUSES.index("accepted"), STATUSES.index("review")]))
    remarks = tuple(
        Remark(
            one.what,
            one.where,
            one.rows,
            one.of,
            tuple(rows.dataset.positions(one.examples if one.rows < len(usable) else ()).tolist()),
        )
        for one in label_health(rows.dataset)
    )
    scored = {} if "au" not in rows.names else _members(rows, "au", usable)
    if not scored and not remarks:
        return None
    scale = meta(rows.dataset.schema.field("au"), "unit") if scored else ""
    tools, present = _tools(rows, usable, scored, scale)
    found = agreements(tools, present)
    pairs = tuple(dict.fromkeys(pair for units in found.values() for pair in units))
    return Annotation(
        len(usable),
        len(usable) >= FEWEST,
        remarks,
        _scheme(rows, usable),
        scale,
        PRESENT.get(scale, float("nan")),
        _units(rows, usable, scored, PRESENT.get(scale, float("inf"))),
        pairs,
        tuple((name, tuple(units.get(pair) for pair in pairs)) for name, units in found.items()),
        _apart(rows, usable),
    )


def _scheme(rows: Rows, usable: np.ndarray) -> str:
    if "au_scheme" not in rows.names:
        return ""
    codes, words = rows.classes("au_scheme")
    return ", ".join(words[code] for code in np.unique(codes[usable]) if code >= 0)


def _units(rows: Rows, usable: np.ndarray, scored: dict[str, np.ndarray], present: float) -> tuple[Unit, ...]:
    told = "au_confidence" in rows.names and not _scheme(rows, usable).startswith(TRUTH)
    trust = _members(rows, "au_confidence", usable) if told else {}
    found = []
    for name, values in scored.items():
        there = np.isfinite(values)
        shown = there & (np.nan_to_num(values) >= present)
        sure = trust.get(name, np.empty(0))
        sure = sure[np.isfinite(sure)]
        order = np.flatnonzero(shown)[np.argsort(-values[shown], kind="stable")]
        found.append(
            Unit(
                name,
                MEANINGS.get(name, ""),
                int(there.sum()),
                int(shown.sum()),
                float(values[shown].mean()) if shown.any() else float("nan"),
                float(sure.mean()) if len(sure) else float("nan"),
                tuple(usable[order[:STRONGEST]].tolist()),
            )
        )
    return tuple(found)


def _tools(
    rows: Rows, usable: np.ndarray, scored: dict[str, np.ndarray], scale: str
) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, float]]:
    """Tool -> action unit -> scores, and from where one is there; the truth, where it is known, first."""
    tools: dict[str, dict[str, np.ndarray]] = {}
    present: dict[str, float] = {}
    if scored and scale in PRESENT and _scheme(rows, usable).startswith(TRUTH):
        tools["truth"], present["truth"] = scored, PRESENT[scale]
    for field in rows.dataset.schema:
        scheme = SCHEMES.get(meta(field, "convention"))
        if scheme is None or not pa.types.is_struct(field.type) or scheme.unit not in PRESENT:
            continue
        tool = field.name.removeprefix("au_")
        tools[tool], present[tool] = _members(rows, field.name, usable), PRESENT[scheme.unit]
    # Two names of one thing: the first tool's name stands.
    names = tuple(dict.fromkeys(name for units in tools.values() for name in units))
    first = next(iter(tools.values()), {})
    for tool, units in tools.items():
        aliased = under_names(units, tuple(name for name in names if name in first or name in units))
        tools[tool] = {name: values for name, values in aliased.items() if values is not None}
    return tools, present


def _apart(rows: Rows, usable: np.ndarray) -> tuple[int, ...]:
    if "au_disagreement" not in rows.names:
        return ()
    values = rows.numbers("au_disagreement")[usable]
    known = np.flatnonzero(np.isfinite(values))
    return tuple(usable[known[np.argsort(-values[known], kind="stable")][:APART]].tolist())


def _members(rows: Rows, name: str, usable: np.ndarray) -> dict[str, np.ndarray]:
    """Member of a struct column -> (n,) float64 of the usable rows, NaN for null."""
    column = rows.dataset.table([name]).column(name).combine_chunks().take(pa.array(usable))
    return {
        field.name: part.cast(pa.float64()).to_numpy(zero_copy_only=False)
        for field, part in zip(column.type, column.flatten(), strict=True)
    }
