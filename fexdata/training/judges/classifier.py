"""`fexdata train classifier`: which expression a face shows, learnt from the dataset's own labels.

The papers judge their pictures by a classifier trained on real photographs (dense-geometry, section
4: "expression generation rate"), whose network they do not name; ours is of ResNet-18's form. With
`reads: au` or `expression_params` the same network reads action units or coefficients instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from fexdata.errors import FexdataError
from fexdata.training.judges.augment import augmented
from fexdata.training.judges.resnet import ResidualNetwork
from fexdata.training.judges.trained import SingleNetwork, TrainedConfig
from fexdata.training.losses.condition import class_error, regression_error
from fexdata.training.method import Batch, DataInfo, Draw, Judges, Losses, MethodConfig, Needs, Phase
from fexdata.training.methods.shared import weigh

Reads = Literal["expression", "au", "expression_params"]
KEYS: Mapping[Reads, str] = {"expression": "label", "au": "au", "expression_params": "params"}


class ClassifierConfig(TrainedConfig):
    """Settings of `classifier`."""

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "small": {"width": 32, "iterations": 20_000},
        "demo": {"image_size": 64, "width": 16, "batch": 32, "iterations": 600},
    }

    reads: Reads = Field("expression", description="What it learns to tell: a class, or numbers of that column.")
    leave_out: tuple[str, ...] = Field(
        (), description="Classes that are not learnt (dense-geometry leaves out contempt and disgust on AffectNet)."
    )


class Classifier(SingleNetwork):
    """Logits of the classes, or the numbers themselves."""

    name = "classifier"
    paper = "He et al., Deep Residual Learning, CVPR 2016; protocol of Bodur et al., WACV 2021, section 4"
    Config = ClassifierConfig
    config: ClassifierConfig

    def __init__(self, config: ClassifierConfig, info: DataInfo, judges: Judges) -> None:
        super().__init__(config, info, judges)
        self.names = _names(config, info)
        body = ReaderNetwork(config.image_size, width=config.width)
        self.networks = nn.ModuleDict({"network": body, "head": nn.Linear(body.features, len(self.names))})
        places = [self.names.index(name) if name in self.names else -1 for name in info.expressions]
        self._place = torch.tensor(places, dtype=torch.int64)
        """Class of the dataset -> class here, -1 for one left out."""

    @classmethod
    def needs(cls, config: MethodConfig) -> Needs:
        assert isinstance(config, ClassifierConfig)
        return Needs(("image", config.reads), config.image_size)

    def generator_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        """Cross-entropy, or the mean squared error, on augmented pictures."""
        told = self._told(augmented(batch["image"], draw))
        if self.config.reads != "expression":
            return weigh({"error": (1.0, regression_error(told, batch[KEYS[self.config.reads]]))})
        label = self._place.to(told.device)[batch["label"]]
        kept = label >= 0
        if not bool(kept.any()):
            return weigh({"class": (0.0, told.sum())})
        told, label = told[kept], label[kept]
        right = (told.argmax(1) == label).float().mean()
        return {**weigh({"class": (1.0, class_error(told, label))}), "accuracy": right.detach()}

    def judge(self) -> Reader:
        return Reader(self.networks["network"], self.networks["head"], self.config, self.names, self.info)

    @torch.no_grad()
    def sample_sheet(self, batch: Batch, draw: Draw) -> Tensor:
        """Each face, and where in it the strongest answer comes from (class activation map, Zhou et al.,
        CVPR 2016: the last maps weighted as the answer weighs their means), brighter for more."""
        network, head = self.networks["network"], self.networks["head"]
        assert isinstance(network, ReaderNetwork) and isinstance(head, nn.Linear)
        maps = network.maps(batch["image"])
        answer = head(maps.mean((2, 3))).argmax(1)
        weight = torch.einsum("bchw,bc->bhw", maps, head.weight[answer])[:, None]
        lowest, highest = weight.amin((2, 3), keepdim=True), weight.amax((2, 3), keepdim=True)
        share = (weight - lowest) / (highest - lowest).clamp(min=1e-6)
        share = functional.interpolate(share, batch["image"].shape[-2:], mode="bilinear", align_corners=False)
        shown = (batch["image"] + 1) * (0.15 + 0.85 * share) - 1
        return torch.stack([batch["image"], shown], dim=1)

    def _told(self, image: Tensor) -> Tensor:
        return self.networks["head"](self.networks["network"](image))


class ReaderNetwork(nn.Module):
    """Faces (B, 3, size, size) in [-1, 1] -> features (B, N): means of the last maps."""

    def __init__(self, size: int, *, width: int) -> None:
        super().__init__()
        self.body = ResidualNetwork(size, width=width)
        self.features = self.body.features

    def maps(self, image: Tensor) -> Tensor:
        return self.body(image)

    def forward(self, image: Tensor) -> Tensor:
        return self.maps(image).mean((2, 3))


class Reader(nn.Module):
    """A trained classifier as others ask it: pictures of any size -> logits or values (B, K) of `names`."""

    def __init__(
        self, network: nn.Module, head: nn.Module, config: ClassifierConfig, names: tuple[str, ...], info: DataInfo
    ) -> None:
        super().__init__()
        self.network, self.head = network, head
        self.size, self.reads, self.names, self.info = config.image_size, config.reads, names, info

    def features(self, image: Tensor) -> Tensor:
        """What the answer is read off: (B, N)."""
        size, shrinks = (self.size, self.size), image.shape[-1] > self.size
        if image.shape[-1] != self.size:
            image = functional.interpolate(image, size, mode="bilinear", align_corners=False, antialias=shrinks)
        features: Tensor = self.network(image)
        return features

    def forward(self, image: Tensor) -> Tensor:
        told: Tensor = self.head(self.features(image))
        return told


def _names(config: ClassifierConfig, info: DataInfo) -> tuple[str, ...]:
    if config.reads == "au":
        return info.au_names
    if config.reads == "expression_params":
        return info.coefficient_names
    unknown = set(config.leave_out) - set(info.expressions)
    if unknown:
        raise FexdataError(f"leave_out: no class {', '.join(sorted(unknown))}; classes: {', '.join(info.expressions)}")
    names = tuple(name for name in info.expressions if name not in config.leave_out)
    if len(names) < 2:
        raise FexdataError("classifier needs rows of at least two expressions; label the dataset")
    return names
