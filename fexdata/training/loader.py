"""From items of the order to batches on the device: reading, mirroring, resizing.

Worker processes read and decode; pictures travel as bytes and become floats on the device. A row
is first mirrored as it is stored, each field by its own rule, then brought to the method's size:
shrinking averages over areas, and maps average only over what is drawn.
"""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections import OrderedDict
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import torch
from torchdata.stateful_dataloader import StatefulDataLoader

from fexdata.dataset.access import RowFile, decoded, picture_bytes
from fexdata.dataset.mirror import mirror
from fexdata.dataset.reader import Dataset
from fexdata.errors import FexdataError
from fexdata.training.columns import key_of, mirrorable
from fexdata.training.data import TrainingData
from fexdata.training.method import Batch
from fexdata.training.sampler import WINDOW, BatchOrder, Items

POINTS = ("landmarks_68", "landmarks_478")


def loader(data: TrainingData, batches: BatchOrder, *, workers: int, pin: bool = False) -> StatefulDataLoader:
    """Batches in the order of `batches`, whatever the number of workers; `prepare` makes them a
    method's. Its `state_dict` resumes between any two batches."""
    with warnings.catch_warnings():
        # torchdata tells torch something that newer versions of torch no longer want to hear.
        warnings.filterwarnings("ignore", message=".*set_vital")
        return StatefulDataLoader(
            Faces(data),
            batch_size=None,
            sampler=batches,
            num_workers=workers,
            multiprocessing_context=_fresh_processes() if workers else None,
            pin_memory=pin,
            worker_init_fn=_one_thread if workers else None,
            collate_fn=_as_it_is,
        )


def prepare(batch: Batch, device: torch.device, *, channels_last: bool = False) -> Batch:
    """A loader's batch on the device, in the form that `fexdata.training.method.Batch` describes."""
    moved = {name: value.to(device, non_blocking=True) for name, value in batch.items()}
    for name, value in moved.items():
        if value.dtype == torch.uint8 and value.shape[-1] == 3:  # pictures: (B, H, W, 3)
            value = value.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
            layout = torch.channels_last if channels_last else torch.contiguous_format
            moved[name] = value.contiguous(memory_format=layout)
    return moved


class Faces(torch.utils.data.Dataset[Batch]):
    """Maps an array of items to a batch. Every process opens its own files at its first batch."""

    def __init__(self, data: TrainingData) -> None:
        self._data = data
        self._schema = pa.schema([mirrorable(field) for field in data.fields.values()])
        self._opened: _Files | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None}

    def __getitem__(self, items: Items) -> Batch:
        batch = self._rows(items[:, 0], items[:, 2])
        if self._data.groups is not None:
            batch |= {f"target_{name}": value for name, value in self._rows(items[:, 1], items[:, 2]).items()}
        return batch

    def _rows(self, rows: np.ndarray, flips: np.ndarray) -> Batch:
        """(B, ...) per column, mirrored where `flips` says, at the method's size."""
        if self._opened is None or self._opened.process != os.getpid():
            self._opened = _Files(self._data)
        data = self._data
        records: list[dict[str, Any]] = [{name: column[row] for name, column in data.values.items()} for row in rows]
        for name, places in data.sides.items():
            for record, value in zip(records, self._opened.dataset.side_table(name).at(places[rows]), strict=True):
                record[name] = value
        for record, row in zip(records, rows, strict=True):
            record |= self._opened.pictures(int(row))
        width = self._opened.size
        ready = [self._ready(record, bool(flip), width) for record, flip in zip(records, flips, strict=True)]
        return {key_of(name): _stack([record[name] for record in ready]) for name in data.fields}

    def _ready(self, record: dict[str, Any], flip: bool, width: int) -> dict[str, np.ndarray]:
        if flip:
            record = mirror(record, self._schema, crop_width=width)
        size, info = self._data.needs.image_size, self._data.info
        ready: dict[str, np.ndarray] = {}
        for name, value in record.items():
            if name == "au":
                value = value / info.au_scale
            elif name == "expression_params":
                value = value / info.coefficient_sigma.numpy()
            elif name == "speech_params":
                value = value / info.speech_sigma.numpy()
            elif name in POINTS:
                scale = size / width
                value = np.concatenate([(value[:, :2] + 0.5) * scale - 0.5, value[:, 2:] * scale], axis=1)
            elif name in _RESIZED:
                value = _RESIZED[name](value, size)
            ready[name] = value
        return ready


