"""The rows that a method trains on, chosen and checked before the first step.

`TrainingData.of` opens a dataset's manifest, keeps the accepted rows of one split that have every
column which the method declares, and refuses what would train on the wrong numbers: a column that
is not there, two action-unit schemes or two bases, a second dataset of another scheme, basis or
set of names. Pictures are not touched; `fexdata.training.loader` reads them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import torch

from fexdata.corpora.base import EXPRESSIONS
from fexdata.dataset.reader import Dataset
from fexdata.dataset.shards import ROW_GROUP
from fexdata.errors import FexdataError
from fexdata.training.columns import (
    CLASSES,
    fields_of,
    is_picture,
    mirror_map,
    numbers,
    only_word,
    scale_of,
    signed_of,
    value_names,
    words,
)
from fexdata.training.method import DataInfo, Needs
from fexdata.training.pairs import NothingLeft, pair_groups
from fexdata.training.sampler import Companions, Order

Split = Literal["train", "val", "test"]


@dataclass(frozen=True)
class TrainingData:
    """Chosen rows in shard order, their numbers, and where their pictures are."""

    dataset: Dataset
    needs: Needs
    info: DataInfo
    ids: pa.Array
    """`sample_id` of each row."""
    shard: np.ndarray
    """int64 (n,): index into `shards`."""
    shard_row: np.ndarray
    """int64 (n,)."""
    shards: tuple[str, ...]
    fields: Mapping[str, pa.Field]
    """The declared columns that are there."""
    values: Mapping[str, np.ndarray]
    """Manifest column -> (n, ...) as stored; classes as int64."""
    sides: Mapping[str, np.ndarray]
    """Side table -> row numbers in it, int64 (n,)."""
    groups: np.ndarray | None
    """int64 (n,): the pair group of each row; None where single rows are read."""

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        needs: Needs,
        *,
        split: Split = "train",
        like: DataInfo | None = None,
        pairs: bool = False,
    ) -> TrainingData:
        """The accepted rows of a split. like: what another dataset (or a run's own training data)
        is; classes and scales are then taken from it. pairs: only rows that have a partner.

        Raises `FexdataError`, with the column or the two schemes named.
        """
        fields = _declared(dataset, needs)
        rows, shards, shard, shard_row = _accepted(dataset, split)
        if not len(rows):  # nothing that could tell a scheme or a basis
            raise NothingLeft(f"{dataset.name} has no accepted {split} row")
        raw = {name: _values(dataset, name, rows) for name in fields if name in dataset.schema.names}
        info = _described(dataset, needs, fields, raw, rows)
        if like is not None:
            _check_like(dataset, info, like)
        values = _coded(raw, (like or info).expressions)
        ids = dataset.sample_ids.take(pa.array(rows))
        tables = [name for name in fields if name in dataset.metadata["side"]]
        sides = {name: dataset.side_table(name).positions(ids) for name in tables}
        keep = _complete(values | sides, needs.columns, len(rows))
        groups = None
        if pairs and keep.any():
            groups = np.full(len(rows), -1, np.int64)
            groups[keep] = pair_groups(dataset, rows[keep])
            keep &= groups >= 0
            groups = groups[keep]
        if not keep.any():
            raise NothingLeft(f"{dataset.name} has no accepted {split} row with {_listed(needs.columns)}")
        found = {name: column[keep] for name, column in values.items()}
        return cls(
            dataset=dataset,
            needs=needs,
            info=like or _surveyed(info, found, int(keep.sum())),
            ids=ids.filter(pa.array(keep)),
            shard=shard[keep],
            shard_row=shard_row[keep],
            shards=shards,
            fields=fields,
            values=found,
            sides={name: positions[keep] for name, positions in sides.items()},
            groups=groups,
        )

    def __len__(self) -> int:
        return len(self.shard)

    @property
    def pictures(self) -> list[str]:
        return [name for name, field in self.fields.items() if is_picture(field)]

    def fingerprint(self) -> str:
        """Of the rows, their order and their numbers: equal fingerprints train alike."""
        state = hashlib.blake2b(str(self.dataset.metadata.get("fingerprint")).encode(), digest_size=16)
        state.update("\n".join(self.ids.to_pylist()).encode())
        for name in sorted(self.values):
            state.update(name.encode() + np.ascontiguousarray(self.values[name]).tobytes())
        return state.hexdigest()

    def order(self, seed: Sequence[int], mirror: float) -> Order:
        """The endless sequence in which these rows are seen."""
        group = self.shard * (int(self.shard_row.max()) // ROW_GROUP + 1) + self.shard_row // ROW_GROUP
        _, sizes = np.unique(group, return_counts=True)
        companions = None if self.groups is None else Companions.of(self.groups)
        return Order(sizes, tuple(seed), mirror, companions)


def check_pairs_like(data: TrainingData, pairs: TrainingData) -> None:
    """Raises `FexdataError` where pictures of two datasets cannot be trained on together."""
    templates = [one.dataset.metadata.get("recipe", {}) for one in (data, pairs)]
    found = [_template(recipe) for recipe in templates]
    if None not in found and found[0] != found[1]:
        raise FexdataError(
            f"{data.dataset.name} is aligned to {found[0]}, {pairs.dataset.name} to {found[1]}; build both with one "
            "`--set align.template=...`"
        )


def _template(recipe: Any) -> str | None:
    stages = recipe.get("stages") if isinstance(recipe, Mapping) else None
    align = stages.get("align") if isinstance(stages, Mapping) else None
    return align.get("template") if isinstance(align, Mapping) else None


def _declared(dataset: Dataset, needs: Needs) -> dict[str, pa.Field]:
    """The fields of all columns asked for."""
    known = fields_of(dataset)
    missing = [name for name in needs.columns if name not in known]
    if missing:
        raise FexdataError(
            f"{dataset.name} has no {_listed(missing)}, which this method trains on; build it with a stage that writes "
            f"{'them' if len(missing) > 1 else 'it'}, or from a synthetic corpus with `--set truth.use=[...]`"
        )
    return {name: known[name] for name in (*needs.columns, *needs.optional) if name in known}


def _accepted(dataset: Dataset, split: Split) -> tuple[np.ndarray, tuple[str, ...], np.ndarray, np.ndarray]:
    """Manifest rows of the split that are accepted and have a crop, sorted by shard and row within
    it; the shards' names; shard and shard row of each. A dataset without splits is all training."""
    table = dataset.table(["status", "split", "shard", "shard_row"])
    status, splits, names = (table.column(name).to_numpy(zero_copy_only=False) for name in ("status", "split", "shard"))
    chosen = (status == "accepted") & np.asarray(table.column("shard").is_valid())
    known = np.asarray(table.column("split").is_valid())
    chosen &= (splits == split) | (~known if split == "train" else False)
    rows = np.flatnonzero(chosen)
    shards = tuple(sorted(set(names[rows])))
    shard = np.searchsorted(np.array(shards, object), names[rows]) if shards else np.empty(0, np.int64)
    shard_row = np.asarray(table.column("shard_row").take(pa.array(rows)).to_numpy(), np.int64)
    order = np.lexsort((shard_row, shard))
    return rows[order], shards, shard[order].astype(np.int64), shard_row[order]


def _values(dataset: Dataset, name: str, rows: np.ndarray) -> np.ndarray:
    return words(dataset, name, rows) if name in CLASSES else numbers(dataset, name, rows)


def _coded(values: Mapping[str, np.ndarray], expressions: Sequence[str]) -> dict[str, np.ndarray]:
    """The same columns with class numbers for words."""
    coded = dict(values)
    if "expression" in coded:
        coded["expression"] = _codes(coded["expression"], expressions)
    for name in coded.keys() & {"corpus_label", "subject"}:
        coded[name] = _codes(coded[name], sorted({word for word in coded[name] if word is not None}))
    return coded


def _complete(values: Mapping[str, np.ndarray], needed: Sequence[str], count: int) -> np.ndarray:
    """Which rows have every needed column: no NaN, no class or place below 0."""
    keep = np.ones(count, bool)
    if not count:
        return keep
    for name in set(needed) & set(values):
        column = values[name].reshape(count, -1)
        keep &= (column >= 0).all(axis=1) if column.dtype == np.int64 else ~np.isnan(column).any(axis=1)
    return keep


def _codes(column: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Class numbers, -1 for a word that is no class."""
    place = {word: code for code, word in enumerate(classes)}
    return np.array([place.get(word, -1) for word in column], np.int64)


def _described(
    dataset: Dataset, needs: Needs, fields: Mapping[str, pa.Field], values: Mapping[str, np.ndarray], rows: np.ndarray
) -> DataInfo:
    """Names, schemes and mirrors; scales and counts come with the rows that are kept."""
    info = DataInfo(image_size=needs.image_size, rows=len(rows))
    if "expression" in fields:
        shown = set(values["expression"])
        info = replace(info, expressions=tuple(word for word in EXPRESSIONS if word in shown))
    if "subject" in fields:
        info = replace(info, subjects=len({word for word in values["subject"] if word is not None}))
    if "au" in fields:
        names = value_names(fields["au"])
        info = replace(
            info,
            au_names=names,
            au_scheme=only_word(dataset, "au_scheme", rows, "action units"),
            au_scale=scale_of(fields["au"]),
            mirror_au=mirror_map(fields["au"], len(names))[0],
        )
    if "expression_params" in fields:
        field, count = fields["expression_params"], values["expression_params"].shape[1]
        sources, signs = mirror_map(field, count)
        info = replace(
            info,
            basis_id=only_word(dataset, "basis_id", rows, "coefficients"),
            coefficient_names=value_names(field) or tuple(f"coefficient_{k:02d}" for k in range(count)),
            coefficient_signed=signed_of(field, count),
            mirror_coefficients=sources,
            mirror_coefficient_signs=signs,
        )
    if "speech_params" in fields:
        field, count = fields["speech_params"], values["speech_params"].shape[1]
        mirror_map(field, count)
        info = replace(
            info,
            speech_names=value_names(field) or tuple(f"speech_{k:02d}" for k in range(count)),
            speech_signed=signed_of(field, count),
        )
    return info


def _surveyed(info: DataInfo, values: Mapping[str, np.ndarray], rows: int) -> DataInfo:
    """With what is counted over the training rows."""
    sigma = {name: _sigma(values[name]) for name in ("expression_params", "speech_params") if name in values}
    empty = torch.empty(0)
    return replace(
        info,
        rows=rows,
        coefficient_sigma=sigma.get("expression_params", empty),
        speech_sigma=sigma.get("speech_params", empty),
    )


def _sigma(values: np.ndarray) -> torch.Tensor:
    """Standard deviation per coefficient; 1 for one that never moves, so that it stays as it is."""
    sigma = np.nanstd(values.astype(np.float64), axis=0)
    return torch.from_numpy(np.where(sigma > 1e-8, sigma, 1.0).astype(np.float32))


def _check_like(dataset: Dataset, info: DataInfo, like: DataInfo) -> None:
    for what in ("au_scheme", "au_names", "au_scale", "basis_id", "coefficient_names", "speech_names"):
        mine, theirs = getattr(info, what), getattr(like, what)
        if mine != theirs:
            raise FexdataError(
                f"{dataset.name} has {what} {_shown(mine)}, but the training data {_shown(theirs)}; the two are never "
                "mixed: build both with the same stages"
            )


def _shown(value: Any) -> str:
    return _listed(value) if isinstance(value, tuple) else repr(value)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
