"""The two VGG networks that papers ask: VGG19 for perceptual losses, VGG-Face for identity.

VGG19: Simonyan and Zisserman, ICLR 2015, torchvision's weights (ImageNet); features after the first
ReLU of each of its five blocks. VGG-Face: Parkhi et al., Deep Face Recognition, BMVC 2015, VGG16's
layers under the names of the converted state dict (conv1_1 ... fc8).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

VGG19_BLOCKS = (2, 2, 4, 4, 4)
VGG16_BLOCKS = (2, 2, 3, 3, 3)
"""Convolutions before each pooling."""
CHANNELS = (64, 128, 256, 512, 512)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FACE_MEAN = (129.1863, 104.7624, 93.5940)
"""Mean of VGG-Face's training pictures: R, G, B of 0 to 255."""
FACE_SIZE = 224


class Vgg19Features(nn.Module):
    """Pictures (B, 3, H, W) in [-1, 1] -> five feature maps: relu1_1, relu2_1, relu3_1, relu4_1, relu5_1."""

    mean: Tensor
    std: Tensor

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        """weights: torchvision's state dict; the classifier's layers are not used. Raises `KeyError`
        or `RuntimeError` where it is of another network."""
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).reshape(1, 3, 1, 1))
        layers: list[nn.Module] = []
        taps, before = [], 3
        for block, channels in zip(VGG19_BLOCKS, CHANNELS, strict=True):
            for number in range(block):
                layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
                before = channels
                if number == 0:
                    taps.append(len(layers) - 1)
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[: taps[-1] + 1])
        self.taps = frozenset(taps)
        own = self.features.state_dict()
        self.features.load_state_dict({name: weights[f"features.{name}"] for name in own})

    def forward(self, image: Tensor) -> list[Tensor]:
        maps, found = ((image + 1) / 2 - self.mean) / self.std, []
        for number, layer in enumerate(self.features):
            maps = layer(maps)
            if number in self.taps:
                found.append(maps)
        return found


class VggFace(nn.Module):
    """Pictures (B, 3, 224, 224), RGB of 0 to 255 -> fc7 (B, 4096) after its ReLU, or conv5_3 flattened."""

    mean: Tensor

    def __init__(self, weights: Mapping[str, Tensor], *, layer: str = "fc7") -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(FACE_MEAN).reshape(1, 3, 1, 1))
        before = 3
        self.blocks: list[list[str]] = []
        for block, (count, channels) in enumerate(zip(VGG16_BLOCKS, CHANNELS, strict=True), 1):
            self.blocks.append([f"conv{block}_{number}" for number in range(1, count + 1)])
            for name in self.blocks[-1]:
                self.add_module(name, nn.Conv2d(before, channels, 3, padding=1))
                before = channels
        self.layer = layer
        if layer == "fc7":
            self.fc6, self.fc7 = nn.Linear(before * 7 * 7, 4096), nn.Linear(4096, 4096)
        self.load_state_dict({name: weights[name] for name in self.state_dict() if name != "mean"}, strict=False)

    def forward(self, image: Tensor) -> Tensor:
        maps = image - self.mean
        for number, names in enumerate(self.blocks):
            for name in names:
                maps = functional.relu(self.get_submodule(name)(maps))
            if number < len(self.blocks) - 1 or self.layer == "fc7":
                maps = functional.max_pool2d(maps, 2)
        if self.layer != "fc7":
            return maps.flatten(1)
        return functional.relu(self.fc7(functional.relu(self.fc6(maps.flatten(1)))))
