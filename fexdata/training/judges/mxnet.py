"""Reading a network that MXNet saved: a symbol file (JSON) and a parameter file.

Only what plain convolutional networks need: convolution, batch normalisation, clipping, addition,
flattening, full connection. There is no MXNet for current Pythons; its formats are simple.

The parameter file, little endian: 0x112, a reserved word and the number of arrays, 8 bytes each;
per array the magic 0xF993FAC9, storage type and number of axes, 4 bytes each, the axes, 8 bytes
each, two words of 4 bytes for the device, one for the type, the values; then the number of names,
and per name its length, 8 bytes each, and its bytes (`arg:conv1_weight`, `aux:bn1_moving_mean`).
"""

from __future__ import annotations

import ast
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fexdata.errors import FexdataError

_FILE, _ARRAY = 0x112, 0xF993FAC9
_EPSILON = 1e-3
"""MXNet's own in batch normalisation, where the symbol file names none."""


class MXNetNetwork(nn.Module):
    """A frozen network: (B, 3, H, W) pictures of 0 to 255 in, what its last node gives out."""

    def __init__(self, symbol: Path, parameters: Path) -> None:
        """Raises `FexdataError` when a file is not what MXNet writes, or the network has a layer
        that is not read here."""
        super().__init__()
        try:
            described = json.loads(symbol.read_text())
            self.nodes: list[dict[str, Any]] = described["nodes"]
            self.head = int(described["heads"][0][0])
            arrays = read_parameters(parameters)
        except (OSError, ValueError, KeyError, struct.error) as error:
            raise FexdataError(f"{symbol}, {parameters}: not a network that MXNet saved ({error})") from None
        for node in self.nodes:
            if node["op"] not in _LAYERS and node["op"] != "null":
                raise FexdataError(f"{symbol}: a layer of kind {node['op']} is not read")
            if node["op"] == "null" and node["name"] in arrays:
                self.register_buffer(_attribute(node["name"]), torch.from_numpy(arrays[node["name"]]))
        self.eval().requires_grad_(False)

    def forward(self, pictures: Tensor) -> Tensor:
        values: list[Tensor] = []
        for node in self.nodes:
            if node["op"] == "null":
                found = getattr(self, _attribute(node["name"]), None)
                values.append(pictures if found is None else found)
            else:
                given = [values[number] for number, *_ in node["inputs"]]
                values.append(_LAYERS[node["op"]](given, node.get("attrs") or {}))
        return values[self.head]


def read_parameters(path: Path) -> dict[str, np.ndarray]:
    """float32 arrays by name, without `arg:` and `aux:`. Raises `ValueError` for another format."""
    data = path.read_bytes()
    magic, _, count = struct.unpack_from("<QQQ", data)
    if magic != _FILE:
        raise ValueError(f"{path.name} does not begin as a parameter file does")
    at, arrays = 24, []
    for _ in range(count):
        magic, _, axes = struct.unpack_from("<III", data, at)
        if magic != _ARRAY:
            raise ValueError(f"{path.name} is of another version")
        shape = struct.unpack_from(f"<{axes}q", data, at + 12)
        at += 12 + 8 * axes
        _, _, kind = struct.unpack_from("<iii", data, at)
        if kind != 0:
            raise ValueError(f"{path.name} holds arrays that are not float32")
        size = int(np.prod(shape))
        arrays.append(np.frombuffer(data, "<f4", size, at + 12).reshape(shape).copy())
        at += 12 + 4 * size
    (named,) = struct.unpack_from("<Q", data, at)
    at += 8
    names = []
    for _ in range(named):
        (length,) = struct.unpack_from("<Q", data, at)
        names.append(data[at + 8 : at + 8 + length].decode().partition(":")[2])
        at += 8 + length
    return dict(zip(names, arrays, strict=True))


def _attribute(name: str) -> str:
    return "weight_" + name.replace(".", "_")


def _pair(attributes: dict[str, str], name: str, otherwise: tuple[int, int]) -> tuple[int, int]:
    across, down = ast.literal_eval(attributes[name]) if name in attributes else otherwise
    return int(across), int(down)


def _convolution(given: list[Tensor], attributes: dict[str, str]) -> Tensor:
    bias = given[2] if len(given) > 2 else None
    return functional.conv2d(
        given[0],
        given[1],
        bias,
        _pair(attributes, "stride", (1, 1)),
        _pair(attributes, "pad", (0, 0)),
        groups=int(attributes.get("num_group", 1)),
    )


def _normalisation(given: list[Tensor], attributes: dict[str, str]) -> Tensor:
    values, gamma, beta, mean, variance = given
    if attributes.get("fix_gamma", "True") == "True":
        gamma = torch.ones_like(gamma)
    return functional.batch_norm(values, mean, variance, gamma, beta, eps=float(attributes.get("eps", _EPSILON)))


def _connection(given: list[Tensor], attributes: dict[str, str]) -> Tensor:
    return functional.linear(given[0].flatten(1), given[1], given[2] if len(given) > 2 else None)


_LAYERS: dict[str, Callable[[list[Tensor], dict[str, str]], Tensor]] = {
    "Convolution": _convolution,
    "BatchNorm": _normalisation,
    "FullyConnected": _connection,
    "Flatten": lambda given, attributes: given[0].flatten(1),
    "elemwise_add": lambda given, attributes: given[0] + given[1],
    "_minus_scalar": lambda given, attributes: given[0] - float(attributes["scalar"]),
    "_mul_scalar": lambda given, attributes: given[0] * float(attributes["scalar"]),
    "_maximum_scalar": lambda given, attributes: given[0].clamp(min=float(attributes["scalar"])),
    "_minimum_scalar": lambda given, attributes: given[0].clamp(max=float(attributes["scalar"])),
}
