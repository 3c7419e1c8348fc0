"""Networks that MXNet saved."""

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from making import real_photographs
from torch import Tensor, nn

from fexdata.errors import FexdataError
from fexdata.training.judges import load
from fexdata.training.judges.mxnet import MXNetNetwork, read_parameters

ASSETS = Path(__file__).parents[4] / "shared" / "assets" / "mobileface"


def write_parameters(path: Path, arrays: dict[str, np.ndarray]) -> None:
    parts = [struct.pack("<QQQ", 0x112, 0, len(arrays))]
    for array in arrays.values():
        parts += [struct.pack("<III", 0xF993FAC9, 0, array.ndim), struct.pack(f"<{array.ndim}q", *array.shape)]
        parts += [struct.pack("<iii", 1, 0, 0), array.astype("<f4").tobytes()]
    parts.append(struct.pack("<Q", len(arrays)))
    parts += [struct.pack("<Q", len(name)) + name.encode() for name in arrays]
    path.write_bytes(b"".join(parts))


def write_symbol(path: Path, *, last: str = "FullyConnected") -> None:
    def node(op: str, name: str, inputs: list[int], **attrs: str) -> dict[str, object]:
        return {"op": op, "name": name, "attrs": attrs, "inputs": [[index, 0, 0] for index in inputs]}

    names = ["conv_weight", "conv_bias", "bn_gamma", "bn_beta", "bn_moving_mean", "bn_moving_var", "fc_weight"]
    nodes = [node("null", name, []) for name in ("data", *names)]
    nodes += [
        node("Convolution", "conv", [0, 1, 2], kernel="(3, 3)", stride="(2, 2)", pad="(1, 1)", num_filter="4"),
        node("BatchNorm", "bn", [8, 3, 4, 5, 6], fix_gamma="False"),
        node("_maximum_scalar", "relu", [9], scalar="0"),
        node(last, "fc", [10, 7], num_hidden="5", no_bias="True"),
    ]
    path.write_text(json.dumps({"nodes": nodes, "heads": [[11, 0, 0]]}))


def twin() -> nn.Sequential:
    """The same network in torch, with MXNet's epsilon."""
    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4, eps=1e-3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5, bias=False)
    )
    for name, values in made.named_buffers():
        if values.dtype.is_floating_point:
            values.copy_(torch.rand_like(values) + 0.5 * ("var" in name))
    return made.eval()


def save(folder: Path, network: nn.Sequential) -> tuple[Path, Path]:
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    arrays = {
        "arg:conv_weight": state["0.weight"], "arg:conv_bias": state["0.bias"], "arg:bn_gamma": state["1.weight"],
        "arg:bn_beta": state["1.bias"], "aux:bn_moving_mean": state["1.running_mean"],
        "aux:bn_moving_var": state["1.running_var"], "arg:fc_weight": state["4.weight"],
    }  # fmt: skip
    symbol, parameters = folder / "net-symbol.json", folder / "net-0000.params"
    write_symbol(symbol)
    write_parameters(parameters, arrays)
    return symbol, parameters


def test_network_computes_what_its_twin_in_torch_computes(tmp_path: Path) -> None:
    made = twin()
    pictures = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(MXNetNetwork(*save(tmp_path, made))(pictures), made(pictures))


def test_arrays_come_back_under_their_names(tmp_path: Path) -> None:
    write_parameters(tmp_path / "a.params", {"arg:one": np.arange(6.0).reshape(2, 3), "aux:two": np.ones(1)})
    found = read_parameters(tmp_path / "a.params")
    assert list(found) == ["one", "two"]
    np.testing.assert_array_equal(found["one"], np.arange(6.0).reshape(2, 3))


def test_cut_off_file_is_refused(tmp_path: Path) -> None:
    symbol, parameters = save(tmp_path, twin())
    parameters.write_bytes(parameters.read_bytes()[:-40])
    with pytest.raises(FexdataError, match="not a network that MXNet saved"):
        MXNetNetwork(symbol, parameters)


def test_layer_that_is_not_read_is_named(tmp_path: Path) -> None:
    symbol, parameters = save(tmp_path, twin())
    write_symbol(symbol, last="LRN")
    with pytest.raises(FexdataError, match="LRN"):
        MXNetNetwork(symbol, parameters)


@pytest.mark.skipif(not ASSETS.is_dir(), reason="shared/assets/mobileface is not here")
def test_mobileface_knows_a_person_again_in_the_mirror_and_nobody_else() -> None:
    judge = load(f"mobileface={ASSETS}", role="identity")
    pictures = real_photographs()
    names = ("astronaut.png", "single_face.jpg", "0-f1-su-ph.jpg", "0-f15-hao-ph.jpg", "15-f13-anc-ph.jpg")
    plain, mirrored = zip(*(embeddings(judge, pictures[name]) for name in names), strict=True)
    likeness = torch.cat(plain) @ torch.cat(mirrored).T
    same, others = likeness.diagonal(), likeness[~torch.eye(len(names), dtype=torch.bool)]
    assert float(same.min()) > 0.9
    assert float(others.max()) < 0.5


def embeddings(judge: nn.Module, path: os.PathLike[str]) -> tuple[Tensor, Tensor]:
    """Of a photograph's face and of its mirror image, at length 1."""
    from fexdata.corpora.pictures import read_picture
    from fexdata.evaluation.pixels import from_bytes
    from fexdata.faces.detection import FaceFinder
    from fexdata.faces.landmarks import MIRROR_68, to_68

    pixels = read_picture(Path(path).read_bytes())
    (face,) = FaceFinder().find(pixels, faces="largest")
    points = torch.from_numpy(to_68(face.landmarks)[:, :2].copy())
    flipped = points[torch.from_numpy(MIRROR_68.copy())] * torch.tensor([-1, 1]) + torch.tensor(
        [pixels.shape[1] - 1, 0]
    )
    image = from_bytes(pixels)[None]
    found = judge(image, points[None]), judge(image.flip(-1), flipped[None])
    first, second = (nn.functional.normalize(one, dim=1) for one in found)
    return first, second
