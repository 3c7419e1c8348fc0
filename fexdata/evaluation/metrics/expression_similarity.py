"""GC-GAN's expression similarity (table 2): cosine of two codes of E.

One is of the landmarks found on the edited picture, the other of the driver's. E is the method's
own network, so the figure says how well the edit follows what E sees, not how a person would judge.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cosine_similarity


def expression_similarity(code: Tensor, wanted: Tensor) -> Tensor:
    """Cosines (B,) of (B, N) and (B, N): 1 for one direction, -1 for opposite ones."""
    return cosine_similarity(code.double(), wanted.double(), dim=1)
