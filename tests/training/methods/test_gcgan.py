"""GC-GAN and its baselines: each loss by hand, what each phase trains, and that small runs learn."""

from __future__ import annotations

from typing import Any

import method_batches as made
import pytest
import torch

from fexdata.training.method import Draw, Phase
from fexdata.training.methods.cdaae import CDAAE
from fexdata.training.methods.gcgan import (
    GCGAN,
    GCGANConfig,
    PairedTransfer,
    TransferConfig,
    contrastive_loss,
    geometry_reconstruction,
    image_reconstruction,
    landmark_map,
)
from fexdata.training.methods.spg import SPG

SIZE = 32
TINY: dict[str, Any] = {"image_size": SIZE, "batch": 4, "width": 4, "person": 8, "critic_steps": 1}


def gcgan(**settings: Any) -> GCGAN:
    torch.manual_seed(0)
    return GCGAN(GCGANConfig(**{**TINY, "expression": 4, **settings}), made.info(SIZE), {})


def transfer(kind: type[PairedTransfer], **settings: Any) -> PairedTransfer:
    torch.manual_seed(0)
    return gcgan(**settings) if kind is GCGAN else kind(TransferConfig(**{**TINY, **settings}), made.info(SIZE), {})


def test_contrastive_loss_by_hand() -> None:
    code, reference = torch.tensor([[1.0, 0.0], [1.0, 0.0], [3.0, 0.0]]), torch.zeros(3, 2)
    # Same: 1/2 of 1. Differs: 1/2 of (5 - 1). Differs and farther than the margin on the square: 0.
    loss = contrastive_loss(code, reference, torch.tensor([False, True, True]), 5.0)
    assert loss == pytest.approx((0.5 + 2.0 + 0.0) / 3)


def test_contrastive_loss_draws_one_expression_together_and_two_apart() -> None:
    near, far, reference = torch.full((1, 2), 0.1), torch.full((1, 2), 1.0), torch.zeros(1, 2)
    same, differs = torch.tensor([False]), torch.tensor([True])
    assert contrastive_loss(near, reference, same, 5.0) < contrastive_loss(far, reference, same, 5.0)
    assert contrastive_loss(near, reference, differs, 5.0) > contrastive_loss(far, reference, differs, 5.0)


def test_reconstructions_are_summed_over_a_row_and_averaged_over_the_batch() -> None:
    assert geometry_reconstruction(torch.full((2, 136), 0.5), torch.zeros(2, 136)) == pytest.approx(136 * 0.25)
    assert image_reconstruction(torch.full((2, 3, 4, 4), -0.5), torch.zeros(2, 3, 4, 4)) == pytest.approx(48 * 0.5)


def test_landmarks_become_x_y_pairs_from_minus_one_to_one() -> None:
    landmarks = torch.zeros(1, 68, 2)
    landmarks[0, 1] = torch.tensor([31.0, 15.5])
    landmarks[0, 2] = torch.tensor([40.0, -3.0])  # outside: moved to the edge
    points = gcgan().points(landmarks)
    assert points.shape == (1, 136)
    assert points[0, :6].tolist() == pytest.approx([-1, -1, 1, 0, 1, -1])


def test_the_landmark_map_has_x_to_the_right_and_y_down() -> None:
    landmarks = torch.full((1, 68, 2), -9.0)
    landmarks[0, 0] = torch.tensor([5.0, 2.0])
    drawn = landmark_map(landmarks, 8)
    assert drawn.shape == (1, 1, 8, 8)
    assert drawn[0, 0, 2, 5] == 1 and drawn[0, 0, 0, 0] == 1
    assert (drawn == -1).sum() == 62


def test_a_landmark_between_pixels_is_shared_out_over_them() -> None:
    landmarks = torch.full((1, 68, 2), 7.0)
    landmarks[0, 0] = torch.tensor([5.25, 2.5])
    ink = (landmark_map(landmarks, 8)[0, 0] + 1) / 2
    assert ink[2:4, 5:7].tolist() == [[0.375, 0.125], [0.375, 0.125]]
    assert ink[7, 7] == 1 and (ink > 0).sum() == 5


def test_the_first_phase_trains_the_embedding_alone_and_the_second_leaves_it() -> None:
    method = gcgan()
    first, second = method.phases()
    assert (first.critic_steps, first.pairs, second.pairs) == (0, False, True)
    trained = [{name for name in method.optimised if method.optimiser(name, phase)} for phase in (first, second)]
    assert trained == [{"embedding"}, {"critic", "generator"}]
    method.begin(second)
    batch = made.paired(4, SIZE)
    before = {name: value.clone() for name, value in method.embedding.state_dict().items()}
    method.critic_step(batch, Draw(0, 0), second)
    method.generator_step(batch, Draw(0, 0), second)
    assert all(torch.equal(value, before[name]) for name, value in method.embedding.state_dict().items())


def test_multi_pies_own_words_can_be_what_the_embedding_tells_apart() -> None:
    method = gcgan(lambda_geometry=0.0, labels="corpus_label")
    assert "corpus_label" in GCGAN.needs(method.config).columns
    batch = made.single(6, SIZE)
    batch["corpus_label"] = torch.tensor([0, 0, 0, 1, 1, 2])
    del batch["label"]
    method.begin(method.phases()[0])
    code, order = method.embed(batch["landmarks_68"]), Draw(0, 5).permutation(6)
    differs = batch["corpus_label"] != batch["corpus_label"][order]
    losses = method.generator_step(batch, Draw(0, 5), method.phases()[0])
    assert losses["contrastive"].item() == pytest.approx(contrastive_loss(code, code[order], differs, 5.0).item())