class _Files:
    """One process's open files and the row groups it read last."""

    def __init__(self, data: TrainingData) -> None:
        self.process = os.getpid()
        self.dataset = Dataset(data.dataset.path)
        if self.dataset.metadata.get("fingerprint") != data.dataset.metadata.get("fingerprint"):
            raise FexdataError(f"{data.dataset.path} was rebuilt while it was being read; start again")
        self._data, self._columns = data, data.pictures
        self._groups: OrderedDict[tuple[int, int], dict[str, list[pa.Buffer | None]]] = OrderedDict()
        self.size = self.pictures(0)["image"].shape[1] if "image" in self._columns else 0

    def pictures(self, row: int) -> dict[str, np.ndarray]:
        """The decoded pictures of a training row."""
        if not self._columns:
            return {}
        shard, shard_row = int(self._data.shard[row]), int(self._data.shard_row[row])
        file = self.dataset.shard(self._data.shards[shard])
        group = file.group_of(shard_row)
        found = self._group(file, shard, group)
        place = shard_row - int(file.starts[group])
        pictures = {}
        for name in self._columns:
            data = found[name][place]
            if data is None:
                raise FexdataError(f"row {self._data.ids[row].as_py()} has no {name}; `fexdata validate` tells more")
            pictures[name] = decoded(data)
        return pictures

    def _group(self, file: RowFile, shard: int, group: int) -> dict[str, list[pa.Buffer | None]]:
        """The encoded pictures of a row group. A window's groups are kept: each is read once."""
        key = (shard, group)
        if key in self._groups:
            self._groups.move_to_end(key)
            return self._groups[key]
        table = file.take(np.arange(file.starts[group], file.starts[group + 1]), self._columns)
        self._groups[key] = {name: picture_bytes(table.column(name)) for name in self._columns}
        if len(self._groups) > WINDOW + WINDOW // 4:
            self._groups.popitem(last=False)
        return self._groups[key]


def _resized_image(pixels: np.ndarray, size: int) -> np.ndarray:
    """(size, size, 3) uint8."""
    if pixels.shape[:2] == (size, size):
        return pixels
    how = cv2.INTER_AREA if pixels.shape[0] > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (size, size), interpolation=how))


def _resized_mask(labels: np.ndarray, size: int) -> np.ndarray:
    """(1, size, size) uint8: a label is never averaged."""
    return np.asarray(cv2.resize(labels, (size, size), interpolation=cv2.INTER_NEAREST_EXACT))[None]


def _resized_depth(stored: np.ndarray, size: int) -> np.ndarray:
    """(1, size, size) float32: clip(depth / (crop / 2)) in [-1, 1], background -1."""
    from fexdata.render.maps import decode_depth

    depth = decode_depth(stored) / (stored.shape[0] / 2)
    drawn = np.isfinite(depth)
    values, share = _averaged(np.where(drawn, depth, 0), drawn, size)
    return np.where(share >= 0.5, np.clip(values, -1, 1), -1).astype(np.float32)[None]


def _resized_normal(stored: np.ndarray, size: int) -> np.ndarray:
    """(3, size, size) float32 unit vectors, background 0."""
    from fexdata.render.maps import decode_normal

    vectors, share = _averaged(decode_normal(stored), (stored != 0).any(axis=-1), size)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit = np.where(share[..., None] >= 0.5, vectors / np.maximum(length, 1e-6), 0)
    return np.ascontiguousarray(np.moveaxis(unit, -1, 0), np.float32)


def _averaged(values: np.ndarray, drawn: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean over each new pixel's drawn area, and the share of it that is drawn."""
    shrinking = values.shape[0] > size
    how = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    share = np.asarray(cv2.resize(drawn.astype(np.float32), (size, size), interpolation=how))
    total = np.asarray(cv2.resize(values.astype(np.float32), (size, size), interpolation=how))
    return total / np.maximum(share, 1e-6)[(...,) + (None,) * (values.ndim - 2)], share


_RESIZED = {"image": _resized_image, "mask": _resized_mask, "depth": _resized_depth, "normal": _resized_normal}


def _stack(values: list[Any]) -> torch.Tensor:
    stacked = np.stack([np.asarray(value) for value in values])
    return torch.from_numpy(stacked.astype(np.float32) if stacked.dtype == np.float64 else stacked)


def _fresh_processes() -> Any:
    """Workers that inherit no threads: a fork of a process in which OpenCV or Arrow has started
    some can wait for ever."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # torch is imported once, not by every worker
    return context


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(1)


def _as_it_is(batch: Batch) -> Batch:
    return batch
