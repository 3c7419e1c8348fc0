"""GC-GAN: somebody else's expression, by landmarks, on one's own face.

Two phases. `embedding` teaches E what makes two expressions different, whoever wears them, from
landmarks and labels alone. `transfer` freezes E and trains G and D on pairs: the person's picture
and the wanted landmarks in, the person's true picture with that expression as the answer.

`PairedTransfer` is the second phase without the landmarks' embedding, so that the paper's two
baselines, `cdaae` and `spg`, differ from GC-GAN in the condition alone.

The authors' released code departs from the paper (A-001-2: a classifier on D, feature matching, three skips,
joint training, the contrastive loss commented out). Here the paper is followed; from the code come
the reductions, the schedule and the critic's settings that the paper does not state.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from fexdata.training.columns import key_of
from fexdata.training.losses.adversarial import gradient_penalty, wasserstein_critic, wasserstein_generator
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
from fexdata.training.methods.shared import epochs, weigh
from fexdata.training.networks.gcgan import LandmarkEmbedding, LayerNormCritic, TransferGenerator

EMBEDDING: Final = "embedding"
TRANSFER: Final = "transfer"


class TransferConfig(MethodConfig):
    """Settings of the second phase, shared by `gcgan`, `cdaae` and `spg`."""

    image_size: int = Field(64, ge=32, multiple_of=16, description="Height and width of the pictures, pixels.")
    batch: int = Field(64, ge=2, description="Pairs per batch; batch normalisation needs at least 2.")
    width: int = Field(64, ge=4, description="Channels of the first convolution; all others follow.")
    person: int = Field(128, ge=1, description="Length of z_i, the code of the person.")
    out_bn: bool = Field(False, description="Batch norm before the output's tanh, as table 3 prints it (A-001-4).")
    lambda_image: float = Field(1.0, ge=0, description="Weight of L_ir, the reconstruction; 0: the paper's ablation.")
    lambda_adversarial: float = Field(1e-3, ge=0, description="Weight of L_gen in the generator's loss.")
    lambda_gp: float = Field(10.0, ge=0, description="Weight of the gradient penalty.")
    critic_steps: int = Field(5, ge=1, description="Critic steps per generator step.")
    epochs: int = Field(100, ge=1, description="Passes over the pairs.")
    iterations: int | None = Field(None, ge=1, description="Batches of pairs in all, instead of epochs.")
    lr: float = Field(3e-4, gt=0, description="Adam's learning rate at the start.")
    lr_decay: float = Field(0.98, gt=0, le=1, description="Factor on the learning rate every `lr_every` steps.")
    lr_every: int = Field(20_000, ge=1, description="Steps between two reductions of the learning rate.")
    lr_floor: float = Field(5e-5, gt=0, description="The learning rate falls no further than this.")

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "small": {"iterations": 60_000},
        # For minutes on one core: many small steps, and a rate that falls within them.
        "demo": {
            "image_size": 48, "width": 16, "batch": 16, "critic_steps": 1, "iterations": 5_000,
            "lr": 2e-3, "lr_decay": 0.8, "lr_every": 700,
        },
    }  # fmt: skip


class PairedTransfer(Method):
    """Trains a generator on pairs, with a critic; how the wanted expression is told is the subclass's."""

    Config: ClassVar[type[MethodConfig]] = TransferConfig
    column: ClassVar[str]
    """The column that carries the expression."""
    channels: ClassVar[int] = 3
    """Of the generator's input."""
    config: TransferConfig

    def __init__(self, config: TransferConfig, info: DataInfo, judges: Judges) -> None:
        super().__init__(config, info, judges)
        generator = TransferGenerator(
            config.image_size,
            expression=self.code_length(),
            person=config.person,
            channels=self.channels,
            width=config.width,
            out_bn=config.out_bn,
        )
        self.networks = nn.ModuleDict({"generator": generator, "critic": LayerNormCritic(config.width)})

    @classmethod
    def needs(cls, config: MethodConfig) -> Needs:
        return Needs(columns=("image", cls.column), image_size=config.image_size, pairs=True)

    @abstractmethod
    def code_length(self) -> int:
        """How long the expression's code is at the generator's bottleneck; 0: it is told otherwise."""

    @abstractmethod
    def generate(self, image: Tensor, condition: Condition) -> Tensor:
        """Eq. 1: the person of `image` with the expression of `condition`."""

    def phases(self) -> list[Phase]:
        iterations = self.config.iterations or epochs(self.config.epochs, rows=self.info.pairs, batch=self.config.batch)
        return [Phase(TRANSFER, iterations, critic_steps=self.config.critic_steps, pairs=True)]

    def optimiser(self, name: str, phase: Phase) -> Adam | None:
        return Adam(self.config.lr)

    def learning_rate(self, step: int, phase: Phase) -> float:
        return max(self.config.lr_decay ** (step // self.config.lr_every), self.config.lr_floor / self.config.lr)

    def critic_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        """Eq. 5 with WGAN-GP's penalty."""
        real, critic = batch["image"], self.critic
        with torch.no_grad():
            fake = self.generate(real, _target(batch))
        # A-001-7: the released code takes the norm over one spatial axis only; this is over C, H and W.
        penalty = gradient_penalty(critic, real, fake, draw.uniform((len(real),)))
        # A-001-6: lambda_adversarial is the generator's alone; on D's own loss Adam would undo it.
        adversarial = wasserstein_critic(critic(real), critic(fake))
        return weigh({"adversarial": (1.0, adversarial), "penalty": (self.config.lambda_gp, penalty)})

    def generator_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        """Eq. 6 and the image reconstruction loss."""
        # A-001-1: L_ir needs the true picture, so the landmarks are those of the same person (k = j).
        fake = self.generate(batch["image"], _target(batch))
        return weigh(
            {
                "image": (self.config.lambda_image, image_reconstruction(batch["target_image"], fake)),
                "adversarial": (self.config.lambda_adversarial, wasserstein_generator(self.critic(fake))),
            }
        )

    @torch.no_grad()
    def edit(self, image: Tensor, source: Condition, target: Condition) -> dict[str, Tensor]:
        """`source` is not asked: the picture shows it."""
        with _evaluating(self.networks):
            return {"image": self.generate(image, target)}

    @torch.no_grad()
    def sample_sheet(self, batch: Batch, draw: Draw) -> Tensor:
        """Columns: input, the true target, its imitation, another person, the input with that person's expression."""
        target = _target(batch)
        other = {key: value.roll(1, 0) for key, value in target.items()}
        with _evaluating(self.networks):
            own = self.generate(batch["image"], target)
            borrowed = self.generate(batch["image"], other)
        return torch.stack([batch["image"], batch["target_image"], own, other["image"], borrowed], dim=1)


class GCGANConfig(TransferConfig):
    """Settings of `gcgan`. The paper's ablations: `lambda_contrastive`, `lambda_geometry` or `lambda_image` at 0."""

    expression: int = Field(32, ge=1, description="Length of z_g, the code of the expression.")
    margin: float = Field(5.0, gt=0, description="m of eq. 4, on the squared distance of two codes.")
    lambda_contrastive: float = Field(1.0, ge=0, description="Weight of L_contr.")
    lambda_geometry: float = Field(1.0, ge=0, description="Weight of L_gr, the reconstruction of the landmarks.")
    labels: Literal["expression", "corpus_label"] = Field(
        "expression", description="Which words L_contr compares; Multi-PIE's squint and scream are a corpus_label only."
    )
    embedding_epochs: int = Field(100, ge=1, description="Passes over the rows in the first phase (not in the paper).")
    embedding_iterations: int | None = Field(None, ge=1, description="Batches in the first phase, instead of epochs.")
    # A-001-8: the released code shifts all landmarks by one random number; the paper does not.
    landmark_offset: float = Field(
        0.0, ge=0, description="Standard deviation of a random shift of all landmark coordinates, in half pictures."
    )

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "small": {**TransferConfig.PRESETS["small"], "embedding_iterations": 20_000},
        # Within one label, expressions differ in strength and in kind; at the paper's weight of 1 a short first phase
        # pulls them together. The wider margin makes the code large enough beside z_i for G to notice it soon.
        # E's steps are cheap but every step counts alike in a run of so many: a quarter is enough for E. Half the
        # paper's picture buys G about twice the steps; the code knows landmarks below the pixel.
        "demo": {
            **TransferConfig.PRESETS["demo"],
            "image_size": 32, "embedding_iterations": 1_700, "lambda_contrastive": 0.02, "margin": 50.0,
        },
    }  # fmt: skip


class GCGAN(PairedTransfer):
    """E first, then G and D with E frozen."""

    name = "gcgan"
    paper = "Qiao et al., Geometry-Contrastive GAN for Facial Expression Transfer, arXiv:1802.01822, 2018"
    Config = GCGANConfig
    column = "landmarks_68"
    config: GCGANConfig
    optimised: Mapping[str, tuple[str, ...]] = {**PairedTransfer.optimised, "embedding": ("embedding",)}

    def __init__(self, config: GCGANConfig, info: DataInfo, judges: Judges) -> None:
        super().__init__(config, info, judges)
        self.networks["embedding"] = LandmarkEmbedding(config.expression)
        self.embeds = False

    @property
    def embedding(self) -> nn.Module:
        """Points (B, 136) -> their code, and the points decoded from it."""
        return self.networks["embedding"]

    @classmethod
    def needs(cls, config: MethodConfig) -> Needs:
        assert isinstance(config, GCGANConfig)
        return Needs(columns=("image", "landmarks_68", config.labels), image_size=config.image_size, pairs=True)

    def code_length(self) -> int:
        return self.config.expression

    def phases(self) -> list[Phase]:
        iterations = self.config.embedding_iterations or epochs(
            self.config.embedding_epochs, rows=self.info.rows, batch=self.config.batch
        )
        return [Phase(EMBEDDING, iterations, critic_steps=0), *super().phases()]

    def optimiser(self, name: str, phase: Phase) -> Adam | None:
        return super().optimiser(name, phase) if (name == "embedding") == (phase.name == EMBEDDING) else None

    def begin(self, phase: Phase) -> None:
        super().begin(phase)
        self.embeds = phase.name == EMBEDDING
        if not self.embeds:
            self.embedding.eval()  # frozen: batch norm by its running statistics

    def generator_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        if phase.name != EMBEDDING:
            return super().generator_step(batch, draw, phase)
        points = self.points(batch["landmarks_68"])
        if self.config.landmark_offset > 0:
            points = points + self.config.landmark_offset * draw.normal((points.shape[0], 1))
        code, decoded = self.embedding(points)
        # The reference is any other row, whoever the person: the batch in random order.
        reference = draw.permutation(points.shape[0])
        label = batch[key_of(self.config.labels)]
        differs = label != label[reference]
        contrastive = contrastive_loss(code, code[reference], differs, self.config.margin)
        return weigh(
            {
                "contrastive": (self.config.lambda_contrastive, contrastive),
                "geometry": (self.config.lambda_geometry, geometry_reconstruction(points, decoded)),
            }
        )

    def points(self, landmarks: Tensor) -> Tensor:
        """(B, 68, 2) in pixels of the picture as (B, 136) in [-1, 1]: x, y, x, y ..."""
        last = self.config.image_size - 1
        return (landmarks.clamp(0, last) / (last / 2) - 1).flatten(1)

    def embed(self, landmarks: Tensor) -> Tensor:
        """z_g (B, expression) of landmarks (B, 68, 2) in pixels of the picture."""
        return self.embedding(self.points(landmarks))[0]

    def generate(self, image: Tensor, condition: Condition) -> Tensor:
        """The condition is `landmarks_68`, or `expression_code`: z_g itself, for walks between two expressions."""
        code = condition["expression_code"] if "expression_code" in condition else self.embed(condition["landmarks_68"])
        return self.generator(image, code)

    @torch.no_grad()
    def sample_sheet(self, batch: Batch, draw: Draw) -> Tensor:
        """In the first phase: the picture, its landmarks, the landmarks decoded from their code."""
        if not self.embeds:
            return super().sample_sheet(batch, draw)
        size = self.config.image_size
        with _evaluating(self.networks):
            _, decoded = self.embedding(self.points(batch["landmarks_68"]))
        decoded = (decoded + 1).reshape(-1, 68, 2) * ((size - 1) / 2)
        maps = [landmark_map(points, size).expand(-1, 3, -1, -1) for points in (batch["landmarks_68"], decoded)]
        return torch.stack([batch["image"], *maps], dim=1)


def contrastive_loss(code: Tensor, reference: Tensor, differs: Tensor, margin: float) -> Tensor:
    """L_contr, eq. 4: codes of one expression together, others a margin apart.

    code, reference: (B, N). differs: (B,) bool, alpha of the paper. The margin is on the squared distance.
    """
    distance = (code - reference).square().sum(1)
    alpha = differs.to(distance.dtype)
    return (alpha / 2 * functional.relu(margin - distance) + (1 - alpha) / 2 * distance).mean()


def geometry_reconstruction(points: Tensor, decoded: Tensor) -> Tensor:
    """L_gr: squared error, summed over the coordinates, mean over the batch."""
    return (points - decoded).square().sum(1).mean()


def image_reconstruction(true: Tensor, fake: Tensor) -> Tensor:
    """L_ir: absolute error, summed over the picture, mean over the batch (as the released code reduces it)."""
    return (true - fake).abs().flatten(1).sum(1).mean()


def landmark_map(landmarks: Tensor, size: int) -> Tensor:
    """(B, 1, size, size): 1 at a landmark, -1 where there is none. Points outside are moved to the edge.

    A point between pixels is shared out over its four neighbours: the released code of SPG rounds, which at 64 pixels
    and less takes away as much as an eyebrow moves. It also has x for the row; here x is the column and y the row.
    """
    points = landmarks.clamp(0, size - 1)
    corner = points.floor().clamp(max=size - 2)
    share, corner = points - corner, corner.long()
    drawn = landmarks.new_zeros((landmarks.shape[0], size * size))
    for down in (0, 1):
        for right in (0, 1):
            weight = (share[..., 1] if down else 1 - share[..., 1]) * (share[..., 0] if right else 1 - share[..., 0])
            drawn = drawn.scatter_add(1, (corner[..., 1] + down) * size + corner[..., 0] + right, weight)
    return 2 * drawn.clamp(max=1).reshape(-1, 1, size, size) - 1


def _target(batch: Batch) -> Batch:
    """What a pair knows of its second picture, under the plain names."""
    return {key.removeprefix("target_"): value for key, value in batch.items() if key.startswith("target_")}


@contextmanager
def _evaluating(networks: nn.ModuleDict) -> Iterator[None]:
    """Batch norm by its running statistics, and afterwards as it was."""
    before = {name: network.training for name, network in networks.items()}
    networks.eval()
    try:
        yield
    finally:
        for name, network in networks.items():
            network.train(before[name])