def test_the_references_are_the_batch_in_the_drawn_order() -> None:
    method = gcgan(lambda_geometry=0.0)
    method.begin(method.phases()[0])
    batch = made.single(6, SIZE)
    batch["label"] = torch.tensor([0, 0, 0, 1, 1, 2])
    losses = method.generator_step(batch, Draw(0, 5), method.phases()[0])
    code, order = method.embed(batch["landmarks_68"]), Draw(0, 5).permutation(6)
    expected = contrastive_loss(code, code[order], batch["label"] != batch["label"][order], 5.0)
    assert losses["total"].item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("kind", [GCGAN, SPG, CDAAE])
def test_the_totals_weigh_the_papers_terms(kind: type[PairedTransfer]) -> None:
    method = transfer(kind)
    phase, batch = method.phases()[-1], made.paired(4, SIZE)
    method.begin(phase)
    losses = method.generator_step(batch, Draw(0, 0), phase)
    assert losses["total"].item() == pytest.approx(losses["image"].item() + 1e-3 * losses["adversarial"].item())
    target = {name: batch[f"target_{name}"] for name in ("landmarks_68", "label")}
    made_of_target = method.generate(batch["image"], target)
    assert losses["adversarial"].item() == pytest.approx(-method.critic(made_of_target).mean().item(), abs=1e-4)
    losses = method.critic_step(batch, Draw(0, 0), phase)
    expected = losses["adversarial"].item() + 10 * losses["penalty"].item()
    assert losses["total"].item() == pytest.approx(expected, rel=1e-5)


def test_the_target_is_told_by_what_each_method_says() -> None:
    batch = made.paired(4, SIZE)
    for kind, key in [(GCGAN, "landmarks_68"), (SPG, "landmarks_68"), (CDAAE, "label")]:
        method = transfer(kind)
        image = batch["image"]
        own = method.edit(image, batch, {key: batch[key]})["image"]
        changed = {key: (batch[key] + 1) % 3 if key == "label" else batch["target_landmarks_68"]}
        assert own.shape == image.shape
        assert (own - method.edit(image, batch, changed)["image"]).abs().max() > 1e-6, kind


def test_a_code_may_be_given_in_the_landmarks_place() -> None:
    method = gcgan()
    batch = made.single(2, SIZE)
    method.networks.eval()
    by_code = method.edit(batch["image"], {}, {"expression_code": method.embed(batch["landmarks_68"])})
    assert torch.equal(by_code["image"], method.edit(batch["image"], {}, batch)["image"])


def test_an_edit_uses_running_statistics_and_leaves_the_mode_as_it_was() -> None:
    method = transfer(SPG)
    method.begin(method.phases()[0])
    batch = made.single(3, SIZE)
    together = method.edit(batch["image"], batch, batch)["image"]
    alone = method.edit(batch["image"][:1], batch, {"landmarks_68": batch["landmarks_68"][:1]})["image"]
    assert torch.allclose(together[:1], alone, atol=1e-6)
    assert method.generator.training


def test_the_rate_falls_by_two_percent_and_stops_at_the_floor() -> None:
    method, phase = gcgan(), Phase("transfer", 10_000_000)
    assert method.learning_rate(19_999, phase) == 1
    assert method.learning_rate(40_000, phase) == pytest.approx(0.98**2)
    assert 3e-4 * method.learning_rate(9_999_999, phase) == pytest.approx(5e-5)


@pytest.mark.parametrize("kind", [GCGAN, SPG, CDAAE])
def test_every_step_is_finite(kind: type[PairedTransfer]) -> None:
    made.every_step_is_finite(transfer(kind), 2, SIZE)


def test_the_embedding_learns_to_tell_expressions_apart() -> None:
    method = gcgan()
    wanted = torch.rand(3, 68, 2, generator=torch.Generator().manual_seed(1)) * 31
    batches = []
    for seed in range(4):
        batch = made.single(24, SIZE, seed=seed)
        batch["landmarks_68"] = wanted[batch["label"]] + 0.3 * torch.randn(24, 68, 2)
        batches.append(batch)
    made.train(method, method.phases()[0], batches[:3], steps=40, lr=5e-3)
    method.networks.eval()
    code, label = method.embed(batches[3]["landmarks_68"]), batches[3]["label"]
    distance = torch.cdist(code, code).square()
    same = label[:, None] == label
    assert distance[~same].min() > 2 * distance[same].max()


@pytest.mark.parametrize("kind", [GCGAN, SPG, CDAAE])
def test_transfer_learns_a_pair(kind: type[PairedTransfer]) -> None:
    method = transfer(kind)
    batch = made.paired(4, SIZE)
    batch["target_image"] = torch.nn.functional.avg_pool2d(batch["image"], 9, 1, 4)
    history = made.train(method, method.phases()[-1], [batch], steps=25, lr=5e-3)
    assert history[-1]["image"] < 0.7 * history[0]["image"]


def test_pictures_of_48_pixels_come_out_whole() -> None:
    """16 divides them, 32 does not: the critic's map is then rounded up."""
    method = SPG(TransferConfig(**{**TINY, "image_size": 48}), made.info(48), {})
    assert method.generate(torch.zeros(2, 3, 48, 48), {"landmarks_68": torch.zeros(2, 68, 2)}).shape == (2, 3, 48, 48)
    assert method.critic(torch.zeros(2, 3, 48, 48)).shape == (2, 1, 2, 2)
