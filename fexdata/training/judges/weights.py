"""Weights that others made: finding the file, checking it, reading it without trusting it.

Nothing is downloaded. A file lies where the user says, or under its kind's name in the folder
`weights` of `$FEXDATA_HOME` or `./data`. Pickles are opened with `weights_only=True`; TorchScript
and ONNX carry graphs, not Python.
"""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fexdata.dataset.names import home_folders
from fexdata.errors import FexdataError
from fexdata.storage import is_remote

FOLDER = "weights"


def weight_folders() -> list[Path]:
    """Where files are looked for, first match wins."""
    return [Path(home) / FOLDER for home in home_folders() if not is_remote(home)]


def found_files(names: Sequence[str], folder: Path | None = None) -> tuple[Path, ...] | None:
    """All the named files in one folder, or None."""
    for place in [folder] if folder else weight_folders():
        paths = tuple(place / name for name in names)
        if all(path.is_file() for path in paths):
            return paths
    return None


def file_sha256(paths: Sequence[Path]) -> str:
    """sha256 of a file, or of several one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def module_sha256(module: nn.Module) -> str:
    """sha256 of a network's parameters and buffers, wherever they lie."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def read_network(path: Path) -> nn.Module | dict[str, Tensor]:
    """A whole network (TorchScript, ONNX) or a state dict (torch, safetensors), on the CPU.

    Raises `FexdataError` when the file is none of these, or when reading ONNX needs a package.
    """
    try:
        if path.suffix == ".onnx":
            return _onnx(path)
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        if _is_torchscript(path):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # that nobody should write such files any more
                module: nn.Module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
            return module
        return _state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except FexdataError:
        raise
    except Exception as error:  # each format has its own errors for a damaged file
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise FexdataError(f"{path}: no TorchScript, state dict, safetensors or ONNX file ({first[:200]})") from None


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def _state_dict(loaded: Any) -> dict[str, Tensor]:
    """The tensors of what `torch.save` wrote, out of a checkpoint's `state_dict`, without `module.`."""
    while isinstance(loaded, Mapping) and isinstance(loaded.get("state_dict"), Mapping):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, Mapping) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise ValueError("its pickle holds no state dict")
    return {str(name).removeprefix("module."): value for name, value in loaded.items()}


def _onnx(path: Path) -> nn.Module:
    try:
        from onnx2torch import convert
    except ImportError:
        raise FexdataError(
            f"{path}: gradients through ONNX need onnx2torch: pip install onnx2torch 'onnx<1.18'"
        ) from None
    module: nn.Module = convert(str(path))
    return module
