"""Identity distance: how far an edit moves a face from its person, 1 - cos of two embeddings.

DefGAN plots 1 - cos of OpenFace's 128 numbers, fine-grained the L2 distance of dlib's, dense-geometry
that of VGG-Face's; which network was asked is in the result's name. For embeddings of length 1, the
L2 distance is sqrt(2 (1 - cos)).
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cosine_similarity

VERIFIED = 0.65
"""GC-GAN, table 2: cosine of VGG-Face's last convolution from which two faces are one person."""


def identity_distance(embedding: Tensor, wanted: Tensor) -> Tensor:
    """1 - cos for each of (B, N): (B,), 0 for one direction, 2 for opposite ones."""
    return 1 - cosine_similarity(embedding.double(), wanted.double(), dim=1)


def verified(embedding: Tensor, wanted: Tensor, threshold: float = VERIFIED) -> Tensor:
    """1 where the cosine is at least the threshold, else 0: (B,). Their mean is the verification rate."""
    return (cosine_similarity(embedding.double(), wanted.double(), dim=1) >= threshold).double()
