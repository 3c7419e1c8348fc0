"""Bringing faces onto an identity network's template."""

import pytest
import torch
from torch import Tensor

from fexdata.training.judges.warp import ARCFACE, OPENFACE, Placement, to_placement

SIDE = 160


def ramps(side: int = SIDE) -> Tensor:
    """(1, 3, side, side): every pixel holds its x and its y, and 0."""
    y, x = torch.meshgrid(torch.arange(float(side)), torch.arange(float(side)), indexing="ij")
    return torch.stack([x, y, 0 * x])[None]


def face(placement: Placement, *, scale: float, turn: float, shift: tuple[float, float]) -> Tensor:
    """(1, 68, 2) landmarks whose groups' means are the template's places, turned, scaled, shifted."""
    places = torch.tensor(placement.places)
    c, s = scale * torch.cos(torch.tensor(turn)), scale * torch.sin(torch.tensor(turn))
    moved = places @ torch.tensor([[c, s], [-s, c]]) + torch.tensor(shift)
    points = torch.zeros(68, 2)
    for group, place in zip(placement.groups, moved, strict=True):
        points[list(group)] = place
    return points[None]


def at(picture: Tensor, place: tuple[float, float]) -> Tensor:
    """Channels of (1, 3, H, W) at x, y between pixels."""
    x, y = int(place[0]), int(place[1])
    u, v = place[0] - x, place[1] - y
    corner = picture[0, :, y : y + 2, x : x + 2]
    return (corner[:, 0, 0] * (1 - u) + corner[:, 0, 1] * u) * (1 - v) + (
        corner[:, 1, 0] * (1 - u) + corner[:, 1, 1] * u
    ) * v


@pytest.mark.parametrize("placement", [ARCFACE, OPENFACE, ARCFACE.at(64)])
def test_landmarks_land_on_the_template(placement: Placement) -> None:
    landmarks = face(placement, scale=1.1, turn=0.2, shift=(25, 8))
    warped = to_placement(ramps(), landmarks, placement)
    assert warped.shape == (1, 3, placement.size, placement.size)
    for group, place in zip(placement.groups, placement.places, strict=True):
        wanted = landmarks[0, list(group)].mean(0)
        torch.testing.assert_close(at(warped, place)[:2], wanted, atol=0.02, rtol=0)


def test_a_stretched_face_is_squeezed_by_the_affine_template_alone() -> None:
    landmarks = face(OPENFACE, scale=1.0, turn=0.0, shift=(10, 10)) * torch.tensor([1.4, 1.0])
    warped = to_placement(ramps(), landmarks, OPENFACE)
    torch.testing.assert_close(at(warped, OPENFACE.places[1])[:2], landmarks[0, 45], atol=0.02, rtol=0)


def test_faces_of_a_batch_are_placed_each_by_its_own_landmarks() -> None:
    both = torch.cat([face(ARCFACE, scale=s, turn=t, shift=(20, 9)) for s, t in ((1.0, 0.3), (1.2, -0.1))])
    together = to_placement(ramps().repeat(2, 1, 1, 1), both, ARCFACE)
    alone = to_placement(ramps(), both[1:], ARCFACE)
    torch.testing.assert_close(together[1:], alone)


def test_gradients_reach_the_picture() -> None:
    picture = ramps().requires_grad_()
    to_placement(picture, face(ARCFACE, scale=1, turn=0, shift=(20, 20)), ARCFACE).sum().backward()
    assert picture.grad is not None and float(picture.grad.abs().sum()) > 1e3
