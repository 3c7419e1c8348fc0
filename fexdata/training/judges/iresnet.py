"""ArcFace's own network, so that its published weights (a state dict) can be read.

Deng et al., ArcFace: Additive Angular Margin Loss for Deep Face Recognition, CVPR 2019; the "IR"
residual network of its section 3.1 in the released PyTorch form: names and shapes are those of its
`backbone.pth` files. Four stages of blocks (batch norm, convolution, batch norm, PReLU, convolution
with the stride, batch norm), then 7 x 7 x 512 to 512 numbers. Input: RGB in [-1, 1], 112 x 112.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from torch import Tensor, nn

CHANNELS = (64, 128, 256, 512)


class IResNet(nn.Module):
    """(B, 3, 112, 112) -> (B, features)."""

    def __init__(self, blocks: tuple[int, int, int, int], *, features: int = 512) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, CHANNELS[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(CHANNELS[0])
        self.prelu = nn.PReLU(CHANNELS[0])
        before = CHANNELS[0]
        for number, (channels, count) in enumerate(zip(CHANNELS, blocks, strict=True), 1):
            stage = [_Block(before, channels, 2), *(_Block(channels, channels, 1) for _ in range(count - 1))]
            self.add_module(f"layer{number}", nn.Sequential(*stage))
            before = channels
        self.bn2 = nn.BatchNorm2d(before)
        self.fc = nn.Linear(before * 7 * 7, features)
        self.features = nn.BatchNorm1d(features)

    def forward(self, image: Tensor) -> Tensor:
        maps = self.prelu(self.bn1(self.conv1(image)))
        for number in range(1, len(CHANNELS) + 1):
            maps = self.get_submodule(f"layer{number}")(maps)
        return self.features(self.fc(self.bn2(maps).flatten(1)))


def iresnet(weights: Mapping[str, Tensor]) -> IResNet:
    """The network of a state dict, as deep as its names say, with its weights.

    Raises `KeyError` or `RuntimeError` where the state dict is of another network.
    """
    depth = Counter(name.split(".")[0] for name in weights if name.endswith(".conv1.weight"))
    blocks = (depth["layer1"], depth["layer2"], depth["layer3"], depth["layer4"])
    network = IResNet(blocks, features=len(weights["fc.bias"]))
    network.load_state_dict(dict(weights))
    return network


class _Block(nn.Module):
    def __init__(self, channels: int, wanted: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, wanted, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(wanted)
        self.prelu = nn.PReLU(wanted)
        self.conv2 = nn.Conv2d(wanted, wanted, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(wanted)
        self.downsample: nn.Module | None = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(channels, wanted, 1, stride, bias=False), nn.BatchNorm2d(wanted))

    def forward(self, maps: Tensor) -> Tensor:
        short = maps if self.downsample is None else self.downsample(maps)
        return self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(maps)))))) + short
