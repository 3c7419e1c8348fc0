"""CDAAE: a label at the bottleneck, the baseline of GC-GAN's table 1.

Zhou and Shi, Photorealistic Facial Expression Synthesis by the Conditional Difference Adversarial
Autoencoder, 2017: an autoencoder with the wanted expression's one-hot label at its code and a feed-forward path
from the encoder's low-level features to the decoder, so that the code learns the difference between two
pictures of one person. The authors published no code. This is a re-implementation on GC-GAN's backbone (its additive
skip is that path), with GC-GAN's losses and data, so that a comparison isolates the condition.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from fexdata.training.method import Condition
from fexdata.training.methods.gcgan import PairedTransfer


class CDAAE(PairedTransfer):
    """GC-GAN's generator with z_g replaced by the label."""

    name = "cdaae"
    paper = (
        "Zhou and Shi, Photorealistic Facial Expression Synthesis by the Conditional Difference Adversarial "
        "Autoencoder, ACII 2017; re-implementation on GC-GAN's backbone"
    )
    column = "expression"

    def code_length(self) -> int:
        return len(self.info.expressions)

    def generate(self, image: Tensor, condition: Condition) -> Tensor:
        label = functional.one_hot(condition["label"], len(self.info.expressions))
        return self.generator(image, label.to(image.dtype))
