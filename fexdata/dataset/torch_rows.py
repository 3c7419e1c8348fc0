"""A built dataset as a map-style torch `Dataset`, safe under fork and spawn.

Every process opens its own files at its first row. What travels to a worker is the path and the
chosen row numbers, so all workers agree on what row i is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from fexdata.dataset.access import as_records
from fexdata.dataset.reader import Dataset, Status, has_status
from fexdata.dataset.vectors import stacked
from fexdata.errors import FexdataError


class TorchRows(torch.utils.data.Dataset[dict[str, Any]]):
    """Rows of one status (None: all) as dictionaries of tensors and plain values.

    - pictures: image and normal (3, H, W) uint8, mask (H, W) uint8, depth (H, W) int32 as stored
      (torch has little arithmetic for uint16); a row without the picture raises `FexdataError`
    - vectors and side tables: float32 of the declared shape, NaN where there is none
    - numbers: NaN where null; words: "" where null; `sample_id` always
    """

    def __init__(self, dataset: Dataset, columns: Sequence[str], status: Status | None) -> None:
        self.path = dataset.path
        self.columns = list(dict.fromkeys(["sample_id", *columns]))
        self.status = status
        self._fingerprint = dataset.metadata.get("fingerprint")
        _Opened.check(dataset, self.columns)
        wanted = has_status(status)
        statuses = dataset.table(["status"]).column("status")
        chosen = np.ones(len(dataset), bool) if wanted is None else np.asarray(pc.equal(statuses, status))
        self.positions: np.ndarray = np.flatnonzero(chosen)
        """Row numbers in the manifest, int64."""
        self._opened: _Opened | None = None

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if self._opened is None or self._opened.process != os.getpid():
            self._opened = self._open()
        number = range(len(self))[index]
        return self._opened.row(number)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None}

    def _open(self) -> _Opened:
        dataset = Dataset(self.path)
        if dataset.metadata.get("fingerprint") != self._fingerprint:
            raise FexdataError(f"{self.path} was rebuilt while it was being read; open it again")
        return _Opened.of(dataset, self.columns, self.positions)


@dataclass
class _Opened:
    """One process's files, and the manifest values of the chosen rows."""

    dataset: Dataset
    picture_columns: list[str]
    places: pa.Table
    values: dict[str, Any]
    side_rows: dict[str, np.ndarray]
    process: int = field(default_factory=os.getpid)

    @staticmethod
    def check(dataset: Dataset, columns: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
        """Pictures, side tables and manifest columns among `columns`; anything else raises."""
        sides = [name for name in columns if name in dataset.metadata["side"]]
        pictures = [name for name in columns if name in dataset.picture_columns]
        scalars = [name for name in columns if name not in sides and name not in pictures]
        dataset.check_columns(scalars)
        return pictures, sides, scalars

    @classmethod
    def of(cls, dataset: Dataset, columns: list[str], positions: np.ndarray) -> _Opened:
        pictures, sides, scalars = cls.check(dataset, columns)
        rows = pa.array(positions)
        places = dataset.table(["shard", "shard_row"]).take(rows)
        # Column by column: a table of all of them would hold them twice while rows are chosen.
        values = {name: _plain(dataset.table([name]).take(rows)) for name in scalars}
        ids = dataset.sample_ids.take(rows)
        side_rows = {name: dataset.side_table(name).positions(ids) for name in sides}
        return cls(dataset, pictures, places, values, side_rows)

    def row(self, number: int) -> dict[str, Any]:
        record = {name: values[number] for name, values in self.values.items()}
        record = {k: v.as_py() or "" if isinstance(v, pa.Scalar) else _tensor(v) for k, v in record.items()}
        for name, rows in self.side_rows.items():
            record[name] = torch.from_numpy(self.dataset.side_table(name).at(rows[number : number + 1])[0])
        if self.picture_columns:
            record |= {name: _picture(pixels) for name, pixels in self._pictures(number).items()}
        return record

    def _pictures(self, number: int) -> dict[str, np.ndarray]:
        shard, row = self.places.column("shard")[number].as_py(), self.places.column("shard_row")[number].as_py()
        found = as_records(self.dataset.shard(shard).take([row], self.picture_columns))[0] if shard else {}
        for name in self.picture_columns:
            if found.get(name) is None:
                text = self.values["sample_id"][number].as_py()
                raise FexdataError(f"row {text} has no {name}; take rows with status='accepted'")
        return found


def _plain(table: pa.Table) -> Any:
    """One manifest column: an array (numbers, vectors) or an Arrow column (words)."""
    column, described = table.column(0), table.schema.field(0)
    if pa.types.is_fixed_size_list(described.type):
        return stacked(column, described)
    if pa.types.is_string(described.type):
        return column.combine_chunks()
    if pa.types.is_integer(described.type) or pa.types.is_floating(described.type):
        return column.to_numpy()  # float with NaN where an integer column has nulls
    raise FexdataError(f"{described.name} ({described.type}) does not become a tensor; read it with .frame()")


def _tensor(value: Any) -> Any:
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value.item()


def _picture(pixels: np.ndarray) -> torch.Tensor:
    if pixels.dtype == np.uint16:
        return torch.from_numpy(pixels.astype(np.int32))
    planes = np.moveaxis(pixels, -1, 0) if pixels.ndim == 3 else pixels
    return torch.from_numpy(np.array(planes, order="C", copy=True))
