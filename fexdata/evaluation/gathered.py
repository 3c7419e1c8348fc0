"""Figures as they come, batch by batch: one value per picture under a name, features to be compared at the end."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class Gathered:
    """Values by name."""

    def __init__(self) -> None:
        self._values: dict[str, list[np.ndarray]] = {}
        self._features: dict[str, list[Tensor]] = {}

    def add(self, name: str, values: Tensor | np.ndarray | list[float]) -> None:
        """One number per picture."""
        array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values, np.float64)
        self._values.setdefault(name, []).append(array.astype(np.float64).reshape(-1))

    def keep(self, name: str, features: Tensor) -> None:
        """(B, N) for each picture."""
        self._features.setdefault(name, []).append(features.detach().cpu())

    def values(self, name: str) -> np.ndarray:
        return np.concatenate(self._values.get(name, [np.empty(0)]))

    def features(self, name: str) -> Tensor:
        return torch.cat(self._features[name])

    @property
    def names(self) -> list[str]:
        return list(self._values)
