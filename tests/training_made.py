"""A dataset with every column that a method may ask for, and the smallest method there is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import dataset_made
import numpy as np
import pyarrow as pa
import torch
from dataset_made import Rows
from torch import Tensor, nn

from fexdata.dataset.fields import column, fixed
from fexdata.training.method import (
    Adam,
    Batch,
    Condition,
    DataInfo,
    Draw,
    Judges,
    Losses,
    Method,
    MethodConfig,
    Needs,
    Phase,
)

AUS = ("AU01", "AU12", "AU12_left", "AU12_right")
COEFFICIENTS = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "asymmetric_jaw")
S = pa.string()

EXTRA = [
    column("au_scheme", S, "Scheme."),
    column("au", pa.struct([(name, pa.float32()) for name in AUS]), "Action units.", unit="0 to 5", mirror="named"),
    column("au_confidence", pa.float32(), "Confidence.", unit="0 to 1"),
    column("basis_id", S, "Basis."),
    column("expression_params", fixed(4), "Coefficients.", shape=(4,), mirror="named", names=COEFFICIENTS),
]


def make_training_dataset(
    folder: str | Path,
    name: str = "faces",
    *,
    photographs: int = 48,
    size: int = 32,
    seed: int = 0,
    edit: Callable[[Rows], None] | None = None,
) -> Path:
    """`dataset_made.make_dataset` with action units, coefficients and pairs; all but a few rows are training."""

    def fill(rows: Rows) -> None:
        for row in rows:
            rng = np.random.default_rng([seed, int(row["sample_id"][:8], 16)])
            row["au_scheme"], row["basis_id"] = "test17", "test-basis"
            row["au"] = dict(zip(AUS, (5 * rng.random(4)).round(4), strict=True))
            row["au_confidence"] = float(rng.random())
            row["expression_params"] = (rng.normal(size=4) * [1, 2, 3, 4]).astype(np.float32)
            row["split"] = "val" if int(row["subject"][1:]) == 3 else "train"
        if edit is not None:
            edit(rows)

    stages = [*dataset_made.STAGE_FIELDS, *EXTRA]
    with patch.object(dataset_made, "STAGE_FIELDS", stages):
        return dataset_made.make_dataset(folder, name=name, photographs=photographs, size=size, seed=seed, edit=fill)


class ToyConfig(MethodConfig):
    """Settings of the smallest method."""

    image_size: int = 16
    batch: int = 4
    lr: float = 1e-3
    bad_step: int = -1
    """The step of the first phase whose loss is no number."""


class Toy(Method):
    """A blur that learns to please a linear critic: two networks, two phases, both kinds of batches."""

    name: ClassVar[str] = "toy"
    paper: ClassVar[str] = "none"
    Config: ClassVar[type[MethodConfig]] = ToyConfig
    optimised = {"critic": ("critic",), "generator": ("generator",)}  # noqa: RUF012
    config: ToyConfig

    def __init__(self, config: ToyConfig, info: DataInfo, judges: Judges) -> None:
        super().__init__(config, info, judges)
        generator = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Dropout(0.1), nn.Conv2d(4, 3, 1))
        critic = nn.Conv2d(3, 1, config.image_size)
        self.networks = nn.ModuleDict({"generator": generator, "critic": critic})

    @classmethod
    def needs(cls, config: MethodConfig) -> Needs:
        return Needs(("image", "expression"), config.image_size, pairs=True)

    def phases(self) -> list[Phase]:
        return [Phase("single", 30, critic_steps=2), Phase("paired", 10, critic_steps=0, pairs=True)]

    def optimiser(self, name: str, phase: Phase) -> Adam | None:
        return None if name == "critic" and phase.pairs else Adam(self.config.lr)

    def learning_rate(self, step: int, phase: Phase) -> float:
        return 1 - step / (2 * phase.iterations)

    def critic_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        fake = self.networks["generator"](batch["image"]).detach() + 0.1 * draw.normal(batch["image"].shape)
        score = self.networks["critic"](fake).mean() - self.networks["critic"](batch["image"]).mean()
        return {"total": score + 0.1 * score**2, "score": score}

    def generator_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        fake = self.networks["generator"](batch["image"])
        wanted = batch["target_image"] if phase.pairs else batch["image"]
        total = (fake - wanted).abs().mean() - 0.1 * self.networks["critic"](fake).mean()
        if self.config.bad_step >= 0:
            self.seen = getattr(self, "seen", -1) + 1
            total = total * (float("nan") if self.seen == self.config.bad_step else 1.0)
        return {"total": total}

    def edit(self, image: Tensor, source: Condition, target: Condition) -> dict[str, Tensor]:
        return {"image": self.networks["generator"](image)}

    def sample_sheet(self, batch: Batch, draw: Draw) -> Tensor:
        return torch.stack([batch["image"], self.edit(batch["image"], {}, {})["image"]], dim=1)


def equal_tensors(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """The names whose tensors differ in any bit, or are on one side only."""
    return [
        name for name in sorted(set(a) | set(b)) if name not in a or name not in b or not torch.equal(a[name], b[name])
    ]
