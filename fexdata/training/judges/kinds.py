"""The networks that papers name: what each expects, where its weights come from, on which terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from fexdata.errors import FexdataError
from fexdata.training.judges.warp import ARCFACE, OPENFACE, Placement, to_placement
from fexdata.training.judges.weights import read_network

Role = Literal["identity", "perceptual", "expression"]
Values = Literal["-1 to 1", "0 to 1", "0 to 255"]


@dataclass(frozen=True)
class Kind:
    """One kind of network."""

    name: str
    role: Role
    files: tuple[tuple[str, ...], ...]
    """What it is called in the weights folder: alternatives, each of one file or several."""
    open: Callable[[Sequence[Path]], nn.Module]
    """From files to the frozen module that is called as its role is."""
    source: str
    """Where to get it."""
    licence: str
    sha256: str | None = None
    """How the sha256 begins, where one file alone is the right one."""


class IdentityNetwork(nn.Module):
    """`(image (B, 3, H, W) in [-1, 1], landmarks (B, 68, 2) in its pixels) -> embeddings (B, N)`.

    Aligns, scales, asks the network. One matrix from the given landmarks: two pictures of one face
    are compared by handing in the same landmarks.
    """

    def __init__(
        self, network: nn.Module, placement: Placement | int, *, values: Values = "-1 to 1", unit: bool = False
    ) -> None:
        """placement: where landmarks shall lie, or the size to which pictures are resized as they are.
        unit: whether embeddings are brought to length 1."""
        super().__init__()
        self.network, self.placement, self.values, self.unit = network, placement, values, unit

    def forward(self, image: Tensor, landmarks: Tensor) -> Tensor:
        if isinstance(self.placement, int):
            size = (self.placement, self.placement)
            shrinks = image.shape[-1] > self.placement
            face = functional.interpolate(image, size, mode="bilinear", align_corners=False, antialias=shrinks)
        else:
            face = to_placement(image, landmarks, self.placement)
        if self.values == "0 to 1":
            face = (face + 1) / 2
        elif self.values == "0 to 255":
            face = (face + 1) * 127.5
        embedding: Tensor = self.network(face)
        return functional.normalize(embedding, dim=1) if self.unit else embedding


def _whole_or(build: Callable[[Mapping[str, Tensor]], nn.Module] | None, path: Path, name: str) -> nn.Module:
    """The file's network: the file itself where it carries one, else `build` of its state dict."""
    loaded = read_network(path)
    if isinstance(loaded, nn.Module):
        return loaded
    if build is None:
        raise FexdataError(f"{path} holds weights without a network; {name} is read as TorchScript or ONNX")
    try:
        return build(loaded)
    except (KeyError, RuntimeError) as error:
        raise FexdataError(f"{path}: weights of another network than {name} ({str(error).splitlines()[0]})") from None


def _mobileface(paths: Sequence[Path]) -> nn.Module:
    from fexdata.training.judges.mxnet import MXNetNetwork

    symbol, parameters = sorted(paths, key=lambda path: path.suffix != ".json")
    return IdentityNetwork(MXNetNetwork(symbol, parameters), ARCFACE, values="0 to 255")


def _arcface(paths: Sequence[Path]) -> nn.Module:
    from fexdata.training.judges.iresnet import iresnet

    return IdentityNetwork(_whole_or(iresnet, paths[0], "arcface"), ARCFACE)


def _nn4(paths: Sequence[Path]) -> nn.Module:
    return IdentityNetwork(_whole_or(None, paths[0], "nn4"), OPENFACE, values="0 to 1", unit=True)


def _vggface(paths: Sequence[Path], layer: str) -> nn.Module:
    from fexdata.training.judges.vgg import FACE_SIZE, VggFace

    network = _whole_or(lambda weights: VggFace(weights, layer=layer), paths[0], "vggface")
    return IdentityNetwork(network, FACE_SIZE, values="0 to 255")


def _vgg19(paths: Sequence[Path]) -> nn.Module:
    from fexdata.training.judges.vgg import Vgg19Features

    loaded = read_network(paths[0])
    if isinstance(loaded, nn.Module):
        raise FexdataError(f"{paths[0]}: vgg19 is read from torchvision's state dict, whose inner layers are asked")
    try:
        return Vgg19Features(loaded)
    except (KeyError, RuntimeError) as error:
        raise FexdataError(f"{paths[0]}: weights of another network than vgg19 ({error})") from None


def _any_of(name: str, *suffixes: str) -> tuple[tuple[str, ...], ...]:
    return tuple((name + suffix,) for suffix in suffixes)


_TORCH = (".pt", ".pth", ".safetensors", ".onnx")
_FACES = "https://www.robots.ox.ac.uk/~albanie/pytorch-models.html (vgg_face_dag.pth)"

KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "mobileface", "identity",
            (("MobileFace_Identification_V2-symbol.json", "MobileFace_Identification_V2-0000.params"),),
            _mobileface,
            "https://github.com/becauseofAI/MobileFace (MobileFace_Identification/model)",
            "MIT",
            sha256="fa4167574e45d893",
        ),
        Kind(
            "arcface", "identity", _any_of("arcface", *_TORCH), _arcface,
            "https://github.com/deepinsight/insightface (arcface_torch, backbone.pth)",
            "non-commercial research (InsightFace's weights)",
        ),
        Kind(
            "nn4", "identity", _any_of("nn4", ".pt", ".onnx"), _nn4,
            "https://cmusatyalab.github.io/openface (nn4.small2.v1), exported to TorchScript or ONNX",
            "Apache-2.0",
        ),
        Kind(
            "vggface", "identity", _any_of("vgg_face_dag", ".pth", ".pt"), lambda paths: _vggface(paths, "fc7"),
            _FACES, "non-commercial research (VGG-Face)",
        ),
        Kind(
            "vggface-conv", "identity", _any_of("vgg_face_dag", ".pth", ".pt"),
            lambda paths: _vggface(paths, "conv5_3"), _FACES, "non-commercial research (VGG-Face)",
        ),
        Kind(
            "vgg19", "perceptual", (("vgg19-dcbb9e9d.pth",),), _vgg19,
            "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
            "BSD-3-Clause (torchvision); trained on ImageNet, whose pictures are for non-commercial research",
            sha256="dcbb9e9d",
        ),
    )
}  # fmt: skip
"""Name -> kind."""
