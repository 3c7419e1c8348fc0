"""Expression generation rate: how often an independent classifier sees the wanted expression.

Dense-geometry, section 4: a classifier trained on real photographs, its accuracy on edited ones. The
faces of a class that the classifier does not know are not counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def generation_rate(logits: Tensor, wanted: Sequence[str], names: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Whether each of (B, C) logits says the wanted class: 1 or 0, of the faces that count, and which those are.

    wanted: the class asked for, by name. names: the classes of the logits.
    """
    place = {name: index for index, name in enumerate(names)}
    label = logits.new_tensor([place.get(name, -1) for name in wanted]).long()
    known = label >= 0
    return (logits[known].argmax(1) == label[known]).double(), known
