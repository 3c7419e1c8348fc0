"""StarGAN with a second opinion from geometry.

Bodur, Bhattarai and Kim, 3D Dense Geometry-Guided Facial Expression Synthesis by Adversarial
Learning, WACV 2021. Two phases. `depth` (stage A) teaches a network to read depth, or normals, off
a face. `joint` (stage B) trains StarGAN for expressions, and reads the geometry off what it makes:
a critic of geometry says whether a face of that shape exists and which expression the shape shows.

The geometry network is one StarGAN generator whose condition is the domain to go to: (1, 0) for
geometry, (0, 1) for RGB (A-000-7); it never sees the expression. Departures from the printed
equations: A-000-1 to 11, each at its line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import one_hot

from fexdata.errors import FexdataError
from fexdata.training.losses.adversarial import (
    gradient_penalty,
    logistic_critic,
    logistic_generator,
    wasserstein_critic,
    wasserstein_generator,
)
from fexdata.training.losses.condition import class_entropy, class_error
from fexdata.training.losses.picture import l1_error
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
from fexdata.training.methods.shared import GanConfig, weigh
from fexdata.training.networks.stargan import PatchCritic, StarGanGenerator

Terms = dict[str, tuple[float, Tensor]]

DEPTH_PHASE: Final = "depth"
JOINT_PHASE: Final = "joint"
TO_GEOMETRY: Final = (1.0, 0.0)
TO_RGB: Final = (0.0, 1.0)


class DenseGeometryConfig(GanConfig):
    """Settings of `dense-geometry`.

    The paper sets its weights by cross-validation and reports none. lambda_class, lambda_rec and
    lambda_gp are StarGAN's; lambda_pix, lambda_per and conf_beta are ours.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        # A-000-5: the row without penalty of table 1 equals table 3's at 0.1, so table 1 was probably run at 0.1.
        "table1": {"depth_weight": 0.1},
        "small": {
            "image_size": 128, "width": 32, "critic_width": 32,
            "pretrain_iterations": 30_000, "iterations": 60_000, "decay_iterations": 15_000,
        },
        # For minutes on one core, as StarGAN's.
        "demo": {
            "image_size": 32, "batch": 8, "pretrain_batch": 8, "width": 16, "blocks": 6, "critic_width": 16,
            "critic_layers": 4, "lr": 7e-4, "critic_steps": 2, "lambda_rec": 100.0, "lambda_pix": 50.0,
            "pretrain_iterations": 600, "iterations": 3_400, "decay_iterations": 1_100,
        },
    }  # fmt: skip

    # A-000-9: "cropped to 256"; StarGAN's recipe for RaFD then resizes to 128, which fits the paper's GPUs.
    image_size: int = Field(256, ge=8, multiple_of=4, description="Height and width of the pictures, pixels.")
    batch: int = Field(8, ge=1, description="Rows per batch and device, end to end.")
    pretrain_batch: int = Field(
        15, ge=1, description="Rows per batch and device while the depth network is pre-trained."
    )
    blocks: int = Field(6, ge=0, description="Residual blocks of both generators.")
    geometry: Literal["depth", "normal"] = Field("depth", description="Which map guides: depth, or surface normals.")
    adversarial: Literal["wgan-gp", "vanilla"] = Field(
        "wgan-gp", description="wgan-gp, as StarGAN's code; vanilla: the logistic loss that eqs. 1 and 5 print."
    )
    # A-000-8: the paper's 200k and 300k "epochs" of 87k pictures are out of reach; they are iterations.
    pretrain_iterations: int = Field(200_000, ge=0, description="Critic steps of stage A; 0: no stage A.")
    iterations: int = Field(300_000, ge=1, description="Critic steps of stage B.")
    decay_iterations: int = Field(100_000, ge=0, description="The last of each stage, over which the rate falls to 0.")
    decay_stairs: int = Field(100, ge=1, description="Stairs in which it falls: every 1,000 of 100,000 iterations.")
    lambda_class: float = Field(1.0, ge=0, description="Weight of the classification losses.")
    lambda_rec: float = Field(10.0, ge=0, description="Weight of both reconstruction losses.")
    lambda_pix: float = Field(10.0, ge=0, description="Weight of the error to the true geometry, stage A.")
    lambda_per: float = Field(1.0, ge=0, description="Weight of the perceptual error to the true geometry, stage A.")
    # A-000-4: the paper calls both of these beta.
    depth_weight: float = Field(0.3, ge=0, description="Weight of geometry in the generators' loss; 0 is StarGAN.")
    conf_beta: float = Field(0.1, ge=0, description="Strength of the confidence penalty; 0 switches it off.")
    penalty_on: Literal["real", "generated", "both"] = Field(
        "real", description="Whose classification the confidence penalty relaxes, always in the critic's loss."
    )
    freeze_depth: bool = Field(False, description="Keep the geometry network of stage A fixed in stage B.")
    perceptual: str = Field("vgg19", description="Network of the perceptual loss; `none` switches the loss off.")

    def judges(self) -> dict[str, str]:
        wanted = self.perceptual != "none" and self.pretrain_iterations > 0
        return {"perceptual": self.perceptual} if wanted else {}


