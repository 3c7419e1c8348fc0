"""What a training method is: the contract between a method's file and the trainer.

A method owns its networks, its losses and its schedule; the trainer owns the loop, the optimisers,
the device, the clock and every file. A step never touches a path, a device (it uses the batch's)
or a clock, and draws random numbers only from the `Draw` it is handed, so that a resumed run
repeats an undisturbed one bit for bit.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

Batch = dict[str, Tensor]
"""What a step is handed, by the names below; those that the method's `Needs` ask for.

| column asked for | key | value |
|---|---|---|
| image | image | (B, 3, H, W) float32 in [-1, 1] |
| expression | label | (B,) int64, index into `DataInfo.expressions` |
| corpus_label | corpus_label | (B,) int64, index into the split's words, sorted |
| au | au | (B, K) float32, as stored divided by `DataInfo.au_scale`: 0 to 1 |
| au_confidence | au_confidence | (B,) or (B, K) float32, 0 to 1 |
| expression_params | params | (B, E) float32, divided by `DataInfo.coefficient_sigma`, not clipped |
| speech_params | speech | (B, S) float32, divided by `DataInfo.speech_sigma` |
| landmarks_68 | landmarks_68 | (B, 68, 2) float32, pixels of `image` (pixel centres are integers) |
| landmarks_478 | landmarks_478 | (B, 478, 3) float32, pixels of `image` |
| depth | depth | (B, 1, H, W) float32 in [-1, 1], larger is nearer, background -1 |
| normal | normal | (B, 3, H, W) float32 unit vectors, background 0 |
| mask | mask | (B, 1, H, W) uint8: 0 none, 1 skin, 2 filled eye, 3 filled mouth, 4 interpolated |
| subject | subject | (B,) int64, index into the split's subjects, sorted |
| valence, arousal, yaw ... (a number) | the column's name | (B,) float32 |

In a phase with `pairs`, every key also comes with the prefix `target_`, for the second picture of
the pair. Pictures and numbers of a row are mirrored together, both rows of a pair too.
"""

Condition = Mapping[str, Tensor]
"""An expression as a method is told of it: entries of a `Batch` other than pictures."""

Judges = Mapping[str, nn.Module]
"""Role (`identity`, `perceptual` ...) -> frozen network that a loss asks; see `MethodConfig.judges`."""

Losses = dict[str, Tensor]
"""Name -> scalar. `total` is what is minimised; the others are its terms, for the log."""


@dataclass(frozen=True)
class Needs:
    """What a method asks of the loader."""

    columns: tuple[str, ...]
    """Columns that every row must have; rows with a null among them are left out."""
    image_size: int
    """Height and width of every picture, pixels."""
    pairs: bool = False
    """Whether some phase reads pairs: the same person, camera and light, two expressions."""
    optional: tuple[str, ...] = ()
    """Columns taken where the dataset has them."""


@dataclass(frozen=True)
class DataInfo:
    """What the trainer found in the dataset. Fields of columns that were not asked for are empty."""

    image_size: int
    rows: int
    """Training rows: an epoch is `rows / batch` iterations."""
    pairs: int = 0
    """Training rows that have a partner. An epoch of a phase with pairs shows each of them once as
    the source, with a partner drawn anew: `pairs / batch` iterations."""
    expressions: tuple[str, ...] = ()
    """Classes of `label`, in the schema's order, only those that occur."""
    subjects: int = 0
    """Number of classes of `subject`."""
    au_names: tuple[str, ...] = ()
    au_scheme: str | None = None
    au_scale: float = 1.0
    """What stored values were divided by: 5 where the field's unit is "0 to 5"."""
    mirror_au: tuple[int, ...] = ()
    """A flipped face's `au` is au[:, mirror_au]."""
    basis_id: str | None = None
    coefficient_names: tuple[str, ...] = ()
    coefficient_sigma: Tensor = field(default_factory=lambda: torch.empty(0))
    """(E,) standard deviation of each coefficient over the training rows."""
    coefficient_signed: tuple[bool, ...] = ()
    """Whether a coefficient goes both ways from 0; else it is one-sided, at least 0."""
    mirror_coefficients: tuple[int, ...] = ()
    """A flipped face's `params` is params[:, mirror_coefficients] * mirror_coefficient_signs."""
    mirror_coefficient_signs: tuple[float, ...] = ()
    speech_names: tuple[str, ...] = ()
    speech_sigma: Tensor = field(default_factory=lambda: torch.empty(0))
    """(S,) as `coefficient_sigma`."""
    speech_signed: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one kind of step."""

    name: str
    iterations: int
    """Batches read. Each is handed to `critic_step`, every `critic_steps`-th to `generator_step`,
    too. This is what will be run: a run with a given number of steps shortens its phases in
    proportion, so a schedule is a function of `step / iterations`."""
    critic_steps: int = 1
    """Critic steps per generator step; 0: no critic, every batch is for `generator_step` alone."""
    pairs: bool = False
    """Whether batches are pairs."""
    batch: int | None = None
    """Rows per batch and device; None: the config's."""


@dataclass(frozen=True)
class Adam:
    """Settings of one optimiser in one phase."""

    lr: float
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 0.0


