"""Who somebody is, learnt from subjects."""

import itertools
import math

import pytest
import torch
from gan_steps import train

from fexdata.errors import FexdataError
from fexdata.training.judges.embedder import Embedder, EmbedderConfig, angular_margin_loss
from fexdata.training.judges.warp import ARCFACE
from fexdata.training.method import Batch, DataInfo, Draw, Phase

SUBJECTS = 3


def made() -> Embedder:
    torch.manual_seed(0)
    config = EmbedderConfig(image_size=32, face=32, width=4, numbers=8, batch=6)
    return Embedder(config, DataInfo(32, 6, subjects=SUBJECTS), {})


def people() -> Batch:
    """Six faces of three people, told apart by their colour."""
    subject = torch.arange(6) % SUBJECTS
    colour = torch.eye(3)[subject] * 1.2 - 0.6
    noise = Draw(0, 0, "noise").uniform((6, 3, 32, 32), -0.2, 0.2)
    points = torch.zeros(68, 2)
    for group, place in zip(ARCFACE.groups, ARCFACE.at(32).places, strict=True):
        points[list(group)] = torch.tensor(place)
    return {"image": colour[:, :, None, None] + noise, "subject": subject, "landmarks_68": points.repeat(6, 1, 1)}


def test_margin_is_added_to_the_own_angle() -> None:
    cosines = torch.tensor([[math.cos(0.5), math.cos(1.0)]])
    own, other = 10 * math.cos(0.5 + 0.2), 10 * math.cos(1.0)
    wanted = -math.log(math.exp(own) / (math.exp(own) + math.exp(other)))
    found = angular_margin_loss(cosines, torch.tensor([0]), scale=10, margin=0.2)
    assert float(found) == pytest.approx(wanted, rel=1e-5)


def test_loss_falls_as_the_face_turns_to_its_own_direction() -> None:
    angles = torch.linspace(math.pi - 0.01, 0.01, 20)
    cosines = torch.stack([angles.cos(), torch.zeros(20)], dim=1)
    losses = [float(angular_margin_loss(row[None], torch.tensor([0]), scale=5, margin=0.3)) for row in cosines]
    assert all(later < earlier for earlier, later in itertools.pairwise(losses))


def test_faces_of_one_person_come_together() -> None:
    method, batch = made(), people()
    phase = Phase("learn", 40, critic_steps=0)
    history = train(
        method, lambda draw: method.generator_step(batch, draw, phase), optimiser="network", steps=40, lr=3e-3
    )
    assert float(history[-1]["margin"]) < 0.5 * float(history[0]["margin"])
    method.networks.eval()
    embedding = method.judge()(batch["image"], batch["landmarks_68"]).detach()
    likeness = embedding @ embedding.T
    same = batch["subject"][:, None] == batch["subject"]
    assert float(likeness[same].min()) > float(likeness[~same].max())


def test_sheet_shows_the_face_itself_first() -> None:
    method, batch = made(), people()
    method.networks.eval()
    sheet = method.sample_sheet(batch, Draw(0, 0))
    assert sheet.shape == (6, 6, 3, 32, 32)
    torch.testing.assert_close(sheet[:, 0], method._aligned(batch))


def test_dataset_without_subjects_is_refused() -> None:
    with pytest.raises(FexdataError, match="who is who"):
        Embedder(EmbedderConfig(), DataInfo(32, 6), {})