class DenseGeometry(Method):
    """G_rgb(x, c) edits, G_depth reads geometry; D_rgb and D_depth give a score per patch and logits of the classes.

    In the code `generator` is G_rgb and `critic` D_rgb.
    """

    name = "dense-geometry"
    paper = "Bodur, Bhattarai and Kim, 3D Dense Geometry-Guided Facial Expression Synthesis, WACV 2021"
    Config = DenseGeometryConfig
    config: DenseGeometryConfig
    optimised: Mapping[str, tuple[str, ...]] = {
        "critic": ("critic", "depth_critic"),
        "generator": ("generator",),
        "depth": ("depth",),
    }
    averaged: tuple[str, ...] = ("generator", "depth")

    def __init__(self, config: DenseGeometryConfig, info: DataInfo, judges: Judges) -> None:
        super().__init__(config, info, judges)
        self.classes = len(info.expressions)
        if self.classes < 2:
            raise FexdataError("dense-geometry needs rows of at least two expressions; label the dataset")
        wide, layers = config.critic_width, config.critic_layers
        generator = StarGanGenerator(3 + self.classes, width=config.width, blocks=config.blocks)
        critic = PatchCritic(config.image_size, self.classes, width=wide, layers=layers)
        # Depth is shown to both as three equal channels, so that depth and normals share one network.
        depth = StarGanGenerator(3 + 2, width=config.width, blocks=config.blocks)
        depth_critic = PatchCritic(config.image_size, self.classes, width=wide, layers=layers)
        self.networks = nn.ModuleDict(
            {"generator": generator, "critic": critic, "depth": depth, "depth_critic": depth_critic}
        )
        self.pretraining = False

    @property
    def depth(self) -> nn.Module:
        """G_depth: a picture and the domain to go to -> a picture."""
        return self.networks["depth"]

    @property
    def depth_critic(self) -> nn.Module:
        """D_depth: geometry of three channels -> `Verdict`."""
        return self.networks["depth_critic"]

    @classmethod
    def needs(cls, config: MethodConfig) -> Needs:
        assert isinstance(config, DenseGeometryConfig)
        return Needs(("image", "expression", config.geometry), config.image_size)

    def phases(self) -> list[Phase]:
        config = self.config
        both = [
            Phase(DEPTH_PHASE, config.pretrain_iterations, config.critic_steps, batch=config.pretrain_batch),
            Phase(JOINT_PHASE, config.iterations, config.critic_steps),
        ]
        return [phase for phase in both if phase.iterations]

    def begin(self, phase: Phase) -> None:
        super().begin(phase)
        self.pretraining = phase.name == DEPTH_PHASE

    def optimiser(self, name: str, phase: Phase) -> Adam | None:
        joint = phase.name == JOINT_PHASE
        # A-000-10: "min over G_rgb, G_depth" of the overall objective trains both; freezing is an option.
        if (name == "generator" and not joint) or (name == "depth" and joint and self.config.freeze_depth):
            return None
        return Adam(self.config.rate_of(name), betas=(self.config.beta1, self.config.beta2))

    def learning_rate(self, step: int, phase: Phase) -> float:
        planned = self.config.iterations if phase.name == JOINT_PHASE else self.config.pretrain_iterations
        decay = phase.iterations * min(1.0, self.config.decay_iterations / planned)
        fallen = step - (phase.iterations - decay)
        if fallen < 0 or decay == 0:
            return 1.0
        return 1 - int(fallen / decay * self.config.decay_stairs) / self.config.decay_stairs

    def critic_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        """D_depth, and in stage B D_rgb."""
        penalty = self.config.adversarial == "wgan-gp" and not self.config.gp_separate_step
        terms: Terms = {}
        for prefix, critic, real, fake in self._judged(batch, draw, phase):
            terms |= self._critic_terms(prefix, critic, real, fake, batch["label"])
            if penalty:
                terms[prefix + "penalty"] = self._penalty(critic, real, fake, draw)
        return weigh(terms)

    def penalty_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses | None:
        if self.config.adversarial != "wgan-gp" or not self.config.gp_separate_step:
            return None
        return weigh(
            {
                prefix + "penalty": self._penalty(critic, real, fake, draw)
                for prefix, critic, real, fake in self._judged(batch, draw, phase)
            }
        )

    def generator_step(self, batch: Batch, draw: Draw, phase: Phase) -> Losses:
        if phase.name == DEPTH_PHASE:
            return weigh(self._pretraining_terms(batch))
        image, label = batch["image"], batch["label"]
        target = self._targets(label, draw)
        fake = self.generator(image, self._one_hot(target))
        terms = self._generator_terms("", self.critic, fake, target, weight=1.0)  # eqs. 1, 2
        again = self.generator(fake, self._one_hot(label))
        terms["reconstruction"] = (self.config.lambda_rec, l1_error(again, image))  # eq. 3
        # A-000-6: the text gives the weight to the adversarial and class loss, but only if it gates the
        # reconstruction, too, is a weight of 0 StarGAN.
        weight = self.config.depth_weight
        geometry = self.to_geometry(fake)
        terms |= self._generator_terms("depth_", self.depth_critic, geometry, target, weight=weight)  # eqs. 5, 6
        # What is to be reconstructed is a given: without the stop, G_rgb could learn faces that are easy to guess.
        error = l1_error(self.to_rgb(geometry), fake.detach())  # eq. 7
        terms["depth_reconstruction"] = (weight * self.config.lambda_rec, error)
        return weigh(terms)

    def to_geometry(self, image: Tensor) -> Tensor:
        """G_depth: pictures (B, 3, H, W) to geometry of three channels."""
        return self.depth(image, image.new_tensor(TO_GEOMETRY).expand(len(image), -1))

    def to_rgb(self, geometry: Tensor) -> Tensor:
        """G'_depth: geometry of three channels to pictures."""
        return self.depth(geometry, geometry.new_tensor(TO_RGB).expand(len(geometry), -1))

    def predict_geometry(self, image: Tensor) -> Tensor:
        """Geometry of pictures as a `Batch` has it: depth (B, 1, H, W) in [-1, 1], or unit normals
        (B, 3, H, W), 0 where the network sees no face."""
        made = self.to_geometry(image)
        if self.config.geometry == "depth":
            return made.mean(1, keepdim=True)
        length = torch.linalg.vector_norm(made, dim=1, keepdim=True)
        return torch.where(length > 0.5, made / length.clamp_min(0.5), torch.zeros_like(made))

    def edit(self, image: Tensor, source: Condition, target: Condition) -> dict[str, Tensor]:
        """target: `label`. Gives `image` and its predicted `depth` or `normal`. The source's label is not used."""
        edited = self.generator(image, self._one_hot(target["label"]))
        return {"image": edited, self.config.geometry: self.predict_geometry(edited)}

    @torch.no_grad()
    def sample_sheet(self, batch: Batch, draw: Draw) -> Tensor:
        """Stage A: input, true geometry, predicted geometry, the picture guessed back from it.

        Stage B: two rows an input, the second the geometry of the first: input, then every class in order.
        """
        image = batch["image"]
        if self.pretraining:
            made = self.to_geometry(image)
            return torch.stack([image, self._true(batch), made, self.to_rgb(made)], dim=1)
        labels = [torch.full_like(batch["label"], index) for index in range(self.classes)]
        shown = [image, *(self.generator(image, self._one_hot(label)) for label in labels)]
        return torch.stack([torch.stack([face, self.to_geometry(face)], dim=1) for face in shown], dim=2).flatten(0, 1)

    def _judged(self, batch: Batch, draw: Draw, phase: Phase) -> list[tuple[str, nn.Module, Tensor, Tensor]]:
        """What the critics have before them: prefix of the terms' names, critic, real and generated."""
        image = batch["image"]
        with torch.no_grad():
            if phase.name == DEPTH_PHASE:
                return [("depth_", self.depth_critic, self._true(batch), self.to_geometry(image))]
            fake = self.generator(image, self._one_hot(self._targets(batch["label"], draw)))
            return [
                ("", self.critic, image, fake),
                ("depth_", self.depth_critic, self._true(batch), self.to_geometry(fake)),
            ]

    def _critic_terms(self, prefix: str, critic: nn.Module, real: Tensor, fake: Tensor, label: Tensor) -> Terms:
        """Eqs. 1 and 2 (or 5 and 6) as the critic minimises them, with eq. 11's penalty on geometry."""
        truth, made = critic(real), critic(fake)
        # A-000-3: eqs. 1 and 5 print a logistic loss; the code that the paper builds on, and so the comparison
        # with StarGAN, is WGAN-GP.
        adversarial = wasserstein_critic if self.config.adversarial == "wgan-gp" else logistic_critic
        # A-000-1: eqs. 2 and 6 minimise log-likelihood, which would unlearn the classes: cross-entropy is meant.
        terms = {
            prefix + "adversarial": (1.0, adversarial(truth.score, made.score)),
            prefix + "class": (self.config.lambda_class, class_error(truth.condition, label)),
        }
        if prefix and self.config.conf_beta > 0:
            # A-000-2: the penalty is CE - beta H: with eq. 11's first sign put right, the second stays as printed.
            # A-000-11: eq. 11 prints it for generated geometry, the text for the critic; real by default.
            on = {"real": [truth], "generated": [made], "both": [truth, made]}[self.config.penalty_on]
            entropy = torch.stack([class_entropy(verdict.condition) for verdict in on]).sum()
            terms[prefix + "entropy"] = (-self.config.lambda_class * self.config.conf_beta, entropy)
        return terms

    def _generator_terms(self, prefix: str, critic: nn.Module, fake: Tensor, label: Tensor, *, weight: float) -> Terms:
        """Eqs. 1 and 2 (or 5 and 6) as a generator minimises them. No entropy: it would reward ambiguous faces."""
        judged = critic(fake)
        adversarial = wasserstein_generator if self.config.adversarial == "wgan-gp" else logistic_generator
        return {
            prefix + "adversarial": (weight, adversarial(judged.score)),
            prefix + "class": (weight * self.config.lambda_class, class_error(judged.condition, label)),
        }

    def _pretraining_terms(self, batch: Batch) -> Terms:
        """Stage A: eqs. 5 to 7 on pictures with known geometry, and eqs. 9 and 10."""
        config, image, true = self.config, batch["image"], self._true(batch)
        made = self.to_geometry(image)
        # A-000-2: the label of I_s is y_s, where eq. 11 prints y_t.
        terms = self._generator_terms("depth_", self.depth_critic, made, batch["label"], weight=1.0)
        terms["depth_reconstruction"] = (config.lambda_rec, l1_error(self.to_rgb(made), image))
        terms["pixel"] = (config.lambda_pix, l1_error(made, true))
        if "perceptual" in self.judges:
            terms["perceptual"] = (config.lambda_per, perceptual_error(self.judges["perceptual"], made, true))
        return terms

    def _penalty(self, critic: nn.Module, real: Tensor, fake: Tensor, draw: Draw) -> tuple[float, Tensor]:
        penalty = gradient_penalty(lambda x: critic(x).score, real, fake, draw.uniform((len(real),)))
        return self.config.lambda_gp, penalty

    def _true(self, batch: Batch) -> Tensor:
        return batch[self.config.geometry].expand(-1, 3, -1, -1)

    def _one_hot(self, label: Tensor) -> Tensor:
        return one_hot(label, self.classes).float()

    def _targets(self, label: Tensor, draw: Draw) -> Tensor:
        """Wanted classes: the batch's own, permuted."""
        return label[draw.permutation(len(label))]


def perceptual_error(network: nn.Module, made: Tensor, true: Tensor) -> Tensor:
    """Eq. 10: the sum over layers of the mean absolute difference of features.

    network: pictures (B, 3, H, W) in [-1, 1] to a sequence of feature maps.
    """
    with torch.no_grad():
        wanted = network(true)
    return torch.stack([l1_error(mine, theirs) for mine, theirs in zip(network(made), wanted, strict=True)]).sum()