class Draw:
    """Random numbers of one step: a pure function of the run's seed, the step and a stream's name.

    Drawn on the CPU and then moved, so that a GPU's run uses the CPU's numbers.
    """

    def __init__(self, seed: int, step: int, stream: str = "step", device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        digest = hashlib.blake2b(f"{seed}:{step}:{stream}".encode(), digest_size=8).digest()
        self.seed = int.from_bytes(digest, "big") >> 1
        """Of this draw."""
        self._generator = torch.Generator().manual_seed(self.seed)

    def uniform(self, shape: Sequence[int], low: float = 0.0, high: float = 1.0) -> Tensor:
        """float32 in [low, high)."""
        return (low + (high - low) * torch.rand(tuple(shape), generator=self._generator)).to(self.device)

    def normal(self, shape: Sequence[int]) -> Tensor:
        """float32, mean 0, standard deviation 1."""
        return torch.randn(tuple(shape), generator=self._generator).to(self.device)

    def permutation(self, n: int) -> Tensor:
        """int64 (n,): 0 to n - 1 in random order."""
        return torch.randperm(n, generator=self._generator).to(self.device)

    def integers(self, high: int, shape: Sequence[int]) -> Tensor:
        """int64 in [0, high)."""
        return torch.randint(high, tuple(shape), generator=self._generator).to(self.device)


class MethodConfig(BaseModel):
    """Settings that every method has; a method's own class adds its weights and switches, each with
    a sentence. The class's defaults are the paper's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {"paper": {}, "small": {}, "demo": {}}
    """Preset -> the fields in which it differs from the defaults. A method has these three, and may have more."""

    image_size: int = Field(128, ge=8, description="Height and width of the pictures, pixels.")
    batch: int = Field(16, ge=1, description="Rows (or pairs) per batch and device.")
    mirror: float = Field(0.5, ge=0, le=1, description="Probability that a row is flipped left to right.")

    def judges(self) -> dict[str, str]:
        """Role -> name or path of the network that a loss asks, as `fexdata.training.judges.load`
        takes it. A loss that is switched off (`identity: none`) has no entry."""
        return {}


class Method(ABC):
    """One method of the papers. A subclass's file reads in the paper's order."""

    name: ClassVar[str]
    """As `fexdata train` knows it: lower case, words joined by hyphens."""
    paper: ClassVar[str]
    """Citation."""
    Config: ClassVar[type[MethodConfig]] = MethodConfig

    networks: nn.ModuleDict
    """Everything that is trained and saved, e.g. {"generator": ..., "critic": ...}."""
    optimised: Mapping[str, tuple[str, ...]] = {"critic": ("critic",), "generator": ("generator",)}
    """Optimiser -> names of its networks. The one called `critic` is stepped after `critic_step`,
    all others after `generator_step`; those of a phase for which `optimiser` gives None rest."""
    averaged: tuple[str, ...] = ("generator",)
    """Networks of which an exponential moving average is kept, for the log and for inference."""

    def __init__(self, config: MethodConfig, info: DataInfo, judges: Judges) -> None:
        """Builds the networks on the CPU, from torch's global generator, which the trainer seeds."""
        self.config = config
        self.info = info
        self.judges = judges

    @property
    def generator(self) -> nn.Module:
        """As the trainer left it: it may have been compiled, or wrapped for several devices."""
        return self.networks["generator"]

    @property
    def critic(self) -> nn.Module:
        """As `generator`."""
        return self.networks["critic"]

    @classmethod
    @abstractmethod
    def needs(cls, config: MethodConfig) -> Needs:
        """What the loader must give; known before the dataset is opened."""

    @abstractmethod
    def phases(self) -> list[Phase]:
        """The schedule, in order."""

    @abstractmethod
    def optimiser(self, name: str, phase: Phase) -> Adam | None:
        """Settings at the start of a phase; None where this optimiser rests. Moments are kept from
        one phase to the next."""

    def learning_rate(self, step: int, phase: Phase) -> float:
        """Factor on the optimisers' lr in iteration `step` (from 0) of the phase."""
        return 1.0

    def begin(self, phase: Phase) -> None:
        """Called at the start of a phase and after a resume: puts networks into training mode,
        freezes what the phase does not train (`requires_grad_` of resting networks is the trainer's)."""
        self.networks.train()

    @abstractmethod
    def critic_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        """Losses of the critic. Not called where `phase.critic_steps` is 0."""

    def penalty_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses | None:
        """A second step of the critic's optimiser on the same batch (GANimation's gradient penalty), or None."""
        return None

    @abstractmethod
    def generator_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        """Losses of everything else. The critic's parameters need no gradient here."""

    @abstractmethod
    def edit(self, image: Tensor, source: Condition, target: Condition) -> dict[str, Tensor]:
        """The edited picture and whatever else shows (mask, warped, depth).

        image: (B, 3, H, W) in [-1, 1]. source, target: the expression shown and the one wanted.
        """

    @abstractmethod
    def sample_sheet(self, batch: Batch, draw: Draw) -> Tensor:
        """Pictures for the log: (rows, columns, 3, H, W) in [-1, 1], one row per input picture, the
        input first. `batch` is one of the current phase's kind."""
