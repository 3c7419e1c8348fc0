"""The two VGG networks compute what their definitions say."""

import torch
from torchvision.models.vgg import cfgs, make_layers

from fexdata.training.judges.vgg import FACE_MEAN, VGG16_BLOCKS, Vgg19Features, VggFace


def test_vgg19_gives_the_first_relu_of_every_block() -> None:
    torch.manual_seed(0)
    layers = make_layers(cfgs["E"])
    found = Vgg19Features({f"features.{name}": value for name, value in layers.state_dict().items()})
    image = torch.rand(1, 3, 32, 32) * 2 - 1
    maps = ((image + 1) / 2 - torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).reshape(1, 3, 1, 1)
    wanted = []
    with torch.no_grad():
        for number, layer in enumerate(layers):
            maps = layer(maps)
            if number in (1, 6, 11, 20, 29):  # relu1_1 ... relu5_1 of torchvision's numbering
                wanted.append(maps)
        torch.testing.assert_close(found(image), wanted)


def test_vggface_reads_named_layers_and_subtracts_the_mean_of_its_pictures() -> None:
    torch.manual_seed(0)
    layers = make_layers(cfgs["D"])
    names = [f"conv{block}_{n}" for block, count in enumerate(VGG16_BLOCKS, 1) for n in range(1, count + 1)]
    convolutions = [layer for layer in layers if isinstance(layer, torch.nn.Conv2d)]
    weights = {f"{name}.{part}": getattr(layer, part)
               for name, layer in zip(names, convolutions, strict=True) for part in ("weight", "bias")}  # fmt: skip
    image = torch.rand(1, 3, 32, 32) * 255
    with torch.no_grad():
        found = VggFace(weights, layer="conv5_3")(image)
        wanted = layers[:-1](image - torch.tensor(FACE_MEAN).reshape(1, 3, 1, 1)).flatten(1)
    torch.testing.assert_close(found, wanted)
