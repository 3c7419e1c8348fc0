"""A run's folder: what it was asked for, what it was trained on, and its networks for whoever edits.

```
runs/slidergan-affectnet-d-1/
  run.json                  settings, dataset and its licences, what the numbers mean, versions
  checkpoints/<step>.json, .safetensors
  logs/<number>-<phase>.csv and TensorBoard's files
  sheets/<step>.png
```
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from fexdata.errors import FexdataError
from fexdata.storage import write_atomic
from fexdata.training.checkpoint import latest, load_networks
from fexdata.training.config import TrainConfig, checked
from fexdata.training.method import DataInfo, Method, MethodConfig
from fexdata.training.registry import method_class

RECORD = "run.json"


@dataclass(frozen=True)
class Run:
    """The names of a run's files."""

    folder: Path

    @property
    def record(self) -> Path:
        return self.folder / RECORD

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def sheets(self) -> Path:
        return self.folder / "sheets"

    def read(self) -> dict[str, Any]:
        """run.json. Raises `FexdataError` where there is none."""
        try:
            record: dict[str, Any] = json.loads(self.record.read_text())
        except FileNotFoundError:
            raise FexdataError(f"{self.folder} is no run (no {RECORD}); `fexdata train` makes one") from None
        except ValueError:
            raise FexdataError(f"{self.record} is damaged; it is JSON that `fexdata train` wrote") from None
        return record

    def write(self, record: Mapping[str, Any]) -> None:
        write_atomic(str(self.record), json.dumps(record, indent=1, sort_keys=True).encode())

    def settings(self) -> tuple[TrainConfig, MethodConfig]:
        """The settings with which the run began."""
        record = self.read()
        train = checked(TrainConfig, record["train"])
        return train, checked(method_class(train.method).Config, record["method"])


def new_run(method: str, dataset: str, out: str | None) -> Run:
    """A folder for a new run: `out`, or runs/<method>-<dataset>-<n> with the first free n. Raises
    `FexdataError` where `out` holds a run already."""
    if out is not None:
        if (Path(out) / RECORD).exists():
            raise FexdataError(f"{out} holds a run; go on with it (--resume --out {out}) or name another folder")
        return Run(Path(out))
    stem = f"{method}-{Path(dataset).name.lower()}"
    number = 1
    while (Path("runs") / f"{stem}-{number}").exists():
        number += 1
    return Run(Path("runs") / f"{stem}-{number}")


def last_run(method: str, dataset: str, out: str | None) -> Run:
    """The run that `--resume` means: `out`, or the newest runs/<method>-<dataset>-<n>."""
    if out is not None:
        return Run(Path(out))
    stem = f"{method}-{Path(dataset).name.lower()}"
    numbers = [path.name.removeprefix(f"{stem}-") for path in Path("runs").glob(f"{stem}-*")]
    found = [int(number) for number in numbers if number.isdigit()]
    if not found:
        raise FexdataError(
            f"there is no run runs/{stem}-<n> to resume; start one without --resume, or name it by --out"
        )
    return Run(Path("runs") / f"{stem}-{max(found)}")


def open_run(folder: str | Path, *, averaged: bool = True) -> tuple[Method, dict[str, Any]]:
    """A trained method ready to edit, on the CPU and in evaluation mode, and its run.json.

    averaged: the moving average of the generator rather than its last values. Raises
    `FexdataError` where the folder is no run or has no checkpoint yet.
    """
    run = Run(Path(folder))
    train, config = run.settings()
    record = run.read()
    path = latest(run.checkpoints)
    if path is None:
        raise FexdataError(
            f"{folder} has no checkpoint yet; go on with it: `fexdata train ... --resume --out {folder}`"
        )
    method = method_class(train.method)(config, info_from_json(record["info"]), {})
    load_networks(path, method.networks, averaged=averaged)
    method.networks.eval().requires_grad_(False)
    return method, record


def info_to_json(info: DataInfo) -> dict[str, Any]:
    return {name: value.tolist() if isinstance(value, torch.Tensor) else value for name, value in asdict(info).items()}


def info_from_json(values: Mapping[str, Any]) -> DataInfo:
    """The inverse of `info_to_json`, to the last bit."""
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name.endswith("_sigma"):
            made[name] = torch.tensor(value, dtype=torch.float32)
        else:
            made[name] = tuple(value) if isinstance(value, list) else value
    return DataInfo(**made)
