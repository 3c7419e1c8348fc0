"""Decisions become columns of the manifest: status, reasons, decided_by, expression. Nothing else.

`fexdata build` calls this when it writes the manifest, after the rules have spoken; no stage runs
and no shard is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from fexdata.review.fold import LOST, Outcome, fold
from fexdata.review.match import COLUMNS, names
from fexdata.review.place import database_url, has_decisions

WRITTEN = ("status", "reasons", "decided_by", "expression")


@dataclass(frozen=True, slots=True)
class Decided:
    """What people decided, by `sample_id` of the rows as they are now."""

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    orphaned: int = 0
    """Decisions whose face no row shows; they wait in the review's queue of that name."""

    def overlay(self, rows: pa.Table) -> pa.Table:
        """The rows with people's decisions in place of the rules'. `rows` is any part of the dataset,
        with `sample_id` and the columns `WRITTEN`."""
        ids = rows.column("sample_id").to_pylist()
        mine = [(index, self.outcomes[one]) for index, one in enumerate(ids) if one in self.outcomes]
        if not mine:
            return rows
        columns = {name: rows.column(name).to_pylist() for name in WRITTEN}
        for index, outcome in mine:
            by_rules, why = columns["status"][index], columns["reasons"][index]
            columns["expression"][index] = outcome.label(columns["expression"][index])
            if outcome.standing and by_rules != "failed":
                columns["status"][index] = outcome.status(by_rules)
                columns["reasons"][index] = outcome.reasons(why)
                columns["decided_by"][index] = outcome.decided_by
        for name, values in columns.items():
            at = rows.column_names.index(name)
            rows = rows.set_column(at, rows.schema.field(name), pa.array(values, rows.schema.field(name).type))
        return rows


def decided(dataset_path: str, dataset_name: str, rows: pa.Table) -> Decided:
    """The decisions on a dataset that is being built. `rows` has `fexdata.review.match.COLUMNS` of all
    its rows; `dataset_path` is where the dataset lies. Without a log there are none, and no log is
    created.
    """
    if not has_decisions(dataset_path):
        return Decided()
    from fexdata.review.decisions import Log  # SQLAlchemy: a build without decisions needs none

    log = Log(database_url(dataset_path), dataset_name)
    try:
        events = log.events()
        faces = log.faces()
    finally:
        log.close()
    if not events:
        return Decided()
    state = fold(events, names(faces, rows.select(list(COLUMNS))))
    outcomes = {name: state.outcome(name) for name in state.by_key if not name.startswith(LOST)}
    return Decided({name: one for name, one in outcomes.items() if one.opinions}, len(state.orphans))
