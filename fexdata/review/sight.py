"""What a reviewer sees under an id: a row of the dataset, or a plant that passes for one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fexdata.review.catalog import Catalog
from fexdata.review.checks import Plant, Plants
from fexdata.review.events import Event
from fexdata.review.items import Items
from fexdata.review.queue import Orders
from fexdata.review.refused import Refused
from fexdata.review.state import State


class Sight:
    """Faces and plants by id, for each reviewer."""

    def __init__(
        self, catalog: Catalog, state: State, orders: Orders, check_share: float, *, photographs: bool
    ) -> None:
        """photographs: whether there is a corpus to show them from."""
        self._catalog, self._state, self._orders, self._share = catalog, state, orders, check_share
        self._faces = Items(catalog, state, _kinds(catalog), photographs=photographs)
        self._plants: dict[str, Plants] = {}
        self._known_good = _agreed_good(state)

    def plants(self, reviewer: str) -> Plants:
        if reviewer not in self._plants:
            self._plants[reviewer] = Plants(self._orders, reviewer, self._share, self._known_good)
        return self._plants[reviewer]

    def with_plants(self, reviewer: str, taken: Sequence[str], holding: Sequence[str]) -> Iterator[str]:
        for name in taken:
            plant = self.plants(reviewer).before(self._catalog.row(name) or 0)
            if plant is not None and plant.id not in holding and plant.id not in self._state.fold.checks:
                yield plant.id
            yield name

    def items(self, names: Sequence[str], reviewer: str) -> list[dict[str, Any]]:
        rows, plants = [], []
        for name in names:
            plant = self.plants(reviewer).get(name)
            plants.append(plant)
            rows.append(self.shown(reviewer, name)[0] if plant is None else plant.before)
        found = self._faces.items(rows, reviewer)
        return [one if plant is None else self._disguised(plant, one) for one, plant in zip(found, plants, strict=True)]

    def _disguised(self, plant: Plant, before: dict[str, Any]) -> dict[str, Any]:
        """A plant as an item: the rules' words of the face that follows it, pictures of its own."""
        crop = self._catalog.records([plant.crop])[0]
        own = self._catalog.id(plant.before)
        pictures = {kind: url.replace(own, plant.id) for kind, url in before["pictures"].items()}
        status = before["rule"]["status"]
        return before | {
            "id": plant.id,
            "expression": crop.get("expression"),
            "source": crop.get("source_path"),
            "pictures": pictures,
            "mesh": None if before["mesh"] is None else before["mesh"].replace(own, plant.id),
            "in_force": {"status": status, "decided_by": "rules", "expression": crop.get("expression")},
            "others": [],
            "stale": [],
            "history": [],
            **self._plant_opinion(plant),
        }

    def _plant_opinion(self, plant: Plant) -> dict[str, Any]:
        events = [event for event in self._state.fold.checks.get(plant.id, []) if self._state.fold.holds(event)]
        if not events:
            return {"mine": None}
        names = dict.fromkeys(("verdict", "reason", "expression"))
        said: dict[str, Any] = {**names, "flag": False, "comment": ""}
        for event in events:
            said |= event.action
        return {"mine": {"reviewer": events[-1].reviewer, "at": events[-1].at, **said}}

    def briefs(self, names: Sequence[str], reviewer: str) -> list[dict[str, Any]]:
        found = []
        for name in dict.fromkeys(names):
            plant, row = self.plants(reviewer).get(name), self._catalog.row(name)
            if plant is not None:
                one = self.items([name], reviewer)[0]
                found.append({key: one[key] for key in ("id", "mine", "in_force")})
            elif row is not None:
                found.append(self._faces.brief(row, reviewer))
        return found

    def shown(self, reviewer: str, name: str) -> tuple[int, int]:
        """(row whose crop, row whose mesh) an id shows; they differ for planted checks only."""
        plant = self.plants(reviewer).get(name)
        if plant is not None:
            return plant.crop, plant.mesh
        row = self._catalog.row(name)
        if row is None:
            raise Refused(404, "unknown", "there is no such face in this dataset")
        return row, row

    def judgeable(self, reviewer: str, name: str) -> tuple[int, Plant | None]:
        plant = self.plants(reviewer).get(name)
        return (plant.crop, plant) if plant is not None else (self.reviewable(name), None)

    def reviewable(self, name: str) -> int:
        row = self._catalog.row(name)
        if row is None:
            raise Refused(404, "unknown", "there is no such face in this dataset")
        if not self._catalog.reviewable[row]:
            raise Refused(422, "invalid", "id: this row failed, there is no face to judge")
        return row

    def name_of(self, event: Event, reviewer: str) -> str | None:
        """The id under which the page knows an event's face; None for a lost one."""
        if event.shown.get("check"):
            return str(event.shown["check"]["id"])
        name = self._state.fold.name(event.face or "")
        return None if self._catalog.row(name) is None else name


def _kinds(catalog: Catalog) -> list[str]:
    """The picture kinds of the page that the dataset's maps can give."""
    has = {"image": "crop", "depth": "depth", "normal": "normal", "mask": "mask"}
    kinds = [kind for column, kind in has.items() if column in catalog.dataset.picture_columns]
    meshes = "vertices" in catalog.dataset.metadata["side"]
    return [*kinds, "overlay", *(["heat"] if meshes else [])]


def _agreed_good(state: State) -> np.ndarray:
    """Rows that two reviewers accepted, each for himself."""
    rows = np.flatnonzero(state.verdicts >= 2)
    outcomes = [state.outcome(row) for row in rows.tolist()]
    good = [len(one.standing) >= 2 and one.verdict == "accept" for one in outcomes]
    return rows[np.array(good, bool)]
